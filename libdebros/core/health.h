/* How well a node is, by what was measured: facts of the machine itself, and of the world
 * outside that the effect DBR_CORE_MEASURE asks for. Each check has a value, its limit
 * and, where the limit is passed, a reason for people. */
#ifndef DBR_CORE_HEALTH_H
#define DBR_CORE_HEALTH_H

#include "base/clock.h"
#include "core/core.h"

/* A check is degraded beyond the first limit, unhealthy beyond the second. */
struct dbr_health_limits {
    uint32_t loop_lag_percent;  /* of an election timeout, beyond which leaders lose their
                                   place; default 50 */
    uint32_t flush_us;          /* p99; default 500,000, the goal of a write */
    uint32_t flush_stuck_us;    /* one that goes on; default 5 s */
    uint64_t disk_free;         /* bytes; default 256 MiB, 16 segments of the log */
    uint32_t contact_elections; /* election timeouts without a leader; default 1 */
    uint32_t contact_lost;      /* the same; default 3 */
    uint32_t apply_lag;         /* entries; default 10,000 */
    uint32_t apply_stuck_ms;    /* with entries that wait; default 10 s */
    uint32_t queue_percent;     /* of the requests that may be pending; default 80 */
};
void dbr_health_limits_default(struct dbr_health_limits *limits);

struct dbr_core;

/* Into request->health; the status takes only the state and the counts of places. Errors:
 * ENOMEM. */
int dbr_health_view(const struct dbr_core *core, struct dbr_request *request,
                    const struct dbr_host *host, dbr_time now);

#endif
