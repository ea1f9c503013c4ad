/* Networks of DHT machines in virtual time.
 *
 *   dht_sim_test calm|hostile|same [--nodes N] [--seed S]
 *
 *   calm     all join at one node within a second; then lookups, values, providers, a
 *            quiet minute, and one in which a tenth of the nodes is replaced. With 100
 *            nodes and with N: what grows with the network, and how much?
 *   hostile  a fifth of the nodes lies, in six ways, of peers, values and providers
 *   same     one seed runs the same way twice
 *
 * Two seeds of the first ones; a tenth of DEBROS_SEEDS, if that is more. DEBROS_LONG=1
 * makes it five, hostile networks of 1,000 nodes, and one more calm one of 5,000. A
 * failure names its seed and the command that replays it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "count.h"
#include "peers.h"
#include "sim.h"

#define LOOKUPS 500
#define SMALL   100  /* nodes that larger networks are held against */
#define LARGE   5000

void expect(struct run *run, bool ok, const char *what)
{
    if (!ok) {
        printf("seed %llu failed: %s\n  replay: build/test/dht/dht_sim_test %s "
               "--nodes %u --seed %llu\n",
               (unsigned long long)run->seed, what, run->name, run->n,
               (unsigned long long)run->seed);
        run->failed = true;
    }
}

struct world_config config_of(const struct run *run)
{
    return (struct world_config){.seed = run->seed,
                                 .n_nodes = run->n,
                                 .delay_min_ms = 1,
                                 .delay_max_ms = 200,
                                 .paths = 1,
                                 .numbers = 2 * run->n};
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

/* ---- What grows ----------------------------------------------------------------------
 */

/* Of a node on average. */
struct figures {
    uint32_t n;
    double hops;
    double requests; /* in a quiet minute */
    double contacts; /* bytes of the heap for its connections */
    double memory;   /* and for all else */
};

static uint64_t requests_of(const struct world *world)
{
    uint64_t sum = 0;
    for (uint32_t slot = 0; slot < world->config.n_nodes; slot++) {
        sum += dbr_dht_counts(world->nodes[slot].dht)->sent;
    }
    return sum;
}

static void measure_memory(struct world *world, struct figures *figures)
{
    size_t before = count_used();
    for (uint32_t slot = 0; slot < world->config.n_nodes; slot++) {
        struct world_node *node = &world->nodes[slot];
        for (uint32_t other = 0; other < world->next_number; other++) {
            if (world_is_connected(node, other)) {
                struct dbr_peer_id id = peer_of(other);
                dbr_dht_disconnected(node->dht, &id, world->now);
            }
        }
    }
    size_t between = count_used();
    for (uint32_t slot = 0; slot < world->config.n_nodes; slot++) {
        dbr_dht_destroy(world->nodes[slot].dht);
        world->nodes[slot].dht = NULL;
    }
    figures->contacts = (double)(before - between) / figures->n;
    figures->memory = (double)(between - count_used()) / figures->n;
}

static void quiet(struct run *run, struct world *world, struct figures *figures)
{
    world_run(world, world->now + 30000);
    uint64_t before = requests_of(world);
    world_run(world, world->now + 60000);
    figures->requests = (double)(requests_of(world) - before) / run->n;
    expect(run, figures->requests < 100, "an idle network is quiet");
}

/* A minute: 10 % of n in 600 lookups. */
static void churn(struct run *run, struct world *world)
{
    world->config.loss_per_1000 = 1;
    struct tally tally = look(world, 600, 100, run->n / 6, 10000);
    printf("in churn, ");
    print_tally(run, &tally);
    expect(run, tally.closest * 100 >= tally.done * 99,
           "99 % find the closest while nodes come and go");
    expect(run, tally.done * 100 >= tally.lookups * 99, "lookups end");
}

static struct figures network(struct run *run)
{
    struct world_config config = config_of(run);
    struct figures figures = {.n = run->n};
    struct world *world = world_create(&config, 1000);
    settle(run, world);
    struct tally tally = look(world, LOOKUPS, 10, 0, 0);
    print_tally(run, &tally);
    figures.hops = mean_hops(&tally);
    expect(run, tally.closest * 1000 >= tally.done * 999, "99.9 % find the closest");
    expect(run, tally.in_set * 1000 >= tally.set * 999, "99.9 % of the set are found");
    /* The bits that 20 neighbours do not know by themselves; a part of a hop is a whole
     * one, then one to the neighbours, and one for bad luck. */
    expect(run, tally.most_hops <= 3 + log2_of(run->n / 20.0) / SIM_BITS_PER_HOP,
           "no lookup goes far");
    values(run, world);
    providers(run, world);
    quiet(run, world, &figures);
    churn(run, world);
    measure_memory(world, &figures);
    printf("%s %u: idle, %.1f requests a node and minute; %.0f bytes a node, and %.0f "
           "for connections\n",
           run->name, run->n, figures.requests, figures.memory, figures.contacts);
    expect(run, figures.memory + figures.contacts < 128 * 1024,
           "a node costs little memory");
    world_destroy(world);
    return figures;
}

/* A larger network beside a small one. */
static void compare(struct run *run, const struct figures *small,
                    const struct figures *large)
{
    double bits = log2_of((double)large->n / small->n);
    /* A table grows by a bucket of 20 entries with each bit, in an array that doubles. */
    double entries = 2 * 20 * bits * (double)sizeof(struct dbr_dht_entry);
    printf("%s %u beside %u: %+.2f hops, %.2f by the bits of one; %+.1f requests, "
           "%+.0f bytes, %.0f by the table\n",
           run->name, large->n, small->n, large->hops - small->hops,
           bits / SIM_BITS_PER_HOP, large->requests - small->requests,
           large->memory - small->memory, entries);
    /* A quarter more, for a hop cannot be had in parts. */
    expect(run, large->hops - small->hops <= bits / SIM_BITS_PER_HOP + 0.25,
           "hops grow with the logarithm of the network");
    expect(run, large->requests <= 1.1 * small->requests + 1,
           "work does not grow with the network");
    expect(run, large->memory - small->memory <= entries,
           "memory grows with the routing table and with nothing else");
}

/* ---- Scenarios -----------------------------------------------------------------------
 */

static void calm(struct run *run)
{
    const uint32_t sizes[] = {SMALL, run->n, getenv("DEBROS_LONG") != NULL ? LARGE : 0};
    struct figures small = {.n = 0};
    for (size_t i = 0; i < DBR_COUNT(sizes); i++) {
        if (sizes[i] == 0 || (i > 0 && sizes[i] == SMALL)) {
            continue;
        }
        run->n = sizes[i];
        struct figures figures = network(run);
        if (i == 0) {
            small = figures;
        } else {
            compare(run, &small, &figures);
        }
    }
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
    uint32_t seeds;
};

static const struct scenario scenarios[] = {{"calm", calm, 1000, 100, 2},
                                            {"hostile", hostile, 250, 100, 2},
                                            {"same", same, 100, 60, 1}};

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
    const struct scenario *scenario = NULL;
    for (size_t i = 0; argc > 1 && i < DBR_COUNT(scenarios); i++) {
        scenario = strcmp(argv[1], scenarios[i].name) == 0 ? &scenarios[i] : scenario;
    }
    if (scenario == NULL) {
        fprintf(stderr, "usage: dht_sim_test calm|hostile|same [--nodes N] [--seed S]\n");
        return 2;
    }
    uint32_t nodes = SANITIZED ? scenario->nodes_sanitized : scenario->nodes;
    uint64_t count = is_long ? 5 : SANITIZED ? 1 : scenario->seeds;
    uint64_t tenth = seeds != NULL ? strtoull(seeds, NULL, 10) / 10 : 0;
    uint64_t first = 1;
    count = tenth > count ? tenth : count;
    nodes = is_long && scenario->run == hostile && !SANITIZED ? 1000 : nodes;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--nodes") == 0) {
            nodes = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            first = strtoull(argv[i + 1], NULL, 10);
            count = 1;
        }
    }
    return run_all(scenario, nodes, first, count) ? 0 : 1;
}
