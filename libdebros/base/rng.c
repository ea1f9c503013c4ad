/* xoshiro256** 1.0 of Blackman and Vigna, seeded through their splitmix64. */
#include "rng.h"

#include <string.h>

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t xoshiro_next(uint64_t s[4])
{
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

static uint64_t splitmix_next(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Little-endian words, so that a seed means the same on every machine. */
static void seeded_fill(struct dbr_rng *rng, void *out, size_t len)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = xoshiro_next(rng->state);
        for (size_t j = i; j < len && j < i + 8; j++) {
            bytes[j] = (uint8_t)word;
            word >>= 8;
        }
    }
}

void dbr_rng_seed(struct dbr_rng *rng, uint64_t seed)
{
    rng->fill = seeded_fill;
    for (size_t i = 0; i < 4; i++) {
        rng->state[i] = splitmix_next(&seed);
    }
}

void dbr_rng_fill(struct dbr_rng *rng, void *out, size_t len)
{
    rng->fill(rng, out, len);
}

uint64_t dbr_rng_u64(struct dbr_rng *rng)
{
    uint8_t bytes[8];
    rng->fill(rng, bytes, sizeof(bytes));
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

uint64_t dbr_rng_below(struct dbr_rng *rng, uint64_t bound)
{
    if (bound == 0) {
        return 0;
    }
    /* The first 2^64 mod bound values would make some results likelier: draw again. */
    uint64_t reject_below = (0 - bound) % bound;
    uint64_t value;
    do {
        value = dbr_rng_u64(rng);
    } while (value < reject_below);
    return value % bound;
}
