/* The entries of the routing table that are closest to a key, found by halving. */
#include "dht/table.h"

#define LEAF_MAX 32u /* entries that are sorted rather than halved */

struct run {
    size_t from;
    size_t to;
    unsigned bit; /* those before it are the same in all */
};

/* The first of the run whose `bit` is set. */
static size_t halve(const struct dbr_dht_table *table, const struct run *run)
{
    size_t from = run->from;
    size_t to = run->to;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (dbr_dht_key_bit(&table->entries[mid].key, run->bit)) {
            to = mid;
        } else {
            from = mid + 1;
        }
    }
    return from;
}

/* Adds the run's entries to the n that `out` holds, in order, up to `max`. */
static size_t add_sorted(const struct dbr_dht_table *table,
                         const struct dbr_dht_entry **out, size_t n, size_t max,
                         const struct run *run, const struct dbr_dht_key *target,
                         bool sound)
{
    const struct dbr_dht_entry *leaf[LEAF_MAX];
    size_t len = 0;
    for (size_t i = run->from; i < run->to; i++) {
        const struct dbr_dht_entry *entry = &table->entries[i];
        if (sound && entry->failures > 0) {
            continue;
        }
        size_t at = len++;
        while (at > 0 &&
               dbr_dht_key_compare(target, &entry->key, &leaf[at - 1]->key) < 0) {
            leaf[at] = leaf[at - 1];
            at--;
        }
        leaf[at] = entry;
    }
    for (size_t i = 0; i < len && n < max; i++) {
        out[n++] = leaf[i];
    }
    return n;
}

/* Depth first: of each run the half that agrees with the target comes before the other.
 * A key has 256 bits, so many halves wait at most. */
size_t dbr_dht_table_closest(const struct dbr_dht_table *table,
                             const struct dbr_dht_entry **out, size_t n,
                             const struct dbr_dht_key *target, bool sound)
{
    struct run waiting[DBR_DHT_KEY_BITS + 1];
    size_t n_waiting = 0;
    size_t found = 0;
    struct run run = {.to = table->n};
    for (;;) {
        while (run.to - run.from > LEAF_MAX) {
            size_t split = halve(table, &run);
            struct run low = {run.from, split, run.bit + 1};
            struct run high = {split, run.to, run.bit + 1};
            bool up = dbr_dht_key_bit(target, run.bit);
            waiting[n_waiting++] = up ? low : high;
            run = up ? high : low;
        }
        found = add_sorted(table, out, found, n, &run, target, sound);
        if (found == n || n_waiting == 0) {
            return found;
        }
        run = waiting[--n_waiting];
    }
}
