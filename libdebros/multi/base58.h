/* base58btc, and hex for ids. */
#ifndef DBR_MULTI_BASE58_H
#define DBR_MULTI_BASE58_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define DBR_BASE58_MAX_TEXT 128 /* decoding is quadratic: longer input is refused */

/* Writes text and NUL. Returns its length, or DEBROS_ELIMIT (out too small, or more
 * than 96 bytes of input). */
int dbr_base58_encode(char *out, size_t cap, debros_bytes data);
/* Returns the bytes written, or DEBROS_EINVAL, DEBROS_ELIMIT. */
int dbr_base58_decode(uint8_t *out, size_t cap, const char *text, size_t len);

void dbr_hex_encode(char *out, debros_bytes data); /* 2 * len + 1 bytes */
/* Exactly `len` bytes from a text of exactly 2 * len digits. Returns 0 or DEBROS_EINVAL.
 */
int dbr_hex_decode(uint8_t *out, size_t len, const char *text);

#endif
