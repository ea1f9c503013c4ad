#include "record.h"

#include <string.h>

#include "base/reader.h"
#include "crypto/hash.h"

#define MAGIC  0x31524244u /* "DBR1" */
#define SECTOR 512u        /* what a disk writes whole or not at all */

size_t dbr_record_size(size_t len)
{
    return DBR_RECORD_HEAD + ((len + 7) & ~(size_t)7);
}

static void put_le32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    out[2] = (uint8_t)(value >> 16);
    out[3] = (uint8_t)(value >> 24);
}

static uint32_t place_seed(uint64_t segment, size_t offset)
{
    uint8_t place[16];
    put_le32(place, (uint32_t)segment);
    put_le32(place + 4, (uint32_t)(segment >> 32));
    put_le32(place + 8, (uint32_t)offset);
    put_le32(place + 12, MAGIC);
    return dbr_crc32c(0, place, sizeof(place));
}

void dbr_record_add(struct dbr_buf *out, const struct dbr_record_place *place,
                    enum dbr_record_type type, debros_bytes head, debros_bytes data)
{
    static const uint8_t zeroes[8];
    uint8_t words[DBR_RECORD_HEAD];
    size_t len = head.len + data.len;
    uint32_t seed = place_seed(place->segment, place->offset);
    uint32_t crc = dbr_crc32c(dbr_crc32c(seed, head.data, head.len), data.data, data.len);
    put_le32(words, (uint32_t)len);
    put_le32(words + 4, (uint32_t)type);
    put_le32(words + 8, (uint32_t)place->batch);
    put_le32(words + 12, crc);
    put_le32(words + 16, dbr_crc32c(seed, words, 16));
    put_le32(words + 20, MAGIC);
    dbr_buf_add(out, words, sizeof(words));
    dbr_buf_add(out, head.data, head.len);
    dbr_buf_add(out, data.data, data.len);
    dbr_buf_add(out, zeroes, dbr_record_size(len) - DBR_RECORD_HEAD - len);
}

/* No byte of it is zero, and no data that anybody has looks like it. */
static uint64_t mask_of(size_t offset)
{
    return (offset / 8 % (SECTOR / 8) + 1) * 0x9e3779b97f4a7c15u | 0x0101010101010101u;
}

void dbr_record_mask(uint8_t *data, size_t len, size_t offset)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t mask = mask_of(offset + i);
        uint64_t word;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        mask = __builtin_bswap64(mask);
#endif
        memcpy(&word, data + i, sizeof(word));
        word ^= mask;
        memcpy(data + i, &word, sizeof(word));
    }
}

bool dbr_record_blank(debros_bytes segment, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (segment.data[i] != (uint8_t)(mask_of(i) >> (8 * (i % 8)))) {
            return false;
        }
    }
    return true;
}

/* Whether a sector's part of the range holds nothing. */
static bool misses_sector(debros_bytes segment, size_t from, size_t to)
{
    while (from < to) {
        size_t end = (from / SECTOR + 1) * SECTOR;
        end = end < to ? end : to;
        if (dbr_record_blank(segment, from, end)) {
            return true;
        }
        from = end;
    }
    return false;
}

enum dbr_record_state dbr_record_read(struct dbr_record *out, debros_bytes segment,
                                      uint64_t number, size_t offset)
{
    if (offset > segment.len || segment.len - offset < DBR_RECORD_HEAD) {
        return DBR_RECORD_END;
    }
    const uint8_t *head = segment.data + offset;
    if (dbr_record_blank(segment, offset, offset + DBR_RECORD_HEAD)) {
        return DBR_RECORD_END;
    }
    struct dbr_reader r;
    dbr_reader_init(&r, dbr_bytes(head, DBR_RECORD_HEAD));
    uint32_t len = dbr_reader_le32(&r);
    out->type = dbr_reader_le32(&r);
    out->batch = dbr_reader_le32(&r);
    uint32_t payload_crc = dbr_reader_le32(&r);
    uint32_t head_crc = dbr_reader_le32(&r);
    uint32_t magic = dbr_reader_le32(&r);
    uint32_t seed = place_seed(number, offset);
    size_t payload = offset + DBR_RECORD_HEAD;
    if (magic != MAGIC || head_crc != dbr_crc32c(seed, head, 16)) {
        return misses_sector(segment, offset, payload) ? DBR_RECORD_TORN
                                                       : DBR_RECORD_DAMAGED;
    }
    out->size = dbr_record_size(len);
    if (out->batch > offset) {
        return DBR_RECORD_DAMAGED;
    }
    if (out->size > segment.len - offset) {
        return DBR_RECORD_TORN; /* its end was never written */
    }
    if (payload_crc != dbr_crc32c(seed, segment.data + payload, len)) {
        return misses_sector(segment, payload, offset + out->size) ? DBR_RECORD_TORN
                                                                   : DBR_RECORD_DAMAGED;
    }
    out->payload = dbr_bytes(segment.data + payload, len);
    debros_bytes padding =
        dbr_bytes(segment.data + payload + len, out->size - DBR_RECORD_HEAD - len);
    if (!dbr_bytes_is_zero(padding)) {
        return DBR_RECORD_DAMAGED;
    }
    return DBR_RECORD_VALID;
}
