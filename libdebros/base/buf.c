#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "check.h"

#define CAP_MIN          64
#define UVARINT_MAX_SIZE 10 /* of 64 bits */

void dbr_buf_init(struct dbr_buf *buf)
{
    *buf = (struct dbr_buf){0};
}

/* What the heap gave. */
static uint8_t *memory(const struct dbr_buf *buf)
{
    return buf->data == NULL ? NULL : buf->data - buf->front;
}

void dbr_buf_finish(struct dbr_buf *buf)
{
    dbr_free(memory(buf));
    dbr_buf_init(buf);
}

void dbr_buf_finish_secret(struct dbr_buf *buf)
{
    /* Volatile: the compiler may not skip writes before a free. */
    volatile uint8_t *bytes = memory(buf);
    for (size_t i = 0; i < buf->cap; i++) {
        bytes[i] = 0;
    }
    dbr_buf_finish(buf);
}

/* Moves the content to the start of its memory. */
static void compact(struct dbr_buf *buf)
{
    if (buf->front > 0) {
        uint8_t *start = memory(buf);
        memmove(start, buf->data, buf->len);
        buf->data = start;
        buf->front = 0;
    }
}

static bool grow(struct dbr_buf *buf, size_t needed)
{
    size_t cap = buf->cap < CAP_MIN ? CAP_MIN : buf->cap;
    while (cap < needed) {
        if (cap > SIZE_MAX / 2) {
            cap = needed;
            break;
        }
        cap *= 2;
    }
    compact(buf);
    uint8_t *data = dbr_realloc(buf->data, cap);
    if (data == NULL) {
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

uint8_t *dbr_buf_reserve(struct dbr_buf *buf, size_t len)
{
    if (buf->failed) {
        return NULL;
    }
    if (buf->data != NULL && len <= buf->cap - buf->front - buf->len) {
        return buf->data + buf->len;
    }
    if (len > SIZE_MAX - buf->cap) {
        buf->failed = true;
        return NULL;
    }
    /* Moving down pays only when at least as many bytes went as are moved; else the
     * memory grows. Either way the cost of a byte is constant. */
    if (buf->front >= buf->len && buf->data != NULL && len <= buf->cap - buf->len) {
        compact(buf);
    } else if (!grow(buf, buf->front + buf->len + len)) {
        buf->failed = true;
        return NULL;
    }
    return buf->data + buf->len;
}

uint8_t *dbr_buf_extend(struct dbr_buf *buf, size_t len)
{
    uint8_t *place = dbr_buf_reserve(buf, len);
    if (place != NULL) {
        buf->len += len;
    }
    return place;
}

void dbr_buf_add(struct dbr_buf *buf, const void *data, size_t len)
{
    uint8_t *place = dbr_buf_extend(buf, len);
    if (place != NULL && len > 0) {
        memcpy(place, data, len);
    }
}

void dbr_buf_u8(struct dbr_buf *buf, uint8_t value)
{
    dbr_buf_add(buf, &value, 1);
}

static void add_be(struct dbr_buf *buf, uint64_t value, size_t len)
{
    uint8_t *place = dbr_buf_extend(buf, len);
    for (size_t i = len; place != NULL && i > 0; i--) {
        place[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

static void add_le(struct dbr_buf *buf, uint64_t value, size_t len)
{
    uint8_t *place = dbr_buf_extend(buf, len);
    for (size_t i = 0; place != NULL && i < len; i++) {
        place[i] = (uint8_t)value;
        value >>= 8;
    }
}

void dbr_buf_be16(struct dbr_buf *buf, uint16_t value)
{
    add_be(buf, value, 2);
}

void dbr_buf_be32(struct dbr_buf *buf, uint32_t value)
{
    add_be(buf, value, 4);
}

void dbr_buf_le32(struct dbr_buf *buf, uint32_t value)
{
    add_le(buf, value, 4);
}

void dbr_buf_le64(struct dbr_buf *buf, uint64_t value)
{
    add_le(buf, value, 8);
}

void dbr_buf_uvarint(struct dbr_buf *buf, uint64_t value)
{
    uint8_t bytes[UVARINT_MAX_SIZE];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    dbr_buf_add(buf, bytes, len);
}

void dbr_buf_str(struct dbr_buf *buf, const char *text)
{
    dbr_buf_add(buf, text, strlen(text));
}

void dbr_buf_printf(struct dbr_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* One byte more than kept: vsnprintf insists on its NUL. */
    uint8_t *place = len < 0 ? NULL : dbr_buf_reserve(buf, (size_t)len + 1);
    if (place != NULL) {
        vsnprintf((char *)place, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    } else {
        buf->failed = true;
    }
    va_end(again);
}

void dbr_buf_consume(struct dbr_buf *buf, size_t len)
{
    dbr_assert(len <= buf->len);
    if (len == buf->len) {
        dbr_buf_clear(buf);
        return;
    }
    buf->data += len;
    buf->front += len;
    buf->len -= len;
}

void dbr_buf_clear(struct dbr_buf *buf)
{
    buf->data = memory(buf);
    buf->front = 0;
    buf->len = 0;
}

struct dbr_buf dbr_buf_take(struct dbr_buf *buf)
{
    struct dbr_buf taken = *buf;
    dbr_buf_init(buf);
    return taken;
}
