/* What the threads of a node measure, for the core's checks of its health. */
#ifndef DBR_API_HEALTH_H
#define DBR_API_HEALTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/window.h"
#include "debros.h"

struct dbr_gauges {
    pthread_mutex_t lock;
    /* Under `lock`: written by the store's threads, read by the node thread. */
    struct dbr_window flush; /* microseconds */
    uint64_t flush_since_us; /* the one under way; 0: none */
    dbr_time full_since;     /* the log waits for room; 0: it does not */
    dbr_time apply_since;    /* the databases refuse to be written; 0: they do not */
    debros_detail apply_detail;
};

void dbr_gauges_init(struct dbr_gauges *gauges);
void dbr_gauges_finish(struct dbr_gauges *gauges);

/* Around each flush of the log, by whichever thread makes it. */
void dbr_gauges_flush_begins(struct dbr_gauges *gauges);
/* `status` is the store's. */
void dbr_gauges_flush_ended(struct dbr_gauges *gauges, int status);
/* After each run of entries. */
void dbr_gauges_applied(struct dbr_gauges *gauges, int status, const char *detail);

/* Effect MEASURE, on the node thread. */
void dbr_health_measure(debros_node *node);

#endif
