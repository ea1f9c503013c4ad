#include "store/internal.h"

#include "db_fixture.h"

static void our_statements_may_what_users_may_not(void **state)
{
    (void)state;
    struct db_fixture f;
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    db_open(&f);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE _debros_x(a)"), SQLITE_OK);
    assert_int_equal(dbr_db_prepare(f.db, "SELECT * FROM _debros_x", &stmt, &more),
                     SQLITE_AUTH);
    assert_false(f.db->trusted);
    db_close(&f);
}

static void transactions_nest(void **state)
{
    (void)state;
    struct db_fixture f;
    db_open(&f);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_BEGIN), SQLITE_OK);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE a(a)"), SQLITE_OK);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_SAVEPOINT), SQLITE_OK);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE b(a)"), SQLITE_OK);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_ROLLBACK_TO), SQLITE_OK);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_RELEASE), SQLITE_OK);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_COMMIT), SQLITE_OK);
    assert_int_equal(dbr_internal_exec(f.db, "SELECT * FROM a"), SQLITE_OK);
    assert_int_equal(dbr_internal_exec(f.db, "SELECT * FROM b"), SQLITE_ERROR);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_COMMIT), SQLITE_ERROR);
    db_close(&f);
}

static void a_missing_table_is_an_error_each_time(void **state)
{
    (void)state;
    struct db_fixture f;
    struct sqlite3_stmt *stmt = NULL;
    db_open(&f);
    assert_int_equal(dbr_internal_get(f.db, DBR_INTERNAL_NAMESPACES, &stmt),
                     SQLITE_ERROR);
    assert_null(stmt);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE namespaces(name, created)"),
                     SQLITE_OK);
    assert_int_equal(dbr_internal_get(f.db, DBR_INTERNAL_NAMESPACES, &stmt), SQLITE_OK);
    assert_int_equal(dbr_internal_step(f.db, stmt), SQLITE_DONE);
    (void)sqlite3_reset(stmt);
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_statements_may_what_users_may_not),
        cmocka_unit_test(transactions_nest),
        cmocka_unit_test(a_missing_table_is_an_error_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
