#include "store.h"

#include "ahead.h"
#include "base/check.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "checkpoint.h"
#include "freeze.h"
#include "stage.h"
#include "store_private.h"

#define DEFAULT_SEGMENT_SIZE (16u << 20)
#define DEFAULT_READERS      2u
#define DEFAULT_HORIZON      100000u
#define DEFAULT_STEPS        300u
#define DEFAULT_BULK_STEP    (8u << 20)
#define DEFAULT_BULK_SYNC    (16u << 20)

void dbr_store_config_default(struct dbr_store_config *config)
{
    *config = (struct dbr_store_config){.segment_size = DEFAULT_SEGMENT_SIZE,
                                        .n_readers = DEFAULT_READERS,
                                        .request_horizon = DEFAULT_HORIZON,
                                        .max_steps = DEFAULT_STEPS,
                                        .bulk_step = DEFAULT_BULK_STEP,
                                        .bulk_sync = DEFAULT_BULK_SYNC};
}

/* ---- Opening --------------------------------------------------------------------------
 */

/* 0: it did not say. */
static unsigned long lock_owner(struct dbr_fs *fs)
{
    struct dbr_buf text = {0};
    unsigned long pid = 0;
    if (dbr_fs_read_file(fs, DBR_FS_LOCK_FILE, &text, 32) == 0) {
        for (size_t i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9';
             i++) {
            pid = 10 * pid + (unsigned long)(text.data[i] - '0');
        }
    }
    dbr_buf_finish(&text);
    return pid;
}

static int lock_folder(struct dbr_fs *fs, debros_detail *detail)
{
    int err = fs->ops->lock(fs);
    if (err != DEBROS_EBUSY) {
        return err == 0 ? 0
                        : dbr_detail_set(detail, err, "data folder '%s' cannot be locked",
                                         fs->root);
    }
    unsigned long pid = lock_owner(fs);
    if (pid == 0) {
        return dbr_detail_set(detail, err, "data folder '%s' is in use by another node",
                              fs->root);
    }
    return dbr_detail_set(detail, err,
                          "data folder '%s' is in use by another node, process %lu",
                          fs->root, pid);
}

static int make_folders(struct dbr_fs *fs, debros_detail *detail)
{
    int err = lock_folder(fs, detail);
    if (err != 0) {
        return err;
    }
    err = fs->ops->mkdir(fs, DBR_DB_FOLDER);
    if (err == 0) {
        err = fs->ops->mkdir(fs, DBR_IMAGE_FOLDER);
    }
    if (err == 0) {
        err = fs->ops->sync_dir(fs, ".");
    }
    return err == 0 ? 0
                    : dbr_detail_set(detail, err, "%s: folders cannot be made: %s",
                                     fs->root, debros_strerror(err));
}

static int open_databases(struct dbr_store *store, debros_detail *detail)
{
    DBR_FAILPOINT("store.store.open_databases");
    struct dbr_vfs_clock clock = {.wall_ms = store->config.wall_ms,
                                  .data = store->config.clock_data};
    int err = dbr_vfs_create(&store->vfs, store->fs, &clock);
    if (err != 0) {
        return dbr_detail_set(detail, err, "store: out of memory");
    }
    err = dbr_namespaces_open(store, detail);
    if (err == 0) {
        err = dbr_checkpoint_check(store, detail);
    }
    if (err == 0) {
        err = dbr_namespaces_reload(store, detail);
    }
    if (err == 0) {
        dbr_namespaces_publish(store);
        store->ready = true;
    }
    return err;
}

static int open_all(struct dbr_store *store, debros_detail *detail)
{
    int err = make_folders(store->fs, detail);
    if (err == 0) {
        err = dbr_log_open(&store->log, store->fs, store->config.segment_size,
                           store->config.logger, detail);
    }
    if (err != 0) {
        return err;
    }
    /* What a checkpoint has made durable may be gone from the log. */
    uint64_t snapshot = dbr_log_state(store->log)->snapshot_index;
    err = dbr_image_recover(store, snapshot, detail);
    if (err == 0) {
        err = open_databases(store, detail);
    }
    if (err == 0) {
        dbr_network_open(&store->network, store->fs, store->config.logger, &store->known);
        uint64_t applied = dbr_namespaces_applied(store);
        store->applied_at_open = applied > snapshot ? applied : snapshot;
        atomic_store(&store->applied, store->applied_at_open);
        err = dbr_image_forget_old(store, store->applied_at_open);
        if (err != 0) {
            dbr_detail_set(detail, err, "%s/%s: old snapshots cannot be removed: %s",
                           store->fs->root, DBR_IMAGE_FOLDER, debros_strerror(err));
        }
    }
    return err;
}

int dbr_store_open(struct dbr_store **out, const struct dbr_store_config *config,
                   debros_detail *detail)
{
    dbr_assert(config->fs != NULL && config->n_readers > 0 &&
               config->segment_size >= 4096);
    struct dbr_store *store = dbr_calloc(1, sizeof(*store));
    if (store == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "store: out of memory");
    }
    store->config = *config;
    store->fs = config->fs;
    store->ahead = dbr_calloc(1, sizeof(*store->ahead));
    if (store->ahead == NULL || pthread_mutex_init(&store->lock, NULL) != 0 ||
        pthread_cond_init(&store->changed, NULL) != 0) {
        dbr_free(store->ahead);
        dbr_free(store);
        return dbr_detail_set(detail, DEBROS_ENOMEM, "store: out of memory");
    }
    int err = open_all(store, detail);
    if (err != 0) {
        dbr_store_close(store);
        return err;
    }
    *out = store;
    return 0;
}

void dbr_store_close(struct dbr_store *store)
{
    if (store == NULL) {
        return;
    }
    dbr_ahead_drop(store);
    dbr_freezes_finish(store);
    dbr_stage_finish(store);
    dbr_free(store->bulk_buffer);
    dbr_network_close(&store->network);
    dbr_network_batch_finish(&store->known);
    dbr_namespaces_close(store);
    dbr_vfs_destroy(store->vfs);
    dbr_log_close(store->log);
    (void)pthread_cond_destroy(&store->changed);
    (void)pthread_mutex_destroy(&store->lock);
    dbr_free(store->ahead);
    dbr_free(store);
}

const struct dbr_log_state *dbr_store_log_state(const struct dbr_store *store)
{
    return dbr_log_state(store->log);
}

void dbr_store_forget_log_state(struct dbr_store *store)
{
    dbr_log_forget_state(store->log);
}

const struct dbr_network_batch *dbr_store_network(const struct dbr_store *store)
{
    return &store->known;
}

void dbr_store_forget_network(struct dbr_store *store)
{
    dbr_network_batch_finish(&store->known);
}

uint64_t dbr_store_applied(const struct dbr_store *store)
{
    return store->applied_at_open;
}

/* ---- Work
 * ------------------------------------------------------------------------------- */

/* The one entry of one operation, which its leader says is the next to be applied. */
static bool is_next(const struct dbr_log_op *ops)
{
    return ops->type == DBR_LOG_APPEND && ops->is_next && ops->next == NULL;
}

struct next {
    struct dbr_store *store;
    struct dbr_apply_entry entry;
};

static void run_next(void *data)
{
    struct next *next = data;
    dbr_ahead_run(next->store, &next->entry);
}

static int write_and_run(struct dbr_store *store, const struct dbr_log_op *op,
                         debros_detail *detail)
{
    struct next next = {.store = store,
                        .entry = {.index = op->index,
                                  .term = op->entries[0].term,
                                  .wanted = true,
                                  .data = op->entries[0].data}};
    return dbr_log_write_while(store->log, op, run_next, &next, detail);
}

int dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops, bool ahead,
                        debros_detail *detail)
{
    if (ahead && is_next(ops)) {
        return write_and_run(store, ops, detail);
    }
    /* A snapshot is noted before the log says that it counts. */
    for (const struct dbr_log_op *op = ops; op != NULL; op = op->next) {
        if (op->type == DBR_LOG_INSTALL) {
            int err = dbr_image_stage(store, op->index, op->descriptor, detail);
            if (err != 0) {
                return err == DEBROS_ENOSPC || err == DEBROS_ENOMEM ? DEBROS_ENOSPC
                                                                    : DEBROS_EIO;
            }
        }
    }
    return dbr_log_write(store->log, ops, detail);
}

uint64_t dbr_store_ahead(const struct dbr_store *store)
{
    return store->ahead->index;
}

static void run_job(struct dbr_store *store, struct dbr_apply_job *job)
{
    switch (job->type) {
    case DBR_APPLY_ENTRIES:
        dbr_apply_entries(store, job);
        break;
    case DBR_APPLY_CHECKPOINT:
        dbr_apply_checkpoint(store, job);
        break;
    case DBR_APPLY_RESTORE:
        dbr_apply_restore(store, job);
        break;
    case DBR_APPLY_FREEZE:
        dbr_apply_freeze(store, job);
        break;
    default:
        dbr_unreachable();
    }
}

uint8_t *dbr_store_bulk_buffer(struct dbr_store *store)
{
    if (store->bulk_buffer == NULL) {
        store->bulk_buffer = dbr_malloc(DBR_STORE_BULK_BUFFER);
    }
    return store->bulk_buffer;
}

void dbr_store_bulk(struct dbr_store *store, struct dbr_bulk_job *job)
{
    job->status = 0;
    job->done = false;
    job->detail.text[0] = '\0';
    switch (job->type) {
    case DBR_BULK_COPY:
        dbr_freeze_copy(store, job);
        break;
    case DBR_BULK_READ:
        dbr_freeze_read(store, job);
        break;
    case DBR_BULK_DROP:
        dbr_freeze_drop(store, job);
        break;
    case DBR_BULK_STAGE:
        dbr_stage_begin(store, job);
        break;
    case DBR_BULK_WRITE:
        dbr_stage_write(store, job);
        break;
    case DBR_BULK_VERIFY:
        dbr_stage_verify(store, job);
        break;
    }
}

void dbr_store_write_network(struct dbr_store *store, struct dbr_network_job *job)
{
    dbr_network_write(&store->network, job);
}

static uint64_t first_index(const struct dbr_apply_job *job)
{
    return job->type == DBR_APPLY_RESTORE ? job->index
           : job->entries != NULL         ? job->entries->index
                                          : 0;
}

/* Entries that failed must not be passed over, nor a snapshot in whose place the
 * databases are old: only the same job may go on, or a newer snapshot. */
static bool is_held(const struct dbr_store *store, const struct dbr_apply_job *job)
{
    if (store->failed_at == 0) {
        return false;
    }
    if (store->failed_restore) {
        return job->type != DBR_APPLY_RESTORE || job->index < store->failed_at;
    }
    return job->type != DBR_APPLY_ENTRIES || first_index(job) != store->failed_at;
}

static void note_failure(struct dbr_store *store, const struct dbr_apply_job *job)
{
    if (first_index(job) != 0) {
        store->failed_at = job->status == 0 ? 0 : first_index(job);
        store->failed_restore = job->type == DBR_APPLY_RESTORE;
    }
}

bool dbr_store_apply_quick(struct dbr_store *store, struct dbr_apply_job *job)
{
    if (job->type != DBR_APPLY_ENTRIES || !store->ready || store->failed_at != 0 ||
        !(dbr_ahead_commit(store, job) || dbr_apply_entries_quick(store, job))) {
        return false;
    }
    job->status = 0;
    job->applied = atomic_load(&store->applied);
    job->database_size = dbr_vfs_size(store->vfs);
    return true;
}

void dbr_store_apply(struct dbr_store *store, struct dbr_apply_job *job)
{
    job->status = 0;
    job->detail.text[0] = '\0';
    if (!store->ready && job->type != DBR_APPLY_RESTORE) {
        job->status =
            dbr_detail_set(&job->detail, DEBROS_EIO,
                           "%s: the databases wait for a snapshot", store->fs->root);
    } else if (is_held(store, job)) {
        job->status = dbr_detail_set(
            &job->detail, DEBROS_EIO, "%s: %s %llu could not be applied",
            store->fs->root, store->failed_restore ? "the snapshot at entry" : "entry",
            (unsigned long long)store->failed_at);
    } else if (!dbr_ahead_commit(store, job)) {
        run_job(store, job);
        note_failure(store, job);
    }
    job->applied = atomic_load(&store->applied);
    job->database_size = dbr_vfs_size(store->vfs);
}
