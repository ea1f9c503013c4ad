/* db/checkpoint: what a checkpoint made durable, the index that each database had
 * reached. The log may forget what it says, so a database that holds less at the next
 * start has lost something: SQLite takes a damaged WAL for one that ended there.
 *
 *   "DBCHECK1" | le32 databases | for each: le32 length of the name | name | le64 index |
 *   and at the end le32 CRC-32C of everything before
 */
#ifndef DBR_STORE_CHECKPOINT_H
#define DBR_STORE_CHECKPOINT_H

#include "base/buf.h"
#include "base/reader.h"
#include "sql/codec.h"

#define DBR_CHECKPOINT_PATH "db/checkpoint"
#define DBR_CHECKPOINT_MAX  (8u << 20) /* bytes of the file */

struct dbr_store;

struct dbr_checkpoint {
    uint32_t n_left; /* databases to read */
    struct dbr_reader rest;
};

struct dbr_checkpoint_item {
    char name[DBR_SQL_MAX_NAME + 1];
    uint64_t applied;
};

/* 0, or EIO: not a whole file. Checks everything. */
int dbr_checkpoint_decode(struct dbr_checkpoint *out, debros_bytes bytes);
bool dbr_checkpoint_next(struct dbr_checkpoint *checkpoint,
                         struct dbr_checkpoint_item *out);

/* After the databases are durable: notes where they are. */
int dbr_checkpoint_write(struct dbr_store *store, debros_detail *detail);
/* At open, when all files are open: none is missing, none holds less. EIO names it. */
int dbr_checkpoint_check(struct dbr_store *store, debros_detail *detail);

#endif
