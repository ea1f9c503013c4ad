/* Runs of networks in virtual time: what their scenarios share. */
#ifndef DBR_TEST_DHT_SIM_H
#define DBR_TEST_DHT_SIM_H

#include "world.h"

/* Bits by which one question comes closer: an answer's peers are the closest of a bucket,
 * whose k = 20 share at least one bit more with the target than who answers, and of 20
 * random keys the closest shares log2(20) further bits on average. */
#define SIM_BITS_PER_HOP 5.3

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

/* Names the failure and how to see it again. */
void expect(struct run *run, bool ok, const char *what);
struct world_config config_of(const struct run *run);

/* sim_look.c. settle: until each node knows nine in ten of those that it has room for. */
void settle(struct run *run, struct world *world);
/* `n` lookups, `each_ms` apart; `replace`: before each so many thousandths of a node. */
struct tally look(struct world *world, size_t n, uint32_t each_ms, uint32_t replace,
                  uint32_t age_ms);
void print_tally(const struct run *run, const struct tally *tally);
double mean_hops(const struct tally *tally);
double log2_of(double n);
bool has_found(const struct world_lookup *lookup, const struct dbr_peer_id *id);

/* sim_attack.c: a fifth of the nodes is hostile. */
void hostile(struct run *run);

#endif
