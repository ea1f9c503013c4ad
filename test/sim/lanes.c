/* What a node wants done, and the jobs of its store: the log's batches, the applier, the
 * readers. Each takes its time and is then done at once, by the store as it is in life.
 */
#include "base/alloc.h"
#include "core/inner.h"
#include "world.h"

static dbr_time disk_delay(struct sim_world *w, const struct sim_node *node)
{
    uint64_t spread = w->now < node->disk_slow_until ? 400 : 10;
    return 1 + dbr_rng_below(&w->disk_rng, spread);
}
static void push_job(struct sim_world *w, int i, enum sim_event_type type,
                     struct dbr_query_job *query, dbr_time delay)
{
    sim_push(w, (struct sim_event){.at = w->now + delay,
                                   .type = type,
                                   .node = i,
                                   .incarnation = w->nodes[i].incarnation,
                                   .query = query});
}

/* Everything that is queued goes in one batch, as the log thread does it. */
static void start_log(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    if (node->log_batch == NULL && node->log_head != NULL) {
        node->log_batch = node->log_head;
        node->log_head = NULL;
        node->log_tail = &node->log_head;
        push_job(w, i, SIM_LOG, NULL, disk_delay(w, node));
    }
}

static void start_apply(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    if (!node->apply_running && node->apply_head != NULL) {
        node->apply_running = true;
        push_job(w, i, SIM_APPLY, NULL, dbr_rng_below(&w->disk_rng, 6));
    }
}

static bool died(struct sim_world *w, int i)
{
    if (w->nodes[i].is_doomed) {
        sim_crash_and_return(w, i);
        return true;
    }
    return false;
}

/* ---- Jobs -------------------------------------------------------------------------- */

static void log_refused(struct sim_world *w, int i, int err, const debros_detail *detail)
{
    if (err == DEBROS_ENOSPC) {
        w->nodes[i].was_full = true;
        dbr_core_disk_full(w->nodes[i].core, true, w->now);
        sim_seen(w, SIM_SEEN_ENOSPC);
        push_job(w, i, SIM_LOG, NULL, 500);
        return;
    }
    sim_trace(w, "n%d fail-stop: %s", i, detail->text);
    sim_seen(w, SIM_SEEN_EIO_STOP);
    sim_crash_node(w, i, false);
    sim_restart_in(w, i, 300);
}

void sim_log_done(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_log_op *op = node->log_batch;
    debros_detail detail;
    int err = dbr_store_write_log(node->store, op, w->now % 3 != 0, &detail);
    if (died(w, i)) {
        return;
    }
    if (err != 0) {
        log_refused(w, i, err, &detail);
        return;
    }
    if (node->was_full) {
        node->was_full = false;
        dbr_core_disk_full(node->core, false, w->now);
        sim_seen(w, SIM_SEEN_ENOSPC_OVER);
    }
    while (op->next != NULL) {
        op = op->next;
    }
    node->log_batch = NULL;
    sim_short(w);
    dbr_core_log_done(node->core, op->seq, w->now);
    sim_enough(w);
    start_log(w, i);
    sim_drain(w, i);
}

/* Whether the log's statements have been run before, for this job or in vain. */
static void look_ahead(struct sim_world *w, const struct dbr_store *store,
                       const struct dbr_apply_job *job)
{
    uint64_t index = dbr_store_ahead(store);
    if (index != 0) {
        bool in_vain = job->entries == NULL || job->entries->next != NULL ||
                       job->entries->index != index;
        sim_seen(w, in_vain ? SIM_SEEN_AHEAD_UNDONE : SIM_SEEN_AHEAD);
    }
}

void sim_apply_done(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_apply_job *job = node->apply_head;
    look_ahead(w, node->store, job);
    /* In life the node thread tries small ones itself. */
    if (w->now % 2 == 0 || !dbr_store_apply_quick(node->store, job)) {
        dbr_store_apply(node->store, job);
    }
    if (died(w, i)) {
        return;
    }
    uint64_t first = job->entries != NULL ? job->entries->index : job->index;
    sim_trace(w, "n%d apply type %d from %llu: applied %llu, %s", i, (int)job->type,
              (unsigned long long)first, (unsigned long long)job->applied,
              debros_err_name(job->status));
    if (job->status == DEBROS_ENOSPC && job->type != DBR_APPLY_FREEZE) {
        job->status = 0;
        sim_seen(w, SIM_SEEN_ENOSPC_APPLY);
        push_job(w, i, SIM_APPLY, NULL, 500);
        return;
    }
    node->apply_head = job->next;
    if (node->apply_head == NULL) {
        node->apply_tail = &node->apply_head;
    }
    job->next = NULL;
    node->apply_running = false;
    if (job->type == DBR_APPLY_RESTORE) {
        sim_seen(w, SIM_SEEN_RESTORE);
    }
    sim_short(w);
    dbr_core_apply_done(node->core, job, w->now);
    sim_enough(w);
    start_apply(w, i);
    sim_drain(w, i);
}

void sim_query_done(struct sim_world *w, int i, struct dbr_query_job *query)
{
    struct sim_node *node = &w->nodes[i];
    /* In life the node thread tries one that is alone itself. */
    if (w->now % 2 == 0 && dbr_store_query_quick(node->store, query)) {
        sim_seen(w, SIM_SEEN_QUICK_QUERY);
    } else {
        dbr_store_query(node->store, query, 0);
    }
    sim_short(w);
    dbr_core_query_done(node->core, query, w->now);
    sim_enough(w);
    sim_drain(w, i);
}

/* The node is gone: what it had queued is, too. */
void sim_drop_jobs(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    while (node->apply_head != NULL) {
        struct dbr_apply_job *next = node->apply_head->next;
        dbr_apply_job_destroy(node->apply_head);
        node->apply_head = next;
    }
    for (size_t k = 0; k < w->n_heap; k++) {
        if (w->heap[k].type == SIM_QUERY && w->heap[k].node == i) {
            dbr_query_job_destroy(w->heap[k].query);
            w->heap[k].query = NULL;
        }
    }
    node->apply_tail = &node->apply_head;
    node->apply_running = false;
    sim_bulk_drop(w, i);
    sim_network_drop(w, i);
    node->log_head = NULL;
    node->log_batch = NULL;
    node->log_tail = &node->log_head;
}

/* ---- Effects ----------------------------------------------------------------------- */

static void joined(struct sim_world *w, int i, const struct dbr_joined *joined)
{
    struct sim_node *node = &w->nodes[i];
    if (w->faults) {
        sim_seen(w, SIM_SEEN_JOINED_LATE);
    }
    node->has_cluster = true;
    node->n_members = joined->n_members < 8 ? joined->n_members : 8;
    memcpy(node->members, joined->members, node->n_members * sizeof(*joined->members));
    sim_trace(w, "n%d joined", i);
    node->restart_planned = true;
    sim_restart_in(w, i, 0);
}

static void end_of_life(struct sim_world *w, int i, const struct dbr_effect *effect)
{
    sim_trace(w, "n%d %s %s", i, effect->type == DBR_CORE_FATAL ? "fatal:" : "stopped",
              effect->detail);
    if (effect->type == DBR_CORE_FATAL && effect->status == DEBROS_EINTERNAL) {
        sim_fail(w, "node %d: %s", i, effect->detail);
    }
    w->nodes[i].is_stopping = true;
    if (effect->type == DBR_CORE_STOPPED && w->nodes[i].stopped_as_leader &&
        sim_leader(w) >= 0 && sim_leader(w) != i) {
        sim_seen(w, SIM_SEEN_STOP_LEADER);
    }
    sim_restart_in(w, i, effect->type == DBR_CORE_FATAL ? 300 : 1);
}

static bool has_change(const struct dbr_log_op *op)
{
    for (size_t k = 0; op->type == DBR_LOG_APPEND && k < op->n_entries; k++) {
        if (op->entries[k].type == DBR_ENTRY_CHANGE) {
            return true;
        }
    }
    return false;
}

static void queue_log(struct sim_world *w, int i, struct dbr_log_op *op)
{
    struct sim_node *node = &w->nodes[i];
    if (op->type == DBR_LOG_TRUNCATE) {
        sim_seen(w, SIM_SEEN_TRUNCATE);
    } else if (op->type == DBR_LOG_SNAPSHOT) {
        sim_seen(w, SIM_SEEN_COMPACT);
    } else if (op->type == DBR_LOG_INSTALL) {
        sim_seen(w, SIM_SEEN_INSTALL);
    } else if (w->faults && node->leads && has_change(op)) {
        sim_seen(w, SIM_SEEN_CHANGE);
        if (w->parted_by != 0) {
            sim_seen(w, SIM_SEEN_CHANGE_PARTED);
        }
    }
    op->next = NULL;
    *node->log_tail = op;
    node->log_tail = &op->next;
    sim_nemesis_aim(w, i, op);
}

static void queue_apply(struct sim_world *w, int i, struct dbr_apply_job *job)
{
    struct sim_node *node = &w->nodes[i];
    sim_history_committed(w, i, job->entries);
    job->next = NULL;
    *node->apply_tail = job;
    node->apply_tail = &job->next;
}

/* A full disk is seen once a batch of the log waits for it. */
static void measure(struct sim_world *w, int i)
{
    const struct sim_node *node = &w->nodes[i];
    struct dbr_host host = {.folder = "sim",
                            .disk_free = UINT64_MAX,
                            .apply_detail = "",
                            .max_pending = 4096};
    if (node->was_full || (node->log_batch != NULL && w->now < node->disk_full_until)) {
        host.log_waits_ms = 1;
        host.disk_free = 0;
    }
    dbr_core_measured(node->core, &host, w->now);
}

static void run_effect(struct sim_world *w, int i, struct dbr_effect *effect)
{
    switch (effect->type) {
    case DBR_CORE_DIAL:
        sim_dial(w, i, effect);
        break;
    case DBR_CORE_WRITE:
        sim_write(w, i, effect->conn);
        break;
    case DBR_CORE_CLOSE:
        sim_close(w, i, effect->conn);
        break;
    case DBR_CORE_LOG:
        queue_log(w, i, effect->op);
        break;
    case DBR_CORE_APPLY:
        queue_apply(w, i, effect->apply);
        break;
    case DBR_CORE_QUERY:
        push_job(w, i, SIM_QUERY, effect->query, dbr_rng_below(&w->disk_rng, 4));
        break;
    case DBR_CORE_BULK:
        sim_bulk_add(w, i, effect->bulk);
        break;
    case DBR_CORE_NETWORK:
        sim_network_add(w, i, effect->network);
        break;
    case DBR_CORE_DONE:
        sim_op_done(w, DBR_CONTAINER_OF(effect->request, struct sim_op, request));
        break;
    case DBR_CORE_JOINED:
        joined(w, i, effect->joined);
        break;
    case DBR_CORE_STOPPED:
    case DBR_CORE_FATAL:
        end_of_life(w, i, effect);
        break;
    case DBR_CORE_MULTICAST:
        if (w->multicast != NULL) {
            w->multicast(w->multicast_data, i, effect);
        }
        break;
    case DBR_CORE_MEASURE:
        measure(w, i);
        break;
    case DBR_CORE_READY:
        break;
    }
}

/* The last thing that the node said was never heard. */
static void drop_effect(struct dbr_effect *effect)
{
    if (effect->type == DBR_CORE_APPLY) {
        dbr_apply_job_destroy(effect->apply);
    } else if (effect->type == DBR_CORE_QUERY) {
        dbr_query_job_destroy(effect->query);
    } else if (effect->type == DBR_CORE_BULK) {
        dbr_bulk_job_destroy(effect->bulk);
    } else if (effect->type == DBR_CORE_NETWORK) {
        dbr_network_job_destroy(effect->network);
    }
}

/* ---- Roles ------------------------------------------------------------------------- */

/* Election safety: at most one node leads a term. */
static void leads(struct sim_world *w, int i, uint64_t term)
{
    int *leader = &w->leader_of[term < SIM_TERMS_MAX ? term : 0];
    if (*leader != 0 && *leader != i + 1 && term < SIM_TERMS_MAX) {
        sim_fail(w, "nodes %d and %d both lead term %llu", *leader - 1, i,
                 (unsigned long long)term);
    }
    *leader = i + 1;
    if (!w->nodes[i].leads || w->nodes[i].led_term != term) {
        w->nodes[i].leads = true;
        w->nodes[i].led_term = term;
        sim_seen(w, SIM_SEEN_LEADER);
        if (w->last_leader != 0 && w->last_leader != i + 1) {
            sim_seen(w, SIM_SEEN_LEADER_CHANGE);
        }
        w->last_leader = i + 1;
    }
}

static void stands(struct sim_world *w, int i, uint64_t term)
{
    int *first = &w->stood_in[term < SIM_TERMS_MAX ? term : 0];
    if (*first == 0) {
        *first = i + 1;
    } else if (*first > 0 && *first != i + 1) {
        *first = -1;
        sim_seen(w, SIM_SEEN_SPLIT_VOTE);
    }
}

static void look_at_voters(struct sim_world *w, struct sim_node *node,
                           const struct dbr_consensus_status *status)
{
    size_t n = 0;
    for (size_t k = 0; k < status->n_servers; k++) {
        n += status->servers[k].role == DBR_SERVER_VOTER;
    }
    if (w->faults && node->leads && n > node->n_voters && node->n_voters > 0) {
        sim_seen(w, SIM_SEEN_PROMOTED);
    }
    node->n_voters = n;
}

static void look_at_role(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_consensus_status status;
    if (node->phase != SIM_MEMBER) {
        return;
    }
    dbr_consensus_status(node->core->consensus, &status);
    if (status.role == DBR_CONSENSUS_LEADER) {
        leads(w, i, status.term);
    } else if (node->leads) {
        node->leads = false;
        sim_ops_outlive(w, i);
        if (node->slept_leading && w->now - node->paused_until < 1000) {
            sim_seen(w, SIM_SEEN_STALE_LEADER);
        }
    }
    look_at_voters(w, node, &status);
    /* A term of its own making, and no leader: this node asks for votes. */
    if (status.role == DBR_CONSENSUS_CANDIDATE && status.term > node->term) {
        stands(w, i, status.term);
    }
    node->term = status.term;
}

/* The client has turned to another member. */
static void look_at_route(struct sim_world *w, struct sim_node *node)
{
    const struct dbr_peer_id *now = &node->core->route;
    if (!dbr_peer_id_is_none(now) && !dbr_peer_id_equal(now, &node->route)) {
        if (!dbr_peer_id_is_none(&node->route)) {
            sim_seen(w, SIM_SEEN_FAILOVER);
        }
        node->route = *now;
    }
}

void sim_drain(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_effect effect;
    uint64_t incarnation = node->incarnation;
    while (node->core != NULL && node->incarnation == incarnation && !died(w, i) &&
           dbr_core_poll(node->core, &effect, w->now)) {
        if (node->is_doomed) {
            drop_effect(&effect);
            continue;
        }
        sim_trace(w, "n%d effect %d conn %llu", i, (int)effect.type,
                  (unsigned long long)effect.conn);
        run_effect(w, i, &effect);
    }
    if (node->incarnation == incarnation && node->core != NULL && !died(w, i)) {
        look_at_role(w, i);
        look_at_route(w, node);
        start_log(w, i);
        start_apply(w, i);
        sim_bulk_start(w, i);
    }
}
