/* X25519 (RFC 7748). */
#ifndef DBR_CRYPTO_DH_H
#define DBR_CRYPTO_DH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

#define DBR_DH_SIZE 32

void dbr_dh_generate(uint8_t public_key[DBR_DH_SIZE], uint8_t secret_key[DBR_DH_SIZE],
                     struct dbr_rng *rng);
void dbr_dh_public(uint8_t public_key[DBR_DH_SIZE],
                   const uint8_t secret_key[DBR_DH_SIZE]);
/* False when the result is all zero (a point of small order). */
bool dbr_dh(uint8_t shared[DBR_DH_SIZE], const uint8_t secret_key[DBR_DH_SIZE],
            const uint8_t public_key[DBR_DH_SIZE]);

#endif
