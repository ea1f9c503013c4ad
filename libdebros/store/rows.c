#include "rows.h"

#include <string.h>

#include "base/alloc.h"

void dbr_rows_init(struct dbr_rows *rows, struct dbr_arena *arena, size_t max)
{
    *rows = (struct dbr_rows){.arena = arena, .max = max};
}

void dbr_rows_finish(struct dbr_rows *rows)
{
    dbr_free(rows->cells);
    rows->cells = NULL;
}

/* Counts `len` bytes against the cap. */
static bool has_room(struct dbr_rows *rows, size_t len)
{
    if (rows->too_large || rows->failed) {
        return false;
    }
    if (len > rows->max - rows->bytes) {
        rows->too_large = true;
        return false;
    }
    rows->bytes += len;
    return true;
}

static const char *copy_text(struct dbr_rows *rows, const char *text)
{
    text = text == NULL ? "" : text;
    size_t len = strlen(text);
    if (!has_room(rows, len + sizeof(char *))) {
        return "";
    }
    const char *copy = dbr_arena_strndup(rows->arena, text, len);
    rows->failed = rows->failed || copy == NULL;
    return copy == NULL ? "" : copy;
}

void dbr_rows_begin(struct dbr_rows *rows, sqlite3_stmt *stmt)
{
    rows->n_cells = 0;
    rows->n_columns = (size_t)sqlite3_column_count(stmt);
    rows->columns =
        dbr_arena_calloc(rows->arena, rows->n_columns, sizeof(*rows->columns));
    rows->types = dbr_arena_calloc(rows->arena, rows->n_columns, sizeof(*rows->types));
    if (rows->columns == NULL || rows->types == NULL) {
        rows->failed = true;
        rows->n_columns = 0;
        return;
    }
    for (size_t i = 0; i < rows->n_columns; i++) {
        rows->columns[i] = copy_text(rows, sqlite3_column_name(stmt, (int)i));
        rows->types[i] = copy_text(rows, sqlite3_column_decltype(stmt, (int)i));
    }
}

static bool grow_cells(struct dbr_rows *rows)
{
    if (rows->n_cells + rows->n_columns <= rows->cap_cells) {
        return true;
    }
    size_t cap = 2 * rows->cap_cells + rows->n_columns + 32;
    void *grown = dbr_realloc_array(rows->cells, cap, sizeof(*rows->cells));
    if (grown == NULL) {
        rows->failed = true;
        return false;
    }
    rows->cells = grown;
    rows->cap_cells = cap;
    return true;
}

/* The bytes of a TEXT or BLOB column. */
static bool copy_bytes(struct dbr_rows *rows, sqlite3_stmt *stmt, int column,
                       bool is_text, debros_bytes *out)
{
    const void *data = is_text ? (const void *)sqlite3_column_text(stmt, column)
                               : sqlite3_column_blob(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);
    if (data == NULL && sqlite3_errcode(sqlite3_db_handle(stmt)) == SQLITE_NOMEM) {
        rows->failed = true;
        return false;
    }
    if (!has_room(rows, len)) {
        return false;
    }
    out->data = dbr_arena_memdup(rows->arena, data, len);
    out->len = len;
    rows->failed = rows->failed || out->data == NULL;
    return out->data != NULL;
}

static bool read_cell(struct dbr_rows *rows, sqlite3_stmt *stmt, int column,
                      debros_value *out)
{
    memset(out, 0, sizeof(*out));
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        out->type = DEBROS_INTEGER;
        out->as.integer = sqlite3_column_int64(stmt, column);
        return true;
    case SQLITE_FLOAT:
        out->type = DEBROS_REAL;
        out->as.real = sqlite3_column_double(stmt, column);
        return true;
    case SQLITE_TEXT:
        out->type = DEBROS_TEXT;
        return copy_bytes(rows, stmt, column, true, &out->as.bytes);
    case SQLITE_BLOB:
        out->type = DEBROS_BLOB;
        return copy_bytes(rows, stmt, column, false, &out->as.bytes);
    default:
        out->type = DEBROS_NULL;
        return true;
    }
}

void dbr_rows_add(struct dbr_rows *rows, sqlite3_stmt *stmt)
{
    if (!has_room(rows, rows->n_columns * sizeof(debros_value)) || !grow_cells(rows)) {
        return;
    }
    for (size_t i = 0; i < rows->n_columns; i++) {
        if (!read_cell(rows, stmt, (int)i, &rows->cells[rows->n_cells + i])) {
            return;
        }
    }
    rows->n_cells += rows->n_columns;
}

void dbr_rows_end(struct dbr_rows *rows, debros_result *out)
{
    out->columns = rows->columns;
    out->types = rows->types;
    out->n_columns = rows->n_columns;
    out->n_rows = rows->n_columns == 0 ? 0 : rows->n_cells / rows->n_columns;
    debros_value *cells =
        dbr_arena_memdup(rows->arena, rows->cells, rows->n_cells * sizeof(*rows->cells));
    rows->failed = rows->failed || cells == NULL;
    out->cells = cells;
}
