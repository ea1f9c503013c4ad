#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "check.h"

/* Bytes of the UTF-8 character that `first` begins; 1 for what begins none. */
static size_t char_size(uint8_t first)
{
    if (first >= 0xf0) {
        return 4;
    }
    if (first >= 0xe0) {
        return 3;
    }
    return first >= 0xc0 ? 2 : 1;
}

/* The length without an unfinished character at the end. */
static size_t whole_chars(const char *text, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        uint8_t byte = (uint8_t)text[len - back];
        bool is_continuation = (byte & 0xc0) == 0x80;
        if (!is_continuation) {
            return char_size(byte) > back ? len - back : len;
        }
    }
    return len;
}

size_t dbr_text_format(char *out, size_t cap, const char *format, va_list args)
{
    dbr_assert(cap > 0);
    int n = vsnprintf(out, cap, format, args);
    if (n < 0) {
        out[0] = '\0';
        return 0;
    }
    size_t len = (size_t)n;
    if (len >= cap) {
        len = whole_chars(out, cap - 1);
        out[len] = '\0';
    }
    return len;
}

/* Bytes of the well-formed character at `c` (RFC 3629), 0: none. The second byte's range
 * keeps out overlong forms, surrogates and what is above U+10FFFF. */
static size_t character(const uint8_t *c)
{
    uint8_t low = 0x80, high = 0xbf;
    if (c[0] < 0x80) {
        return 1;
    }
    if (c[0] < 0xc2 || c[0] > 0xf4) {
        return 0;
    }
    size_t size = char_size(c[0]);
    low = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : low;
    high = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : high;
    if (c[1] < low || c[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((c[i] & 0xc0) != 0x80) { /* the NUL at the end is such a byte too */
            return 0;
        }
    }
    return size;
}

static bool is_control(const uint8_t *c)
{
    return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

void dbr_text_clean(char *text)
{
    uint8_t *c = (uint8_t *)text;
    while (*c != '\0') {
        size_t size = character(c);
        if (size == 0) {
            *c++ = '?';
            continue;
        }
        if (is_control(c)) {
            for (size_t i = 0; i < size; i++) {
                c[i] = ' ';
            }
        }
        c += size;
    }
}
