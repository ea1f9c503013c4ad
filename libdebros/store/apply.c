/* Runs committed entries: one SQLite transaction per namespace and batch, each request
 * in a savepoint of its own where it needs one. What a statement does wrong is an answer,
 * the same on every replica; what a disk does wrong undoes the batch and goes to the
 * job's status. */
#include <stdio.h>
#include <string.h>

#include "apply_private.h"
#include "base/check.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "checkpoint.h"

#define WAL_PAGES_RESTART    16384 /* 64 MiB: wait for readers, so that it begins anew */

int dbr_apply_trouble(struct dbr_apply *a, const struct dbr_namespace *ns, int rc)
{
    char words[DBR_VFS_DAMAGE];
    int err = dbr_run_trouble(rc, dbr_vfs_error(a->store->vfs, false));
    return dbr_detail_set(&a->job->detail, err == 0 ? DEBROS_EIO : err, "%s/db/%s.db: %s",
                          a->store->fs->root, ns->name, dbr_db_message(ns->db, words));
}

/* ---- Transactions of SQLite ---------------------------------------------------------
 */

int dbr_apply_begin(struct dbr_apply *a, struct dbr_namespace *ns)
{
    ns->in_entry = true;
    if (ns->begun) {
        return 0;
    }
    int rc = dbr_internal_run(ns->db, DBR_INTERNAL_BEGIN);
    if (rc != SQLITE_OK) {
        return dbr_apply_trouble(a, ns, rc);
    }
    ns->begun = true;
    return 0;
}

static int commit_one(struct dbr_apply *a, struct dbr_namespace *ns)
{
    DBR_FAILPOINT("store.apply.commit_one");
    int rc = dbr_memory_flush(ns->db);
    if (rc == SQLITE_OK) {
        rc = dbr_memory_set_applied(ns->db, ns->reached, ns->in_entry);
    }
    if (rc == SQLITE_OK) {
        rc = dbr_internal_run(ns->db, DBR_INTERNAL_COMMIT);
    }
    if (rc != SQLITE_OK) {
        return dbr_apply_trouble(a, ns, rc);
    }
    ns->begun = false;
    ns->applied = ns->reached;
    a->job->system_changed =
        a->job->system_changed || (ns == a->store->system && a->system_ran);
    dbr_apply_keep_outcomes(a, ns);
    return 0;
}

int dbr_apply_commit(struct dbr_apply *a)
{
    struct dbr_namespace *ns = NULL;
    for (ns = a->store->namespaces; ns != NULL; ns = ns->hh.next) {
        int err = ns->begun ? commit_one(a, ns) : 0;
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

void dbr_apply_rollback(struct dbr_apply *a)
{
    struct dbr_namespace *ns = NULL;
    for (ns = a->store->namespaces; ns != NULL; ns = ns->hh.next) {
        if (sqlite3_get_autocommit(ns->db->sql) == 0) {
            (void)dbr_internal_run(ns->db, DBR_INTERNAL_ROLLBACK);
        }
        if (ns->begun) {
            dbr_db_clear_cache(ns->db);
        }
        dbr_memory_drop(ns->db);
        ns->begun = false;
        ns->in_entry = false;
        ns->reached = ns->applied;
    }
    a->store->registry_stale = true;
    dbr_apply_drop_outcomes(a);
}

/* ---- Entries --------------------------------------------------------------------------
 */

/* Everything up to `index` is in the files that the entry touched. Alone: and durable in
 * SQLite's sense, so that a repeated entry is known by its requests' keys until then. */
static int end_entry(struct dbr_apply *a, uint64_t index)
{
    DBR_FAILPOINT("store.apply.end_entry");
    struct dbr_namespace *ns = NULL;
    for (ns = a->store->namespaces; ns != NULL; ns = ns->hh.next) {
        if (!ns->in_entry) {
            continue;
        }
        int err = dbr_apply_begin(a, ns);
        int rc = err == 0 ? dbr_memory_flush(ns->db) : SQLITE_OK;
        if (rc != SQLITE_OK) {
            err = dbr_apply_trouble(a, ns, rc);
        }
        if (err != 0) {
            return err;
        }
        ns->reached = index;
        ns->in_entry = false;
    }
    return a->alone ? dbr_apply_commit(a) : 0;
}

static int apply_decoded(struct dbr_apply *a, const struct dbr_apply_entry *entry,
                         const struct dbr_sql_entry *decoded)
{
    dbr_vfs_set_time(a->store->vfs, decoded->time_ms);
    for (size_t i = 0; i < decoded->n_transactions; i++) {
        struct dbr_apply_item item = {.index = entry->index,
                                      .seed = decoded->seed + i,
                                      .wanted = entry->wanted,
                                      .transaction = &decoded->transactions[i]};
        int err = dbr_apply_transaction(a, &item);
        if (err == 0 && a->alone) {
            err = dbr_apply_commit(a);
        }
        if (err != 0) {
            return err;
        }
    }
    return end_entry(a, entry->index);
}

static int apply_entry(struct dbr_apply *a, const struct dbr_apply_entry *entry)
{
    struct dbr_arena arena;
    struct dbr_sql_entry decoded;
    dbr_arena_init(&arena, 0);
    int err = dbr_sql_entry_decode(&decoded, &arena, entry->data);
    if (err == 0) {
        err = apply_decoded(a, entry, &decoded);
    } else if (err == DEBROS_EPROTO) {
        /* The same for every replica: it does nothing. */
        dbr_log(a->store->config.logger, DEBROS_LOG_ERROR, "store",
                "entry %llu is malformed: skipped", (unsigned long long)entry->index);
        err = 0;
    } else {
        dbr_detail_set(&a->job->detail, err, "entry %llu: out of memory",
                       (unsigned long long)entry->index);
    }
    dbr_arena_finish(&arena);
    return err;
}

int dbr_apply_run(struct dbr_apply *a)
{
    struct dbr_namespace *ns = NULL;
    for (ns = a->store->namespaces; ns != NULL; ns = ns->hh.next) {
        ns->reached = ns->applied;
    }
    for (const struct dbr_apply_entry *e = a->job->entries; e != NULL; e = e->next) {
        int err = apply_entry(a, e);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int dbr_apply_end(struct dbr_apply *a)
{
    int err = dbr_apply_commit(a);
    if (err == 0) {
        dbr_apply_keep_outcomes(a, NULL);
    }
    return err;
}

static int run_batch(struct dbr_apply *a)
{
    int err = dbr_apply_run(a);
    return err == 0 ? dbr_apply_end(a) : err;
}

static uint64_t last_index(const struct dbr_apply_job *job)
{
    uint64_t index = 0;
    for (const struct dbr_apply_entry *e = job->entries; e != NULL; e = e->next) {
        index = e->index;
    }
    return index;
}

void dbr_apply_publish(struct dbr_store *store, struct dbr_apply_job *job)
{
    DBR_FAILPOINT("store.apply.publish");
    uint64_t index = last_index(job);
    if (index > atomic_load(&store->applied)) {
        atomic_store(&store->applied, index);
    }
    if (job->system_changed) {
        dbr_namespaces_publish(store);
    }
}

/* WALs that have grown; a full disk only puts it off. */
static int checkpoint_grown(struct dbr_apply *a)
{
    struct dbr_namespace *ns = NULL;
    for (ns = a->store->namespaces; ns != NULL; ns = ns->hh.next) {
        bool pinned = atomic_load(&a->store->n_pins) > 0; /* no page could move */
        if (ns->db->wal_pages >= DBR_APPLY_WAL_PAGES && !pinned) {
            int err = dbr_apply_checkpoint_one(a->store, ns, &a->job->detail);
            if (err != 0 && err != DEBROS_ENOSPC) {
                return err;
            }
        }
    }
    return 0;
}

int dbr_apply_checkpoint_one(struct dbr_store *store, struct dbr_namespace *ns,
                             debros_detail *detail)
{
    /* A copy of the databases reads for as long as it takes: nobody waits for it. */
    bool restart =
        ns->db->wal_pages >= WAL_PAGES_RESTART && atomic_load(&store->n_pins) == 0;
    int mode = restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
    DBR_FAILPOINT("store.apply.checkpoint_one");
    int left = 0;
    int moved = 0;
    ns->db->trusted = true;
    int rc = sqlite3_wal_checkpoint_v2(ns->db->sql, NULL, mode, &left, &moved);
    ns->db->trusted = false;
    if (rc == SQLITE_OK || rc == SQLITE_BUSY) {
        ns->db->wal_pages = moved >= left ? 0 : ns->db->wal_pages;
        return 0;
    }
    char words[DBR_VFS_DAMAGE];
    int err = dbr_run_trouble(rc, dbr_vfs_error(store->vfs, true));
    return dbr_detail_set(detail, err == 0 ? DEBROS_EIO : err,
                          "%s/db/%s.db: checkpoint: %s", store->fs->root, ns->name,
                          dbr_db_message(ns->db, words));
}

void dbr_apply_entries(struct dbr_store *store, struct dbr_apply_job *job)
{
    struct dbr_apply a = {.store = store, .job = job};
    dbr_vfs_error(store->vfs, true);
    int err = run_batch(&a);
    if (err == DBR_APPLY_CAREFUL) {
        dbr_apply_rollback(&a);
        a.careful = true;
        err = run_batch(&a);
        dbr_assert(err != DBR_APPLY_CAREFUL);
    }
    if (err == DBR_APPLY_ALONE) {
        /* A statement rolled back what its neighbours had done: each on its own now. */
        dbr_apply_rollback(&a);
        a.careful = a.alone = true;
        err = run_batch(&a);
        dbr_assert(err != DBR_APPLY_ALONE);
    }
    if (err == 0 && job->system_changed && store->registry_stale) {
        err = dbr_namespaces_reload(store, &job->detail);
    }
    if (err != 0) {
        dbr_apply_rollback(&a);
    } else {
        dbr_apply_publish(store, job);
        err = checkpoint_grown(&a);
    }
    job->status = err;
}

bool dbr_apply_entries_quick(struct dbr_store *store, struct dbr_apply_job *job)
{
    struct dbr_apply a = {.store = store, .job = job, .quick = true};
    dbr_vfs_error(store->vfs, true);
    if (run_batch(&a) != 0) {
        /* Whatever it is, the applier's thread meets it again and tells. */
        dbr_apply_rollback(&a);
        return false;
    }
    dbr_apply_publish(store, job);
    return true;
}

void dbr_apply_checkpoint(struct dbr_store *store, struct dbr_apply_job *job)
{
    DBR_FAILPOINT("store.apply.checkpoint");
    struct dbr_namespace *ns = NULL;
    int err = 0;
    dbr_vfs_error(store->vfs, true);
    for (ns = store->namespaces; ns != NULL && err == 0; ns = ns->hh.next) {
        err = dbr_apply_checkpoint_one(store, ns, &job->detail);
    }
    /* Pages that a reader held back are safe in the WAL. */
    if (err == 0) {
        err = dbr_vfs_sync(store->vfs);
        if (err != 0) {
            dbr_detail_set(&job->detail, err, "%s/%s: sync: %s", store->fs->root,
                           DBR_DB_FOLDER, debros_strerror(err));
        } else {
            err = dbr_checkpoint_write(store, &job->detail);
        }
    }
    job->status = err;
}
