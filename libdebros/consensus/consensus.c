/* The machine's turns: a fact comes in, libraft makes of it what it can, and all settles
 * before the next one. start.c has its begin and end, events.c and status.c what it
 * tells. */
#include "consensus/consensus.h"

#include <string.h>

#include "base/check.h"
#include "consensus/machine.h"

#define SETTLE_MAX 64 /* rounds of calls that one fact may lead to */

void dbr_consensus_fail(struct dbr_consensus *c, int err)
{
    if (c->failed == 0) {
        c->failed = err;
    }
}

/* Returns whether the machine runs, with room for what libraft will write. */
static bool begin(struct dbr_consensus *c, dbr_time now)
{
    if (now > c->now) {
        c->now = now;
    }
    if (dbr_consensus_is_running(c) && !dbr_log_queue_prepare(&c->log)) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        dbr_consensus_settle(c);
    }
    return dbr_consensus_is_running(c);
}

/* Remembers the configurations among the entries that have been applied since. */
static void scan_applied(struct dbr_consensus *c)
{
    for (; c->scanned_index < c->raft.last_applied; c->scanned_index++) {
        const struct raft_entry *entry = dbr_consensus_entry(c, c->scanned_index + 1);
        if (entry == NULL || entry->type != RAFT_CHANGE) {
            continue;
        }
        struct raft_configuration configuration;
        int rv = dbr_configuration_decode(&configuration,
                                          dbr_bytes(entry->buf.base, entry->buf.len));
        if (rv == 0) {
            rv = dbr_history_add(&c->committed, c->scanned_index + 1, &configuration);
            raft_configuration_close(&configuration);
        }
        if (rv != 0) {
            dbr_consensus_fail(c, rv);
            return;
        }
    }
    dbr_history_prune(&c->committed, c->raft.log.offset);
}

void dbr_consensus_settle(struct dbr_consensus *c)
{
    dbr_raft_io_mend_cuts(c);
    for (int i = 0; i < SETTLE_MAX && dbr_consensus_is_running(c); i++) {
        bool more = dbr_raft_io_fire(c);
        dbr_repair_1_barrier(c);
        more |= dbr_repair_1_release(c);
        more |= dbr_inbox_deliver_kept(c);
        more |= dbr_requests_settle(c);
        dbr_reads_settle(c);
        if (!more && c->seam.sent.len == 0) {
            break;
        }
    }
    if (c->raft.state == RAFT_UNAVAILABLE) {
        dbr_consensus_fail(c, DEBROS_EINTERNAL);
    }
    if (dbr_consensus_is_running(c)) {
        scan_applied(c);
        dbr_snapshot_ask(c);
    } else {
        dbr_requests_settle(c); /* who waits is answered */
        dbr_reads_settle(c);
    }
    dbr_status_note(c);
}

/* ---- In --------------------------------------------------------------------- */

int dbr_consensus_recv(struct dbr_consensus *c, uint64_t from, debros_bytes message,
                       dbr_time now)
{
    if (!begin(c, now)) {
        return 0;
    }
    int rv = dbr_inbox_recv(c, from, message);
    dbr_consensus_settle(c);
    return rv;
}

void dbr_consensus_lost(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    if (begin(c, now)) {
        dbr_snapshot_lost(c, id);
    }
}

void dbr_consensus_log_done(struct dbr_consensus *c, uint64_t seq, dbr_time now)
{
    dbr_assert(seq <= c->log.last_seq);
    if (!begin(c, now)) {
        return;
    }
    struct dbr_log_item *item;
    while ((item = dbr_log_queue_take(&c->log, seq)) != NULL) {
        dbr_raft_io_durable(c, item);
    }
    dbr_consensus_settle(c);
}

void dbr_consensus_checkpointed(struct dbr_consensus *c, int status, dbr_time now)
{
    if (begin(c, now)) {
        dbr_snapshot_checkpointed(c, status);
        dbr_consensus_settle(c);
    }
}

void dbr_consensus_offer(struct dbr_consensus *c, int status, uint64_t index,
                         struct dbr_buf *descriptor, dbr_time now)
{
    if (begin(c, now)) {
        dbr_snapshot_offer(c, status, index, descriptor);
        dbr_consensus_settle(c);
    } else {
        dbr_buf_finish(descriptor);
    }
}

void dbr_consensus_fetching(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    if (begin(c, now)) {
        dbr_snapshot_fetching(c, id);
    }
}

void dbr_consensus_fetched(struct dbr_consensus *c, int status, debros_bytes descriptor,
                           dbr_time now)
{
    if (begin(c, now)) {
        dbr_inbox_fetched(c, status, descriptor);
        dbr_consensus_settle(c);
    }
}

int dbr_consensus_propose(struct dbr_consensus *c, debros_bytes data, uint64_t *index,
                          uint64_t *term, dbr_time now)
{
    if (!begin(c, now)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_propose(c, data, index, term);
    dbr_consensus_settle(c);
    return rv;
}

int dbr_consensus_read(struct dbr_consensus *c, uint64_t token, dbr_time now)
{
    return begin(c, now) ? dbr_reads_add(c, token) : DEBROS_ENOTLEADER;
}

int dbr_consensus_read_strong(struct dbr_consensus *c, uint64_t token, dbr_time now)
{
    return begin(c, now) ? dbr_reads_add_strong(c, token) : DEBROS_ENOTLEADER;
}

int dbr_consensus_add(struct dbr_consensus *c, uint64_t id, const char *address,
                      dbr_time now)
{
    if (!begin(c, now)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_add(c, id, address);
    dbr_consensus_settle(c);
    return rv;
}

int dbr_consensus_assign(struct dbr_consensus *c, uint64_t id, enum dbr_server_role role,
                         dbr_time now)
{
    if (!begin(c, now)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_assign(c, id, role);
    dbr_consensus_settle(c);
    return rv;
}

int dbr_consensus_remove(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    if (!begin(c, now)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_remove(c, id);
    dbr_consensus_settle(c);
    return rv;
}

int dbr_consensus_transfer(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    if (!begin(c, now)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_transfer(c, id);
    dbr_consensus_settle(c);
    return rv;
}

/* ---- Out -------------------------------------------------------------------- */

bool dbr_consensus_poll(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    memset(event, 0, sizeof(*event));
    if (dbr_consensus_is_running(c) && dbr_reads_flush(c)) {
        dbr_consensus_settle(c);
    }
    return dbr_events_poll(c, event);
}

/* ---- Time ------------------------------------------------------------------- */

dbr_time dbr_consensus_deadline(const struct dbr_consensus *c)
{
    return dbr_consensus_is_running(c) ? c->next_tick : DBR_TIME_NEVER;
}

static void tick(struct dbr_consensus *c)
{
    struct dbr_repair_guest guest = {.swapped = false};
    dbr_repair_6_tick(c);
    if (dbr_repair_8_stands(c)) {
        dbr_repair_8_begin(c, &guest);
    }
    c->seam.tick(&c->io);
    dbr_repair_8_end(c, &guest);
    dbr_repair_8_forget_leader(c);
    dbr_reads_tick(c);
}

void dbr_consensus_expire(struct dbr_consensus *c, dbr_time now)
{
    if (!begin(c, now) || c->now < c->next_tick) {
        return;
    }
    c->next_tick = dbr_time_add(c->now, c->config.heartbeat_ms);
    if (c->raft.state != RAFT_FOLLOWER || !dbr_repair_3_waits(c)) {
        tick(c);
    }
    dbr_consensus_settle(c);
}
