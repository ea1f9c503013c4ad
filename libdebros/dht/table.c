#include "dht/table.h"

#include "base/alloc.h"
#include "base/check.h"

#define CAP_MIN 32u

_Static_assert(sizeof(struct dbr_dht_entry) <= 96, "as the header says");

struct run {
    size_t from;
    size_t to;
};

void dbr_dht_table_limits_default(struct dbr_dht_table_limits *limits)
{
    *limits = (struct dbr_dht_table_limits){.bucket = 20,
                                            .peers = 1024,
                                            .per_group = 3,
                                            .per_group_bucket = 2,
                                            .failures = 2,
                                            .check_ms = 60000,
                                            .refresh_ms = 600000};
}

uint64_t dbr_dht_group(const struct dbr_multiaddr *addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 2.5.5.2 */
    struct dbr_endpoint endpoint;
    if (!dbr_multiaddr_endpoint(addr, &endpoint) || dbr_endpoint_is_loopback(&endpoint)) {
        return 0;
    }
    const uint8_t *ip = endpoint.ip;
    bool is_mapped = endpoint.is_ip6 && memcmp(ip, mapped, sizeof(mapped)) == 0;
    if (!endpoint.is_ip6 || is_mapped) {
        ip += is_mapped ? sizeof(mapped) : 0;
        return (uint64_t)4 << 32 | (uint64_t)ip[0] << 8 | ip[1];
    }
    return (uint64_t)6 << 32 | (uint64_t)ip[0] << 24 | (uint64_t)ip[1] << 16 |
           (uint64_t)ip[2] << 8 | ip[3];
}

void dbr_dht_table_init(struct dbr_dht_table *table, const struct dbr_dht_key *own,
                        const struct dbr_dht_table_limits *limits, dbr_time now)
{
    dbr_assert(limits->bucket > 0 && limits->peers > 0 && limits->failures > 0);
    *table = (struct dbr_dht_table){.limits = *limits, .own = *own};
    for (size_t i = 0; i < DBR_DHT_REFRESH_BUCKETS; i++) {
        table->due[i] = dbr_time_add(now, limits->refresh_ms);
    }
}

void dbr_dht_table_finish(struct dbr_dht_table *table)
{
    dbr_free(table->entries);
    dbr_free(table->spares);
    table->entries = table->spares = NULL;
    table->n = table->cap = table->n_spares = 0;
}

/* ---- Places --------------------------------------------------------------------------
 */

/* The first entry whose key is not below `key`. */
static size_t place_of(const struct dbr_dht_table *table, const struct dbr_dht_key *key)
{
    size_t from = 0;
    size_t to = table->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (memcmp(&table->entries[mid].key, key, sizeof(*key)) < 0) {
            from = mid + 1;
        } else {
            to = mid;
        }
    }
    return from;
}

static struct dbr_dht_entry *entry_at(const struct dbr_dht_table *table,
                                      const struct dbr_dht_key *key)
{
    size_t at = place_of(table, key);
    return at < table->n && dbr_dht_key_equal(&table->entries[at].key, key)
               ? &table->entries[at]
               : NULL;
}

static struct dbr_dht_entry *entry_of(const struct dbr_dht_table *table,
                                      const struct dbr_peer_id *id)
{
    struct dbr_dht_key key;
    dbr_dht_key_of_peer(&key, id);
    return entry_at(table, &key);
}

const struct dbr_dht_entry *dbr_dht_table_find(const struct dbr_dht_table *table,
                                               const struct dbr_peer_id *id)
{
    return entry_of(table, id);
}

/* Sets the bits of `key` from `bit` on. */
static void set_tail(struct dbr_dht_key *key, unsigned bit, bool to)
{
    uint8_t mask = (uint8_t)(0xff >> bit % 8);
    uint8_t *byte = &key->bytes[bit / 8];
    *byte = to ? (uint8_t)(*byte | mask) : (uint8_t)(*byte & ~mask);
    memset(byte + 1, to ? 0xff : 0, DBR_DHT_KEY_SIZE - 1 - bit / 8);
}

static struct run bucket_run(const struct dbr_dht_table *table, unsigned bucket)
{
    struct dbr_dht_key low = table->own;
    unsigned fixed = bucket;
    if (bucket < table->last) {
        low.bytes[bucket / 8] ^= (uint8_t)(0x80 >> bucket % 8);
        fixed++;
    }
    struct dbr_dht_key high = low;
    set_tail(&low, fixed, false);
    set_tail(&high, fixed, true);
    struct run run = {.from = place_of(table, &low), .to = place_of(table, &high)};
    run.to += run.to < table->n && dbr_dht_key_equal(&table->entries[run.to].key, &high);
    return run;
}

unsigned dbr_dht_table_bucket(const struct dbr_dht_table *table,
                              const struct dbr_dht_key *key)
{
    unsigned prefix = dbr_dht_key_prefix(&table->own, key);
    return prefix < table->last ? prefix : table->last;
}

size_t dbr_dht_table_bucket_len(const struct dbr_dht_table *table, unsigned bucket)
{
    struct run run = bucket_run(table, bucket);
    return bucket <= table->last ? run.to - run.from : 0;
}

/* ---- Coming in -----------------------------------------------------------------------
 */

static bool is_crowded(const struct dbr_dht_table *table, uint64_t group,
                       const struct run *bucket, const struct dbr_dht_entry *leaves)
{
    const struct dbr_dht_table_limits *limits = &table->limits;
    size_t all = 0;
    size_t here = 0;
    if (group == 0 || (limits->per_group == 0 && limits->per_group_bucket == 0)) {
        return false;
    }
    for (size_t i = 0; i < table->n; i++) {
        if (table->entries[i].group == group && &table->entries[i] != leaves) {
            all++;
            here += i >= bucket->from && i < bucket->to;
        }
    }
    return (limits->per_group != 0 && all >= limits->per_group) ||
           (limits->per_group_bucket != 0 && here >= limits->per_group_bucket);
}

/* Of the bucket: one that has failed before one that has not, then by silence. */
static struct dbr_dht_entry *least_recently_seen(const struct dbr_dht_table *table,
                                                 const struct run *bucket)
{
    struct dbr_dht_entry *least = &table->entries[bucket->from];
    for (size_t i = bucket->from + 1; i < bucket->to; i++) {
        struct dbr_dht_entry *entry = &table->entries[i];
        bool failed = entry->failures > 0;
        if (failed != (least->failures > 0) ? failed : entry->seen < least->seen) {
            least = entry;
        }
    }
    return least;
}

static bool insert(struct dbr_dht_table *table, const struct dbr_dht_entry *entry)
{
    if (table->n == table->cap) {
        size_t cap = table->cap == 0 ? CAP_MIN : 2 * table->cap;
        struct dbr_dht_entry *grown =
            dbr_realloc_array(table->entries, cap, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        table->entries = grown;
        table->cap = cap;
    }
    size_t at = place_of(table, &entry->key);
    memmove(&table->entries[at + 1], &table->entries[at],
            (table->n - at) * sizeof(*entry));
    table->entries[at] = *entry;
    table->n++;
    return true;
}

static void take_out(struct dbr_dht_table *table, struct dbr_dht_entry *entry)
{
    size_t after = table->n - (size_t)(entry - table->entries) - 1;
    memmove(entry, entry + 1, after * sizeof(*entry));
    table->n--;
}

static struct dbr_dht_entry *spare_of(const struct dbr_dht_table *table, unsigned bucket)
{
    for (size_t i = 0; i < table->n_spares; i++) {
        if (dbr_dht_table_bucket(table, &table->spares[i].key) == bucket) {
            return &table->spares[i];
        }
    }
    return NULL;
}

static void drop_spare(struct dbr_dht_table *table, struct dbr_dht_entry *spare)
{
    *spare = table->spares[--table->n_spares];
}

/* The first who came waits until its bucket's least recently seen entry has spoken. */
static void keep_spare(struct dbr_dht_table *table, unsigned bucket,
                       const struct dbr_dht_entry *entry)
{
    if (table->spares == NULL) {
        table->spares = dbr_calloc(DBR_DHT_SPARES_MAX, sizeof(*entry));
    }
    if (table->spares != NULL && table->n_spares < DBR_DHT_SPARES_MAX &&
        spare_of(table, bucket) == NULL) {
        table->spares[table->n_spares++] = *entry;
    }
}

/* Unfolds the last bucket until the key's has room, or lies before the last one. */
static unsigned unfold(struct dbr_dht_table *table, const struct dbr_dht_key *key)
{
    unsigned bucket = dbr_dht_table_bucket(table, key);
    while (bucket == table->last && table->last < DBR_DHT_KEY_BITS - 1 &&
           dbr_dht_table_bucket_len(table, bucket) >= table->limits.bucket) {
        table->last++;
        bucket = dbr_dht_table_bucket(table, key);
    }
    return bucket;
}

static bool is_full(const struct dbr_dht_table *table, const struct run *bucket)
{
    return bucket->to - bucket->from >= table->limits.bucket ||
           table->n >= table->limits.peers;
}

/* The bucket is full: by whom can the newcomer be followed? */
static enum dbr_dht_added replace(struct dbr_dht_table *table, unsigned bucket,
                                  const struct dbr_dht_entry *entry,
                                  struct dbr_peer_id *check)
{
    struct run run = bucket_run(table, bucket);
    if (run.from == run.to) {
        return DBR_DHT_FULL;
    }
    struct dbr_dht_entry *least = least_recently_seen(table, &run);
    if (is_crowded(table, entry->group, &run, least)) {
        return DBR_DHT_CROWDED;
    }
    if (least->failures > 0) {
        take_out(table, least);
        return insert(table, entry) ? DBR_DHT_ADDED : DBR_DHT_NO_MEMORY;
    }
    keep_spare(table, bucket, entry);
    if (least->checking ||
        dbr_time_add(least->seen, table->limits.check_ms) > entry->seen) {
        return DBR_DHT_FULL;
    }
    least->checking = true;
    *check = least->id;
    return DBR_DHT_CHECK;
}

enum dbr_dht_added dbr_dht_table_add(struct dbr_dht_table *table,
                                     const struct dbr_peer_id *id, uint64_t group,
                                     bool outbound, dbr_time now,
                                     struct dbr_peer_id *check)
{
    struct dbr_dht_entry entry = {
        .id = *id, .group = group, .outbound = outbound, .connected = true, .seen = now};
    dbr_dht_key_of_peer(&entry.key, id);
    struct dbr_dht_entry *known = entry_at(table, &entry.key);
    if (known != NULL) {
        known->outbound = known->outbound || outbound;
        known->connected = true;
        dbr_dht_table_seen(table, id, now);
        return DBR_DHT_KNOWN;
    }
    if (dbr_dht_key_equal(&entry.key, &table->own)) {
        return DBR_DHT_FULL;
    }
    unsigned bucket = unfold(table, &entry.key);
    struct run run = bucket_run(table, bucket);
    if (is_full(table, &run)) {
        return replace(table, bucket, &entry, check);
    }
    if (is_crowded(table, group, &run, NULL)) {
        return DBR_DHT_CROWDED;
    }
    return insert(table, &entry) ? DBR_DHT_ADDED : DBR_DHT_NO_MEMORY;
}

bool dbr_dht_table_is_useful(const struct dbr_dht_table *table,
                             const struct dbr_peer_id *id, uint64_t group, dbr_time now)
{
    struct dbr_dht_key key;
    dbr_dht_key_of_peer(&key, id);
    if (dbr_dht_key_equal(&key, &table->own) || entry_at(table, &key) != NULL) {
        return false;
    }
    unsigned bucket = dbr_dht_table_bucket(table, &key);
    struct run run = bucket_run(table, bucket);
    if (!is_full(table, &run)) {
        return !is_crowded(table, group, &run, NULL);
    }
    if (run.from == run.to) {
        return false;
    }
    if (bucket == table->last && table->n < table->limits.peers) {
        return !is_crowded(table, group, &(struct run){0}, NULL); /* it would unfold */
    }
    const struct dbr_dht_entry *least = least_recently_seen(table, &run);
    return !is_crowded(table, group, &run, least) &&
           (least->failures > 0 || spare_of(table, bucket) == NULL) &&
           (least->failures > 0 ||
            dbr_time_add(least->seen, table->limits.check_ms) <= now);
}

/* ---- Staying and going ---------------------------------------------------------------
 */

void dbr_dht_table_seen(struct dbr_dht_table *table, const struct dbr_peer_id *id,
                        dbr_time now)
{
    struct dbr_dht_entry *entry = entry_of(table, id);
    if (entry == NULL) {
        return;
    }
    if (entry->checking) { /* for the spare's sake */
        unsigned bucket = dbr_dht_table_bucket(table, &entry->key);
        struct dbr_dht_entry *spare = spare_of(table, bucket);
        if (spare != NULL) {
            drop_spare(table, spare);
        }
    }
    entry->seen = now;
    entry->failures = 0;
    entry->checking = false;
}

/* A place is free: whoever waits for it comes in, if its IP group still lets it. */
static void let_in_spare(struct dbr_dht_table *table, unsigned bucket)
{
    struct dbr_dht_entry *spare = spare_of(table, bucket);
    if (spare == NULL) {
        return;
    }
    struct dbr_dht_entry entry = *spare;
    drop_spare(table, spare);
    struct run run = bucket_run(table, bucket);
    if (!is_full(table, &run) && !is_crowded(table, entry.group, &run, NULL) &&
        entry_at(table, &entry.key) == NULL) {
        (void)insert(table, &entry); /* memory is short: a place stays free */
    }
}

void dbr_dht_table_failed(struct dbr_dht_table *table, const struct dbr_peer_id *id,
                          bool keep)
{
    struct dbr_dht_entry *entry = entry_of(table, id);
    if (entry == NULL) {
        return;
    }
    unsigned bucket = dbr_dht_table_bucket(table, &entry->key);
    entry->failures = (uint8_t)(entry->failures + (entry->failures < UINT8_MAX));
    entry->checking = false;
    if (!keep && (entry->failures >= table->limits.failures ||
                  spare_of(table, bucket) != NULL)) {
        take_out(table, entry);
        let_in_spare(table, bucket);
    }
}

void dbr_dht_table_connected(struct dbr_dht_table *table, const struct dbr_peer_id *id,
                             bool connected)
{
    struct dbr_dht_entry *entry = entry_of(table, id);
    if (entry != NULL) {
        entry->connected = connected;
    }
}

void dbr_dht_table_remove(struct dbr_dht_table *table, const struct dbr_peer_id *id)
{
    struct dbr_dht_entry *entry = entry_of(table, id);
    for (size_t i = table->n_spares; i-- > 0;) {
        if (dbr_peer_id_equal(&table->spares[i].id, id)) {
            drop_spare(table, &table->spares[i]);
        }
    }
    if (entry != NULL) {
        unsigned bucket = dbr_dht_table_bucket(table, &entry->key);
        take_out(table, entry);
        let_in_spare(table, bucket);
    }
}

/* ---- Refresh -------------------------------------------------------------------------
 */

static unsigned refreshable(const struct dbr_dht_table *table)
{
    return table->last < DBR_DHT_REFRESH_BUCKETS ? table->last : DBR_DHT_REFRESH_BUCKETS;
}

dbr_time dbr_dht_table_deadline(const struct dbr_dht_table *table)
{
    dbr_time at = DBR_TIME_NEVER;
    for (unsigned i = 0; i < refreshable(table); i++) {
        at = dbr_time_min(at, table->due[i]);
    }
    return at;
}

int dbr_dht_table_due(const struct dbr_dht_table *table, dbr_time now)
{
    for (unsigned i = 0; i < refreshable(table); i++) {
        if (table->due[i] <= now) {
            return (int)i;
        }
    }
    return -1;
}

void dbr_dht_table_refreshed(struct dbr_dht_table *table, unsigned bucket, dbr_time now)
{
    if (bucket < refreshable(table)) {
        table->due[bucket] = dbr_time_add(now, table->limits.refresh_ms);
    }
}

void dbr_dht_table_refresh_all(struct dbr_dht_table *table, dbr_time now)
{
    for (unsigned i = 0; i < DBR_DHT_REFRESH_BUCKETS; i++) {
        table->due[i] = dbr_time_min(table->due[i], now);
    }
}
