/* A snapshot in few words: what the replicated log carries in its place. */
#ifndef DBR_TRANSFER_DESCRIPTOR_H
#define DBR_TRANSFER_DESCRIPTOR_H

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/hash.h"

#define DBR_SNAPSHOT_ID_SIZE    16
#define DBR_DESCRIPTOR_FILES    65536u
#define DBR_DESCRIPTOR_MAX      (8u << 20) /* bytes of one */
#define DBR_DESCRIPTOR_NAME_MAX 63u
#define DBR_DESCRIPTOR_FILE_MAX ((uint64_t)1 << 48) /* bytes of one file */

struct dbr_descriptor_file {
    char name[DBR_DESCRIPTOR_NAME_MAX + 1]; /* the namespace's; any bytes but NUL */
    uint64_t size;                          /* at least 1 */
    uint8_t hash[DBR_BLAKE2B_SIZE];
};

struct dbr_descriptor {
    uint8_t id[DBR_SNAPSHOT_ID_SIZE];
    uint64_t index;
    uint64_t total; /* bytes of all files */
    size_t n_files;
    struct dbr_descriptor_file *files; /* names ascend */
};

/* Appends index and files; the id comes from the bytes. 0 or ENOMEM. */
int dbr_descriptor_encode(struct dbr_buf *out, uint64_t index,
                          const struct dbr_descriptor_file *files, size_t n_files);
/* 0, EPROTO or ENOMEM. */
int dbr_descriptor_decode(struct dbr_descriptor *out, debros_bytes bytes);
void dbr_descriptor_finish(struct dbr_descriptor *descriptor);
/* The id of the snapshot that `bytes` describe. */
void dbr_descriptor_id(uint8_t out[DBR_SNAPSHOT_ID_SIZE], debros_bytes bytes);
/* The file that byte `offset` of the snapshot lies in, and where in it; n_files at the
 * end. */
size_t dbr_descriptor_at(const struct dbr_descriptor *descriptor, uint64_t offset,
                         uint64_t *inside);

#endif
