/* A token bucket in one number: when it will be full again (the "generic cell rate
 * algorithm" of ATM). It holds `burst` tokens, and one comes back every `every_us`. */
#ifndef DBR_SWARM_BUCKET_H
#define DBR_SWARM_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct dbr_bucket {
    uint64_t full_us; /* in microseconds; in the past: it is full */
};

static inline bool dbr_bucket_take(struct dbr_bucket *bucket, uint32_t burst,
                                   uint64_t every_us, dbr_time now)
{
    uint64_t now_us = now * 1000;
    uint64_t full_us = bucket->full_us > now_us ? bucket->full_us : now_us;
    if (full_us - now_us + every_us > burst * every_us) {
        return false;
    }
    bucket->full_us = full_us + every_us;
    return true;
}

/* What was taken is given back. */
static inline void dbr_bucket_refund(struct dbr_bucket *bucket, uint64_t every_us)
{
    bucket->full_us -= bucket->full_us < every_us ? bucket->full_us : every_us;
}

static inline bool dbr_bucket_is_full(const struct dbr_bucket *bucket, dbr_time now)
{
    return bucket->full_us <= now * 1000;
}

#endif
