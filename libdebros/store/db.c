#include "db.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/detail.h"
#include "dates.h"
#include "page.h"
#include "memory.h"

#define BUSY_MS 10000

/* ---- Opening ---------------------------------------------------------------------- */

static int progress(void *data)
{
    struct dbr_db *db = data;
    if (db->trusted) {
        return 0;
    }
    if (db->quick) {
        db->stopped = true;
        return 1;
    }
    if (db->kind == DBR_DB_APPLIER) {
        /* Counted in steps and not in time: every replica stops at the same one. */
        if (db->units_left == 0) {
            return 1;
        }
        db->units_left--;
        return 0;
    }
    const struct dbr_db_deadline *deadline = &db->deadline;
    return deadline->now_ms != NULL &&
           deadline->now_ms(deadline->data) >= deadline->at_ms;
}

static void set_limits(sqlite3 *sql)
{
    /* The same on every replica: they decide what succeeds. */
    (void)sqlite3_limit(sql, SQLITE_LIMIT_LENGTH, DBR_DB_MAX_LENGTH);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_COLUMN, 2000);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_EXPR_DEPTH, 1000);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_COMPOUND_SELECT, 500);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_VDBE_OP, 25000000);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_FUNCTION_ARG, 100);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50000);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_VARIABLE_NUMBER, 32766);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_TRIGGER_DEPTH, 100);
    (void)sqlite3_limit(sql, SQLITE_LIMIT_WORKER_THREADS, 0);
}

static int note_wal(void *data, sqlite3 *sql, const char *schema, int pages)
{
    (void)sql;
    (void)schema;
    ((struct dbr_db *)data)->wal_pages = pages;
    return SQLITE_OK;
}

/* journal_mode answers with the old mode where it could not change it. */
static int check_mode(struct dbr_db *db)
{
    sqlite3_stmt *stmt = NULL;
    db->trusted = true;
    int rc = sqlite3_prepare_v2(db->sql, "PRAGMA journal_mode", -1, &stmt, NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(stmt, 0);
        rc = mode != NULL && strcmp(mode, "wal") == 0 ? SQLITE_OK : SQLITE_IOERR;
    }
    (void)sqlite3_finalize(stmt);
    db->trusted = false;
    return rc;
}

/* Room for the checksum of each page: counts when a file is made. */
static int reserve_bytes(struct dbr_db *db)
{
    int bytes = DBR_PAGE_RESERVED;
    return sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

const char *dbr_db_message(struct dbr_db *db, char out[DBR_VFS_DAMAGE])
{
    if (db->sql == NULL) {
        return "out of memory";
    }
    return sqlite3_extended_errcode(db->sql) == SQLITE_IOERR_DATA
               ? dbr_vfs_damage(db->vfs, out)
               : sqlite3_errmsg(db->sql);
}

static int configure(struct dbr_db *db, const char *vfs, bool system)
{
    static const char applier[] =
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = "
        "NORMAL; PRAGMA "
        "wal_autocheckpoint = 0;"
        "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0";
    static const char reader[] =
        "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA query_only = ON";
    sqlite3 *sql = db->sql;
    (void)sqlite3_extended_result_codes(sql, 1);
    (void)sqlite3_busy_timeout(sql, BUSY_MS);
    (void)sqlite3_db_config(sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(sql, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    set_limits(sql);
    (void)sqlite3_set_authorizer(sql, dbr_db_authorize, db);
    int rc = dbr_db_add_functions(db, system);
    if (rc == SQLITE_OK && db->kind == DBR_DB_APPLIER) {
        rc = dbr_dates_add(sql, vfs);
    }
    if (rc == SQLITE_OK && db->kind == DBR_DB_APPLIER) {
        rc = reserve_bytes(db);
    }
    if (rc == SQLITE_OK) {
        rc = dbr_internal_exec(db, db->kind == DBR_DB_APPLIER ? applier : reader);
    }
    /* Members must find each other after a power cut, before the log can come again. */
    if (rc == SQLITE_OK && db->kind == DBR_DB_APPLIER && system) {
        rc = dbr_internal_exec(db, "PRAGMA synchronous = FULL");
    }
    if (rc == SQLITE_OK && db->kind == DBR_DB_APPLIER) {
        rc = check_mode(db);
        (void)sqlite3_wal_hook(sql, note_wal, db);
    }
    sqlite3_progress_handler(sql, DBR_DB_STEP_UNIT, progress, db);
    return rc;
}

int dbr_db_open(struct dbr_db **out, struct dbr_vfs *vfs, enum dbr_db_kind kind,
                const char *path, bool system, debros_detail *detail)
{
    struct dbr_db *db = dbr_calloc(1, sizeof(*db));
    if (db == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "%s: out of memory", path);
    }
    bool applier = kind == DBR_DB_APPLIER;
    db->kind = kind;
    db->vfs = vfs;
    int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
        (applier ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    const char *name = applier ? dbr_vfs_applier(vfs) : dbr_vfs_reader(vfs);
    int rc = sqlite3_open_v2(path, &db->sql, flags, name);
    if (rc == SQLITE_OK) {
        rc = configure(db, name, system);
    }
    if (rc == SQLITE_OK) {
        *out = db;
        return 0;
    }
    int err = (rc & 0xff) == SQLITE_NOMEM  ? DEBROS_ENOMEM
              : (rc & 0xff) == SQLITE_FULL ? DEBROS_ENOSPC
                                           : DEBROS_EIO;
    char words[DBR_VFS_DAMAGE];
    dbr_detail_set(detail, err, "%s: cannot be opened: %s", path,
                   dbr_db_message(db, words));
    dbr_db_close(db);
    return err;
}

void dbr_db_close(struct dbr_db *db)
{
    if (db == NULL) {
        return;
    }
    dbr_db_clear_cache(db);
    dbr_memory_destroy(db->memory);
    for (size_t i = 0; i < DBR_COUNT(db->internal); i++) {
        (void)sqlite3_finalize(db->internal[i]);
    }
    /* The last connection checkpoints and removes the WAL. */
    db->trusted = true;
    int rc = sqlite3_close(db->sql);
    dbr_assert(rc == SQLITE_OK);
    dbr_free(db);
}

/* ---- Statements of users ----------------------------------------------------------- */

static void cached_free(struct dbr_db_cached *cached)
{
    (void)sqlite3_finalize(cached->stmt);
    dbr_free(cached->text);
    *cached = (struct dbr_db_cached){0};
}

void dbr_db_clear_cache(struct dbr_db *db)
{
    for (size_t i = 0; i < DBR_DB_STATEMENTS; i++) {
        cached_free(&db->cache[i]);
    }
}

/* The statement of this very text, or NULL and in *place where to put it: a free place
 * or the least recently used. */
static struct dbr_db_cached *cache_find(struct dbr_db *db, const char *text, size_t len,
                                        struct dbr_db_cached **place)
{
    *place = &db->cache[0];
    for (size_t i = 0; i < DBR_DB_STATEMENTS; i++) {
        struct dbr_db_cached *cached = &db->cache[i];
        if (cached->stmt != NULL && cached->len == len &&
            memcmp(cached->text, text, len) == 0) {
            return cached;
        }
        if (cached->used < (*place)->used) {
            *place = cached;
        }
    }
    return NULL;
}

bool dbr_db_was_quick(struct dbr_db *db, const char *text)
{
    struct dbr_db_cached *place = NULL;
    struct dbr_db_cached *cached = cache_find(db, text, strlen(text), &place);
    return cached != NULL && !cached->changes_schema &&
           sqlite3_stmt_status(cached->stmt, SQLITE_STMTSTATUS_RUN, 0) > 0 &&
           sqlite3_stmt_status(cached->stmt, SQLITE_STMTSTATUS_VM_STEP, 0) <
               DBR_DB_STEP_UNIT;
}

const char *dbr_db_first_word(const char *text)
{
    for (;;) {
        text += strspn(text, " \t\n\f\r;");
        if (text[0] == '-' && text[1] == '-') {
            text += strcspn(text, "\n");
        } else if (text[0] == '/' && text[1] == '*') {
            const char *end = strstr(text + 2, "*/");
            text = end == NULL ? "" : end + 2;
        } else {
            return text;
        }
    }
}

/* Takes the statement. */
static int cache_put(struct dbr_db *db, struct dbr_db_cached *place, sqlite3_stmt *stmt,
                     const char *text, size_t len)
{
    char *copy = dbr_memdup(text, len);
    if (copy == NULL) {
        (void)sqlite3_finalize(stmt);
        return SQLITE_NOMEM;
    }
    cached_free(place);
    *place = (struct dbr_db_cached){.stmt = stmt,
                                    .text = copy,
                                    .len = len,
                                    .used = ++db->uses,
                                    .changes_schema = db->changes_schema};
    return SQLITE_OK;
}

int dbr_db_prepare(struct dbr_db *db, const char *text, sqlite3_stmt **out, bool *more)
{
    size_t len = strlen(text);
    struct dbr_db_cached *place = NULL;
    struct dbr_db_cached *cached = cache_find(db, text, len, &place);
    const char *tail = "";
    *out = NULL;
    *more = false;
    db->refusal[0] = '\0';
    db->changes_schema = false;
    if (cached != NULL) {
        cached->used = ++db->uses;
        db->changes_schema = cached->changes_schema;
        *out = cached->stmt;
        return SQLITE_OK;
    }
    sqlite3_stmt *stmt = NULL;
    const char *word = dbr_db_first_word(text);
    db->is_pragma =
        strncasecmp(word, "PRAGMA", 6) == 0 || strncasecmp(word, "EXPLAIN", 7) == 0;
    int rc = sqlite3_prepare_v3(db->sql, text, (int)len + 1, SQLITE_PREPARE_PERSISTENT,
                                &stmt, &tail);
    if (rc != SQLITE_OK || stmt == NULL) {
        return rc;
    }
    if (*dbr_db_first_word(tail) != '\0') {
        *more = true;
        (void)sqlite3_finalize(stmt);
        return SQLITE_OK;
    }
    rc = cache_put(db, place, stmt, text, len);
    *out = rc == SQLITE_OK ? stmt : NULL;
    return rc;
}

void dbr_db_begin_transaction(struct dbr_db *db, uint64_t seed, uint64_t index)
{
    dbr_rng_seed(&db->rng, seed);
    db->index = index;
    db->changes_base = sqlite3_total_changes64(db->sql);
    db->units_left = (uint64_t)db->max_steps * (1000000 / DBR_DB_STEP_UNIT);
    db->stopped = false;
    db->schema_changed = false;
    sqlite3_set_last_insert_rowid(db->sql, 0);
}
