/* A source of random bytes as an object. In life crypto/ provides the system's; tests
 * and simulations use the seeded one below (xoshiro256**, not for secrets in life). */
#ifndef DBR_BASE_RNG_H
#define DBR_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct dbr_rng {
    void (*fill)(struct dbr_rng *rng, void *out, size_t len);
    uint64_t state[4];
};

void dbr_rng_seed(struct dbr_rng *rng, uint64_t seed);
void dbr_rng_fill(struct dbr_rng *rng, void *out, size_t len);
uint64_t dbr_rng_u64(struct dbr_rng *rng);
/* Uniform in [0, bound); 0 for bound 0. */
uint64_t dbr_rng_below(struct dbr_rng *rng, uint64_t bound);

#endif
