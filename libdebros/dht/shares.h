/* How many records each peer has in a store, so that nobody takes more than its share. */
#ifndef DBR_DHT_SHARES_H
#define DBR_DHT_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "multi/peer_id.h"

struct dbr_dht_share {
    struct dbr_peer_id peer;
    uint32_t n; /* above 0 */
    UT_hash_handle hh;
};

/* Zeroed: nobody has any. Grows with the store that it counts for. */
struct dbr_dht_shares {
    struct dbr_dht_share *table;
};

void dbr_dht_shares_finish(struct dbr_dht_shares *shares);
uint32_t dbr_dht_shares_of(const struct dbr_dht_shares *shares,
                           const struct dbr_peer_id *peer);
/* One more. False: out of memory. */
bool dbr_dht_shares_add(struct dbr_dht_shares *shares, const struct dbr_peer_id *peer);
/* One less; it has one. */
void dbr_dht_shares_take(struct dbr_dht_shares *shares, const struct dbr_peer_id *peer);

#endif
