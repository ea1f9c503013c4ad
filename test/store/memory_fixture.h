/* The memory of requests of one file, for the tests of memory*.c. */
#ifndef DBR_TEST_STORE_MEMORY_FIXTURE_H
#define DBR_TEST_STORE_MEMORY_FIXTURE_H

#include "db_fixture.h"
#include "store/memory.h"

static const char memory_one[DBR_SQL_CLIENT_SIZE + 1] = "client of a test";

static inline int memory_find(struct dbr_db *db, const struct dbr_sql_key *k,
                              uint64_t min, uint64_t max, struct dbr_request *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_memory_find(db, k, min, max, out, &stmt);
    assert_int_equal(sqlite3_reset(stmt), SQLITE_OK);
    return rc;
}

static inline int64_t memory_rows(struct dbr_db *db)
{
    sqlite3_stmt *stmt = NULL;
    db->trusted = true;
    (void)sqlite3_prepare_v2(db->sql, "SELECT count(*) FROM _debros_requests", -1, &stmt,
                             NULL);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    db->trusted = false;
    int64_t n = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return n;
}

static inline void memory_begin(struct db_fixture *f)
{
    uint64_t applied = 0;
    db_open(f);
    assert_int_equal(dbr_memory_open(f->db, 0, &applied, NULL), 0);
}

/* As another process would: only the file knows. */
static inline void memory_restart(struct db_fixture *f)
{
    uint64_t applied = 0;
    dbr_memory_destroy(f->db->memory);
    f->db->memory = NULL;
    assert_int_equal(dbr_memory_open(f->db, 0, &applied, NULL), 0);
}

static inline void memory_check(struct dbr_db *db, const char *client, uint64_t seq,
                                uint64_t index)
{
    struct dbr_request found = {0};
    struct dbr_sql_key k = {.seq = seq};
    memcpy(k.client, client, sizeof(k.client));
    assert_int_equal(memory_find(db, &k, 0, UINT64_MAX, &found), SQLITE_ROW);
    assert_int_equal(found.index, index);
    assert_int_equal(memory_find(db, &k, index + 1, UINT64_MAX, &found), SQLITE_DONE);
    assert_int_equal(memory_find(db, &k, 0, index - 1, &found), SQLITE_DONE);
}

/* Request i is in entry 3 * i, alone. */
static inline void memory_add_alone(struct dbr_db *db, const char *client, uint64_t seq)
{
    struct dbr_sql_key k = {.seq = seq};
    struct dbr_request request = {.index = 3 * seq};
    memcpy(k.client, client, sizeof(k.client));
    assert_int_equal(dbr_memory_add(db, &k, &request, 0), SQLITE_OK);
    assert_int_equal(dbr_memory_flush(db), SQLITE_OK);
}

#endif
