/* Speculative execution: an entry's statements run while the disk writes the entry to the
 * log, in a transaction of SQLite's that nobody sees. The entry's own job, once it is
 * durable and committed, finds the work done and commits it; any other job rolls it back
 * first. So a request that is alone waits for the disk and the statements together, not
 * for one after the other.
 *
 * Nothing has to be known of the entry's fate: between the run and the commit no other
 * job may have come, thus the databases are those on which the entry would be run. */
#ifndef DBR_STORE_AHEAD_H
#define DBR_STORE_AHEAD_H

#include "apply_private.h"

struct dbr_ahead {
    struct dbr_apply apply;
    struct dbr_apply_job job; /* until the entry's own comes */
    uint64_t index;           /* 0: nothing was run */
    uint64_t term;
};

/* Where the applier may work now, as dbr_apply_entries_quick(). What is not quick is not
 * run. */
void dbr_ahead_run(struct dbr_store *store, struct dbr_apply_entry *entry);
/* The applier has `job`. True: it is done. */
bool dbr_ahead_commit(struct dbr_store *store, struct dbr_apply_job *job);
void dbr_ahead_drop(struct dbr_store *store);

#endif
