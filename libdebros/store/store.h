/* The node's state on disk: the replicated log's segments and one SQLite file for each
 * namespace, over file operations that are handed in. Functions block; in life three
 * kinds of threads call them: one log thread, one applier, a few readers, one for bulk
 * jobs, one for what is known of the network. They never wait for each other but for
 * SQLite's own file of a namespace.
 *
 *   log/    segments: records with CRC-32C, preallocated, one sync for each batch
 *   db/     NAME.db (SQLite, WAL) for each namespace, _system.db for the cluster's
 *           tables; each page has a checksum; checkpoint says what they must hold
 *   image/  copies that members fetch, snapshots that are received or wait for their swap
 *   network.db  what this node knows of the network; see network.h
 */
#ifndef DBR_STORE_STORE_H
#define DBR_STORE_STORE_H

#include "base/logger.h"
#include "consensus/log_op.h"
#include "dht/job.h"
#include "sql/job.h"
#include "store/fs.h"
#include "transfer/job.h"

struct dbr_store;

struct dbr_store_config {
    struct dbr_fs *fs;        /* borrowed */
    size_t segment_size;      /* bytes of one log segment, default 16 MiB */
    size_t n_readers;         /* reader connections per namespace, default 2 */
    uint64_t request_horizon; /* a request id is remembered for so many log indexes;
                                 default 100,000 */
    unsigned max_steps; /* a transaction that takes more million steps of SQLite's virtual
                           machine fails with ELIMIT; the same on every replica, as the
                           horizon above; default 300 (some seconds) */
    uint64_t seed;      /* of random() in queries; in life a random number */
    size_t bulk_step;   /* bytes that one bulk job copies or hashes; default 8 MiB */
    size_t bulk_sync;   /* bytes received between two syncs; default 16 MiB */
    int64_t (*wall_ms)(void *clock_data); /* unix time that queries see; NULL: 0 */
    int64_t (*now_ms)(
        void *clock_data);           /* monotonic, for their deadlines; NULL: none pass */
    void *clock_data;                /* both may be called from any reader thread */
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};
void dbr_store_config_default(struct dbr_store_config *config);

/* Opens or creates, recovers: cuts a torn log tail, finishes an interrupted image swap.
 * Damage is an error that names file and offset (EIO), never repaired by forgetting.
 * EBUSY: another process holds the folder. */
int dbr_store_open(struct dbr_store **out, const struct dbr_store_config *config,
                   debros_detail *detail);
/* All threads must have left. Checkpoints what it can. */
void dbr_store_close(struct dbr_store *store);

/* What the log held at open; valid until dbr_store_forget_log_state(). */
const struct dbr_log_state *dbr_store_log_state(const struct dbr_store *store);
void dbr_store_forget_log_state(struct dbr_store *store);
/* Index of the last entry that the databases hold, at open. */
uint64_t dbr_store_applied(const struct dbr_store *store);
/* What the node knew of the network before; valid until dbr_store_forget_network(). */
const struct dbr_network_batch *dbr_store_network(const struct dbr_store *store);
void dbr_store_forget_network(struct dbr_store *store);

/* Log thread: makes all ops of the list durable with one sync. 0; ENOSPC: nothing was
 * lost, call again with the same list when there is room; EIO: the log must not be
 * used again, the node stops. Also EIO, and nothing written: the files of an INSTALL are
 * not here, or it describes a state older than the operation's index. It may be newer:
 * each database knows what it holds, and the entries in between are skipped.
 * `ahead`: where the list is one entry, the next to be applied, its statements run while
 * the disk writes, if they are quick; the applier's thread has nothing to do now, as for
 * dbr_store_apply_quick(). The entry's job finds them done. */
int dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops, bool ahead,
                        debros_detail *detail);
/* Index of the entry whose statements were run so and wait for its job; 0: none. */
uint64_t dbr_store_ahead(const struct dbr_store *store);
/* Applier thread: fills the job's outputs. After ENOSPC the same job may be given again;
 * outcomes that it holds already stay. */
void dbr_store_apply(struct dbr_store *store, struct dbr_apply_job *job);
/* Any thread, while the applier's has nothing to do: entries of short statements that
 * were short before, done in a moment, without a sync. False: it would take longer,
 * nothing was done, the job is the applier's. */
bool dbr_store_apply_quick(struct dbr_store *store, struct dbr_apply_job *job);
/* Reader thread number `reader` < n_readers: fills job->reply. */
void dbr_store_query(struct dbr_store *store, struct dbr_query_job *job, size_t reader);
/* Any thread, while the readers have nothing to do: a query that was short before, done
 * in a moment. False: it would take longer, nothing was done, the job is a reader's. */
bool dbr_store_query_quick(struct dbr_store *store, struct dbr_query_job *job);

/* Bulk thread: fills the job's outputs. */
void dbr_store_bulk(struct dbr_store *store, struct dbr_bulk_job *job);

/* Network thread: fills the job's outputs. */
void dbr_store_write_network(struct dbr_store *store, struct dbr_network_job *job);

/* Small files beside, replaced as a whole and durable when it returns (temporary file,
 * sync, rename, sync of the folder). read: appends the content; ENOTFOUND. Used for
 * identity.key, operator.key, cluster.json, ... */
struct dbr_buf;
int dbr_fs_write_file(struct dbr_fs *fs, const char *path, debros_bytes content);
int dbr_fs_read_file(struct dbr_fs *fs, const char *path, struct dbr_buf *out,
                     size_t max);
/* The same without the zeroes at the file's end, all or most of them, which take no
 * memory: for files that are much larger than what was written to them. */
int dbr_fs_read_written(struct dbr_fs *fs, const char *path, struct dbr_buf *out);

#endif
