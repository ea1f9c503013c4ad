/* When a connection is to be called again, and what has run out by then. */
#include "state.h"

void dbr_conn_check_idle(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (conn->state != DBR_CONN_SECURED || conn->n_messages > 0) {
        return;
    }
    bool busy = conn->identify != NULL || conn->pinger.waiting;
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

static dbr_time secured_deadline(const struct dbr_swarm *swarm,
                                 const struct dbr_conn *conn)
{
    dbr_time deadline =
        dbr_time_min(dbr_stack_deadline(conn->stack), dbr_ping_deadline(swarm, conn));
    if (is_overdue_stranger(swarm, conn)) {
        deadline = dbr_time_min(deadline, conn->stranger_at);
    }
    if (conn->identify != NULL) {
        deadline = dbr_time_min(deadline, conn->identify_at);
    }
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
        conn->deadline = conn->dial_at;
        break;
    case DBR_CONN_HANDSHAKE:
        conn->deadline = dbr_stack_deadline(conn->stack);
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

static void expire_secured(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (is_overdue_stranger(swarm, conn) && swarm->now >= conn->stranger_at) {
        dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, DEBROS_EACCES,
                     "a stranger has %u ms to show what it may do",
                     swarm->limits.stranger_ms);
        return;
    }
    if (!dbr_ping_expire(swarm, conn)) {
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ETIMEDOUT,
                     "no answer to a ping in %u ms", swarm->limits.ping_timeout_ms);
        return;
    }
    dbr_identify_expire(swarm, conn);
}

void dbr_conn_expire(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    dbr_conn_touch(swarm, conn);
    if (conn->state == DBR_CONN_DIALING) {
        if (swarm->now >= conn->dial_at) {
            dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ETIMEDOUT,
                         "no TCP connection in %u ms", swarm->limits.dial_ms);
        }
        return;
    }
    if (conn->state == DBR_CONN_CLOSING) {
        if (swarm->now >= conn->drain_at) {
            dbr_conn_close(swarm, conn);
        }
        return;
    }
    int err = dbr_stack_expire(conn->stack, swarm->now);
    if (err != 0) {
        dbr_conn_broken(swarm, conn, err);
    } else if (conn->state == DBR_CONN_SECURED) {
        expire_secured(swarm, conn);
    }
}
