#include <string.h>

#include "base/check.h"
#include "base/detail.h"
#include "memory.h"
#include "run.h"
#include "store_private.h"

/* Queries wait while an image is swapped in, or are not let in: false. *out is NULL where
 * there is no such namespace for them. */
static bool enter(struct dbr_store *store, const struct dbr_query_job *job, bool wait,
                  struct dbr_namespace **out)
{
    struct dbr_namespace *ns = NULL;
    (void)pthread_mutex_lock(&store->lock);
    while (store->swapping && wait) {
        (void)pthread_cond_wait(&store->changed, &store->lock);
    }
    bool is_in = !store->swapping;
    if (is_in) {
        store->n_reading++;
        HASH_FIND_STR(store->namespaces, job->ns, ns);
    }
    bool system = strcmp(job->ns, DBR_SQL_SYSTEM_NAMESPACE) == 0;
    if (ns != NULL && (!ns->visible || (system && !job->internal))) {
        ns = NULL;
    }
    (void)pthread_mutex_unlock(&store->lock);
    *out = ns;
    return is_in;
}

static void leave(struct dbr_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->n_reading--;
    if (store->n_reading == 0) {
        (void)pthread_cond_broadcast(&store->changed);
    }
    (void)pthread_mutex_unlock(&store->lock);
}

static void set_deadline(const struct dbr_store *store, const struct dbr_query_job *job,
                         struct dbr_db *db)
{
    db->deadline = (struct dbr_db_deadline){0};
    if (job->timeout_ms != 0 && store->config.now_ms != NULL) {
        db->deadline.now_ms = store->config.now_ms;
        db->deadline.data = store->config.clock_data;
        db->deadline.at_ms =
            store->config.now_ms(store->config.clock_data) + job->timeout_ms;
    }
}

static void fill_reply(struct dbr_sql_reply *reply, const struct dbr_run *run,
                       struct dbr_rows *rows, debros_result *result)
{
    if (run->err != 0) {
        (void)dbr_sql_reply_fail(reply, run->err, "%s%s",
                                 run->trouble ? "" : "statement 1: ", run->detail);
        reply->failed = run->trouble ? 0 : 1;
        return;
    }
    if (!rows->too_large) {
        dbr_rows_end(rows, result);
    }
    if (rows->too_large) {
        (void)dbr_sql_reply_fail(reply, DEBROS_ELIMIT,
                                 "the result is larger than %u bytes: read it in parts",
                                 DBR_SQL_MAX_REPLY);
    } else if (rows->failed) {
        (void)dbr_sql_reply_fail(reply, DEBROS_ENOMEM, "out of memory for the result");
    } else {
        reply->results = result;
        reply->n_results = 1;
    }
}

/* One read transaction: the index and the rows belong together. */
static void run_query(struct dbr_store *store, const struct dbr_query_job *job,
                      struct dbr_db *db, struct dbr_sql_reply *reply)
{
    /* Read before: the file holds at least this much when the transaction begins. */
    uint64_t floor = atomic_load(&store->applied);
    uint64_t seen = 0;
    sqlite3_stmt *meta = NULL;
    struct dbr_rows rows;
    struct dbr_run run;
    debros_result *result = dbr_arena_calloc(&reply->arena, 1, sizeof(*result));
    dbr_rng_seed(&db->rng, store->config.seed + atomic_fetch_add(&store->n_queries, 1));
    set_deadline(store, job, db);
    int rc = dbr_memory_applied(db, &meta, &seen);
    if (rc != SQLITE_OK || result == NULL) {
        char words[DBR_VFS_DAMAGE];
        int err = result == NULL ? DEBROS_ENOMEM : dbr_run_trouble(rc, 0);
        (void)dbr_sql_reply_fail(reply, err == 0 ? DEBROS_EBUSY : err,
                                 "namespace '%s': %s", job->ns,
                                 dbr_db_message(db, words));
    } else {
        dbr_rows_init(&rows, &reply->arena, DBR_SQL_MAX_REPLY);
        dbr_run(&run, db, store->vfs, &job->statement, &rows);
        fill_reply(reply, &run, &rows, result);
        dbr_rows_finish(&rows);
        reply->index = seen > floor ? seen : floor;
    }
    (void)sqlite3_reset(meta);
}

void dbr_store_query(struct dbr_store *store, struct dbr_query_job *job, size_t reader)
{
    dbr_assert(reader < store->config.n_readers);
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    job->reply = reply;
    if (reply == NULL) {
        return;
    }
    struct dbr_namespace *ns = NULL;
    (void)enter(store, job, true, &ns);
    debros_detail detail = {{0}};
    int err = 0;
    if (ns == NULL) {
        /* _system is missing only after a swap that failed. */
        err = dbr_detail_set(&detail, store->ready ? DEBROS_ENOTFOUND : DEBROS_ESTATE,
                             store->ready ? "there is no namespace '%s'"
                                          : "namespace '%s' waits for a snapshot",
                             job->ns);
        reply->index = store->ready ? atomic_load(&store->applied) : 0;
    } else if (ns->readers[reader] == NULL) {
        char path[DBR_PATH_MAX];
        dbr_namespace_path(path, ns->name);
        err = dbr_db_open(&ns->readers[reader], store->vfs, DBR_DB_READER, path, false,
                          &detail);
    }
    if (err == 0) {
        run_query(store, job, ns->readers[reader], reply);
    } else {
        (void)dbr_sql_reply_fail(reply, err, "%s", detail.text);
    }
    leave(store);
}

/* The reader that found the text short when it ran it, or NULL. */
static struct dbr_db *find_quick(const struct dbr_store *store,
                                 const struct dbr_namespace *ns, const char *text)
{
    for (size_t i = 0; i < store->config.n_readers; i++) {
        struct dbr_db *db = ns->readers[i];
        if (db != NULL && dbr_db_was_quick(db, text)) {
            return db;
        }
    }
    return NULL;
}

/* False: it was stopped, without a reply. */
static bool try_query(struct dbr_store *store, struct dbr_query_job *job,
                      struct dbr_db *db)
{
    job->reply = dbr_sql_reply_create();
    if (job->reply == NULL) {
        return false;
    }
    db->quick = true;
    db->stopped = false;
    run_query(store, job, db, job->reply);
    db->quick = false;
    if (db->stopped) {
        dbr_sql_reply_destroy(job->reply);
        job->reply = NULL;
    }
    return !db->stopped;
}

bool dbr_store_query_quick(struct dbr_store *store, struct dbr_query_job *job)
{
    struct dbr_namespace *ns = NULL;
    if (!enter(store, job, false, &ns)) {
        return false;
    }
    struct dbr_db *db = ns == NULL ? NULL : find_quick(store, ns, job->statement.sql);
    bool done = db != NULL && try_query(store, job, db);
    leave(store);
    return done;
}

void dbr_store_stop_queries(struct dbr_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->swapping = true;
    while (store->n_reading > 0) {
        (void)pthread_cond_wait(&store->changed, &store->lock);
    }
    (void)pthread_mutex_unlock(&store->lock);
}

void dbr_store_resume_queries(struct dbr_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->swapping = false;
    (void)pthread_cond_broadcast(&store->changed);
    (void)pthread_mutex_unlock(&store->lock);
}
