/* All that a node holds for the network: values and providers, with one allowance of puts
 * for each peer. */
#ifndef DBR_DHT_RECORDS_H
#define DBR_DHT_RECORDS_H

#include "dht/providers.h"
#include "dht/rates.h"
#include "dht/values.h"

struct dbr_dht_records_limits {
    struct dbr_dht_values_limits values;
    struct dbr_dht_providers_limits providers;
    uint32_t puts_per_s; /* of a peer, values and providers; default 20 */
    uint32_t putters;    /* peers that are remembered for that; default 1,024 */
};
void dbr_dht_records_limits_default(struct dbr_dht_records_limits *limits);

/* How many of others' puts ended how. */
struct dbr_dht_records_stats {
    uint64_t values[DBR_DHT_VERDICTS];
    uint64_t providers[DBR_DHT_VERDICTS];
};

struct dbr_dht_records {
    struct dbr_dht_values values;
    struct dbr_dht_providers providers;
    struct dbr_dht_rates rates;
    struct dbr_dht_records_stats stats;
};

void dbr_dht_records_init(struct dbr_dht_records *records,
                          const struct dbr_dht_records_limits *limits,
                          const struct dbr_dht_rules *rules,
                          const struct dbr_peer_id *self);
void dbr_dht_records_finish(struct dbr_dht_records *records);

/* What another peer sent: as dbr_dht_values_put() and dbr_dht_providers_add(), and
 * TOO_OFTEN. Our own go to those two directly. */
enum dbr_dht_verdict dbr_dht_records_put(struct dbr_dht_records *records,
                                         const struct dbr_peer_id *from, debros_bytes key,
                                         debros_bytes value, dbr_time now,
                                         uint64_t wall_ms);
enum dbr_dht_verdict dbr_dht_records_provide(struct dbr_dht_records *records,
                                             const struct dbr_peer_id *from,
                                             debros_bytes key, dbr_time now,
                                             uint64_t wall_ms);

dbr_time dbr_dht_records_deadline(const struct dbr_dht_records *records);
void dbr_dht_records_expire(struct dbr_dht_records *records, dbr_time now);

#endif
