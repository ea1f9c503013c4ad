/* What a namespace's file says about the log: _debros_meta holds the index up to which
 * everything is in the file, _debros_requests what became of each request. */
#ifndef DBR_STORE_MEMORY_H
#define DBR_STORE_MEMORY_H

#include "base/buf.h"
#include "db.h"
#include "sql/types.h"

/* Makes the tables in a new file, with `applied`. Reads the index. */
int dbr_memory_open(struct dbr_db *db, uint64_t applied, uint64_t *out,
                    debros_detail *detail);
/* The index that the connection's read transaction sees. SQLite's code. The statement is
 * left in its row: reset it to end the transaction. */
int dbr_memory_applied(struct dbr_db *db, sqlite3_stmt **stmt, uint64_t *out);
int dbr_memory_set_applied(struct dbr_db *db, uint64_t applied);

/* What became of a transaction. */
struct dbr_request {
    uint64_t index;
    int status;
    size_t failed;
    const char *detail;
    debros_bytes results; /* of each statement: rows affected, last id; le64 each */
};

/* SQLITE_ROW: `out` is filled, valid until the statement is reset; SQLITE_DONE: unknown;
 * or an error. Only requests of indexes from `min` to `max` count. */
int dbr_memory_find(struct dbr_db *db, const struct dbr_sql_key *key, uint64_t min,
                    uint64_t max, struct dbr_request *out, sqlite3_stmt **stmt);
int dbr_memory_add(struct dbr_db *db, const struct dbr_sql_key *key,
                   const struct dbr_request *request);
/* Forgets some of the requests below `min`: of the oldest `count`. */
int dbr_memory_prune(struct dbr_db *db, size_t count, uint64_t min);
/* Fills a reply from what is remembered. */
void dbr_memory_reply(struct dbr_sql_reply *reply, const struct dbr_request *request);

#endif
