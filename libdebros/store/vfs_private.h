/* Shared by vfs.c (files), vfs_lock.c (locks and shared memory) and vfs_page.c
 * (checksums). */
#ifndef DBR_STORE_VFS_PRIVATE_H
#define DBR_STORE_VFS_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "page.h"
#include "path.h"
#include "vfs.h"

struct vfs_file;

/* One database file, whoever has it open. Guarded by the vfs' mutex. */
struct vfs_node {
    struct vfs_node *next;
    char path[DBR_PATH_MAX];
    size_t refs;
    /* locks of the file */
    size_t n_shared;
    const struct vfs_file *reserved;
    const struct vfs_file *pending; /* also while it is exclusive */
    /* shared memory */
    size_t shm_refs;
    void **regions;
    size_t n_regions;
    unsigned shm_shared[SQLITE_SHM_NLOCK];
    const struct vfs_file *shm_exclusive[SQLITE_SHM_NLOCK];
    /* CRC-32C of the WAL's pages by frame, 0: not known */
    uint32_t *frames;
    size_t n_frames;
};

struct vfs_side {
    struct dbr_vfs *vfs;
    bool applier;
};

struct dbr_vfs {
    struct dbr_fs *fs;
    struct dbr_vfs_clock clock;
    pthread_mutex_t lock;
    struct vfs_node *nodes;
    sqlite3_vfs applier;
    sqlite3_vfs reader;
    struct vfs_side applier_side;
    struct vfs_side reader_side;
    char applier_name[48];
    char reader_name[48];
    /* the applier thread's */
    struct vfs_file *files; /* open through its connections */
    int64_t time_ms;
    int error;
    char damage[DBR_VFS_DAMAGE]; /* guarded by the mutex */
};

enum vfs_kind { VFS_OTHER, VFS_DATABASE, VFS_WAL };

/* SQLite's file format, "The Write-Ahead Log". */
#define VFS_WAL_HEAD   32u
#define VFS_FRAME_HEAD 24u
#define VFS_FRAME      (VFS_FRAME_HEAD + DBR_PAGE_SIZE)

struct vfs_file {
    sqlite3_file base;
    struct vfs_side *side;
    struct dbr_file *file;
    enum vfs_kind kind;
    struct vfs_node *node; /* the database's, its WAL's too */
    struct vfs_file *next;
    char path[DBR_PATH_MAX];
    uint64_t size;
    int lock; /* SQLITE_LOCK_* */
    bool shm;
    uint16_t shm_shared; /* slots held */
    uint16_t shm_exclusive;
    bool dirty; /* written since the last sync, or perhaps by a process that died */
    bool fresh; /* its folder's entry may not be durable */
    bool has_head; /* a frame's head waits for its page: one write for both */
    uint64_t head_at;
    uint8_t head[VFS_FRAME_HEAD];
};

/* vfs_page.c. Of the database: written with their checksums, in whole pages. DEBROS_E*.
 */
int dbr_vfs_write_page(struct vfs_file *file, const void *data, size_t len,
                       uint64_t offset);
/* Makes the file `end` bytes long, with empty pages. */
int dbr_vfs_fill(struct vfs_file *file, uint64_t end);
int dbr_vfs_note_wal(struct vfs_file *file, const void *data, size_t len,
                     uint64_t offset);
/* What was read is what was written: SQLITE_OK, or SQLITE_IOERR_DATA and noted. */
int dbr_vfs_check_page(struct vfs_file *file, const void *data, size_t len,
                       uint64_t offset);
int dbr_vfs_check_wal(struct vfs_file *file, const void *data, size_t len,
                      uint64_t offset);
int dbr_vfs_damaged(struct vfs_file *file, uint64_t offset);

int dbr_vfs_node_acquire(struct vfs_file *file);
void dbr_vfs_node_release(struct vfs_file *file);
int dbr_vfs_lock(sqlite3_file *base, int level);
int dbr_vfs_unlock(sqlite3_file *base, int level);
int dbr_vfs_check_reserved(sqlite3_file *base, int *out);
int dbr_vfs_shm_map(sqlite3_file *base, int region, int size, int extend,
                    void volatile **out);
int dbr_vfs_shm_lock(sqlite3_file *base, int offset, int count, int flags);
void dbr_vfs_shm_barrier(sqlite3_file *base);
int dbr_vfs_shm_unmap(sqlite3_file *base, int remove);

#endif
