/* What a namespace's file says about the log: _debros_requests holds what became of each
 * request, and the index of its newest one, or a later one in _debros_meta, is that up to
 * which everything is in the file. An index below 0 there, -1 - index, counts alone: the
 * newest request is one of an entry that is there in part.
 *
 * A client numbers its requests 1, 2, 3, ..., and an entry mostly holds many that follow
 * each other: they share a row, a run. The newest row grows while it is small and the
 * same client goes on. So the rows cost little beside the statements that they
 * remember. */
#ifndef DBR_STORE_MEMORY_H
#define DBR_STORE_MEMORY_H

#include "base/buf.h"
#include "base/hash.h"
#include "db.h"
#include "memory_row.h"
#include "sql/types.h"

/* Makes the tables in a new file, with `applied`. Reads the index. */
int dbr_memory_open(struct dbr_db *db, uint64_t applied, uint64_t *out,
                    debros_detail *detail);
/* The index that the connection's read transaction sees. SQLite's code. The statement is
 * left in its row: reset it to end the transaction. */
int dbr_memory_applied(struct dbr_db *db, sqlite3_stmt **stmt, uint64_t *out);
/* `applied` is the file's index from the next commit on; where the newest request says so
 * already, that costs nothing. `partly`: the next entry is there in part. */
int dbr_memory_set_applied(struct dbr_db *db, uint64_t applied, bool partly);

#define DBR_MEMORY_MAX_RUN     4096u       /* requests in one row */
#define DBR_MEMORY_MAX_BYTES   (64u << 10) /* of one row, but for its last request */
#define DBR_MEMORY_MAX_CLIENTS 1024u       /* whose last number is known */

/* What became of a transaction. */
struct dbr_request {
    uint64_t index;
    int status;
    size_t failed;
    debros_bytes detail;
    debros_bytes results; /* of each statement: rows affected, last id; le64 each */
};

/* The highest number of a client that the file knows, so that most requests are known to
 * be new without a look at the file. */
struct dbr_memory_client {
    UT_hash_handle hh;
    uint8_t client[DBR_SQL_CLIENT_SIZE];
    bool any;
    int64_t last;
};

/* The applier's, beside a file: what it will hold with the next flush. */
struct dbr_memory {
    bool says_it_all;                  /* _debros_meta does not count alone */
    struct dbr_memory_client *clients; /* hash */
    struct dbr_memory_row newest;
    uint8_t client[DBR_SQL_CLIENT_SIZE];
    int64_t first;
    uint32_t count; /* 0: nothing waits */
    uint64_t index;
    uint64_t oldest;
    struct dbr_buf outcomes;
};
void dbr_memory_destroy(struct dbr_memory *memory); /* NULL allowed */

/* SQLITE_ROW: `out` is filled, valid until the statement is reset; SQLITE_DONE: unknown;
 * or an error. Only requests of indexes from `min` to `max` count. */
int dbr_memory_find(struct dbr_db *db, const struct dbr_sql_key *key, uint64_t min,
                    uint64_t max, struct dbr_request *out, sqlite3_stmt **stmt);
/* Remembers; in the file with the next flush. Requests of indexes below `oldest` may be
 * forgotten. SQLite's code. */
int dbr_memory_add(struct dbr_db *db, const struct dbr_sql_key *key,
                   const struct dbr_request *request, uint64_t oldest);
/* Writes what waits: at each entry's end, so that the rows are the same everywhere. */
int dbr_memory_flush(struct dbr_db *db);
/* Drops what waits: its transaction was rolled back. */
void dbr_memory_drop(struct dbr_db *db);
/* Fills a reply from what is remembered. */
void dbr_memory_reply(struct dbr_sql_reply *reply, const struct dbr_request *request);

#endif
