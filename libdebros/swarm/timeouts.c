/* When a connection is to be called again, and what has run out by then. */
#include "state.h"

void dbr_conn_check_idle(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (conn->state != DBR_CONN_SECURED || conn->n_messages > 0) {
        return;
    }
    bool busy = conn->asked.stream != NULL || conn->pinger.waiting;
    if (conn->stopping) {
        dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, 0, "the peer is leaving");
    } else if (conn->spare && !busy && swarm->now >= conn->retire_at) {
        dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, 0,
                     "another connection with the peer is kept");
    }
}

static bool is_overdue_stranger(const struct dbr_swarm *swarm,
                                const struct dbr_conn *conn)
{
    return conn->peer->cls == DBR_PEER_STRANGER && !swarm->open;
}

/* The driver has bytes that the peer does not take. */
static dbr_time stall_deadline(const struct dbr_swarm *swarm, const struct dbr_conn *conn)
{
    return conn->in_flight == 0 ? DBR_TIME_NEVER
                                : dbr_time_add(conn->progress_at, swarm->limits.stall_ms);
}

/* Whether streams are to be looked at, now or later: `unread_at`. */
static bool has_unread(const struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (conn->n_waiting == 0) {
        conn->unread_at = DBR_TIME_NEVER;
    } else if (conn->unread_at == DBR_TIME_NEVER) {
        conn->unread_at = dbr_time_add(swarm->now, swarm->limits.stall_ms);
    }
    return conn->n_waiting > 0;
}

static dbr_time secured_deadline(const struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    dbr_time deadline =
        dbr_time_min(dbr_stack_deadline(conn->stack), dbr_ping_deadline(swarm, conn));
    deadline = dbr_time_min(deadline, stall_deadline(swarm, conn));
    if (has_unread(swarm, conn)) {
        deadline = dbr_time_min(deadline, conn->unread_at);
    }
    if (is_overdue_stranger(swarm, conn)) {
        deadline = dbr_time_min(deadline, conn->stranger_at);
    }
    deadline = dbr_time_min(deadline, dbr_introduce_deadline(conn));
    if (conn->spare && conn->n_messages == 0 && swarm->now < conn->retire_at) {
        deadline = dbr_time_min(deadline, conn->retire_at);
    }
    return deadline;
}

dbr_time dbr_conn_deadline(const struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (!conn->stale) {
        return conn->deadline;
    }
    conn->stale = false;
    switch (conn->state) {
    case DBR_CONN_DIALING:
        conn->deadline = dbr_time_min(conn->dial_at, conn->setup_at);
        break;
    case DBR_CONN_HANDSHAKE:
        conn->deadline =
            dbr_time_min(dbr_time_min(dbr_stack_deadline(conn->stack), conn->setup_at),
                         stall_deadline(swarm, conn));
        break;
    case DBR_CONN_SECURED:
        conn->deadline = secured_deadline(swarm, conn);
        break;
    case DBR_CONN_CLOSING:
        conn->deadline =
            dbr_note_is_queued(&conn->close) ? DBR_TIME_NEVER : conn->drain_at;
        break;
    }
    return conn->deadline;
}

/* Resets the streams that the peer does not read. */
static void expire_unread(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_stream *stream;
    struct dbr_stream *tmp;
    if (!has_unread(swarm, conn) || swarm->now < conn->unread_at) {
        return;
    }
    conn->unread_at = DBR_TIME_NEVER; /* the next look is a whole stall_ms away */
    HASH_ITER(in_conn, conn->streams, stream, tmp)
    {
        dbr_stream_check_unread(swarm, stream);
    }
}

static void expire_secured(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (is_overdue_stranger(swarm, conn) && swarm->now >= conn->stranger_at) {
        swarm->stats.strangers_expired++;
        dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, DEBROS_EACCES,
                     "a stranger has %u ms to show what it may do",
                     swarm->limits.stranger_ms);
        return;
    }
    if (!dbr_ping_expire(swarm, conn)) {
        swarm->stats.pings_expired++;
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ETIMEDOUT,
                     "no answer to a ping in %u ms", swarm->limits.ping_timeout_ms);
        return;
    }
    expire_unread(swarm, conn);
    dbr_introduce_expire(swarm, conn);
}

static void expire_dialing(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (swarm->now >= conn->dial_at) {
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ETIMEDOUT,
                     "no TCP connection in %u ms", swarm->limits.dial_ms);
    } else if (swarm->now >= conn->setup_at) {
        swarm->stats.setup_expired++;
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ETIMEDOUT,
                     "no connection in %u ms", swarm->limits.setup_ms);
    }
}

/* The connection and its handshake. */
static void expire_open(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    int err = dbr_stack_expire(conn->stack, swarm->now);
    if (err != 0) {
        dbr_conn_broken(swarm, conn, err);
    } else if (swarm->now >= stall_deadline(swarm, conn)) {
        swarm->stats.stalled++;
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ETIMEDOUT,
                     "the peer has read nothing for %u ms", swarm->limits.stall_ms);
    } else if (conn->state == DBR_CONN_HANDSHAKE && swarm->now >= conn->setup_at) {
        swarm->stats.setup_expired++;
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ETIMEDOUT,
                     "no secured connection in %u ms", swarm->limits.setup_ms);
    } else if (conn->state == DBR_CONN_SECURED) {
        expire_secured(swarm, conn);
    }
}

void dbr_conn_expire(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    dbr_conn_touch(swarm, conn);
    switch (conn->state) {
    case DBR_CONN_DIALING:
        expire_dialing(swarm, conn);
        break;
    case DBR_CONN_HANDSHAKE:
    case DBR_CONN_SECURED:
        expire_open(swarm, conn);
        break;
    case DBR_CONN_CLOSING:
        if (swarm->now >= conn->drain_at) {
            dbr_conn_close(swarm, conn);
        }
        break;
    }
}
