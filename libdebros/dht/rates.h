/* How often each peer may put: a token bucket for each of those that did so lately. */
#ifndef DBR_DHT_RATES_H
#define DBR_DHT_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "multi/peer_id.h"
#include "swarm/bucket.h"

struct dbr_dht_rate {
    struct dbr_peer_id peer;
    struct dbr_bucket bucket;
    struct dbr_list in_order;
    UT_hash_handle hh;
};

struct dbr_dht_rates {
    uint32_t per_s; /* and in a burst; 0: as often as it likes */
    uint32_t peers; /* that are remembered: beyond it, who was quiet for longest goes */
    uint32_t n;
    struct dbr_dht_rate *table;
    struct dbr_list order; /* who was quiet for longest first */
};

void dbr_dht_rates_init(struct dbr_dht_rates *rates, uint32_t per_s, uint32_t peers);
void dbr_dht_rates_finish(struct dbr_dht_rates *rates);
/* True: it may. False: too often, or no memory to know. */
bool dbr_dht_rates_take(struct dbr_dht_rates *rates, const struct dbr_peer_id *peer,
                        dbr_time now);

#endif
