/* SQL functions whose answers must be the same on every replica. */
#include "base/alloc.h"
#include "db.h"

static struct dbr_db *db_of(sqlite3_context *context)
{
    return sqlite3_user_data(context);
}

static void random_function(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    sqlite3_result_int64(context, (sqlite3_int64)dbr_rng_u64(&db_of(context)->rng));
}

/* As SQLite's: fewer than 1 means 1. */
static void randomblob_function(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    sqlite3_int64 len = sqlite3_value_int64(argv[0]);
    len = len < 1 ? 1 : len;
    if (len > sqlite3_limit(db_of(context)->sql, SQLITE_LIMIT_LENGTH, -1)) {
        sqlite3_result_error_toobig(context);
        return;
    }
    void *blob = sqlite3_malloc64((sqlite3_uint64)len);
    if (blob == NULL) {
        sqlite3_result_error_nomem(context);
        return;
    }
    dbr_rng_fill(&db_of(context)->rng, blob, (size_t)len);
    sqlite3_result_blob64(context, blob, (sqlite3_uint64)len, sqlite3_free);
}

/* Of this transaction: what the connection did before differs between replicas. */
static void total_changes_function(sqlite3_context *context, int argc,
                                   sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    const struct dbr_db *db = db_of(context);
    sqlite3_result_int64(context, sqlite3_total_changes64(db->sql) - db->changes_base);
}

static void changes_function(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    const struct dbr_db *db = db_of(context);
    bool none = sqlite3_total_changes64(db->sql) == db->changes_base;
    sqlite3_result_int64(context, none ? 0 : sqlite3_changes64(db->sql));
}

static void index_function(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    sqlite3_result_int64(context, (sqlite3_int64)db_of(context)->index);
}

int dbr_db_add_functions(struct dbr_db *db, bool system)
{
    struct {
        const char *name;
        int n_args;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
        bool wanted;
    } functions[] = {
        {"random", 0, random_function, true},
        {"randomblob", 1, randomblob_function, true},
        {"changes", 0, changes_function, db->kind == DBR_DB_APPLIER},
        {"total_changes", 0, total_changes_function, db->kind == DBR_DB_APPLIER},
        {"debros_index", 0, index_function, system && db->kind == DBR_DB_APPLIER},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(functions) / sizeof(functions[0]);
         i++) {
        if (functions[i].wanted) {
            rc = sqlite3_create_function(db->sql, functions[i].name, functions[i].n_args,
                                         SQLITE_UTF8 | SQLITE_INNOCUOUS, db,
                                         functions[i].call, NULL, NULL);
        }
    }
    return rc;
}
