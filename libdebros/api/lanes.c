#include "api/lanes.h"

#include "api/life.h"
#include "api/node.h"
#include "base/failpoint.h"

#define MODULE         "store"
#define MEASURE_MAX_US 1000000 /* longer ones count as this */

/* ---- The log thread -----------------------------------------------------------------
 */

/* Adds the time since `begin`. */
static void measure(_Atomic uint32_t *average, uint64_t begin)
{
    int64_t took = (int64_t)(dbr_loop_now_us() - begin);
    int64_t before = atomic_load_explicit(average, memory_order_relaxed);
    took = took < MEASURE_MAX_US ? took : MEASURE_MAX_US;
    int64_t now = before + (took - before) / 8;
    atomic_store_explicit(average, (uint32_t)now, memory_order_relaxed);
}

static bool is_short(_Atomic uint32_t *average)
{
    return atomic_load_explicit(average, memory_order_relaxed) <= DBR_LANES_INLINE_US;
}

/* One try, and how long it took. */
static int write_once(debros_node *node, struct dbr_log_op *ops, bool ahead,
                      debros_detail *detail)
{
    DBR_FAILPOINT("api.lanes.write_once");
    uint64_t begin = dbr_loop_now_us();
    dbr_gauges_flush_begins(&node->gauges);
    int err = dbr_store_write_log(node->store, ops, ahead, detail);
    dbr_gauges_flush_ended(&node->gauges, err);
    measure(&node->lanes.flush_us, begin);
    return err;
}

static void log_failed(struct dbr_lanes *lanes, int err, const debros_detail *detail)
{
    lanes->log_detail = *detail;
    atomic_store(&lanes->log_status, err); /* from here the detail stays */
}

/* The same batch again until there is room: nothing is lost, later ones wait. False: the
 * node ends before. */
static bool write_batch(debros_node *node, struct dbr_lane *lane, struct dbr_log_op *ops)
{
    struct dbr_lanes *lanes = &node->lanes;
    debros_detail detail = {.text = ""};
    int err;
    while ((err = write_once(node, ops, false, &detail)) == DEBROS_ENOSPC) {
        if (!atomic_exchange(&lanes->is_full, true)) {
            dbr_log(&node->logger, DEBROS_LOG_ERROR, MODULE,
                    "no space left in '%s': writes wait until there is room",
                    node->fs->root);
        }
        if (!dbr_lane_pause(lane, DBR_LANES_RETRY_MS)) {
            return false;
        }
    }
    if (atomic_exchange(&lanes->is_full, false)) {
        dbr_log(&node->logger, DEBROS_LOG_WARN, MODULE, "there is room in '%s' again",
                node->fs->root);
    }
    if (err != 0) {
        log_failed(lanes, err, &detail);
    }
    return err == 0;
}

static void run_log(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    debros_node *node = data;
    (void)thread;
    if (atomic_load(&node->lanes.log_status) == 0) {
        (void)write_batch(node, lane, jobs);
    }
}

static void log_done(void *data, void *jobs)
{
    debros_node *node = data;
    int err = atomic_load(&node->lanes.log_status);
    if (err != 0) {
        dbr_life_fail(node, err, node->lanes.log_detail.text);
        return;
    }
    if (node->phase == DBR_PHASE_CLOSING) {
        return;
    }
    /* The core frees the ops: the last number is all that counts. */
    uint64_t seq = 0;
    for (const struct dbr_log_op *op = jobs; op != NULL; op = op->next) {
        seq = op->seq;
    }
    dbr_core_log_done(node->core, seq, dbr_life_fact(node));
}

/* ---- The applier --------------------------------------------------------------------
 */

struct dbr_apply_job *dbr_lanes_merge(struct dbr_apply_job *jobs)
{
    struct dbr_apply_job *last = jobs;
    struct dbr_apply_entry **end = &jobs->entries;
    for (size_t n = 1; n < DBR_LANES_MAX_MERGE && last->next != NULL; n++) {
        if (last->type != DBR_APPLY_ENTRIES || last->next->type != DBR_APPLY_ENTRIES) {
            break;
        }
        last = last->next;
        while (*end != NULL) {
            end = &(*end)->next;
        }
        *end = last->entries;
        last->entries = NULL;
    }
    return last;
}

void dbr_lanes_split(struct dbr_apply_job *first, struct dbr_apply_job *last)
{
    for (struct dbr_apply_job *job = first; job != last;) {
        job = job->next;
        job->status = first->status;
        job->detail = first->detail;
        job->applied = first->applied;
        job->database_size = first->database_size;
    }
}

/* Of one job. */
static size_t count_bytes(const struct dbr_apply_job *job)
{
    size_t bytes = 0;
    for (const struct dbr_apply_entry *e = job->entries; e != NULL; e = e->next) {
        bytes += e->data.len;
    }
    return bytes;
}

/* Jobs of few entries of few bytes. */
static bool are_small_jobs(const struct dbr_apply_job *job)
{
    size_t bytes = 0;
    for (; job != NULL && bytes <= DBR_LANES_QUICK_BYTES; job = job->next) {
        if (job->type != DBR_APPLY_ENTRIES) {
            return false;
        }
        bytes += count_bytes(job);
    }
    return bytes <= DBR_LANES_QUICK_BYTES;
}

static bool is_wanted(const struct dbr_apply_job *job)
{
    const struct dbr_apply_entry *e = job->entries;
    while (e != NULL && !e->wanted) {
        e = e->next;
    }
    return job->type != DBR_APPLY_ENTRIES || e != NULL;
}

static void apply_once(debros_node *node, struct dbr_apply_job *job)
{
    dbr_store_apply(node->store, job);
    if (job->type == DBR_APPLY_ENTRIES || job->type == DBR_APPLY_RESTORE) {
        dbr_gauges_applied(&node->gauges, job->status, job->detail.text);
    }
}

/* The same job again until there is room; what it has answered stays. False: the node
 * ends before, the next start applies it. */
static bool apply_one(debros_node *node, struct dbr_lane *lane, struct dbr_apply_job *job)
{
    struct dbr_lanes *lanes = &node->lanes;
    /* A checkpoint is asked for again by the log. */
    bool waits = job->type == DBR_APPLY_ENTRIES || job->type == DBR_APPLY_RESTORE;
    apply_once(node, job);
    while (waits && job->status == DEBROS_ENOSPC) {
        if (!atomic_exchange(&lanes->apply_is_full, true)) {
            dbr_log(&node->logger, DEBROS_LOG_ERROR, MODULE,
                    "%s: no space left: writes wait until there is room",
                    job->detail.text);
        }
        if (!dbr_lane_pause(lane, DBR_LANES_RETRY_MS)) {
            return false;
        }
        apply_once(node, job);
    }
    if (atomic_exchange(&lanes->apply_is_full, false)) {
        dbr_log(&node->logger, DEBROS_LOG_WARN, MODULE,
                "there is room for the databases in '%s' again", node->fs->root);
    }
    return true;
}

static void run_apply(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    debros_node *node = data;
    (void)thread;
    for (struct dbr_apply_job *job = jobs; job != NULL;) {
        uint64_t begin = dbr_loop_now_us();
        bool is_small = job->next == NULL && are_small_jobs(job);
        struct dbr_apply_job *last = dbr_lanes_merge(job);
        if (!apply_one(node, lane, job)) {
            return;
        }
        if (is_small) {
            measure(&node->lanes.apply_us, begin);
        }
        dbr_lanes_split(job, last);
        job = last->next;
        if (job != NULL && !dbr_lane_pause(lane, 0)) {
            return; /* the rest is in the log: the next start applies it */
        }
    }
}

static void apply_done(void *data, void *jobs)
{
    debros_node *node = data;
    for (struct dbr_apply_job *job = jobs, *next; job != NULL; job = next) {
        next = job->next;
        job->next = NULL;
        if (node->phase == DBR_PHASE_CLOSING) {
            dbr_apply_job_destroy(job);
        } else {
            dbr_core_apply_done(node->core, job, dbr_life_fact(node));
        }
    }
}

/* ---- The readers --------------------------------------------------------------------
 */

static void run_query(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    debros_node *node = data;
    (void)lane;
    dbr_store_query(node->store, jobs, thread);
}

static void query_done(void *data, void *jobs)
{
    debros_node *node = data;
    for (struct dbr_query_job *job = jobs, *next; job != NULL; job = next) {
        next = job->next;
        job->next = NULL;
        if (node->phase == DBR_PHASE_CLOSING) {
            dbr_query_job_destroy(job);
        } else {
            dbr_core_query_done(node->core, job, dbr_life_fact(node));
        }
    }
}

/* ---- Bulk work of snapshots ----------------------------------------------------------
 */

static void run_bulk(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    debros_node *node = data;
    (void)thread;
    for (struct dbr_bulk_job *job = jobs; job != NULL; job = job->next) {
        dbr_store_bulk(node->store, job);
        if (job->next != NULL && !dbr_lane_pause(lane, 0)) {
            return; /* what was received goes on at the next start */
        }
    }
}

static void bulk_done(void *data, void *jobs)
{
    debros_node *node = data;
    for (struct dbr_bulk_job *job = jobs, *next; job != NULL; job = next) {
        next = job->next;
        job->next = NULL;
        if (node->phase == DBR_PHASE_CLOSING) {
            dbr_bulk_job_destroy(job);
        } else {
            dbr_core_bulk_done(node->core, job, dbr_life_fact(node));
        }
    }
}

/* ---- What is known of the network ----------------------------------------------------
 */

/* The core gives one at a time. */
static void run_network(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    debros_node *node = data;
    (void)lane;
    (void)thread;
    dbr_store_write_network(node->store, jobs);
}

static void network_done(void *data, void *jobs)
{
    debros_node *node = data;
    if (node->phase == DBR_PHASE_CLOSING) {
        dbr_network_job_destroy(jobs);
    } else {
        dbr_core_network_done(node->core, jobs, dbr_life_fact(node));
    }
}

/* ---- Life ---------------------------------------------------------------------------
 */

static int start_network(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    struct dbr_lane_config config = {.name = "debros-network",
                                     .n_threads = 1,
                                     .link_offset =
                                         offsetof(struct dbr_network_job, next),
                                     .run = run_network,
                                     .done = network_done,
                                     .data = node};
    dbr_chain_init(&lanes->network_queue, config.link_offset);
    return dbr_lane_create(&lanes->network, node->loop, &config);
}

int dbr_lanes_start(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    struct dbr_lane_config log = {.name = "debros-log",
                                  .n_threads = 1,
                                  .link_offset = offsetof(struct dbr_log_op, next),
                                  .run = run_log,
                                  .done = log_done,
                                  .data = node};
    struct dbr_lane_config apply = {.name = "debros-apply",
                                    .n_threads = 1,
                                    .link_offset = offsetof(struct dbr_apply_job, next),
                                    .run = run_apply,
                                    .done = apply_done,
                                    .data = node};
    struct dbr_lane_config query = {.name = "debros-read",
                                    .n_threads = DBR_LANES_READERS,
                                    .link_offset = offsetof(struct dbr_query_job, next),
                                    .run = run_query,
                                    .done = query_done,
                                    .data = node};
    struct dbr_lane_config bulk = {.name = "debros-bulk",
                                   .n_threads = 1,
                                   .link_offset = offsetof(struct dbr_bulk_job, next),
                                   .run = run_bulk,
                                   .done = bulk_done,
                                   .data = node};
    dbr_chain_init(&lanes->log_queue, log.link_offset);
    dbr_chain_init(&lanes->apply_queue, apply.link_offset);
    dbr_chain_init(&lanes->query_queue, query.link_offset);
    dbr_chain_init(&lanes->bulk_queue, bulk.link_offset);
    int err = dbr_lane_create(&lanes->log, node->loop, &log);
    if (err == 0) {
        err = dbr_lane_create(&lanes->apply, node->loop, &apply);
    }
    if (err == 0) {
        err = dbr_lane_create(&lanes->query, node->loop, &query);
    }
    if (err == 0) {
        err = dbr_lane_create(&lanes->bulk, node->loop, &bulk);
    }
    return err == 0 ? start_network(node) : err;
}

bool dbr_lanes_are_full(debros_node *node)
{
    return atomic_load(&node->lanes.is_full) || atomic_load(&node->lanes.apply_is_full);
}

void dbr_lanes_log(debros_node *node, struct dbr_log_op *op)
{
    dbr_chain_push(&node->lanes.log_queue, op);
}

void dbr_lanes_apply(debros_node *node, struct dbr_apply_job *job)
{
    struct dbr_lanes *lanes = &node->lanes;
    bool is_first = lanes->apply_queue.head == NULL;
    dbr_chain_push(&lanes->apply_queue, job);
    lanes->gathered = (is_first ? 0 : lanes->gathered) + count_bytes(job);
    if (is_wanted(job) || lanes->gathered > DBR_LANES_GATHER_BYTES) {
        lanes->gather_until = 0;
    } else if (is_first) {
        lanes->gather_until = dbr_time_add(dbr_loop_now(), DBR_LANES_GATHER_MS);
    }
}

bool dbr_lanes_are_flushing(debros_node *node)
{
    return node->lanes.log != NULL && !dbr_lane_is_idle(node->lanes.log);
}

dbr_time dbr_lanes_deadline(const debros_node *node)
{
    dbr_time until = node->lanes.gather_until;
    return until == 0 ? DBR_TIME_NEVER : until;
}

/* True: what waits for the applier may wait for more. */
static bool gathers(const debros_node *node)
{
    return node->lanes.gather_until > dbr_loop_now() && node->phase != DBR_PHASE_CLOSING;
}

void dbr_lanes_query(debros_node *node, struct dbr_query_job *job)
{
    dbr_chain_push(&node->lanes.query_queue, job);
}

void dbr_lanes_bulk(debros_node *node, struct dbr_bulk_job *job)
{
    dbr_chain_push(&node->lanes.bulk_queue, job);
}

void dbr_lanes_network(debros_node *node, struct dbr_network_job *job)
{
    dbr_chain_push(&node->lanes.network_queue, job);
}

static void give(struct dbr_lane *lane, struct dbr_chain *jobs)
{
    if (jobs->head != NULL) {
        dbr_lane_add(lane, jobs);
    }
}

/* Terms, votes, and entries of few bytes. */
static bool is_small(const struct dbr_log_op *op)
{
    size_t bytes = 0;
    for (; op != NULL && bytes <= DBR_LANES_INLINE_BYTES; op = op->next) {
        if (op->type == DBR_LOG_INSTALL || op->type == DBR_LOG_SNAPSHOT) {
            return false;
        }
        for (size_t i = 0; i < op->n_entries; i++) {
            bytes += op->entries[i].data.len;
        }
    }
    return bytes <= DBR_LANES_INLINE_BYTES;
}

/* The applier has nothing to do, and what is quick is done here. */
static bool may_run_ahead(struct dbr_lanes *lanes)
{
    return lanes->apply_queue.head == NULL && is_short(&lanes->apply_us) &&
           dbr_lane_is_idle(lanes->apply);
}

static bool flush_inline(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    struct dbr_chain *queue = &lanes->log_queue;
    debros_detail detail = {.text = ""};
    if (queue->head == NULL) {
        return false;
    }
    bool is_calm = is_small(queue->head) && dbr_lane_is_idle(lanes->log);
    lanes->calm = !is_calm ? 0 : lanes->calm + (lanes->calm < DBR_LANES_CALM);
    if (lanes->calm < DBR_LANES_CALM || atomic_load(&lanes->log_status) != 0 ||
        atomic_load(&lanes->is_full) || !is_short(&lanes->flush_us)) {
        give(lanes->log, queue);
        return false;
    }
    int err = write_once(node, queue->head, may_run_ahead(lanes), &detail);
    if (err == DEBROS_ENOSPC) {
        give(lanes->log, queue); /* which tries until there is room */
        return false;
    }
    if (err != 0) {
        log_failed(lanes, err, &detail);
    }
    void *ops = queue->head;
    dbr_chain_init(queue, queue->offset);
    log_done(node, ops);
    return true;
}

static bool apply_inline(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    struct dbr_chain *queue = &lanes->apply_queue;
    struct dbr_apply_job *job = queue->head;
    bool done = false;
    if (job == NULL || gathers(node)) {
        return false;
    }
    lanes->gather_until = 0;
    if (lanes->calm >= DBR_LANES_CALM && are_small_jobs(job) &&
        is_short(&lanes->apply_us) && dbr_lane_is_idle(lanes->apply)) {
        uint64_t begin = dbr_loop_now_us();
        struct dbr_apply_job *last = dbr_lanes_merge(job);
        done = last->next == NULL && dbr_store_apply_quick(node->store, job);
        if (done) {
            dbr_lanes_split(job, last);
        }
        measure(&lanes->apply_us, begin);
    }
    if (!done) {
        give(lanes->apply, queue);
        return false;
    }
    dbr_gauges_applied(&node->gauges, job->status, job->detail.text);
    dbr_chain_init(queue, queue->offset);
    apply_done(node, job);
    return true;
}

bool dbr_lanes_run_inline(debros_node *node)
{
    bool flushed = flush_inline(node);
    return apply_inline(node) || flushed;
}

void dbr_lanes_hand_over(debros_node *node)
{
    give(node->lanes.query, &node->lanes.query_queue);
    give(node->lanes.bulk, &node->lanes.bulk_queue);
    give(node->lanes.network, &node->lanes.network_queue);
}

static void drop_queued(struct dbr_lanes *lanes)
{
    void *job;
    /* Log operations belong to the core's log. */
    while (dbr_chain_pop(&lanes->log_queue) != NULL) {
    }
    while ((job = dbr_chain_pop(&lanes->apply_queue)) != NULL) {
        dbr_apply_job_destroy(job);
    }
    while ((job = dbr_chain_pop(&lanes->query_queue)) != NULL) {
        dbr_query_job_destroy(job);
    }
    while ((job = dbr_chain_pop(&lanes->bulk_queue)) != NULL) {
        dbr_bulk_job_destroy(job);
    }
}

void dbr_lanes_close(debros_node *node)
{
    if (node->lanes.bulk == NULL) { /* the last to be made; a client has none */
        drop_queued(&node->lanes);
        return;
    }
    dbr_lanes_hand_over(node);
    (void)dbr_lanes_run_inline(node);
}

static void drop_jobs(struct dbr_lanes *lanes)
{
    void *job;
    /* Log operations belong to the core's log. */
    while (lanes->log != NULL && dbr_lane_take(lanes->log) != NULL) {
    }
    while (lanes->apply != NULL && (job = dbr_lane_take(lanes->apply)) != NULL) {
        dbr_apply_job_destroy(job);
    }
    while (lanes->query != NULL && (job = dbr_lane_take(lanes->query)) != NULL) {
        dbr_query_job_destroy(job);
    }
    while (lanes->bulk != NULL && (job = dbr_lane_take(lanes->bulk)) != NULL) {
        dbr_bulk_job_destroy(job);
    }
    while (lanes->network != NULL && (job = dbr_lane_take(lanes->network)) != NULL) {
        dbr_network_job_destroy(job);
    }
}

void dbr_lanes_stop(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    if (lanes->log != NULL) {
        dbr_lane_stop(lanes->log, true);
    }
    if (lanes->apply != NULL) {
        dbr_lane_stop(lanes->apply, false);
    }
    if (lanes->query != NULL) {
        dbr_lane_stop(lanes->query, false);
    }
    if (lanes->bulk != NULL) {
        dbr_lane_stop(lanes->bulk, false);
    }
    if (lanes->network != NULL) {
        dbr_lane_stop(lanes->network, false);
    }
    drop_jobs(lanes);
    dbr_lane_free(lanes->log);
    dbr_lane_free(lanes->apply);
    dbr_lane_free(lanes->query);
    dbr_lane_free(lanes->bulk);
    dbr_lane_free(lanes->network);
    lanes->log = lanes->apply = lanes->query = lanes->bulk = lanes->network = NULL;
}
