/* A disk that can lose its power, for LD_PRELOAD: kill -9 alone never loses what the
 * kernel has taken.
 *
 * Before each change of a file or a folder below POWER_LOSS_ROOT, what the change
 * destroys is appended to a journal in the folder POWER_LOSS_JOURNAL; fsync() and
 * fdatasync() note what has become durable, and the caller learns of it only then. After
 * SIGKILL, power_loss.py undoes what was not durable: all of it, or sector by sector at
 * random. The program reads what it wrote, as from any page cache.
 *
 *     POWER_LOSS_FAIL_SYNC=N   the Nth sync of a file of this process, and every one
 * after it, fails with EIO POWER_LOSS_SYNC_MS=N     every sync of a file takes so long
 *
 * The journal holds a second link to each file that was changed, so that numbers of
 * inodes name files for as long as it lives, even removed ones. Nothing here maps files:
 * neither does the library. */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* it would rename what is defined here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD     4096
#define MAX_CHANGE (64u << 20) /* bytes that one call may destroy */

/* What power_loss.py reads: this head, two paths, the data. */
enum kind {
    WRITE = 1, /* ino, offset, length; size before; data: the bytes before */
    RESIZE,    /* ino, offset: the new size; size before; data: what is cut off */
    SYNC,      /* ino; records before `sequence` are durable */
    CREATE,    /* first path */
    REMOVE,    /* first path, ino */
    RENAME,    /* from first to second path, ino; other_ino: whom it replaces, or 0 */
    MKDIR,     /* first path */
    SYNC_DIR   /* first path; records before `sequence` are durable */
};

struct head {
    uint32_t kind;
    uint32_t first_len;
    uint32_t second_len;
    uint32_t data_len;
    uint64_t sequence;
    uint64_t ino;
    uint64_t other_ino;
    uint64_t offset;
    uint64_t length;
    uint64_t size;
};

/* The C library's own functions of these names. */
static struct {
    int (*openat)(int, const char *, int, ...);
    int (*close)(int);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    int (*ftruncate)(int, off_t);
    int (*fsync)(int);
    int (*fdatasync)(int);
    int (*renameat)(int, const char *, int, const char *);
    int (*unlinkat)(int, const char *, int);
    int (*linkat)(int, const char *, int, const char *, int);
    int (*mkdirat)(int, const char *, mode_t);
} real;

static struct {
    pthread_mutex_t lock;
    int fd; /* the journal; -1: no journal */
    char root[PATH_MAX];
    char folder[PATH_MAX];
    uint64_t sequence;
    uint64_t syncs;
    uint64_t fail_sync; /* 0: never */
    long sync_ms;
    bool watched[MAX_FD]; /* files and folders below the root */
} self = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static void die(const char *why)
{
    fprintf(stderr, "power_loss: %s: %s\n", why, strerror(errno));
    _exit(99);
}

static void *find(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        die(name);
    }
    return function;
}

static void find_all(void)
{
    *(void **)&real.openat = find("openat");
    *(void **)&real.close = find("close");
    *(void **)&real.write = find("write");
    *(void **)&real.pwrite = find("pwrite");
    *(void **)&real.ftruncate = find("ftruncate");
    *(void **)&real.fsync = find("fsync");
    *(void **)&real.fdatasync = find("fdatasync");
    *(void **)&real.renameat = find("renameat");
    *(void **)&real.unlinkat = find("unlinkat");
    *(void **)&real.linkat = find("linkat");
    *(void **)&real.mkdirat = find("mkdirat");
}

__attribute__((constructor)) static void begin(void)
{
    const char *root = getenv("POWER_LOSS_ROOT");
    const char *folder = getenv("POWER_LOSS_JOURNAL");
    const char *fail = getenv("POWER_LOSS_FAIL_SYNC");
    const char *slow = getenv("POWER_LOSS_SYNC_MS");
    char path[PATH_MAX + 8];
    find_all();
    if (root == NULL || folder == NULL) {
        return;
    }
    snprintf(self.root, sizeof(self.root), "%s", root);
    snprintf(self.folder, sizeof(self.folder), "%s", folder);
    self.fail_sync = fail != NULL ? strtoull(fail, NULL, 10) : 0;
    self.sync_ms = slow != NULL ? strtol(slow, NULL, 10) : 0;
    snprintf(path, sizeof(path), "%s/journal", folder);
    self.fd =
        real.openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (self.fd < 0) {
        die(path);
    }
}

/* ---- Names ----------------------------------------------------------------------- */

/* The root, what is below it, and the folder that holds the root's own name. */
static bool is_ours(const char *path)
{
    size_t root = strlen(self.root);
    size_t parent = (size_t)(strrchr(self.root, '/') - self.root);
    return (strncmp(path, self.root, root) == 0 &&
            (path[root] == '/' || path[root] == '\0')) ||
           (strlen(path) == parent && strncmp(path, self.root, parent) == 0);
}

/* The absolute path of `path` at `dir`; false: not ours. */
static bool resolve(char out[PATH_MAX], int dir, const char *path)
{
    char link[64];
    size_t len = 0;
    if (self.fd < 0) {
        return false;
    }
    if (path[0] != '/') {
        snprintf(link, sizeof(link),
                 dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dir);
        ssize_t got = readlink(link, out, PATH_MAX - 1);
        if (got < 0) {
            die(link);
        }
        len = (size_t)got;
        out[len++] = '/';
    }
    if (len + strlen(path) >= PATH_MAX) {
        die("a path is too long");
    }
    strcpy(out + len, path);
    for (len = strlen(out); len > 1 && out[len - 1] == '/'; len--) {
        out[len - 1] = '\0';
    }
    return is_ours(out);
}

static uint64_t ino_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static bool is_watched(int fd)
{
    return self.fd >= 0 && fd >= 0 && fd < MAX_FD && self.watched[fd];
}

/* ---- The journal ----------------------------------------------------------------- */

static void append(const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = real.write(self.fd, (const char *)data + done, len - done);
        if (put < 0 && errno != EINTR) {
            die("journal");
        }
        done += put > 0 ? (size_t)put : 0;
    }
}

static void note(struct head head, const char *first, const char *second,
                 const void *data)
{
    int saved = errno;
    head.first_len = first != NULL ? (uint32_t)strlen(first) : 0;
    head.second_len = second != NULL ? (uint32_t)strlen(second) : 0;
    if (head.sequence == 0) {
        head.sequence = ++self.sequence;
    }
    append(&head, sizeof(head));
    append(first, head.first_len);
    append(second, head.second_len);
    append(data, head.data_len);
    errno = saved;
}

/* A second link to the file: its inode stays, whatever becomes of its name. */
static void keep(const char *path, uint64_t ino)
{
    char link[PATH_MAX + 32];
    int saved = errno;
    snprintf(link, sizeof(link), "%s/%llu", self.folder, (unsigned long long)ino);
    if (real.linkat(AT_FDCWD, path, AT_FDCWD, link, 0) != 0 && errno != EEXIST) {
        die(link);
    }
    errno = saved;
}

/* pread(), also of a file that is open for writing only. */
static ssize_t read_back(int fd, void *out, size_t len, off_t offset)
{
    char path[64];
    ssize_t got = pread(fd, out, len, offset);
    if (got >= 0 || errno != EBADF) {
        return got;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int again = real.openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    got = pread(again, out, len, offset);
    real.close(again);
    return got;
}

/* Notes the bytes of `fd` from `from` to `to`, as far as they exist. */
static void note_bytes(enum kind kind, int fd, uint64_t from, uint64_t to)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        die("fstat");
    }
    uint64_t size = (uint64_t)st.st_size;
    uint64_t end = kind == RESIZE || to > size ? size : to;
    uint64_t len = end > from ? end - from : 0;
    char *data = len > 0 && len <= MAX_CHANGE ? malloc(len) : NULL;
    if (len > 0 && data == NULL) {
        die("a change is too large");
    }
    for (uint64_t done = 0; done < len;) {
        ssize_t got = read_back(fd, data + done, len - done, (off_t)(from + done));
        if (got <= 0) {
            die("pread");
        }
        done += (uint64_t)got;
    }
    note((struct head){.kind = kind,
                       .ino = (uint64_t)st.st_ino,
                       .offset = from,
                       .length = to - from,
                       .size = size,
                       .data_len = (uint32_t)len},
         NULL, NULL, data);
    free(data);
}

/* ---- Files ------------------------------------------------------------------------ */

static int open_watched(const char *path, int flags, mode_t mode)
{
    bool changes = (flags & O_ACCMODE) != O_RDONLY;
    uint64_t ino = ino_of(path);
    if (ino == 0 && (flags & O_CREAT) != 0) {
        note((struct head){.kind = CREATE}, path, NULL, NULL);
    }
    int fd = real.openat(AT_FDCWD, path, flags & ~O_TRUNC, mode);
    if (fd >= MAX_FD) {
        die("too many files");
    }
    if (fd >= 0) {
        self.watched[fd] = true;
        if (changes) {
            keep(path, ino_of(path));
        }
    }
    if (fd >= 0 && changes && (flags & O_TRUNC) != 0) {
        note_bytes(RESIZE, fd, 0, 0);
        (void)real.ftruncate(fd, 0);
    }
    return fd;
}

int openat(int dir, const char *path, int flags, ...)
{
    char full[PATH_MAX];
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (!resolve(full, dir, path)) {
        return real.openat != NULL ? real.openat(dir, path, flags, mode) : -1;
    }
    pthread_mutex_lock(&self.lock);
    int fd = open_watched(full, flags, mode);
    pthread_mutex_unlock(&self.lock);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));

int close(int fd)
{
    if (is_watched(fd)) {
        pthread_mutex_lock(&self.lock);
        self.watched[fd] = false;
        pthread_mutex_unlock(&self.lock);
    }
    return real.close(fd);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (!is_watched(fd)) {
        return real.pwrite(fd, data, len, offset);
    }
    pthread_mutex_lock(&self.lock);
    note_bytes(WRITE, fd, (uint64_t)offset, (uint64_t)offset + len);
    ssize_t put = real.pwrite(fd, data, len, offset);
    pthread_mutex_unlock(&self.lock);
    return put;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset)
    __attribute__((alias("pwrite")));

ssize_t write(int fd, const void *data, size_t len)
{
    if (!is_watched(fd)) {
        return real.write(fd, data, len);
    }
    pthread_mutex_lock(&self.lock);
    off_t at = lseek(fd, 0, SEEK_CUR);
    note_bytes(WRITE, fd, (uint64_t)at, (uint64_t)at + len);
    ssize_t put = real.write(fd, data, len);
    pthread_mutex_unlock(&self.lock);
    return put;
}

int ftruncate(int fd, off_t size)
{
    if (!is_watched(fd)) {
        return real.ftruncate(fd, size);
    }
    pthread_mutex_lock(&self.lock);
    note_bytes(RESIZE, fd, (uint64_t)size, (uint64_t)size);
    int err = real.ftruncate(fd, size);
    pthread_mutex_unlock(&self.lock);
    return err;
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

/* What this could not undo, the library does not use: a test would tell. */
int fallocate(int fd, int mode, off_t offset, off_t len)
{
    (void)fd, (void)mode, (void)offset, (void)len;
    die("fallocate() is not covered");
    return -1;
}

int fallocate64(int fd, int mode, off_t offset, off_t len)
    __attribute__((alias("fallocate")));
int posix_fallocate(int fd, off_t offset, off_t len)
{
    return fallocate(fd, 0, offset, len);
}

int posix_fallocate64(int fd, off_t offset, off_t len)
    __attribute__((alias("posix_fallocate")));

/* ---- Becoming durable ---------------------------------------------------------------
 */

/* Whether this sync of a file succeeds; takes its time. */
static bool sync_succeeds(void)
{
    struct timespec rest = {self.sync_ms / 1000, self.sync_ms % 1000 * 1000000};
    pthread_mutex_lock(&self.lock);
    self.syncs++;
    bool fails = self.fail_sync != 0 && self.syncs >= self.fail_sync;
    pthread_mutex_unlock(&self.lock);
    if (self.sync_ms > 0) {
        nanosleep(&rest, NULL);
    }
    return !fails;
}

static int sync_watched(int fd)
{
    char path[PATH_MAX];
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return -1;
    }
    bool folder = S_ISDIR(st.st_mode);
    pthread_mutex_lock(&self.lock);
    uint64_t until = self.sequence + 1;
    pthread_mutex_unlock(&self.lock);
    if (!folder && !sync_succeeds()) {
        errno = EIO;
        return -1;
    }
    pthread_mutex_lock(&self.lock);
    if (folder && resolve(path, fd, "")) {
        note((struct head){.kind = SYNC_DIR, .sequence = until}, path, NULL, NULL);
    } else if (!folder) {
        note((struct head){.kind = SYNC, .sequence = until, .ino = (uint64_t)st.st_ino},
             NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&self.lock);
    return 0;
}

/* The kernel stays alive: its own flush is not waited for. */
int fsync(int fd)
{
    return is_watched(fd) ? sync_watched(fd) : real.fsync(fd);
}

int fdatasync(int fd)
{
    return is_watched(fd) ? sync_watched(fd) : real.fdatasync(fd);
}

/* ---- Folders ------------------------------------------------------------------------
 */

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    char first[PATH_MAX];
    char second[PATH_MAX];
    if (!resolve(first, from_dir, from) || !resolve(second, to_dir, to)) {
        return real.renameat(from_dir, from, to_dir, to);
    }
    pthread_mutex_lock(&self.lock);
    struct head head = {
        .kind = RENAME, .ino = ino_of(first), .other_ino = ino_of(second)};
    if (head.other_ino != 0) {
        keep(second, head.other_ino);
    }
    note(head, first, second, NULL);
    int err = real.renameat(AT_FDCWD, first, AT_FDCWD, second);
    pthread_mutex_unlock(&self.lock);
    return err;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int dir, const char *path, int flags)
{
    char full[PATH_MAX];
    if (!resolve(full, dir, path)) {
        return real.unlinkat(dir, path, flags);
    }
    pthread_mutex_lock(&self.lock);
    uint64_t ino = ino_of(full);
    if (ino != 0 && (flags & AT_REMOVEDIR) == 0) {
        keep(full, ino);
        note((struct head){.kind = REMOVE, .ino = ino}, full, NULL, NULL);
    }
    int err = real.unlinkat(AT_FDCWD, full, flags);
    pthread_mutex_unlock(&self.lock);
    return err;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    char full[PATH_MAX];
    if (!resolve(full, to_dir, to)) {
        return real.linkat(from_dir, from, to_dir, to, flags);
    }
    pthread_mutex_lock(&self.lock);
    if (ino_of(full) == 0) {
        note((struct head){.kind = CREATE}, full, NULL, NULL);
    }
    int err = real.linkat(from_dir, from, AT_FDCWD, full, flags);
    pthread_mutex_unlock(&self.lock);
    return err;
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    char full[PATH_MAX];
    if (!resolve(full, dir, path)) {
        return real.mkdirat(dir, path, mode);
    }
    pthread_mutex_lock(&self.lock);
    if (ino_of(full) == 0) {
        note((struct head){.kind = MKDIR}, full, NULL, NULL);
    }
    int err = real.mkdirat(AT_FDCWD, full, mode);
    pthread_mutex_unlock(&self.lock);
    return err;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
