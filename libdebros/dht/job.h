/* Work on the tables on disk of what this node knows of the network: done off the node
 * thread in life and in virtual time in a simulation, one job at a time. Whoever makes a
 * job owns it again when it comes back. */
#ifndef DBR_DHT_JOB_H
#define DBR_DHT_JOB_H

#include "base/arena.h"
#include "base/buf.h"
#include "dht/notes.h"

enum dbr_network_table { DBR_NETWORK_VALUES, DBR_NETWORK_PROVIDERS, DBR_NETWORK_TABLES };

struct dbr_network_row {
    struct dbr_network_row *next;
    enum dbr_network_table table;
    struct dbr_dht_row row; /* its views are into the batch */
};

/* Changes in order, or what a start has read: then all are PUT. */
struct dbr_network_batch {
    struct dbr_arena arena;
    struct dbr_network_row *first;
    struct dbr_network_row *last;
    size_t n;
    size_t bytes;        /* of keys and values */
    struct dbr_buf book; /* the peer book as bytes (swarm/book_codec.h); empty: none */
    /* Read: there may be more on disk than this, so all has to be told again. */
    bool is_partial;
};

void dbr_network_batch_finish(struct dbr_network_batch *batch); /* zeroed allowed */
/* Copies the row. 0 or ENOMEM: the batch is as before. */
int dbr_network_batch_add(struct dbr_network_batch *batch, enum dbr_network_table table,
                          const struct dbr_dht_row *row);

struct dbr_network_job {
    struct dbr_network_job *next; /* free for the executor's queue */
    struct dbr_network_batch changes;
    /* out */
    bool is_lost; /* what earlier jobs wrote is gone: tell everything again */
    int status;   /* ENOSPC, EIO, ENOMEM: nothing of it was written, it may be given again
                   */
    debros_detail detail;
};

struct dbr_network_job *dbr_network_job_create(void); /* NULL: out of memory */
void dbr_network_job_destroy(struct dbr_network_job *job); /* NULL is allowed */

#endif
