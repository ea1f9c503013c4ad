#include "db_fixture.h"

#include <stdio.h>

static void a_statement_is_prepared_once(void **state)
{
    (void)state;
    struct db_fixture f;
    sqlite3_stmt *first = NULL;
    sqlite3_stmt *again = NULL;
    bool more = true;
    db_open(&f);
    assert_int_equal(dbr_db_prepare(f.db, "SELECT 1", &first, &more), SQLITE_OK);
    assert_false(more);
    assert_int_equal(dbr_db_prepare(f.db, "SELECT 1", &again, &more), SQLITE_OK);
    assert_ptr_equal(first, again);
    db_close(&f);
}

static void the_least_recently_used_goes(void **state)
{
    (void)state;
    struct db_fixture f;
    sqlite3_stmt *kept = NULL;
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    char text[32];
    db_open(&f);
    assert_int_equal(dbr_db_prepare(f.db, "SELECT 'kept'", &kept, &more), SQLITE_OK);
    for (unsigned i = 0; i < 3 * DBR_DB_STATEMENTS; i++) {
        (void)snprintf(text, sizeof(text), "SELECT %u", i);
        assert_int_equal(dbr_db_prepare(f.db, text, &stmt, &more), SQLITE_OK);
        assert_int_equal(dbr_db_prepare(f.db, "SELECT 'kept'", &stmt, &more), SQLITE_OK);
        assert_ptr_equal(stmt, kept);
    }
    db_close(&f);
}

static void two_statements_are_never_kept(void **state)
{
    (void)state;
    struct db_fixture f;
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    db_open(&f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dbr_db_prepare(f.db, "SELECT 1; SELECT 2", &stmt, &more),
                         SQLITE_OK);
        assert_true(more);
        assert_null(stmt);
    }
    assert_int_equal(dbr_db_prepare(f.db, " /* x */ ; -- y", &stmt, &more), SQLITE_OK);
    assert_false(more);
    assert_null(stmt);
    db_close(&f);
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(dbr_db_first_word(" \n;-- a\n/* b */VACUUM"), "VACUUM");
    assert_string_equal(dbr_db_first_word("/* open"), "");
    assert_string_equal(dbr_db_first_word("-- all"), "");
    assert_string_equal(dbr_db_first_word("-1"), "-1");
}

static void a_reader_needs_a_file(void **state)
{
    (void)state;
    struct db_fixture f;
    debros_detail detail = {{0}};
    struct dbr_db *db = NULL;
    db_open(&f);
    assert_int_equal(dbr_db_open(&db, f.vfs, DBR_DB_READER, "db/none.db", false, &detail),
                     DEBROS_EIO);
    assert_string_equal(detail.text,
                        "db/none.db: cannot be opened: unable to open database file");
    dbr_db_close(NULL);
    db_close(&f);
}

static void a_file_is_opened_or_nothing_is_left(void **state)
{
    (void)state;
    struct db_fixture f;
    db_open(&f);
    for (uint64_t n = 0; n < 8; n++) {
        struct dbr_db *db = NULL;
        sim_disk_fail_after(f.disk, n, DEBROS_ENOSPC);
        int err = dbr_db_open(&db, f.vfs, DBR_DB_APPLIER, "db/y.db", false, NULL);
        assert_true(err == 0 || err == DEBROS_ENOSPC || err == DEBROS_EIO);
        sim_disk_fail_after(f.disk, UINT64_MAX, 0);
        dbr_db_close(db);
    }
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_is_prepared_once),
        cmocka_unit_test(the_least_recently_used_goes),
        cmocka_unit_test(two_statements_are_never_kept),
        cmocka_unit_test(words),
        cmocka_unit_test(a_reader_needs_a_file),
        cmocka_unit_test(a_file_is_opened_or_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
