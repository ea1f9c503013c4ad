#define _GNU_SOURCE /* sync_file_range */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/detail.h"
#include "fs.h"
#include "path.h"

struct posix_fs {
    struct dbr_fs fs;
    int root_fd;
    int lock_fd; /* -1: not locked */
};

struct dbr_file {
    int fd;
};

static struct posix_fs *self(struct dbr_fs *fs)
{
    return (struct posix_fs *)fs;
}

static int from_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return DEBROS_ENOSPC;
    case ENOENT:
    case ENOTDIR:
        return DEBROS_ENOTFOUND;
    case EEXIST:
        return DEBROS_EEXISTS;
    case ENOMEM:
        return DEBROS_ENOMEM;
    default:
        return DEBROS_EIO;
    }
}

static int posix_open(struct dbr_fs *fs, struct dbr_file **out, const char *path,
                      unsigned flags)
{
    int mode = (flags & DBR_FS_READONLY) != 0 ? O_RDONLY : O_RDWR;
    if ((flags & DBR_FS_CREATE) != 0) {
        mode |= O_CREAT | ((flags & DBR_FS_EXCLUSIVE) != 0 ? O_EXCL : 0);
    }
    struct dbr_file *file = dbr_malloc(sizeof(*file));
    if (file == NULL) {
        return DEBROS_ENOMEM;
    }
    file->fd = openat(self(fs)->root_fd, path, mode | O_CLOEXEC, 0600);
    if (file->fd < 0) {
        int err = from_errno(errno);
        dbr_free(file);
        return err;
    }
    *out = file;
    return 0;
}

static void posix_close(struct dbr_fs *fs, struct dbr_file *file)
{
    (void)fs;
    (void)close(file->fd);
    dbr_free(file);
}

static int64_t posix_read(struct dbr_fs *fs, struct dbr_file *file, void *out, size_t len,
                          uint64_t offset)
{
    (void)fs;
    size_t done = 0;
    while (done < len) {
        ssize_t got =
            pread(file->fd, (uint8_t *)out + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return from_errno(errno);
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (int64_t)done;
}

static int posix_write(struct dbr_fs *fs, struct dbr_file *file, const void *data,
                       size_t len, uint64_t offset)
{
    (void)fs;
    size_t done = 0;
    while (done < len) {
        ssize_t put = pwrite(file->fd, (const uint8_t *)data + done, len - done,
                             (off_t)(offset + done));
        if (put < 0 && errno != EINTR) {
            return from_errno(errno);
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

static int posix_sync(struct dbr_fs *fs, struct dbr_file *file)
{
    (void)fs;
    return fdatasync(file->fd) == 0 ? 0 : from_errno(errno);
}

/* Nobody waits, and fdatasync() still tells what goes wrong. */
static void posix_start_writeback(struct dbr_fs *fs, struct dbr_file *file, size_t len,
                                  uint64_t offset)
{
    (void)fs;
#ifdef SYNC_FILE_RANGE_WRITE
    (void)sync_file_range(file->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
#else
    (void)file;
    (void)len;
    (void)offset;
#endif
}

static int posix_truncate(struct dbr_fs *fs, struct dbr_file *file, uint64_t size)
{
    (void)fs;
    return ftruncate(file->fd, (off_t)size) == 0 ? 0 : from_errno(errno);
}

static int posix_size(struct dbr_fs *fs, struct dbr_file *file, uint64_t *out)
{
    (void)fs;
    struct stat st;
    if (fstat(file->fd, &st) != 0) {
        return from_errno(errno);
    }
    *out = (uint64_t)st.st_size;
    return 0;
}

static int posix_remove(struct dbr_fs *fs, const char *path)
{
    return unlinkat(self(fs)->root_fd, path, 0) == 0 ? 0 : from_errno(errno);
}

static int posix_rename(struct dbr_fs *fs, const char *from, const char *to)
{
    int root = self(fs)->root_fd;
    return renameat(root, from, root, to) == 0 ? 0 : from_errno(errno);
}

/* Makes a new folder's name durable. A parent that may not be read is no failure: most
 * of them have been there for long. */
static int sync_parent(int dir_fd, const char *path)
{
    char parent[PATH_MAX];
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/') {
        len--; /* behind the name */
    }
    while (len > 0 && path[len - 1] != '/') {
        len--; /* the name */
    }
    (void)snprintf(parent, sizeof(parent), "%.*s", len > 0 ? (int)len : 1,
                   len > 0 ? path : ".");
    int fd = openat(dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    int number = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    (void)close(fd);
    return number;
}

/* One folder; existing is fine. Returns 0 or errno. */
static int make_folder(int dir_fd, const char *path)
{
    if (mkdirat(dir_fd, path, 0700) == 0) {
        return sync_parent(dir_fd, path);
    }
    return errno == EEXIST ? 0 : errno;
}

/* mkdir -p below `dir_fd`. */
static int make_folders(int dir_fd, const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof(part)) {
        return ENAMETOOLONG;
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            int number = make_folder(dir_fd, part);
            if (number != 0) {
                return number;
            }
        }
    }
    return 0;
}

static int posix_mkdir(struct dbr_fs *fs, const char *path)
{
    int number = make_folders(self(fs)->root_fd, path);
    return number == 0 ? 0 : from_errno(number);
}

static int open_folder(struct dbr_fs *fs, const char *path)
{
    return openat(self(fs)->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int posix_sync_dir(struct dbr_fs *fs, const char *path)
{
    int fd = open_folder(fs, path);
    if (fd < 0) {
        return from_errno(errno);
    }
    int err = fsync(fd) == 0 ? 0 : from_errno(errno);
    (void)close(fd);
    return err;
}

static bool posix_exists(struct dbr_fs *fs, const char *path)
{
    struct stat st;
    return fstatat(self(fs)->root_fd, path, &st, 0) == 0;
}

static int posix_list(struct dbr_fs *fs, const char *path,
                      void (*entry)(void *data, const char *name), void *data)
{
    int fd = open_folder(fs, path);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int err = from_errno(errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return err;
    }
    int err = 0;
    for (;;) {
        errno = 0;
        const struct dirent *item = readdir(dir);
        if (item == NULL) {
            err = errno == 0 ? 0 : from_errno(errno);
            break;
        }
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) {
            entry(data, item->d_name);
        }
    }
    (void)closedir(dir);
    return err;
}

/* For people only: the lock is the kernel's and goes with its process. */
static void write_pid(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    ssize_t put = pwrite(fd, text, (size_t)len, 0);
    if (put == len) {
        (void)!ftruncate(fd, len);
    }
}

/* flock() and not fcntl(): two nodes of one process exclude each other too. */
static int posix_lock(struct dbr_fs *fs)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC;
    int fd = openat(self(fs)->root_fd, DBR_FS_LOCK_FILE, flags, 0600);
    if (fd < 0) {
        return from_errno(errno);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int err = errno == EWOULDBLOCK ? DEBROS_EBUSY : from_errno(errno);
        (void)close(fd);
        return err;
    }
    write_pid(fd);
    self(fs)->lock_fd = fd;
    return 0;
}

static const struct dbr_fs_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .read = posix_read,
    .write = posix_write,
    .sync = posix_sync,
    .start_writeback = posix_start_writeback,
    .truncate = posix_truncate,
    .size = posix_size,
    .remove = posix_remove,
    .rename = posix_rename,
    .mkdir = posix_mkdir,
    .sync_dir = posix_sync_dir,
    .exists = posix_exists,
    .list = posix_list,
    .lock = posix_lock,
};

int dbr_fs_posix_create(struct dbr_fs **out, const char *root, debros_detail *detail)
{
    int number = root[0] == '\0' ? ENOENT : make_folders(AT_FDCWD, root);
    if (number == 0) {
        number = sync_parent(AT_FDCWD, root); /* somebody else may just have made it */
    }
    int fd = number == 0 ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        number = number == 0 ? errno : number;
        return dbr_detail_set(detail, from_errno(number), "data folder '%s': %s", root,
                              strerror(number));
    }
    struct posix_fs *fs = dbr_calloc(1, sizeof(*fs));
    char *copy = dbr_strdup(root);
    if (fs == NULL || copy == NULL) {
        dbr_free(fs);
        dbr_free(copy);
        (void)close(fd);
        return dbr_detail_set(detail, DEBROS_ENOMEM, "data folder '%s': out of memory",
                              root);
    }
    *fs = (struct posix_fs){
        .fs = {.ops = &posix_ops, .root = copy}, .root_fd = fd, .lock_fd = -1};
    *out = &fs->fs;
    return 0;
}

void dbr_fs_posix_destroy(struct dbr_fs *fs)
{
    if (fs == NULL) {
        return;
    }
    if (self(fs)->lock_fd >= 0) {
        (void)close(self(fs)->lock_fd);
    }
    (void)close(self(fs)->root_fd);
    dbr_free((char *)(uintptr_t)fs->root);
    dbr_free(self(fs));
}

int dbr_fs_posix_free(struct dbr_fs *fs, uint64_t *out)
{
    struct statvfs st;
    if (fstatvfs(self(fs)->root_fd, &st) != 0) {
        return from_errno(errno);
    }
    *out = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}
