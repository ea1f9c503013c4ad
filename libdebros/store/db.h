/* One SQLite connection to one namespace: limits, pragmas, who may do what, statements
 * kept prepared. An applier's connection writes, a reader's cannot. */
#ifndef DBR_STORE_DB_H
#define DBR_STORE_DB_H

#include <sqlite3.h>

#include "base/rng.h"
#include "internal.h"
#include "rows.h"
#include "vfs.h"

#define DBR_DB_STATEMENTS 32u        /* kept prepared per connection */
#define DBR_DB_MAX_LENGTH (64 << 20) /* bytes of one value or row */
#define DBR_DB_STEP_UNIT  1000       /* virtual machine steps between looks */
#define DBR_DB_INTERNAL   "_debros_" /* our tables begin so */

enum dbr_db_kind { DBR_DB_APPLIER, DBR_DB_READER };

struct dbr_db_cached {
    sqlite3_stmt *stmt; /* NULL: free */
    char *text;
    size_t len;
    uint64_t used; /* when, for the least recently used */
    bool changes_schema;
};

/* What lets a query end early. */
struct dbr_db_deadline {
    int64_t (*now_ms)(void *data); /* NULL: never */
    void *data;
    int64_t at_ms;
};

struct dbr_memory;

struct dbr_db {
    sqlite3 *sql;
    struct dbr_vfs *vfs;
    enum dbr_db_kind kind;
    struct dbr_db_cached cache[DBR_DB_STATEMENTS];
    uint64_t uses;
    sqlite3_stmt *internal[DBR_INTERNAL_COUNT];
    /* authorizer.c */
    bool trusted;        /* our own statement */
    bool is_pragma;      /* the user's statement begins with PRAGMA or EXPLAIN */
    bool changes_schema; /* the statement does */
    bool schema_changed; /* since the transaction began */
    char refusal[192];   /* "" or why the last statement was denied */
    /* functions.c */
    struct dbr_rng rng;
    uint64_t index;            /* of the entry, for debros_index() */
    int64_t changes_base;      /* total changes when the transaction began */
    int wal_pages;             /* applier: in the WAL after the last commit */
    struct dbr_memory *memory; /* memory.c; NULL: a reader */
    /* progress */
    unsigned max_steps; /* applier: millions, of one transaction */
    uint64_t units_left;
    bool quick;   /* give up at the first look */
    bool stopped; /* it did */
    struct dbr_db_deadline deadline;
};

/* Opens `path`; an applier creates it. 0, ENOMEM, ENOSPC, EIO. */
int dbr_db_open(struct dbr_db **out, struct dbr_vfs *vfs, enum dbr_db_kind kind,
                const char *path, bool system, debros_detail *detail);
void dbr_db_close(struct dbr_db *db); /* NULL allowed */
/* Why the last call failed: SQLite's words, or which file is damaged and where. */
const char *dbr_db_message(struct dbr_db *db, char out[DBR_VFS_DAMAGE]);

/* A user's statement prepared, from the cache or anew; the cache's. SQLite's code.
 * *out is NULL for a text without a statement; *more: another one follows, and *out is
 * NULL. */
int dbr_db_prepare(struct dbr_db *db, const char *text, sqlite3_stmt **out, bool *more);
/* The text was run before, in fewer than DBR_DB_STEP_UNIT steps. */
bool dbr_db_was_quick(struct dbr_db *db, const char *text);
/* Forgets all prepared statements of users. */
void dbr_db_clear_cache(struct dbr_db *db);

/* The first word of a text behind blanks and comments. */
const char *dbr_db_first_word(const char *text);
/* Puts seed, index and change counters to where a transaction begins. */
void dbr_db_begin_transaction(struct dbr_db *db, uint64_t seed, uint64_t index);

/* authorizer.c, functions.c */
int dbr_db_authorize(void *data, int action, const char *a, const char *b,
                     const char *schema, const char *inner);
int dbr_db_add_functions(struct dbr_db *db, bool system);

#endif
