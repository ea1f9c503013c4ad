/* A bounds-checked cursor: all parsing goes through it. Reading past the end turns it
 * `bad` and yields zeroes; readers check once at the end. */
#ifndef DBR_BASE_READER_H
#define DBR_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct dbr_reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool bad;
};

void dbr_reader_init(struct dbr_reader *r, debros_bytes bytes);
size_t dbr_reader_left(const struct dbr_reader *r);
uint8_t dbr_reader_u8(struct dbr_reader *r);
uint16_t dbr_reader_be16(struct dbr_reader *r);
uint32_t dbr_reader_be32(struct dbr_reader *r);
uint32_t dbr_reader_le32(struct dbr_reader *r);
uint64_t dbr_reader_le64(struct dbr_reader *r);
uint64_t dbr_reader_uvarint(struct dbr_reader *r); /* multiformats: minimal, 63 bits */
debros_bytes dbr_reader_bytes(struct dbr_reader *r, size_t len);

/* Decodes one unsigned varint of the multiformats kind (at most 9 bytes, minimal).
 * Returns the bytes used, DEBROS_EAGAIN when `len` ends inside it, DEBROS_EPROTO. */
int dbr_uvarint_decode(const uint8_t *data, size_t len, uint64_t *value);
size_t dbr_uvarint_size(uint64_t value);

/* A uvarint-length-prefixed frame at the front of `in`. Returns 1 and the frame's
 * body, and in *used the bytes that it takes; 0 when `in` holds a part of it;
 * DEBROS_ELIMIT when its length is above `max`; DEBROS_EPROTO. */
int dbr_frame_decode(debros_bytes in, size_t max, debros_bytes *body, size_t *used);

#endif
