/* What the driver tells the swarm. */
#include "base/logger.h"
#include "state.h"

/* Counts what the gate has refused. */
static void count_refused(struct dbr_swarm_stats *stats, enum dbr_gate_verdict verdict)
{
    stats->full_host += verdict == DBR_GATE_HOST;
    stats->full_net += verdict == DBR_GATE_NET;
    stats->too_often += verdict == DBR_GATE_RATE;
    stats->too_many_handshakes += verdict == DBR_GATE_HANDSHAKES;
}

void dbr_swarm_accepted(struct dbr_swarm *swarm, uint64_t id,
                        const struct dbr_multiaddr *remote, dbr_time now)
{
    dbr_swarm_set_now(swarm, now);
    bool full = swarm->n_half_open >= swarm->limits.half_open;
    struct dbr_conn *conn = dbr_conn_create(swarm, id, true, remote);
    if (conn == NULL) {
        dbr_log(swarm->logger, DEBROS_LOG_ERROR, DBR_SWARM_MODULE,
                "out of memory: a new connection is ignored");
        return;
    }
    swarm->stats.accepted++;
    if (full) {
        swarm->stats.full_half_open++;
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD, DEBROS_ELIMIT,
                     "the limit of %u connections in handshake is reached",
                     swarm->limits.half_open);
        return;
    }
    enum dbr_gate_verdict verdict =
        dbr_gate_enter(&swarm->gate, &swarm->limits, remote, swarm->now, &conn->pass);
    if (verdict != DBR_GATE_ENTER) {
        count_refused(&swarm->stats, verdict);
        dbr_conn_end(swarm, conn, DBR_CONN_DEAD,
                     verdict == DBR_GATE_NO_MEMORY ? DEBROS_ENOMEM : DEBROS_ELIMIT, "%s",
                     dbr_gate_words(verdict));
        return;
    }
    dbr_conn_start(swarm, conn);
}

void dbr_swarm_dialed(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    dbr_swarm_set_now(swarm, now);
    if (conn != NULL && conn->state == DBR_CONN_DIALING) {
        dbr_conn_start(swarm, conn);
    }
}

void dbr_swarm_dial_failed(struct dbr_swarm *swarm, uint64_t id, const char *detail,
                           dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    dbr_swarm_set_now(swarm, now);
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
    dbr_swarm_set_now(swarm, now);
    if (conn != NULL && !conn->gone) {
        dbr_conn_recv(swarm, conn, bytes);
    }
}

void dbr_swarm_closed(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_conn *conn = dbr_conn_find(swarm, id);
    dbr_swarm_set_now(swarm, now);
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
    dbr_swarm_set_now(swarm, now);
    if (conn != NULL) {
        dbr_assert(len <= conn->in_flight);
        conn->in_flight -= len;
        conn->progress_at = swarm->now;
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
