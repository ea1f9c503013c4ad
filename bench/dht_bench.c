/* What the distributed hash table and the peer book cost: the closest 20 of 10,000 peers
 * beside a scan of them all in the same run, the query machine beside the hashes that it
 * cannot do without, lookups in a network of 1,000 machines beside the codec's share of
 * their messages, and the memory of a known peer beside what is known: in the table its
 * key and id, in the book its id and an address. In processor time: others may share the
 * machine. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/hash.h"
#include "../test/dht/peers.h"
#include "../test/dht/world.h"
#include "limits.h"
#include "swarm/book.h"

#define PEERS   10000
#define CLOSEST 20
#define ROUNDS  5
#define SECONDS 0.2

/* ---- The closest of many -------------------------------------------------------------
 */

/* As one would write it first: a sorted list of 20, and every peer beside its last. */
static size_t scan(const struct dbr_dht_table *table, const struct dbr_dht_entry **out,
                   const struct dbr_dht_key *target)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n; i++) {
        const struct dbr_dht_entry *entry = &table->entries[i];
        size_t at = n;
        while (at > 0 &&
               dbr_dht_key_compare(target, &entry->key, &out[at - 1]->key) < 0) {
            at--;
        }
        if (at < CLOSEST) {
            n += n < CLOSEST;
            memmove(&out[at + 1], &out[at], (n - at - 1) * sizeof(out[0]));
            out[at] = entry;
        }
    }
    return n;
}

static double closest_round(const struct dbr_dht_table *table, bool naive)
{
    const struct dbr_dht_entry *out[CLOSEST + 1];
    struct dbr_dht_key target = table->own;
    double start = process_cpu_s();
    size_t n = 0;
    for (; process_cpu_s() - start < SECONDS; n++) {
        memcpy(target.bytes, &n, 2); /* all over the key space */
        size_t found = naive ? scan(table, out, &target)
                             : dbr_dht_table_closest(table, out, CLOSEST, &target, false);
        dbr_assert(found == CLOSEST);
    }
    return (double)n / (process_cpu_s() - start);
}

static void bench_closest(void)
{
    struct dbr_dht_table table;
    struct dbr_dht_table_limits limits;
    struct dbr_dht_key own = key_of(0);
    struct dbr_peer_id check;
    double ours[ROUNDS];
    double naive[ROUNDS];
    dbr_dht_table_limits_default(&limits);
    limits.bucket = limits.peers = PEERS;
    dbr_dht_table_init(&table, &own, &limits, 0);
    for (uint64_t i = 1; i <= PEERS; i++) {
        struct dbr_peer_id id = peer_of(i);
        dbr_assert(dbr_dht_table_add(&table, &id, 0, true, 0, &check) == DBR_DHT_ADDED);
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        ours[i] = closest_round(&table, false);
        naive[i] = closest_round(&table, true);
    }
    report_limit("closest 20 of 10,000, a scan: at least", median(ours, ROUNDS),
                 median(naive, ROUNDS), "/s");
    report_limit("table: memory of a peer",
                 (double)(table.cap * sizeof(struct dbr_dht_entry)) / PEERS,
                 DBR_DHT_KEY_SIZE + sizeof(struct dbr_peer_id), "bytes");
    dbr_dht_table_finish(&table);
}

/* ---- The query machine ---------------------------------------------------------------
 */

/* One lookup whose peers each name 20 others. Returns its questions and answers. */
static size_t lookup(uint64_t number)
{
    struct dbr_dht_query_limits limits;
    struct dbr_dht_query query;
    struct dbr_dht_named named[CLOSEST];
    struct dbr_dht_key target = key_of(number);
    struct dbr_peer_id self = peer_of(UINT64_MAX);
    const struct dbr_dht_candidate *candidate;
    size_t steps = 0;
    dbr_dht_query_limits_default(&limits);
    dbr_dht_query_init(&query, &limits, &target, &self, 0);
    for (uint64_t next = number + 1; steps == 0 || !dbr_dht_query_is_done(&query);) {
        for (size_t i = 0; i < CLOSEST; i++, next++) {
            struct dbr_peer_id id = peer_of(next % 400 + number);
            named[i] = (struct dbr_dht_named){.id = id};
            dbr_dht_key_of_peer(&named[i].key, &id);
        }
        if (steps == 0) {
            dbr_dht_query_seed(&query, named, CLOSEST);
        }
        candidate = dbr_dht_query_next(&query, 0);
        dbr_assert(candidate != NULL);
        struct dbr_peer_id peer = candidate->id;
        dbr_assert(dbr_dht_query_answered(&query, &peer, named, CLOSEST));
        steps += 2;
    }
    dbr_dht_query_finish(&query);
    return steps;
}

static void bench_query(void)
{
    double ours[ROUNDS];
    double hashes[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = process_cpu_s();
        size_t n = 0;
        for (uint64_t i = 0; process_cpu_s() - start < SECONDS; i++) {
            n += lookup(i * 1000);
        }
        ours[round] = (double)n / (process_cpu_s() - start);
        struct dbr_peer_id id = peer_of(1);
        struct dbr_dht_key key;
        start = process_cpu_s();
        for (n = 0; process_cpu_s() - start < SECONDS; n += 2) { /* one answer's */
            for (size_t i = 0; i < CLOSEST + 1; i++) {
                id.bytes[10] = (uint8_t)i;
                dbr_dht_key_of_peer(&key, &id);
            }
        }
        hashes[round] = (double)n / (process_cpu_s() - start);
    }
    report_limit("query steps, the hashes alone", median(ours, ROUNDS),
                 median(hashes, ROUNDS), "/s");
}

/* ---- A network -----------------------------------------------------------------------
 */

/* Answers of 20 peers with an address each, decoded and encoded: a second. */
static double codec_rate(void)
{
    struct dbr_dht_peer peers[CLOSEST];
    struct dbr_multiaddr addrs[CLOSEST];
    struct dbr_endpoint endpoint = {.ip = {20, 1, 1, 1}, .port = 4001};
    struct dbr_dht_message message = {
        .type = DBR_DHT_FIND_NODE, .closer = peers, .n_closer = CLOSEST};
    size_t n = 0;
    for (size_t i = 0; i < CLOSEST; i++) {
        dbr_multiaddr_from_endpoint(&addrs[i], &endpoint);
        peers[i] = (struct dbr_dht_peer){
            .id = peer_of(i), .addrs = &addrs[i], .n_addrs = 1};
    }
    double start = process_cpu_s();
    for (; process_cpu_s() - start < SECONDS; n++) {
        struct dbr_buf data = {0};
        struct dbr_arena arena;
        struct dbr_dht_message decoded;
        dbr_arena_init(&arena, DBR_DHT_UNPACKED_MAX);
        dbr_assert(dbr_dht_message_encode(&data, &message) == 0);
        dbr_assert(dbr_dht_message_decode(&decoded, &arena,
                                          dbr_bytes(data.data, data.len)) == 0);
        dbr_arena_finish(&arena);
        dbr_buf_finish(&data);
    }
    return (double)n / (process_cpu_s() - start);
}

static void bench_network(void)
{
    enum { LOOKUPS = 1000 };
    struct world_config config = {
        .seed = 1, .n_nodes = 1000, .delay_min_ms = 1, .delay_max_ms = 200, .paths = 1};
    double start = process_cpu_s();
    struct world *world = world_create(&config, 1000);
    world_run(world, 6000);
    printf("%-36s %12.1f s\n", "1,000 nodes join", process_cpu_s() - start);
    world_run(world, 60000); /* until they have little to do of their own */
    uint64_t asked = 0;
    double codec = codec_rate();
    start = process_cpu_s();
    for (size_t i = 0; i < LOOKUPS; i++) {
        char key[32];
        int len = snprintf(key, sizeof(key), "key %zu", i);
        world_look(world, world_honest(world), dbr_bytes(key, (size_t)len));
        world_run(world, world->now + 10);
    }
    world_run(world, world->now + 5000);
    double rate = LOOKUPS / (process_cpu_s() - start);
    for (size_t i = 0; i < world->n_lookups; i++) {
        dbr_assert(world->lookups[i].ended != 0);
        asked += world->lookups[i].stats.asked;
    }
    report_limit("lookups among 1,000, codec alone", rate,
                 codec * LOOKUPS / (double)asked, "/s");
    world_destroy(world);
}

/* ---- The peer book -------------------------------------------------------------------
 */

static size_t heap_used(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static struct dbr_multiaddr addr_of(uint64_t number)
{
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint = {.ip = {20, (uint8_t)(number >> 16),
                                           (uint8_t)(number >> 8), (uint8_t)number},
                                    .port = 4001};
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return addr;
}

/* A new peer with an address, from 0 to as many as the book takes. Returns them a
 * second. */
static double book_round(double *bytes_of_peer)
{
    struct dbr_book_config config = {.self = peer_of(UINT64_MAX)};
    struct dbr_book book;
    size_t before = heap_used();
    dbr_book_limits_default(&config.limits);
    dbr_book_init(&book, &config);
    double start = process_cpu_s();
    for (uint64_t i = 0; i < config.limits.peers; i++) {
        struct dbr_peer_id id = peer_of(i);
        struct dbr_multiaddr addr = addr_of(i);
        dbr_assert(dbr_book_add(&book, &id, DBR_BOOK_IDENTIFIED, &addr, 1, false, 0) ==
                   0);
    }
    double rate = config.limits.peers / (process_cpu_s() - start);
    *bytes_of_peer = (double)(heap_used() - before) / config.limits.peers;
    dbr_book_finish(&book);
    return rate;
}

struct bare {
    struct dbr_peer_id id;
    struct dbr_multiaddr addr;
    UT_hash_handle hh;
};

/* The same into nothing but a hash table. */
static double bare_round(uint32_t n)
{
    struct bare *table = NULL;
    struct bare *item;
    struct bare *tmp;
    double start = process_cpu_s();
    for (uint64_t i = 0; i < n; i++) {
        item = dbr_malloc(sizeof(*item));
        dbr_assert(item != NULL);
        item->id = peer_of(i);
        item->addr = addr_of(i);
        HASH_ADD(hh, table, id, sizeof(item->id), item);
    }
    double rate = n / (process_cpu_s() - start);
    HASH_ITER(hh, table, item, tmp)
    {
        HASH_DEL(table, item);
        dbr_free(item);
    }
    return rate;
}

static void bench_book(void)
{
    struct dbr_book_limits limits;
    double ours[ROUNDS];
    double bare[ROUNDS];
    double bytes = 0;
    dbr_book_limits_default(&limits);
    for (size_t i = 0; i < ROUNDS; i++) {
        ours[i] = book_round(&bytes);
        bare[i] = bare_round(limits.peers);
    }
    report_limit("book: adds, a hash table alone", median(ours, ROUNDS),
                 median(bare, ROUNDS), "/s");
    report_limit("book: memory of a peer", bytes,
                 (double)sizeof(struct dbr_peer_id) + addr_of(0).len, "bytes");
}

int main(void)
{
    bench_closest();
    bench_book();
    bench_query();
    bench_network();
    return 0;
}
