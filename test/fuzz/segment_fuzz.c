/* Recovery of a log segment as it is on disk, and its records' payloads: a first time as
 * the last segment of a log, a second time as an older one. */
#include "fuzz.h"
#include "base/alloc.h"
#include "store/segment.h"

static int visit(void *data, const struct dbr_record *record)
{
    struct dbr_segment_head head;
    struct dbr_log_entry entry;
    struct dbr_log_op op;
    uint64_t index = 0;
    size_t *count = data;
    (*count)++;
    switch (record->type) {
    case DBR_RECORD_SEGMENT:
        return dbr_segment_head_decode(&head, record->payload);
    case DBR_RECORD_ENTRY:
        return dbr_entry_decode(&index, &entry, record->payload);
    case DBR_RECORD_SNAPSHOT:
    case DBR_RECORD_INSTALL:
        return dbr_snapshot_decode(&op, record->payload);
    default:
        return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_segment_end end;
    uint8_t *copy = dbr_memdup(data, size);
    debros_bytes written = dbr_segment_unmask(copy, size);
    for (int last = 0; last < 2; last++) {
        size_t count = 0;
        int err = dbr_segment_scan(&end, written, 1, last, visit, &count);
        dbr_assert(end.offset <= size && end.dirty <= size);
        dbr_assert(err == 0 || err == DEBROS_EIO);
    }
    dbr_free(copy);
    return 0;
}
