/* RESTORE: a received image takes the databases' place.
 *
 *   image/INDEX.img  staged by the log thread, durable before the log says INSTALL
 *   image/swap       the same file, renamed: the swap has begun and must be finished
 *
 * While image/swap exists the files in db/ mean nothing: they are written anew from it,
 * after a crash once more. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/detail.h"
#include "image.h"
#include "store_private.h"

#define SWAP_PATH DBR_IMAGE_FOLDER "/swap"

static void staged_path(char out[DBR_PATH_MAX], uint64_t index)
{
    dbr_path_format(out, DBR_IMAGE_FOLDER "/%016" PRIx64 ".img", index);
}

int dbr_image_stage(struct dbr_store *store, uint64_t index, debros_bytes image,
                    debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    struct dbr_image decoded;
    int err = dbr_image_decode(&decoded, image);
    if (err != 0 || decoded.index < index) {
        return dbr_detail_set(
            detail, DEBROS_EPROTO,
            "the snapshot received for index %" PRIu64 " is not an image of it", index);
    }
    staged_path(path, index);
    err = dbr_fs_write_file(store->fs, path, image);
    return err == 0 ? 0
                    : dbr_detail_set(detail, err, "%s/%s: %s", store->fs->root, path,
                                     debros_strerror(err));
}

/* ---- The swap -----------------------------------------------------------------------
 */

struct remove_all {
    struct dbr_fs *fs;
    int err;
};

static void remove_file(void *data, const char *name)
{
    struct remove_all *all = data;
    char path[DBR_PATH_MAX];
    if (all->err == 0 && strlen(name) < DBR_PATH_MAX - 8) {
        dbr_path_format(path, DBR_DB_FOLDER "/%s", name);
        int err = all->fs->ops->remove(all->fs, path);
        all->err = err == DEBROS_ENOTFOUND ? 0 : err;
    }
}

static int write_database(struct dbr_fs *fs, const struct dbr_image_file *image)
{
    char path[DBR_PATH_MAX];
    struct dbr_file *file = NULL;
    dbr_namespace_path(path, image->name);
    int err = fs->ops->open(fs, &file, path, DBR_FS_CREATE);
    if (err != 0) {
        return err;
    }
    err = fs->ops->truncate(fs, file, 0);
    if (err == 0) {
        err = fs->ops->write(fs, file, image->content.data, image->content.len, 0);
    }
    if (err == 0) {
        err = fs->ops->sync(fs, file);
    }
    fs->ops->close(fs, file);
    return err;
}

/* No database is open. Removals are durable before the first new file: an old WAL must
 * never meet a new database. */
static int write_databases(struct dbr_fs *fs, struct dbr_image image)
{
    struct remove_all all = {.fs = fs};
    int err = fs->ops->list(fs, DBR_DB_FOLDER, remove_file, &all);
    err = err == 0 ? all.err : err;
    if (err == 0) {
        err = fs->ops->sync_dir(fs, DBR_DB_FOLDER);
    }
    struct dbr_image_file file;
    while (err == 0 && dbr_image_next(&image, &file)) {
        err = write_database(fs, &file);
    }
    if (err == 0) {
        err = fs->ops->sync_dir(fs, DBR_DB_FOLDER);
    }
    if (err == 0) {
        err = fs->ops->remove(fs, SWAP_PATH);
    }
    return err == 0 ? fs->ops->sync_dir(fs, DBR_IMAGE_FOLDER) : err;
}

/* Finishes the swap that image/swap asks for. */
static int finish_swap(struct dbr_store *store, uint64_t *index, debros_detail *detail)
{
    struct dbr_buf bytes;
    struct dbr_image image;
    dbr_buf_init(&bytes);
    int err = dbr_fs_read_file(store->fs, SWAP_PATH, &bytes, SIZE_MAX);
    if (err == 0 && dbr_image_decode(&image, dbr_bytes(bytes.data, bytes.len)) != 0) {
        err = dbr_detail_set(detail, DEBROS_EIO, "%s/%s: damaged", store->fs->root,
                             SWAP_PATH);
    } else if (err == 0) {
        err = write_databases(store->fs, image);
        *index = image.index;
        if (err != 0) {
            dbr_detail_set(detail, err, "%s/%s: writing the databases: %s",
                           store->fs->root, DBR_DB_FOLDER, debros_strerror(err));
        }
    } else {
        dbr_detail_set(detail, err, "%s/%s: %s", store->fs->root, SWAP_PATH,
                       debros_strerror(err));
    }
    dbr_buf_finish(&bytes);
    return err;
}

/* From here on the swap happens, whatever crashes. */
static int begin_swap(struct dbr_store *store, uint64_t index, debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    staged_path(path, index);
    int err = store->fs->ops->rename(store->fs, path, SWAP_PATH);
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

void dbr_apply_restore(struct dbr_store *store, struct dbr_apply_job *job)
{
    uint64_t index = job->index;
    int err = 0;
    dbr_vfs_error(store->vfs, true);
    dbr_store_stop_queries(store);
    bool begun = store->fs->ops->exists(store->fs, SWAP_PATH);
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
    }
    dbr_store_resume_queries(store);
    job->status = err;
}

/* ---- At open --------------------------------------------------------------------------
 */

struct clean {
    struct dbr_store *store;
    uint64_t wanted;
    bool found;
    int err;
};

static void look_at(void *data, const char *name)
{
    struct clean *clean = data;
    char wanted[DBR_PATH_MAX];
    char path[DBR_PATH_MAX];
    staged_path(wanted, clean->wanted);
    if (strlen(name) >= DBR_PATH_MAX - 16 || clean->err != 0) {
        return;
    }
    dbr_path_format(path, DBR_IMAGE_FOLDER "/%s", name);
    if (clean->wanted != 0 && strcmp(path, wanted) == 0) {
        clean->found = true;
    } else if (strcmp(path, SWAP_PATH) != 0) {
        /* Staged, but the log never said so; or half written. */
        clean->err = clean->store->fs->ops->remove(clean->store->fs, path);
    }
}

int dbr_image_recover(struct dbr_store *store, uint64_t snapshot_index,
                      debros_detail *detail)
{
    struct clean clean = {.store = store, .wanted = snapshot_index};
    uint64_t index = 0;
    int err = 0;
    if (store->fs->ops->exists(store->fs, SWAP_PATH)) {
        err = finish_swap(store, &index, detail);
    }
    if (err != 0) {
        return err;
    }
    err = store->fs->ops->list(store->fs, DBR_IMAGE_FOLDER, look_at, &clean);
    err = err == 0 ? clean.err : err;
    if (err != 0) {
        return dbr_detail_set(detail, err, "%s/%s: %s", store->fs->root, DBR_IMAGE_FOLDER,
                              debros_strerror(err));
    }
    if (clean.found) {
        err = begin_swap(store, snapshot_index, detail);
        err = err == 0 ? finish_swap(store, &index, detail) : err;
    }
    return err;
}
