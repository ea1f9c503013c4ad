#include "freeze.h"

#include <stdlib.h>
#include <string.h>

#include "base/detail.h"
#include "run.h"
#include "snapfile.h"

#define PAGES 64 /* of one step of SQLite's backup */

/* A database on its way into a file. */
struct frozen {
    struct dbr_db *pin; /* its read transaction; NULL: copied */
};

struct dbr_freeze {
    struct dbr_freeze *next;
    uint64_t number;
    uint64_t index;
    bool canceled; /* guarded by the store's lock */
    size_t n_files;
    struct frozen *frozen;
    struct dbr_descriptor_file *files;
    /* the bulk thread's */
    size_t at; /* the file under way; n_files: ready */
    sqlite3 *to;
    sqlite3_backup *backup;
    uint64_t unsynced;
    struct dbr_file *reading; /* the copy, while it is hashed */
    uint64_t hashed;
    struct dbr_blake2b hash;
};

/* ---- The applier's part --------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const struct dbr_namespace *const *x = a;
    const struct dbr_namespace *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Those that _system knows, and itself, by name. */
static struct dbr_namespace **sorted(struct dbr_store *store, size_t *count)
{
    size_t n = HASH_COUNT(store->namespaces);
    struct dbr_namespace **list = dbr_calloc(n, sizeof(struct dbr_namespace *));
    struct dbr_namespace *ns = NULL;
    *count = 0;
    for (ns = store->namespaces; list != NULL && ns != NULL; ns = ns->hh.next) {
        if (ns->created != 0 || ns == store->system) {
            list[(*count)++] = ns;
        }
    }
    if (list != NULL) {
        qsort(list, *count, sizeof(struct dbr_namespace *), compare);
    }
    return list;
}

static void close_target(struct dbr_freeze *freeze)
{
    (void)sqlite3_backup_finish(freeze->backup);
    (void)sqlite3_close(freeze->to);
    freeze->backup = NULL;
    freeze->to = NULL;
}

static void free_freeze(struct dbr_store *store, struct dbr_freeze *freeze)
{
    if (freeze == NULL) {
        return;
    }
    close_target(freeze);
    for (size_t i = 0; i < freeze->n_files; i++) {
        if (freeze->frozen[i].pin != NULL) {
            dbr_db_close(freeze->frozen[i].pin);
            atomic_fetch_sub(&store->n_pins, 1);
        }
    }
    if (freeze->reading != NULL) {
        store->fs->ops->close(store->fs, freeze->reading);
    }
    dbr_free(freeze->frozen);
    dbr_free(freeze->files);
    dbr_free(freeze);
}

static int pin(struct dbr_store *store, struct dbr_freeze *freeze,
               const struct dbr_namespace *ns, debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    struct frozen *f = &freeze->frozen[freeze->n_files];
    dbr_namespace_path(path, ns->name);
    int err = dbr_db_open(&f->pin, store->vfs, DBR_DB_READER, path, false, detail);
    if (err != 0) {
        return err;
    }
    atomic_fetch_add(&store->n_pins, 1);
    memcpy(freeze->files[freeze->n_files++].name, ns->name, sizeof(ns->name));
    int rc = dbr_internal_exec(f->pin, "BEGIN; SELECT count(*) FROM sqlite_schema");
    if (rc == SQLITE_OK) {
        return 0;
    }
    err = dbr_run_trouble(rc, 0);
    return dbr_detail_set(detail, err == 0 ? DEBROS_EIO : err,
                          "%s/%s: cannot be frozen: %s", store->fs->root, path,
                          sqlite3_errmsg(f->pin->sql));
}

static struct dbr_freeze *create(uint64_t number, uint64_t index, size_t n_files)
{
    struct dbr_freeze *freeze = dbr_calloc(1, sizeof(*freeze));
    if (freeze == NULL) {
        return NULL;
    }
    freeze->number = number;
    freeze->index = index;
    freeze->frozen = dbr_calloc(n_files + 1, sizeof(*freeze->frozen));
    freeze->files = dbr_calloc(n_files + 1, sizeof(*freeze->files));
    if (freeze->frozen == NULL || freeze->files == NULL) {
        dbr_free(freeze->frozen);
        dbr_free(freeze->files);
        dbr_free(freeze);
        return NULL;
    }
    return freeze;
}

static size_t count_freezes(const struct dbr_store *store)
{
    size_t n = 0;
    for (const struct dbr_freeze *f = store->freezes; f != NULL; f = f->next) {
        n++;
    }
    return n;
}

void dbr_apply_freeze(struct dbr_store *store, struct dbr_apply_job *job)
{
    size_t count = 0;
    struct dbr_namespace **list = sorted(store, &count);
    uint64_t applied = atomic_load(&store->applied);
    /* The log's last entries may be none of ours (barriers, configurations): all commands
     * up to the asked index are applied when the job's turn comes. */
    uint64_t index = job->index > applied ? job->index : applied;
    struct dbr_freeze *freeze = list == NULL ? NULL : create(job->freeze, index, count);
    int err = freeze == NULL
                  ? dbr_detail_set(&job->detail, DEBROS_ENOMEM, "freeze: out of memory")
                  : 0;
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = pin(store, freeze, list[i], &job->detail);
    }
    (void)pthread_mutex_lock(&store->lock);
    if (err == 0 && count_freezes(store) >= DBR_FREEZES_MAX) {
        err = dbr_detail_set(&job->detail, DEBROS_EBUSY, "freeze: there are too many");
    }
    if (err == 0) {
        freeze->next = store->freezes;
        store->freezes = freeze;
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (err != 0) {
        free_freeze(store, freeze);
    }
    dbr_free(list);
    job->status = err;
}

void dbr_freezes_cancel(struct dbr_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    for (struct dbr_freeze *f = store->freezes; f != NULL; f = f->next) {
        f->canceled = true;
    }
    while (store->copying) {
        (void)pthread_cond_wait(&store->changed, &store->lock);
    }
    for (struct dbr_freeze *f = store->freezes; f != NULL; f = f->next) {
        close_target(f);
        for (size_t i = 0; i < f->n_files; i++) {
            if (f->frozen[i].pin != NULL) {
                dbr_db_close(f->frozen[i].pin);
                f->frozen[i].pin = NULL;
                atomic_fetch_sub(&store->n_pins, 1);
            }
        }
    }
    (void)pthread_mutex_unlock(&store->lock);
}

/* ---- The bulk thread's part: copying --------------------------------------------------
 */

static struct dbr_freeze *find(struct dbr_store *store, uint64_t number)
{
    struct dbr_freeze *f = store->freezes;
    while (f != NULL && f->number != number) {
        f = f->next;
    }
    return f;
}

/* From here to leave() the applier does not take the files away. */
static struct dbr_freeze *enter(struct dbr_store *store, struct dbr_bulk_job *job)
{
    (void)pthread_mutex_lock(&store->lock);
    struct dbr_freeze *freeze = find(store, job->freeze);
    if (freeze == NULL || (freeze->canceled && freeze->at < freeze->n_files)) {
        job->status = dbr_detail_set(
            &job->detail, freeze == NULL ? DEBROS_ENOTFOUND : DEBROS_ECANCELED,
            freeze == NULL ? "there is no such copy of the databases"
                           : "the databases are replaced by a snapshot");
        freeze = NULL;
    }
    store->copying = freeze != NULL;
    (void)pthread_mutex_unlock(&store->lock);
    return freeze;
}

static void leave(struct dbr_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->copying = false;
    (void)pthread_cond_broadcast(&store->changed);
    (void)pthread_mutex_unlock(&store->lock);
}

static int copy_failed(struct dbr_store *store, struct dbr_freeze *freeze, int rc,
                       debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    dbr_snapfile_out_path(path, freeze->number, freeze->at);
    int err = (rc & 0xff) == SQLITE_FULL    ? DEBROS_ENOSPC
              : (rc & 0xff) == SQLITE_NOMEM ? DEBROS_ENOMEM
                                            : DEBROS_EIO;
    return dbr_detail_set(detail, err, "%s/%s: copying the namespace %s: %s",
                          store->fs->root, path, freeze->files[freeze->at].name,
                          sqlite3_errstr(rc));
}

/* No journal: a copy that is not finished is nothing. */
static int open_target(struct dbr_store *store, struct dbr_freeze *freeze)
{
    char path[DBR_PATH_MAX];
    dbr_snapfile_out_path(path, freeze->number, freeze->at);
    int err = store->fs->ops->remove(store->fs, path);
    if (err != 0 && err != DEBROS_ENOTFOUND) {
        return SQLITE_IOERR;
    }
    int rc = sqlite3_open_v2(path, &freeze->to,
                             SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                             dbr_vfs_reader(store->vfs));
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(freeze->to,
                          "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
                          NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        freeze->backup = sqlite3_backup_init(freeze->to, "main",
                                             freeze->frozen[freeze->at].pin->sql, "main");
        rc = freeze->backup == NULL ? sqlite3_errcode(freeze->to) : SQLITE_OK;
    }
    return rc;
}

/* A long run of unsynced pages would make the log's flushes wait. */
static int sync_target(struct dbr_store *store, struct dbr_freeze *freeze, uint64_t more)
{
    sqlite3_file *file = NULL;
    freeze->unsynced += more;
    if (freeze->unsynced < store->config.bulk_sync) {
        return SQLITE_OK;
    }
    freeze->unsynced = 0;
    int rc = sqlite3_file_control(freeze->to, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return rc == SQLITE_OK && file != NULL
               ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL)
               : rc;
}

/* One step of the database under way. */
static int copy_some(struct dbr_store *store, struct dbr_freeze *freeze, uint64_t *budget,
                     debros_detail *detail)
{
    struct frozen *f = &freeze->frozen[freeze->at];
    int rc = freeze->to == NULL ? open_target(store, freeze) : SQLITE_OK;
    uint64_t bytes = (uint64_t)PAGES * 4096;
    if (rc == SQLITE_OK) {
        f->pin->trusted = true;
        rc = sqlite3_backup_step(freeze->backup, PAGES);
        f->pin->trusted = false;
    }
    *budget -= *budget < bytes ? *budget : bytes;
    if (rc == SQLITE_OK) {
        rc = sync_target(store, freeze, bytes);
        return rc == SQLITE_OK ? 0 : copy_failed(store, freeze, rc, detail);
    }
    if (rc != SQLITE_DONE) {
        return copy_failed(store, freeze, rc, detail);
    }
    rc = sqlite3_backup_finish(freeze->backup);
    freeze->backup = NULL;
    if (rc == SQLITE_OK) {
        rc = sqlite3_close(freeze->to);
        freeze->to = NULL;
    }
    if (rc != SQLITE_OK) {
        return copy_failed(store, freeze, rc, detail);
    }
    dbr_db_close(f->pin);
    f->pin = NULL;
    atomic_fetch_sub(&store->n_pins, 1);
    return 0;
}

/* ---- Hashing ------------------------------------------------------------------------
 */

static int begin_hash(struct dbr_store *store, struct dbr_freeze *freeze)
{
    char path[DBR_PATH_MAX];
    dbr_snapfile_out_path(path, freeze->number, freeze->at);
    freeze->hashed = 0;
    dbr_blake2b_begin(&freeze->hash);
    return store->fs->ops->open(store->fs, &freeze->reading, path, DBR_FS_READONLY);
}

static int hash_some(struct dbr_store *store, struct dbr_freeze *freeze, uint64_t *budget,
                     debros_detail *detail)
{
    uint8_t *bytes = dbr_store_bulk_buffer(store);
    int err = bytes == NULL ? DEBROS_ENOMEM : 0;
    if (err == 0 && freeze->reading == NULL) {
        err = begin_hash(store, freeze);
    }
    int64_t got = err;
    if (err == 0) {
        got = store->fs->ops->read(store->fs, freeze->reading, bytes,
                                   DBR_STORE_BULK_BUFFER, freeze->hashed);
    }
    if (got < 0) {
        char path[DBR_PATH_MAX];
        dbr_snapfile_out_path(path, freeze->number, freeze->at);
        return dbr_detail_set(detail, (int)got, "%s/%s: %s", store->fs->root, path,
                              debros_strerror((int)got));
    }
    *budget -= *budget < DBR_STORE_BULK_BUFFER ? *budget : DBR_STORE_BULK_BUFFER;
    dbr_blake2b_add(&freeze->hash, dbr_bytes(bytes, (size_t)got));
    freeze->hashed += (uint64_t)got;
    if (got < (int64_t)DBR_STORE_BULK_BUFFER) {
        struct dbr_descriptor_file *file = &freeze->files[freeze->at];
        dbr_blake2b_end(&freeze->hash, file->hash);
        file->size = freeze->hashed;
        store->fs->ops->close(store->fs, freeze->reading);
        freeze->reading = NULL;
        freeze->at++;
    }
    return 0;
}

void dbr_freeze_copy(struct dbr_store *store, struct dbr_bulk_job *job)
{
    struct dbr_freeze *freeze = enter(store, job);
    uint64_t budget = store->config.bulk_step;
    int err = 0;
    if (freeze == NULL) {
        return;
    }
    while (err == 0 && budget > 0 && freeze->at < freeze->n_files) {
        bool copied = freeze->frozen[freeze->at].pin == NULL;
        err = copied ? hash_some(store, freeze, &budget, &job->detail)
                     : copy_some(store, freeze, &budget, &job->detail);
    }
    job->done = err == 0 && freeze->at == freeze->n_files;
    if (job->done) {
        job->index = freeze->index;
        err = dbr_descriptor_encode(&job->data, freeze->index, freeze->files,
                                    freeze->n_files);
    }
    job->status = err;
    leave(store);
}

/* ---- Reading, dropping ---------------------------------------------------------------
 */

static int read_chunk(struct dbr_store *store, const struct dbr_freeze *freeze,
                      struct dbr_bulk_job *job)
{
    struct dbr_fs *fs = store->fs;
    const struct dbr_descriptor d = {.n_files = freeze->n_files, .files = freeze->files};
    char path[DBR_PATH_MAX];
    struct dbr_file *file = NULL;
    uint64_t inside = 0;
    size_t n = dbr_descriptor_at(&d, job->offset, &inside);
    if (n == freeze->n_files) {
        return dbr_detail_set(&job->detail, DEBROS_EINVAL, "the copy ends before");
    }
    uint64_t left = freeze->files[n].size - inside;
    size_t len = left < job->len ? (size_t)left : job->len;
    dbr_snapfile_out_path(path, freeze->number, n);
    uint8_t *place = dbr_buf_reserve(&job->data, len);
    if (place == NULL) {
        return dbr_detail_set(&job->detail, DEBROS_ENOMEM, "out of memory for a chunk");
    }
    int err = fs->ops->open(fs, &file, path, DBR_FS_READONLY);
    if (err == 0) {
        int64_t got = fs->ops->read(fs, file, place, len, inside);
        err = got < 0 ? (int)got : (size_t)got < len ? DEBROS_EIO : 0;
        fs->ops->close(fs, file);
    }
    job->data.len = err == 0 ? len : 0;
    return err == 0 ? 0
                    : dbr_detail_set(&job->detail, err, "%s/%s: %s", fs->root, path,
                                     debros_strerror(err));
}

void dbr_freeze_read(struct dbr_store *store, struct dbr_bulk_job *job)
{
    struct dbr_freeze *freeze = enter(store, job);
    if (freeze != NULL) {
        job->status = read_chunk(store, freeze, job);
        leave(store);
    }
}

static void remove_files(struct dbr_store *store, const struct dbr_freeze *freeze)
{
    char path[DBR_PATH_MAX];
    for (size_t i = 0; i < freeze->n_files; i++) {
        dbr_snapfile_out_path(path, freeze->number, i);
        (void)store->fs->ops->remove(store->fs, path);
    }
}

static void take_out(struct dbr_store *store, struct dbr_freeze *freeze)
{
    struct dbr_freeze **at = &store->freezes;
    while (*at != freeze) {
        at = &(*at)->next;
    }
    *at = freeze->next;
}

void dbr_freeze_drop(struct dbr_store *store, struct dbr_bulk_job *job)
{
    (void)pthread_mutex_lock(&store->lock);
    struct dbr_freeze *freeze = find(store, job->freeze);
    if (freeze != NULL) {
        take_out(store, freeze);
        store->copying = true;
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (freeze != NULL) {
        remove_files(store, freeze);
        free_freeze(store, freeze);
        leave(store);
    }
}

void dbr_freezes_finish(struct dbr_store *store)
{
    while (store->freezes != NULL) {
        struct dbr_freeze *freeze = store->freezes;
        store->freezes = freeze->next;
        remove_files(store, freeze);
        free_freeze(store, freeze);
    }
}
