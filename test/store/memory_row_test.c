#include "store/memory_row.h"

#include "memory_fixture.h"

static const char memory_two[DBR_SQL_CLIENT_SIZE + 1] = "another of these";

static void the_newest_row_grows(void **state)
{
    (void)state;
    struct db_fixture f;
    memory_begin(&f);
    for (uint64_t i = 1; i <= 1000; i++) {
        memory_add_alone(f.db, memory_one, i);
        if (i % 100 == 0) {
            memory_restart(&f); /* another process goes on with the same row */
        }
    }
    assert_true(memory_rows(f.db) <= 1000 * 5 / DBR_MEMORY_MAX_GROWN + 1);
    for (uint64_t i = 1; i <= 1000; i++) {
        memory_check(f.db, memory_one, i, 3 * i);
    }
    db_close(&f);
}

static void only_the_newest_row_grows(void **state)
{
    (void)state;
    struct db_fixture f;
    memory_begin(&f);
    memory_add_alone(f.db, memory_one, 1);
    memory_add_alone(f.db, memory_two, 7);
    memory_add_alone(f.db, memory_one, 2);
    memory_add_alone(f.db, memory_one, 4);
    assert_int_equal(memory_rows(f.db), 4);
    memory_check(f.db, memory_one, 1, 3);
    memory_check(f.db, memory_one, 2, 6);
    memory_check(f.db, memory_one, 4, 12);
    memory_check(f.db, memory_two, 7, 21);
    db_close(&f);
}

static void a_row_that_was_rolled_back_has_not_grown(void **state)
{
    (void)state;
    struct db_fixture f;
    memory_begin(&f);
    memory_add_alone(f.db, memory_one, 1);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_BEGIN), SQLITE_OK);
    memory_add_alone(f.db, memory_one, 2);
    assert_int_equal(dbr_internal_run(f.db, DBR_INTERNAL_ROLLBACK), SQLITE_OK);
    dbr_memory_drop(f.db);
    memory_add_alone(f.db, memory_one, 2);
    memory_add_alone(f.db, memory_one, 3);
    assert_int_equal(memory_rows(f.db), 1);
    for (uint64_t i = 1; i <= 3; i++) {
        memory_check(f.db, memory_one, i, 3 * i);
    }
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_row_grows),
        cmocka_unit_test(only_the_newest_row_grows),
        cmocka_unit_test(a_row_that_was_rolled_back_has_not_grown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
