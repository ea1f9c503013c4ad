/* The applier's lane: entries go into the databases, by its thread or, where that is
 * quicker, by the node thread itself. */
#include "api/lanes.h"
#include "api/life.h"
#include "api/node.h"

/* ---- Jobs ----------------------------------------------------------------------------
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

/* ---- The thread ----------------------------------------------------------------------
 */

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
            dbr_log(&node->logger, DEBROS_LOG_ERROR, DBR_LANES_MODULE,
                    "%s: no space left: writes wait until there is room",
                    job->detail.text);
        }
        if (!dbr_lane_pause(lane, DBR_LANES_RETRY_MS)) {
            return false;
        }
        apply_once(node, job);
    }
    if (atomic_exchange(&lanes->apply_is_full, false)) {
        dbr_log(&node->logger, DEBROS_LOG_WARN, DBR_LANES_MODULE,
                "there is room for the databases in '%s' again", node->fs->root);
    }
    return true;
}

void dbr_lane_apply_run(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
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
            dbr_lanes_measure(&node->lanes.apply_us, begin);
        }
        dbr_lanes_split(job, last);
        job = last->next;
        if (job != NULL && !dbr_lane_pause(lane, 0)) {
            return; /* the rest is in the log: the next start applies it */
        }
    }
}

void dbr_lane_apply_done(void *data, void *jobs)
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

void dbr_lanes_apply(debros_node *node, struct dbr_apply_job *job)
{
    struct dbr_lanes *lanes = &node->lanes;
    bool is_first = lanes->queue[DBR_LANE_APPLY].head == NULL;
    dbr_chain_push(&lanes->queue[DBR_LANE_APPLY], job);
    lanes->gathered = (is_first ? 0 : lanes->gathered) + count_bytes(job);
    if (is_wanted(job) || lanes->gathered > DBR_LANES_GATHER_BYTES) {
        lanes->gather_until = 0;
    } else if (is_first) {
        lanes->gather_until = dbr_time_add(dbr_loop_now(), DBR_LANES_GATHER_MS);
    }
}

dbr_time dbr_lanes_deadline(const debros_node *node)
{
    dbr_time until = node->lanes.gather_until;
    return until == 0 ? DBR_TIME_NEVER : until;
}

/* ---- By the node thread --------------------------------------------------------------
 */

/* True: what waits for the applier may wait for more. */
static bool gathers(const debros_node *node)
{
    return node->lanes.gather_until > dbr_loop_now() && node->phase != DBR_PHASE_CLOSING;
}

bool dbr_lane_apply_inline(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    struct dbr_chain *queue = &lanes->queue[DBR_LANE_APPLY];
    struct dbr_apply_job *job = queue->head;
    bool done = false;
    if (job == NULL || gathers(node)) {
        return false;
    }
    lanes->gather_until = 0;
    if (lanes->calm >= DBR_LANES_CALM && are_small_jobs(job) &&
        dbr_lanes_is_short(&lanes->apply_us) &&
        dbr_lane_is_idle(lanes->lane[DBR_LANE_APPLY])) {
        uint64_t begin = dbr_loop_now_us();
        struct dbr_apply_job *last = dbr_lanes_merge(job);
        done = last->next == NULL && dbr_store_apply_quick(node->store, job);
        if (done) {
            dbr_lanes_split(job, last);
        }
        dbr_lanes_measure(&lanes->apply_us, begin);
    }
    if (!done) {
        dbr_lanes_give(node, DBR_LANE_APPLY);
        return false;
    }
    dbr_gauges_applied(&node->gauges, job->status, job->detail.text);
    dbr_chain_init(queue, queue->offset);
    dbr_lane_apply_done(node, job);
    return true;
}
