/* What the log knows beside its entries, and its payloads. Each segment begins with it,
 * so that older segments can go. */
#ifndef DBR_STORE_LOG_HEAD_H
#define DBR_STORE_LOG_HEAD_H

#include "base/buf.h"
#include "base/bytes.h"
#include "consensus/log_op.h"

struct dbr_log_head {
    uint64_t term;
    uint64_t vote;
    uint64_t keep_from; /* entries below may be gone */
    uint64_t next;      /* index of the next entry */
    uint64_t snapshot_index;
    uint64_t snapshot_term;
    uint64_t configuration_index;
    debros_bytes configuration; /* borrowed */
};

/* The first record of a segment. */
struct dbr_segment_head {
    uint64_t number;
    uint64_t previous_end; /* where the segment before ended; 0: there was none */
    struct dbr_log_head log;
};

#define DBR_ENTRY_HEAD 24u /* an entry's payload before its data */

void dbr_segment_head_encode(struct dbr_buf *out, const struct dbr_segment_head *head);
int dbr_segment_head_decode(struct dbr_segment_head *out, debros_bytes payload);

void dbr_entry_head_encode(struct dbr_buf *out, uint64_t index,
                           const struct dbr_log_entry *entry);
int dbr_entry_decode(uint64_t *index, struct dbr_log_entry *out, debros_bytes payload);

/* TERM, VOTE and TRUNCATE are one number; SNAPSHOT and INSTALL are these. */
void dbr_snapshot_encode(struct dbr_buf *out, const struct dbr_log_op *op);
int dbr_snapshot_decode(struct dbr_log_op *out, debros_bytes payload);

/* What an operation changes in the head. APPEND counts its entries. */
void dbr_log_head_apply(struct dbr_log_head *head, const struct dbr_log_op *op);

#endif
