/* Time as an argument: types only, nothing here reads a clock. */
#ifndef DBR_BASE_CLOCK_H
#define DBR_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of a monotonic clock that starts anywhere. */
typedef uint64_t dbr_time;
#define DBR_TIME_NEVER UINT64_MAX

/* now + ms, never past DBR_TIME_NEVER. */
static inline dbr_time dbr_time_add(dbr_time now, uint64_t ms)
{
    return now > DBR_TIME_NEVER - ms ? DBR_TIME_NEVER : now + ms;
}

static inline dbr_time dbr_time_min(dbr_time a, dbr_time b)
{
    return a < b ? a : b;
}

#endif
