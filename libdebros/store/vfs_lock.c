/* The rules are those of SQLite's "File Locking And Concurrency" and of its unix VFS,
 * for connections of one process only. */
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "vfs_private.h"

static struct vfs_file *self(sqlite3_file *base)
{
    return (struct vfs_file *)base;
}

static void enter(struct vfs_file *file)
{
    (void)pthread_mutex_lock(&file->side->vfs->lock);
}

static int leave(struct vfs_file *file, int rc)
{
    (void)pthread_mutex_unlock(&file->side->vfs->lock);
    return rc;
}

/* ---- Nodes --------------------------------------------------------------------- */

/* A WAL is named after its database. */
static void database_path(char out[DBR_PATH_MAX], const struct vfs_file *file)
{
    size_t len = strlen(file->path);
    size_t cut = file->kind == VFS_WAL && len > 4 ? 4 : 0; /* -wal */
    dbr_path_format(out, "%.*s", (int)(len - cut), file->path);
}

int dbr_vfs_node_acquire(struct vfs_file *file)
{
    struct dbr_vfs *vfs = file->side->vfs;
    char path[DBR_PATH_MAX];
    database_path(path, file);
    enter(file);
    struct vfs_node *node = vfs->nodes;
    while (node != NULL && strcmp(node->path, path) != 0) {
        node = node->next;
    }
    if (node == NULL) {
        node = dbr_calloc(1, sizeof(*node));
        if (node == NULL) {
            return leave(file, SQLITE_NOMEM);
        }
        dbr_path_format(node->path, "%s", path);
        node->next = vfs->nodes;
        vfs->nodes = node;
    }
    node->refs++;
    file->node = node;
    return leave(file, SQLITE_OK);
}

static void free_regions(struct vfs_node *node)
{
    for (size_t i = 0; i < node->n_regions; i++) {
        dbr_free(node->regions[i]);
    }
    dbr_free(node->regions);
    node->regions = NULL;
    node->n_regions = 0;
}

void dbr_vfs_node_release(struct vfs_file *file)
{
    struct vfs_node *node = file->node;
    if (node == NULL) {
        return;
    }
    enter(file);
    dbr_assert(node->refs > 0);
    if (--node->refs == 0) {
        struct vfs_node **at = &file->side->vfs->nodes;
        while (*at != node) {
            at = &(*at)->next;
        }
        *at = node->next;
        free_regions(node);
        dbr_free(node->frames);
        dbr_free(node);
    }
    file->node = NULL;
    (void)leave(file, SQLITE_OK);
}

/* ---- Locks of the file ----------------------------------------------------------- */

static int lock_shared(struct vfs_file *file)
{
    if (file->node->pending != NULL) {
        return SQLITE_BUSY;
    }
    file->node->n_shared++;
    file->lock = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
}

static int lock_reserved(struct vfs_file *file)
{
    if (file->node->reserved != NULL) {
        return SQLITE_BUSY;
    }
    file->node->reserved = file;
    file->lock = SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

static int lock_exclusive(struct vfs_file *file)
{
    struct vfs_node *node = file->node;
    if ((node->pending != NULL && node->pending != file) ||
        (node->reserved != NULL && node->reserved != file)) {
        return SQLITE_BUSY;
    }
    node->pending = file;
    file->lock = SQLITE_LOCK_PENDING;
    if (node->n_shared > 1) {
        return SQLITE_BUSY; /* no new reader comes in; try again */
    }
    file->lock = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

int dbr_vfs_lock(sqlite3_file *base, int level)
{
    struct vfs_file *file = self(base);
    if (file->lock >= level) {
        return SQLITE_OK;
    }
    enter(file);
    if (level == SQLITE_LOCK_SHARED) {
        return leave(file, lock_shared(file));
    }
    if (level == SQLITE_LOCK_RESERVED) {
        return leave(file, lock_reserved(file));
    }
    return leave(file, lock_exclusive(file));
}

int dbr_vfs_unlock(sqlite3_file *base, int level)
{
    struct vfs_file *file = self(base);
    struct vfs_node *node = file->node;
    if (file->lock <= level) {
        return SQLITE_OK;
    }
    enter(file);
    if (node->pending == file) {
        node->pending = NULL;
    }
    if (node->reserved == file) {
        node->reserved = NULL;
    }
    if (level == SQLITE_LOCK_NONE) {
        dbr_assert(node->n_shared > 0);
        node->n_shared--;
    }
    file->lock = level;
    return leave(file, SQLITE_OK);
}

int dbr_vfs_check_reserved(sqlite3_file *base, int *out)
{
    struct vfs_file *file = self(base);
    enter(file);
    *out = file->node->reserved != NULL || file->node->pending != NULL;
    return leave(file, SQLITE_OK);
}

/* ---- Shared memory of the WAL ------------------------------------------------------ */

static int grow_regions(struct vfs_node *node, size_t count, size_t size)
{
    void **regions = dbr_realloc_array(node->regions, count, sizeof(*regions));
    if (regions == NULL) {
        return SQLITE_NOMEM;
    }
    node->regions = regions;
    while (node->n_regions < count) {
        void *region = dbr_calloc(1, size);
        if (region == NULL) {
            return SQLITE_NOMEM;
        }
        regions[node->n_regions++] = region;
    }
    return SQLITE_OK;
}

int dbr_vfs_shm_map(sqlite3_file *base, int region, int size, int extend,
                    void volatile **out)
{
    struct vfs_file *file = self(base);
    struct vfs_node *node = file->node;
    size_t index = (size_t)region;
    *out = NULL;
    enter(file);
    if (!file->shm) {
        file->shm = true;
        node->shm_refs++;
    }
    if (index >= node->n_regions) {
        if (!extend) {
            return leave(file, SQLITE_OK);
        }
        int rc = grow_regions(node, index + 1, (size_t)size);
        if (rc != SQLITE_OK) {
            return leave(file, rc);
        }
    }
    *out = node->regions[index];
    return leave(file, SQLITE_OK);
}

static int shm_unlock(struct vfs_file *file, int offset, int count)
{
    for (int i = offset; i < offset + count; i++) {
        uint16_t bit = (uint16_t)(1u << i);
        if ((file->shm_exclusive & bit) != 0) {
            file->node->shm_exclusive[i] = NULL;
        } else if ((file->shm_shared & bit) != 0) {
            file->node->shm_shared[i]--;
        }
        file->shm_exclusive &= (uint16_t)~bit;
        file->shm_shared &= (uint16_t)~bit;
    }
    return SQLITE_OK;
}

static int shm_lock_shared(struct vfs_file *file, int slot)
{
    uint16_t bit = (uint16_t)(1u << slot);
    if ((file->shm_shared & bit) != 0) {
        return SQLITE_OK;
    }
    if (file->node->shm_exclusive[slot] != NULL) {
        return SQLITE_BUSY;
    }
    file->node->shm_shared[slot]++;
    file->shm_shared |= bit;
    return SQLITE_OK;
}

static int shm_lock_exclusive(struct vfs_file *file, int offset, int count)
{
    struct vfs_node *node = file->node;
    for (int i = offset; i < offset + count; i++) {
        bool mine = node->shm_exclusive[i] == file;
        if (!mine && (node->shm_exclusive[i] != NULL || node->shm_shared[i] != 0)) {
            return SQLITE_BUSY;
        }
    }
    for (int i = offset; i < offset + count; i++) {
        node->shm_exclusive[i] = file;
        file->shm_exclusive |= (uint16_t)(1u << i);
    }
    return SQLITE_OK;
}

int dbr_vfs_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct vfs_file *file = self(base);
    dbr_assert(offset >= 0 && count > 0 && offset + count <= SQLITE_SHM_NLOCK);
    enter(file);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        return leave(file, shm_unlock(file, offset, count));
    }
    if ((flags & SQLITE_SHM_SHARED) != 0) {
        return leave(file, shm_lock_shared(file, offset));
    }
    return leave(file, shm_lock_exclusive(file, offset, count));
}

void dbr_vfs_shm_barrier(sqlite3_file *base)
{
    /* The mutex orders memory for all threads that pass here. */
    struct vfs_file *file = self(base);
    enter(file);
    (void)leave(file, SQLITE_OK);
}

int dbr_vfs_shm_unmap(sqlite3_file *base, int remove)
{
    (void)remove;
    struct vfs_file *file = self(base);
    if (!file->shm) {
        return SQLITE_OK;
    }
    enter(file);
    (void)shm_unlock(file, 0, SQLITE_SHM_NLOCK);
    file->shm = false;
    if (--file->node->shm_refs == 0) {
        free_regions(file->node);
    }
    return leave(file, SQLITE_OK);
}
