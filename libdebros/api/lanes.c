#include "api/lanes.h"

#include "api/life.h"
#include "api/node.h"

#define MEASURE_MAX_US 1000000 /* longer ones count as this */

/* ---- The readers --------------------------------------------------------------------
 */

static void run_query(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    debros_node *node = data;
    (void)lane;
    uint64_t begin = dbr_loop_now_us();
    dbr_store_query(node->store, jobs, thread);
    dbr_lanes_measure(&node->lanes.query_us, begin);
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

/* One that is alone waits for the node thread, which answers it sooner than a reader
 * wakes. Of several the readers answer some while the node thread sends others. */
static void give_queries(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    const struct dbr_query_job *job = lanes->queue[DBR_LANE_QUERY].head;
    bool is_mine = job != NULL && job->next == NULL && node->phase != DBR_PHASE_CLOSING &&
                   dbr_lanes_is_short(&lanes->query_us) &&
                   dbr_lane_is_idle(lanes->lane[DBR_LANE_QUERY]);
    if (!is_mine) {
        dbr_lanes_give(node, DBR_LANE_QUERY);
    }
}

/* True: it is answered. A longer one goes to the readers after all. */
static bool query_inline(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    struct dbr_chain *queue = &lanes->queue[DBR_LANE_QUERY];
    struct dbr_query_job *job = queue->head;
    if (job == NULL) {
        return false;
    }
    uint64_t begin = dbr_loop_now_us();
    if (!dbr_store_query_quick(node->store, job)) {
        dbr_lanes_give(node, DBR_LANE_QUERY);
        return false;
    }
    dbr_lanes_measure(&lanes->query_us, begin);
    dbr_chain_init(queue, queue->offset);
    query_done(node, job);
    return true;
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

/* ---- All of them ---------------------------------------------------------------------
 */

/* Log operations belong to the core's log. */
static void drop_op(void *op)
{
    (void)op;
}

static void drop_apply(void *job)
{
    dbr_apply_job_destroy(job);
}

static void drop_query(void *job)
{
    dbr_query_job_destroy(job);
}

static void drop_bulk(void *job)
{
    dbr_bulk_job_destroy(job);
}

static void drop_network(void *job)
{
    dbr_network_job_destroy(job);
}

static const struct {
    struct dbr_lane_config config;
    void (*drop)(void *job); /* one that nobody is going to run, or to hear of */
} kinds[DBR_LANES] = {
    [DBR_LANE_LOG] = {{.name = "debros-log",
                       .n_threads = 1,
                       .link_offset = offsetof(struct dbr_log_op, next),
                       .run = dbr_lane_log_run,
                       .done = dbr_lane_log_done},
                      drop_op},
    [DBR_LANE_APPLY] = {{.name = "debros-apply",
                         .n_threads = 1,
                         .link_offset = offsetof(struct dbr_apply_job, next),
                         .run = dbr_lane_apply_run,
                         .done = dbr_lane_apply_done},
                        drop_apply},
    [DBR_LANE_QUERY] = {{.name = "debros-read",
                         .n_threads = DBR_LANES_READERS,
                         .link_offset = offsetof(struct dbr_query_job, next),
                         .run = run_query,
                         .done = query_done},
                        drop_query},
    [DBR_LANE_BULK] = {{.name = "debros-bulk",
                        .n_threads = 1,
                        .link_offset = offsetof(struct dbr_bulk_job, next),
                        .run = run_bulk,
                        .done = bulk_done},
                       drop_bulk},
    [DBR_LANE_NETWORK] = {{.name = "debros-network",
                           .n_threads = 1,
                           .link_offset = offsetof(struct dbr_network_job, next),
                           .run = run_network,
                           .done = network_done},
                          drop_network},
};

int dbr_lanes_start(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    int err = 0;
    for (size_t i = 0; i < DBR_LANES; i++) {
        dbr_chain_init(&lanes->queue[i], kinds[i].config.link_offset);
    }
    for (size_t i = 0; i < DBR_LANES && err == 0; i++) {
        struct dbr_lane_config config = kinds[i].config;
        config.data = node;
        err = dbr_lane_create(&lanes->lane[i], node->loop, &config);
    }
    return err;
}

bool dbr_lanes_are_full(debros_node *node)
{
    return atomic_load(&node->lanes.is_full) || atomic_load(&node->lanes.apply_is_full);
}

void dbr_lanes_measure(_Atomic uint32_t *average, uint64_t begin)
{
    int64_t took = (int64_t)(dbr_loop_now_us() - begin);
    int64_t before = atomic_load_explicit(average, memory_order_relaxed);
    took = took < MEASURE_MAX_US ? took : MEASURE_MAX_US;
    int64_t now = before + (took - before) / 8;
    atomic_store_explicit(average, (uint32_t)now, memory_order_relaxed);
}

bool dbr_lanes_is_short(_Atomic uint32_t *average)
{
    return atomic_load_explicit(average, memory_order_relaxed) <= DBR_LANES_INLINE_US;
}

/* ---- Jobs ----------------------------------------------------------------------------
 */

void dbr_lanes_query(debros_node *node, struct dbr_query_job *job)
{
    dbr_chain_push(&node->lanes.queue[DBR_LANE_QUERY], job);
}

void dbr_lanes_bulk(debros_node *node, struct dbr_bulk_job *job)
{
    dbr_chain_push(&node->lanes.queue[DBR_LANE_BULK], job);
}

void dbr_lanes_network(debros_node *node, struct dbr_network_job *job)
{
    dbr_chain_push(&node->lanes.queue[DBR_LANE_NETWORK], job);
}

void dbr_lanes_give(debros_node *node, enum dbr_lanes_kind kind)
{
    struct dbr_chain *jobs = &node->lanes.queue[kind];
    if (jobs->head != NULL) {
        dbr_lane_add(node->lanes.lane[kind], jobs);
    }
}

void dbr_lanes_hand_over(debros_node *node)
{
    give_queries(node);
    dbr_lanes_give(node, DBR_LANE_BULK);
    dbr_lanes_give(node, DBR_LANE_NETWORK);
}

bool dbr_lanes_run_inline(debros_node *node)
{
    /* Answers do not wait for the disk. */
    if (query_inline(node)) {
        return true;
    }
    bool flushed = dbr_lane_log_inline(node);
    return dbr_lane_apply_inline(node) || flushed;
}

/* ---- The end -------------------------------------------------------------------------
 */

void dbr_lanes_close(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    if (lanes->lane[DBR_LANES - 1] != NULL) {
        dbr_lanes_hand_over(node);
        (void)dbr_lanes_run_inline(node);
        return;
    }
    for (size_t i = 0; i < DBR_LANES; i++) { /* a start that failed, or a client */
        void *job;
        while ((job = dbr_chain_pop(&lanes->queue[i])) != NULL) {
            kinds[i].drop(job);
        }
    }
}

void dbr_lanes_stop(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    for (size_t i = 0; i < DBR_LANES; i++) {
        if (lanes->lane[i] != NULL) {
            dbr_lane_stop(lanes->lane[i], i == DBR_LANE_LOG);
        }
    }
    for (size_t i = 0; i < DBR_LANES; i++) {
        void *job;
        while (lanes->lane[i] != NULL && (job = dbr_lane_take(lanes->lane[i])) != NULL) {
            kinds[i].drop(job);
        }
        dbr_lane_free(lanes->lane[i]);
        lanes->lane[i] = NULL;
    }
}
