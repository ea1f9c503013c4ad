/* File operations as a table, handed in: fs_posix.c in life, a simulated disk in tests.
 * Paths are relative to the data folder, with '/'. Functions return 0 (or what they say)
 * or DEBROS_EIO, DEBROS_ENOSPC, DEBROS_ENOTFOUND, DEBROS_EEXISTS, DEBROS_ENOMEM,
 * DEBROS_EBUSY. Every function may be called from any thread; one file is used by one
 * thread at a time, except that reads may run beside anything. */
#ifndef DBR_STORE_FS_H
#define DBR_STORE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "debros.h"

#define DBR_FS_LOCK_FILE "lock" /* in the data folder */

struct dbr_fs;
struct dbr_file; /* each implementation's own */

enum dbr_fs_flags {
    DBR_FS_CREATE = 1,
    DBR_FS_EXCLUSIVE = 2, /* with CREATE: EEXISTS when it is there */
    DBR_FS_READONLY = 4
};

struct dbr_fs_ops {
    int (*open)(struct dbr_fs *fs, struct dbr_file **out, const char *path,
                unsigned flags);
    void (*close)(struct dbr_fs *fs, struct dbr_file *file);
    /* Returns the bytes read, fewer at the end of the file. */
    int64_t (*read)(struct dbr_fs *fs, struct dbr_file *file, void *out, size_t len,
                    uint64_t offset);
    int (*write)(struct dbr_fs *fs, struct dbr_file *file, const void *data, size_t len,
                 uint64_t offset);
    int (*sync)(struct dbr_fs *fs, struct dbr_file *file); /* fdatasync */
    /* The disk may begin with what was just written there: a sync comes soon. A hint. */
    void (*start_writeback)(struct dbr_fs *fs, struct dbr_file *file, size_t len,
                            uint64_t offset);
    int (*truncate)(struct dbr_fs *fs, struct dbr_file *file, uint64_t size);
    int (*size)(struct dbr_fs *fs, struct dbr_file *file, uint64_t *out);
    int (*remove)(struct dbr_fs *fs, const char *path); /* ENOTFOUND is an answer */
    int (*rename)(struct dbr_fs *fs, const char *from, const char *to);
    int (*mkdir)(struct dbr_fs *fs,
                 const char *path); /* with parents; existing is fine */
    int (*sync_dir)(struct dbr_fs *fs, const char *path);
    bool (*exists)(struct dbr_fs *fs, const char *path);
    /* Calls `entry` for each name in the folder, in any order. */
    int (*list)(struct dbr_fs *fs, const char *path,
                void (*entry)(void *data, const char *name), void *data);
    /* Holds the data folder for this process until the fs ends. EBUSY: another has it,
     * whose process id the lock file holds, as text. */
    int (*lock)(struct dbr_fs *fs);
};

struct dbr_fs {
    const struct dbr_fs_ops *ops;
    const char *root; /* for messages */
};

/* The real one, for folder `root` (created, mode 0700). */
int dbr_fs_posix_create(struct dbr_fs **out, const char *root, debros_detail *detail);
void dbr_fs_posix_destroy(struct dbr_fs *fs);
/* Bytes that this user may still write to the folder's file system. 0 or EIO. */
int dbr_fs_posix_free(struct dbr_fs *fs, uint64_t *out);

#endif
