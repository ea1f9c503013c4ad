/* cluster.json: any file is read or refused, and what was read can be written. */
#include "api/cluster_file.h"
#include "fuzz.h"

/* One file in memory: only what reading one takes. */
static debros_bytes content;

static int file_open(struct dbr_fs *fs, struct dbr_file **out, const char *path,
                     unsigned flags)
{
    (void)fs;
    (void)path;
    (void)flags;
    *out = (struct dbr_file *)&content;
    return 0;
}

static void file_close(struct dbr_fs *fs, struct dbr_file *file)
{
    (void)fs;
    (void)file;
}

static int64_t file_read(struct dbr_fs *fs, struct dbr_file *file, void *out, size_t len,
                         uint64_t offset)
{
    (void)fs;
    (void)file;
    size_t left = offset < content.len ? content.len - (size_t)offset : 0;
    size_t n = len < left ? len : left;
    if (n > 0) {
        memcpy(out, content.data + offset, n);
    }
    return (int64_t)n;
}

static int file_size(struct dbr_fs *fs, struct dbr_file *file, uint64_t *out)
{
    (void)fs;
    (void)file;
    *out = content.len;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dbr_fs_ops ops = {
        .open = file_open, .close = file_close, .read = file_read, .size = file_size};
    struct dbr_fs fs = {.ops = &ops, .root = "folder"};
    struct dbr_cluster_file file;
    debros_detail detail = {""};
    content = dbr_bytes(data, size);
    int err = dbr_cluster_file_read(&file, &fs, &detail);
    dbr_assert((err == 0) == (detail.text[0] == '\0'));
    if (err == 0) {
        dbr_assert(file.n_members <= DBR_CLUSTER_FILE_MAX_MEMBERS);
        for (size_t i = 0; i < file.n_members; i++) {
            struct dbr_peer_id peer;
            dbr_assert(dbr_multiaddr_peer(&file.members[i], &peer));
        }
    }
    return 0;
}
