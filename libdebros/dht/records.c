#include "dht/records.h"

void dbr_dht_records_limits_default(struct dbr_dht_records_limits *limits)
{
    *limits = (struct dbr_dht_records_limits){.puts_per_s = 20, .putters = 1024};
    dbr_dht_values_limits_default(&limits->values);
    dbr_dht_providers_limits_default(&limits->providers);
}

void dbr_dht_records_init(struct dbr_dht_records *records,
                          const struct dbr_dht_records_limits *limits,
                          const struct dbr_dht_rules *rules,
                          const struct dbr_peer_id *self)
{
    struct dbr_dht_key place;
    dbr_dht_key_of_peer(&place, self);
    dbr_dht_values_init(&records->values, &limits->values, rules, &place);
    dbr_dht_providers_init(&records->providers, &limits->providers, self);
    dbr_dht_rates_init(&records->rates, limits->puts_per_s, limits->putters);
    records->stats = (struct dbr_dht_records_stats){.values = {0}};
}

void dbr_dht_records_finish(struct dbr_dht_records *records)
{
    dbr_dht_values_finish(&records->values);
    dbr_dht_providers_finish(&records->providers);
    dbr_dht_rates_finish(&records->rates);
}

enum dbr_dht_verdict dbr_dht_records_put(struct dbr_dht_records *records,
                                         const struct dbr_peer_id *from, debros_bytes key,
                                         debros_bytes value, dbr_time now,
                                         uint64_t wall_ms)
{
    enum dbr_dht_verdict verdict =
        dbr_dht_rates_take(&records->rates, from, now)
            ? dbr_dht_values_put(&records->values, key, value, false, now, wall_ms)
            : DBR_DHT_VALUE_TOO_OFTEN;
    records->stats.values[verdict]++;
    return verdict;
}

enum dbr_dht_verdict dbr_dht_records_provide(struct dbr_dht_records *records,
                                             const struct dbr_peer_id *from,
                                             debros_bytes key, dbr_time now,
                                             uint64_t wall_ms)
{
    enum dbr_dht_verdict verdict =
        dbr_dht_rates_take(&records->rates, from, now)
            ? dbr_dht_providers_add(&records->providers, key, from, now, wall_ms)
            : DBR_DHT_VALUE_TOO_OFTEN;
    records->stats.providers[verdict]++;
    return verdict;
}

dbr_time dbr_dht_records_deadline(const struct dbr_dht_records *records)
{
    return dbr_time_min(dbr_dht_values_deadline(&records->values),
                        dbr_dht_providers_deadline(&records->providers));
}

void dbr_dht_records_expire(struct dbr_dht_records *records, dbr_time now)
{
    dbr_dht_values_expire(&records->values, now);
    dbr_dht_providers_expire(&records->providers, now);
}
