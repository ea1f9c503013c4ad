/* The store's inside, for apply.c, query.c, image.c, namespace.c and store.c. */
#ifndef DBR_STORE_STORE_PRIVATE_H
#define DBR_STORE_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "db.h"
#include "log.h"
#include "network.h"
#include "path.h"
#include "sql/codec.h"
#include "store.h"
#include "transfer/descriptor.h"

#define DBR_DB_FOLDER    "db"
#define DBR_IMAGE_FOLDER "image"

#define DBR_STORE_INSTALLS_MAX 4u
#define DBR_STORE_BULK_BUFFER  (256u << 10) /* bytes read at once to be hashed */

/* A namespace that has a file. */
struct dbr_namespace {
    UT_hash_handle hh;
    char name[DBR_SQL_MAX_NAME + 1];
    struct dbr_db *db;       /* the applier's */
    struct dbr_db **readers; /* each its own thread's; NULL until it is used */
    bool visible;            /* to readers; guarded by the store's lock */
    /* the applier's */
    uint64_t created; /* log index that made it; 0: _system does not know it */
    uint64_t applied; /* index up to which the file holds everything, committed */
    /* of the batch under way */
    bool begun;
    bool in_entry;    /* the present entry touched it */
    uint64_t reached; /* what `applied` becomes */
};

struct dbr_store {
    struct dbr_store_config config;
    struct dbr_fs *fs;
    struct dbr_log *log;
    struct dbr_vfs *vfs;
    uint64_t applied_at_open;
    _Atomic uint64_t applied; /* all files hold everything up to here, committed */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct dbr_namespace *namespaces; /* hash; the applier alone changes it, under lock */
    size_t n_reading;                 /* queries under way; guarded by lock */
    bool swapping;                    /* no query may begin; guarded by lock */
    bool ready;                       /* the databases are open; changes while swapping */
    _Atomic uint64_t n_queries;
    /* the applier's */
    uint64_t failed_at; /* first entry of the job that failed last, or its snapshot; 0:
                           none did */
    bool failed_restore;
    struct dbr_ahead *ahead;
    struct dbr_namespace *system;
    bool registry_stale; /* _system was written since `created` was read */
    /* No answer of an entry behind it says that there is no such namespace: requests need
     * not be looked for in _system's memory, too. 0: none says so. */
    uint64_t last_unknown;
    /* snapshots */
    struct dbr_freeze *freezes; /* guarded by lock */
    bool copying;               /* the bulk thread uses one; guarded by lock */
    _Atomic size_t n_pins;      /* read transactions of freezes */
    struct dbr_install {
        uint64_t index; /* 0: free */
        uint8_t id[DBR_SNAPSHOT_ID_SIZE];
    } installs[DBR_STORE_INSTALLS_MAX]; /* that wait for RESTORE; guarded by lock */
    struct dbr_stage *stage;            /* the bulk thread's */
    uint8_t *bulk_buffer;               /* the same; NULL until it is needed */
    struct dbr_network network;         /* the network thread's */
    struct dbr_network_batch known;     /* what it held at open */
};

/* NULL: out of memory. */
uint8_t *dbr_store_bulk_buffer(struct dbr_store *store);

/* ---- namespace.c ----------------------------------------------------------------- */

/* [a-z0-9_][a-z0-9_-]{0,62} */
bool dbr_namespace_name_ok(const char *name);
void dbr_namespace_path(char out[DBR_PATH_MAX], const char *name);
struct dbr_namespace *dbr_namespace_find(struct dbr_store *store, const char *name);
/* Finds or opens; a file that is not there is created, holding everything up to
 * `applied`. */
int dbr_namespace_open(struct dbr_store *store, const char *name, uint64_t applied,
                       struct dbr_namespace **out, debros_detail *detail);
/* Closes all connections and forgets all namespaces. */
void dbr_namespaces_close(struct dbr_store *store);
/* Opens _system and all files of the folder. */
int dbr_namespaces_open(struct dbr_store *store, debros_detail *detail);
/* Reads `created` of all anew, from the applier's view of _system. */
int dbr_namespaces_reload(struct dbr_store *store, debros_detail *detail);
/* Shows readers what _system knows, after a commit. */
void dbr_namespaces_publish(struct dbr_store *store);
/* The namespace that a transaction of the entry at `index` writes to; *out is NULL when
 * there is none. */
int dbr_namespace_for(struct dbr_store *store, const char *name, uint64_t index,
                      struct dbr_namespace **out, debros_detail *detail);
/* The lowest applied index of all files. */
uint64_t dbr_namespaces_applied(const struct dbr_store *store);

/* Between a swap's beginning and end no query runs. */
void dbr_store_stop_queries(struct dbr_store *store);
void dbr_store_resume_queries(struct dbr_store *store);

/* ---- image_swap.c ---------------------------------------------------------------- */

/* Log thread: notes durably that the snapshot that is described, whose files are here, is
 * the one of `index`. EPROTO: it is not. */
int dbr_image_stage(struct dbr_store *store, uint64_t index, debros_bytes descriptor,
                    debros_detail *detail);
/* At open, before any database is open: finishes a swap, makes the one that the log says
 * (its snapshot's index), removes what nobody waits for. */
int dbr_image_recover(struct dbr_store *store, uint64_t snapshot_index,
                      debros_detail *detail);

/* At open: the beginning of a snapshot that is not needed any more goes. */
int dbr_image_forget_old(struct dbr_store *store, uint64_t applied);

/* ---- the applier's jobs ------------------------------------------------------------ */

void dbr_apply_entries(struct dbr_store *store, struct dbr_apply_job *job);
/* False: nothing was done. */
bool dbr_apply_entries_quick(struct dbr_store *store, struct dbr_apply_job *job);
void dbr_apply_checkpoint(struct dbr_store *store, struct dbr_apply_job *job);
void dbr_apply_restore(struct dbr_store *store, struct dbr_apply_job *job);
/* Moves the WAL's pages to the file of one namespace, as far as readers let it. */
int dbr_apply_checkpoint_one(struct dbr_store *store, struct dbr_namespace *ns,
                             debros_detail *detail);

#endif
