/* DATA_DIR/cluster.json: the cluster that a folder belongs to and where its members were
 * when the node joined. The file makes the folder a member's: it is written last. */
#ifndef DBR_API_CLUSTER_FILE_H
#define DBR_API_CLUSTER_FILE_H

#include "core/core.h"
#include "store/fs.h"

#define DBR_CLUSTER_FILE             "cluster.json"
#define DBR_CLUSTER_FILE_MAX_MEMBERS 64u

struct dbr_cluster_file {
    uint8_t cluster_id[DBR_CLUSTER_ID_SIZE];
    struct dbr_multiaddr members[DBR_CLUSTER_FILE_MAX_MEMBERS]; /* ending in /p2p/ID */
    size_t n_members;
};

/* Errors, with detail: ENOTFOUND, EINVAL damaged, EIO, ENOMEM. */
int dbr_cluster_file_read(struct dbr_cluster_file *out, struct dbr_fs *fs,
                          debros_detail *detail);
/* Errors, with detail: ENOSPC, EIO, ENOMEM. */
int dbr_cluster_file_write(const struct dbr_cluster_file *file, struct dbr_fs *fs,
                           debros_detail *detail);

#endif
