/* SHA-256 (FIPS 180-4), BLAKE2b (RFC 7693), HMAC (RFC 2104), Noise's HKDF (RFC 5869 with
 * the info empty), CRC-32C (RFC 3720 B.4), wiping. */
#ifndef DBR_CRYPTO_HASH_H
#define DBR_CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define DBR_SHA256_SIZE 32

void dbr_sha256(uint8_t out[DBR_SHA256_SIZE], debros_bytes data);
/* SHA-256 of a || b. */
void dbr_sha256_two(uint8_t out[DBR_SHA256_SIZE], debros_bytes a, debros_bytes b);
void dbr_hmac_sha256(uint8_t out[DBR_SHA256_SIZE], debros_bytes data,
                     const uint8_t key[DBR_SHA256_SIZE]);
/* Noise section 4.3, HKDF with two outputs; outputs may be the chaining key itself. */
void dbr_hkdf2(uint8_t out1[DBR_SHA256_SIZE], uint8_t out2[DBR_SHA256_SIZE],
               const uint8_t chaining_key[DBR_SHA256_SIZE], debros_bytes input);
/* BLAKE2b with 32 bytes, for what is long: two to three times as fast as SHA-256 without
 * the processor's help. The state must not be moved between two calls. */
#define DBR_BLAKE2B_SIZE 32
struct dbr_blake2b {
    uint8_t memory[448]; /* libsodium's state, which wants to lie at a multiple of 64 */
};
void dbr_blake2b_begin(struct dbr_blake2b *b);
void dbr_blake2b_add(struct dbr_blake2b *b, debros_bytes data);
void dbr_blake2b_end(struct dbr_blake2b *b, uint8_t out[DBR_BLAKE2B_SIZE]);
/* CRC-32C of data, continued from `crc` (0 to begin). Hardware where the CPU has it. */
uint32_t dbr_crc32c(uint32_t crc, const void *data, size_t len);
/* The same without the processor's help, for its test. */
uint32_t dbr_crc32c_portable(uint32_t crc, const void *data, size_t len);
/* Zeroes memory so that the compiler cannot skip it. */
void dbr_wipe(void *data, size_t len);

#endif
