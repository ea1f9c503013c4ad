/* Our own statements on a namespace's file: transactions and the tables _debros_*. */
#ifndef DBR_STORE_INTERNAL_H
#define DBR_STORE_INTERNAL_H

enum dbr_internal {
    DBR_INTERNAL_BEGIN,
    DBR_INTERNAL_COMMIT,
    DBR_INTERNAL_ROLLBACK,
    DBR_INTERNAL_SAVEPOINT,
    DBR_INTERNAL_RELEASE,
    DBR_INTERNAL_ROLLBACK_TO,
    DBR_INTERNAL_META_GET,
    DBR_INTERNAL_META_SET,
    DBR_INTERNAL_REQUEST_LAST,
    DBR_INTERNAL_REQUEST_FIND,
    DBR_INTERNAL_REQUEST_ADD,
    DBR_INTERNAL_REQUEST_GROW,
    DBR_INTERNAL_REQUEST_NEWEST,
    DBR_INTERNAL_REQUEST_PRUNE,
    DBR_INTERNAL_NAMESPACES,
    DBR_INTERNAL_COUNT
};

struct dbr_db;
struct sqlite3_stmt;

/* Prepares on first use. SQLite's code. */
int dbr_internal_get(struct dbr_db *db, enum dbr_internal which,
                     struct sqlite3_stmt **out);
/* Steps once with our rights: SQLITE_ROW, SQLITE_DONE or an error. */
int dbr_internal_step(struct dbr_db *db, struct sqlite3_stmt *stmt);
/* A statement without parameters and rows, from beginning to end. */
int dbr_internal_run(struct dbr_db *db, enum dbr_internal which);
/* Several statements of ours at once, for schemas. */
int dbr_internal_exec(struct dbr_db *db, const char *text);

#endif
