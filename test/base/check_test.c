#include "test.h"

static void fail_a_check(void)
{
    dbr_assert(1 + 1 == 3);
}

static void pass_a_check(void)
{
    dbr_assert(1 + 1 == 2);
}

static void reach_the_unreachable(void)
{
    dbr_unreachable();
}

static void a_failed_check_aborts(void **state)
{
    (void)state;
    assert_true(test_aborts(fail_a_check));
    assert_true(test_aborts(reach_the_unreachable));
    assert_false(test_aborts(pass_a_check));
}

static void an_assertion_evaluates_once(void **state)
{
    (void)state;
    int n = 0;
    dbr_assert(++n > 0);
    assert_int_equal(n, 1);
}

static void the_container_is_found(void **state)
{
    (void)state;
    struct pair {
        char first;
        long second;
    } pair;
    assert_ptr_equal(DBR_CONTAINER_OF(&pair.second, struct pair, second), &pair);
    int numbers[7];
    assert_int_equal(DBR_COUNT(numbers), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_check_aborts),
        cmocka_unit_test(an_assertion_evaluates_once),
        cmocka_unit_test(the_container_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
