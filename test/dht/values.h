/* Values for the tests of dht/: writers, keys, and a toy signer. */
#ifndef DBR_TEST_DHT_VALUES_H
#define DBR_TEST_DHT_VALUES_H

#include <stdio.h>

#include "crypto/hash.h"
#include "dht/envelope.h"

#define WALL 1700000000000u /* the tests' time of day */
#define HOUR 3600000u

static inline struct dbr_keypair writer_of(uint8_t number)
{
    uint8_t seed[32] = {number};
    struct dbr_keypair pair;
    dbr_keypair_from_seed(&pair, seed);
    return pair;
}

/* PREFIX, the writer's id, SUFFIX. */
static inline debros_bytes key_with(char out[256], const char *prefix,
                                    const struct dbr_keypair *writer, const char *suffix)
{
    struct dbr_peer_id id;
    char text[DBR_PEER_ID_TEXT_SIZE];
    dbr_peer_id_from_key(&id, writer->public_key);
    int len = snprintf(out, 256, "%s%s%s", prefix, dbr_peer_id_text(&id, text), suffix);
    return dbr_bytes(out, (size_t)len);
}

/* Everybody can sign for everybody: the hash of key and text, twice. */
static inline void toy_digest(uint8_t out[DBR_SIGNATURE_SIZE], debros_bytes text,
                              const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    dbr_sha256_two(out, dbr_bytes(public_key, DBR_PUBLIC_KEY_SIZE), text);
    memcpy(out + DBR_SHA256_SIZE, out, DBR_SHA256_SIZE);
}

static inline void toy_sign(const struct dbr_dht_signer *signer,
                            uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text)
{
    toy_digest(signature, text, signer->identity->public_key);
}

static inline bool toy_verify(const struct dbr_dht_signer *signer,
                              const uint8_t signature[DBR_SIGNATURE_SIZE],
                              debros_bytes text,
                              const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    uint8_t expected[DBR_SIGNATURE_SIZE];
    (void)signer;
    toy_digest(expected, text, public_key);
    return memcmp(expected, signature, sizeof(expected)) == 0;
}

#endif
