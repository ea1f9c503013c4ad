/* What is known of the network, on its way to the disk and back: rows of the hash table
 * and the peer book. The table remembers which rows the disk has to learn, each once; so
 * however slow the disk is, no more waits here than one job. */
#ifndef DBR_CORE_NETWORK_H
#define DBR_CORE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "dht/job.h"

enum {
    DBR_NETWORK_GATHER_MS = 1000,        /* from a change, or a job, to the next job */
    DBR_NETWORK_RETRY_MS = 30000,        /* after a failure */
    DBR_NETWORK_BOOK_FIRST_MS = 30000,   /* from the start to the first look at it */
    DBR_NETWORK_BOOK_MS = 300000,        /* between two looks: it goes if it changed */
    DBR_NETWORK_BOOK_OLD_MS = 3600000,   /* and then anyway */
    DBR_NETWORK_BATCH_ROWS = 1024,       /* of one job */
    DBR_NETWORK_BATCH_BYTES = 1024 * 1024 /* of its rows; the last may be longer */
};

struct dbr_core_network {
    bool is_kept;                /* somebody takes the jobs */
    struct dbr_network_job *job; /* that failed: the next to be written; NULL: none */
    bool is_writing;             /* a job is with the executor */
    bool has_failed;             /* and the log was told */
    bool has_given_up;           /* at a stop */
    dbr_time at;                 /* of the next job; NEVER: no row has changed */
    dbr_time book_at;            /* of the next look at the book */
    dbr_time book_given;         /* the last time, and */
    uint64_t book_changes;       /* what dbr_swarm_book_changes() said then */
    bool book_is_lost;           /* on disk there is none, or an old one */
};

#endif
