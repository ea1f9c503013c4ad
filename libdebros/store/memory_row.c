#include "memory_row.h"

#include <string.h>

#include "memory.h"

void dbr_memory_row_forget(struct dbr_memory_row *row)
{
    dbr_buf_finish(&row->outcomes);
    *row = (struct dbr_memory_row){0};
}

int dbr_memory_row_load(struct dbr_db *db)
{
    struct dbr_memory_row *row = &db->memory->newest;
    sqlite3_stmt *stmt = NULL;
    if (row->is_known) {
        return SQLITE_OK;
    }
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_NEWEST, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = dbr_internal_step(db, stmt);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 1) == DBR_SQL_CLIENT_SIZE) {
        row->id = sqlite3_column_int64(stmt, 0);
        memcpy(row->client, sqlite3_column_blob(stmt, 1), DBR_SQL_CLIENT_SIZE);
        row->first = sqlite3_column_int64(stmt, 2);
        row->count = sqlite3_column_int64(stmt, 3);
        row->index = (uint64_t)sqlite3_column_int64(stmt, 4);
        size_t len = (size_t)sqlite3_column_bytes(stmt, 5);
        row->may_grow = len <= DBR_MEMORY_MAX_GROWN;
        if (row->may_grow) {
            dbr_buf_add(&row->outcomes, sqlite3_column_blob(stmt, 5), len);
        }
    }
    (void)sqlite3_reset(stmt);
    row->is_known = !row->outcomes.failed && (rc == SQLITE_ROW || rc == SQLITE_DONE);
    return row->outcomes.failed ? SQLITE_NOMEM : row->is_known ? SQLITE_OK : rc;
}

bool dbr_memory_row_joins(const struct dbr_memory *memory)
{
    const struct dbr_memory_row *row = &memory->newest;
    return row->may_grow && row->count + memory->count <= DBR_MEMORY_MAX_RUN &&
           row->first <= INT64_MAX - (int64_t)DBR_MEMORY_MAX_RUN &&
           memory->first == row->first + row->count && memory->index >= row->index &&
           row->outcomes.len + memory->outcomes.len <= DBR_MEMORY_MAX_GROWN &&
           memcmp(memory->client, row->client, DBR_SQL_CLIENT_SIZE) == 0;
}

static void add_group(struct dbr_memory_row *row, const struct dbr_memory *memory)
{
    dbr_buf_uvarint(&row->outcomes, memory->index - row->index);
    dbr_buf_uvarint(&row->outcomes, memory->count);
    dbr_buf_add(&row->outcomes, memory->outcomes.data, memory->outcomes.len);
    row->count += memory->count;
    row->index = memory->index;
}

static int step_row(struct dbr_db *db, sqlite3_stmt *stmt, int rc)
{
    if (rc == SQLITE_OK && db->memory->newest.outcomes.failed) {
        rc = SQLITE_NOMEM;
    }
    if (rc == SQLITE_OK) {
        rc = dbr_internal_step(db, stmt);
        (void)sqlite3_reset(stmt);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int dbr_memory_row_grow(struct dbr_db *db)
{
    struct dbr_memory_row *row = &db->memory->newest;
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_GROW, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    add_group(row, db->memory);
    (void)sqlite3_bind_int64(stmt, 1, row->id);
    (void)sqlite3_bind_int64(stmt, 2, row->count);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)row->index);
    (void)sqlite3_bind_blob64(stmt, 4, row->outcomes.data, row->outcomes.len,
                              SQLITE_STATIC);
    return step_row(db, stmt, rc);
}

int dbr_memory_row_add(struct dbr_db *db)
{
    struct dbr_memory *memory = db->memory;
    struct dbr_memory_row *row = &memory->newest;
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_ADD, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    row->first = memory->first;
    row->count = 0;
    row->index = 0;
    memcpy(row->client, memory->client, DBR_SQL_CLIENT_SIZE);
    dbr_buf_clear(&row->outcomes);
    add_group(row, memory);
    (void)sqlite3_bind_blob(stmt, 1, row->client, DBR_SQL_CLIENT_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, row->first);
    (void)sqlite3_bind_int64(stmt, 3, row->count);
    (void)sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row->index);
    (void)sqlite3_bind_blob64(stmt, 5, row->outcomes.data, row->outcomes.len,
                              SQLITE_STATIC);
    rc = step_row(db, stmt, rc);
    row->id = sqlite3_last_insert_rowid(db->sql);
    row->may_grow = row->outcomes.len <= DBR_MEMORY_MAX_GROWN;
    return rc;
}
