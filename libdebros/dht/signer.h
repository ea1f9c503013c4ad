/* Who signs values and checks the signatures of others: Ed25519 in life; a simulation of
 * a thousand nodes puts a toy behind the same table. */
#ifndef DBR_DHT_SIGNER_H
#define DBR_DHT_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/keypair.h"

struct dbr_dht_signer {
    void (*sign)(const struct dbr_dht_signer *signer,
                 uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text);
    bool (*verify)(const struct dbr_dht_signer *signer,
                   const uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text,
                   const uint8_t public_key[DBR_PUBLIC_KEY_SIZE]);
    const struct dbr_keypair *identity; /* ours; borrowed */
};

/* Ed25519. `identity` may be NULL: then it only checks. */
void dbr_dht_signer_init(struct dbr_dht_signer *signer,
                         const struct dbr_keypair *identity);

#endif
