/* A routing table and peers for its buckets. */
#ifndef DBR_TEST_DHT_TABLE_H
#define DBR_TEST_DHT_TABLE_H

#include "test.h"

#include "dht/table.h"
#include "peers.h"

struct fixture {
    struct dbr_dht_table table;
    struct dbr_dht_table_limits limits;
    struct dbr_dht_key own;
    struct dbr_peer_id check;
    uint64_t number; /* of the last peer_near() */
    dbr_time now;
};

static inline void begin(struct fixture *f)
{
    *f = (struct fixture){.now = 1000, .own = key_of(0)};
    dbr_dht_table_limits_default(&f->limits);
    dbr_dht_table_init(&f->table, &f->own, &f->limits, f->now);
}

static inline enum dbr_dht_added add(struct fixture *f, const struct dbr_peer_id *id,
                                     uint64_t group)
{
    return dbr_dht_table_add(&f->table, id, group, true, f->now, &f->check);
}

/* `n` peers of bucket `prefix`, a second apart. */
static inline void fill(struct fixture *f, unsigned prefix, size_t n,
                        struct dbr_peer_id *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = peer_near(&f->number, &f->own, prefix);
        assert_int_equal(add(f, &out[i], 0), DBR_DHT_ADDED);
        f->now += 1000;
    }
}

#endif
