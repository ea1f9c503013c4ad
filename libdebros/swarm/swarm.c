#include "swarm.h"

#include <string.h>

#include "base/logger.h"
#include "state.h"

void dbr_swarm_limits_default(struct dbr_swarm_limits *limits)
{
    *limits = (struct dbr_swarm_limits){
        .connections = 256,
        .half_open = 64,
        .dial_ms = 10000,
        .stranger_ms = 10000,
        .idle_ping_ms = 15000,
        .ping_timeout_ms = 10000,
        .redial_min_ms = 250,
        .redial_max_ms = 10000,
        .addrs_per_peer = 8,
    };
    dbr_stack_limits_default(&limits->stack);
}

/* ---- Life ------------------------------------------------------------------ */

static bool config_is_good(const struct dbr_swarm_config *config)
{
    const struct dbr_swarm_limits *limits = &config->limits;
    if (config->n_protocols > DBR_SWARM_PROTOCOLS_MAX ||
        strlen(config->agent) > DBR_SWARM_AGENT_MAX || limits->connections == 0 ||
        limits->half_open == 0 || limits->addrs_per_peer == 0 ||
        limits->redial_min_ms == 0 || limits->redial_max_ms < limits->redial_min_ms) {
        return false;
    }
    for (size_t i = 0; i < config->n_protocols; i++) {
        const char *id = config->protocols[i].id;
        if (id[0] != '/' || strlen(id) > DBR_SWARM_PROTOCOL_ID_MAX) {
            return false;
        }
    }
    return true;
}

static int copy_config(struct dbr_swarm *swarm, const struct dbr_swarm_config *config)
{
    swarm->agent = dbr_strdup(config->agent);
    swarm->protocols = dbr_calloc(config->n_protocols + 1, sizeof(swarm->protocols[0]));
    if (swarm->agent == NULL || swarm->protocols == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < config->n_protocols; i++) {
        char *id = dbr_strdup(config->protocols[i].id);
        if (id == NULL) {
            return DEBROS_ENOMEM;
        }
        swarm->protocols[i] = config->protocols[i];
        swarm->protocols[i].id = id;
        swarm->n_protocols++;
    }
    return 0;
}

int dbr_swarm_create(struct dbr_swarm **out, const struct dbr_swarm_config *config,
                     struct dbr_rng *rng, dbr_time now)
{
    if (!config_is_good(config)) {
        return DEBROS_EINVAL;
    }
    struct dbr_swarm *swarm = dbr_calloc(1, sizeof(*swarm));
    if (swarm == NULL) {
        return DEBROS_ENOMEM;
    }
    swarm->identity = config->identity;
    swarm->open = config->open;
    swarm->limits = config->limits;
    swarm->logger = config->logger;
    swarm->rng = rng;
    swarm->now = now;
    swarm->next_conn = 2;
    swarm->next_stream = 1;
    dbr_peer_id_from_key(&swarm->self, config->identity->public_key);
    dbr_peers_init(&swarm->peers, config->limits.addrs_per_peer);
    dbr_list_init(&swarm->kept);
    dbr_list_init(&swarm->notes);
    dbr_list_init(&swarm->ready);
    dbr_list_init(&swarm->dirty);
    int err = copy_config(swarm, config);
    if (err != 0) {
        dbr_swarm_destroy(swarm);
        return err;
    }
    *out = swarm;
    return 0;
}

static void free_waiters(struct dbr_list *waiters)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(waiters)) != NULL) {
        dbr_free(DBR_LIST_ENTRY(item, struct dbr_waiter, note.node));
    }
}

static void free_conns(struct dbr_swarm *swarm)
{
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    HASH_ITER(hh, swarm->conns, conn, tmp) {
        free_waiters(&conn->waiters);
        free_waiters(&conn->pinger.queued);
        free_waiters(&conn->pinger.flying);
        dbr_conn_destroy(swarm, conn);
    }
}

/* Of what waits to be told, only these are owned by their notes. */
static void free_notes(struct dbr_swarm *swarm)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&swarm->notes)) != NULL) {
        struct dbr_note *note = DBR_LIST_ENTRY(item, struct dbr_note, node);
        if (note->type == DBR_SWARM_CONNECT_DONE || note->type == DBR_SWARM_PING_DONE) {
            dbr_free(DBR_CONTAINER_OF(note, struct dbr_waiter, note));
        } else if (note->type == DBR_SWARM_STREAM_CLOSED) {
            dbr_stream_destroy(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, closed));
        }
    }
}

void dbr_swarm_destroy(struct dbr_swarm *swarm)
{
    if (swarm == NULL) {
        return;
    }
    free_conns(swarm);
    free_notes(swarm);
    dbr_peers_finish(&swarm->peers);
    for (size_t i = 0; i < swarm->n_protocols; i++) {
        dbr_free((char *)(uintptr_t)swarm->protocols[i].id);
    }
    dbr_free(swarm->told);
    dbr_free(swarm->protocols);
    dbr_free(swarm->agent);
    dbr_free(swarm);
}

static void set_now(struct dbr_swarm *swarm, dbr_time now)
{
    if (now > swarm->now) {
        swarm->now = now;
    }
}

/* ---- In, from the driver --------------------------------------------------- */

void dbr_swarm_listening(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    struct dbr_multiaddr plain = *addr;
    struct dbr_endpoint endpoint;
    dbr_multiaddr_cut_peer(&plain);
    if (dbr_multiaddr_endpoint(&plain, &endpoint) &&
        dbr_endpoint_is_wildcard(&endpoint)) {
        return;
    }
    for (size_t i = 0; i < swarm->n_listen; i++) {
        if (dbr_multiaddr_equal(&swarm->listen[i], &plain)) {
            return;
        }
    }
    if (swarm->n_listen < DBR_SWARM_LISTEN_MAX) {
        swarm->listen[swarm->n_listen++] = plain;
    }
}

void dbr_swarm_accepted(struct dbr_swarm *swarm, uint64_t id,
                        const struct dbr_multiaddr *remote, dbr_time now)
{
    set_now(swarm, now);
    bool full = swarm->n_half_open >= swarm->limits.half_open;
    struct dbr_conn *conn = dbr_conn_create(swarm, id, true, remote);
    if (conn == NULL) {
        dbr_log(swarm->logger, DEBROS_LOG_ERROR, DBR_SWARM_MODULE,
                "out of memory: a new connection is ignored");
        return;
    }
    if (full) {
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ELIMIT,
                     "the limit of %u connections in handshake is reached",
                     swarm->limits.half_open);
        return;
    }
    dbr_conn_start(swarm, conn);
}

void dbr_swarm_dialed(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    set_now(swarm, now);
    if (conn != NULL && conn->state == DBR_CONN_DIALING) {
        dbr_conn_start(swarm, conn);
    }
}

void dbr_swarm_dial_failed(struct dbr_swarm *swarm, uint64_t id, const char *detail,
                           dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    set_now(swarm, now);
    if (conn == NULL) {
        return;
    }
    dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_EUNREACHABLE, "%s", detail);
    dbr_conn_destroy(swarm, conn);
}

void dbr_swarm_recv(struct dbr_swarm *swarm, uint64_t id, debros_bytes bytes,
                    dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    set_now(swarm, now);
    if (conn != NULL && !conn->gone) {
        dbr_conn_recv(swarm, conn, bytes);
    }
}

void dbr_swarm_closed(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    set_now(swarm, now);
    if (conn == NULL) {
        return;
    }
    if (conn->state == DBR_CONN_CLOSING) {
        dbr_conn_destroy(swarm, conn);
        return;
    }
    /* What came before the end is still told: see dbr_conn_flush(). */
    conn->gone = true;
    dbr_note_cancel(&conn->write);
    dbr_conn_touch(swarm, conn);
}

void dbr_swarm_written(struct dbr_swarm *swarm, uint64_t id, size_t len, dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    set_now(swarm, now);
    if (conn != NULL) {
        dbr_assert(len <= conn->in_flight);
        conn->in_flight -= len;
        dbr_conn_touch(swarm, conn);
    }
}

struct dbr_buf dbr_swarm_take_output(struct dbr_swarm *swarm, uint64_t id)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    struct dbr_buf none;
    dbr_buf_init(&none);
    return conn == NULL || conn->gone ? none : dbr_conn_take_output(swarm, conn);
}

/* ---- In, from the machines above ------------------------------------------- */

static void end_conns(struct dbr_swarm *swarm, struct dbr_peer *peer, int status,
                      const char *why)
{
    while (dbr_peer_is_connected(peer)) {
        dbr_conn_end(swarm, dbr_conn_of(peer), DBR_CONN_POLITELY, status, "%s", why);
    }
}

/* In an open swarm the connection stays, but not what it may no longer do. */
static void end_forbidden_streams(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    struct dbr_list *item;
    struct dbr_list *next;
    DBR_LIST_FOREACH(item, next, &peer->conns) {
        struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_peer);
        struct dbr_stream *stream;
        struct dbr_stream *tmp;
        HASH_ITER(in_conn, conn->streams, stream, tmp) {
            if (stream->kind == DBR_STREAM_MESSAGES &&
                swarm->protocols[stream->protocol].min_class > peer->cls) {
                dbr_stream_abort(swarm, stream, DEBROS_ECANCELED);
            }
        }
    }
}

void dbr_swarm_set_class(struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                         enum dbr_peer_class cls, dbr_time now)
{
    set_now(swarm, now);
    struct dbr_peer *peer = cls == DBR_PEER_STRANGER ? dbr_peers_find(&swarm->peers, id)
                                                     : dbr_peers_get(&swarm->peers, id);
    if (peer == NULL) {
        return;
    }
    bool lowered = cls < peer->cls;
    peer->cls = cls;
    for (struct dbr_list *item = peer->conns.next; item != &peer->conns;
         item = item->next) {
        dbr_conn_touch(swarm, DBR_LIST_ENTRY(item, struct dbr_conn, in_peer));
    }
    if (lowered && swarm->open) {
        end_forbidden_streams(swarm, peer);
    } else if (lowered) {
        end_conns(swarm, peer, DEBROS_EACCES, "the peer may do less than before");
    }
    if (cls == DBR_PEER_STRANGER) {
        peer->n_added = peer->keep ? peer->n_added : 0; /* its addresses may go with it */
        dbr_peers_release(&swarm->peers, peer);
    }
}

void dbr_swarm_add_addr(struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                        const struct dbr_multiaddr *addr)
{
    if (dbr_peer_id_equal(id, &swarm->self)) {
        return;
    }
    struct dbr_peer *peer = dbr_peers_get(&swarm->peers, id);
    if (peer == NULL || !dbr_peer_add_addr(&swarm->peers, peer, addr)) {
        dbr_log(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE,
                "no room for an address of a peer");
        return;
    }
    if (peer->redial.at == DBR_TIME_NEVER) {
        peer->redial.at = 0;
    }
}

void dbr_swarm_keep(struct dbr_swarm *swarm, const struct dbr_peer_id *id, bool keep,
                    dbr_time now)
{
    set_now(swarm, now);
    if (dbr_peer_id_equal(id, &swarm->self)) {
        return;
    }
    struct dbr_peer *peer =
        keep ? dbr_peers_get(&swarm->peers, id) : dbr_peers_find(&swarm->peers, id);
    if (peer != NULL) {
        dbr_dialer_keep(swarm, peer, keep);
        dbr_peers_release(&swarm->peers, peer);
    }
}

/* A waiter, or NULL when the completion has to do without memory. */
static struct dbr_waiter *create_waiter(struct dbr_swarm *swarm,
                                        enum dbr_swarm_event_type type, uint64_t token)
{
    struct dbr_waiter *waiter = dbr_waiter_create(type, token);
    if (waiter == NULL && swarm->n_lost < DBR_SWARM_LOST_MAX) {
        swarm->lost[swarm->n_lost++] = (struct dbr_lost){.type = type, .token = token};
    }
    return waiter;
}

void dbr_swarm_connect(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr,
                       uint64_t token, dbr_time now)
{
    set_now(swarm, now);
    struct dbr_waiter *waiter = create_waiter(swarm, DBR_SWARM_CONNECT_DONE, token);
    if (waiter != NULL) {
        dbr_dialer_connect(swarm, addr, waiter);
    }
}

void dbr_swarm_disconnect(struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                          dbr_time now)
{
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    set_now(swarm, now);
    if (peer == NULL) {
        return;
    }
    end_conns(swarm, peer, 0, "closed by this node");
    if (peer->attempt != NULL) {
        dbr_conn_end(swarm, peer->attempt, DBR_CONN_DEAD, DEBROS_ECANCELED,
                     "canceled by this node");
    }
}

void dbr_swarm_ping(struct dbr_swarm *swarm, const struct dbr_peer_id *id, uint64_t token,
                    dbr_time now)
{
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    set_now(swarm, now);
    struct dbr_waiter *waiter = create_waiter(swarm, DBR_SWARM_PING_DONE, token);
    if (waiter == NULL) {
        return;
    }
    if (peer == NULL || !dbr_peer_is_connected(peer)) {
        char text[DBR_PEER_ID_TEXT_SIZE];
        waiter->peer = *id;
        dbr_waiter_done(swarm, waiter, DEBROS_EUNREACHABLE, "%s is not connected",
                        dbr_peer_id_text(id, text));
        return;
    }
    dbr_ping_request(swarm, dbr_conn_of(peer), waiter);
}

int dbr_swarm_open(struct dbr_swarm *swarm, uint64_t *out, const struct dbr_peer_id *id,
                   uint32_t protocol, dbr_time now)
{
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    uint32_t raw;
    set_now(swarm, now);
    dbr_assert(protocol < swarm->n_protocols);
    struct dbr_conn *conn = peer != NULL ? dbr_conn_of(peer) : NULL;
    if (conn == NULL || conn->stopping || conn->gone) {
        return DEBROS_EUNREACHABLE;
    }
    int err = dbr_stack_open(conn->stack, &raw,
                             dbr_bytes_str(swarm->protocols[protocol].id), swarm->now);
    if (err != 0) {
        return err;
    }
    struct dbr_stream *stream =
        dbr_stream_create(swarm, conn, raw, DBR_STREAM_MESSAGES, protocol);
    dbr_conn_touch(swarm, conn);
    if (stream == NULL) {
        dbr_stack_reset(conn->stack, raw);
        return DEBROS_ENOMEM;
    }
    *out = stream->id;
    return 0;
}

static struct dbr_stream *find_stream(struct dbr_swarm *swarm, uint64_t id)
{
    struct dbr_stream *stream;
    HASH_FIND(hh, swarm->streams, &id, sizeof(id), stream);
    return stream;
}

int dbr_swarm_send(struct dbr_swarm *swarm, uint64_t id, debros_bytes message,
                   dbr_time now)
{
    struct dbr_stream *stream = find_stream(swarm, id);
    set_now(swarm, now);
    return stream == NULL ? DEBROS_ENOTFOUND : dbr_stream_send(swarm, stream, message);
}

void dbr_swarm_finish(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_stream *stream = find_stream(swarm, id);
    set_now(swarm, now);
    if (stream != NULL && !stream->finish_asked) {
        dbr_stream_finish(swarm, stream);
    }
}

void dbr_swarm_reset(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_stream *stream = find_stream(swarm, id);
    set_now(swarm, now);
    if (stream != NULL) {
        /* Who resets wants to hear no more of it than its end. */
        dbr_note_cancel(&stream->message);
        dbr_note_cancel(&stream->finished);
        dbr_stream_abort(swarm, stream, DEBROS_ECANCELED);
    }
}

/* ---- Out ------------------------------------------------------------------- */

static void tell_waiter(struct dbr_swarm *swarm, struct dbr_waiter *waiter,
                        struct dbr_swarm_event *event)
{
    event->token = waiter->token;
    event->status = waiter->status;
    event->peer = waiter->peer;
    event->addr = waiter->addr;
    event->rtt_ms = waiter->rtt_ms;
    event->detail = waiter->detail.text;
    swarm->told = waiter;
}

static bool tell_stream(struct dbr_swarm *swarm, struct dbr_stream *stream,
                        struct dbr_swarm_event *event)
{
    event->stream = stream->id;
    event->protocol = stream->protocol;
    event->peer = stream->peer;
    event->conn = stream->conn != NULL ? stream->conn->id : 0;
    if (event->type == DBR_SWARM_STREAM_MESSAGE) {
        return dbr_stream_take_message(swarm, stream, &event->message);
    }
    if (event->type == DBR_SWARM_STREAM_CLOSED) {
        event->status = stream->status;
        dbr_stream_destroy(swarm, stream);
    }
    return true;
}

static void tell_conn(struct dbr_swarm *swarm, struct dbr_conn *conn,
                      struct dbr_swarm_event *event)
{
    event->conn = conn->id;
    event->addr = conn->remote;
    event->peer = conn->expected;
    if (event->type == DBR_SWARM_DIAL) {
        conn->dial_told = true;
    } else if (event->type == DBR_SWARM_CLOSE) {
        dbr_conn_destroy(swarm, conn);
    }
}

static void tell_peer(struct dbr_swarm *swarm, struct dbr_peer *peer,
                      struct dbr_swarm_event *event)
{
    event->peer = peer->id;
    event->inbound = peer->inbound;
    if (event->type == DBR_SWARM_DISCONNECTED) {
        dbr_peers_release(&swarm->peers, peer);
    }
}

/* Turns a note into its event. False: it has nothing to tell any more. */
static bool tell(struct dbr_swarm *swarm, struct dbr_note *note,
                 struct dbr_swarm_event *event)
{
    event->type = note->type;
    switch (note->type) {
    case DBR_SWARM_DIAL:
        tell_conn(swarm, DBR_CONTAINER_OF(note, struct dbr_conn, dial), event);
        return true;
    case DBR_SWARM_WRITE:
        tell_conn(swarm, DBR_CONTAINER_OF(note, struct dbr_conn, write), event);
        return true;
    case DBR_SWARM_CLOSE:
        tell_conn(swarm, DBR_CONTAINER_OF(note, struct dbr_conn, close), event);
        return true;
    case DBR_SWARM_CONNECTED:
        tell_peer(swarm, DBR_CONTAINER_OF(note, struct dbr_peer, connected), event);
        return true;
    case DBR_SWARM_DISCONNECTED:
        tell_peer(swarm, DBR_CONTAINER_OF(note, struct dbr_peer, disconnected), event);
        return true;
    case DBR_SWARM_IDENTIFIED:
        tell_peer(swarm, DBR_CONTAINER_OF(note, struct dbr_peer, identified), event);
        return true;
    case DBR_SWARM_STREAM_OPENED:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, opened),
                           event);
    case DBR_SWARM_STREAM_MESSAGE:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, message),
                           event);
    case DBR_SWARM_STREAM_FINISHED:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, finished),
                           event);
    case DBR_SWARM_STREAM_WRITABLE:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, writable),
                           event);
    case DBR_SWARM_STREAM_CLOSED:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, closed),
                           event);
    case DBR_SWARM_CONNECT_DONE:
    case DBR_SWARM_PING_DONE:
        tell_waiter(swarm, DBR_CONTAINER_OF(note, struct dbr_waiter, note), event);
        return true;
    }
    dbr_unreachable();
}

static bool tell_lost(struct dbr_swarm *swarm, struct dbr_swarm_event *event)
{
    if (swarm->n_lost == 0) {
        return false;
    }
    swarm->n_lost--;
    event->type = swarm->lost[swarm->n_lost].type;
    event->token = swarm->lost[swarm->n_lost].token;
    event->status = DEBROS_ENOMEM;
    event->detail = "out of memory";
    return true;
}

/* One event of one stack, the connections in turn. False: all are quiet. */
static bool work(struct dbr_swarm *swarm)
{
    struct dbr_list *item = dbr_list_pop_front(&swarm->ready);
    if (item == NULL) {
        return false;
    }
    struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_ready);
    if (dbr_conn_step(swarm, conn)) {
        dbr_conn_touch(swarm, conn);
    } else if (dbr_list_is_empty(&conn->in_dirty)) {
        dbr_list_push_back(&swarm->dirty, &conn->in_dirty);
    }
    return true;
}

/* Once all stacks are quiet: many small messages make one WRITE. */
static bool flush(struct dbr_swarm *swarm)
{
    struct dbr_list *item = dbr_list_pop_front(&swarm->dirty);
    if (item == NULL) {
        return false;
    }
    struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_dirty);
    conn->stale = true;
    dbr_conn_flush(swarm, conn);
    return true;
}

/* Events of stacks are taken only when all that waits has been told: what is not polled
 * stays in the stacks, whose windows then hold back the peers. */
bool dbr_swarm_poll(struct dbr_swarm *swarm, struct dbr_swarm_event *event)
{
    dbr_free(swarm->told);
    swarm->told = NULL;
    for (;;) {
        struct dbr_list *item = dbr_list_pop_front(&swarm->notes);
        *event = (struct dbr_swarm_event){.detail = ""};
        if (item != NULL) {
            if (tell(swarm, DBR_LIST_ENTRY(item, struct dbr_note, node), event)) {
                return true;
            }
            continue;
        }
        if (tell_lost(swarm, event)) {
            return true;
        }
        if (!work(swarm) && !flush(swarm)) {
            return false;
        }
    }
}

/* ---- Views ------------------------------------------------------------------ */

size_t dbr_swarm_peer_count(const struct dbr_swarm *swarm)
{
    return swarm->peers.n;
}

size_t dbr_swarm_connected_count(const struct dbr_swarm *swarm)
{
    return swarm->peers.n_connected;
}

bool dbr_swarm_peer_at(const struct dbr_swarm *swarm, size_t i,
                       struct dbr_peer_info *info)
{
    const struct dbr_peer *peer = dbr_peers_at(&swarm->peers, i);
    if (peer != NULL) {
        dbr_peer_view(peer, info);
    }
    return peer != NULL;
}

bool dbr_swarm_peer_info(const struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                         struct dbr_peer_info *info)
{
    const struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    if (peer != NULL) {
        dbr_peer_view(peer, info);
    }
    return peer != NULL;
}

bool dbr_swarm_is_connected(const struct dbr_swarm *swarm, const struct dbr_peer_id *id)
{
    const struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    return peer != NULL && dbr_peer_is_connected(peer);
}

/* ---- Time ------------------------------------------------------------------ */

dbr_time dbr_swarm_deadline(const struct dbr_swarm *swarm)
{
    dbr_time deadline = dbr_dialer_deadline(swarm);
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    HASH_ITER(hh, swarm->conns, conn, tmp) {
        deadline = dbr_time_min(deadline, dbr_conn_deadline(swarm, conn));
    }
    return deadline;
}

void dbr_swarm_expire(struct dbr_swarm *swarm, dbr_time now)
{
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    set_now(swarm, now);
    HASH_ITER(hh, swarm->conns, conn, tmp) {
        if (dbr_conn_deadline(swarm, conn) <= swarm->now) {
            dbr_conn_expire(swarm, conn);
        }
    }
    dbr_dialer_expire(swarm);
}
