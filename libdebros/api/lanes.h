/* The store's threads: one for the log, one applier, a few readers, one for bulk work,
 * one for what is known of the network, for which none of the others waits.
 * Jobs gather here while the core is drained and go to their lanes together, so that what
 * one turn brought shares one sync. */
#ifndef DBR_API_LANES_H
#define DBR_API_LANES_H

#include <stdatomic.h>

#include "base/clock.h"
#include "consensus/log_op.h"
#include "dht/job.h"
#include "driver/worker.h"
#include "sql/job.h"
#include "transfer/job.h"

#define DBR_LANES_READERS   2u
#define DBR_LANES_RETRY_MS  500u /* between two tries on a full disk */
#define DBR_LANES_MAX_MERGE 64u  /* apply jobs that become one */
/* A flush by the node thread itself saves two wake-ups, but nothing else goes on
 * meanwhile: only for disks that flush in less than this, on average. */
#define DBR_LANES_INLINE_US    400u /* so of the applier, and of queries */
#define DBR_LANES_INLINE_BYTES 1024u /* of the entries that are flushed */
#define DBR_LANES_QUICK_BYTES  4096u /* of those that are applied */
/* Batches in a row that were small and found the log's thread idle: with more in flight
 * the threads overlap, and a node thread that waits for the disk would only hinder. */
#define DBR_LANES_CALM 16u

/* Entries for whose outcome nobody here waits, as on followers, are applied together: one
 * transaction of SQLite's costs more than what most entries do in it. */
#define DBR_LANES_GATHER_MS    2u
#define DBR_LANES_GATHER_BYTES (64u << 10)

#define DBR_LANES_MODULE "store" /* in the log */

enum dbr_lanes_kind {
    DBR_LANE_LOG,
    DBR_LANE_APPLY,
    DBR_LANE_QUERY,
    DBR_LANE_BULK,
    DBR_LANE_NETWORK,
    DBR_LANES
};

struct dbr_lanes {
    struct dbr_lane *lane[DBR_LANES];
    struct dbr_chain queue[DBR_LANES]; /* what has gathered for each */
    /* The node thread's. */
    uint32_t calm;
    dbr_time gather_until; /* 0: what is in the applier's queue goes on at once */
    size_t gathered;       /* bytes of that queue */
    /* Moving averages: any flush, small batches of entries, any query. */
    _Atomic uint32_t flush_us;
    _Atomic uint32_t apply_us;
    _Atomic uint32_t query_us;
    atomic_bool is_full;       /* the log waits for room on the disk */
    atomic_bool apply_is_full; /* the applier does */
    /* Why the log must not be used any more; the detail is written before the status. */
    atomic_int log_status;
    debros_detail log_detail;
};

/* Node thread. The store is open. Errors: ENOMEM; dbr_lanes_stop() is due all the same.
 */
int dbr_lanes_start(debros_node *node);
/* Whether writes wait for room on the disk. */
bool dbr_lanes_are_full(debros_node *node);
void dbr_lanes_log(debros_node *node, struct dbr_log_op *op);
void dbr_lanes_apply(debros_node *node, struct dbr_apply_job *job);
void dbr_lanes_query(debros_node *node, struct dbr_query_job *job);
void dbr_lanes_bulk(debros_node *node, struct dbr_bulk_job *job);
void dbr_lanes_network(debros_node *node, struct dbr_network_job *job);
/* Gives what has gathered to the threads, but for what dbr_lanes_run_inline() is for. */
void dbr_lanes_hand_over(debros_node *node);
/* Whether the log's thread has work: what comes meanwhile shares the next flush. */
bool dbr_lanes_are_flushing(debros_node *node);
/* When dbr_lanes_run_inline() is due, though nothing else may happen. */
dbr_time dbr_lanes_deadline(const debros_node *node);
/* After the sockets have been served: answers a short query that is alone; or makes a
 * small batch of the log durable, and applies a small batch of entries, at once, when
 * nothing is before it; gives any other to its thread. True: the core has been told that
 * something is done. */
bool dbr_lanes_run_inline(debros_node *node);
/* Gives away what the core has wanted last, or drops it, where a start that failed has
 * not made all lanes. */
void dbr_lanes_close(debros_node *node);
/* Writes what the log still waits for, ends the threads, destroys jobs that have not come
 * back. The loop has ended. */
void dbr_lanes_stop(debros_node *node);
/* Joins consecutive ENTRIES jobs at the head of `jobs` into the first one; returns the
 * last job that took part. dbr_lanes_split() then gives all of them the same outputs. */
struct dbr_apply_job *dbr_lanes_merge(struct dbr_apply_job *jobs);
void dbr_lanes_split(struct dbr_apply_job *first, struct dbr_apply_job *last);

/* ---- For lane_log.c and lane_apply.c -------------------------------------------- */

/* Gives a queue to its lane. */
void dbr_lanes_give(debros_node *node, enum dbr_lanes_kind kind);
/* Adds the time since `begin` to a moving average; whether that is short enough for the
 * node thread. */
void dbr_lanes_measure(_Atomic uint32_t *average, uint64_t begin);
bool dbr_lanes_is_short(_Atomic uint32_t *average);
void dbr_lane_log_run(void *data, struct dbr_lane *lane, size_t thread, void *jobs);
void dbr_lane_log_done(void *data, void *jobs);
void dbr_lane_apply_run(void *data, struct dbr_lane *lane, size_t thread, void *jobs);
void dbr_lane_apply_done(void *data, void *jobs);
/* True: done, and the core has been told. */
bool dbr_lane_log_inline(debros_node *node);
bool dbr_lane_apply_inline(debros_node *node);

#endif
