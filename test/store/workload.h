/* A run of the whole store that touches everything: namespaces made, rows of several
 * pages, terms and votes, entries taken back, checkpoints with and without a reader in
 * the way, segments and WALs that begin anew; and what must be there after any of it. */
#ifndef DBR_TEST_STORE_WORKLOAD_H
#define DBR_TEST_STORE_WORKLOAD_H

#include "fixture.h"

#define WORKLOAD_STEPS   64u
#define WORKLOAD_ENTRIES 128u
#define WORKLOAD_DUMP    16384u

/* What the store has promised. */
struct workload {
    size_t step;    /* the one under way */
    uint64_t acked; /* entries up to here are durable and committed */
    uint64_t tried; /* the last one that was given to the log */
    uint64_t term, vote;
    uint64_t tried_term, tried_vote;
};

/* A store on an empty disk for it, small files. */
void workload_init(struct fixture *f);
/* Does the steps up to `n_steps` from where the workload is. 0, or what the store said.
 */
int workload_run(struct fixture *f, struct workload *w, size_t n_steps);
/* The store is open again: applies what the log holds. The last entry of it that counts,
 * or what went wrong in f->detail: 0. */
uint64_t workload_replay(struct fixture *f);
/* After workload_replay() said `last`: NULL, or why this is not what was promised. */
const char *workload_check(struct fixture *f, const struct workload *w, uint64_t last);
/* Like workload_check(), but a reason that names a damaged place is accepted: then 1. */
int workload_state_of(struct fixture *f, uint64_t last, char out[WORKLOAD_DUMP]);
/* What the databases hold after entry `last`, from a store without faults. */
const char *workload_expected(uint64_t last);

#endif
