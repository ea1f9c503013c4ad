#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
static int
fail(struct dbr_run *out, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dbr_text_format(out->detail, sizeof(out->detail), format, args);
    va_end(args);
    out->err = err;
    return err;
}

int dbr_run_trouble(int rc, int disk)
{
    if (disk != 0) {
        return disk == DEBROS_ENOSPC || disk == DEBROS_ENOMEM ? disk : DEBROS_EIO;
    }
    if (rc == SQLITE_CORRUPT_VTAB) {
        return 0; /* full text search says so about wrong commands too */
    }
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return DEBROS_ENOMEM;
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return DEBROS_EIO;
    default:
        return 0; /* FULL without a full disk: no rowid is left */
    }
}

/* Puts SQLite's code into words. */
static int explain(struct dbr_run *out, struct dbr_db *db, struct dbr_vfs *vfs, int rc)
{
    bool applier = db->kind == DBR_DB_APPLIER;
    int trouble = dbr_run_trouble(rc, applier ? dbr_vfs_error(vfs, false) : 0);
    if (trouble != 0) {
        char words[DBR_VFS_DAMAGE];
        out->trouble = true;
        return fail(out, trouble, "%s", dbr_db_message(db, words));
    }
    if (db->refusal[0] != '\0') {
        return fail(out, DEBROS_EACCES, "%s", db->refusal);
    }
    switch (rc & 0xff) {
    case SQLITE_AUTH:
        return fail(out, DEBROS_EACCES, "%s", sqlite3_errmsg(db->sql));
    case SQLITE_INTERRUPT:
        return applier ? fail(out, DEBROS_ELIMIT,
                              "stopped: the transaction took more than %u million steps",
                              db->max_steps)
                       : fail(out, DEBROS_ETIMEDOUT, "stopped: the deadline passed");
    case SQLITE_TOOBIG:
        return fail(out, DEBROS_ELIMIT, "%s: a value or row may have %d bytes",
                    sqlite3_errmsg(db->sql), DBR_DB_MAX_LENGTH);
    case SQLITE_BUSY:
        out->trouble = applier;
        return fail(out, applier ? DEBROS_EIO : DEBROS_EBUSY, "%s",
                    sqlite3_errmsg(db->sql));
    default:
        return fail(out, DEBROS_ESQL, "%s", sqlite3_errmsg(db->sql));
    }
}

static int bind(sqlite3_stmt *stmt, const debros_statement *statement)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < statement->n_params; i++) {
        const debros_value *value = &statement->params[i];
        /* A NULL pointer would bind NULL. */
        const void *data = value->as.bytes.data;
        int at = (int)i + 1;
        switch (value->type) {
        case DEBROS_INTEGER:
            rc = sqlite3_bind_int64(stmt, at, value->as.integer);
            break;
        case DEBROS_REAL:
            rc = sqlite3_bind_double(stmt, at, value->as.real);
            break;
        case DEBROS_TEXT:
            rc = sqlite3_bind_text64(stmt, at, value->as.bytes.len == 0 ? "" : data,
                                     value->as.bytes.len, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case DEBROS_BLOB:
            rc = sqlite3_bind_blob64(stmt, at, value->as.bytes.len == 0 ? "" : data,
                                     value->as.bytes.len, SQLITE_STATIC);
            break;
        case DEBROS_NULL:
        default:
            rc = sqlite3_bind_null(stmt, at);
            break;
        }
    }
    return rc;
}

/* 0 and a bound statement. */
static int prepare(struct dbr_run *out, struct dbr_db *db, struct dbr_vfs *vfs,
                   const debros_statement *statement, sqlite3_stmt **stmt)
{
    bool more = false;
    /* It asks the authorizer late and in others' words. */
    if (strncasecmp(dbr_db_first_word(statement->sql), "VACUUM", 6) == 0) {
        return fail(out, DEBROS_EACCES,
                    "VACUUM is not allowed: the store keeps its files");
    }
    int rc = dbr_db_prepare(db, statement->sql, stmt, &more);
    if (rc != SQLITE_OK) {
        return explain(out, db, vfs, rc);
    }
    if (more) {
        return fail(out, DEBROS_EINVAL,
                    "more than one statement in the text: send each on "
                    "its own in one transaction");
    }
    if (*stmt == NULL) {
        return fail(out, DEBROS_EINVAL, "the text holds no statement");
    }
    size_t needed = (size_t)sqlite3_bind_parameter_count(*stmt);
    if (needed != statement->n_params) {
        return fail(out, DEBROS_EINVAL, "%zu parameter%s given, %zu needed",
                    statement->n_params, statement->n_params == 1 ? "" : "s", needed);
    }
    if (db->kind == DBR_DB_READER && !sqlite3_stmt_readonly(*stmt)) {
        return fail(out, DEBROS_EINVAL, "this statement writes: use exec");
    }
    rc = bind(*stmt, statement);
    if (rc != SQLITE_OK) {
        explain(out, db, vfs, rc);
        (void)sqlite3_clear_bindings(*stmt);
        return out->err;
    }
    return 0;
}

static int step_all(struct dbr_db *db, sqlite3_stmt *stmt, struct dbr_rows *rows)
{
    int rc = sqlite3_step(stmt);
    if (rows == NULL) {
        while (rc == SQLITE_ROW) {
            rc = sqlite3_step(stmt);
        }
        return rc;
    }
    /* Only now: the step may have prepared anew, with other columns. */
    dbr_rows_begin(rows, stmt);
    while (rc == SQLITE_ROW) {
        dbr_rows_add(rows, stmt);
        /* A replica whose rows nobody wants runs to the end, so all appliers must:
         * random() would go on from elsewhere. */
        if ((rows->too_large || rows->failed) && db->kind == DBR_DB_READER) {
            return SQLITE_DONE;
        }
        rc = sqlite3_step(stmt);
    }
    return rc;
}

int dbr_run(struct dbr_run *out, struct dbr_db *db, struct dbr_vfs *vfs,
            const debros_statement *statement, struct dbr_rows *rows)
{
    sqlite3_stmt *stmt = NULL;
    memset(out, 0, sizeof(*out));
    if (prepare(out, db, vfs, statement, &stmt) != 0) {
        return out->err;
    }
    int64_t before = sqlite3_total_changes64(db->sql);
    /* The limit in steps begins anew with each run of a kept statement. */
    (void)sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    int rc = step_all(db, stmt, rows);
    if (rc != SQLITE_DONE) {
        explain(out, db, vfs, rc);
        out->undone = db->kind == DBR_DB_APPLIER && sqlite3_get_autocommit(db->sql) != 0;
    } else if (sqlite3_total_changes64(db->sql) != before) {
        out->rows_affected = sqlite3_changes64(db->sql);
    }
    out->last_insert_id = sqlite3_last_insert_rowid(db->sql);
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    if (db->changes_schema) {
        /* Kept statements would prepare anew in their middle. */
        db->schema_changed = true;
        dbr_db_clear_cache(db);
    }
    return out->err;
}
