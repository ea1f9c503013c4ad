/* A borrowed run of bytes: the public debros_bytes under its inner name. */
#ifndef DBR_BASE_BYTES_H
#define DBR_BASE_BYTES_H

#include <stdbool.h>
#include <string.h>

#include "debros.h"

static inline debros_bytes dbr_bytes(const void *data, size_t len)
{
    return (debros_bytes){(const uint8_t *)data, len};
}

static inline debros_bytes dbr_bytes_str(const char *text)
{
    return dbr_bytes(text, strlen(text));
}

static inline bool dbr_bytes_equal(debros_bytes a, debros_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool dbr_bytes_is_zero(debros_bytes bytes)
{
    return bytes.len == 0 ||
           (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.len - 1) == 0);
}

#endif
