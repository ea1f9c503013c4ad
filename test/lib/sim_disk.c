#include "sim_disk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define SECTOR 512

struct content {
    uint8_t *data;
    size_t len, cap;
};

/* What happened to a file since its last sync, in order. */
struct pending {
    struct pending *next;
    size_t offset, len; /* data NULL: `offset` became the size */
    uint8_t *data;
};

/* What a name leads to; lives as long as a name or an open file refers to it. */
struct inode {
    struct content now;
    struct content stable; /* at the last sync */
    struct pending *pending, **pending_tail;
    size_t n_pending;
    int refs;
};

struct name {
    struct name *next;
    char *path;
    struct inode *inode;
};

/* A change of a folder that no sync of it has covered. */
struct change {
    struct change *next;
    char *path;
    struct inode *inode; /* NULL: removed */
};

struct dbr_file {
    struct inode *inode;
};

struct sim_disk {
    struct dbr_fs fs;
    pthread_mutex_t mutex;
    struct dbr_rng rng;
    struct name *names;
    struct name *stable_names;
    struct change *changes, **changes_tail;
    uint64_t ops;
    uint64_t fail_in, crash_in; /* UINT64_MAX: never */
    int fail_err;
    bool is_dead, is_full, is_locked;
    bool counts_reads;
};

static struct sim_disk *disk_of(struct dbr_fs *fs)
{
    return (struct sim_disk *)(void *)fs;
}

/* ---- Contents ---------------------------------------------------------------------- */

static void content_resize(struct content *c, size_t len)
{
    if (len > c->cap) {
        c->cap = len > 2 * c->cap ? len : 2 * c->cap;
        c->data = realloc(c->data, c->cap);
    }
    if (len > c->len) {
        memset(c->data + c->len, 0, len - c->len);
    }
    c->len = len;
}

static void content_copy(struct content *to, const struct content *from)
{
    content_resize(to, from->len);
    if (from->len > 0) {
        memcpy(to->data, from->data, from->len);
    }
}

static void content_write(struct content *c, const uint8_t *data, size_t len,
                          size_t offset)
{
    if (offset + len > c->len) {
        content_resize(c, offset + len);
    }
    memcpy(c->data + offset, data, len);
}

static void pending_clear(struct inode *inode)
{
    while (inode->pending != NULL) {
        struct pending *next = inode->pending->next;
        free(inode->pending->data);
        free(inode->pending);
        inode->pending = next;
    }
    inode->pending_tail = &inode->pending;
    inode->n_pending = 0;
}

/* `data` NULL: a new size. */
static void pending_add(struct inode *inode, const void *data, size_t len, size_t offset)
{
    struct pending *p = calloc(1, sizeof(*p));
    p->offset = offset;
    p->len = len;
    if (data != NULL) {
        p->data = malloc(len);
        memcpy(p->data, data, len);
    }
    *inode->pending_tail = p;
    inode->pending_tail = &p->next;
    inode->n_pending++;
}

static struct inode *inode_create(void)
{
    struct inode *inode = calloc(1, sizeof(*inode));
    inode->refs = 1;
    inode->pending_tail = &inode->pending;
    return inode;
}

static struct inode *inode_hold(struct inode *inode)
{
    if (inode != NULL) {
        inode->refs++;
    }
    return inode;
}

static void inode_drop(struct inode *inode)
{
    if (inode != NULL && --inode->refs == 0) {
        pending_clear(inode);
        free(inode->now.data);
        free(inode->stable.data);
        free(inode);
    }
}

static void inode_sync(struct inode *inode)
{
    for (const struct pending *p = inode->pending; p != NULL; p = p->next) {
        if (p->data == NULL) {
            content_resize(&inode->stable, p->offset);
        } else {
            content_write(&inode->stable, p->data, p->len, p->offset);
        }
    }
    pending_clear(inode);
}

/* The part of an operation that falls into one sector. */
static void apply_to_sector(struct content *c, const struct pending *p, size_t sector)
{
    size_t from = sector * SECTOR;
    size_t to = from + SECTOR < c->len ? from + SECTOR : c->len;
    if (p->data == NULL) {
        from = p->offset > from ? p->offset : from;
        if (from < to) {
            memset(c->data + from, 0, to - from);
        }
        return;
    }
    size_t start = p->offset > from ? p->offset : from;
    size_t end = p->offset + p->len < to ? p->offset + p->len : to;
    if (start < end) {
        memcpy(c->data + start, p->data + (start - p->offset), end - start);
    }
}

/* Each sector, and the size, is as it was after some of the operations since the last
 * sync: none, the first, the first two, ... each its own number. */
static void inode_crash(struct inode *inode, struct dbr_rng *rng)
{
    if (inode->n_pending == 0) {
        return;
    }
    size_t most = inode->stable.len > inode->now.len ? inode->stable.len : inode->now.len;
    for (const struct pending *p = inode->pending; p != NULL; p = p->next) {
        most = p->offset + p->len > most ? p->offset + p->len : most;
    }
    size_t n_sectors = most / SECTOR + 1;
    uint32_t *kept = calloc(n_sectors, sizeof(*kept));
    for (size_t i = 0; i < n_sectors; i++) {
        kept[i] = (uint32_t)dbr_rng_below(rng, inode->n_pending + 1);
    }
    size_t size_kept = dbr_rng_below(rng, inode->n_pending + 1);
    size_t size = inode->stable.len;
    size_t number = 0;
    content_resize(&inode->stable, most);
    for (const struct pending *p = inode->pending; p != NULL; p = p->next, number++) {
        size_t end = p->data == NULL ? most : p->offset + p->len;
        for (size_t i = p->offset / SECTOR; i * SECTOR < end; i++) {
            if (number < kept[i]) {
                apply_to_sector(&inode->stable, p, i);
            }
        }
        if (number < size_kept) {
            size =
                p->data == NULL || p->offset + p->len > size ? p->offset + p->len : size;
        }
    }
    content_resize(&inode->stable, size);
    content_copy(&inode->now, &inode->stable);
    pending_clear(inode);
    free(kept);
}

/* ---- Names ----------------------------------------------------------------------------
 */

static struct name **find(struct name **list, const char *path)
{
    while (*list != NULL && strcmp((*list)->path, path) != 0) {
        list = &(*list)->next;
    }
    return list;
}

/* `inode` NULL removes. Takes a reference of its own. */
static void set_name(struct name **list, const char *path, struct inode *inode)
{
    struct name **at = find(list, path);
    inode_hold(inode);
    if (*at != NULL) {
        struct name *name = *at;
        inode_drop(name->inode);
        name->inode = inode;
        if (inode == NULL) {
            *at = name->next;
            free(name->path);
            free(name);
        }
    } else if (inode != NULL) {
        struct name *name = calloc(1, sizeof(*name));
        name->path = strdup(path);
        name->inode = inode;
        *at = name;
    }
}

static void clear_names(struct name **list)
{
    while (*list != NULL) {
        set_name(list, (*list)->path, NULL);
    }
}

static void change_name(struct sim_disk *disk, const char *path, struct inode *inode)
{
    struct change *change = calloc(1, sizeof(*change));
    change->path = strdup(path);
    change->inode = inode_hold(inode);
    *disk->changes_tail = change;
    disk->changes_tail = &change->next;
    set_name(&disk->names, path, inode);
}

/* The change is on the disk (or, not `keep`, never happened). */
static void settle(struct sim_disk *disk, struct change **at, bool keep)
{
    struct change *change = *at;
    if (keep) {
        set_name(&disk->stable_names, change->path, change->inode);
    }
    *at = change->next;
    if (*at == NULL) {
        disk->changes_tail = at;
    }
    inode_drop(change->inode);
    free(change->path);
    free(change);
}

static bool is_in(const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    bool is_root = folder[0] == '\0' || strcmp(folder, ".") == 0;
    return is_root ? len == 0 : len == strlen(folder) && strncmp(path, folder, len) == 0;
}

/* ---- Faults
 * ------------------------------------------------------------------------------ */

/* Before an operation: 0, or what it fails with. */
static int allowed(struct sim_disk *disk)
{
    if (disk->is_dead) {
        return DEBROS_EIO;
    }
    disk->ops++;
    if (disk->crash_in != UINT64_MAX && disk->crash_in-- == 0) {
        disk->is_dead = true;
        return DEBROS_EIO;
    }
    if (disk->fail_in != UINT64_MAX && disk->fail_in-- == 0) {
        disk->fail_in = UINT64_MAX;
        return disk->fail_err;
    }
    return 0;
}

static int change_allowed(struct sim_disk *disk)
{
    return allowed(disk);
}

/* Before one that only looks. */
static int look_allowed(struct sim_disk *disk)
{
    if (disk->counts_reads) {
        return allowed(disk);
    }
    return disk->is_dead ? DEBROS_EIO : 0;
}

/* ---- Operations
 * ------------------------------------------------------------------------------ */

static int locked_open(struct sim_disk *disk, struct dbr_file **out, const char *path,
                       unsigned flags)
{
    struct name *name = *find(&disk->names, path);
    int look = look_allowed(disk);
    if (look != 0) {
        return look;
    }
    if (name == NULL && (flags & DBR_FS_CREATE) == 0) {
        return DEBROS_ENOTFOUND;
    }
    if (name != NULL && (flags & DBR_FS_EXCLUSIVE) != 0) {
        return DEBROS_EEXISTS;
    }
    if (name == NULL) {
        int err = change_allowed(disk);
        if (err != 0) {
            return err;
        }
        struct inode *inode = inode_create();
        change_name(disk, path, inode);
        inode_drop(inode);
        name = *find(&disk->names, path);
    }
    *out = calloc(1, sizeof(**out));
    (*out)->inode = inode_hold(name->inode);
    return 0;
}

static int sim_open(struct dbr_fs *fs, struct dbr_file **out, const char *path,
                    unsigned flags)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    int err = locked_open(disk, out, path, flags);
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

static void sim_close(struct dbr_fs *fs, struct dbr_file *file)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    inode_drop(file->inode);
    free(file);
    pthread_mutex_unlock(&disk->mutex);
}

static int64_t sim_read(struct dbr_fs *fs, struct dbr_file *file, void *out, size_t len,
                        uint64_t offset)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    const struct content *c = &file->inode->now;
    int64_t n = look_allowed(disk);
    if (n == 0) {
        n = offset < c->len ? (int64_t)(c->len - offset < len ? c->len - offset : len)
                            : 0;
        if (n > 0) {
            memcpy(out, c->data + offset, (size_t)n);
        }
    }
    pthread_mutex_unlock(&disk->mutex);
    return n;
}

static int sim_write(struct dbr_fs *fs, struct dbr_file *file, const void *data,
                     size_t len, uint64_t offset)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    struct content *c = &file->inode->now;
    int err = change_allowed(disk);
    if (err == 0 && disk->is_full && offset + len > c->len) {
        err = DEBROS_ENOSPC;
    }
    if (err == 0 && len > 0) {
        content_write(c, data, len, offset);
        pending_add(file->inode, data, len, offset);
    }
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

static int sim_sync(struct dbr_fs *fs, struct dbr_file *file)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    int err = change_allowed(disk);
    if (err == 0) {
        inode_sync(file->inode);
    }
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

static void sim_start_writeback(struct dbr_fs *fs, struct dbr_file *file, size_t len,
                                uint64_t offset)
{
    (void)fs;
    (void)file;
    (void)len;
    (void)offset;
}

static int sim_truncate(struct dbr_fs *fs, struct dbr_file *file, uint64_t size)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    int err = change_allowed(disk);
    if (err == 0 && disk->is_full && size > file->inode->now.len) {
        err = DEBROS_ENOSPC;
    }
    if (err == 0) {
        content_resize(&file->inode->now, size);
        pending_add(file->inode, NULL, 0, size);
    }
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

static int sim_size(struct dbr_fs *fs, struct dbr_file *file, uint64_t *out)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    *out = file->inode->now.len;
    int err = look_allowed(disk);
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

static int sim_remove(struct dbr_fs *fs, const char *path)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    int err = disk->is_dead                       ? DEBROS_EIO
              : *find(&disk->names, path) == NULL ? DEBROS_ENOTFOUND
                                                  : change_allowed(disk);
    if (err == 0) {
        change_name(disk, path, NULL);
    }
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

static int sim_rename(struct dbr_fs *fs, const char *from, const char *to)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    struct name *name = *find(&disk->names, from);
    int err = disk->is_dead  ? DEBROS_EIO
              : name == NULL ? DEBROS_ENOTFOUND
                             : change_allowed(disk);
    if (err == 0) {
        struct inode *inode = inode_hold(name->inode);
        change_name(disk, to, inode);
        change_name(disk, from, NULL);
        inode_drop(inode);
    }
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

/* Folders are part of names here. */
static int sim_mkdir(struct dbr_fs *fs, const char *path)
{
    (void)path;
    return disk_of(fs)->is_dead ? DEBROS_EIO : 0;
}

static int sim_sync_dir(struct dbr_fs *fs, const char *path)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    int err = change_allowed(disk);
    struct change **at = &disk->changes;
    while (err == 0 && *at != NULL) {
        if (is_in((*at)->path, path)) {
            settle(disk, at, true);
        } else {
            at = &(*at)->next;
        }
    }
    pthread_mutex_unlock(&disk->mutex);
    return err;
}

static bool sim_exists(struct dbr_fs *fs, const char *path)
{
    struct sim_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->mutex);
    bool exists = *find(&disk->names, path) != NULL;
    pthread_mutex_unlock(&disk->mutex);
    return exists;
}

static int sim_list(struct dbr_fs *fs, const char *path,
                    void (*entry)(void *data, const char *name), void *data)
{
    struct sim_disk *disk = disk_of(fs);
    char *found[256];
    size_t n = 0;
    pthread_mutex_lock(&disk->mutex);
    int err = look_allowed(disk);
    for (struct name *name = disk->names; err == 0 && name != NULL && n < 256;
         name = name->next) {
        if (is_in(name->path, path)) {
            const char *slash = strrchr(name->path, '/');
            found[n++] = strdup(slash != NULL ? slash + 1 : name->path);
        }
    }
    pthread_mutex_unlock(&disk->mutex);
    for (size_t i = 0; i < n; i++) {
        entry(data, found[i]);
        free(found[i]);
    }
    return err;
}

static int sim_lock(struct dbr_fs *fs)
{
    struct sim_disk *disk = disk_of(fs);
    int err = disk->is_locked ? DEBROS_EBUSY : 0;
    disk->is_locked = true;
    return err;
}

static const struct dbr_fs_ops ops = {
    .open = sim_open,
    .close = sim_close,
    .read = sim_read,
    .write = sim_write,
    .sync = sim_sync,
    .start_writeback = sim_start_writeback,
    .truncate = sim_truncate,
    .size = sim_size,
    .remove = sim_remove,
    .rename = sim_rename,
    .mkdir = sim_mkdir,
    .sync_dir = sim_sync_dir,
    .exists = sim_exists,
    .list = sim_list,
    .lock = sim_lock,
};

/* ---- The disk
 * ------------------------------------------------------------------------------- */

struct sim_disk *sim_disk_create(uint64_t seed)
{
    struct sim_disk *disk = calloc(1, sizeof(*disk));
    disk->fs = (struct dbr_fs){.ops = &ops, .root = "sim"};
    disk->changes_tail = &disk->changes;
    disk->fail_in = disk->crash_in = UINT64_MAX;
    dbr_rng_seed(&disk->rng, seed);
    pthread_mutex_init(&disk->mutex, NULL);
    return disk;
}

void sim_disk_destroy(struct sim_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    while (disk->changes != NULL) {
        settle(disk, &disk->changes, false);
    }
    clear_names(&disk->names);
    clear_names(&disk->stable_names);
    pthread_mutex_destroy(&disk->mutex);
    free(disk);
}

struct sim_disk *sim_disk_clone(const struct sim_disk *disk, uint64_t seed)
{
    struct sim_disk *clone = sim_disk_create(seed);
    for (const struct name *name = disk->names; name != NULL; name = name->next) {
        struct inode *inode = inode_create();
        content_copy(&inode->now, &name->inode->now);
        content_copy(&inode->stable, &name->inode->now);
        set_name(&clone->names, name->path, inode);
        set_name(&clone->stable_names, name->path, inode);
        inode_drop(inode);
    }
    return clone;
}

struct dbr_fs *sim_disk_fs(struct sim_disk *disk)
{
    return &disk->fs;
}

uint64_t sim_disk_ops(const struct sim_disk *disk)
{
    return disk->ops;
}

void sim_disk_fail_after(struct sim_disk *disk, uint64_t n, int err)
{
    disk->fail_in = n;
    disk->fail_err = err;
}

void sim_disk_crash_after(struct sim_disk *disk, uint64_t n)
{
    disk->crash_in = n;
}

void sim_disk_count_reads(struct sim_disk *disk)
{
    disk->counts_reads = true;
}

void sim_disk_set_full(struct sim_disk *disk, bool is_full)
{
    disk->is_full = is_full;
}

void sim_disk_crash(struct sim_disk *disk)
{
    disk->is_dead = true;
}

/* Of each folder the first changes have made it, however many. */
static void settle_some(struct sim_disk *disk)
{
    while (disk->changes != NULL) {
        char folder[512] = "";
        const char *slash = strrchr(disk->changes->path, '/');
        size_t len = slash == NULL ? 0 : (size_t)(slash - disk->changes->path);
        memcpy(folder, disk->changes->path, len);
        folder[len] = '\0';
        size_t n = 0;
        for (struct change *c = disk->changes; c != NULL; c = c->next) {
            n += is_in(c->path, folder);
        }
        size_t kept = dbr_rng_below(&disk->rng, n + 1);
        for (struct change **at = &disk->changes; *at != NULL;) {
            if (is_in((*at)->path, folder)) {
                settle(disk, at, kept > 0);
                kept -= kept > 0;
            } else {
                at = &(*at)->next;
            }
        }
    }
}

void sim_disk_revive(struct sim_disk *disk)
{
    if (disk->is_dead) {
        settle_some(disk);
        clear_names(&disk->names);
        for (struct name *name = disk->stable_names; name != NULL; name = name->next) {
            inode_crash(name->inode, &disk->rng);
            set_name(&disk->names, name->path, name->inode);
        }
    }
    disk->is_dead = disk->is_locked = false;
    disk->crash_in = disk->fail_in = UINT64_MAX;
}

uint8_t *sim_disk_data(struct sim_disk *disk, const char *path, size_t *len)
{
    struct name *name = *find(&disk->names, path);
    *len = name != NULL ? name->inode->now.len : 0;
    return name != NULL ? name->inode->now.data : NULL;
}
