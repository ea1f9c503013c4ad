/* The key space of Kademlia: 256 bits, a distance by XOR (Maymounkov and Mazieres, 2002).
 * A peer stands at the SHA-256 of its id's bytes, a record at that of its key.
 *
 * Spec: github.com/libp2p/specs/blob/master/kad-dht/README.md */
#ifndef DBR_DHT_KEY_H
#define DBR_DHT_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "multi/peer_id.h"

#define DBR_DHT_KEY_SIZE 32
#define DBR_DHT_KEY_BITS 256u

struct dbr_dht_key {
    uint8_t bytes[DBR_DHT_KEY_SIZE];
};

void dbr_dht_key_of(struct dbr_dht_key *out, debros_bytes bytes);
void dbr_dht_key_of_peer(struct dbr_dht_key *out, const struct dbr_peer_id *peer);

static inline bool dbr_dht_key_equal(const struct dbr_dht_key *a,
                                     const struct dbr_dht_key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool dbr_dht_key_bit(const struct dbr_dht_key *key, unsigned bit)
{
    return (key->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

/* How many leading bits are the same: DBR_DHT_KEY_BITS for equal keys. */
unsigned dbr_dht_key_prefix(const struct dbr_dht_key *a, const struct dbr_dht_key *b);
/* Below 0: `a` is closer to `target` than `b`; above 0: further; 0: they are equal. */
int dbr_dht_key_compare(const struct dbr_dht_key *target, const struct dbr_dht_key *a,
                        const struct dbr_dht_key *b);

/* A peer id that nobody has, whose key shares exactly `prefix` bits with `own`: what a
 * bucket is refreshed with, for the keys on the wire are hashed by whoever is asked. Each
 * draw hits with a chance of 2^-(prefix + 1), and at most `draws` are made. False: none
 * did; draws are independent, so that to go on later loses nothing. */
bool dbr_dht_key_draw(struct dbr_peer_id *out, const struct dbr_dht_key *own,
                      unsigned prefix, uint32_t draws, struct dbr_rng *rng);

#endif
