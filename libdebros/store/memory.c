#include "memory.h"

#include <string.h>

#include "base/detail.h"
#include "base/reader.h"
#include "run.h"

#define FORMAT 1

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS _debros_meta(id INTEGER PRIMARY KEY, format INTEGER NOT "
    "NULL,"
    " applied INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS _debros_requests(id INTEGER PRIMARY KEY, client BLOB NOT "
    "NULL,"
    " seq INTEGER NOT NULL, idx INTEGER NOT NULL, status INTEGER NOT NULL,"
    " failed INTEGER NOT NULL, detail TEXT NOT NULL, results BLOB NOT NULL,"
    " UNIQUE(client, seq));"
    "INSERT OR IGNORE INTO _debros_meta VALUES(1, 1, 0);"
    "COMMIT";

static int report(struct dbr_db *db, int rc, debros_detail *detail)
{
    int err = dbr_run_trouble(rc, 0);
    err = err == 0 ? ((rc & 0xff) == SQLITE_FULL ? DEBROS_ENOSPC : DEBROS_EIO) : err;
    return dbr_detail_set(detail, err, "%s: %s", sqlite3_db_filename(db->sql, "main"),
                          sqlite3_errmsg(db->sql));
}

int dbr_memory_open(struct dbr_db *db, uint64_t applied, uint64_t *out,
                    debros_detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_META_GET, &stmt);
    if (rc == SQLITE_ERROR) {
        rc = dbr_internal_exec(db, schema);
        if (rc == SQLITE_OK && applied > 0) {
            rc = dbr_memory_set_applied(db, applied);
        }
        if (rc != SQLITE_OK && sqlite3_get_autocommit(db->sql) == 0) {
            (void)dbr_internal_exec(db, "ROLLBACK");
        }
        if (rc == SQLITE_OK) {
            rc = dbr_internal_get(db, DBR_INTERNAL_META_GET, &stmt);
        }
    }
    if (rc != SQLITE_OK) {
        return report(db, rc, detail);
    }
    rc = dbr_internal_step(db, stmt);
    int64_t format = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    *out = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 1) : 0;
    (void)sqlite3_reset(stmt);
    if (rc == SQLITE_ROW && format != FORMAT) {
        return dbr_detail_set(detail, DEBROS_EIO,
                              "%s: made by another version (format %lld)",
                              sqlite3_db_filename(db->sql, "main"), (long long)format);
    }
    return rc == SQLITE_ROW ? 0
                            : report(db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, detail);
}

int dbr_memory_applied(struct dbr_db *db, sqlite3_stmt **stmt, uint64_t *out)
{
    int rc = dbr_internal_get(db, DBR_INTERNAL_META_GET, stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = dbr_internal_step(db, *stmt);
    *out = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(*stmt, 1) : 0;
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int dbr_memory_set_applied(struct dbr_db *db, uint64_t applied)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_META_SET, &stmt);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)applied);
        rc = dbr_internal_step(db, stmt);
        (void)sqlite3_reset(stmt);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void bind_key(sqlite3_stmt *stmt, const struct dbr_sql_key *key)
{
    (void)sqlite3_bind_blob(stmt, 1, key->client, DBR_SQL_CLIENT_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)key->seq);
}

int dbr_memory_find(struct dbr_db *db, const struct dbr_sql_key *key, uint64_t min,
                    uint64_t max, struct dbr_request *out, sqlite3_stmt **stmt)
{
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_FIND, stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    bind_key(*stmt, key);
    rc = dbr_internal_step(db, *stmt);
    if (rc != SQLITE_ROW) {
        return rc;
    }
    out->index = (uint64_t)sqlite3_column_int64(*stmt, 0);
    out->status = sqlite3_column_int(*stmt, 1);
    out->failed = (size_t)sqlite3_column_int64(*stmt, 2);
    out->detail = (const char *)sqlite3_column_text(*stmt, 3);
    out->results.data = sqlite3_column_blob(*stmt, 4);
    out->results.len = (size_t)sqlite3_column_bytes(*stmt, 4);
    if (out->detail == NULL) {
        return SQLITE_NOMEM;
    }
    return out->index >= min && out->index <= max ? SQLITE_ROW : SQLITE_DONE;
}

int dbr_memory_add(struct dbr_db *db, const struct dbr_sql_key *key,
                   const struct dbr_request *request)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_ADD, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    bind_key(stmt, key);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)request->index);
    (void)sqlite3_bind_int(stmt, 4, request->status);
    (void)sqlite3_bind_int64(stmt, 5, (sqlite3_int64)request->failed);
    (void)sqlite3_bind_text(stmt, 6, request->detail, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob64(
        stmt, 7, request->results.len == 0 ? "" : (const void *)request->results.data,
        request->results.len, SQLITE_STATIC);
    rc = dbr_internal_step(db, stmt);
    (void)sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int dbr_memory_prune(struct dbr_db *db, size_t count, uint64_t min)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_PRUNE, &stmt);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)count);
        (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)min);
        rc = dbr_internal_step(db, stmt);
        (void)sqlite3_reset(stmt);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void dbr_memory_reply(struct dbr_sql_reply *reply, const struct dbr_request *request)
{
    reply->index = request->index;
    if (request->status != 0) {
        (void)dbr_sql_reply_fail(reply, request->status, "%s", request->detail);
        reply->failed = request->failed;
        return;
    }
    size_t count = request->results.len / 16;
    debros_result *results = dbr_arena_calloc(&reply->arena, count, sizeof(*results));
    if (results == NULL) {
        (void)dbr_sql_reply_fail(reply, DEBROS_ENOMEM,
                                 "applied, but out of memory for the answer");
        return;
    }
    struct dbr_reader r;
    dbr_reader_init(&r, request->results);
    for (size_t i = 0; i < count; i++) {
        results[i].rows_affected = (int64_t)dbr_reader_le64(&r);
        results[i].last_insert_id = (int64_t)dbr_reader_le64(&r);
    }
    reply->results = results;
    reply->n_results = count;
}
