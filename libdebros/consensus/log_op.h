/* What the replicated log asks of the disk: one ordered queue of operations. The
 * consensus machine owns an op and its memory until dbr_consensus_log_done() says that
 * the op with its `seq` is durable. store/ executes; a simulator may delay or drop. */
#ifndef DBR_CONSENSUS_LOG_OP_H
#define DBR_CONSENSUS_LOG_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum dbr_entry_type {
    DBR_ENTRY_COMMAND = 1, /* for the state machine */
    DBR_ENTRY_BARRIER = 2,
    DBR_ENTRY_CHANGE = 3 /* configuration, libraft's encoding */
};

struct dbr_log_entry {
    uint64_t term;
    enum dbr_entry_type type;
    debros_bytes data;
};

enum dbr_log_op_type {
    DBR_LOG_TERM,     /* term = value, vote = 0 */
    DBR_LOG_VOTE,     /* vote = value */
    DBR_LOG_APPEND,   /* `n_entries` entries, the first at `index` = last index + 1 */
    DBR_LOG_TRUNCATE, /* entries at `index` and above go */
    DBR_LOG_SNAPSHOT, /* state up to `index` is durable in the databases: entries below
                         `keep_from` may go */
    DBR_LOG_INSTALL   /* the leader's snapshot, whose files are here: note `descriptor`
                         durably, then the log is empty and begins at `index` + 1 */
};

struct dbr_log_op {
    struct dbr_log_op *next; /* free for the executor's queue */
    uint64_t seq;            /* 1, 2, 3, ... in queue order */
    enum dbr_log_op_type type;
    uint64_t value; /* TERM, VOTE */
    uint64_t index; /* APPEND, TRUNCATE, SNAPSHOT, INSTALL */
    /* APPEND */
    struct dbr_log_entry *entries;
    size_t n_entries;
    bool is_next; /* one command of this leader's, and all before it has been handed out
                     to be applied */
    /* SNAPSHOT, INSTALL */
    uint64_t term;
    uint64_t keep_from;
    uint64_t configuration_index;
    debros_bytes configuration; /* libraft's encoding */
    debros_bytes descriptor;    /* INSTALL */
};

/* What the log held when it was opened: handed to dbr_consensus_create(). */
struct dbr_log_state {
    uint64_t term;
    uint64_t vote;
    uint64_t snapshot_index; /* 0: none */
    uint64_t snapshot_term;
    uint64_t configuration_index; /* of the snapshot */
    debros_bytes configuration;
    uint64_t first_index; /* of entries[0] */
    const struct dbr_log_entry *entries;
    size_t n_entries;
};

#endif
