/* The newest row of a file's memory of requests (memory.h): while it is small, the run
 * that follows joins it. What it is comes from the file alone, so that every replica does
 * the same. Functions return SQLite's code; after an error the row is to be forgotten. */
#ifndef DBR_STORE_MEMORY_ROW_H
#define DBR_STORE_MEMORY_ROW_H

#include "base/buf.h"
#include "sql/types.h"

#define DBR_MEMORY_MAX_GROWN 1024u /* bytes of a row that others may join */

struct dbr_db;
struct dbr_memory;

struct dbr_memory_row {
    bool is_known; /* looked for since the last rollback */
    bool may_grow; /* there is one, and it is small; `outcomes` are then its own */
    int64_t id;
    uint8_t client[DBR_SQL_CLIENT_SIZE];
    int64_t first;
    int64_t count;
    uint64_t index; /* of its newest request */
    struct dbr_buf outcomes;
};

/* Looks for it, once until it is forgotten. */
int dbr_memory_row_load(struct dbr_db *db);
/* Whether the run that waits goes on it. */
bool dbr_memory_row_joins(const struct dbr_memory *memory);
/* Puts the run that waits there, or in a new row, which is the newest from then on. */
int dbr_memory_row_grow(struct dbr_db *db);
int dbr_memory_row_add(struct dbr_db *db);
void dbr_memory_row_forget(struct dbr_memory_row *row);

#endif
