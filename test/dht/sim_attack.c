/* A network of which a fifth is hostile: what is still found, and what is believed. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "crypto/hash.h"
#include "sim.h"

#define PATHS       4  /* as where strangers take part */
#define RECORDS     96 /* of a node: so few that floods fill the stores */
#define VALUES      40
#define KEYS        20
#define EACH        3     /* providers of a key */
#define ASKERS      5     /* of each value and of each key */
#define PATIENCE_MS 60000 /* then a lookup that many lie to has ended */

struct value {
    uint32_t writer;
    uint32_t first; /* CRCs of its envelopes */
    uint32_t second;
};

/* ---- Values --------------------------------------------------------------------------
 */

/* Each is written twice, the second time when liars know the first. */
static void write_values(struct world *world, struct value *values)
{
    for (unsigned i = 0; i < VALUES; i++) {
        values[i].writer = world_honest(world);
        values[i].first = world_put(world, values[i].writer, i, 1);
    }
    world_run(world, world->now + PATIENCE_MS);
    for (unsigned i = 0; i < VALUES; i++) {
        values[i].second = world_put(world, values[i].writer, i, 2);
    }
    world_run(world, world->now + PATIENCE_MS);
}

static void read_values(struct run *run, struct world *world, const struct value *values)
{
    size_t right = 0;
    size_t stale = 0;
    size_t none = 0;
    size_t first = world->n_lookups;
    for (unsigned i = 0; i < VALUES * ASKERS; i++) {
        world_get(world, world_honest(world), values[i % VALUES].writer, i % VALUES);
        world_run(world, world->now + 25);
    }
    world_run(world, world->now + PATIENCE_MS);
    for (unsigned i = 0; i < VALUES * ASKERS; i++) {
        const struct world_lookup *lookup = &world->lookups[first + i];
        bool found = lookup->ended != 0 && lookup->status == 0;
        right += found && lookup->crc == values[i % VALUES].second;
        stale += found && lookup->crc == values[i % VALUES].first;
        none += !found;
    }
    size_t forged = VALUES * ASKERS - right - stale - none;
    printf("%s %u: of %d values asked for %zu as they were written last, %zu as before, "
           "%zu not found, %zu forged\n",
           run->name, run->n, VALUES * ASKERS, right, stale, none, forged);
    expect(run, right * 100 >= VALUES * ASKERS * 95, "95 % find the value that was put");
    expect(run, forged == 0, "no forged value is told");
}

/* ---- Providers -----------------------------------------------------------------------
 */

static void providers(struct run *run, struct world *world)
{
    uint32_t slots[KEYS][EACH];
    size_t right = 0;
    for (uint8_t i = 0; i < KEYS; i++) {
        for (size_t k = 0; k < EACH; k++) {
            slots[i][k] = world_honest(world);
            world_provide(world, slots[i][k], dbr_bytes(&i, 1));
        }
        world_run(world, world->now + 100);
    }
    world_run(world, world->now + PATIENCE_MS);
    size_t first = world->n_lookups;
    for (unsigned i = 0; i < KEYS * ASKERS; i++) {
        uint8_t key = (uint8_t)(i % KEYS);
        world_find_providers(world, world_honest(world), dbr_bytes(&key, 1));
        world_run(world, world->now + 25);
    }
    world_run(world, world->now + PATIENCE_MS);
    for (size_t i = 0; i < KEYS * ASKERS; i++) {
        for (size_t k = 0; k < EACH; k++) {
            right += has_found(&world->lookups[first + i],
                               &world->nodes[slots[i % KEYS][k]].id);
        }
    }
    printf("%s %u: %zu of %d providers found among the liars\n", run->name, run->n, right,
           KEYS * EACH * ASKERS);
    expect(run, right * 100 >= KEYS * EACH * ASKERS * 95, "95 % of providers are found");
}

/* ---- Stores --------------------------------------------------------------------------
 */

/* Whatever a node holds under a key of ours is one of the two that were written. */
static bool is_true(const struct world *world, const struct value *values,
                    const struct dbr_dht_value *held)
{
    uint32_t crc = dbr_crc32c(0, held->value.data, held->value.len);
    for (size_t i = 0; i < world->n_firsts; i++) {
        const struct world_first *first = &world->firsts[i];
        if (dbr_bytes_equal(dbr_bytes(first->key, first->len), held->key)) {
            return crc == values[i].first || crc == values[i].second;
        }
    }
    return true;
}

static void judge_stores(struct run *run, const struct world *world,
                         const struct value *values)
{
    uint64_t verdicts[DBR_DHT_VERDICTS] = {0};
    uint64_t full = 0; /* puts of providers */
    uint64_t bad = 0;
    bool is_bounded = true;
    bool all_true = true;
    for (uint32_t slot = 0; slot < run->n; slot++) {
        const struct dbr_dht *dht = world->nodes[slot].dht;
        const struct dbr_dht_records *records = dbr_dht_records(dht);
        const struct dbr_dht_value *value;
        const struct dbr_dht_value *tmp;
        for (size_t i = 0; i < DBR_DHT_VERDICTS; i++) {
            verdicts[i] += records->stats.values[i];
        }
        full += records->stats.providers[DBR_DHT_VALUE_NO_ROOM] +
                records->providers.evicted;
        verdicts[DBR_DHT_VALUE_NO_ROOM] += records->values.evicted;
        bad += dbr_dht_counts(dht)->bad;
        is_bounded = is_bounded && records->values.n <= RECORDS &&
                     records->providers.n <= RECORDS;
        HASH_ITER(hh, records->values.table, value, tmp)
        {
            all_true = all_true && is_true(world, values, value);
        }
    }
    printf("%s %u: puts refused: %llu forged, %llu not the writer's, %llu unsigned, %llu "
           "old, %llu without room, %llu too often; %llu bad answers\n",
           run->name, run->n, (unsigned long long)verdicts[DBR_DHT_VALUE_FORGED],
           (unsigned long long)verdicts[DBR_DHT_VALUE_NOT_ALLOWED],
           (unsigned long long)verdicts[DBR_DHT_VALUE_UNSIGNED],
           (unsigned long long)verdicts[DBR_DHT_VALUE_OLDER],
           (unsigned long long)verdicts[DBR_DHT_VALUE_NO_ROOM],
           (unsigned long long)verdicts[DBR_DHT_VALUE_TOO_OFTEN],
           (unsigned long long)bad);
    expect(run, all_true, "no forged value is held");
    expect(run, is_bounded, "floods fill no store beyond its limit");
    expect(run,
           verdicts[DBR_DHT_VALUE_FORGED] > 0 &&
               verdicts[DBR_DHT_VALUE_NOT_ALLOWED] > 0 &&
               verdicts[DBR_DHT_VALUE_UNSIGNED] > 0 &&
               verdicts[DBR_DHT_VALUE_OLDER] > 0 && verdicts[DBR_DHT_VALUE_NO_ROOM] > 0 &&
               full > 0 && verdicts[DBR_DHT_VALUE_TOO_OFTEN] > 0 && bad > 0,
           "each attack took place, and is counted");
}

/* ---- The whole -----------------------------------------------------------------------
 */

/* A network of an IP group is in no table more than three times. */
static void judge_tables(struct run *run, const struct world *world)
{
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
}

void hostile(struct run *run)
{
    struct value values[VALUES];
    struct world_config config = config_of(run);
    config.hostile_per_1000 = 200;
    config.paths = PATHS;
    config.records = RECORDS;
    struct world *world = world_create(&config, 1000);
    world_run(world, world->now + 20000);
    struct tally tally = look(world, 400, 25, 0, 0);
    print_tally(run, &tally);
    expect(run, tally.closest * 100 >= tally.done * 95, "95 % find the closest");
    expect(run, tally.done == tally.lookups, "each lookup ends");
    write_values(world, values);
    read_values(run, world, values);
    providers(run, world);
    judge_stores(run, world, values);
    judge_tables(run, world);
    world_destroy(world);
}
