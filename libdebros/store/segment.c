#include "segment.h"

#include <string.h>

debros_bytes dbr_segment_unmask(uint8_t *segment, size_t len)
{
    uint64_t word = 0;
    len &= ~(size_t)7; /* records fill words */
    while (len > 0 && word == 0) {
        len -= 8;
        memcpy(&word, segment + len, sizeof(word));
    }
    len += word != 0 ? 8 : 0;
    dbr_record_mask(segment, len, 0);
    return dbr_bytes(segment, len);
}

/* End of the last byte that was written; 0: there is none behind `from`. */
static size_t last_written(debros_bytes segment, size_t from)
{
    size_t end = segment.len;
    while (end > from && dbr_record_blank(segment, end - 1, end)) {
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
    out->dirty = last_written(segment, out->offset);
    if (out->dirty == 0) {
        return 0;
    }
    return !last || has_later_batch(segment, number, out->offset) ? DEBROS_EIO : 0;
}
