/* What users' statements may not do, each with its reason in words. SQLite asks while it
 * prepares a statement; also for those that its virtual tables run on their own. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "db.h"

static int refuse(struct dbr_db *db, const char *what, const char *why)
{
    if (db->refusal[0] == '\0') {
        (void)snprintf(db->refusal, sizeof(db->refusal), "%s is not allowed: %s", what,
                       why);
    }
    return SQLITE_DENY;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; name != NULL && i < count; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool starts_with(const char *name, const char *prefix)
{
    return name != NULL && strncasecmp(name, prefix, strlen(prefix)) == 0;
}

/* Those that only tell about the schema. */
static bool is_open_pragma(const char *name)
{
    static const char *const names[] = {
        "table_info",     "table_xinfo",     "table_list",       "index_list",
        "index_info",     "index_xinfo",     "foreign_key_list", "foreign_key_check",
        "collation_list", "function_list",   "module_list",      "pragma_list",
        "quick_check",    "integrity_check", "encoding",         "page_count",
        "page_size",      "freelist_count"};
    return is_one_of(name, names, DBR_COUNT(names));
}

/* Their content differs between replicas, or shows the file behind SQL's back. */
static bool is_local_table(const char *name)
{
    static const char *const pragmas[] = {"page_count", "freelist_count", "quick_check",
                                          "integrity_check"};
    static const char *const names[] = {"dbstat", "sqlite_dbpage", "sqlite_stmt",
                                        "bytecode", "tables_used"};
    if (starts_with(name, "pragma_")) {
        const char *pragma = name + strlen("pragma_");
        return !is_open_pragma(pragma) || is_one_of(pragma, pragmas, DBR_COUNT(pragmas));
    }
    return is_one_of(name, names, DBR_COUNT(names));
}

static int check_pragma(struct dbr_db *db, const char *name, const char *value)
{
    static const char *const without_value[] = {"encoding", "page_size"};
    char what[64];
    /* FTS5 looks at it on its own; the table pragma_data_version is denied. */
    if (!db->is_pragma && strcasecmp(name, "data_version") == 0) {
        return SQLITE_OK;
    }
    if (is_open_pragma(name) &&
        (value == NULL || !is_one_of(name, without_value, DBR_COUNT(without_value)))) {
        return SQLITE_OK;
    }
    (void)snprintf(what, sizeof(what), "PRAGMA %.40s", name);
    return refuse(db, what, "the store decides its settings");
}

static int check_function(struct dbr_db *db, const char *name)
{
    static const char *const names[] = {"load_extension", "fts3_tokenizer",
                                        "sqlite_offset", "sqlite_log"};
    return is_one_of(name, names, DBR_COUNT(names))
               ? refuse(db, name, "it reaches outside the database")
               : SQLITE_OK;
}

static int check_module(struct dbr_db *db, const char *name)
{
    static const char *const names[] = {"fts5",  "fts4",      "fts3",   "fts5vocab",
                                        "rtree", "rtree_i32", "geopoly"};
    char what[64];
    if (is_one_of(name, names, DBR_COUNT(names))) {
        return SQLITE_OK;
    }
    (void)snprintf(what, sizeof(what), "the module %.40s", name);
    return refuse(db, what, "only fts3, fts4, fts5, rtree and geopoly are");
}

static int check_names(struct dbr_db *db, const char *a, const char *b)
{
    const char *name = starts_with(a, DBR_DB_INTERNAL)   ? a
                       : starts_with(b, DBR_DB_INTERNAL) ? b
                                                         : NULL;
    char what[64];
    if (name != NULL) {
        (void)snprintf(what, sizeof(what), "%.60s", name);
        return refuse(db, what,
                      "names that begin with " DBR_DB_INTERNAL " are the store's");
    }
    if (is_local_table(a)) {
        (void)snprintf(what, sizeof(what), "%.60s", a);
        return refuse(db, what, "it tells about this replica only");
    }
    return SQLITE_OK;
}

static int check_transaction(struct dbr_db *db, const char *word)
{
    return refuse(db, word, "send the statements as one transaction");
}

int dbr_db_authorize(void *data, int action, const char *a, const char *b,
                     const char *schema, const char *inner)
{
    struct dbr_db *db = data;
    (void)schema;
    (void)inner;
    if (db->trusted) {
        return SQLITE_OK;
    }
    switch (action) {
    case SQLITE_ATTACH:
        return refuse(db, "ATTACH", "use a namespace");
    case SQLITE_DETACH:
        return refuse(db, "DETACH", "use a namespace");
    case SQLITE_TRANSACTION:
        return check_transaction(db, a);
    case SQLITE_SAVEPOINT:
        return check_transaction(db, strcmp(a, "BEGIN") == 0 ? "SAVEPOINT" : a);
    case SQLITE_PRAGMA:
        return check_pragma(db, a, b);
    case SQLITE_FUNCTION:
        return check_function(db, b);
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
        return refuse(db, "TEMP", "it would live on one replica only");
    case SQLITE_CREATE_VTABLE:
        db->changes_schema = true;
        return check_names(db, a, NULL) == SQLITE_OK ? check_module(db, b) : SQLITE_DENY;
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        return check_names(db, a, NULL);
    case SQLITE_ANALYZE:
    case SQLITE_REINDEX:
        db->changes_schema = true;
        return SQLITE_OK;
    default:
        /* CREATE, DROP, ALTER */
        db->changes_schema = true;
        return check_names(db, a, b);
    }
}
