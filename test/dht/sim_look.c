/* Tables that fill, and lookups beside the truth. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim.h"

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

double log2_of(double n)
{
    double bits = 0;
    for (; n >= 2; n /= 2) {
        bits++;
    }
    return bits + (n - 1); /* close enough: a chord of the curve */
}

void settle(struct run *run, struct world *world)
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
    expect(run, (double)world->n_messages <= 150 * log2_of(run->n) * run->n,
           "a node's messages grow with the logarithm of the network");
}

/* ---- Lookups -------------------------------------------------------------------------
 */

bool has_found(const struct world_lookup *lookup, const struct dbr_peer_id *id)
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

double mean_hops(const struct tally *tally)
{
    return (double)tally->hops / (double)(tally->done > 0 ? tally->done : 1);
}

void print_tally(const struct run *run, const struct tally *t)
{
    double done = t->done > 0 ? (double)t->done : 1;
    printf("%s %u: %zu lookups, %.2f %% found the closest, %.2f %% of the closest 20; "
           "%.2f hops, at most %u; %.0f ms, %.1f asked\n",
           run->name, run->n, t->lookups, 100 * (double)t->closest / done,
           100 * (double)t->in_set / (double)(t->set > 0 ? t->set : 1),
           mean_hops(t), t->most_hops, (double)t->ms / done,
           (double)t->asked / done);
}

struct tally look(struct world *world, size_t n, uint32_t each_ms, uint32_t replace,
                  uint32_t age_ms)
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
