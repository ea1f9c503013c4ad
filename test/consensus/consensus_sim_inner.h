/* The inside of the simulation: what its files share. */
#ifndef DBR_TEST_CONSENSUS_SIM_INNER_H
#define DBR_TEST_CONSENSUS_SIM_INNER_H

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/rng.h"
#include "consensus/configuration.h"
#include "consensus/message.h"
#include "consensus_sim.h"

#define INDEX_MAX    100000 /* of the log */
#define TERM_MAX     50000
#define COMMANDS_MAX INDEX_MAX
#define TRAILING     10

struct entry {
    uint64_t term;
    enum dbr_entry_type type;
    struct dbr_buf data;
};

/* What survives a crash. */
struct disk {
    uint64_t term, vote;
    uint64_t first;
    struct entry *entries;
    size_t n, cap;
    uint64_t snapshot_index, snapshot_term, configuration_index;
    struct dbr_buf configuration;
    struct dbr_buf image; /* of the last INSTALL */
    uint64_t image_index;
};

struct command {
    uint64_t index, id;
};

struct node {
    struct dbr_consensus *c;
    struct dbr_rng rng;
    unsigned life;
    struct disk disk;
    struct dbr_log_op *first, *last; /* the disk's queue */
    size_t queued;
    bool writing, stopped;
    struct command *db; /* the databases */
    size_t n_db;
    uint64_t db_index;      /* the databases are at this entry */
    uint64_t durable_index; /* and would be after a crash, at least */
    uint64_t handed_index;  /* by APPLY in this life */
    dbr_time timer;
    int side;
    dbr_time link_free[SIM_NODES_MAX];
    uint64_t wire_term;
    uint8_t *votes; /* by term: for whom, on the wire */
    int took[DBR_CONSENSUS_FAILED + 1];
    uint64_t led_term;
};

enum action {
    A_TIMER,
    A_MESSAGE,
    A_DISK,
    A_CLIENT,
    A_FAULT,
    A_RESTART,
    A_CRASH,
    A_CHECKPOINT,
    A_OFFER,
    A_FETCH,
    A_GROW
};

struct event {
    dbr_time at;
    uint64_t order;
    enum action action;
    int node, from;
    unsigned life;
    uint64_t value;
    struct dbr_buf data;
};

struct pending {
    uint64_t index, term;
    unsigned life;
    int node;
    bool open;
};

struct sim {
    struct sim_config config;
    struct sim_counts counts;
    struct dbr_rng rng;
    dbr_time now;
    bool healed;
    bool quiet; /* no more clients */
    struct node nodes[SIM_NODES_MAX];
    struct event **heap;
    size_t n_heap, heap_cap;
    uint64_t order;
    struct command *truth; /* by index */
    uint64_t *truth_term;
    uint64_t last_truth;
    struct pending *pending; /* by command id */
    uint64_t acked_index;
    uint64_t *read_needs; /* by token */
    uint64_t n_reads;
    uint8_t *leaders; /* by term: who, on the wire */
    uint64_t max_message;
    bool is_short; /* of memory, until the call returns */
    bool was_poor; /* the last call */
    bool bad;
};

#define sim_say(s, ...)                                                                  \
    do {                                                                                 \
        if ((s)->config.verbose) {                                                       \
            printf("%8llu ", (unsigned long long)(s)->now);                              \
            printf(__VA_ARGS__);                                                         \
        }                                                                                \
    } while (0)

/* consensus_sim.c */
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim *s, const char *format,
                                                    ...);
uint64_t sim_below(struct sim *s, uint64_t bound);
void sim_mix(struct sim *s, uint64_t value); /* into the hash of the run */
struct event *sim_schedule(struct sim *s, dbr_time at, enum action action, int node);

/* consensus_sim_memory.c */
/* Around each call on a machine. True: it found no memory. */
void sim_short(struct sim *s);
bool sim_enough(struct sim *s);

/* consensus_sim_disk.c */
void sim_copy(struct dbr_buf *to, debros_bytes from);
void sim_disk_append(struct sim *s, struct disk *d, const struct dbr_log_op *op);
void sim_disk_apply(struct sim *s, struct node *node, const struct dbr_log_op *op);
void sim_disk_queue(struct sim *s, int i, struct dbr_log_op *op);
struct dbr_log_op *sim_disk_take(struct node *node);
void sim_disk_done(struct sim *s, int i, uint64_t n);
void sim_disk_finish(struct disk *d);

/* consensus_sim_node.c */
void sim_bootstrap(struct sim *s, int i);
void sim_finish_checkpoint(struct sim *s, int i, uint64_t asked);
void sim_finish_offer(struct sim *s, int i);
void sim_finish_fetch(struct sim *s, int i, debros_bytes descriptor);

#endif
