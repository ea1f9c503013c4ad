/* Keys and addresses for the tests of cluster/. */
#ifndef DBR_TEST_CLUSTER_FIXTURE_H
#define DBR_TEST_CLUSTER_FIXTURE_H

#include "test.h"

#include "cluster/members.h"
#include "crypto/system.h"

static inline struct dbr_keypair fixture_key(uint8_t n)
{
    uint8_t seed[32] = {n};
    struct dbr_keypair key;
    dbr_keypair_from_seed(&key, seed);
    return key;
}

static inline struct dbr_peer_id fixture_peer(uint8_t n)
{
    struct dbr_keypair key = fixture_key(n);
    struct dbr_peer_id id;
    dbr_peer_id_from_key(&id, key.public_key);
    return id;
}

static inline struct dbr_multiaddr fixture_addr(uint8_t n)
{
    struct dbr_endpoint endpoint = {.ip = {10, 0, 0, n}, .port = 4001};
    struct dbr_peer_id id = fixture_peer(n);
    struct dbr_multiaddr addr;
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    dbr_multiaddr_set_peer(&addr, &id);
    return addr;
}

#endif
