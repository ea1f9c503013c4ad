/* A growable byte buffer: every machine's output. When memory is short it turns
 * `failed`, drops what it is given from then on, and keeps what it has: writers check
 * once at the end. */
#ifndef DBR_BASE_BUF_H
#define DBR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dbr_buf {
    uint8_t *data;
    size_t len;
    size_t cap;   /* of the memory that begins at data - front */
    size_t front; /* bytes consumed in front of data: consuming costs no move */
    bool failed;
};

void dbr_buf_init(struct dbr_buf *buf); /* a zeroed one is valid too */
void dbr_buf_finish(struct dbr_buf *buf);
/* Zeroes the memory first. Growth leaves copies behind: reserve a secret's whole size
 * before adding any of it. */
void dbr_buf_finish_secret(struct dbr_buf *buf);
/* Room for `len` more bytes; the place to write them, or NULL. Does not change len. */
uint8_t *dbr_buf_reserve(struct dbr_buf *buf, size_t len);
/* Appends `len` bytes that the caller fills; NULL when memory is short. */
uint8_t *dbr_buf_extend(struct dbr_buf *buf, size_t len);
void dbr_buf_add(struct dbr_buf *buf, const void *data, size_t len);
void dbr_buf_u8(struct dbr_buf *buf, uint8_t value);
void dbr_buf_be16(struct dbr_buf *buf, uint16_t value);
void dbr_buf_be32(struct dbr_buf *buf, uint32_t value);
void dbr_buf_le32(struct dbr_buf *buf, uint32_t value);
void dbr_buf_le64(struct dbr_buf *buf, uint64_t value);
void dbr_buf_uvarint(struct dbr_buf *buf, uint64_t value);
void dbr_buf_str(struct dbr_buf *buf, const char *text);
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
void dbr_buf_printf(struct dbr_buf *buf, const char *format, ...);
void dbr_buf_consume(struct dbr_buf *buf, size_t len); /* drops `len` bytes in front */
void dbr_buf_clear(struct dbr_buf *buf);               /* len = 0, keeps the memory */
/* Moves the content out; `buf` is empty afterwards. */
struct dbr_buf dbr_buf_take(struct dbr_buf *buf);

#endif
