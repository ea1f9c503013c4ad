/* The cluster protocol, the side of those who are no members: a client says hello to one
 * member at a time and calls it, a joiner presents its invite. The other side is calls.c.
 */
#include "inner.h"

static debros_bytes our_cluster(const struct dbr_core *core)
{
    return dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE);
}

/* ---- A member to talk to
 * -------------------------------------------------- */

static bool is_bootstrap(const struct dbr_core *core, const struct dbr_peer_id *peer)
{
    for (size_t i = 0; i < core->n_bootstrap; i++) {
        struct dbr_peer_id id;
        if (dbr_multiaddr_peer(&core->bootstrap[i], &id) &&
            dbr_peer_id_equal(&id, peer)) {
            return true;
        }
    }
    return false;
}

static void send_join(struct dbr_core *core, dbr_time now)
{
    struct dbr_keypair key;
    uint8_t signature[DBR_SIGNATURE_SIZE];
    const struct dbr_keypair *operator_key = core->config.operator_key;
    struct dbr_cluster_frame frame = {.id = 1, .kind = DBR_CLUSTER_JOIN};
    if (operator_key != NULL) {
        frame.operator_key = dbr_bytes(operator_key->public_key, DBR_PUBLIC_KEY_SIZE);
    }
    dbr_keypair_from_seed(&key, core->invite.seed);
    dbr_invite_sign(signature, &key, core->invite.cluster_id, &core->self,
                    frame.operator_key);
    frame.invite_key = dbr_bytes(key.public_key, DBR_PUBLIC_KEY_SIZE);
    frame.signature = dbr_bytes(signature, sizeof(signature));
    dbr_calls_send(core, core->upstream, &frame, now);
    dbr_keypair_wipe(&key);
}

/* Turns to `peer` unless another member has our ear already. */
static void turn_to(struct dbr_core *core, const struct dbr_peer_id *peer, dbr_time now)
{
    struct dbr_cluster_frame hello = {.id = 1, .kind = DBR_CLUSTER_HELLO};
    if (core->upstream != 0 || core->is_stopping ||
        dbr_swarm_open(core->swarm, &core->upstream, peer, DBR_PROTOCOL_CLUSTER, now) !=
            0) {
        return;
    }
    if (core->config.mode == DBR_CORE_JOINER) {
        send_join(core, now);
    } else {
        dbr_calls_send(core, core->upstream, &hello, now);
    }
}

static void turn_to_any(struct dbr_core *core, dbr_time now)
{
    for (size_t i = 0; core->upstream == 0 && i < core->n_bootstrap; i++) {
        struct dbr_peer_id peer;
        if (dbr_multiaddr_peer(&core->bootstrap[i], &peer) &&
            dbr_swarm_is_connected(core->swarm, &peer)) {
            turn_to(core, &peer, now);
        }
    }
}

static void set_ready(struct dbr_core *core)
{
    struct dbr_effect effect = {.type = DBR_CORE_READY};
    if (!core->is_ready) {
        core->is_ready = true;
        dbr_core_effect(core, &effect);
    }
}

void dbr_client_start(struct dbr_core *core, dbr_time now)
{
    for (size_t i = 0; i < core->n_bootstrap; i++) {
        struct dbr_peer_id peer;
        struct dbr_ticket *ticket =
            dbr_ticket_create(core, DBR_TICKET_REACH, DBR_TIME_NEVER);
        if (ticket == NULL) {
            continue;
        }
        dbr_multiaddr_peer(&core->bootstrap[i], &peer);
        dbr_swarm_set_class(core->swarm, &peer, DBR_PEER_MEMBER, now);
        dbr_swarm_add_addr(core->swarm, &peer, &core->bootstrap[i]);
        dbr_swarm_connect(core->swarm, &core->bootstrap[i], ticket->token, now);
        core->n_reaching++;
    }
    if (core->n_bootstrap == 0) {
        set_ready(core); /* nobody to wait for: ping and identify work */
    }
}

/* The first dial of one member has ended. */
void dbr_client_reached(struct dbr_core *core, const struct dbr_swarm_event *event,
                        dbr_time now)
{
    core->n_reaching--;
    if (event->status == 0) {
        dbr_client_connected(core, &event->peer, now);
    } else if (core->n_reaching == 0 && core->upstream == 0 && !core->is_ready) {
        dbr_core_fatal(core, event->status, "no member can be reached: %s",
                       event->detail);
    }
}

void dbr_client_connected(struct dbr_core *core, const struct dbr_peer_id *peer,
                          dbr_time now)
{
    if (core->config.mode != DBR_CORE_MEMBER && is_bootstrap(core, peer)) {
        turn_to(core, peer, now);
    }
}

void dbr_client_disconnected(struct dbr_core *core, const struct dbr_peer_id *peer,
                             dbr_time now)
{
    if (core->config.mode != DBR_CORE_MEMBER && dbr_peer_id_equal(&core->route, peer)) {
        core->route = (struct dbr_peer_id){0};
        turn_to_any(core, now);
    }
}

/* ---- Calls
 * ----------------------------------------------------------------- */

static void send_call(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    const struct dbr_request *request = ticket->request;
    struct dbr_cluster_frame frame = {
        .id = ticket->token,
        .kind = DBR_CLUSTER_CALL,
        .call = (uint32_t)request->type,
        .target = request->target,
        .ttl_s = request->ttl_s,
        .timeout_ms = ticket->deadline > now ? (uint32_t)(ticket->deadline - now) : 1};
    ticket->state = DBR_TICKET_FORWARDED;
    int err = dbr_calls_send(core, core->upstream, &frame, now);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, "the call cannot be sent", now);
    }
}

void dbr_client_forward(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    ticket->state = DBR_TICKET_WAITING;
    if (!dbr_peer_id_is_none(&core->route)) {
        send_call(core, ticket, now);
    } else if (core->n_bootstrap == 0) {
        dbr_ticket_done(core, ticket, DEBROS_ESTATE,
                        "this client knows no member: give it an address", now);
    }
}

static void forward_waiting(struct dbr_core *core, dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->kind == DBR_TICKET_REQUEST && ticket->state == DBR_TICKET_WAITING) {
            send_call(core, ticket, now);
        }
    }
}

static void keep_members(struct dbr_core *core, dbr_time now)
{
    for (size_t i = 0; i < core->n_bootstrap; i++) {
        struct dbr_peer_id peer;
        if (dbr_multiaddr_peer(&core->bootstrap[i], &peer)) {
            dbr_swarm_keep(core->swarm, &peer, true, now);
        }
    }
}

static void recv_hello_reply(struct dbr_core *core, const struct dbr_swarm_event *event,
                             const struct dbr_cluster_frame *frame, dbr_time now)
{
    static const uint8_t any[DBR_CLUSTER_ID_SIZE];
    char peer[DBR_PEER_ID_TEXT_SIZE];
    char self[DBR_PEER_ID_TEXT_SIZE];
    dbr_peer_id_text(&event->peer, peer);
    if (memcmp(core->config.cluster_id, any, sizeof(any)) != 0 &&
        !dbr_bytes_equal(frame->cluster_id, our_cluster(core))) {
        dbr_core_fatal(core, DEBROS_EAUTH, "%s belongs to another cluster", peer);
        return;
    }
    if (frame->cls == DBR_PEER_STRANGER) {
        dbr_core_fatal(core, DEBROS_EACCES,
                       "%s does not list the key %s: use the operator key of its cluster",
                       peer, dbr_peer_id_text(&core->self, self));
        return;
    }
    core->route = event->peer;
    keep_members(core, now);
    set_ready(core);
    forward_waiting(core, now);
}

static void take_result(struct dbr_request *request, const struct dbr_call_result *result)
{
    request->node_status = (debros_status *)(uintptr_t)result->node;
    request->peers = (debros_peer *)(uintptr_t)result->peers;
    request->n_peers = result->n_peers;
    request->names = (const char **)(uintptr_t)result->names;
    request->n_names = result->n_names;
    request->text = result->text;
    request->rtt_us = result->rtt_us;
    request->health = (debros_health *)(uintptr_t)result->health;
}

/* The answer is decoded into the request's own arena. */
static void recv_call_reply(struct dbr_core *core, struct dbr_ticket *ticket,
                            debros_bytes message, dbr_time now)
{
    struct dbr_cluster_frame frame;
    struct dbr_request *request = ticket->request;
    int err = dbr_cluster_frame_decode(&frame, &request->arena, message);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, "the member's answer is malformed", now);
        return;
    }
    take_result(request, &frame.result);
    dbr_ticket_done(core, ticket, frame.result.status, frame.result.detail, now);
}

static void add_joined(struct dbr_core *core, const struct dbr_multiaddr *addr)
{
    struct dbr_peer_id peer;
    if (!dbr_multiaddr_peer(addr, &peer) ||
        core->joined.n_members == DBR_INVITE_MAX_MEMBERS) {
        return;
    }
    for (size_t i = 0; i < core->joined.n_members; i++) {
        if (dbr_multiaddr_equal(&core->joined_members[i], addr)) {
            return;
        }
    }
    core->joined_members[core->joined.n_members++] = *addr;
}

static void recv_join_reply(struct dbr_core *core, const struct dbr_cluster_frame *frame)
{
    if (frame->status != 0) {
        dbr_core_fatal(core, frame->status, "the cluster refused: %s", frame->detail);
        return;
    }
    if (!dbr_bytes_equal(frame->cluster_id, dbr_bytes(core->invite.cluster_id, 16))) {
        dbr_core_fatal(core, DEBROS_EAUTH,
                       "the member that answered is of another cluster");
        return;
    }
    if (core->is_joined) {
        return;
    }
    core->is_joined = true;
    memcpy(core->joined.cluster_id, core->invite.cluster_id, DBR_CLUSTER_ID_SIZE);
    for (size_t i = 0; i < frame->n_members; i++) {
        add_joined(core, &frame->members[i]);
    }
    for (size_t i = 0; i < core->invite.n_members; i++) {
        add_joined(core, &core->invite.members[i]);
    }
    core->joined.members = core->joined_members;
    struct dbr_effect effect = {.type = DBR_CORE_JOINED, .joined = &core->joined};
    dbr_core_effect(core, &effect);
}
/* ---- Frames
 * ---------------------------------------------------------------------
 */

void dbr_client_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                     const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_ticket *ticket;
    switch (frame->kind) {
    case DBR_CLUSTER_HELLO_REPLY:
        recv_hello_reply(core, event, frame, now);
        break;
    case DBR_CLUSTER_JOIN_REPLY:
        recv_join_reply(core, frame);
        break;
    case DBR_CLUSTER_CALL_REPLY:
        ticket = dbr_ticket_find(core, frame->id);
        if (ticket != NULL && ticket->state == DBR_TICKET_FORWARDED) {
            recv_call_reply(core, ticket, event->message, now);
        }
        break;
    default:
        dbr_swarm_reset(core->swarm, event->stream, now);
        break;
    }
}

void dbr_client_stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                              dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    char peer[DBR_PEER_ID_TEXT_SIZE];
    core->upstream = 0;
    core->route = (struct dbr_peer_id){0};
    if (event->status == DEBROS_EPROTO) {
        dbr_core_fatal(core, DEBROS_EPROTO, "%s is no node of a debros cluster",
                       dbr_peer_id_text(&event->peer, peer));
        return;
    }
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->state == DBR_TICKET_FORWARDED) {
            dbr_ticket_done(core, ticket, DEBROS_EUNREACHABLE,
                            "the connection to the member was lost", now);
        }
    }
    if (!core->is_ready && core->n_reaching == 0) {
        dbr_core_fatal(core, DEBROS_EUNREACHABLE, "%s closed the connection",
                       dbr_peer_id_text(&event->peer, peer));
        return;
    }
    turn_to_any(core, now);
}
