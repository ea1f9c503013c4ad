#include "api/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/detail.h"
#include "crypto/hash.h"
#include "crypto/system.h"
#include "multi/peer_id.h"

#define FILE_MAX 256 /* more than any form of a key needs */

static int fail(debros_detail *detail, const char *what, const char *path)
{
    int err = errno == ENOENT || errno == ENOTDIR  ? DEBROS_ENOTFOUND
              : errno == EACCES || errno == EPERM  ? DEBROS_EACCES
              : errno == ENOSPC || errno == EDQUOT ? DEBROS_ENOSPC
              : errno == EEXIST                    ? DEBROS_EEXISTS
                                                   : DEBROS_EIO;
    return dbr_detail_set(detail, err, "cannot %s key file '%s': %s", what, path,
                          strerror(errno));
}

/* Returns the bytes read, or -1. */
static ssize_t read_all(int fd, uint8_t *out, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, out + len, size - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (ssize_t)len;
}

int dbr_identity_load(struct dbr_keypair *out, const char *path, debros_detail *detail)
{
    uint8_t bytes[FILE_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail(detail, "open", path);
    }
    ssize_t len = read_all(fd, bytes, sizeof(bytes));
    if (len < 0) {
        int err = fail(detail, "read", path);
        close(fd);
        return err;
    }
    close(fd);
    int err = dbr_private_key_decode(out, dbr_bytes(bytes, (size_t)len));
    dbr_wipe(bytes, sizeof(bytes));
    if (err != 0) {
        return dbr_detail_set(
            detail, DEBROS_EINVAL,
            "key file '%s' is damaged: restore it from a copy; it is never "
            "replaced by a new key",
            path);
    }
    return 0;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return fsync(fd) == 0;
}

static void sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        snprintf(folder, sizeof(folder), ".");
    } else {
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
    }
    int fd = open(folder, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

int dbr_identity_save(const struct dbr_keypair *keypair, const char *path,
                      debros_detail *detail)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >=
        (int)sizeof(temporary)) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "the path of a key file is too long");
    }
    uint8_t message[DBR_PRIVATE_KEY_MESSAGE_SIZE];
    unlink(temporary); /* of an attempt that was cut off */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(detail, "create", path);
    }
    dbr_private_key_encode(message, keypair);
    bool written = write_all(fd, message, sizeof(message));
    dbr_wipe(message, sizeof(message));
    int err = written ? 0 : fail(detail, "write", path);
    close(fd);
    /* A link, unlike a rename, never takes the place of a file that is there. */
    if (err == 0 && link(temporary, path) != 0) {
        err = fail(detail, "create", path);
    }
    unlink(temporary);
    sync_folder_of(path);
    return err;
}

int dbr_identity_load_or_create(struct dbr_keypair *out, const char *path,
                                struct dbr_rng *rng, debros_detail *detail)
{
    int err = dbr_identity_load(out, path, detail);
    if (err != DEBROS_ENOTFOUND) {
        return err;
    }
    dbr_keypair_generate(out, rng);
    err = dbr_identity_save(out, path, detail);
    if (err == DEBROS_EEXISTS) {
        err = dbr_identity_load(out, path, detail); /* another process was faster */
    }
    if (err != 0) {
        dbr_keypair_wipe(out);
    }
    return err;
}

int debros_identity_read(const char *path, char peer_id[64], debros_detail *detail)
{
    struct dbr_keypair keypair;
    struct dbr_peer_id id;
    int err = path == NULL ? dbr_detail_set(detail, DEBROS_EINVAL, "no path") : 0;
    if (err == 0) {
        err = dbr_crypto_init();
    }
    if (err == 0) {
        err = dbr_identity_load(&keypair, path, detail);
    }
    if (err != 0) {
        return err;
    }
    dbr_peer_id_from_key(&id, keypair.public_key);
    dbr_peer_id_text(&id, peer_id);
    dbr_keypair_wipe(&keypair);
    return 0;
}
