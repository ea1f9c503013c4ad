/* The routing table under any sequence of facts: each operation is three bytes, what, who
 * and when. Order, limits and the closest are held against a plain scan. */
#include "fuzz.h"

#include "base/reader.h"
#include "dht/table.h"

static struct dbr_peer_id peer_of(uint8_t number)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE] = {number};
    struct dbr_peer_id peer;
    dbr_peer_id_from_key(&peer, key);
    return peer;
}

static void check_closest(const struct dbr_dht_table *table, uint8_t number)
{
    const struct dbr_dht_entry *found[8];
    struct dbr_peer_id peer = peer_of(number);
    struct dbr_dht_key target;
    dbr_dht_key_of_peer(&target, &peer);
    size_t n = dbr_dht_table_closest(table, found, DBR_COUNT(found), &target, false);
    dbr_assert(n == (table->n < DBR_COUNT(found) ? table->n : DBR_COUNT(found)));
    for (size_t i = 0; i < table->n && n > 0; i++) { /* nobody closer was left out */
        const struct dbr_dht_key *key = &table->entries[i].key;
        bool listed = false;
        for (size_t k = 0; k < n; k++) {
            listed = listed || found[k] == &table->entries[i];
        }
        dbr_assert(listed || dbr_dht_key_compare(&target, &found[n - 1]->key, key) < 0);
    }
}

static void check_limits(const struct dbr_dht_table *table)
{
    size_t sum = 0;
    dbr_assert(table->n <= table->limits.peers);
    for (unsigned bucket = 0; bucket <= table->last; bucket++) {
        size_t len = dbr_dht_table_bucket_len(table, bucket);
        dbr_assert(len <= table->limits.bucket);
        sum += len;
    }
    dbr_assert(sum == table->n);
    for (size_t i = 0; i < table->n; i++) {
        uint64_t group = table->entries[i].group;
        size_t same = 0;
        for (size_t k = 0; k < table->n; k++) {
            same += table->entries[k].group == group;
        }
        dbr_assert(group == 0 || same <= table->limits.per_group);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_dht_table table;
    struct dbr_dht_table_limits limits;
    struct dbr_peer_id self = peer_of(255);
    struct dbr_peer_id check;
    struct dbr_dht_key own;
    struct dbr_reader in;
    dbr_time now = 1000;
    dbr_dht_table_limits_default(&limits);
    limits.bucket = 3;
    limits.peers = 20;
    dbr_dht_key_of_peer(&own, &self);
    dbr_dht_table_init(&table, &own, &limits, now);
    dbr_reader_init(&in, dbr_bytes(data, size < 6000 ? size : 6000));
    while (dbr_reader_left(&in) >= 3) {
        uint8_t what = dbr_reader_u8(&in);
        struct dbr_peer_id peer = peer_of(dbr_reader_u8(&in));
        now += dbr_reader_u8(&in) * 1000u;
        if (what % 8 < 5) {
            (void)dbr_dht_table_is_useful(&table, &peer, what / 8, now);
            enum dbr_dht_added added =
                dbr_dht_table_add(&table, &peer, what / 8, false, now, &check);
            dbr_assert(added != DBR_DHT_CHECK || dbr_dht_table_find(&table, &check));
        } else if (what % 8 == 5) {
            dbr_dht_table_failed(&table, &peer, what >= 128);
        } else if (what % 8 == 6) {
            dbr_dht_table_seen(&table, &peer, now);
        } else {
            dbr_dht_table_remove(&table, &peer);
        }
        int due = dbr_dht_table_due(&table, now);
        if (due >= 0) {
            dbr_dht_table_refreshed(&table, (unsigned)due, now);
        }
        check_limits(&table);
        check_closest(&table, what);
    }
    dbr_dht_table_finish(&table);
    return 0;
}
