/* base64url without padding (RFC 4648 section 5). */
#ifndef DBR_CRYPTO_BASE64_H
#define DBR_CRYPTO_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Bytes of the text with its NUL. */
#define DBR_BASE64_TEXT_SIZE(len) \
    ((len) / 3 * 4 + ((len) % 3 == 0 ? 0 : (len) % 3 + 1) + 1)

void dbr_base64_encode(char *out, size_t cap, debros_bytes data);
/* Returns the bytes written, or DEBROS_EINVAL (not base64url, or more than `cap`). */
int dbr_base64_decode(uint8_t *out, size_t cap, const char *text);

#endif
