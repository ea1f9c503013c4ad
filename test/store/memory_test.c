#include "store/memory.h"

#include "db_fixture.h"

static const struct dbr_sql_key key = {.client = "client of a tes", .seq = UINT64_MAX};

static void add(struct dbr_db *db, uint64_t seq, uint64_t index)
{
    struct dbr_sql_key k = {.client = "client of a tes", .seq = seq};
    struct dbr_request request = {.index = index, .detail = ""};
    assert_int_equal(dbr_memory_add(db, &k, &request), SQLITE_OK);
}

static int find(struct dbr_db *db, const struct dbr_sql_key *k, uint64_t min,
                uint64_t max, struct dbr_request *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = dbr_memory_find(db, k, min, max, out, &stmt);
    assert_int_equal(sqlite3_reset(stmt), SQLITE_OK);
    return rc;
}

static void an_index_is_kept(void **state)
{
    (void)state;
    struct db_fixture f;
    uint64_t applied = 1;
    sqlite3_stmt *stmt = NULL;
    db_open(&f);
    assert_int_equal(dbr_memory_open(f.db, 33, &applied, NULL), 0);
    assert_int_equal(applied, 33);
    assert_int_equal(dbr_memory_set_applied(f.db, 44), SQLITE_OK);
    assert_int_equal(dbr_memory_open(f.db, 1, &applied, NULL), 0); /* is there already */
    assert_int_equal(applied, 44);
    assert_int_equal(dbr_memory_applied(f.db, &stmt, &applied), SQLITE_OK);
    assert_int_equal(applied, 44);
    (void)sqlite3_reset(stmt);
    db_close(&f);
}

static void what_became_of_a_request_is_kept(void **state)
{
    (void)state;
    struct db_fixture f;
    uint64_t applied = 0;
    struct dbr_request found = {0};
    struct dbr_request request = {.index = 7,
                                  .status = DEBROS_ESQL,
                                  .failed = 3,
                                  .detail = "words",
                                  .results = dbr_bytes("0123456789abcdef", 16)};
    db_open(&f);
    assert_int_equal(dbr_memory_open(f.db, 0, &applied, NULL), 0);
    assert_int_equal(find(f.db, &key, 0, 100, &found), SQLITE_DONE);
    assert_int_equal(dbr_memory_add(f.db, &key, &request), SQLITE_OK);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(dbr_memory_find(f.db, &key, 0, 100, &found, &stmt), SQLITE_ROW);
    assert_int_equal(found.status, DEBROS_ESQL);
    assert_int_equal(found.failed, 3);
    assert_string_equal(found.detail, "words");
    assert_true(dbr_bytes_equal(found.results, request.results));
    (void)sqlite3_reset(stmt);
    assert_int_equal(find(f.db, &key, 8, 100, &found), SQLITE_DONE); /* too old */
    assert_int_equal(find(f.db, &key, 0, 6, &found), SQLITE_DONE);   /* from the future */
    db_close(&f);
}

static void the_oldest_are_forgotten(void **state)
{
    (void)state;
    struct db_fixture f;
    uint64_t applied = 0;
    struct dbr_request found = {0};
    db_open(&f);
    assert_int_equal(dbr_memory_open(f.db, 0, &applied, NULL), 0);
    for (uint64_t i = 1; i <= 10; i++) {
        add(f.db, i, i * 10);
    }
    assert_int_equal(dbr_memory_prune(f.db, 3, 60), SQLITE_OK);
    assert_int_equal(dbr_memory_prune(f.db, 3, 45), SQLITE_OK);
    for (uint64_t i = 1; i <= 10; i++) {
        struct dbr_sql_key k = {.client = "client of a tes", .seq = i};
        assert_int_equal(find(f.db, &k, 0, 1000, &found),
                         i <= 4 ? SQLITE_DONE : SQLITE_ROW);
    }
    db_close(&f);
}

static void another_format_is_refused(void **state)
{
    (void)state;
    struct db_fixture f;
    uint64_t applied = 0;
    debros_detail detail = {{0}};
    db_open(&f);
    assert_int_equal(dbr_memory_open(f.db, 0, &applied, NULL), 0);
    assert_int_equal(dbr_internal_exec(f.db, "UPDATE _debros_meta SET format = 2"),
                     SQLITE_OK);
    assert_int_equal(dbr_memory_open(f.db, 0, &applied, &detail), DEBROS_EIO);
    assert_string_equal(detail.text, "db/x.db: made by another version (format 2)");
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_is_kept),
        cmocka_unit_test(what_became_of_a_request_is_kept),
        cmocka_unit_test(the_oldest_are_forgotten),
        cmocka_unit_test(another_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
