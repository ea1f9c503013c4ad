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
