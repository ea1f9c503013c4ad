/* SQLite's files over struct dbr_fs, in life and in simulations. One process and one
 * store per folder, so locks and the WAL's shared memory live on the heap. The applier
 * and the readers see different clocks: an entry's time, and the wall's. */
#ifndef DBR_STORE_VFS_H
#define DBR_STORE_VFS_H

#include "base/rng.h"
#include "fs.h"

struct dbr_vfs;

struct dbr_vfs_clock {
    int64_t (*wall_ms)(void *data); /* unix time; NULL: 0 */
    void *data;
};

int dbr_vfs_create(struct dbr_vfs **out, struct dbr_fs *fs,
                   const struct dbr_vfs_clock *clock);
void dbr_vfs_destroy(struct dbr_vfs *vfs); /* no connection is open */
/* What sqlite3_open_v2() wants. */
const char *dbr_vfs_applier(const struct dbr_vfs *vfs);
const char *dbr_vfs_reader(const struct dbr_vfs *vfs);

/* What was found damaged last, in words with file and offset; "": nothing. Any thread. */
#define DBR_VFS_DAMAGE 384
const char *dbr_vfs_damage(struct dbr_vfs *vfs, char out[DBR_VFS_DAMAGE]);

/* Applier thread: */

/* The time that SQL sees from now on. */
void dbr_vfs_set_time(struct dbr_vfs *vfs, int64_t time_ms);
/* The first error of a file since the last call with `clear`; 0: none. */
int dbr_vfs_error(struct dbr_vfs *vfs, bool clear);
/* Makes everything durable that the applier's connections have written. */
int dbr_vfs_sync(struct dbr_vfs *vfs);
/* Bytes of all files that the applier's connections have open. */
uint64_t dbr_vfs_size(const struct dbr_vfs *vfs);

#endif
