#include "memory.h"

#include <string.h>

#include "base/alloc.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "base/reader.h"
#include "run.h"

#define FORMAT      3
#define PRUNE_COUNT 3 /* old rows forgotten with each new one */

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS _debros_meta(id INTEGER PRIMARY KEY, format INTEGER NOT "
    "NULL,"
    " applied INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS _debros_requests(id INTEGER PRIMARY KEY, client BLOB NOT "
    "NULL,"
    " seq INTEGER NOT NULL, count INTEGER NOT NULL, idx INTEGER NOT NULL,"
    " outcomes BLOB NOT NULL, UNIQUE(client, seq));"
    "INSERT OR IGNORE INTO _debros_meta VALUES(1, 3, 0);"
    "COMMIT";

static int report(struct dbr_db *db, int rc, debros_detail *detail)
{
    char words[DBR_VFS_DAMAGE];
    int err = dbr_run_trouble(rc, 0);
    err = err == 0 ? ((rc & 0xff) == SQLITE_FULL ? DEBROS_ENOSPC : DEBROS_EIO) : err;
    return dbr_detail_set(detail, err, "%s: %s", sqlite3_db_filename(db->sql, "main"),
                          dbr_db_message(db, words));
}

int dbr_memory_open(struct dbr_db *db, uint64_t applied, uint64_t *out,
                    debros_detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    if (db->memory == NULL && (db->memory = dbr_calloc(1, sizeof(*db->memory))) == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "%s: out of memory",
                              sqlite3_db_filename(db->sql, "main"));
    }
    int rc = dbr_internal_get(db, DBR_INTERNAL_META_GET, &stmt);
    if (rc == SQLITE_ERROR) {
        rc = dbr_internal_exec(db, schema);
        if (rc == SQLITE_OK && applied > 0) {
            rc = dbr_memory_set_applied(db, applied, false);
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

int dbr_memory_set_applied(struct dbr_db *db, uint64_t applied, bool partly)
{
    struct dbr_memory *memory = db->memory;
    const struct dbr_memory_row *newest = &memory->newest;
    sqlite3_stmt *stmt = NULL;
    if (!partly && memory->says_it_all && newest->is_known && newest->index == applied) {
        return SQLITE_OK;
    }
    int rc = dbr_internal_get(db, DBR_INTERNAL_META_SET, &stmt);
    if (rc == SQLITE_OK) {
        int64_t index = (int64_t)applied;
        (void)sqlite3_bind_int64(stmt, 1, partly ? -1 - index : index);
        rc = dbr_internal_step(db, stmt);
        (void)sqlite3_reset(stmt);
    }
    memory->says_it_all = rc == SQLITE_DONE && !partly;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- Clients ------------------------------------------------------------------------
 */

static void forget_clients(struct dbr_memory *memory)
{
    struct dbr_memory_client *client, *tmp;
    HASH_ITER(hh, memory->clients, client, tmp)
    {
        HASH_DEL(memory->clients, client);
        dbr_free(client);
    }
}

void dbr_memory_destroy(struct dbr_memory *memory)
{
    if (memory != NULL) {
        forget_clients(memory);
        dbr_buf_finish(&memory->newest.outcomes);
        dbr_buf_finish(&memory->outcomes);
        dbr_free(memory);
    }
}

static int load_client(struct dbr_db *db, struct dbr_memory_client *client)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_LAST, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    (void)sqlite3_bind_blob(stmt, 1, client->client, DBR_SQL_CLIENT_SIZE, SQLITE_STATIC);
    rc = dbr_internal_step(db, stmt);
    client->any = rc == SQLITE_ROW;
    client->last = client->any ? sqlite3_column_int64(stmt, 0) : 0;
    (void)sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int find_client(struct dbr_db *db, const uint8_t *id,
                       struct dbr_memory_client **out)
{
    struct dbr_memory *memory = db->memory;
    struct dbr_memory_client *client = NULL;
    HASH_FIND(hh, memory->clients, id, DBR_SQL_CLIENT_SIZE, client);
    *out = client;
    if (client != NULL) {
        return SQLITE_OK;
    }
    if (HASH_COUNT(memory->clients) >= DBR_MEMORY_MAX_CLIENTS) {
        forget_clients(memory);
    }
    client = dbr_calloc(1, sizeof(*client));
    if (client == NULL) {
        return SQLITE_NOMEM;
    }
    memcpy(client->client, id, DBR_SQL_CLIENT_SIZE);
    int rc = load_client(db, client);
    if (rc != SQLITE_OK) {
        dbr_free(client);
        return rc;
    }
    HASH_ADD(hh, memory->clients, client, DBR_SQL_CLIENT_SIZE, client);
    if (!dbr_hash_added(client)) {
        dbr_free(client);
        *out = NULL;
        return SQLITE_NOMEM;
    }
    *out = client;
    return SQLITE_OK;
}

/* ---- Rows ---------------------------------------------------------------------------
 */

/* status | number and words of the failed statement, or results: all but the first only
 * where there is something to say. */
static void encode(struct dbr_buf *out, const struct dbr_request *request)
{
    dbr_buf_uvarint(out, (uint64_t) - (int64_t)request->status);
    if (request->status != 0) {
        dbr_buf_uvarint(out, request->failed);
        dbr_buf_uvarint(out, request->detail.len);
        dbr_buf_add(out, request->detail.data, request->detail.len);
        return;
    }
    dbr_buf_uvarint(out, request->results.len);
    dbr_buf_add(out, request->results.data, request->results.len);
}

static void decode(struct dbr_reader *r, struct dbr_request *out)
{
    uint64_t len;
    out->status = -(int)dbr_reader_uvarint(r);
    out->failed = 0;
    out->detail = out->results = (debros_bytes){0};
    if (out->status != 0) {
        out->failed = (size_t)dbr_reader_uvarint(r);
        len = dbr_reader_uvarint(r);
        out->detail = dbr_reader_bytes(r, len);
    } else {
        len = dbr_reader_uvarint(r);
        out->results = dbr_reader_bytes(r, len);
    }
}

/* Row: first number, count, index of the newest, outcomes. These are groups, one for each
 * entry: index (beyond the group before) | how many | their outcomes. */
static int find_in_row(sqlite3_stmt *stmt, int64_t seq, struct dbr_request *out)
{
    uint64_t at = (uint64_t)seq - (uint64_t)sqlite3_column_int64(stmt, 0);
    if (at >= (uint64_t)sqlite3_column_int64(stmt, 1)) {
        return SQLITE_DONE;
    }
    const void *data = sqlite3_column_blob(stmt, 3);
    struct dbr_reader r;
    dbr_reader_init(&r, dbr_bytes(data, (size_t)sqlite3_column_bytes(stmt, 3)));
    uint64_t left = 0;
    out->index = 0;
    for (uint64_t i = 0; i <= at && !r.bad; i++, left--) {
        while (left == 0 && !r.bad) {
            out->index += dbr_reader_uvarint(&r);
            left = dbr_reader_uvarint(&r);
        }
        decode(&r, out);
    }
    return data == NULL ? SQLITE_NOMEM : r.bad ? SQLITE_CORRUPT : SQLITE_ROW;
}

static bool waits(const struct dbr_memory *memory, const struct dbr_sql_key *key)
{
    int64_t seq = (int64_t)key->seq;
    return memory->count != 0 && seq >= memory->first &&
           (uint64_t)seq - (uint64_t)memory->first < memory->count &&
           memcmp(memory->client, key->client, DBR_SQL_CLIENT_SIZE) == 0;
}

int dbr_memory_find(struct dbr_db *db, const struct dbr_sql_key *key, uint64_t min,
                    uint64_t max, struct dbr_request *out, sqlite3_stmt **stmt)
{
    struct dbr_memory_client *client = NULL;
    int rc = waits(db->memory, key) ? dbr_memory_flush(db) : SQLITE_OK;
    if (rc == SQLITE_OK) {
        rc = find_client(db, key->client, &client);
    }
    if (rc == SQLITE_OK && (!client->any || (int64_t)key->seq > client->last)) {
        return SQLITE_DONE;
    }
    if (rc == SQLITE_OK) {
        rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_FIND, stmt);
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    (void)sqlite3_bind_blob(*stmt, 1, key->client, DBR_SQL_CLIENT_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(*stmt, 2, (sqlite3_int64)key->seq);
    /* A request that was made again long after may have a row inside another's run. */
    bool missed = true;
    while (missed && (rc = dbr_internal_step(db, *stmt)) == SQLITE_ROW) {
        rc = find_in_row(*stmt, (int64_t)key->seq, out);
        missed = rc == SQLITE_DONE;
    }
    return rc != SQLITE_ROW || (out->index >= min && out->index <= max) ? rc
                                                                        : SQLITE_DONE;
}

/* Whether `key` goes on the run that waits. */
static bool follows(const struct dbr_memory *memory, const struct dbr_sql_key *key,
                    uint64_t index)
{
    return memory->count != 0 && memory->index == index &&
           memory->first <= INT64_MAX - (int64_t)DBR_MEMORY_MAX_RUN &&
           (int64_t)key->seq == memory->first + memory->count &&
           memory->count < DBR_MEMORY_MAX_RUN &&
           memory->outcomes.len < DBR_MEMORY_MAX_BYTES &&
           memcmp(memory->client, key->client, DBR_SQL_CLIENT_SIZE) == 0;
}

int dbr_memory_add(struct dbr_db *db, const struct dbr_sql_key *key,
                   const struct dbr_request *request, uint64_t oldest)
{
    struct dbr_memory *memory = db->memory;
    struct dbr_memory_client *client = NULL;
    if (!follows(memory, key, request->index)) {
        int rc = dbr_memory_flush(db);
        if (rc != SQLITE_OK) {
            return rc;
        }
        memcpy(memory->client, key->client, DBR_SQL_CLIENT_SIZE);
        memory->first = (int64_t)key->seq;
    }
    int rc = find_client(db, key->client, &client);
    if (rc != SQLITE_OK) {
        return rc;
    }
    if (!client->any || (int64_t)key->seq > client->last) {
        client->any = true;
        client->last = (int64_t)key->seq;
    }
    memory->index = request->index;
    memory->oldest = oldest;
    memory->count++;
    encode(&memory->outcomes, request);
    return memory->outcomes.failed ? SQLITE_NOMEM : SQLITE_OK;
}

/* Forgets some of the requests below `oldest`: of the first rows. Never of the newest
 * one. */
static int prune(struct dbr_db *db, uint64_t oldest)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, DBR_INTERNAL_REQUEST_PRUNE, &stmt);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(stmt, 1, PRUNE_COUNT);
        (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)oldest);
        rc = dbr_internal_step(db, stmt);
        (void)sqlite3_reset(stmt);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- What waits -----------------------------------------------------------------------
 */

static void drop_run(struct dbr_memory *memory)
{
    memory->count = 0;
    if (memory->outcomes.failed) {
        dbr_buf_finish(&memory->outcomes);
        dbr_buf_init(&memory->outcomes);
    }
    dbr_buf_clear(&memory->outcomes);
}

int dbr_memory_flush(struct dbr_db *db)
{
    DBR_FAILPOINT("store.memory.flush");
    struct dbr_memory *memory = db->memory;
    if (memory->count == 0) {
        return SQLITE_OK;
    }
    int rc = dbr_memory_row_load(db);
    bool grows = rc == SQLITE_OK && dbr_memory_row_joins(memory);
    if (rc == SQLITE_OK) {
        rc = grows ? dbr_memory_row_grow(db) : dbr_memory_row_add(db);
    }
    if (rc != SQLITE_OK) {
        dbr_memory_row_forget(&memory->newest);
        return rc;
    }
    uint64_t oldest = grows ? 0 : memory->oldest;
    drop_run(memory);
    return oldest > 0 ? prune(db, oldest) : SQLITE_OK;
}

void dbr_memory_drop(struct dbr_db *db)
{
    drop_run(db->memory);
    dbr_memory_row_forget(&db->memory->newest);
    db->memory->says_it_all = false;
}

/* ---- Answers ------------------------------------------------------------------------
 */

void dbr_memory_reply(struct dbr_sql_reply *reply, const struct dbr_request *request)
{
    reply->index = request->index;
    if (request->status != 0) {
        (void)dbr_sql_reply_fail(reply, request->status, "%.*s", (int)request->detail.len,
                                 (const char *)request->detail.data);
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
