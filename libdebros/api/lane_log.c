/* The log's lane: batches of operations become durable, by its thread or, where that is
 * quicker, by the node thread itself. */
#include "api/lanes.h"
#include "api/life.h"
#include "api/node.h"
#include "base/failpoint.h"

/* ---- The thread ----------------------------------------------------------------------
 */

/* One try, and how long it took. */
static int write_once(debros_node *node, struct dbr_log_op *ops, bool ahead,
                      debros_detail *detail)
{
    DBR_FAILPOINT("api.lane_log.write_once");
    uint64_t begin = dbr_loop_now_us();
    dbr_gauges_flush_begins(&node->gauges);
    int err = dbr_store_write_log(node->store, ops, ahead, detail);
    dbr_gauges_flush_ended(&node->gauges, err);
    dbr_lanes_measure(&node->lanes.flush_us, begin);
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
            dbr_log(&node->logger, DEBROS_LOG_ERROR, DBR_LANES_MODULE,
                    "no space left in '%s': writes wait until there is room",
                    node->fs->root);
        }
        if (!dbr_lane_pause(lane, DBR_LANES_RETRY_MS)) {
            return false;
        }
    }
    if (atomic_exchange(&lanes->is_full, false)) {
        dbr_log(&node->logger, DEBROS_LOG_WARN, DBR_LANES_MODULE,
                "there is room in '%s' again", node->fs->root);
    }
    if (err != 0) {
        log_failed(lanes, err, &detail);
    }
    return err == 0;
}

void dbr_lane_log_run(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    debros_node *node = data;
    (void)thread;
    if (atomic_load(&node->lanes.log_status) == 0) {
        (void)write_batch(node, lane, jobs);
    }
}

void dbr_lane_log_done(void *data, void *jobs)
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

void dbr_lanes_log(debros_node *node, struct dbr_log_op *op)
{
    dbr_chain_push(&node->lanes.queue[DBR_LANE_LOG], op);
}

bool dbr_lanes_are_flushing(debros_node *node)
{
    struct dbr_lane *lane = node->lanes.lane[DBR_LANE_LOG];
    return lane != NULL && !dbr_lane_is_idle(lane);
}

/* ---- By the node thread --------------------------------------------------------------
 */

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
    return lanes->queue[DBR_LANE_APPLY].head == NULL &&
           dbr_lanes_is_short(&lanes->apply_us) &&
           dbr_lane_is_idle(lanes->lane[DBR_LANE_APPLY]);
}

bool dbr_lane_log_inline(debros_node *node)
{
    struct dbr_lanes *lanes = &node->lanes;
    struct dbr_chain *queue = &lanes->queue[DBR_LANE_LOG];
    debros_detail detail = {.text = ""};
    if (queue->head == NULL) {
        return false;
    }
    bool is_calm = is_small(queue->head) && dbr_lane_is_idle(lanes->lane[DBR_LANE_LOG]);
    lanes->calm = !is_calm ? 0 : lanes->calm + (lanes->calm < DBR_LANES_CALM);
    if (lanes->calm < DBR_LANES_CALM || atomic_load(&lanes->log_status) != 0 ||
        atomic_load(&lanes->is_full) || !dbr_lanes_is_short(&lanes->flush_us)) {
        dbr_lanes_give(node, DBR_LANE_LOG);
        return false;
    }
    int err = write_once(node, queue->head, may_run_ahead(lanes), &detail);
    if (err == DEBROS_ENOSPC) {
        dbr_lanes_give(node, DBR_LANE_LOG); /* which tries until there is room */
        return false;
    }
    if (err != 0) {
        log_failed(lanes, err, &detail);
    }
    void *ops = queue->head;
    dbr_chain_init(queue, queue->offset);
    dbr_lane_log_done(node, ops);
    return true;
}
