#include "dh.h"

#include <sodium.h>

void dbr_dh_generate(uint8_t public_key[DBR_DH_SIZE], uint8_t secret_key[DBR_DH_SIZE],
                     struct dbr_rng *rng)
{
    dbr_rng_fill(rng, secret_key, DBR_DH_SIZE);
    dbr_dh_public(public_key, secret_key);
}

void dbr_dh_public(uint8_t public_key[DBR_DH_SIZE], const uint8_t secret_key[DBR_DH_SIZE])
{
    crypto_scalarmult_curve25519_base(public_key, secret_key);
}

bool dbr_dh(uint8_t shared[DBR_DH_SIZE], const uint8_t secret_key[DBR_DH_SIZE],
            const uint8_t public_key[DBR_DH_SIZE])
{
    /* libsodium leaves the result alone when it refuses a point. */
    sodium_memzero(shared, DBR_DH_SIZE);
    return crypto_scalarmult_curve25519(shared, secret_key, public_key) == 0;
}
