#include "connections.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/logger.h"
#include "state.h"

/* ---- Life ------------------------------------------------------------------ */

struct dbr_conn *dbr_conn_find(const struct dbr_swarm *swarm, uint64_t id)
{
    struct dbr_conn *conn;
    HASH_FIND(hh, swarm->conns, &id, sizeof(id), conn);
    return conn;
}

static uint32_t *counter_of(struct dbr_swarm *swarm, const struct dbr_conn *conn)
{
    switch (conn->state) {
    case DBR_CONN_DIALING:
    case DBR_CONN_HANDSHAKE:
        return conn->inbound ? &swarm->n_half_open : &swarm->n_outbound;
    case DBR_CONN_SECURED:
        return &swarm->n_secured;
    case DBR_CONN_CLOSING:
        break;
    }
    return NULL;
}

void dbr_conn_set_state(struct dbr_swarm *swarm, struct dbr_conn *conn,
                        enum dbr_conn_state state)
{
    uint32_t *count = counter_of(swarm, conn);
    if (count != NULL) {
        (*count)--;
    }
    conn->state = state;
    count = counter_of(swarm, conn);
    if (count != NULL) {
        (*count)++;
    }
}

struct dbr_conn *dbr_conn_create(struct dbr_swarm *swarm, uint64_t id, bool inbound,
                                 const struct dbr_multiaddr *remote)
{
    struct dbr_conn *conn = dbr_calloc(1, sizeof(*conn));
    if (conn == NULL) {
        return NULL;
    }
    conn->id = id;
    conn->state = DBR_CONN_DIALING;
    conn->inbound = inbound;
    conn->remote = *remote;
    dbr_multiaddr_cut_peer(&conn->remote);
    conn->dial_at = DBR_TIME_NEVER;
    conn->unread_at = DBR_TIME_NEVER;
    conn->setup_at = dbr_time_add(swarm->now, swarm->limits.setup_ms);
    conn->stale = true;
    dbr_list_init(&conn->waiters);
    dbr_list_init(&conn->in_peer);
    dbr_list_init(&conn->in_ready);
    dbr_list_init(&conn->in_dirty);
    dbr_pinger_init(&conn->pinger);
    dbr_identify_info_init(&conn->asked.info);
    dbr_identify_info_init(&conn->pushed.info);
    dbr_note_init(&conn->dial, DBR_SWARM_DIAL);
    dbr_note_init(&conn->write, DBR_SWARM_WRITE);
    dbr_note_init(&conn->close, DBR_SWARM_CLOSE);
    HASH_ADD(hh, swarm->conns, id, sizeof(conn->id), conn);
    if (!dbr_hash_added(conn)) {
        dbr_free(conn);
        return NULL;
    }
    (*counter_of(swarm, conn))++;
    return conn;
}

void dbr_conn_destroy(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_stream *stream;
    struct dbr_stream *tmp;
    dbr_conn_set_state(swarm, conn, DBR_CONN_CLOSING);
    dbr_gate_leave(&swarm->gate, &conn->pass);
    HASH_ITER(in_conn, conn->streams, stream, tmp)
    {
        dbr_stream_destroy(swarm, stream);
    }
    HASH_DEL(swarm->conns, conn);
    dbr_list_remove(&conn->in_peer);
    dbr_list_remove(&conn->in_ready);
    dbr_list_remove(&conn->in_dirty);
    dbr_note_cancel(&conn->dial);
    dbr_note_cancel(&conn->write);
    dbr_note_cancel(&conn->close);
    dbr_stack_destroy(conn->stack);
    dbr_buf_finish(&conn->tail);
    dbr_identify_info_finish(&conn->asked.info);
    dbr_identify_info_finish(&conn->pushed.info);
    dbr_free(conn);
}

void dbr_conn_touch(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    conn->stale = true;
    if (dbr_list_is_empty(&conn->in_ready)) {
        dbr_list_push_back(&swarm->ready, &conn->in_ready);
    }
}

void dbr_conn_start(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_stack_config config = {
        .dialer = !conn->inbound,
        .identity = swarm->identity,
        .expected = conn->expected,
        .limits = swarm->limits.stack,
    };
    conn->dial_at = DBR_TIME_NEVER;
    conn->received_at = swarm->now;
    int err = dbr_stack_create(&conn->stack, &config, swarm->rng, swarm->now);
    if (err != 0) {
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, err, "%s", debros_strerror(err));
        return;
    }
    dbr_conn_set_state(swarm, conn, DBR_CONN_HANDSHAKE);
    dbr_conn_touch(swarm, conn);
}

/* ---- The end --------------------------------------------------------------- */

static void log_end(struct dbr_swarm *swarm, const struct dbr_conn *conn, int status,
                    const char *why)
{
    char addr[DBR_MULTIADDR_TEXT_SIZE];
    char id[DBR_PEER_ID_TEXT_SIZE];
    bool bad =
        status == DEBROS_EPROTO || status == DEBROS_EAUTH || status == DEBROS_ENOMEM;
    bool was_connected = conn->peer != NULL;
    const struct dbr_peer_id *peer =
        conn->peer != NULL ? &conn->peer->id : &conn->expected;
    dbr_multiaddr_text(&conn->remote, addr);
    id[0] = '\0';
    if (!dbr_peer_id_is_none(peer)) {
        dbr_peer_id_text(peer, id);
    }
    /* What was asked for and failed is news; clients that come and go are none. */
    enum debros_log_level level = bad                                ? DEBROS_LOG_WARN
                                  : !conn->inbound && !was_connected ? DEBROS_LOG_INFO
                                                                     : DEBROS_LOG_DEBUG;
    dbr_log_peer(swarm->logger, level, DBR_SWARM_MODULE, id,
                 "connection %s %s%s%s ended: %s", conn->inbound ? "from" : "to", addr,
                 id[0] == '\0' ? "" : "/p2p/", id, why);
}

static void end_streams(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_stream *stream;
    struct dbr_stream *tmp;
    conn->asked.stream = NULL;
    conn->pushed.stream = NULL;
    conn->push = NULL;
    conn->pinger.stream = NULL;
    HASH_ITER(in_conn, conn->streams, stream, tmp)
    {
        dbr_stream_drop(swarm, stream, DEBROS_EUNREACHABLE);
    }
}

static void leave_peer(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_peer *peer = conn->peer;
    dbr_list_remove(&conn->in_peer);
    conn->peer = NULL;
    if (dbr_peer_is_connected(peer)) {
        dbr_conn_choose(swarm, peer);
        return;
    }
    dbr_peers_set_connected(&swarm->peers, peer, false);
    dbr_entry_disconnected(swarm, peer);
    dbr_note_push(&swarm->notes, &peer->disconnected);
    dbr_dialer_disconnected(swarm, peer, swarm->now - conn->secured_at);
}

/* The socket's own last words. */
static void settle_output(struct dbr_swarm *swarm, struct dbr_conn *conn,
                          enum dbr_conn_ending ending)
{
    dbr_note_cancel(&conn->write);
    if (conn->stack != NULL && ending == DBR_CONN_POLITELY) {
        dbr_stack_goaway(conn->stack);
    } else if (conn->stack != NULL) {
        if (ending == DBR_CONN_BROKEN) {
            conn->tail = dbr_buf_take(dbr_stack_out(conn->stack));
        }
        dbr_stack_destroy(conn->stack);
        conn->stack = NULL;
    }
    conn->drain_at = dbr_time_add(swarm->now, DBR_CONN_DRAIN_MS);
}

void dbr_conn_end(struct dbr_swarm *swarm, struct dbr_conn *conn,
                  enum dbr_conn_ending ending, int status, const char *format, ...)
{
    DBR_FAILPOINT("swarm.connections.conn_end");
    char why[256];
    va_list args;
    if (conn->state == DBR_CONN_CLOSING) {
        return;
    }
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    log_end(swarm, conn, status, why);
    dbr_note_cancel(&conn->dial);
    end_streams(swarm, conn);
    dbr_ping_abort(swarm, conn, status == DEBROS_ETIMEDOUT ? status : DEBROS_EUNREACHABLE,
                   why);
    settle_output(swarm, conn, ending);
    enum dbr_conn_state state = conn->state;
    dbr_conn_set_state(swarm, conn, DBR_CONN_CLOSING);
    if (state == DBR_CONN_SECURED) {
        leave_peer(swarm, conn);
    } else if (!conn->inbound) {
        swarm->stats.dials_failed++;
        dbr_dialer_failed(swarm, conn, status, why);
    } else {
        swarm->stats.handshakes_failed += state == DBR_CONN_HANDSHAKE;
    }
    dbr_conn_touch(swarm, conn);
}

/* ---- Secured --------------------------------------------------------------- */

static void enter_peer(struct dbr_swarm *swarm, struct dbr_conn *conn,
                       struct dbr_peer *peer)
{
    bool first = !dbr_peer_is_connected(peer);
    conn->peer = peer;
    conn->secured_at = swarm->now;
    conn->stranger_at = dbr_time_add(swarm->now, swarm->limits.stranger_ms);
    dbr_conn_set_state(swarm, conn, DBR_CONN_SECURED);
    dbr_list_push_back(&peer->conns, &conn->in_peer);
    swarm->stats.secured++;
    dbr_conn_choose(swarm, peer);
    if (peer->cls != DBR_PEER_STRANGER || peer->keep) {
        dbr_gate_trust(&swarm->gate, &swarm->limits, &conn->pass);
    }
    if (first) {
        peer->since = swarm->now;
        dbr_peers_set_connected(&swarm->peers, peer, true);
        dbr_note_push(&swarm->notes, &peer->connected);
    }
}

static void secured(struct dbr_swarm *swarm, struct dbr_conn *conn,
                    const struct dbr_peer_id *id)
{
    DBR_FAILPOINT("swarm.connections.secured");
    if (dbr_peer_id_equal(id, &swarm->self)) {
        dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, DEBROS_EINVAL,
                     "this node itself answers there");
        return;
    }
    struct dbr_peer *peer = dbr_peers_get(&swarm->peers, id);
    if (peer == NULL) {
        dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, DEBROS_ENOMEM, "out of memory");
        return;
    }
    if (!dbr_conn_have_room(swarm, peer)) {
        swarm->stats.full++;
        dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, DEBROS_ELIMIT,
                     "the limit of %u connections is reached", swarm->limits.connections);
        peer = dbr_peers_find(&swarm->peers, id);
        if (peer != NULL) {
            dbr_peers_release(&swarm->peers, peer);
        }
        return;
    }
    enter_peer(swarm, conn, peer);
    dbr_entry_connected(swarm, conn);
    dbr_conn_retire_oldest(swarm, peer);
    if (conn->state != DBR_CONN_SECURED) {
        return;
    }
    dbr_dialer_succeeded(swarm, conn, peer);
    dbr_introduce_ask(swarm, conn);
}

static void goaway(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    conn->stopping = true;
    if (conn->peer != NULL) {
        dbr_conn_choose(swarm, conn->peer);
    }
}

/* ---- In -------------------------------------------------------------------- */

/* The stack refuses to go on. */
void dbr_conn_broken(struct dbr_swarm *swarm, struct dbr_conn *conn, int err)
{
    char reason[256];
    /* The reason dies with the stack. */
    snprintf(reason, sizeof(reason), "%s", dbr_stack_reason(conn->stack));
    swarm->stats.broken += err == DEBROS_EPROTO || err == DEBROS_ELIMIT;
    dbr_conn_end(swarm, conn, DBR_CONN_BROKEN, err, "%s", reason);
}

void dbr_conn_recv(struct dbr_swarm *swarm, struct dbr_conn *conn, debros_bytes bytes)
{
    if (conn->state != DBR_CONN_HANDSHAKE && conn->state != DBR_CONN_SECURED) {
        return; /* on its way out */
    }
    conn->received_at = swarm->now;
    dbr_conn_touch(swarm, conn);
    int err = dbr_stack_recv(conn->stack, bytes, swarm->now);
    if (err != 0) {
        dbr_conn_broken(swarm, conn, err);
    }
}

bool dbr_conn_step(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_stack_event event;
    struct dbr_stream *stream;
    if ((conn->state != DBR_CONN_HANDSHAKE && conn->state != DBR_CONN_SECURED) ||
        !dbr_stack_poll(conn->stack, &event)) {
        return false;
    }
    switch (event.type) {
    case DBR_STACK_SECURED:
        secured(swarm, conn, &event.peer);
        break;
    case DBR_STACK_INCOMING:
        dbr_conn_incoming(swarm, conn, &event);
        break;
    case DBR_STACK_GOAWAY:
        goaway(swarm, conn);
        break;
    default:
        HASH_FIND(in_conn, conn->streams, &event.stream, sizeof(event.stream), stream);
        if (stream != NULL) {
            dbr_stream_event(swarm, stream, &event);
        }
        break;
    }
    return true;
}

/* ---- Out ------------------------------------------------------------------- */

static struct dbr_buf *output(struct dbr_conn *conn)
{
    return conn->stack != NULL ? dbr_stack_out(conn->stack) : &conn->tail;
}

static void check_writable(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_stream *stream;
    struct dbr_stream *tmp;
    if (conn->n_choked == 0) {
        return;
    }
    HASH_ITER(in_conn, conn->streams, stream, tmp)
    {
        dbr_stream_check_writable(swarm, stream);
    }
}

void dbr_conn_close(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (conn->gone || (!conn->inbound && !conn->dial_told)) {
        dbr_conn_destroy(swarm, conn); /* the driver has nothing to close */
        return;
    }
    dbr_note_cancel(&conn->write);
    dbr_note_push(&swarm->notes, &conn->close);
}

void dbr_conn_flush(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (conn->gone) {
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_EUNREACHABLE, "%s",
                     conn->state == DBR_CONN_SECURED
                         ? "the peer closed the connection"
                         : "the peer closed the connection during the handshake");
        dbr_conn_close(swarm, conn);
        return;
    }
    dbr_conn_check_idle(swarm, conn);
    size_t len = output(conn)->len;
    check_writable(swarm, conn);
    if (len == 0 && conn->state == DBR_CONN_CLOSING) {
        dbr_conn_close(swarm, conn);
    } else if (len > 0 && conn->in_flight < DBR_CONN_OUTPUT_MAX) {
        dbr_note_push(&swarm->notes, &conn->write);
    }
}

struct dbr_buf dbr_conn_take_output(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_buf taken;
    struct dbr_buf *out = output(conn);
    size_t room = DBR_CONN_OUTPUT_MAX - conn->in_flight;
    dbr_buf_init(&taken);
    if (out->len <= room) {
        taken = dbr_buf_take(out);
    } else if (room > 0) {
        dbr_buf_add(&taken, out->data, room);
        dbr_buf_consume(out, taken.len);
    }
    conn->progress_at = conn->in_flight == 0 ? swarm->now : conn->progress_at;
    conn->in_flight += taken.len;
    dbr_conn_touch(swarm, conn);
    return taken;
}
