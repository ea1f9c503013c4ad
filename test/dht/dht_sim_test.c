/* Networks of DHT machines in virtual time.
 *
 *   dht_sim_test calm|churn|hostile|same [--nodes N] [--seed S]
 *
 *   calm     all join at one node within a second; then lookups, values, providers
 *   churn    and then a tenth of the nodes is replaced each minute
 *   hostile  a fifth of the nodes lies, in six ways
 *   same     one seed runs the same way twice
 *
 * One seed each; a tenth of DEBROS_SEEDS, if that is more. DEBROS_LONG=1 makes it five,
 * and the calm network one of 5,000 nodes. A failure names its seed and the command that
 * replays it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "count.h"
#include "world.h"

#define LOOKUPS 500

struct run {
    const char *name;
    uint32_t n;
    uint64_t seed;
    bool failed;
};

struct tally {
    size_t lookups;
    size_t done;
    size_t closest; /* of them found the closest of all */
    size_t in_set;  /* of the closest twenty */
    size_t set;
    uint64_t hops;
    uint32_t most_hops;
    uint64_t ms;
    uint64_t asked;
};

static void expect(struct run *run, bool ok, const char *what)
{
    if (!ok) {
        printf("seed %llu failed: %s\n  replay: build/test/dht/dht_sim_test %s "
               "--nodes %u --seed %llu\n",
               (unsigned long long)run->seed, what, run->name, run->n,
               (unsigned long long)run->seed);
        run->failed = true;
    }
}

/* ---- Tables --------------------------------------------------------------------------
 */

/* What part of the peers that its buckets have room for a node knows. */
static double fill_of(const struct world *world, uint32_t slot)
{
    const struct dbr_dht_table *table = dbr_dht_table(world->nodes[slot].dht);
    uint32_t have[DBR_DHT_KEY_BITS + 1] = {0};
    uint32_t there[DBR_DHT_KEY_BITS + 1] = {0};
    uint32_t sum = 0;
    uint32_t room = 0;
    for (size_t i = 0; i < table->n; i++) {
        have[dbr_dht_key_prefix(&table->own, &table->entries[i].key)]++;
    }
    for (uint32_t other = 0; other < world->config.n_nodes; other++) {
        there[dbr_dht_key_prefix(&table->own, &world->nodes[other].key)] += other != slot;
    }
    for (unsigned bucket = 0; bucket < DBR_DHT_KEY_BITS; bucket++) {
        uint32_t most = there[bucket] < 20 ? there[bucket] : 20;
        room += most;
        sum += have[bucket] < most ? have[bucket] : most;
    }
    return (double)sum / (double)room;
}

static double least_fill(const struct world *world)
{
    double least = 1;
    for (uint32_t slot = 0; slot < world->config.n_nodes && least > 0; slot++) {
        double fill = fill_of(world, slot);
        least = fill < least ? fill : least;
    }
    return least;
}

static uint32_t log2_up(uint32_t n)
{
    uint32_t bits = 0;
    while ((1u << bits) < n) {
        bits++;
    }
    return bits;
}

/* Until each knows nine in ten of those that it has room for. */
static void settle(struct run *run, struct world *world)
{
    dbr_time begin = world->now;
    while (world->now < begin + 30000 && least_fill(world) < 0.9) {
        world_run(world, world->now + 500);
    }
    printf("%s %u: tables filled to %.0f %% after %.1f s (goal 5), "
           "%.0f messages a node\n",
           run->name, run->n, 100 * least_fill(world),
           (double)(world->now - begin) / 1000, (double)world->n_messages / run->n);
    expect(run, world->now < begin + 30000, "the tables are filled in under 30 s");
    expect(run, world->n_messages <= (uint64_t)150 * log2_up(run->n) * run->n,
           "a node's messages grow with the logarithm of the network");
}

/* ---- Lookups -------------------------------------------------------------------------
 */

static bool has_found(const struct world_lookup *lookup, const struct dbr_peer_id *id)
{
    for (size_t i = 0; i < lookup->n_found; i++) {
        if (dbr_peer_id_equal(&lookup->found[i], id)) {
            return true;
        }
    }
    return false;
}

/* Beside the truth: the honest nodes that were there `age_ms` before it began. */
static void judge(const struct world *world, struct tally *tally,
                  const struct world_lookup *lookup, uint32_t age_ms)
{
    uint32_t slots[DBR_DHT_MESSAGE_PEERS_MAX + 1];
    bool hostile = world->config.hostile_per_1000 > 0;
    size_t n = world_closest(world, slots, DBR_DHT_MESSAGE_PEERS_MAX, &lookup->target,
                             hostile, lookup->node, lookup->begun - age_ms);
    tally->done++;
    for (size_t i = 0; i < n; i++) {
        bool found = has_found(lookup, &world->nodes[slots[i]].id);
        tally->closest += i == 0 && found;
        tally->in_set += found;
        tally->set++;
    }
    tally->hops += lookup->stats.hops;
    tally->asked += lookup->stats.asked;
    tally->ms += lookup->ended - lookup->begun;
    tally->most_hops = lookup->stats.hops > tally->most_hops ? lookup->stats.hops
                                                             : tally->most_hops;
}

static bool is_there(const struct world *world, const struct world_lookup *lookup)
{
    return world->nodes[lookup->node].number == lookup->number;
}

static void print(const struct run *run, const struct tally *t)
{
    double done = t->done > 0 ? (double)t->done : 1;
    printf("%s %u: %zu lookups, %.2f %% found the closest, %.2f %% of the closest 20; "
           "%.2f hops, at most %u; %.0f ms, %.1f asked\n",
           run->name, run->n, t->lookups, 100 * (double)t->closest / done,
           100 * (double)t->in_set / (double)(t->set > 0 ? t->set : 1),
           (double)t->hops / done, t->most_hops, (double)t->ms / done,
           (double)t->asked / done);
}

/* `n` lookups, `each_ms` apart; `replace`: before each so many thousandths of a node. */
static struct tally look(struct world *world, size_t n, uint32_t each_ms,
                         uint32_t replace, uint32_t age_ms)
{
    struct tally tally = {.lookups = n};
    size_t first = world->n_lookups;
    size_t judged = first;
    uint32_t due = 0;
    for (size_t i = 0; judged < first + n; i++) {
        char key[32];
        int len = snprintf(key, sizeof(key), "key %zu", i);
        for (due += i < n ? replace : 0; due >= 1000; due -= 1000) {
            world_replace(world, (uint32_t)dbr_rng_below(&world->rng,
                                                         world->config.n_nodes));
        }
        if (i < n) {
            world_look(world, world_honest(world), dbr_bytes(key, (size_t)len));
        }
        world_run(world, world->now + each_ms);
        while (judged < world->n_lookups &&
               (world->lookups[judged].ended != 0 ||
                !is_there(world, &world->lookups[judged]))) {
            const struct world_lookup *lookup = &world->lookups[judged++];
            if (lookup->ended != 0) {
                judge(world, &tally, lookup, age_ms);
            } else {
                tally.lookups--; /* who asked died */
            }
        }
        dbr_assert(judged >= world->n_lookups ||
                   world->now < world->lookups[judged].begun + 70000);
    }
    return tally;
}

/* ---- Values and providers ------------------------------------------------------------
 */

/* Each is written twice; whoever asks gets the second version. */
static void values(struct run *run, struct world *world)
{
    enum { VALUES = 50 };
    uint32_t writers[VALUES];
    uint32_t crcs[VALUES];
    uint32_t stored = UINT32_MAX;
    size_t right = 0;
    for (unsigned i = 0; i < VALUES; i++) {
        writers[i] = world_honest(world);
        (void)world_put(world, writers[i], i, 1);
    }
    world_run(world, world->now + 10000);
    for (unsigned i = 0; i < VALUES; i++) {
        crcs[i] = world_put(world, writers[i], i, 2);
    }
    world_run(world, world->now + 10000);
    for (size_t i = world->n_lookups - VALUES; i < world->n_lookups; i++) {
        stored = world->lookups[i].stored < stored ? world->lookups[i].stored : stored;
    }
    for (unsigned i = 0; i < VALUES; i++) {
        world_get(world, world_honest(world), writers[i], i);
    }
    world_run(world, world->now + 10000);
    for (size_t i = 0; i < VALUES; i++) {
        const struct world_lookup *lookup =
            &world->lookups[world->n_lookups - VALUES + i];
        right += lookup->ended != 0 && lookup->status == 0 && lookup->crc == crcs[i];
    }
    printf("%s %u: %zu of %d values found as they were written last, stored by at least "
           "%u\n",
           run->name, run->n, right, VALUES, stored);
    expect(run, right == VALUES, "each value is found");
    expect(run, stored >= 15, "values are stored by the closest");
}

static void providers(struct run *run, struct world *world)
{
    enum { KEYS = 20, EACH = 3 };
    uint32_t slots[KEYS][EACH];
    size_t right = 0;
    for (uint8_t i = 0; i < KEYS; i++) {
        for (size_t k = 0; k < EACH; k++) {
            slots[i][k] = ((uint32_t)i * 13 + (uint32_t)k * 29) % run->n;
            world_provide(world, slots[i][k], dbr_bytes(&i, 1));
        }
    }
    world_run(world, world->now + 10000);
    for (uint8_t i = 0; i < KEYS; i++) {
        world_find_providers(world, world_honest(world), dbr_bytes(&i, 1));
    }
    world_run(world, world->now + 10000);
    for (size_t i = 0; i < KEYS; i++) {
        const struct world_lookup *lookup = &world->lookups[world->n_lookups - KEYS + i];
        for (size_t k = 0; k < EACH; k++) {
            right += lookup->ended != 0 &&
                     has_found(lookup, &world->nodes[slots[i][k]].id);
        }
    }
    printf("%s %u: %zu of %d providers found\n", run->name, run->n, right, KEYS * EACH);
    expect(run, right == KEYS * EACH, "each provider is found");
}

/* ---- Scenarios -----------------------------------------------------------------------
 */

static struct world_config config_of(const struct run *run)
{
    return (struct world_config){.seed = run->seed,
                                 .n_nodes = run->n,
                                 .delay_min_ms = 1,
                                 .delay_max_ms = 200,
                                 .paths = 1};
}

/* Bytes of the heap that a node's machine holds. */
static double memory_of(struct world *world)
{
    size_t before = count_used();
    for (uint32_t slot = 0; slot < world->config.n_nodes; slot++) {
        dbr_dht_destroy(world->nodes[slot].dht);
        world->nodes[slot].dht = NULL;
    }
    return (double)(before - count_used()) / world->config.n_nodes;
}

static void calm(struct run *run)
{
    struct world_config config = config_of(run);
    struct world *world = world_create(&config, 1000);
    settle(run, world);
    struct tally tally = look(world, LOOKUPS, 10, 0, 0);
    print(run, &tally);
    expect(run, tally.closest * 1000 >= tally.done * 999, "99.9 % find the closest");
    expect(run, tally.in_set * 1000 >= tally.set * 999, "99.9 % of the set are found");
    expect(run, tally.most_hops <= log2_up(run->n) + 1, "hops are few");
    values(run, world);
    providers(run, world);
    world_run(world, world->now + 30000);
    uint64_t before = world->n_messages;
    world_run(world, world->now + 60000);
    double idle = (double)(world->n_messages - before) / run->n;
    double memory = memory_of(world);
    printf("%s %u: idle, %.0f messages a node and minute; %.0f bytes of memory a node\n",
           run->name, run->n, idle, memory);
    expect(run, idle < 400, "an idle network is quiet");
    expect(run, memory < 128 * 1024, "a node costs little memory");
    world_destroy(world);
}

static void churn(struct run *run)
{
    struct world_config config = config_of(run);
    config.numbers = 2 * run->n;
    config.loss_per_1000 = 1;
    struct world *world = world_create(&config, 1000);
    settle(run, world);
    world_run(world, world->now + 10000);
    /* A minute: 10 % of n in 600 lookups. */
    struct tally tally = look(world, 600, 100, run->n / 6, 10000);
    print(run, &tally);
    expect(run, tally.closest * 100 >= tally.done * 99, "99 % find the closest");
    expect(run, tally.done * 100 >= tally.lookups * 99, "lookups end");
    world_destroy(world);
}

static void hostile(struct run *run)
{
    struct world_config config = config_of(run);
    config.hostile_per_1000 = 200;
    config.paths = 4;
    struct world *world = world_create(&config, 1000);
    world_run(world, world->now + 20000);
    struct tally tally = look(world, 400, 25, 0, 0);
    print(run, &tally);
    expect(run, tally.closest * 100 >= tally.done * 95, "95 % find the closest");
    expect(run, tally.done == tally.lookups, "each lookup ends");
    size_t crowded = 0;
    for (uint32_t slot = 0; slot < run->n; slot++) {
        const struct dbr_dht_table *table = dbr_dht_table(world->nodes[slot].dht);
        size_t grouped = 0;
        for (size_t i = 0; i < table->n; i++) {
            grouped += (table->entries[i].group & 0xffff) == (66 << 8 | 6);
        }
        crowded += grouped > 3;
    }
    expect(run, crowded == 0, "at most three of an IP group are in a table");
    world_destroy(world);
}

static void same(struct run *run)
{
    struct world_config config = config_of(run);
    uint64_t traces[2];
    config.loss_per_1000 = 10;
    config.hostile_per_1000 = 100;
    for (int i = 0; i < 2; i++) {
        struct world *world = world_create(&config, 1000);
        world_run(world, 4000);
        (void)look(world, 20, 100, 0, 0);
        traces[i] = world->trace;
        world_destroy(world);
    }
    expect(run, traces[0] == traces[1], "one seed runs the same way twice");
}

/* ---- Arguments -----------------------------------------------------------------------
 */

struct scenario {
    const char *name;
    void (*run)(struct run *run);
    uint32_t nodes;
    uint32_t nodes_sanitized;
};

static const struct scenario scenarios[] = {{"calm", calm, 1000, 100},
                                            {"churn", churn, 300, 100},
                                            {"hostile", hostile, 250, 100},
                                            {"same", same, 100, 60}};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static bool run_all(const struct scenario *scenario, uint32_t nodes, uint64_t first,
                    uint64_t count)
{
    bool ok = true;
    for (uint64_t i = 0; i < count; i++) {
        struct run run = {.name = scenario->name, .n = nodes, .seed = first + i};
        scenario->run(&run);
        fflush(stdout);
        ok = ok && !run.failed;
    }
    return ok;
}

int main(int argc, char **argv)
{
    const char *seeds = getenv("DEBROS_SEEDS");
    bool is_long = getenv("DEBROS_LONG") != NULL;
    uint64_t count = seeds != NULL ? strtoull(seeds, NULL, 10) / 10 : is_long ? 5 : 1;
    const struct scenario *scenario = NULL;
    for (size_t i = 0; argc > 1 && i < DBR_COUNT(scenarios); i++) {
        scenario = strcmp(argv[1], scenarios[i].name) == 0 ? &scenarios[i] : scenario;
    }
    if (scenario == NULL) {
        fprintf(stderr, "usage: dht_sim_test calm|churn|hostile|same [--nodes N] "
                        "[--seed S]\n");
        return 2;
    }
    uint32_t nodes = SANITIZED ? scenario->nodes_sanitized : scenario->nodes;
    uint64_t first = 1;
    nodes = is_long && scenario->run == calm && !SANITIZED ? 5000 : nodes;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--nodes") == 0) {
            nodes = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            first = strtoull(argv[i + 1], NULL, 10);
            count = 1;
        }
    }
    return run_all(scenario, nodes, first, count > 0 ? count : 1) ? 0 : 1;
}
