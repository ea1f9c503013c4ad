#include "base58.h"

static const char alphabet[] =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

#define ENCODE_MAX  96  /* bytes */
#define DIGITS_MAX  132 /* ENCODE_MAX * log(256) / log(58), rounded up */
#define NOT_A_DIGIT 58

static uint32_t digit_value(char c)
{
    uint32_t value = 0;
    while (value < NOT_A_DIGIT && alphabet[value] != c) {
        value++;
    }
    return value;
}

/* number = number * factor + add, in `base`, least significant place first. Returns the
 * places in use. */
static size_t multiply_add(uint8_t *places, size_t len, uint32_t base, uint32_t factor,
                           uint32_t add)
{
    for (size_t i = 0; i < len; i++) {
        add += factor * places[i];
        places[i] = (uint8_t)(add % base);
        add /= base;
    }
    while (add > 0) {
        places[len++] = (uint8_t)(add % base);
        add /= base;
    }
    return len;
}

int dbr_base58_encode(char *out, size_t cap, debros_bytes data)
{
    if (data.len > ENCODE_MAX) {
        return DEBROS_ELIMIT;
    }
    uint8_t digits[DIGITS_MAX];
    size_t n_digits = 0;
    size_t n_zeroes = 0;
    for (size_t i = 0; i < data.len; i++) {
        if (n_digits == 0 && data.data[i] == 0) {
            n_zeroes++;
        }
        n_digits = multiply_add(digits, n_digits, 58, 256, data.data[i]);
    }
    size_t len = n_zeroes + n_digits;
    if (len >= cap) {
        return DEBROS_ELIMIT;
    }
    memset(out, '1', n_zeroes);
    for (size_t i = 0; i < n_digits; i++) {
        out[n_zeroes + i] = alphabet[digits[n_digits - 1 - i]];
    }
    out[len] = '\0';
    return (int)len;
}

int dbr_base58_decode(uint8_t *out, size_t cap, const char *text, size_t len)
{
    if (len > DBR_BASE58_MAX_TEXT) {
        return DEBROS_ELIMIT;
    }
    uint8_t bytes[DBR_BASE58_MAX_TEXT];
    size_t n_bytes = 0;
    size_t n_zeroes = 0;
    for (size_t i = 0; i < len; i++) {
        uint32_t value = digit_value(text[i]);
        if (value == NOT_A_DIGIT) {
            return DEBROS_EINVAL;
        }
        if (n_bytes == 0 && value == 0) {
            n_zeroes++;
        }
        n_bytes = multiply_add(bytes, n_bytes, 256, 58, value);
    }
    if (n_zeroes + n_bytes > cap) {
        return DEBROS_ELIMIT;
    }
    memset(out, 0, n_zeroes);
    for (size_t i = 0; i < n_bytes; i++) {
        out[n_zeroes + i] = bytes[n_bytes - 1 - i];
    }
    return (int)(n_zeroes + n_bytes);
}

void dbr_hex_encode(char *out, debros_bytes data)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < data.len; i++) {
        *out++ = digits[data.data[i] >> 4];
        *out++ = digits[data.data[i] & 0x0f];
    }
    *out = '\0';
}

/* -1: no digit. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int dbr_hex_decode(uint8_t *out, size_t len, const char *text)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]);
        int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0) {
            return DEBROS_EINVAL;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * len] == '\0' ? 0 : DEBROS_EINVAL;
}
