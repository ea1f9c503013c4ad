/* Work for the databases, done off the node thread in life and in virtual time in a
 * simulation. Whoever makes a job owns it again when it comes back done. */
#ifndef DBR_SQL_JOB_H
#define DBR_SQL_JOB_H

#include "base/buf.h"
#include "sql/types.h"

/* ---- Applier: one at a time, in order --------------------------------------- */

/* A committed entry. `data` follows the struct in one allocation. */
struct dbr_apply_entry {
    struct dbr_apply_entry *next;
    uint64_t index;
    uint64_t term;
    bool wanted; /* somebody here waits: build replies with rows */
    debros_bytes data;
};

/* What became of one transaction of a wanted entry. */
struct dbr_apply_outcome {
    struct dbr_apply_outcome *next;
    struct dbr_sql_key key;
    struct dbr_sql_reply *reply; /* the receiver's */
};

enum dbr_apply_job_type {
    DBR_APPLY_ENTRIES, /* run `entries`; those that a database has already are skipped */
    DBR_APPLY_CHECKPOINT, /* make all databases durable: everything applied so far */
    DBR_APPLY_RESTORE,    /* the snapshot of `index` takes the databases' place */
    DBR_APPLY_FREEZE      /* keep the present state of all databases readable: `freeze` */
};

struct dbr_apply_job {
    struct dbr_apply_job *next; /* free for the executor's queue */
    enum dbr_apply_job_type type;
    struct dbr_apply_entry *entries; /* owned by the job */
    uint64_t index;
    uint64_t freeze; /* FREEZE */
    /* out */
    int status; /* EIO, ENOSPC: the node cannot go on with this database */
    debros_detail detail;
    struct dbr_apply_outcome *outcomes;
    uint64_t applied;       /* index of the last entry that the databases hold */
    bool system_changed;    /* _system was written */
    uint64_t database_size; /* bytes of all namespaces on disk */
};

struct dbr_apply_job *dbr_apply_job_create(enum dbr_apply_job_type type);
void dbr_apply_job_destroy(struct dbr_apply_job *job); /* and all that it owns */
/* Copies `data`; NULL: out of memory. */
struct dbr_apply_entry *dbr_apply_entry_create(uint64_t index, uint64_t term, bool wanted,
                                               debros_bytes data);

/* ---- Readers: any number at a time ------------------------------------------- */

struct dbr_query_job {
    struct dbr_query_job *next; /* free for the executor's queue */
    uint64_t token;
    const char *ns;
    debros_statement statement;
    uint32_t timeout_ms;         /* of execution; 0: none */
    bool internal;               /* the cluster's own read: _system is allowed */
    struct dbr_sql_reply *reply; /* out */
    struct dbr_arena arena;      /* owns ns and statement */
};

/* Copies `ns` and `statement`. */
struct dbr_query_job *dbr_query_job_create(uint64_t token, const char *ns,
                                           const debros_statement *statement);
void dbr_query_job_destroy(struct dbr_query_job *job);

#endif
