/* What this node knows of the network, so that it outlives the process: values and
 * providers that it holds for the hash table, and the peer book, in network.db beside the
 * cluster's databases. It is this node's alone, never replicated, and can be learned
 * again. So a write is never flushed by itself: after a power cut the file holds an
 * earlier state, whole. A file that is damaged or of another format is moved aside and
 * begun anew; nothing here keeps a node from starting.
 *
 * One thread at a time. The file is made by the first write. */
#ifndef DBR_STORE_NETWORK_H
#define DBR_STORE_NETWORK_H

#include "base/logger.h"
#include "dht/job.h"
#include "store/fs.h"

#define DBR_NETWORK_FILE "network.db"
#define DBR_NETWORK_OLD  "network.db.old" /* what was set aside last */
/* Rows and bytes of them that a start reads; the stores in memory hold less. */
#define DBR_NETWORK_READ_ROWS  (1u << 16)
#define DBR_NETWORK_READ_BYTES (64u << 20)

struct sqlite3;
struct sqlite3_stmt;
struct dbr_vfs;

enum dbr_network_statement {
    DBR_NETWORK_BEGIN,
    DBR_NETWORK_COMMIT,
    DBR_NETWORK_ROLLBACK,
    DBR_NETWORK_PUT_VALUE,
    DBR_NETWORK_PUT_PROVIDER,
    DBR_NETWORK_DELETE_VALUE,
    DBR_NETWORK_DELETE_PROVIDER,
    DBR_NETWORK_CLEAR_VALUES,
    DBR_NETWORK_CLEAR_PROVIDERS,
    DBR_NETWORK_PUT_BOOK,
    DBR_NETWORK_READ_VALUES,
    DBR_NETWORK_READ_PROVIDERS,
    DBR_NETWORK_READ_BOOK,
    DBR_NETWORK_STATEMENTS
};

struct dbr_network {
    struct dbr_fs *fs;
    const struct dbr_logger *logger;
    struct dbr_vfs *vfs;
    struct sqlite3 *sql; /* NULL: not open */
    struct sqlite3_stmt *statements[DBR_NETWORK_STATEMENTS];
    bool is_known; /* the file holds what jobs have told and nothing else */
    debros_detail detail;
};

/* Reads what there is into `found`, which is zeroed; a warning says what could not be
 * read and why. `fs` and `logger` are borrowed. */
void dbr_network_open(struct dbr_network *network, struct dbr_fs *fs,
                      const struct dbr_logger *logger, struct dbr_network_batch *found);
/* Fills the job's outputs. */
void dbr_network_write(struct dbr_network *network, struct dbr_network_job *job);
void dbr_network_close(struct dbr_network *network); /* zeroed allowed */

/* network_rows.c. These return 0, EPROTO the file is damaged or of another format,
 * ENOSPC, EIO, ENOMEM, with words in network->detail. */

/* Makes the tables in an empty file, prepares the statements. */
int dbr_network_prepare(struct dbr_network *network);
int dbr_network_read(struct dbr_network *network, struct dbr_network_batch *out);
/* All of it or nothing. */
int dbr_network_change(struct dbr_network *network,
                       const struct dbr_network_batch *changes);
/* The error of SQLite's code, with SQLite's words. */
int dbr_network_failed(struct dbr_network *network, int rc);

#endif
