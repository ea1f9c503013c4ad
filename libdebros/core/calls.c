/* The cluster protocol, a member's side: it answers hello, join, and the calls that it
 * runs for clients. The other side is client.c with its files. */
#include "base/alloc.h"
#include "base/failpoint.h"
#include "inner.h"

#define FRAME_ARENA_MAX     (16u << 20)
#define CALL_TIMEOUT_MAX_MS 600000

int dbr_calls_send(struct dbr_core *core, uint64_t stream,
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
/* ---- Hello and join
 * -------------------------------------------------------- */

static bool is_voter(const struct dbr_consensus_status *status,
                     const struct dbr_peer_id *peer)
{
    uint64_t id = dbr_server_id(peer);
    for (size_t i = 0; i < status->n_servers; i++) {
        if (status->servers[i].id == id) {
            return status->servers[i].role == DBR_SERVER_VOTER;
        }
    }
    return false;
}

/* What a member offers, as far as it has said so to us. */
static size_t list_services(const struct dbr_core *core, const struct dbr_peer_id *peer,
                            const char *names[DBR_SERVICES])
{
    enum dbr_service services[DBR_SERVICES];
    struct dbr_peer_info info;
    size_t n = 0;
    if (dbr_peer_id_equal(peer, &core->self)) {
        const char *protocols[DBR_PROTOCOLS];
        size_t n_protocols = dbr_core_offered(core, protocols);
        n = dbr_services_of(core, protocols, n_protocols, services);
    } else if (dbr_swarm_peer_info(core->swarm, peer, &info)) {
        n = dbr_services_of(core, info.protocols, info.n_protocols, services);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = dbr_service_name(services[i]);
    }
    return n;
}

static bool votes_here(const struct dbr_core *core,
                       const struct dbr_consensus_status *status,
                       const struct dbr_peer_id *peer)
{
    return is_voter(status, peer) || dbr_learner_knows_voter(core, peer);
}

/* The voters, then the others, as far as there is room; members have the table, and need
 * only the voters. */
static size_t list_members(const struct dbr_core *core,
                           const struct dbr_consensus_status *status,
                           enum dbr_peer_class cls,
                           struct dbr_listed_member out[DBR_CLUSTER_MAX_LISTED],
                           const char *names[][DBR_SERVICES])
{
    size_t n = 0;
    for (int votes = 1; votes >= (cls == DBR_PEER_MEMBER ? 1 : 0); votes--) {
        for (size_t i = 0; i < core->members.n && n < DBR_CLUSTER_MAX_LISTED; i++) {
            const struct dbr_member *member = &core->members.items[i];
            if (!member->is_client &&
                votes_here(core, status, &member->peer) == (votes == 1)) {
                out[n] = (struct dbr_listed_member){
                    .peer = member->peer,
                    .votes = votes == 1,
                    .addrs = member->addrs,
                    .n_addrs = member->n_addrs,
                    .services = names[n],
                    .n_services = list_services(core, &member->peer, names[n])};
                n++;
            }
        }
    }
    return n;
}

static void answer_hello(struct dbr_core *core, uint64_t stream, uint64_t id,
                         enum dbr_peer_class cls, dbr_time now)
{
    struct dbr_listed_member listed[DBR_CLUSTER_MAX_LISTED];
    const char *names[DBR_CLUSTER_MAX_LISTED][DBR_SERVICES];
    struct dbr_consensus_status status;
    struct dbr_cluster_frame reply = {.id = id,
                                      .kind = DBR_CLUSTER_HELLO_REPLY,
                                      .cluster_id = our_cluster(core),
                                      .cls = (uint32_t)cls,
                                      .listed = listed};
    dbr_consensus_status(core->consensus, &status);
    if (cls != DBR_PEER_STRANGER) {
        const char *leader = status.leader_address;
        reply.n_listed = list_members(core, &status, cls, listed, names);
        reply.term = status.term;
        if (dbr_peer_id_parse(&reply.leader, leader, strlen(leader)) != 0) {
            reply.leader = core->learner.leader;
            reply.term = core->learner.term > status.term ? core->learner.term
                                                          : status.term;
        }
    }
    dbr_calls_send(core, stream, &reply, now);
}

/* ---- Who is told of changes
 * -------------------------------------------------------- */

static void welcome_guest(struct dbr_core *core, const struct dbr_swarm_event *event)
{
    struct dbr_guest *guest;
    HASH_FIND(hh, core->guests, &event->stream, sizeof(event->stream), guest);
    if (guest != NULL || HASH_COUNT(core->guests) >= DBR_GUESTS_MAX) {
        return;
    }
    guest = dbr_calloc(1, sizeof(*guest));
    if (guest == NULL) {
        return;
    }
    guest->stream = event->stream;
    guest->peer = event->peer;
    HASH_ADD(hh, core->guests, stream, sizeof(guest->stream), guest);
    if (!dbr_hash_added(guest)) {
        dbr_free(guest);
    }
}

static void guest_leaves(struct dbr_core *core, uint64_t stream)
{
    struct dbr_guest *guest;
    HASH_FIND(hh, core->guests, &stream, sizeof(stream), guest);
    if (guest != NULL) {
        HASH_DELETE(hh, core->guests, guest);
        dbr_free(guest);
    }
}

void dbr_calls_finish(struct dbr_core *core)
{
    struct dbr_guest *guest;
    struct dbr_guest *tmp;
    HASH_ITER(hh, core->guests, guest, tmp)
    {
        HASH_DELETE(hh, core->guests, guest);
        dbr_free(guest);
    }
}

void dbr_calls_changed(struct dbr_core *core, dbr_time now)
{
    core->tell_at = dbr_time_min(core->tell_at, dbr_time_add(now, DBR_TELL_MS));
}

void dbr_calls_tell(struct dbr_core *core, dbr_time now)
{
    struct dbr_guest *guest;
    struct dbr_guest *tmp;
    core->tell_at = DBR_TIME_NEVER;
    HASH_ITER(hh, core->guests, guest, tmp)
    {
        struct dbr_peer_info info = {0};
        dbr_swarm_peer_info(core->swarm, &guest->peer, &info);
        if (info.cls != DBR_PEER_STRANGER) {
            answer_hello(core, guest->stream, 0, info.cls, now);
        }
    }
}

/* Whom we do not know now we may know in a moment: a node that starts, or lags behind,
 * has not read the whole table yet. */
static void recv_hello(struct dbr_core *core, const struct dbr_swarm_event *event,
                       uint64_t id, enum dbr_peer_class cls, dbr_time now)
{
    DBR_FAILPOINT("core.calls.recv_hello");
    struct dbr_ticket *ticket = NULL;
    welcome_guest(core, event);
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
    DBR_FAILPOINT("core.calls.answer_join");
    struct dbr_multiaddr addrs[DBR_MEMBER_ADDRS];
    struct dbr_cluster_frame reply = {.id = id,
                                      .kind = DBR_CLUSTER_JOIN_REPLY,
                                      .status = status,
                                      .detail = detail,
                                      .cluster_id = our_cluster(core),
                                      .members = addrs};
    reply.n_members =
        status == 0 ? dbr_membership_addrs(core, addrs, DBR_MEMBER_ADDRS) : 0;
    dbr_calls_send(core, stream, &reply, now);
}

/* Strangers may knock, but each knock costs a log entry. */
static bool too_many_joins(struct dbr_core *core, dbr_time now)
{
    size_t n = 0;
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        n += ticket->kind == DBR_TICKET_JOIN;
    }
    return n >= DBR_JOINS_MAX || !dbr_bucket_take(&core->joins, DBR_JOINS_BURST,
                                                  1000 * DBR_JOINS_EVERY_MS, now);
}

static void recv_join(struct dbr_core *core, const struct dbr_swarm_event *event,
                      const struct dbr_cluster_frame *frame, dbr_time now)
{
    DBR_FAILPOINT("core.calls.recv_join");
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
    if (too_many_joins(core, now)) {
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

/* ---- Calls
 * ------------------------------------------------------------- */

static bool may_be_called(uint32_t number)
{
    enum dbr_request_type type = (enum dbr_request_type)number;
    return dbr_kad_request_is(type) || type == DBR_REQUEST_DISCONNECT ||
           type == DBR_REQUEST_STATUS || type == DBR_REQUEST_PEERS ||
           type == DBR_REQUEST_CONNECT || type == DBR_REQUEST_NS_CREATE ||
           type == DBR_REQUEST_NS_LIST || type == DBR_REQUEST_INVITE ||
           type == DBR_REQUEST_HEALTH;
}

static void answer_call(struct dbr_core *core, uint64_t stream, uint64_t id, int status,
                        const char *detail, dbr_time now)
{
    struct dbr_cluster_frame reply = {.id = id, .kind = DBR_CLUSTER_CALL_REPLY};
    reply.result.status = status;
    reply.result.detail = detail;
    dbr_calls_send(core, stream, &reply, now);
}

/* False: out of memory. */
static bool copy_call(struct dbr_request *request, const struct dbr_cluster_frame *frame)
{
    struct dbr_arena *arena = &request->arena;
    request->type = (enum dbr_request_type)frame->call;
    request->ttl_s = frame->ttl_s;
    request->want = frame->want;
    request->target = dbr_arena_strdup(arena, frame->target);
    request->key = dbr_arena_strdup(arena, frame->key);
    request->service =
        frame->service[0] != '\0' ? dbr_arena_strdup(arena, frame->service) : NULL;
    request->envelope = dbr_bytes(
        dbr_arena_memdup(arena, frame->envelope.data, frame->envelope.len),
        frame->envelope.len);
    return request->target != NULL && request->key != NULL &&
           (request->service != NULL || frame->service[0] == '\0') &&
           (request->envelope.data != NULL || frame->envelope.len == 0);
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
    bool is_copied = request != NULL && copy_call(request, frame);
    if (ticket == NULL || !is_copied || !may_be_called(frame->call)) {
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
    request->deadline = ticket->deadline;
    ticket->request = request;
    ticket->caller = event->peer;
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
                                            .rtt_us = request->rtt_us,
                                            .health = request->health,
                                            .stored = request->stored,
                                            .table = request->table};
    if (request->type == DBR_REQUEST_DHT_GET && request->status == 0) {
        reply.result.envelope = request->envelope;
    }
    int err = dbr_calls_send(core, ticket->stream, &reply, now);
    if (err != 0 && err != DEBROS_ENOTFOUND) {
        answer_call(core, ticket->stream, ticket->id, DEBROS_ELIMIT,
                    "the answer is too large", now);
    }
}
/* ---- Frames
 * ---------------------------------------------------------------------
 */

static void recv_question(struct dbr_core *core, const struct dbr_swarm_event *event,
                          const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_peer_info info = {0};
    if (dbr_learner_recv(core, event, frame, now)) {
        return;
    }
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
    } else if (core->config.mode == DBR_CORE_MEMBER) {
        recv_question(core, event, &frame, now);
    } else if (!dbr_client_recv(core, event, &frame, now)) {
        dbr_swarm_reset(core->swarm, event->stream, now);
    }
    dbr_arena_finish(&arena);
}

void dbr_calls_stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                             dbr_time now)
{
    if (dbr_client_stream_closed(core, event, now) ||
        dbr_learner_stream_closed(core, event->stream, now)) {
        return;
    }
    guest_leaves(core, event->stream);
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->stream == event->stream) {
            ticket->stream = UINT64_MAX; /* a stream that nobody has: nobody to tell */
        }
    }
}
