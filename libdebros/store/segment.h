/* One log segment as bytes, unmasked: its records in order, where they end, whether what
 * follows is a write that a crash cut short or damage. No I/O. */
#ifndef DBR_STORE_SEGMENT_H
#define DBR_STORE_SEGMENT_H

#include "log_head.h"
#include "record.h"

/* Takes one record. 0, or EIO: its payload makes no sense; ENOMEM. */
typedef int (*dbr_segment_visit)(void *data, const struct dbr_record *record);

struct dbr_segment_end {
    size_t offset; /* where the next record goes, or where the damage is */
    size_t dirty;  /* end of the bytes behind `offset` that were written, or 0 */
};

/* A segment as it was read: unmasks in place and returns what was written of it. */
debros_bytes dbr_segment_unmask(uint8_t *segment, size_t len);

/* 0; EIO: damage at out->offset; or what `visit` returned, out->offset names its record.
 * Only the last segment of a log may end in a torn batch. */
int dbr_segment_scan(struct dbr_segment_end *out, debros_bytes segment, uint64_t number,
                     bool last, dbr_segment_visit visit, void *data);

#endif
