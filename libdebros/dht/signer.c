#include "dht/signer.h"

static void sign(const struct dbr_dht_signer *signer,
                 uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text)
{
    dbr_sign(signature, text, signer->identity);
}

static bool verify(const struct dbr_dht_signer *signer,
                   const uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text,
                   const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    (void)signer;
    return dbr_verify(signature, DBR_SIGNATURE_SIZE, text, public_key);
}

void dbr_dht_signer_init(struct dbr_dht_signer *signer,
                         const struct dbr_keypair *identity)
{
    *signer =
        (struct dbr_dht_signer){.sign = sign, .verify = verify, .identity = identity};
}
