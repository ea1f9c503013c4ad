#include "reader.h"

#define UVARINT_MAX_SIZE 9 /* multiformats: 63 bits */

void dbr_reader_init(struct dbr_reader *r, debros_bytes bytes)
{
    r->pos = bytes.data;
    r->end = bytes.len == 0 ? bytes.data : bytes.data + bytes.len;
    r->bad = false;
}

size_t dbr_reader_left(const struct dbr_reader *r)
{
    return (size_t)(r->end - r->pos);
}

static void turn_bad(struct dbr_reader *r)
{
    r->bad = true;
    r->pos = r->end;
}

debros_bytes dbr_reader_bytes(struct dbr_reader *r, size_t len)
{
    if (len > dbr_reader_left(r)) {
        turn_bad(r);
        return dbr_bytes(NULL, 0);
    }
    debros_bytes bytes = dbr_bytes(r->pos, len);
    if (len > 0) {
        r->pos += len;
    }
    return bytes;
}

static uint64_t read_be(struct dbr_reader *r, size_t len)
{
    debros_bytes bytes = dbr_reader_bytes(r, len);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | bytes.data[i];
    }
    return value;
}

static uint64_t read_le(struct dbr_reader *r, size_t len)
{
    debros_bytes bytes = dbr_reader_bytes(r, len);
    uint64_t value = 0;
    for (size_t i = bytes.len; i > 0; i--) {
        value = value << 8 | bytes.data[i - 1];
    }
    return value;
}

uint8_t dbr_reader_u8(struct dbr_reader *r)
{
    return (uint8_t)read_be(r, 1);
}

uint16_t dbr_reader_be16(struct dbr_reader *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t dbr_reader_be32(struct dbr_reader *r)
{
    return (uint32_t)read_be(r, 4);
}

uint32_t dbr_reader_le32(struct dbr_reader *r)
{
    return (uint32_t)read_le(r, 4);
}

uint64_t dbr_reader_le64(struct dbr_reader *r)
{
    return read_le(r, 8);
}

uint64_t dbr_reader_uvarint(struct dbr_reader *r)
{
    uint64_t value;
    int used = dbr_uvarint_decode(r->pos, dbr_reader_left(r), &value);
    if (used < 0) {
        turn_bad(r);
        return 0;
    }
    r->pos += used;
    return value;
}

int dbr_uvarint_decode(const uint8_t *data, size_t len, uint64_t *value)
{
    uint64_t sum = 0;
    *value = 0;
    for (size_t i = 0; i < UVARINT_MAX_SIZE; i++) {
        if (i == len) {
            return DEBROS_EAGAIN;
        }
        sum |= (uint64_t)(data[i] & 0x7f) << (7 * i);
        if (data[i] < 0x80) {
            if (data[i] == 0 && i > 0) {
                return DEBROS_EPROTO; /* not minimal */
            }
            *value = sum;
            return (int)i + 1;
        }
    }
    return DEBROS_EPROTO;
}

size_t dbr_uvarint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

int dbr_frame_decode(debros_bytes in, size_t max, debros_bytes *body, size_t *used)
{
    *body = dbr_bytes(NULL, 0);
    *used = 0;
    uint64_t len;
    int prefix = dbr_uvarint_decode(in.data, in.len, &len);
    if (prefix == DEBROS_EAGAIN) {
        return 0;
    }
    if (prefix < 0) {
        return prefix;
    }
    if (len > max) {
        return DEBROS_ELIMIT;
    }
    if (len > in.len - (size_t)prefix) {
        return 0;
    }
    *body = dbr_bytes(in.data + prefix, (size_t)len);
    *used = (size_t)prefix + (size_t)len;
    return 1;
}
