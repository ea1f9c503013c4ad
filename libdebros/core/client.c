/* The cluster protocol, the side of those who are no members: a client says hello to a
 * few members and calls one of them, a joiner presents its invite to one after the other.
 * Both go on until the connect timeout; a client that serves goes on for ever. The other
 * side is calls.c. */
#include <stdarg.h>
#include <stdio.h>

#include "inner.h"

#define GREET_MS     5000  /* a member answers our hello */
#define JOIN_MS      15000 /* or our invite, which takes a log entry */
#define SUSPECT_MS   10000 /* one that was too slow is not asked first for so long */
#define GROW_MS      1000  /* a client that lives longer gets its other connections */
#define EXPLAIN_SIZE 400

static const uint8_t any_cluster[DBR_CLUSTER_ID_SIZE];

static debros_bytes our_cluster(const struct dbr_core *core)
{
    return dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE);
}

static bool is_joiner(const struct dbr_core *core)
{
    return core->config.mode == DBR_CORE_JOINER;
}

static size_t pool_size(const struct dbr_core *core)
{
    return is_joiner(core) ? 1
                           : core->config.pool; /* one member at a time has the invite */
}

static void set_ready(struct dbr_core *core)
{
    struct dbr_effect effect = {.type = DBR_CORE_READY};
    if (!core->is_ready) {
        core->is_ready = true;
        dbr_core_effect(core, &effect);
    }
}

/* ---- Who serves us --------------------------------------------------------- */

static void choose_route(struct dbr_core *core, dbr_time now)
{
    struct dbr_contact *best =
        dbr_contacts_best(&core->contacts, &core->leader, &core->route, now);
    core->route = best != NULL ? best->peer : (struct dbr_peer_id){0};
    if (best == NULL) {
        core->grow_at = now;
    }
}

/* What may be asked twice. */
static bool may_repeat(const struct dbr_request *request)
{
    return request->type == DBR_REQUEST_STATUS || request->type == DBR_REQUEST_PEERS ||
           request->type == DBR_REQUEST_NS_LIST || request->type == DBR_REQUEST_CONNECT;
}

/* The calls that `peer` has will not be answered. */
static void take_calls_back(struct dbr_core *core, const struct dbr_peer_id *peer,
                            dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->state != DBR_TICKET_FORWARDED ||
            !dbr_peer_id_equal(&ticket->peer, peer)) {
            continue;
        }
        if (may_repeat(ticket->request) && ticket->sends < core->config.attempts) {
            ticket->state = DBR_TICKET_WAITING;
        } else {
            dbr_ticket_done(core, ticket, DEBROS_EUNREACHABLE,
                            "the connection to the member was lost", now);
        }
    }
}

static void give_up(struct dbr_core *core)
{
    char why[EXPLAIN_SIZE];
    int status = dbr_contacts_hopeless(&core->contacts);
    if (status != 0 && !core->is_ready && !core->is_joined) {
        dbr_contacts_explain(&core->contacts, why, sizeof(why));
        dbr_core_fatal(core, status, "%s", why);
    }
}

static void send_waiting(struct dbr_core *core, dbr_time now);

/* The talk with a member ends, or did not begin. */
static void failed(struct dbr_core *core, struct dbr_contact *contact, int status,
                   const char *why, dbr_time now)
{
    bool was_ready = contact->state == DBR_CONTACT_READY;
    dbr_log(core->config.logger, DEBROS_LOG_INFO, "core", "member: %s", why);
    dbr_contact_failed(contact, status, why, core->config.retry_delay_ms, core->rng, now);
    take_calls_back(core, &contact->peer, now);
    if (was_ready) {
        choose_route(core, now);
        send_waiting(core, now);
    }
    give_up(core);
}

__attribute__((format(printf, 5, 6))) static void drop(struct dbr_core *core,
                                                       struct dbr_contact *contact,
                                                       int status, dbr_time now,
                                                       const char *format, ...)
{
    char why[EXPLAIN_SIZE];
    struct dbr_peer_id peer = contact->peer;
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    failed(core, contact, status, why, now);
    dbr_swarm_disconnect(core->swarm, &peer, now);
}

/* Where the contact is, for people. */
static const char *place(const struct dbr_contact *contact,
                         char text[DBR_MULTIADDR_TEXT_SIZE])
{
    return dbr_multiaddr_text(&contact->addrs[contact->next_addr], text);
}

/* ---- First words ------------------------------------------------------------ */

static int send_join(struct dbr_core *core, uint64_t stream, dbr_time now)
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
    int err = dbr_calls_send(core, stream, &frame, now);
    dbr_keypair_wipe(&key);
    return err;
}

static void greet(struct dbr_core *core, struct dbr_contact *contact, dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    struct dbr_cluster_frame hello = {.id = 1, .kind = DBR_CLUSTER_HELLO};
    int err = dbr_swarm_open(core->swarm, &contact->stream, &contact->peer,
                             DBR_PROTOCOL_CLUSTER, now);
    contact->state = DBR_CONTACT_GREETING;
    contact->until = dbr_time_add(now, is_joiner(core) ? JOIN_MS : GREET_MS);
    if (err == 0) {
        err = is_joiner(core) ? send_join(core, contact->stream, now)
                              : dbr_calls_send(core, contact->stream, &hello, now);
    }
    if (err != 0) {
        drop(core, contact, err, now, "%s: %s", place(contact, text),
             debros_strerror(err));
    }
}

static void dial(struct dbr_core *core, struct dbr_contact *contact, dbr_time now)
{
    struct dbr_ticket *ticket = dbr_ticket_create(core, DBR_TICKET_REACH, DBR_TIME_NEVER);
    if (ticket == NULL) {
        contact->until = dbr_time_add(now, core->config.retry_delay_ms);
        return;
    }
    ticket->peer = contact->peer;
    contact->state = DBR_CONTACT_DIALING;
    dbr_swarm_set_class(core->swarm, &contact->peer, DBR_PEER_MEMBER, now);
    dbr_swarm_connect(core->swarm, &contact->addrs[contact->next_addr], ticket->token,
                      now);
}

void dbr_client_reached(struct dbr_core *core, const struct dbr_peer_id *peer,
                        const struct dbr_swarm_event *event, dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_find(&core->contacts, peer);
    if (contact == NULL || contact->state != DBR_CONTACT_DIALING) {
        return;
    }
    if (event->status == 0) {
        greet(core, contact, now);
    } else {
        failed(core, contact, event->status, event->detail, now);
    }
}

void dbr_client_connected(struct dbr_core *core, const struct dbr_peer_id *peer,
                          dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_find(&core->contacts, peer);
    if (contact != NULL && contact->state == DBR_CONTACT_DIALING) {
        greet(core, contact, now);
    }
}

static void lost(struct dbr_core *core, struct dbr_contact *contact, int status,
                 dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    char why[EXPLAIN_SIZE];
    snprintf(why, sizeof(why), "%.300s: %s", place(contact, text),
             status == DEBROS_EPROTO ? "no node of a debros cluster"
                                     : "the connection was lost");
    failed(core, contact, status == DEBROS_EPROTO ? status : DEBROS_EUNREACHABLE, why,
           now);
}

void dbr_client_disconnected(struct dbr_core *core, const struct dbr_peer_id *peer,
                             dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_find(&core->contacts, peer);
    if (contact != NULL && contact->stream != 0) {
        lost(core, contact, DEBROS_EUNREACHABLE, now);
    }
}

bool dbr_client_stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                              dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_of_stream(&core->contacts, event->stream);
    if (contact == NULL) {
        return false;
    }
    lost(core, contact, event->status, now);
    return true;
}

/* ---- Calls ------------------------------------------------------------------ */

static void send_call(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    const struct dbr_contact *contact = dbr_contacts_find(&core->contacts, &core->route);
    const struct dbr_request *request = ticket->request;
    struct dbr_cluster_frame frame = {
        .id = ticket->token,
        .kind = DBR_CLUSTER_CALL,
        .call = (uint32_t)request->type,
        .target = request->target,
        .ttl_s = request->ttl_s,
        .timeout_ms = ticket->deadline > now ? (uint32_t)(ticket->deadline - now) : 1};
    ticket->state = DBR_TICKET_FORWARDED;
    ticket->peer = core->route;
    ticket->sends++;
    int err = contact == NULL ? DEBROS_EUNREACHABLE
                              : dbr_calls_send(core, contact->stream, &frame, now);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, "the call cannot be sent", now);
    }
}

void dbr_client_forward(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    ticket->state = DBR_TICKET_WAITING;
    if (!dbr_peer_id_is_none(&core->route)) {
        send_call(core, ticket, now);
    } else if (core->contacts.n == 0) {
        dbr_ticket_done(core, ticket, DEBROS_ESTATE,
                        "this client knows no member: give it an address", now);
    }
}

static void send_waiting(struct dbr_core *core, dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    if (dbr_peer_id_is_none(&core->route)) {
        return;
    }
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->kind == DBR_TICKET_REQUEST && ticket->state == DBR_TICKET_WAITING) {
            send_call(core, ticket, now);
        }
    }
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

/* ---- Answers to our first words ----------------------------------------------- */

static void recv_hello_reply(struct dbr_core *core, struct dbr_contact *contact,
                             const struct dbr_cluster_frame *frame, dbr_time now)
{
    char peer[DBR_PEER_ID_TEXT_SIZE];
    char self[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_peer_id id = contact->peer;
    dbr_peer_id_text(&id, peer);
    if (memcmp(core->config.cluster_id, any_cluster, sizeof(any_cluster)) != 0 &&
        !dbr_bytes_equal(frame->cluster_id, our_cluster(core))) {
        drop(core, contact, DEBROS_EAUTH, now, "%s belongs to another cluster", peer);
        return;
    }
    if (frame->cls == DBR_PEER_STRANGER) {
        drop(core, contact, DEBROS_EACCES, now,
             "%s does not list the key %s: use the operator key of its cluster", peer,
             dbr_peer_id_text(&core->self, self));
        return;
    }
    memcpy(core->config.cluster_id, frame->cluster_id.data, DBR_CLUSTER_ID_SIZE);
    if (contact->state == DBR_CONTACT_GREETING) {
        dbr_contact_ready(contact);
    }
    dbr_contacts_learn(&core->contacts, frame->listed, frame->n_listed);
    if (frame->term >= core->leader_term && !dbr_peer_id_is_none(&frame->leader)) {
        core->leader = frame->leader;
        core->leader_term = frame->term;
    }
    if (!core->is_ready) {
        core->grow_at = dbr_time_add(now, GROW_MS);
    }
    choose_route(core, now);
    set_ready(core);
    send_waiting(core, now);
}

void dbr_client_redirected(struct dbr_core *core, const struct dbr_peer_id *leader,
                           const struct dbr_multiaddr *addrs, size_t n_addrs,
                           dbr_time now)
{
    for (size_t i = 0; i < n_addrs; i++) {
        struct dbr_peer_id peer;
        if (dbr_multiaddr_peer(&addrs[i], &peer) && dbr_peer_id_equal(&peer, leader)) {
            dbr_contacts_add(&core->contacts, &addrs[i]);
        }
    }
    core->leader = *leader;
    core->grow_at = now;
    choose_route(core, now);
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

/* Another member, or this one later, may say something else. */
static bool may_change_its_mind(int status)
{
    return status == DEBROS_EBUSY || status == DEBROS_EQUORUM ||
           status == DEBROS_ETIMEDOUT || status == DEBROS_ENOTLEADER ||
           status == DEBROS_EUNREACHABLE || status == DEBROS_ENOSPC;
}

static void recv_join_reply(struct dbr_core *core, struct dbr_contact *contact,
                            const struct dbr_cluster_frame *frame, dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    if (frame->status != 0 && may_change_its_mind(frame->status)) {
        drop(core, contact, frame->status, now, "%.200s: the cluster refused: %s",
             place(contact, text), frame->detail);
        return;
    }
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
    dbr_contact_ready(contact);
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

bool dbr_client_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                     const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_of_stream(&core->contacts, event->stream);
    struct dbr_ticket *ticket;
    if (contact == NULL) {
        return false;
    }
    switch (frame->kind) {
    case DBR_CLUSTER_HELLO_REPLY:
        recv_hello_reply(core, contact, frame, now);
        break;
    case DBR_CLUSTER_JOIN_REPLY:
        recv_join_reply(core, contact, frame, now);
        break;
    case DBR_CLUSTER_CALL_REPLY:
        ticket = dbr_ticket_find(core, frame->id);
        if (ticket != NULL && ticket->state == DBR_TICKET_FORWARDED &&
            dbr_peer_id_equal(&ticket->peer, &contact->peer)) {
            recv_call_reply(core, ticket, event->message, now);
        }
        break;
    default:
        dbr_swarm_reset(core->swarm, event->stream, now);
        break;
    }
    return true;
}

/* ---- Time ------------------------------------------------------------------- */

void dbr_client_start(struct dbr_core *core, dbr_time now)
{
    core->connect_by = dbr_time_add(now, core->config.connect_ms);
    core->grow_at = now;
    for (size_t i = 0; i < core->n_bootstrap; i++) {
        struct dbr_contact *contact =
            dbr_contacts_add(&core->contacts, &core->bootstrap[i]);
        if (contact != NULL) {
            contact->given = true;
        }
    }
    if (core->contacts.n == 0) {
        set_ready(core); /* nobody to wait for: ping and identify work */
    }
    dbr_client_expire(core, now);
}

/* Somebody else could serve what the route's member is slow at. */
static bool has_choice(const struct dbr_core *core, dbr_time now)
{
    for (size_t i = 0; i < core->contacts.n; i++) {
        const struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_READY && contact->suspect_until <= now &&
            !dbr_peer_id_equal(&contact->peer, &core->route)) {
            return true;
        }
    }
    return false;
}

static dbr_time stall_at(const struct dbr_core *core, dbr_time now)
{
    dbr_time since = core->sql != NULL ? dbr_sql_waits_since(core->sql) : DBR_TIME_NEVER;
    return since != DBR_TIME_NEVER && has_choice(core, now)
               ? dbr_time_add(since, core->config.retry_delay_ms)
               : DBR_TIME_NEVER;
}

/* A member may live and be of no use, say on the wrong side of a partition. */
static void turn_from_the_slow(struct dbr_core *core, dbr_time now)
{
    struct dbr_contact *slow = dbr_contacts_find(&core->contacts, &core->route);
    if (slow != NULL) {
        slow->suspect_until = dbr_time_add(now, SUSPECT_MS);
        choose_route(core, now);
    }
}

static bool may_grow(const struct dbr_core *core, dbr_time now)
{
    return !core->is_stopping && !core->is_joined && core->grow_at <= now &&
           dbr_contacts_active(&core->contacts) < pool_size(core);
}

/* The leader deserves a connection more than one who only waits. */
static void make_room(struct dbr_core *core, dbr_time now)
{
    const struct dbr_contact *leader = dbr_contacts_find(&core->contacts, &core->leader);
    if (leader == NULL || leader->state != DBR_CONTACT_IDLE || leader->until > now ||
        core->grow_at > now || pool_size(core) < 2 ||
        dbr_contacts_active(&core->contacts) < pool_size(core)) {
        return;
    }
    for (size_t i = 0; i < core->contacts.n; i++) {
        struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_READY &&
            !dbr_peer_id_equal(&contact->peer, &core->route)) {
            contact->state = DBR_CONTACT_IDLE;
            contact->stream = 0;
            contact->until = dbr_time_add(now, core->config.retry_delay_ms);
            dbr_swarm_disconnect(core->swarm, &contact->peer, now);
            return;
        }
    }
}

static void drop_silent(struct dbr_core *core, dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    for (size_t i = 0; i < core->contacts.n; i++) {
        struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_GREETING && contact->until <= now) {
            drop(core, contact, DEBROS_ETIMEDOUT, now, "%.200s: connected, but no answer",
                 place(contact, text));
        }
    }
}

dbr_time dbr_client_deadline(const struct dbr_core *core)
{
    dbr_time at = core->is_ready || core->is_joined ? DBR_TIME_NEVER : core->connect_by;
    dbr_time idle = dbr_contacts_deadline(&core->contacts);
    const struct dbr_contact *leader = dbr_contacts_find(&core->contacts, &core->leader);
    bool wants_leader = leader != NULL && leader->state == DBR_CONTACT_IDLE;
    if (core->is_fatal) {
        return DBR_TIME_NEVER;
    }
    for (size_t i = 0; i < core->contacts.n; i++) {
        const struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_GREETING) {
            at = dbr_time_min(at, contact->until);
        }
    }
    if (core->is_stopping || core->is_joined) {
        return at;
    }
    if (dbr_contacts_active(&core->contacts) < pool_size(core)) {
        at = dbr_time_min(at, idle > core->grow_at ? idle : core->grow_at);
    } else if (wants_leader && pool_size(core) > 1) {
        at = dbr_time_min(at,
                          leader->until > core->grow_at ? leader->until : core->grow_at);
    }
    return dbr_time_min(at, stall_at(core, core->now));
}

void dbr_client_expire(struct dbr_core *core, dbr_time now)
{
    char why[EXPLAIN_SIZE];
    if (!core->is_ready && !core->is_joined && core->connect_by <= now) {
        dbr_contacts_explain(&core->contacts, why, sizeof(why));
        dbr_core_fatal(core, DEBROS_EUNREACHABLE,
                       "no member could be reached in %u ms: %s", core->config.connect_ms,
                       why);
    }
    if (core->is_fatal) {
        return;
    }
    drop_silent(core, now);
    if (stall_at(core, now) <= now) {
        turn_from_the_slow(core, now);
    }
    make_room(core, now);
    struct dbr_contact *next;
    while (may_grow(core, now) &&
           (next = dbr_contacts_next(&core->contacts, &core->leader, now)) != NULL) {
        dial(core, next, now);
    }
}

void dbr_client_explain(const struct dbr_core *core, char *out, size_t size)
{
    dbr_contacts_explain(&core->contacts, out, size);
}
