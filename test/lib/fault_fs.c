#include "fault_fs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/fs.h"

struct dbr_file {
    struct dbr_file *real;
    char path[256];
    uint64_t size; /* at least, as far as this handle knows */
};

struct fault_fs {
    struct dbr_fs fs;
    struct dbr_fs *real;
};

static struct {
    pthread_mutex_t lock;
    uint64_t count, fail_at;
    int fail_err;
    const char *sync_prefix, *growth_prefix;
    int sync_err, growth_err;
    bool struck;
    char where[256];
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER, .fail_at = UINT64_MAX};

int __real_dbr_fs_posix_create(struct dbr_fs **out, const char *root,
                               debros_detail *detail);
void __real_dbr_fs_posix_destroy(struct dbr_fs *fs);
int __wrap_dbr_fs_posix_create(struct dbr_fs **out, const char *root,
                               debros_detail *detail);
void __wrap_dbr_fs_posix_destroy(struct dbr_fs *fs);
int __real_dbr_fs_posix_free(struct dbr_fs *fs, uint64_t *out);
int __wrap_dbr_fs_posix_free(struct dbr_fs *fs, uint64_t *out);

/* ---- Faults ---------------------------------------------------------------------------
 */

void fault_fs_reset(void)
{
    pthread_mutex_lock(&faults.lock);
    faults.count = 0;
    faults.fail_at = UINT64_MAX;
    faults.sync_prefix = faults.growth_prefix = NULL;
    faults.struck = false;
    pthread_mutex_unlock(&faults.lock);
}

uint64_t fault_fs_count(void)
{
    pthread_mutex_lock(&faults.lock);
    uint64_t count = faults.count;
    pthread_mutex_unlock(&faults.lock);
    return count;
}

void fault_fs_fail_at(uint64_t n, int err)
{
    pthread_mutex_lock(&faults.lock);
    faults.fail_at = faults.count + n;
    faults.fail_err = err;
    pthread_mutex_unlock(&faults.lock);
}

void fault_fs_fail_syncs(const char *prefix, int err)
{
    pthread_mutex_lock(&faults.lock);
    faults.sync_prefix = prefix;
    faults.sync_err = err;
    pthread_mutex_unlock(&faults.lock);
}

void fault_fs_fail_growth(const char *prefix, int err)
{
    pthread_mutex_lock(&faults.lock);
    faults.growth_prefix = prefix;
    faults.growth_err = err;
    pthread_mutex_unlock(&faults.lock);
}

bool fault_fs_struck(char path[256])
{
    pthread_mutex_lock(&faults.lock);
    bool struck = faults.struck;
    memcpy(path, faults.where, sizeof(faults.where));
    pthread_mutex_unlock(&faults.lock);
    return struck;
}

static bool begins(const char *path, const char *prefix)
{
    return prefix != NULL && strncmp(path, prefix, strlen(prefix)) == 0;
}

enum what { ANY, SYNC, GROWTH };

/* Counts one operation: 0, or what it fails with. */
static int strike(const char *path, enum what what)
{
    int err = 0;
    pthread_mutex_lock(&faults.lock);
    if (faults.count++ == faults.fail_at) {
        err = faults.fail_err;
    } else if (what == SYNC && begins(path, faults.sync_prefix)) {
        err = faults.sync_err;
    } else if (what == GROWTH && begins(path, faults.growth_prefix)) {
        err = faults.growth_err;
    }
    if (err != 0) {
        faults.struck = true;
        (void)snprintf(faults.where, sizeof(faults.where), "%s", path);
    }
    pthread_mutex_unlock(&faults.lock);
    return err;
}

/* ---- Operations -----------------------------------------------------------------------
 */

static struct dbr_fs *real(struct dbr_fs *fs)
{
    return ((struct fault_fs *)(void *)fs)->real;
}

static int fault_open(struct dbr_fs *fs, struct dbr_file **out, const char *path,
                      unsigned flags)
{
    bool grows = (flags & DBR_FS_CREATE) != 0 && !real(fs)->ops->exists(real(fs), path);
    int err = strike(path, grows ? GROWTH : ANY);
    struct dbr_file *file = err == 0 ? calloc(1, sizeof(*file)) : NULL;
    if (file == NULL) {
        return err == 0 ? DEBROS_ENOMEM : err;
    }
    err = real(fs)->ops->open(real(fs), &file->real, path, flags);
    if (err != 0) {
        free(file);
        return err;
    }
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    (void)real(fs)->ops->size(real(fs), file->real, &file->size);
    *out = file;
    return 0;
}

static void fault_close(struct dbr_fs *fs, struct dbr_file *file)
{
    real(fs)->ops->close(real(fs), file->real);
    free(file);
}

static int64_t fault_read(struct dbr_fs *fs, struct dbr_file *file, void *out, size_t len,
                          uint64_t offset)
{
    int err = strike(file->path, ANY);
    return err != 0 ? err : real(fs)->ops->read(real(fs), file->real, out, len, offset);
}

static int fault_write(struct dbr_fs *fs, struct dbr_file *file, const void *data,
                       size_t len, uint64_t offset)
{
    bool grows = offset + len > file->size;
    int err = strike(file->path, grows ? GROWTH : ANY);
    if (err != 0) {
        return err;
    }
    file->size = grows ? offset + len : file->size;
    return real(fs)->ops->write(real(fs), file->real, data, len, offset);
}

static int fault_sync(struct dbr_fs *fs, struct dbr_file *file)
{
    int err = strike(file->path, SYNC);
    return err != 0 ? err : real(fs)->ops->sync(real(fs), file->real);
}

static void fault_start_writeback(struct dbr_fs *fs, struct dbr_file *file, size_t len,
                                  uint64_t offset)
{
    real(fs)->ops->start_writeback(real(fs), file->real, len, offset);
}

static int fault_truncate(struct dbr_fs *fs, struct dbr_file *file, uint64_t size)
{
    int err = strike(file->path, size > file->size ? GROWTH : ANY);
    if (err != 0) {
        return err;
    }
    file->size = size;
    return real(fs)->ops->truncate(real(fs), file->real, size);
}

static int fault_size(struct dbr_fs *fs, struct dbr_file *file, uint64_t *out)
{
    int err = strike(file->path, ANY);
    return err != 0 ? err : real(fs)->ops->size(real(fs), file->real, out);
}

static int fault_remove(struct dbr_fs *fs, const char *path)
{
    int err = strike(path, ANY);
    return err != 0 ? err : real(fs)->ops->remove(real(fs), path);
}

static int fault_rename(struct dbr_fs *fs, const char *from, const char *to)
{
    int err = strike(from, ANY);
    return err != 0 ? err : real(fs)->ops->rename(real(fs), from, to);
}

static int fault_mkdir(struct dbr_fs *fs, const char *path)
{
    int err = strike(path, ANY);
    return err != 0 ? err : real(fs)->ops->mkdir(real(fs), path);
}

static int fault_sync_dir(struct dbr_fs *fs, const char *path)
{
    int err = strike(path, SYNC);
    return err != 0 ? err : real(fs)->ops->sync_dir(real(fs), path);
}

static bool fault_exists(struct dbr_fs *fs, const char *path)
{
    return real(fs)->ops->exists(real(fs), path);
}

static int fault_list(struct dbr_fs *fs, const char *path,
                      void (*entry)(void *data, const char *name), void *data)
{
    int err = strike(path, ANY);
    return err != 0 ? err : real(fs)->ops->list(real(fs), path, entry, data);
}

static int fault_lock(struct dbr_fs *fs)
{
    int err = strike("lock", ANY);
    return err != 0 ? err : real(fs)->ops->lock(real(fs));
}

static const struct dbr_fs_ops ops = {
    .open = fault_open,
    .close = fault_close,
    .read = fault_read,
    .write = fault_write,
    .sync = fault_sync,
    .start_writeback = fault_start_writeback,
    .truncate = fault_truncate,
    .size = fault_size,
    .remove = fault_remove,
    .rename = fault_rename,
    .mkdir = fault_mkdir,
    .sync_dir = fault_sync_dir,
    .exists = fault_exists,
    .list = fault_list,
    .lock = fault_lock,
};

int __wrap_dbr_fs_posix_create(struct dbr_fs **out, const char *root,
                               debros_detail *detail)
{
    struct dbr_fs *inner = NULL;
    int err = __real_dbr_fs_posix_create(&inner, root, detail);
    if (err != 0) {
        return err;
    }
    struct fault_fs *fs = calloc(1, sizeof(*fs));
    if (fs == NULL) {
        __real_dbr_fs_posix_destroy(inner);
        return DEBROS_ENOMEM;
    }
    fs->fs = (struct dbr_fs){.ops = &ops, .root = inner->root};
    fs->real = inner;
    *out = &fs->fs;
    return 0;
}

void __wrap_dbr_fs_posix_destroy(struct dbr_fs *fs)
{
    if (fs != NULL) {
        __real_dbr_fs_posix_destroy(real(fs));
        free(fs);
    }
}

int __wrap_dbr_fs_posix_free(struct dbr_fs *fs, uint64_t *out)
{
    return __real_dbr_fs_posix_free(real(fs), out);
}
