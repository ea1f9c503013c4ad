/* Collects a statement's rows into a debros_result. */
#ifndef DBR_STORE_ROWS_H
#define DBR_STORE_ROWS_H

#include <sqlite3.h>

#include "base/arena.h"
#include "debros.h"

struct dbr_rows {
    struct dbr_arena *arena; /* of what the result points at */
    size_t bytes;            /* of all results so far, as they lie in memory */
    size_t max;
    bool too_large; /* rows are dropped: bytes passed max */
    bool failed;    /* out of memory */
    /* of the present statement */
    debros_value *cells;
    size_t n_cells;
    size_t cap_cells;
    size_t n_columns;
    const char **columns;
    const char **types;
};

void dbr_rows_init(struct dbr_rows *rows, struct dbr_arena *arena, size_t max);
void dbr_rows_finish(struct dbr_rows *rows);
/* Names and types of the columns; before the first row. */
void dbr_rows_begin(struct dbr_rows *rows, sqlite3_stmt *stmt);
void dbr_rows_add(struct dbr_rows *rows, sqlite3_stmt *stmt);
/* Moves columns and cells to `out`. */
void dbr_rows_end(struct dbr_rows *rows, debros_result *out);

#endif
