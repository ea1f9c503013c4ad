/* The operations that wait for the disk, in the one order in which they are made durable,
 * each with the libraft callback that its durability fires. */
#ifndef DBR_CONSENSUS_LOG_QUEUE_H
#define DBR_CONSENSUS_LOG_QUEUE_H

#include <raft.h>
#include <stdbool.h>

#include "base/buf.h"
#include "consensus/log_op.h"

/* More ops than a call of libraft queues: a term, a vote, a cut, entries, a snapshot. */
#define DBR_LOG_QUEUE_RESERVE 8u

struct dbr_log_item {
    struct dbr_log_op op;
    struct dbr_log_item *after;
    uint64_t begun_term; /* when the op was queued */
    struct raft_io_append *append;
    raft_io_append_cb append_cb;
    struct raft_io_snapshot_put *put;
    raft_io_snapshot_put_cb put_cb;
    struct dbr_buf configuration; /* what op.configuration points to */
    void *bufs; /* of an install; libraft frees it unless it has given up */
};

struct dbr_log_queue {
    struct dbr_log_item *first;
    struct dbr_log_item *last;
    uint64_t last_seq;
    uint64_t durable_seq;
    uint64_t last_meta_seq; /* of the youngest TERM or VOTE */
    uint64_t last_index;    /* of the log, once the queue is durable */
    size_t changes;         /* unfinished APPEND, TRUNCATE and INSTALL */
    struct dbr_log_item *reserve[DBR_LOG_QUEUE_RESERVE]; /* for ops without memory */
    size_t n_reserve;
};

/* Fills the reserve. False: memory is short, libraft must not be called. */
bool dbr_log_queue_prepare(struct dbr_log_queue *queue);
/* A new op at the end, zeroed but for type and seq; NULL when memory is short and the
 * reserve used up: what libraft hands over with an op is lost then. */
struct dbr_log_item *dbr_log_queue_add(struct dbr_log_queue *queue,
                                       enum dbr_log_op_type type);
/* Takes the first op out when its seq is at most `seq`, and counts it as durable. */
struct dbr_log_item *dbr_log_queue_take(struct dbr_log_queue *queue, uint64_t seq);
/* Of an empty queue. */
void dbr_log_queue_finish(struct dbr_log_queue *queue);
void dbr_log_item_free(struct dbr_log_item *item);
/* Is a term or a vote not durable yet? */
bool dbr_log_queue_holds_meta(const struct dbr_log_queue *queue);

#endif
