/* The log is bounded by bytes too: entries differ by a factor of a hundred thousand, and
 * libraft counts them only. When what was applied since the last snapshot is large, the
 * next one is due at once; and it keeps no more entries than fit. */
#ifndef DBR_CONSENSUS_LOG_BYTES_H
#define DBR_CONSENSUS_LOG_BYTES_H

#include <stddef.h>

struct dbr_consensus;

struct dbr_log_bytes {
    size_t applied; /* since the last snapshot */
    size_t covered; /* by the snapshot under way */
};

/* A command of `len` bytes is applied. */
void dbr_log_bytes_applied(struct dbr_consensus *c, size_t len);
/* A snapshot of everything applied begins: sets what libraft keeps below it. */
void dbr_log_bytes_snapshot(struct dbr_consensus *c);
/* It came to nothing. */
void dbr_log_bytes_failed(struct dbr_consensus *c);

#endif
