/* INSTALL and RESTORE: the files of a received snapshot take the databases' place. What
 * the log thread notes before INSTALL is durable, and where, says snapfile.h.
 *
 * While image/swap exists the files in db/ mean nothing but for those that have moved
 * there already: the ones that are missing among the received. After a crash it goes on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/detail.h"
#include "freeze.h"
#include "snapfile.h"

/* ---- INSTALL -------------------------------------------------------------------------
 */

static int check_files(struct dbr_store *store, const struct dbr_descriptor *d,
                       debros_detail *detail)
{
    struct dbr_fs *fs = store->fs;
    for (size_t i = 0; i < d->n_files; i++) {
        char path[DBR_PATH_MAX];
        struct dbr_file *file = NULL;
        uint64_t size = 0;
        dbr_snapfile_in_file_path(path, d->id, i);
        int err = fs->ops->open(fs, &file, path, DBR_FS_READONLY);
        if (err == 0) {
            err = fs->ops->size(fs, file, &size);
            fs->ops->close(fs, file);
        }
        if (err != 0 || size != d->files[i].size) {
            return dbr_detail_set(detail, DEBROS_EIO,
                                  "%s/%s: has %" PRIu64
                                  " bytes, the snapshot's file %" PRIu64,
                                  fs->root, path, size, d->files[i].size);
        }
    }
    return 0;
}

/* Its files are kept until they have moved. */
static void remember(struct dbr_store *store, uint64_t index, const uint8_t *id)
{
    (void)pthread_mutex_lock(&store->lock);
    size_t place = 0;
    for (size_t i = 0; i < DBR_STORE_INSTALLS_MAX; i++) {
        if (store->installs[i].index < store->installs[place].index) {
            place = i; /* free, or the oldest */
        }
    }
    store->installs[place].index = index;
    memcpy(store->installs[place].id, id, DBR_SNAPSHOT_ID_SIZE);
    (void)pthread_mutex_unlock(&store->lock);
}

int dbr_image_stage(struct dbr_store *store, uint64_t index, debros_bytes bytes,
                    debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    struct dbr_descriptor d;
    int err = dbr_snapfile_decode(&d, bytes);
    if (err == DEBROS_EPROTO || (err == 0 && d.index < index)) {
        dbr_descriptor_finish(&d);
        return dbr_detail_set(
            detail, DEBROS_EPROTO,
            "the snapshot received for index %" PRIu64 " does not describe it", index);
    }
    if (err == 0) {
        err = check_files(store, &d, detail);
    }
    if (err == 0) {
        remember(store, index, d.id);
        dbr_snapfile_noted_path(path, index);
        err = dbr_fs_write_file(store->fs, path, bytes);
        if (err != 0) {
            dbr_detail_set(detail, err, "%s/%s: %s", store->fs->root, path,
                           debros_strerror(err));
        }
    }
    dbr_descriptor_finish(&d);
    return err;
}

/* ---- The swap ------------------------------------------------------------------------
 */

struct clear {
    struct dbr_fs *fs;
    const struct dbr_descriptor *d;
    int err;
};

/* What is received; and a database whose received file is gone has moved in already. */
static bool is_new(const struct clear *clear, const char *name)
{
    if (dbr_snapfile_is_in(name, clear->d->id)) {
        return true;
    }
    for (size_t i = 0; i < clear->d->n_files; i++) {
        const char *own = clear->d->files[i].name;
        size_t len = strlen(own);
        if (strncmp(name, own, len) == 0 && strcmp(name + len, ".db") == 0) {
            char path[DBR_PATH_MAX];
            dbr_snapfile_in_file_path(path, clear->d->id, i);
            return !clear->fs->ops->exists(clear->fs, path);
        }
    }
    return false;
}

static void remove_file(void *data, const char *name)
{
    struct clear *clear = data;
    char path[DBR_PATH_MAX];
    if (clear->err == 0 && strlen(name) < DBR_PATH_MAX - 8 && !is_new(clear, name)) {
        dbr_path_format(path, DBR_DB_FOLDER "/%s", name);
        int err = clear->fs->ops->remove(clear->fs, path);
        clear->err = err == DEBROS_ENOTFOUND ? 0 : err;
    }
}

static int move_in(struct dbr_fs *fs, const struct dbr_descriptor *d, size_t i)
{
    char from[DBR_PATH_MAX];
    char to[DBR_PATH_MAX];
    dbr_snapfile_in_file_path(from, d->id, i);
    dbr_namespace_path(to, d->files[i].name);
    if (fs->ops->exists(fs, from)) {
        return fs->ops->rename(fs, from, to);
    }
    return fs->ops->exists(fs, to) ? 0 : DEBROS_EIO;
}

static bool is_in(void *data, const char *name)
{
    return dbr_snapfile_is_in(name, data);
}

/* No database is open. Removals are durable before the first new file: an old WAL must
 * never meet a new database. */
static int move_all(struct dbr_fs *fs, struct dbr_descriptor *d)
{
    struct clear clear = {.fs = fs, .d = d};
    int err = fs->ops->list(fs, DBR_DB_FOLDER, remove_file, &clear);
    err = err == 0 ? clear.err : err;
    if (err == 0) {
        err = fs->ops->sync_dir(fs, DBR_DB_FOLDER);
    }
    for (size_t i = 0; err == 0 && i < d->n_files; i++) {
        err = move_in(fs, d, i);
    }
    if (err == 0) {
        err = fs->ops->sync_dir(fs, DBR_DB_FOLDER);
    }
    if (err == 0) {
        err = fs->ops->remove(fs, DBR_SWAP_PATH);
    }
    if (err == 0) {
        err = dbr_snapfile_sweep_in(fs, is_in, d->id);
    }
    return err == 0 ? fs->ops->sync_dir(fs, DBR_IMAGE_FOLDER) : err;
}

/* Finishes the swap that image/swap asks for. */
static int finish_swap(struct dbr_store *store, uint64_t *index, debros_detail *detail)
{
    struct dbr_descriptor d;
    int err = dbr_snapfile_read(store->fs, DBR_SWAP_PATH, &d, detail);
    if (err == 0) {
        err = move_all(store->fs, &d);
        *index = d.index;
        if (err != 0) {
            dbr_detail_set(detail, err, "%s/%s: replacing the databases: %s",
                           store->fs->root, DBR_DB_FOLDER, debros_strerror(err));
        }
        dbr_descriptor_finish(&d);
    }
    return err;
}

/* From here on the swap happens, whatever crashes. */
static int begin_swap(struct dbr_store *store, uint64_t index, debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    dbr_snapfile_noted_path(path, index);
    int err = store->fs->ops->rename(store->fs, path, DBR_SWAP_PATH);
    if (err == 0) {
        err = store->fs->ops->sync_dir(store->fs, DBR_IMAGE_FOLDER);
    }
    return err == 0
               ? 0
               : dbr_detail_set(detail, err == DEBROS_ENOTFOUND ? DEBROS_EIO : err,
                                "%s/%s: %s", store->fs->root, path, debros_strerror(err));
}

static int open_again(struct dbr_store *store, debros_detail *detail)
{
    int err = dbr_namespaces_open(store, detail);
    if (err == 0) {
        err = dbr_namespaces_reload(store, detail);
    }
    if (err == 0) {
        dbr_namespaces_publish(store);
    }
    return err;
}

static void forget(struct dbr_store *store, uint64_t index)
{
    (void)pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < DBR_STORE_INSTALLS_MAX; i++) {
        if (store->installs[i].index <= index) {
            store->installs[i].index = 0;
        }
    }
    (void)pthread_mutex_unlock(&store->lock);
}

void dbr_apply_restore(struct dbr_store *store, struct dbr_apply_job *job)
{
    uint64_t index = job->index;
    int err = 0;
    dbr_vfs_error(store->vfs, true);
    dbr_store_stop_queries(store);
    dbr_freezes_cancel(store);
    bool begun = store->fs->ops->exists(store->fs, DBR_SWAP_PATH);
    bool swapped = !begun && !store->ready; /* an earlier attempt got as far */
    if (!begun && !swapped) {
        err = begin_swap(store, job->index, &job->detail);
    }
    if (err == 0 && !swapped) {
        store->ready = false;
        dbr_namespaces_close(store);
        err = finish_swap(store, &index, &job->detail);
    }
    if (err == 0) {
        err = open_again(store, &job->detail);
    }
    if (err == 0) {
        store->ready = true;
        atomic_store(&store->applied, index);
        job->system_changed = true;
        forget(store, job->index);
    }
    dbr_store_resume_queries(store);
    job->status = err;
}

/* ---- At open --------------------------------------------------------------------------
 */

struct look {
    struct dbr_store *store;
    char wanted[DBR_PATH_MAX]; /* what the log says is installed, its name */
    bool found;
};

/* Noted, but the log never said so; half written; of a sender's last life. */
static bool is_left_over(void *data, const char *name)
{
    struct look *look = data;
    if (strncmp(name, "in-", 3) == 0 || strcmp(name, "swap") == 0) {
        return strstr(name, ".tmp") != NULL;
    }
    bool wanted = strcmp(name, look->wanted) == 0;
    look->found = look->found || wanted;
    return !wanted;
}

int dbr_image_recover(struct dbr_store *store, uint64_t snapshot_index,
                      debros_detail *detail)
{
    struct look look = {.store = store};
    uint64_t index = 0;
    char path[DBR_PATH_MAX];
    int err = 0;
    if (snapshot_index != 0) {
        dbr_snapfile_noted_path(path, snapshot_index);
        (void)snprintf(look.wanted, sizeof(look.wanted), "%s",
                       path + sizeof(DBR_IMAGE_FOLDER));
    }
    if (store->fs->ops->exists(store->fs, DBR_SWAP_PATH)) {
        err = finish_swap(store, &index, detail);
    }
    if (err != 0) {
        return err;
    }
    err = dbr_snapfile_sweep(store->fs, is_left_over, &look);
    if (err != 0) {
        return dbr_detail_set(detail, err, "%s/%s: %s", store->fs->root, DBR_IMAGE_FOLDER,
                              debros_strerror(err));
    }
    if (look.found) {
        err = begin_swap(store, snapshot_index, detail);
        err = err == 0 ? finish_swap(store, &index, detail) : err;
    }
    return err;
}

/* ---- What was not finished ------------------------------------------------------------
 */

struct partial {
    struct dbr_store *store;
    uint64_t applied;
    uint8_t id[DBR_SNAPSHOT_ID_SIZE];
    bool found;
};

static void look_at_partial(void *data, const char *name)
{
    struct partial *partial = data;
    struct dbr_descriptor d;
    debros_detail detail;
    char path[DBR_PATH_MAX];
    if (partial->found || strncmp(name, "in-", 3) != 0 || strchr(name + 3, '-') != NULL ||
        strlen(name) >= DBR_PATH_MAX - 16) {
        return;
    }
    dbr_path_format(path, DBR_IMAGE_FOLDER "/%s", name);
    if (dbr_snapfile_read(partial->store->fs, path, &d, &detail) == 0) {
        partial->found = d.index <= partial->applied;
        memcpy(partial->id, d.id, sizeof(partial->id));
        dbr_descriptor_finish(&d);
    }
}

int dbr_image_forget_old(struct dbr_store *store, uint64_t applied)
{
    struct partial partial = {.store = store, .applied = applied};
    int err =
        store->fs->ops->list(store->fs, DBR_IMAGE_FOLDER, look_at_partial, &partial);
    return err == 0 && partial.found ? dbr_snapfile_sweep_in(store->fs, is_in, partial.id)
                                     : err;
}
