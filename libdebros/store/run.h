/* One statement of a user on a connection, from text to result or to words. */
#ifndef DBR_STORE_RUN_H
#define DBR_STORE_RUN_H

#include "db.h"

struct dbr_run {
    int err;          /* 0 or DEBROS_E* */
    bool trouble;     /* not the statement's fault: memory, disk, a damaged file */
    bool undone;      /* SQLite has rolled back everything, also what came before */
    char detail[400]; /* for people, without the statement's number */
    int64_t rows_affected;
    int64_t last_insert_id;
};

/* Runs to the end. `rows` may be NULL: rows are not wanted. Returns out->err. */
int dbr_run(struct dbr_run *out, struct dbr_db *db, struct dbr_vfs *vfs,
            const debros_statement *statement, struct dbr_rows *rows);

/* What SQLite's code means beyond the statement: EIO, ENOSPC, ENOMEM; 0: it is about the
 * statement. `disk` is the error that the files had, or 0. */
int dbr_run_trouble(int rc, int disk);

#endif
