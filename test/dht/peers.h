/* Peers for the tests of dht/: ids from numbers, and where they stand. */
#ifndef DBR_TEST_DHT_PEERS_H
#define DBR_TEST_DHT_PEERS_H

#include <stdlib.h>

#include "dht/key.h"

static inline struct dbr_peer_id peer_of(uint64_t number)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE] = {0};
    struct dbr_peer_id peer;
    for (size_t i = 0; i < 8; i++) {
        key[i] = (uint8_t)(number >> 8 * i);
    }
    dbr_peer_id_from_key(&peer, key);
    return peer;
}

static inline struct dbr_dht_key key_of(uint64_t number)
{
    struct dbr_peer_id peer = peer_of(number);
    struct dbr_dht_key key;
    dbr_dht_key_of_peer(&key, &peer);
    return key;
}

/* The next number from *number on whose peer shares `prefix` bits with `own`. */
static inline struct dbr_peer_id peer_near(uint64_t *number,
                                           const struct dbr_dht_key *own,
                                           unsigned prefix)
{
    for (;;) {
        struct dbr_dht_key key = key_of(++*number);
        if (dbr_dht_key_prefix(&key, own) == prefix) {
            return peer_of(*number);
        }
    }
}

#endif
