/* One record of a log segment:
 *
 *   le32 length of the payload | le32 type | le32 batch | le32 CRC-32C of the payload |
 *   le32 CRC-32C of the four words before | "DBR1" | payload | zeroes up to 8 bytes
 *
 * and all of it masked, so that no sector of a record is ever zero. Both checksums begin
 * with the segment's number and the record's offset: bytes of another segment or place
 * never pass. `batch` is the offset of the first record that was made durable by the same
 * sync: a bad record followed by a later batch is damage, one that is followed by its own
 * batch only may be a write that a crash cut short. */
#ifndef DBR_STORE_RECORD_H
#define DBR_STORE_RECORD_H

#include "base/buf.h"
#include "base/bytes.h"

#define DBR_RECORD_HEAD 24u

/* On disk nothing is zero but what was never written, as the segment was zeroed before:
 * a sector that a crash left out is told from one that holds zeroes. XOR with a pattern
 * of the offset, a multiple of 8: the same call masks and unmasks. What is passed to
 * dbr_record_read() is unmasked, all of the segment from its beginning. */
void dbr_record_mask(uint8_t *data, size_t len, size_t offset);
/* Whether the unmasked bytes from `from` to `to` were never written. */
bool dbr_record_blank(debros_bytes segment, size_t from, size_t to);

enum dbr_record_type {
    DBR_RECORD_SEGMENT = 1, /* the first of each segment: the state so far */
    DBR_RECORD_TERM = 2,
    DBR_RECORD_VOTE = 3,
    DBR_RECORD_ENTRY = 4,
    DBR_RECORD_TRUNCATE = 5,
    DBR_RECORD_SNAPSHOT = 6,
    DBR_RECORD_INSTALL = 7
};

struct dbr_record {
    uint32_t type;
    uint32_t batch;
    debros_bytes payload;
    size_t size; /* in the segment, with head and padding */
};

enum dbr_record_state {
    DBR_RECORD_VALID,
    DBR_RECORD_END,    /* nothing where a head would be */
    DBR_RECORD_TORN,   /* a sector of it, or its end, was never written */
    DBR_RECORD_DAMAGED /* neither */
};

/* Bytes that a payload of `len` takes in a segment. */
size_t dbr_record_size(size_t len);
/* Where in a segment a record stands. */
struct dbr_record_place {
    uint64_t segment;
    size_t offset;
    size_t batch;
};
/* Appends a record whose payload is head || data. */
void dbr_record_add(struct dbr_buf *out, const struct dbr_record_place *place,
                    enum dbr_record_type type, debros_bytes head, debros_bytes data);
/* What stands at `offset` of the segment's bytes. */
enum dbr_record_state dbr_record_read(struct dbr_record *out, debros_bytes segment,
                                      uint64_t number, size_t offset);

#endif
