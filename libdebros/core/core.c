#include "core.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/failpoint.h"
#include "inner.h"

void dbr_core_effect(struct dbr_core *core, const struct dbr_effect *effect)
{
    struct dbr_effect full = *effect;
    if (full.detail == NULL) {
        full.detail = "";
    }
    /* Ops, jobs and requests must not be lost: the ring's limit is far above what the
     * tables below allow, and only memory can end it. */
    if (!dbr_ring_push(&core->effects, &full)) {
        dbr_core_fatal(core, DEBROS_ENOMEM, "out of memory");
    }
}

void dbr_core_fatal(struct dbr_core *core, int status, const char *format, ...)
{
    if (core->is_fatal) {
        return;
    }
    core->is_fatal = true;
    va_list args;
    va_start(args, format);
    vsnprintf(core->detail.text, sizeof(core->detail.text), format, args);
    va_end(args);
    dbr_log(core->config.logger, DEBROS_LOG_ERROR, "core", "%s", core->detail.text);
    struct dbr_effect effect = {
        .type = DBR_CORE_FATAL, .status = status, .detail = core->detail.text};
    dbr_ring_push(&core->effects, &effect);
}

/* ---- In: time ---------------------------------------------------------------------- */

void dbr_core_wall(struct dbr_core *core, int64_t wall_ms)
{
    core->wall_ms = wall_ms;
    dbr_swarm_wall(core->swarm, wall_ms);
    if (core->sql != NULL) {
        dbr_sql_wall(core->sql, wall_ms);
    }
    core->kad_wall_is_old = core->kad != NULL;
}

/* When a stop ends. */
static dbr_time ends_at(const struct dbr_core *core)
{
    bool may_end = core->stop_at == DBR_TIME_NEVER || dbr_network_is_saved(core);
    return may_end ? core->stop_at : core->stop_by;
}

dbr_time dbr_core_deadline(const struct dbr_core *core)
{
    dbr_time at = dbr_time_min(dbr_swarm_deadline(core->swarm), core->tickets_at);
    if (core->sql != NULL && !core->is_fatal) { /* which flushes no more */
        at = dbr_time_min(at, dbr_sql_deadline(core->sql));
    }
    if (core->consensus != NULL) {
        at = dbr_time_min(at, dbr_consensus_deadline(core->consensus));
        at = dbr_time_min(at, dbr_membership_deadline(core));
        at = dbr_time_min(at, dbr_transfer_deadline(core->transfer));
        at = dbr_time_min(at, dbr_kad_link_deadline(core->kad));
        at = dbr_time_min(at, dbr_learner_deadline(core));
        at = dbr_time_min(at, dbr_discovery_deadline(core));
        at = dbr_time_min(at, dbr_network_deadline(core));
        at = dbr_time_min(at, dbr_services_deadline(core));
    } else {
        at = dbr_time_min(at, dbr_client_deadline(core));
    }
    at = dbr_time_min(at, dbr_mdns_link_deadline(core));
    return dbr_time_min(at, ends_at(core));
}

static void stopped(struct dbr_core *core)
{
    DBR_FAILPOINT("core.core.stopped");
    core->stop_at = DBR_TIME_NEVER;
    struct dbr_effect effect = {.type = DBR_CORE_STOPPED};
    dbr_core_effect(core, &effect);
}

void dbr_core_expire(struct dbr_core *core, dbr_time now)
{
    if (dbr_swarm_deadline(core->swarm) <= now) {
        dbr_swarm_expire(core->swarm, now);
    }
    if (core->consensus != NULL) {
        if (dbr_consensus_deadline(core->consensus) <= now) {
            dbr_consensus_expire(core->consensus, now);
        }
        dbr_membership_expire(core, now);
        if (dbr_transfer_deadline(core->transfer) <= now) {
            dbr_transfer_expire(core->transfer, now);
        }
        dbr_kad_link_expire(core->kad, now);
        dbr_learner_expire(core, now);
        dbr_discovery_expire(core, now);
        dbr_services_expire(core, now);
    } else if (dbr_client_deadline(core) <= now) {
        dbr_client_expire(core, now);
    }
    if (core->sql != NULL) {
        dbr_sql_expire(core->sql, now);
    }
    dbr_tickets_expire(core, now);
    dbr_mdns_link_expire(core, now);
    if (ends_at(core) <= now) {
        stopped(core);
    }
}

/* ---- In: the network ------------------------------------------------------------------
 */

void dbr_core_listening(struct dbr_core *core, const struct dbr_multiaddr *addr,
                        dbr_time now)
{
    (void)now;
    dbr_swarm_listening(core->swarm, addr);
}

void dbr_core_not_listening(struct dbr_core *core, const struct dbr_multiaddr *addr,
                            dbr_time now)
{
    (void)now;
    dbr_swarm_not_listening(core->swarm, addr);
}

void dbr_core_accepted(struct dbr_core *core, uint64_t conn,
                       const struct dbr_multiaddr *remote, dbr_time now)
{
    dbr_swarm_accepted(core->swarm, conn, remote, now);
}

void dbr_core_dialed(struct dbr_core *core, uint64_t conn, dbr_time now)
{
    dbr_swarm_dialed(core->swarm, conn, now);
}

void dbr_core_dial_failed(struct dbr_core *core, uint64_t conn, const char *detail,
                          dbr_time now)
{
    dbr_swarm_dial_failed(core->swarm, conn, detail, now);
}

void dbr_core_recv(struct dbr_core *core, uint64_t conn, debros_bytes bytes, dbr_time now)
{
    dbr_swarm_recv(core->swarm, conn, bytes, now);
}

void dbr_core_closed(struct dbr_core *core, uint64_t conn, dbr_time now)
{
    dbr_swarm_closed(core->swarm, conn, now);
}

void dbr_core_written(struct dbr_core *core, uint64_t conn, size_t len, dbr_time now)
{
    dbr_swarm_written(core->swarm, conn, len, now);
}

bool dbr_core_dial_name(const struct dbr_core *core, uint64_t conn, struct dbr_name *name)
{
    struct dbr_multiaddr remote;
    return dbr_swarm_remote(core->swarm, conn, &remote) &&
           dbr_multiaddr_name(&remote, name);
}

struct dbr_buf dbr_core_take_output(struct dbr_core *core, uint64_t conn)
{
    return dbr_swarm_take_output(core->swarm, conn);
}

/* ---- In: the store
 * --------------------------------------------------------------------- */

void dbr_core_log_done(struct dbr_core *core, uint64_t seq, dbr_time now)
{
    DBR_FAILPOINT("core.core.log_done");
    dbr_consensus_log_done(core->consensus, seq, now);
}

static void entries_done(struct dbr_core *core, struct dbr_apply_job *job, dbr_time now)
{
    DBR_FAILPOINT("core.core.entries_done");
    core->applied = job->applied;
    core->apply_moved_at = now;
    core->database_size = job->database_size;
    dbr_sql_applied(core->sql, job->outcomes, job->applied, now);
    job->outcomes = NULL;
    if (job->system_changed) {
        dbr_membership_changed(core, now);
    }
}

void dbr_core_apply_done(struct dbr_core *core, struct dbr_apply_job *job, dbr_time now)
{
    /* A checkpoint that the disk failed is no matter of trying again: a second fsync
     * may say that all is well when it is not. */
    bool may_fail = job->type == DBR_APPLY_FREEZE ||
                    (job->type == DBR_APPLY_CHECKPOINT && job->status != DEBROS_EIO);
    if (job->status != 0 && !may_fail) {
        dbr_core_fatal(core, job->status, "the database cannot go on: %s",
                       job->detail.text);
    } else if (job->type == DBR_APPLY_CHECKPOINT) {
        dbr_consensus_checkpointed(core->consensus, job->status, now);
    } else if (job->type == DBR_APPLY_FREEZE) {
        dbr_transfer_frozen(core->transfer, job->freeze, job->status, now);
    } else {
        if (job->type == DBR_APPLY_RESTORE) {
            job->system_changed = true;
        }
        entries_done(core, job, now);
    }
    if (job->status != 0) {
        dbr_log(core->config.logger, DEBROS_LOG_WARN, "core", "%s", job->detail.text);
    }
    dbr_story_applied(core, job);
    dbr_apply_job_destroy(job);
}

void dbr_core_query_done(struct dbr_core *core, struct dbr_query_job *job, dbr_time now)
{
    dbr_sql_query_done(core->sql, job, now);
}

void dbr_core_bulk_done(struct dbr_core *core, struct dbr_bulk_job *job, dbr_time now)
{
    dbr_transfer_job_done(core->transfer, job, now);
}

void dbr_core_network_done(struct dbr_core *core, struct dbr_network_job *job,
                           dbr_time now)
{
    dbr_network_done(core, job, now);
}

/* ---- In: the application
 * ------------------------------------------------------------------ */

void dbr_core_request(struct dbr_core *core, struct dbr_request *request, dbr_time now)
{
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_REQUEST, request->deadline);
    if (ticket == NULL || core->is_stopping || core->is_fatal || core->sql == NULL) {
        request->status = ticket == NULL ? DEBROS_ENOMEM : DEBROS_ECANCELED;
        struct dbr_effect effect = {.type = DBR_CORE_DONE, .request = request};
        dbr_ticket_destroy(core, ticket);
        dbr_core_effect(core, &effect);
        return;
    }
    ticket->request = request;
    request->token = ticket->token;
    dbr_request_run(core, ticket, now);
}

void dbr_core_cancel(struct dbr_core *core, struct dbr_request *request, dbr_time now)
{
    struct dbr_ticket *ticket = dbr_ticket_find(core, request->token);
    if (ticket == NULL || ticket->request != request) {
        return;
    }
    if (request->type == DBR_REQUEST_EXEC || request->type == DBR_REQUEST_QUERY) {
        dbr_sql_cancel(core->sql, ticket->token);
    } else {
        dbr_ticket_done(core, ticket, DEBROS_ECANCELED, "canceled", now);
    }
}

/* True: another voter is on its way to lead. */
static bool hand_over(struct dbr_core *core, dbr_time now)
{
    struct dbr_consensus_status status;
    if (core->consensus == NULL) {
        return false;
    }
    dbr_consensus_status(core->consensus, &status);
    return status.role == DBR_CONSENSUS_LEADER &&
           dbr_consensus_transfer(core->consensus, 0, now) == 0;
}

void dbr_core_disk_full(struct dbr_core *core, bool is_full, dbr_time now)
{
    if (core->sql != NULL) {
        dbr_sql_set_full(core->sql, is_full);
    }
    if (is_full) {
        (void)hand_over(core, now);
    }
}

void dbr_core_stop(struct dbr_core *core, dbr_time now)
{
    core->is_stopping = true;
    core->stop_by = dbr_time_add(now, DBR_STOP_MS);
    core->stop_at = hand_over(core, now) ? core->stop_by : now;
    dbr_network_stop(core, now);
}

void dbr_core_abort(struct dbr_core *core, int status)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    if (core->sql != NULL) {
        dbr_sql_abort(core->sql, status);
    }
    dbr_core_pump(core, core->now);
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->kind == DBR_TICKET_REQUEST && ticket->stream == 0) {
            dbr_ticket_done(core, ticket, status, "the node stopped", core->now);
        }
    }
}

/* ---- Out
 * --------------------------------------------------------------------------------------
 */

bool dbr_core_poll(struct dbr_core *core, struct dbr_effect *effect, dbr_time now)
{
    if (dbr_ring_pop(&core->effects, effect)) {
        return true;
    }
    dbr_core_pump(core, now);
    return dbr_ring_pop(&core->effects, effect) || dbr_mdns_link_poll(core, effect, now);
}
