#include "stage.h"

#include <inttypes.h>
#include <string.h>

#include "base/detail.h"
#include "snapfile.h"

struct dbr_stage {
    struct dbr_descriptor descriptor;
    size_t at;       /* the file under way */
    uint64_t inside; /* bytes of it that are there */
    uint64_t offset; /* of all files */
    uint64_t unsynced;
    struct dbr_file *file; /* open: the one under way */
    /* verifying */
    size_t hashing;
    uint64_t hashed;
    struct dbr_file *reading;
    struct dbr_blake2b hash;
};

static struct dbr_fs *fs_of(const struct dbr_store *store)
{
    return store->fs;
}

static void close_file(struct dbr_store *store, struct dbr_file **file)
{
    if (*file != NULL) {
        fs_of(store)->ops->close(fs_of(store), *file);
        *file = NULL;
    }
}

static void close_stage(struct dbr_store *store)
{
    struct dbr_stage *stage = store->stage;
    if (stage != NULL) {
        close_file(store, &stage->file);
        close_file(store, &stage->reading);
        dbr_descriptor_finish(&stage->descriptor);
        dbr_free(stage);
        store->stage = NULL;
    }
}

void dbr_stage_finish(struct dbr_store *store)
{
    close_stage(store);
}

static void file_path(const struct dbr_stage *stage, size_t file, char out[DBR_PATH_MAX])
{
    dbr_snapfile_in_file_path(out, stage->descriptor.id, file);
}

static int failed(struct dbr_store *store, size_t file, int err, debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    file_path(store->stage, file, path);
    return dbr_detail_set(detail, err, "%s/%s: %s", fs_of(store)->root, path,
                          debros_strerror(err));
}

/* ---- Beginning ------------------------------------------------------------------------
 */

struct others {
    struct dbr_store *store;
    const uint8_t *id; /* NULL: none is kept */
};

/* Of snapshots that are not wanted any more; one that the log has installed and that
 * waits for its swap is. */
static bool is_other(void *data, const char *name)
{
    const struct others *others = data;
    struct dbr_store *store = others->store;
    bool keep = others->id != NULL && dbr_snapfile_is_in(name, others->id);
    (void)pthread_mutex_lock(&store->lock);
    for (size_t i = 0; !keep && i < DBR_STORE_INSTALLS_MAX; i++) {
        keep = store->installs[i].index != 0 &&
               dbr_snapfile_is_in(name, store->installs[i].id);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return !keep;
}

/* What a crash may have spoiled of the last file is after the last sync. */
static int look_at_file(struct dbr_store *store, size_t i, bool is_last, uint64_t *out)
{
    struct dbr_stage *stage = store->stage;
    struct dbr_fs *fs = fs_of(store);
    char path[DBR_PATH_MAX];
    uint64_t want = stage->descriptor.files[i].size;
    uint64_t size = 0;
    file_path(stage, i, path);
    int err = fs->ops->open(fs, &stage->file, path, DBR_FS_CREATE);
    if (err == 0) {
        err = fs->ops->size(fs, stage->file, &size);
    }
    uint64_t keep = size < want ? size : want;
    if (is_last || size != want) {
        keep -= keep % store->config.bulk_sync;
    }
    if (err == 0 && keep != size) {
        err = fs->ops->truncate(fs, stage->file, keep);
    }
    *out = keep;
    if (err != 0 || keep == want) {
        close_file(store, &stage->file);
    }
    return err;
}

/* Files are written one after the other. */
static int look_at_files(struct dbr_store *store)
{
    struct dbr_stage *stage = store->stage;
    struct dbr_fs *fs = fs_of(store);
    const struct dbr_descriptor *d = &stage->descriptor;
    char path[DBR_PATH_MAX];
    for (; stage->at < d->n_files; stage->at++) {
        file_path(stage, stage->at, path);
        if (!fs->ops->exists(fs, path)) {
            return 0;
        }
        file_path(stage, stage->at + 1, path);
        bool is_last = stage->at + 1 == d->n_files || !fs->ops->exists(fs, path);
        int err = look_at_file(store, stage->at, is_last, &stage->inside);
        if (err != 0) {
            return err;
        }
        stage->offset += stage->inside;
        if (stage->inside < d->files[stage->at].size) {
            return 0;
        }
        stage->inside = 0;
    }
    return 0;
}

static int begin(struct dbr_store *store, struct dbr_bulk_job *job)
{
    struct dbr_fs *fs = fs_of(store);
    char path[DBR_PATH_MAX];
    debros_bytes bytes = dbr_bytes(job->data.data, job->data.len);
    store->stage = dbr_calloc(1, sizeof(*store->stage));
    if (store->stage == NULL) {
        return dbr_detail_set(&job->detail, DEBROS_ENOMEM, "stage: out of memory");
    }
    int err = dbr_snapfile_decode(&store->stage->descriptor, bytes);
    if (err != 0) {
        return dbr_detail_set(&job->detail, err,
                              "what describes the snapshot is not what a node can have");
    }
    struct others others = {store, store->stage->descriptor.id};
    err = dbr_snapfile_sweep_in(fs, is_other, &others);
    dbr_snapfile_in_path(path, store->stage->descriptor.id);
    if (err == 0 && !fs->ops->exists(fs, path)) {
        err = dbr_fs_write_file(fs, path, bytes);
    }
    err = err == 0 ? look_at_files(store) : err;
    job->offset = store->stage->offset;
    return err == 0 ? 0
                    : dbr_detail_set(&job->detail, err, "%s/%s: %s", fs->root, path,
                                     debros_strerror(err));
}

void dbr_stage_begin(struct dbr_store *store, struct dbr_bulk_job *job)
{
    close_stage(store);
    job->offset = 0;
    if (job->data.len == 0) {
        struct others others = {store, NULL};
        int err = dbr_snapfile_sweep_in(fs_of(store), is_other, &others);
        if (err != 0) {
            dbr_detail_set(&job->detail, err, "%s/%s: %s", fs_of(store)->root,
                           DBR_IMAGE_FOLDER, debros_strerror(err));
        }
        job->status = err;
        return;
    }
    job->status = begin(store, job);
    if (job->status != 0) {
        close_stage(store);
    }
}

/* ---- Writing --------------------------------------------------------------------------
 */

static int open_file(struct dbr_store *store)
{
    struct dbr_stage *stage = store->stage;
    char path[DBR_PATH_MAX];
    if (stage->file != NULL) {
        return 0;
    }
    file_path(stage, stage->at, path);
    return fs_of(store)->ops->open(fs_of(store), &stage->file, path, DBR_FS_CREATE);
}

static int sync_file(struct dbr_store *store)
{
    store->stage->unsynced = 0;
    return fs_of(store)->ops->sync(fs_of(store), store->stage->file);
}

/* As much as belongs to the file under way. */
static int write_some(struct dbr_store *store, debros_bytes *data)
{
    struct dbr_stage *stage = store->stage;
    struct dbr_fs *fs = fs_of(store);
    uint64_t size = stage->descriptor.files[stage->at].size;
    uint64_t room = size - stage->inside;
    /* Syncs fall on multiples: look_at_file() relies on it. */
    uint64_t step = store->config.bulk_sync - stage->inside % store->config.bulk_sync;
    size_t len = data->len < room ? data->len : (size_t)room;
    len = len < step ? len : (size_t)step;
    int err = open_file(store);
    if (err == 0) {
        err = fs->ops->write(fs, stage->file, data->data, len, stage->inside);
    }
    if (err == 0 && (len == step || len == room)) {
        err = sync_file(store);
    }
    if (err != 0) {
        return err;
    }
    stage->inside += len;
    stage->offset += len;
    *data = dbr_bytes(data->data + len, data->len - len);
    if (stage->inside == size) {
        close_file(store, &stage->file);
        stage->at++;
        stage->inside = 0;
    }
    return 0;
}

void dbr_stage_write(struct dbr_store *store, struct dbr_bulk_job *job)
{
    struct dbr_stage *stage = store->stage;
    debros_bytes data = dbr_bytes(job->data.data, job->data.len);
    if (stage == NULL || job->offset != stage->offset ||
        data.len > stage->descriptor.total - stage->offset) {
        job->status = dbr_detail_set(&job->detail, DEBROS_ECANCELED,
                                     "bytes at %" PRIu64 " of a snapshot do not follow",
                                     job->offset);
        return;
    }
    int err = 0;
    while (err == 0 && data.len > 0) {
        err = write_some(store, &data);
    }
    job->status = err == 0 ? 0 : failed(store, stage->at, err, &job->detail);
}

/* ---- Verifying ------------------------------------------------------------------------
 */

/* From this file on everything is fetched anew. */
static int throw_away(struct dbr_store *store, size_t file, debros_detail *detail)
{
    struct dbr_stage *stage = store->stage;
    char path[DBR_PATH_MAX];
    stage->at = file;
    stage->inside = stage->offset = 0;
    for (size_t i = 0; i < file; i++) {
        stage->offset += stage->descriptor.files[i].size;
    }
    for (size_t i = stage->descriptor.n_files; i-- > file;) {
        file_path(stage, i, path);
        int err = fs_of(store)->ops->remove(fs_of(store), path);
        if (err != 0 && err != DEBROS_ENOTFOUND) {
            return failed(store, i, err, detail);
        }
    }
    stage->hashing = 0;
    stage->hashed = 0;
    return dbr_detail_set(
        detail, DEBROS_EPROTO,
        "the file of namespace %s in a received snapshot is damaged: it "
        "is fetched once more",
        stage->descriptor.files[file].name);
}

static int end_hash(struct dbr_store *store, debros_detail *detail)
{
    struct dbr_stage *stage = store->stage;
    const struct dbr_descriptor_file *file = &stage->descriptor.files[stage->hashing];
    uint8_t hash[DBR_BLAKE2B_SIZE];
    dbr_blake2b_end(&stage->hash, hash);
    close_file(store, &stage->reading);
    if (stage->hashed != file->size || memcmp(hash, file->hash, sizeof(hash)) != 0) {
        return throw_away(store, stage->hashing, detail);
    }
    stage->hashing++;
    stage->hashed = 0;
    return 0;
}

static int hash_some(struct dbr_store *store, uint64_t *budget, debros_detail *detail)
{
    struct dbr_stage *stage = store->stage;
    struct dbr_fs *fs = fs_of(store);
    uint8_t *bytes = dbr_store_bulk_buffer(store);
    int err = bytes == NULL ? DEBROS_ENOMEM : 0;
    if (err == 0 && stage->reading == NULL) {
        char path[DBR_PATH_MAX];
        file_path(stage, stage->hashing, path);
        err = fs->ops->open(fs, &stage->reading, path, DBR_FS_READONLY);
        dbr_blake2b_begin(&stage->hash);
    }
    int64_t got = err;
    if (err == 0) {
        got = fs->ops->read(fs, stage->reading, bytes, DBR_STORE_BULK_BUFFER,
                            stage->hashed);
    }
    if (got < 0) {
        return failed(store, stage->hashing, (int)got, detail);
    }
    *budget -= *budget < DBR_STORE_BULK_BUFFER ? *budget : DBR_STORE_BULK_BUFFER;
    dbr_blake2b_add(&stage->hash, dbr_bytes(bytes, (size_t)got));
    stage->hashed += (uint64_t)got;
    return got < (int64_t)DBR_STORE_BULK_BUFFER ? end_hash(store, detail) : 0;
}

void dbr_stage_verify(struct dbr_store *store, struct dbr_bulk_job *job)
{
    struct dbr_stage *stage = store->stage;
    uint64_t budget = store->config.bulk_step;
    int err = 0;
    if (stage == NULL || stage->offset != stage->descriptor.total) {
        job->status = dbr_detail_set(&job->detail, DEBROS_ECANCELED,
                                     "the snapshot is not whole yet");
        return;
    }
    while (err == 0 && budget > 0 && stage->hashing < stage->descriptor.n_files) {
        err = hash_some(store, &budget, &job->detail);
    }
    job->offset = stage->offset;
    if (err == 0 && stage->hashing == stage->descriptor.n_files) {
        /* The names of the files, too, before the log says that they are here. */
        err = fs_of(store)->ops->sync_dir(fs_of(store), DBR_DB_FOLDER);
        job->done = err == 0;
        if (err != 0) {
            dbr_detail_set(&job->detail, err, "%s/%s: %s", fs_of(store)->root,
                           DBR_DB_FOLDER, debros_strerror(err));
        }
    }
    job->status = err;
}
