#include "ping.h"

#include <string.h>

#include "base/logger.h"
#include "base/rng.h"
#include "state.h"

void dbr_pinger_init(struct dbr_pinger *pinger)
{
    *pinger = (struct dbr_pinger){0};
    dbr_list_init(&pinger->queued);
    dbr_list_init(&pinger->flying);
}

static void move_all(struct dbr_list *to, struct dbr_list *from)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(from)) != NULL) {
        dbr_list_push_back(to, item);
    }
}

static void done(struct dbr_swarm *swarm, struct dbr_conn *conn, struct dbr_list *waiters,
                 int status, const char *detail)
{
    dbr_waiters_done(swarm, waiters, status, conn->peer != NULL ? &conn->peer->id : NULL,
                     detail);
}

static int open_stream(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    uint32_t raw;
    int err = dbr_stack_open(conn->stack, &raw, dbr_bytes_str(DBR_PING_ID), swarm->now);
    if (err != 0) {
        return err;
    }
    conn->pinger.stream = dbr_stream_create(swarm, conn, raw, DBR_STREAM_PING_ASK, 0);
    if (conn->pinger.stream == NULL) {
        dbr_stack_reset(conn->stack, raw);
        return DEBROS_ENOMEM;
    }
    dbr_stack_urge(conn->stack, raw);
    return 0;
}

/* Sends 32 bytes for all who wait in `queued`. */
static void start(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_pinger *pinger = &conn->pinger;
    int err = pinger->stream == NULL ? open_stream(swarm, conn) : 0;
    pinger->tried_at = swarm->now;
    if (err == 0) {
        dbr_rng_fill(swarm->rng, pinger->sent, sizeof(pinger->sent));
        err = dbr_stack_send(conn->stack, pinger->stream->raw,
                             dbr_bytes(pinger->sent, sizeof(pinger->sent)));
    }
    dbr_conn_touch(swarm, conn);
    if (err != 0) {
        done(swarm, conn, &pinger->queued, err, "cannot open a ping stream");
        return;
    }
    pinger->waiting = true;
    pinger->got = 0;
    pinger->sent_at = swarm->now;
    move_all(&pinger->flying, &pinger->queued);
}

void dbr_ping_request(struct dbr_swarm *swarm, struct dbr_conn *conn,
                      struct dbr_waiter *waiter)
{
    struct dbr_pinger *pinger = &conn->pinger;
    waiter->peer = conn->peer->id;
    if (pinger->refused) {
        dbr_waiter_done(swarm, waiter, DEBROS_EPROTO, "the peer does not speak %s",
                        DBR_PING_ID);
        return;
    }
    dbr_list_push_back(&pinger->queued, &waiter->note.node);
    if (!pinger->waiting) {
        pinger->retried = false;
        start(swarm, conn);
    }
}

void dbr_ping_abort(struct dbr_swarm *swarm, struct dbr_conn *conn, int status,
                    const char *detail)
{
    conn->pinger.waiting = false;
    done(swarm, conn, &conn->pinger.flying, status, detail);
    done(swarm, conn, &conn->pinger.queued, status, detail);
}

/* A peer that sends anything is alive, though its answer may wait behind much else. */
static dbr_time answer_deadline(const struct dbr_swarm *swarm,
                                const struct dbr_conn *conn)
{
    dbr_time sent_at = conn->pinger.sent_at;
    dbr_time heard_at = conn->received_at > sent_at ? conn->received_at : sent_at;
    uint64_t timeout_ms = swarm->limits.ping_timeout_ms;
    return dbr_time_min(dbr_time_add(heard_at, timeout_ms),
                        dbr_time_add(sent_at, DBR_PING_PATIENCE * timeout_ms));
}

/* Members are measured whether they are quiet or not, soon after they came. */
static dbr_time rtt_deadline(const struct dbr_swarm *swarm, const struct dbr_conn *conn)
{
    if (swarm->limits.rtt_ping_ms == 0 || conn->peer->cls != DBR_PEER_MEMBER) {
        return DBR_TIME_NEVER;
    }
    return conn->pinger.tried_at == 0
               ? dbr_time_add(conn->secured_at, DBR_PING_FIRST_MS)
               : dbr_time_add(conn->pinger.tried_at, swarm->limits.rtt_ping_ms);
}

dbr_time dbr_ping_deadline(const struct dbr_swarm *swarm, const struct dbr_conn *conn)
{
    const struct dbr_pinger *pinger = &conn->pinger;
    if (pinger->waiting) {
        return answer_deadline(swarm, conn);
    }
    if (pinger->refused) {
        return DBR_TIME_NEVER;
    }
    dbr_time deadline = rtt_deadline(swarm, conn);
    if (swarm->limits.idle_ping_ms > 0) {
        dbr_time since =
            pinger->tried_at > conn->received_at ? pinger->tried_at : conn->received_at;
        deadline =
            dbr_time_min(deadline, dbr_time_add(since, swarm->limits.idle_ping_ms));
    }
    return deadline;
}

bool dbr_ping_expire(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (swarm->now < dbr_ping_deadline(swarm, conn)) {
        return true;
    }
    if (conn->pinger.waiting) {
        return false;
    }
    conn->pinger.retried = false;
    start(swarm, conn);
    return true;
}

/* ---- Answers --------------------------------------------------------------- */

static void succeeded(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_pinger *pinger = &conn->pinger;
    uint64_t ms = swarm->now - pinger->sent_at;
    struct dbr_list *item;
    struct dbr_list *tmp;
    /* The clock counts whole milliseconds; 0 is "unknown" in the views. */
    uint32_t rtt_ms = ms == 0                  ? 1
                      : ms > UINT32_MAX / 1000 ? UINT32_MAX / 1000
                                               : (uint32_t)ms;
    pinger->waiting = false;
    pinger->retried = false;
    conn->peer->rtt_us = rtt_ms * 1000;
    dbr_book_rtt(&swarm->book, &conn->peer->id, rtt_ms * 1000);
    DBR_LIST_FOREACH(item, tmp, &pinger->flying)
    {
        DBR_LIST_ENTRY(item, struct dbr_waiter, note.node)->rtt_ms = rtt_ms;
    }
    done(swarm, conn, &pinger->flying, 0, "");
    if (!dbr_list_is_empty(&pinger->queued)) {
        start(swarm, conn);
    }
}

/* The waiters of this ping fail; those behind it get a new stream. */
static void answered_wrongly(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_pinger *pinger = &conn->pinger;
    struct dbr_stream *stream = pinger->stream;
    dbr_log(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE,
            "connection %llu: the peer answered a ping with other bytes",
            (unsigned long long)conn->id);
    pinger->stream = NULL;
    pinger->waiting = false;
    dbr_stream_abort(swarm, stream, DEBROS_EPROTO);
    done(swarm, conn, &pinger->flying, DEBROS_EPROTO,
         "the peer answered with other bytes");
    if (!dbr_list_is_empty(&pinger->queued)) {
        start(swarm, conn);
    }
}

void dbr_ping_answered(struct dbr_swarm *swarm, struct dbr_stream *stream,
                       debros_bytes data)
{
    struct dbr_conn *conn = stream->conn;
    struct dbr_pinger *pinger = &conn->pinger;
    if (pinger->stream != stream) {
        return;
    }
    if (!pinger->waiting || data.len > DBR_PING_SIZE - pinger->got ||
        memcmp(pinger->sent + pinger->got, data.data, data.len) != 0) {
        answered_wrongly(swarm, conn);
        return;
    }
    pinger->got += data.len;
    if (pinger->got == DBR_PING_SIZE) {
        succeeded(swarm, conn);
    }
}

void dbr_ping_lost(struct dbr_swarm *swarm, struct dbr_stream *stream, bool refused)
{
    struct dbr_conn *conn = stream->conn;
    struct dbr_pinger *pinger = &conn->pinger;
    if (pinger->stream != stream) {
        return;
    }
    pinger->stream = NULL;
    pinger->refused = pinger->refused || refused;
    if (refused) {
        dbr_ping_abort(swarm, conn, DEBROS_EPROTO,
                       "the peer does not speak " DBR_PING_ID);
    } else if (pinger->waiting && !pinger->retried) {
        /* Peers end ping streams that were quiet for a while: our bytes crossed it. */
        struct dbr_list queued;
        dbr_list_init(&queued);
        move_all(&queued, &pinger->flying);
        move_all(&queued, &pinger->queued);
        move_all(&pinger->queued, &queued);
        pinger->waiting = false;
        pinger->retried = true;
        start(swarm, conn);
    } else if (pinger->waiting) {
        dbr_ping_abort(swarm, conn, DEBROS_ECANCELED, "the peer reset the ping stream");
    }
}

/* ---- The other side -------------------------------------------------------- */

void dbr_ping_echo(struct dbr_swarm *swarm, struct dbr_stream *stream, debros_bytes data)
{
    dbr_buf_add(&stream->in, data.data, data.len);
    size_t whole = stream->in.len - stream->in.len % DBR_PING_SIZE;
    int err = stream->in.failed ? DEBROS_ENOMEM : 0;
    size_t queued = dbr_stack_queued(stream->conn->stack, stream->raw);
    if (err == 0 && queued + whole > (size_t)swarm->limits.pings_queued * DBR_PING_SIZE) {
        swarm->stats.pings_refused++;
        err = DEBROS_ELIMIT; /* it pings and does not read the echoes */
    }
    if (err == 0 && whole > 0) {
        err = dbr_stack_send(stream->conn->stack, stream->raw,
                             dbr_bytes(stream->in.data, whole));
    }
    if (err != 0) {
        dbr_stream_abort(swarm, stream, err);
        return;
    }
    dbr_buf_consume(&stream->in, whole);
}
