/* The cluster protocol. A member answers: hello, join, and calls that it runs for
 * clients. A client says hello to one member at a time and calls it; a joiner presents
 * its invite. */
#include "base/alloc.h"
#include "inner.h"

#define FRAME_ARENA_MAX     (16u << 20)
#define CALL_TIMEOUT_MAX_MS 600000

static int send_frame(struct dbr_core *core, uint64_t stream,
                      const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_buf out = {0};
    dbr_cluster_frame_encode(&out, frame);
    int err = out.failed ? DEBROS_ENOMEM
                         : dbr_swarm_send(core->swarm, stream,
                                          dbr_bytes(out.data, out.len), now);
    dbr_buf_finish(&out);
    return err;
}

static debros_bytes our_cluster(const struct dbr_core *core)
{
    return dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE);
}

/* ---- The member's side: answers
 * -------------------------------------------------------- */

static void answer_hello(struct dbr_core *core, uint64_t stream, uint64_t id,
                         enum dbr_peer_class cls, dbr_time now)
{
    struct dbr_cluster_frame reply = {.id = id,
                                      .kind = DBR_CLUSTER_HELLO_REPLY,
                                      .cluster_id = our_cluster(core),
                                      .cls = (uint32_t)cls};
    send_frame(core, stream, &reply, now);
}

/* Whom we do not know now we may know in a moment: a node that starts, or lags behind,
 * has not read the whole table yet. */
static void recv_hello(struct dbr_core *core, const struct dbr_swarm_event *event,
                       uint64_t id, enum dbr_peer_class cls, dbr_time now)
{
    struct dbr_ticket *ticket = NULL;
    if (cls == DBR_PEER_STRANGER) {
        ticket = dbr_ticket_create(core, DBR_TICKET_HELLO,
                                   dbr_time_add(now, DBR_HELLO_PATIENCE_MS));
    }
    if (ticket == NULL) {
        answer_hello(core, event->stream, id, cls, now);
        return;
    }
    ticket->stream = event->stream;
    ticket->id = id;
    ticket->peer = event->peer;
}

void dbr_calls_hello_due(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_peer_info info = {0};
    dbr_swarm_peer_info(core->swarm, &ticket->peer, &info);
    answer_hello(core, ticket->stream, ticket->id, info.cls, now);
    dbr_ticket_destroy(core, ticket);
}

void dbr_calls_members_changed(struct dbr_core *core, dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->kind == DBR_TICKET_HELLO &&
            dbr_members_find(&core->members, &ticket->peer) != NULL) {
            dbr_calls_hello_due(core, ticket, now);
        }
    }
}

static void answer_join(struct dbr_core *core, uint64_t stream, uint64_t id, int status,
                        const char *detail, dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_MEMBER_ADDRS];
    struct dbr_cluster_frame reply = {.id = id,
                                      .kind = DBR_CLUSTER_JOIN_REPLY,
                                      .status = status,
                                      .detail = detail,
                                      .cluster_id = our_cluster(core),
                                      .members = addrs};
    reply.n_members =
        status == 0 ? dbr_membership_addrs(core, addrs, DBR_MEMBER_ADDRS) : 0;
    send_frame(core, stream, &reply, now);
}

/* Strangers may knock, but each knock costs a log entry. */
static bool too_many_joins(const struct dbr_core *core)
{
    size_t n = 0;
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        n += ticket->kind == DBR_TICKET_JOIN;
    }
    return n >= DBR_JOINS_MAX;
}

static void recv_join(struct dbr_core *core, const struct dbr_swarm_event *event,
                      const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_commands commands;
    struct dbr_arena arena;
    struct dbr_peer_id operator_id = {0};
    if (!dbr_invite_verify(frame->signature, frame->invite_key.data,
                           core->config.cluster_id, &event->peer, frame->operator_key)) {
        answer_join(
            core, event->stream, frame->id, DEBROS_EACCES,
            "the invite's signature is wrong: it is for another cluster or damaged", now);
        return;
    }
    if (too_many_joins(core)) {
        answer_join(core, event->stream, frame->id, DEBROS_EBUSY,
                    "others are joining: try again later", now);
        return;
    }
    if (frame->operator_key.len != 0) {
        dbr_peer_id_from_key(&operator_id, frame->operator_key.data);
    }
    dbr_time deadline = dbr_time_add(now, DBR_INTERNAL_TIMEOUT_MS);
    struct dbr_ticket *ticket = dbr_ticket_create(core, DBR_TICKET_JOIN, DBR_TIME_NEVER);
    dbr_arena_init(&arena, 0);
    dbr_commands_init(&commands, &arena);
    dbr_commands_join(&commands, frame->invite_key.data, &event->peer, &operator_id);
    int err = ticket == NULL || commands.failed
                  ? DEBROS_ENOMEM
                  : dbr_sql_exec(core->sql, ticket->token, DBR_SQL_SYSTEM_NAMESPACE,
                                 commands.statements, commands.n, commands.expect, true,
                                 deadline, now);
    dbr_arena_finish(&arena);
    if (err != 0) {
        dbr_ticket_destroy(core, ticket);
        answer_join(core, event->stream, frame->id, err, "try again later", now);
        return;
    }
    ticket->stream = event->stream;
    ticket->id = frame->id;
    ticket->peer = event->peer;
}

void dbr_calls_join_done(struct dbr_core *core, struct dbr_ticket *ticket,
                         const struct dbr_sql_reply *reply, dbr_time now)
{
    if (reply == NULL) {
        answer_join(core, ticket->stream, ticket->id, DEBROS_ENOMEM, "out of memory",
                    now);
    } else if (reply->status == DEBROS_ECONFLICT) {
        answer_join(core, ticket->stream, ticket->id, DEBROS_EACCES,
                    "the invite is unknown, used or expired: ask for a new one "
                    "(debros invite)",
                    now);
    } else {
        answer_join(core, ticket->stream, ticket->id, reply->status, reply->detail, now);
    }
}

/* ---- The member's side: calls
 * ------------------------------------------------------------- */

static bool may_be_called(uint32_t type)
{
    return type == DBR_REQUEST_STATUS || type == DBR_REQUEST_PEERS ||
           type == DBR_REQUEST_CONNECT || type == DBR_REQUEST_NS_CREATE ||
           type == DBR_REQUEST_NS_LIST || type == DBR_REQUEST_INVITE;
}

static void answer_call(struct dbr_core *core, uint64_t stream, uint64_t id, int status,
                        const char *detail, dbr_time now)
{
    struct dbr_cluster_frame reply = {.id = id, .kind = DBR_CLUSTER_CALL_REPLY};
    reply.result.status = status;
    reply.result.detail = detail;
    send_frame(core, stream, &reply, now);
}

static void recv_call(struct dbr_core *core, const struct dbr_swarm_event *event,
                      const struct dbr_cluster_frame *frame, enum dbr_peer_class cls,
                      dbr_time now)
{
    if (cls == DBR_PEER_STRANGER) {
        answer_call(core, event->stream, frame->id, DEBROS_EACCES,
                    "this key is not listed in the cluster", now);
        return;
    }
    uint32_t timeout = frame->timeout_ms != 0 && frame->timeout_ms < CALL_TIMEOUT_MAX_MS
                           ? frame->timeout_ms
                           : DBR_INTERNAL_TIMEOUT_MS;
    struct dbr_request *request = dbr_calloc(1, sizeof(*request));
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_REQUEST, dbr_time_add(now, timeout));
    const char *target =
        request != NULL ? dbr_arena_strdup(&request->arena, frame->target) : NULL;
    if (ticket == NULL || target == NULL || !may_be_called(frame->call)) {
        answer_call(core, event->stream, frame->id,
                    may_be_called(frame->call) ? DEBROS_ENOMEM : DEBROS_EINVAL,
                    "the member does not know this call", now);
        dbr_ticket_destroy(core, ticket);
        if (request != NULL) {
            dbr_arena_finish(&request->arena);
        }
        dbr_free(request);
        return;
    }
    request->type = (enum dbr_request_type)frame->call;
    request->target = target;
    request->ttl_s = frame->ttl_s;
    request->deadline = ticket->deadline;
    ticket->request = request;
    ticket->stream = event->stream;
    ticket->id = frame->id;
    dbr_request_run(core, ticket, now);
}

void dbr_calls_answer(struct dbr_core *core, const struct dbr_ticket *ticket,
                      dbr_time now)
{
    const struct dbr_request *request = ticket->request;
    struct dbr_cluster_frame reply = {.id = ticket->id, .kind = DBR_CLUSTER_CALL_REPLY};
    reply.result = (struct dbr_call_result){.status = request->status,
                                            .detail = request->detail,
                                            .node = request->node_status,
                                            .peers = request->peers,
                                            .n_peers = request->n_peers,
                                            .names = request->names,
                                            .n_names = request->n_names,
                                            .text = request->text,
                                            .rtt_us = request->rtt_us};
    int err = send_frame(core, ticket->stream, &reply, now);
    if (err != 0 && err != DEBROS_ENOTFOUND) {
        answer_call(core, ticket->stream, ticket->id, DEBROS_ELIMIT,
                    "the answer is too large", now);
    }
}

/* ---- The client's side: a member to talk to
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
    send_frame(core, core->upstream, &frame, now);
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
        send_frame(core, core->upstream, &hello, now);
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

void dbr_calls_start(struct dbr_core *core, dbr_time now)
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
void dbr_calls_reached(struct dbr_core *core, const struct dbr_swarm_event *event,
                       dbr_time now)
{
    core->n_reaching--;
    if (event->status == 0) {
        dbr_calls_connected(core, &event->peer, now);
    } else if (core->n_reaching == 0 && core->upstream == 0 && !core->is_ready) {
        dbr_core_fatal(core, event->status, "no member can be reached: %s",
                       event->detail);
    }
}

void dbr_calls_connected(struct dbr_core *core, const struct dbr_peer_id *peer,
                         dbr_time now)
{
    if (core->config.mode != DBR_CORE_MEMBER && is_bootstrap(core, peer)) {
        turn_to(core, peer, now);
    }
}

void dbr_calls_disconnected(struct dbr_core *core, const struct dbr_peer_id *peer,
                            dbr_time now)
{
    if (core->config.mode != DBR_CORE_MEMBER && dbr_peer_id_equal(&core->route, peer)) {
        core->route = (struct dbr_peer_id){0};
        turn_to_any(core, now);
    }
}

/* ---- The client's side: calls
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
    int err = send_frame(core, core->upstream, &frame, now);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, "the call cannot be sent", now);
    }
}

void dbr_calls_forward(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
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

static void recv_answer(struct dbr_core *core, const struct dbr_swarm_event *event,
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

static void recv_question(struct dbr_core *core, const struct dbr_swarm_event *event,
                          const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_peer_info info = {0};
    dbr_swarm_peer_info(core->swarm, &event->peer, &info);
    switch (frame->kind) {
    case DBR_CLUSTER_HELLO:
        recv_hello(core, event, frame->id, info.cls, now);
        break;
    case DBR_CLUSTER_JOIN:
        recv_join(core, event, frame, now);
        break;
    case DBR_CLUSTER_CALL:
        recv_call(core, event, frame, info.cls, now);
        break;
    default:
        dbr_swarm_reset(core->swarm, event->stream, now);
        break;
    }
}

void dbr_calls_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                    dbr_time now)
{
    struct dbr_arena arena;
    struct dbr_cluster_frame frame;
    dbr_arena_init(&arena, FRAME_ARENA_MAX);
    if (dbr_cluster_frame_decode(&frame, &arena, event->message) != 0) {
        dbr_swarm_reset(core->swarm, event->stream, now);
    } else if (event->stream == core->upstream) {
        recv_answer(core, event, &frame, now);
    } else if (core->config.mode == DBR_CORE_MEMBER) {
        recv_question(core, event, &frame, now);
    } else {
        dbr_swarm_reset(core->swarm, event->stream, now);
    }
    dbr_arena_finish(&arena);
}

static void upstream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
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

void dbr_calls_stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                             dbr_time now)
{
    if (event->stream == core->upstream) {
        upstream_closed(core, event, now);
        return;
    }
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->stream == event->stream) {
            ticket->stream = UINT64_MAX; /* a stream that nobody has: nobody to tell */
        }
    }
}
