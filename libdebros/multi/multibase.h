/* RFC 4648 base32 (lower case) and base64url, both without padding: the multibases 'b'
 * and 'u' without their letter. */
#ifndef DBR_MULTI_MULTIBASE_H
#define DBR_MULTI_MULTIBASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Encoders write text and NUL and return the length, or DEBROS_ELIMIT (out too small).
 * Decoders return the bytes written, or DEBROS_EINVAL (also for unused bits that are not
 * zero: one value, one text), DEBROS_ELIMIT. */
int dbr_base32_encode(char *out, size_t cap, debros_bytes data);
int dbr_base32_decode(uint8_t *out, size_t cap, const char *text, size_t len);
int dbr_base64url_encode(char *out, size_t cap, debros_bytes data);
int dbr_base64url_decode(uint8_t *out, size_t cap, const char *text, size_t len);

#endif
