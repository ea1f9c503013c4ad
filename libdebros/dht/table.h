/* The routing table: which peers a node remembers, many near itself and few far away.
 *
 * Bucket b holds peers whose key shares exactly b bits with the own one; the last bucket
 * holds all that share more, and is unfolded when it is full. All entries stand in one
 * array in the order of their keys, where a bucket is a run and the closest to any key
 * are found by halving. An entry makes room only after it has failed: a newcomer's word
 * moves nobody (Maymounkov and Mazieres, 2.2).
 *
 * Memory: sizeof(struct dbr_dht_entry), 96 bytes, for each entry, in an array that
 * doubles; in a network of n peers there are about 20 log2(n / 20) + 20. */
#ifndef DBR_DHT_TABLE_H
#define DBR_DHT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "dht/key.h"
#include "multi/multiaddr.h"

#define DBR_DHT_REFRESH_BUCKETS 16u /* 0 to 15: deeper keys are too dear to draw */
#define DBR_DHT_SPARES_MAX      16u

struct dbr_dht_table_limits {
    uint32_t bucket;           /* k, peers in a bucket; default 20 */
    uint32_t peers;            /* in all; default 1,024 */
    uint32_t per_group;        /* of one IP group; default 3, 0: no such limit */
    uint32_t per_group_bucket; /* and in one bucket; default 2, 0: no such limit */
    uint32_t failures;         /* in a row, then an entry goes; default 2 */
    uint32_t check_ms;         /* of silence, then a newcomer has the least recently seen
                                  entry of its full bucket asked; default 60,000 */
    uint32_t refresh_ms;       /* between two lookups in a bucket; default 600,000 */
};
void dbr_dht_table_limits_default(struct dbr_dht_table_limits *limits);

struct dbr_dht_entry {
    struct dbr_dht_key key;
    struct dbr_peer_id id;
    uint8_t failures; /* since it was seen */
    bool outbound;    /* we have dialled it, so that others can */
    bool checking;    /* it has been named to be asked */
    bool connected;   /* for those who ask: dbr_dht_table_connected() */
    uint64_t group;   /* 0: exempt */
    dbr_time seen;
};

struct dbr_dht_table {
    struct dbr_dht_table_limits limits;
    struct dbr_dht_key own;
    struct dbr_dht_entry *entries; /* by key */
    size_t n;
    size_t cap;
    unsigned last;                 /* bucket */
    struct dbr_dht_entry *spares;  /* who waits for a place, one for a bucket */
    size_t n_spares;
    dbr_time due[DBR_DHT_REFRESH_BUCKETS];
};

enum dbr_dht_added {
    DBR_DHT_ADDED,
    DBR_DHT_KNOWN, /* it was there: seen */
    DBR_DHT_CHECK, /* no room unless `check`, who is to be asked, fails */
    DBR_DHT_FULL,
    DBR_DHT_CROWDED, /* too many of its IP group */
    DBR_DHT_NO_MEMORY
};

/* Who shares whose fate: an IPv4 /16 or an IPv6 /32. 0, exempt: loopback, and whatever
 * is no IP address. */
uint64_t dbr_dht_group(const struct dbr_multiaddr *addr);

void dbr_dht_table_init(struct dbr_dht_table *table, const struct dbr_dht_key *own,
                        const struct dbr_dht_table_limits *limits, dbr_time now);
void dbr_dht_table_finish(struct dbr_dht_table *table);

/* A connected peer that has just shown that it serves the protocol. `check` is set with
 * CHECK. */
enum dbr_dht_added dbr_dht_table_add(struct dbr_dht_table *table,
                                     const struct dbr_peer_id *id, uint64_t group,
                                     bool outbound, dbr_time now,
                                     struct dbr_peer_id *check);
/* Whether add() would do more than refuse: else the peer need not be probed. */
bool dbr_dht_table_is_useful(const struct dbr_dht_table *table,
                             const struct dbr_peer_id *id, uint64_t group, dbr_time now);
/* It answered. */
void dbr_dht_table_seen(struct dbr_dht_table *table, const struct dbr_peer_id *id,
                        dbr_time now);
/* It did not: a spare takes its place, or it goes after limits.failures; unless `keep`,
 * when only the count rises: the fault may be our own. */
void dbr_dht_table_failed(struct dbr_dht_table *table, const struct dbr_peer_id *id,
                          bool keep);
/* It has a connection, or has none any more. */
void dbr_dht_table_connected(struct dbr_dht_table *table, const struct dbr_peer_id *id,
                             bool connected);
/* It does not serve the protocol any more. */
void dbr_dht_table_remove(struct dbr_dht_table *table, const struct dbr_peer_id *id);
/* NULL: none. Valid until the table changes, as all entries are. */
const struct dbr_dht_entry *dbr_dht_table_find(const struct dbr_dht_table *table,
                                               const struct dbr_peer_id *id);

/* The at most n entries closest to `target`, the closest first; with `sound` only those
 * that have not failed since they were seen. */
size_t dbr_dht_table_closest(const struct dbr_dht_table *table,
                             const struct dbr_dht_entry **out, size_t n,
                             const struct dbr_dht_key *target, bool sound);

unsigned dbr_dht_table_bucket(const struct dbr_dht_table *table,
                              const struct dbr_dht_key *key);
size_t dbr_dht_table_bucket_len(const struct dbr_dht_table *table, unsigned bucket);

/* A bucket that is due for a lookup, or -1. Not the last one: looking for the own id
 * fills it. */
int dbr_dht_table_due(const struct dbr_dht_table *table, dbr_time now);
void dbr_dht_table_refreshed(struct dbr_dht_table *table, unsigned bucket, dbr_time now);
/* All buckets are due at once. */
void dbr_dht_table_refresh_all(struct dbr_dht_table *table, dbr_time now);
dbr_time dbr_dht_table_deadline(const struct dbr_dht_table *table);

#endif
