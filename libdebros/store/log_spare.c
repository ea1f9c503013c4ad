#include "log_private.h"

#include "base/failpoint.h"

#define SPARE_PATH DBR_LOG_FOLDER "/spare"
#define ZERO_STEP  65536u     /* bytes of one write */
#define ZERO_MIN   65536u     /* zeroed after each batch at least */
#define ZERO_MAX   (1u << 20) /* and at most */
#define SYNC_EVERY (1u << 20) /* bytes that may wait for a sync */

static int spare_open(struct dbr_log *log)
{
    DBR_FAILPOINT("store.log_spare.spare_open");
    log->spare.given_up = false;
    if (log->spare.file != NULL) {
        return 0;
    }
    struct dbr_file *file = NULL;
    int err = log->fs->ops->open(log->fs, &file, SPARE_PATH, DBR_FS_CREATE);
    if (err == 0) {
        /* What an earlier life left in it is not known to be zero. */
        err = log->fs->ops->truncate(log->fs, file, 0);
        if (err != 0) {
            log->fs->ops->close(log->fs, file);
            return err;
        }
        log->spare = (struct dbr_log_spare){.file = file};
    }
    return err;
}

/* Zeroes up to `size` bytes in all, syncing often so that no sync is long. */
static int spare_fill(struct dbr_log *log, uint64_t size)
{
    DBR_FAILPOINT("store.log_spare.spare_fill");
    static const uint8_t zeroes[ZERO_STEP];
    struct dbr_log_spare *spare = &log->spare;
    int err = 0;
    while (err == 0 && spare->zeroed < size) {
        uint64_t left = size - spare->zeroed;
        size_t step = left < ZERO_STEP ? (size_t)left : ZERO_STEP;
        err = log->fs->ops->write(log->fs, spare->file, zeroes, step, spare->zeroed);
        spare->zeroed += err == 0 ? step : 0;
    }
    bool whole = spare->zeroed >= log->segment_size;
    if (err == 0 && (spare->zeroed - spare->synced >= SYNC_EVERY ||
                     (whole && spare->synced < spare->zeroed))) {
        err = log->fs->ops->sync(log->fs, spare->file);
        spare->synced = err == 0 ? spare->zeroed : spare->synced;
    }
    return err;
}

void dbr_log_spare_step(struct dbr_log *log, size_t written)
{
    if (log->spare.given_up ||
        (log->spare.file != NULL && log->spare.synced >= log->segment_size)) {
        return;
    }
    uint64_t more = written < ZERO_MAX / 2 ? 2 * (uint64_t)written : ZERO_MAX;
    more = more < ZERO_MIN ? ZERO_MIN : more;
    int err = spare_open(log);
    if (err == 0) {
        uint64_t target = log->spare.zeroed + more;
        err = spare_fill(log, target < log->segment_size ? target : log->segment_size);
    }
    if (err != 0) {
        /* Nothing depends on it yet: the batch that needs it reports. */
        dbr_log_spare_drop(log);
        log->spare.given_up = true;
    }
}

int dbr_log_spare_take(struct dbr_log *log, struct dbr_file **out, uint64_t *size,
                       uint64_t number, size_t needed)
{
    DBR_FAILPOINT("store.log_spare.take");
    char path[DBR_PATH_MAX];
    const struct dbr_fs_ops *ops = log->fs->ops;
    uint64_t target = needed > log->segment_size ? needed : log->segment_size;
    int err = spare_open(log);
    if (err == 0) {
        err = spare_fill(log, target);
    }
    if (err == 0 && log->spare.synced < log->spare.zeroed) {
        err = ops->sync(log->fs, log->spare.file);
    }
    if (err != 0) {
        dbr_log_spare_drop(log);
        return err;
    }
    dbr_log_path(path, number);
    err = ops->rename(log->fs, SPARE_PATH, path);
    if (err != 0) {
        dbr_log_spare_drop(log);
        return err;
    }
    struct dbr_file *file = log->spare.file;
    *size = log->spare.zeroed;
    log->spare = (struct dbr_log_spare){0};
    err = ops->sync_dir(log->fs, DBR_LOG_FOLDER);
    if (err != 0) {
        ops->close(log->fs, file); /* the next attempt renames over it */
        return err;
    }
    *out = file;
    return 0;
}

void dbr_log_spare_drop(struct dbr_log *log)
{
    if (log->spare.file != NULL) {
        log->fs->ops->close(log->fs, log->spare.file);
        log->spare = (struct dbr_log_spare){0};
    }
    (void)log->fs->ops->remove(log->fs, SPARE_PATH);
}
