/* What SQLite reads is what was written: pages of a database carry a checksum (page.h),
 * put there on their way to the file. Those of a WAL cannot: SQLite has summed a frame
 * before it comes here, and checks the sums only when it recovers a WAL. So the node
 * remembers each frame's CRC while the WAL is in use; a recovery reads all of them. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/hash.h"
#include "vfs_private.h"

static struct dbr_fs *fs_of(const struct vfs_file *file)
{
    return file->side->vfs->fs;
}

int dbr_vfs_damaged(struct vfs_file *file, uint64_t offset)
{
    struct dbr_vfs *vfs = file->side->vfs;
    (void)pthread_mutex_lock(&vfs->lock);
    (void)snprintf(vfs->damage, sizeof(vfs->damage),
                   "%s is damaged at offset %llu: restore this node from the others "
                   "(a new folder, then join)",
                   file->path, (unsigned long long)offset);
    (void)pthread_mutex_unlock(&vfs->lock);
    return SQLITE_IOERR_DATA;
}

/* ---- Databases ----------------------------------------------------------------------
 */

static bool is_page(size_t len, uint64_t offset)
{
    return len == DBR_PAGE_SIZE && offset % DBR_PAGE_SIZE == 0;
}

static uint32_t page_number(uint64_t offset)
{
    return (uint32_t)(offset / DBR_PAGE_SIZE + 1);
}

/* Pages that were allocated and freed again are never written: the file has no holes, so
 * that each of its pages can be checked. */
int dbr_vfs_fill(struct vfs_file *file, uint64_t end)
{
    uint8_t page[DBR_PAGE_SIZE];
    int err = 0;
    for (uint64_t at = file->size; err == 0 && at + DBR_PAGE_SIZE <= end;
         at += DBR_PAGE_SIZE) {
        memset(page, 0, sizeof(page));
        dbr_page_seal(page, page_number(at));
        err = fs_of(file)->ops->write(fs_of(file), file->file, page, sizeof(page), at);
        file->size = err == 0 ? at + DBR_PAGE_SIZE : file->size;
    }
    return err;
}

int dbr_vfs_write_page(struct vfs_file *file, const void *data, size_t len,
                       uint64_t offset)
{
    uint8_t page[DBR_PAGE_SIZE];
    if (!is_page(len, offset)) {
        return DEBROS_EIO; /* nothing of ours has other pages */
    }
    memcpy(page, data, sizeof(page));
    dbr_page_seal(page, page_number(offset));
    int err = dbr_vfs_fill(file, offset);
    if (err == 0) {
        err = fs_of(file)->ops->write(fs_of(file), file->file, page, len, offset);
    }
    file->size = err == 0 && offset + len > file->size ? offset + len : file->size;
    return err;
}

int dbr_vfs_check_page(struct vfs_file *file, const void *data, size_t len,
                       uint64_t offset)
{
    /* SQLite looks at the first page's head alone when it opens a file, and reads the
     * page then. */
    if (len < 512) {
        return SQLITE_OK;
    }
    return is_page(len, offset) && dbr_page_ok(data, page_number(offset))
               ? SQLITE_OK
               : dbr_vfs_damaged(file, offset);
}

/* ---- WALs -----------------------------------------------------------------------------
 */

/* 0 means: not known. */
static uint32_t frame_crc(const void *page)
{
    uint32_t crc = dbr_crc32c(0, page, DBR_PAGE_SIZE);
    return crc == 0 ? 1 : crc;
}

static int grow(struct vfs_node *node, size_t count)
{
    if (count <= node->n_frames) {
        return 0;
    }
    size_t cap = 2 * node->n_frames > count ? 2 * node->n_frames : count + 256;
    uint32_t *frames = dbr_realloc_array(node->frames, cap, sizeof(*frames));
    if (frames == NULL) {
        return DEBROS_ENOMEM;
    }
    memset(frames + node->n_frames, 0, (cap - node->n_frames) * sizeof(*frames));
    node->frames = frames;
    node->n_frames = cap;
    return 0;
}

/* Forgets the frames that the range touches; remembers one that it writes whole. */
int dbr_vfs_note_wal(struct vfs_file *file, const void *data, size_t len, uint64_t offset)
{
    struct vfs_node *node = file->node;
    uint64_t end = offset + len;
    if (node == NULL || end <= VFS_WAL_HEAD) {
        return 0;
    }
    uint64_t from = offset < VFS_WAL_HEAD ? 0 : offset - VFS_WAL_HEAD;
    size_t first = (size_t)(from / VFS_FRAME);
    size_t last = (size_t)((end - VFS_WAL_HEAD - 1) / VFS_FRAME);
    bool whole = len == DBR_PAGE_SIZE && from % VFS_FRAME == VFS_FRAME_HEAD;
    bool head = len <= VFS_FRAME_HEAD && from % VFS_FRAME + len <= VFS_FRAME_HEAD;
    if (head) {
        return 0;
    }
    (void)pthread_mutex_lock(&file->side->vfs->lock);
    int err = grow(node, last + 1);
    for (size_t i = first; err == 0 && i <= last; i++) {
        node->frames[i] = whole ? frame_crc(data) : 0;
    }
    (void)pthread_mutex_unlock(&file->side->vfs->lock);
    return err;
}

/* A frame with its head is read by a recovery, which checks it: what it sees is
 * remembered. */
int dbr_vfs_check_wal(struct vfs_file *file, const void *data, size_t len,
                      uint64_t offset)
{
    struct vfs_node *node = file->node;
    if (node == NULL || offset < VFS_WAL_HEAD) {
        return SQLITE_OK;
    }
    size_t frame = (size_t)((offset - VFS_WAL_HEAD) / VFS_FRAME);
    size_t within = (size_t)((offset - VFS_WAL_HEAD) % VFS_FRAME);
    bool page = len == DBR_PAGE_SIZE && within == VFS_FRAME_HEAD;
    bool whole = len == VFS_FRAME && within == 0;
    if (!page && !whole) {
        return SQLITE_OK;
    }
    uint32_t crc = frame_crc((const uint8_t *)data + (whole ? VFS_FRAME_HEAD : 0));
    (void)pthread_mutex_lock(&file->side->vfs->lock);
    int err = whole ? grow(node, frame + 1) : 0;
    uint32_t known = frame < node->n_frames ? node->frames[frame] : 0;
    if (err == 0 && whole && known == 0) {
        node->frames[frame] = crc;
    }
    (void)pthread_mutex_unlock(&file->side->vfs->lock);
    if (err != 0) {
        return SQLITE_IOERR_NOMEM;
    }
    return known == 0 || known == crc ? SQLITE_OK : dbr_vfs_damaged(file, offset);
}

const char *dbr_vfs_damage(struct dbr_vfs *vfs, char out[DBR_VFS_DAMAGE])
{
    (void)pthread_mutex_lock(&vfs->lock);
    memcpy(out, vfs->damage, DBR_VFS_DAMAGE);
    (void)pthread_mutex_unlock(&vfs->lock);
    return out;
}
