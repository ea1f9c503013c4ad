/* ChaCha20-Poly1305 (RFC 8439) with the nonces of Noise: 4 zero bytes || LE64(n). */
#ifndef DBR_CRYPTO_AEAD_H
#define DBR_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define DBR_AEAD_KEY_SIZE 32
#define DBR_AEAD_TAG_SIZE 16

/* Writes text.len + 16 bytes to `out`, which may be text.data itself (in place). */
void dbr_aead_encrypt(uint8_t *out, debros_bytes text, debros_bytes ad, uint64_t n,
                      const uint8_t key[DBR_AEAD_KEY_SIZE]);
/* Writes cipher.len - 16 bytes to `out` (in place allowed). False: forged or short. */
bool dbr_aead_decrypt(uint8_t *out, debros_bytes cipher, debros_bytes ad, uint64_t n,
                      const uint8_t key[DBR_AEAD_KEY_SIZE]);

#endif
