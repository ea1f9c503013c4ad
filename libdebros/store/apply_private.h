/* Shared by apply.c (batches), ahead.c (an entry before its time) and transaction.c (one
 * request of one entry). */
#ifndef DBR_STORE_APPLY_PRIVATE_H
#define DBR_STORE_APPLY_PRIVATE_H

#include "memory.h"
#include "run.h"
#include "store_private.h"

/* A statement has rolled back the whole batch: run it again, each request alone. */
#define DBR_APPLY_ALONE 1
/* A failed statement left changes, without a savepoint: run the batch again with them. */
#define DBR_APPLY_CAREFUL 2
/* A quick batch that is none: nothing of it stays, the applier's thread runs it. */
#define DBR_APPLY_LATER 3

#define DBR_APPLY_WAL_PAGES 2048 /* 8 MiB: time to move pages that no reader needs */

/* An answer whose namespace has not committed yet. */
struct dbr_apply_pending {
    struct dbr_apply_pending *next;
    struct dbr_apply_outcome *outcome;
    const struct dbr_namespace *ns; /* NULL: nothing to commit */
};

struct dbr_apply {
    struct dbr_store *store;
    struct dbr_apply_job *job;
    bool quick;                        /* on the node thread: a moment, or not at all */
    bool careful;                      /* each request in a savepoint */
    bool alone;                        /* and commits on its own */
    bool system_ran;                   /* a transaction on _system */
    struct dbr_apply_pending *pending; /* the newest first */
};

struct dbr_apply_item {
    uint64_t index;
    uint64_t seed;
    bool wanted;
    const struct dbr_sql_transaction *transaction;
};

/* 0, DBR_APPLY_ALONE, DBR_APPLY_CAREFUL, DBR_APPLY_LATER, or a trouble of the disk or
 * memory with the job's detail. */
int dbr_apply_transaction(struct dbr_apply *a, const struct dbr_apply_item *item);
int dbr_apply_begin(struct dbr_apply *a, struct dbr_namespace *ns);
int dbr_apply_commit(struct dbr_apply *a);
/* The job's entries, all but the last commit. The same errors. */
int dbr_apply_run(struct dbr_apply *a);
/* That commit. A trouble: what did not commit is to be rolled back. */
int dbr_apply_end(struct dbr_apply *a);
void dbr_apply_rollback(struct dbr_apply *a);
/* The job's entries count as applied, for readers too. */
void dbr_apply_publish(struct dbr_store *store, struct dbr_apply_job *job);
int dbr_apply_trouble(struct dbr_apply *a, const struct dbr_namespace *ns, int rc);
/* The answers of a committed namespace go to the job; those of a rolled back one go. */
void dbr_apply_keep_outcomes(struct dbr_apply *a, const struct dbr_namespace *ns);
void dbr_apply_drop_outcomes(struct dbr_apply *a);

#endif
