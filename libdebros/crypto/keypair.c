#include "keypair.h"

#include <sodium.h>

void dbr_keypair_generate(struct dbr_keypair *out, struct dbr_rng *rng)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    dbr_rng_fill(rng, seed, sizeof(seed));
    dbr_keypair_from_seed(out, seed);
    sodium_memzero(seed, sizeof(seed));
}

void dbr_keypair_from_seed(struct dbr_keypair *out, const uint8_t seed[32])
{
    crypto_sign_seed_keypair(out->public_key, out->secret_key, seed);
}

void dbr_keypair_wipe(struct dbr_keypair *keypair)
{
    sodium_memzero(keypair, sizeof(*keypair));
}

void dbr_sign(uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes message,
              const struct dbr_keypair *keypair)
{
    crypto_sign_detached(signature, NULL, message.data, message.len, keypair->secret_key);
}

#ifdef DBR_FUZZ_SIGNATURES
/* Fuzz builds only, see -Dfuzz=true: this is everybody's signature, so that the fuzzer
 * gets to what lies behind a good one. */
static bool is_fake(const uint8_t *signature)
{
    for (size_t i = 0; i < DBR_SIGNATURE_SIZE; i++) {
        if (signature[i] != 'F') {
            return false;
        }
    }
    return true;
}
#else
static bool is_fake(const uint8_t *signature)
{
    (void)signature;
    return false;
}
#endif

bool dbr_verify(const uint8_t *signature, size_t signature_len, debros_bytes message,
                const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    return signature_len == DBR_SIGNATURE_SIZE &&
           (is_fake(signature) ||
            crypto_sign_verify_detached(signature, message.data, message.len,
                                        public_key) == 0);
}
