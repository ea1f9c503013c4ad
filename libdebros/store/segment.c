#include "segment.h"

/* End of the last byte that is not zero; 0: there is none behind `from`. */
static size_t last_nonzero(debros_bytes segment, size_t from)
{
    size_t end = segment.len;
    while (end > from && segment.data[end - 1] == 0) {
        end--;
    }
    return end > from ? end : 0;
}

/* Whether a batch that began behind `offset` left a valid record: then everything up to
 * `offset` had been durable. */
static bool has_later_batch(debros_bytes segment, uint64_t number, size_t offset)
{
    struct dbr_record record;
    for (size_t at = offset + 8; at + DBR_RECORD_HEAD <= segment.len; at += 8) {
        if (dbr_record_read(&record, segment, number, at) == DBR_RECORD_VALID &&
            record.batch > offset) {
            return true;
        }
    }
    return false;
}

int dbr_segment_scan(struct dbr_segment_end *out, debros_bytes segment, uint64_t number,
                     bool last, dbr_segment_visit visit, void *data)
{
    struct dbr_record record;
    enum dbr_record_state state;
    *out = (struct dbr_segment_end){0};
    while ((state = dbr_record_read(&record, segment, number, out->offset)) ==
           DBR_RECORD_VALID) {
        int err = visit(data, &record);
        if (err != 0) {
            return err;
        }
        out->offset += record.size;
    }
    if (state == DBR_RECORD_DAMAGED) {
        return DEBROS_EIO;
    }
    out->dirty = last_nonzero(segment, out->offset);
    if (out->dirty == 0) {
        return 0;
    }
    return !last || has_later_batch(segment, number, out->offset) ? DEBROS_EIO : 0;
}
