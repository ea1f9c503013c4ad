/* Ed25519 identity keys (RFC 8032). */
#ifndef DBR_CRYPTO_KEYPAIR_H
#define DBR_CRYPTO_KEYPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/rng.h"

#define DBR_PUBLIC_KEY_SIZE 32
#define DBR_SECRET_KEY_SIZE 64 /* seed || public key */
#define DBR_SIGNATURE_SIZE  64

struct dbr_keypair {
    uint8_t public_key[DBR_PUBLIC_KEY_SIZE];
    uint8_t secret_key[DBR_SECRET_KEY_SIZE];
};

void dbr_keypair_generate(struct dbr_keypair *out, struct dbr_rng *rng);
void dbr_keypair_from_seed(struct dbr_keypair *out, const uint8_t seed[32]);
void dbr_keypair_wipe(struct dbr_keypair *keypair);
void dbr_sign(uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes message,
              const struct dbr_keypair *keypair);
bool dbr_verify(const uint8_t *signature, size_t signature_len, debros_bytes message,
                const uint8_t public_key[DBR_PUBLIC_KEY_SIZE]);

#endif
