#include "fs.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/failpoint.h"
#include "path.h"
#include "store.h"

#define READ_STEP 65536

/* Writes and syncs the temporary file. */
static int write_temporary(struct dbr_fs *fs, const char *path, debros_bytes content)
{
    DBR_FAILPOINT("store.fs.write_temporary");
    struct dbr_file *file = NULL;
    int err = fs->ops->open(fs, &file, path, DBR_FS_CREATE);
    if (err != 0) {
        return err;
    }
    err = fs->ops->truncate(fs, file, 0);
    if (err == 0 && content.len > 0) {
        err = fs->ops->write(fs, file, content.data, content.len, 0);
    }
    if (err == 0) {
        err = fs->ops->sync(fs, file);
    }
    fs->ops->close(fs, file);
    return err;
}

int dbr_fs_write_file(struct dbr_fs *fs, const char *path, debros_bytes content)
{
    char temporary[DBR_PATH_MAX];
    char folder[DBR_PATH_MAX];
    dbr_path_format(temporary, "%s.tmp", path);
    dbr_path_parent(folder, path);
    int err = write_temporary(fs, temporary, content);
    if (err == 0) {
        err = fs->ops->rename(fs, temporary, path);
    }
    if (err != 0) {
        (void)fs->ops->remove(fs, temporary);
        return err;
    }
    return fs->ops->sync_dir(fs, folder);
}

int dbr_fs_read_written(struct dbr_fs *fs, const char *path, struct dbr_buf *out)
{
    struct dbr_file *file = NULL;
    int err = fs->ops->open(fs, &file, path, DBR_FS_READONLY);
    if (err != 0) {
        return err;
    }
    size_t begin = out->len;
    int64_t got = 0;
    for (uint64_t offset = 0;; offset += (uint64_t)got) {
        uint8_t *place = dbr_buf_reserve(out, READ_STEP);
        err = place == NULL ? DEBROS_ENOMEM : 0;
        got = err == 0 ? fs->ops->read(fs, file, place, READ_STEP, offset) : 0;
        if (got <= 0) {
            break;
        }
        if (dbr_bytes_is_zero(dbr_bytes(place, (size_t)got))) {
            continue; /* the next step overwrites it, or a gap stands for it */
        }
        size_t gap = begin + (size_t)offset - out->len;
        if (gap > 0) {
            uint8_t *zeroes = dbr_buf_extend(out, gap);
            if (zeroes == NULL) {
                err = DEBROS_ENOMEM;
                break;
            }
            memset(zeroes, 0, gap);
            got = 0; /* the same step again, behind the gap */
            continue;
        }
        out->len += (size_t)got;
    }
    fs->ops->close(fs, file);
    return err != 0 ? err : got < 0 ? (int)got : 0;
}

int dbr_fs_read_file(struct dbr_fs *fs, const char *path, struct dbr_buf *out, size_t max)
{
    struct dbr_file *file = NULL;
    int err = fs->ops->open(fs, &file, path, DBR_FS_READONLY);
    if (err != 0) {
        return err;
    }
    uint64_t size = 0;
    err = fs->ops->size(fs, file, &size);
    if (err == 0 && size > max) {
        err = DEBROS_ELIMIT;
    }
    for (uint64_t offset = 0; err == 0 && offset < size;) {
        size_t step = size - offset < READ_STEP ? (size_t)(size - offset) : READ_STEP;
        uint8_t *place = dbr_buf_reserve(out, step);
        if (place == NULL) {
            err = DEBROS_ENOMEM;
            break;
        }
        int64_t got = fs->ops->read(fs, file, place, step, offset);
        if (got <= 0) {
            err = got < 0 ? (int)got : 0;
            break; /* it became shorter */
        }
        out->len += (size_t)got;
        offset += (uint64_t)got;
    }
    fs->ops->close(fs, file);
    return err;
}
