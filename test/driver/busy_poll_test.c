#include "driver/busy_poll.h"

#include "test.h"

static void it_grows_while_waits_are_short(void **state)
{
    (void)state;
    struct dbr_busy_poll poll = {.max_us = 100};
    static const uint32_t windows[] = {8, 16, 32, 64, 100, 100};
    for (size_t i = 0; i < DBR_COUNT(windows); i++) {
        dbr_busy_poll_waited(&poll, 100);
        assert_int_equal(poll.us, windows[i]);
    }
}

static void it_stays_where_it_suffices(void **state)
{
    (void)state;
    struct dbr_busy_poll poll = {.max_us = 100, .us = 32};
    dbr_busy_poll_waited(&poll, 32);
    dbr_busy_poll_waited(&poll, 0);
    assert_int_equal(poll.us, 32);
}

static void one_long_wait_closes_it(void **state)
{
    (void)state;
    struct dbr_busy_poll poll = {.max_us = 100, .us = 100};
    dbr_busy_poll_waited(&poll, 801);
    assert_int_equal(poll.us, 0);
}

static void longer_waits_halve_it(void **state)
{
    (void)state;
    struct dbr_busy_poll poll = {.max_us = 100, .us = 100};
    static const uint32_t windows[] = {50, 25, 12, 0, 0};
    for (size_t i = 0; i < DBR_COUNT(windows); i++) {
        dbr_busy_poll_waited(&poll, 101 + 600 * (i % 2));
        assert_int_equal(poll.us, windows[i]);
    }
}

static void no_maximum_is_never(void **state)
{
    (void)state;
    struct dbr_busy_poll poll = {0};
    dbr_busy_poll_waited(&poll, 0);
    assert_int_equal(poll.us, 0);
    dbr_busy_poll_waited(&poll, 5);
    assert_int_equal(poll.us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_while_waits_are_short),
        cmocka_unit_test(it_stays_where_it_suffices),
        cmocka_unit_test(longer_waits_halve_it),
        cmocka_unit_test(one_long_wait_closes_it),
        cmocka_unit_test(no_maximum_is_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
