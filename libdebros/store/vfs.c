#include "vfs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/check.h"
#include "vfs_private.h"

#define JULIAN_UNIX_MS 210866760000000 /* of 1970-01-01 */
#define SECTOR_SIZE    4096

static struct vfs_file *self(sqlite3_file *base)
{
    return (struct vfs_file *)base;
}

static struct dbr_fs *fs_of(const struct vfs_file *file)
{
    return file->side->vfs->fs;
}

static struct dbr_vfs *vfs_of(sqlite3_vfs *base)
{
    return ((struct vfs_side *)base->pAppData)->vfs;
}

/* Notes the applier's errors: they tell a failing disk from a failing statement. */
static int failure(const struct vfs_side *side, int err, int code)
{
    if (side->applier && side->vfs->error == 0) {
        side->vfs->error = err;
    }
    return err == DEBROS_ENOSPC   ? SQLITE_FULL
           : err == DEBROS_ENOMEM ? SQLITE_IOERR_NOMEM
                                  : code;
}

static int write_bytes(struct vfs_file *file, const void *data, size_t len,
                       uint64_t offset)
{
    int err = fs_of(file)->ops->write(fs_of(file), file->file, data, len, offset);
    uint64_t end = offset + len;
    file->size = err == 0 && end > file->size ? end : file->size;
    return err;
}

/* ---- WALs: SQLite writes a frame as head and page; one write is cheaper ------------ */

/* Before anything else happens to the file. */
static int write_head(struct vfs_file *file)
{
    if (!file->has_head) {
        return 0;
    }
    file->has_head = false;
    return write_bytes(file, file->head, sizeof(file->head), file->head_at);
}

static int write_frame(struct vfs_file *file, const void *page)
{
    uint8_t frame[VFS_FRAME];
    memcpy(frame, file->head, VFS_FRAME_HEAD);
    memcpy(frame + VFS_FRAME_HEAD, page, DBR_PAGE_SIZE);
    file->has_head = false;
    return write_bytes(file, frame, sizeof(frame), file->head_at);
}

static int write_wal(struct vfs_file *file, const void *data, size_t len, uint64_t offset)
{
    int err = dbr_vfs_note_wal(file, data, len, offset);
    if (err != 0) {
        return err;
    }
    if (file->has_head && offset == file->head_at + VFS_FRAME_HEAD &&
        len == DBR_PAGE_SIZE) {
        return write_frame(file, data);
    }
    err = write_head(file);
    if (err == 0 && len == VFS_FRAME_HEAD && offset >= VFS_WAL_HEAD) {
        memcpy(file->head, data, len);
        file->head_at = offset;
        file->has_head = true;
        return 0;
    }
    return err == 0 ? write_bytes(file, data, len, offset) : err;
}

/* ---- One file ------------------------------------------------------------------- */

static int file_read(sqlite3_file *base, void *out, int len, sqlite3_int64 offset)
{
    struct vfs_file *file = self(base);
    int err = write_head(file);
    if (err != 0) {
        return failure(file->side, err, SQLITE_IOERR_READ);
    }
    int64_t got = fs_of(file)->ops->read(fs_of(file), file->file, out, (size_t)len,
                                         (uint64_t)offset);
    if (got < 0) {
        return failure(file->side, (int)got, SQLITE_IOERR_READ);
    }
    if (got < len) {
        memset((uint8_t *)out + got, 0, (size_t)(len - got));
        /* Half a page has no checksum, and with zeroes behind it may look like one. */
        bool is_half = file->kind == VFS_DATABASE && got > 0 && len == DBR_PAGE_SIZE;
        return is_half ? failure(file->side, DEBROS_EIO,
                                 dbr_vfs_damaged(file, (uint64_t)offset))
                       : SQLITE_IOERR_SHORT_READ;
    }
    int rc = SQLITE_OK;
    if (file->kind == VFS_DATABASE) {
        rc = dbr_vfs_check_page(file, out, (size_t)len, (uint64_t)offset);
    } else if (file->kind == VFS_WAL) {
        rc = dbr_vfs_check_wal(file, out, (size_t)len, (uint64_t)offset);
    }
    return rc == SQLITE_OK ? rc : failure(file->side, DEBROS_EIO, rc);
}

static int write_kind(struct vfs_file *file, const void *data, size_t len,
                      uint64_t offset)
{
    switch (file->kind) {
    case VFS_DATABASE:
        return dbr_vfs_write_page(file, data, len, offset);
    case VFS_WAL:
        return write_wal(file, data, len, offset);
    case VFS_OTHER:
        break;
    }
    return write_bytes(file, data, len, offset);
}

static int file_write(sqlite3_file *base, const void *data, int len, sqlite3_int64 offset)
{
    struct vfs_file *file = self(base);
    file->dirty = true;
    int err = write_kind(file, data, (size_t)len, (uint64_t)offset);
    return err == 0 ? SQLITE_OK : failure(file->side, err, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct vfs_file *file = self(base);
    file->dirty = true;
    int err = write_head(file);
    if (err == 0 && file->kind == VFS_DATABASE && (uint64_t)size > file->size) {
        err = dbr_vfs_fill(file, (uint64_t)size);
    }
    if (err == 0) {
        err = fs_of(file)->ops->truncate(fs_of(file), file->file, (uint64_t)size);
    }
    file->size = err == 0 ? (uint64_t)size : file->size;
    return err == 0 ? SQLITE_OK : failure(file->side, err, SQLITE_IOERR_TRUNCATE);
}

/* The folder too, once: before a checkpoint changes the database, its WAL must be sure
 * to be found. */
static int sync_file(struct vfs_file *file)
{
    struct dbr_fs *fs = fs_of(file);
    int err = write_head(file);
    if (err == 0) {
        err = fs->ops->sync(fs, file->file);
    }
    if (err == 0 && file->fresh) {
        char folder[DBR_PATH_MAX];
        dbr_path_parent(folder, file->path);
        err = fs->ops->sync_dir(fs, folder);
    }
    if (err == 0) {
        file->dirty = false;
        file->fresh = false;
    }
    return err;
}

static int file_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    int err = sync_file(self(base));
    return err == 0 ? SQLITE_OK : failure(self(base)->side, err, SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out)
{
    struct vfs_file *file = self(base);
    uint64_t size = 0;
    int err = write_head(file);
    if (err == 0) {
        err = fs_of(file)->ops->size(fs_of(file), file->file, &size);
    }
    *out = (sqlite3_int64)size;
    return err == 0 ? SQLITE_OK : failure(file->side, err, SQLITE_IOERR_FSTAT);
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
    (void)base;
    return SECTOR_SIZE;
}

static int file_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_close(sqlite3_file *base)
{
    struct vfs_file *file = self(base);
    (void)write_head(file); /* without it, the frame's transaction is applied again */
    if (file->kind == VFS_DATABASE) {
        (void)dbr_vfs_shm_unmap(base, 0);
        (void)dbr_vfs_unlock(base, SQLITE_LOCK_NONE);
    }
    dbr_vfs_node_release(file);
    if (file->side->applier) {
        struct vfs_file **at = &file->side->vfs->files;
        while (*at != file) {
            at = &(*at)->next;
        }
        *at = file->next;
    }
    fs_of(file)->ops->close(fs_of(file), file->file);
    return SQLITE_OK;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = dbr_vfs_lock,
    .xUnlock = dbr_vfs_unlock,
    .xCheckReservedLock = dbr_vfs_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = dbr_vfs_shm_map,
    .xShmLock = dbr_vfs_shm_lock,
    .xShmBarrier = dbr_vfs_shm_barrier,
    .xShmUnmap = dbr_vfs_shm_unmap,
};

/* ---- The folder ------------------------------------------------------------------- */

static int open_path(struct vfs_file *file, const char *name, int flags)
{
    struct dbr_fs *fs = fs_of(file);
    unsigned how = 0;
    dbr_path_format(file->path, "%s", name);
    if ((flags & SQLITE_OPEN_CREATE) != 0) {
        how |= DBR_FS_CREATE;
        file->fresh = !fs->ops->exists(fs, name);
    }
    if ((flags & SQLITE_OPEN_READONLY) != 0) {
        how |= DBR_FS_READONLY;
    }
    int err = fs->ops->open(fs, &file->file, name, how);
    if (err == DEBROS_ENOTFOUND) {
        return SQLITE_CANTOPEN;
    }
    if (err == 0) {
        /* A file that is taken for shorter than it is would be filled over its pages. */
        err = fs->ops->size(fs, file->file, &file->size);
        if (err != 0) {
            fs->ops->close(fs, file->file);
        }
    }
    return err == 0 ? SQLITE_OK : failure(file->side, err, SQLITE_CANTOPEN);
}

static int vfs_open(sqlite3_vfs *base, const char *name, sqlite3_file *out, int flags,
                    int *out_flags)
{
    struct vfs_file *file = self(out);
    memset(file, 0, sizeof(*file));
    file->side = base->pAppData;
    /* Temporary files have no name; temp_store=MEMORY asks for none. */
    if (name == NULL || strlen(name) >= DBR_PATH_MAX) {
        return SQLITE_CANTOPEN;
    }
    int rc = open_path(file, name, flags);
    if (rc != SQLITE_OK) {
        return rc;
    }
    file->kind = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? VFS_DATABASE
                 : (flags & SQLITE_OPEN_WAL) != 0   ? VFS_WAL
                                                    : VFS_OTHER;
    if (file->kind != VFS_OTHER) {
        rc = dbr_vfs_node_acquire(file);
        if (rc != SQLITE_OK) {
            fs_of(file)->ops->close(fs_of(file), file->file);
            return rc;
        }
    }
    file->dirty = true;
    if (file->side->applier) {
        file->next = file->side->vfs->files;
        file->side->vfs->files = file;
    }
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    file->base.pMethods = &file_methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int sync_dir)
{
    struct vfs_side *side = base->pAppData;
    struct dbr_fs *fs = side->vfs->fs;
    int err = fs->ops->remove(fs, name);
    if (err == DEBROS_ENOTFOUND) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    if (err == 0 && sync_dir) {
        char folder[DBR_PATH_MAX];
        dbr_path_parent(folder, name);
        err = fs->ops->sync_dir(fs, folder);
    }
    return err == 0 ? SQLITE_OK : failure(side, err, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *base, const char *name, int flags, int *out)
{
    (void)flags;
    struct dbr_fs *fs = vfs_of(base)->fs;
    *out = fs->ops->exists(fs, name);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *base, const char *name, int size, char *out)
{
    (void)base;
    return snprintf(out, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* ---- Time and chance ----------------------------------------------------------------
 */

static int vfs_randomness(sqlite3_vfs *base, int size, char *out)
{
    /* SQLite seeds its own generator elsewhere; random() is ours (functions.c). */
    (void)base;
    memset(out, 0, (size_t)size);
    return size;
}

static int vfs_sleep(sqlite3_vfs *base, int us)
{
    (void)base;
    struct timespec time = {.tv_sec = us / 1000000,
                            .tv_nsec = (long)(us % 1000000) * 1000};
    (void)nanosleep(&time, NULL);
    return us;
}

static int vfs_time_ms(sqlite3_vfs *base, sqlite3_int64 *out)
{
    const struct vfs_side *side = base->pAppData;
    const struct dbr_vfs_clock *clock = &side->vfs->clock;
    int64_t now = 0;
    if (side->applier) {
        now = side->vfs->time_ms;
    } else if (clock->wall_ms != NULL) {
        now = clock->wall_ms(clock->data);
    }
    *out = now + JULIAN_UNIX_MS;
    return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *base, double *out)
{
    sqlite3_int64 ms = 0;
    int rc = vfs_time_ms(base, &ms);
    *out = (double)ms / 86400000.0;
    return rc;
}

static int vfs_last_error(sqlite3_vfs *base, int size, char *out)
{
    (void)base;
    if (size > 0) {
        out[0] = '\0';
    }
    return 0;
}

/* ---- Life -----------------------------------------------------------------------------
 */

static sqlite3_vfs make_vfs(const char *name, struct vfs_side *side)
{
    return (sqlite3_vfs){.iVersion = 2,
                         .szOsFile = sizeof(struct vfs_file),
                         .mxPathname = DBR_PATH_MAX - 16,
                         .zName = name,
                         .pAppData = side,
                         .xOpen = vfs_open,
                         .xDelete = vfs_delete,
                         .xAccess = vfs_access,
                         .xFullPathname = vfs_full_path,
                         .xRandomness = vfs_randomness,
                         .xSleep = vfs_sleep,
                         .xCurrentTime = vfs_time,
                         .xGetLastError = vfs_last_error,
                         .xCurrentTimeInt64 = vfs_time_ms};
}

int dbr_vfs_create(struct dbr_vfs **out, struct dbr_fs *fs,
                   const struct dbr_vfs_clock *clock)
{
    struct dbr_vfs *vfs = dbr_calloc(1, sizeof(*vfs));
    if (vfs == NULL) {
        return DEBROS_ENOMEM;
    }
    vfs->fs = fs;
    vfs->clock = *clock;
    vfs->applier_side = (struct vfs_side){.vfs = vfs, .applier = true};
    vfs->reader_side = (struct vfs_side){.vfs = vfs};
    (void)snprintf(vfs->applier_name, sizeof(vfs->applier_name), "debros-%p-a",
                   (void *)vfs);
    (void)snprintf(vfs->reader_name, sizeof(vfs->reader_name), "debros-%p-r",
                   (void *)vfs);
    vfs->applier = make_vfs(vfs->applier_name, &vfs->applier_side);
    vfs->reader = make_vfs(vfs->reader_name, &vfs->reader_side);
    if (pthread_mutex_init(&vfs->lock, NULL) != 0) {
        dbr_free(vfs);
        return DEBROS_ENOMEM;
    }
    if (sqlite3_vfs_register(&vfs->applier, 0) != SQLITE_OK ||
        sqlite3_vfs_register(&vfs->reader, 0) != SQLITE_OK) {
        dbr_vfs_destroy(vfs);
        return DEBROS_ENOMEM;
    }
    *out = vfs;
    return 0;
}

void dbr_vfs_destroy(struct dbr_vfs *vfs)
{
    if (vfs == NULL) {
        return;
    }
    dbr_assert(vfs->nodes == NULL && vfs->files == NULL);
    (void)sqlite3_vfs_unregister(&vfs->applier);
    (void)sqlite3_vfs_unregister(&vfs->reader);
    (void)pthread_mutex_destroy(&vfs->lock);
    dbr_free(vfs);
}

const char *dbr_vfs_applier(const struct dbr_vfs *vfs)
{
    return vfs->applier_name;
}

const char *dbr_vfs_reader(const struct dbr_vfs *vfs)
{
    return vfs->reader_name;
}

void dbr_vfs_set_time(struct dbr_vfs *vfs, int64_t time_ms)
{
    /* What SQLite tells as a date: years 0 to 9999. */
    int64_t low = -62167219200000;
    int64_t high = 253402300799999;
    vfs->time_ms = time_ms < low ? low : time_ms > high ? high : time_ms;
}

int dbr_vfs_error(struct dbr_vfs *vfs, bool clear)
{
    int err = vfs->error;
    vfs->error = clear ? 0 : err;
    return err;
}

int dbr_vfs_sync(struct dbr_vfs *vfs)
{
    for (struct vfs_file *file = vfs->files; file != NULL; file = file->next) {
        int err = file->dirty || file->fresh ? sync_file(file) : 0;
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

uint64_t dbr_vfs_size(const struct dbr_vfs *vfs)
{
    uint64_t size = 0;
    for (const struct vfs_file *file = vfs->files; file != NULL; file = file->next) {
        size += file->size;
    }
    return size;
}
