#include "test.h"

#include "base/rng.h"
#include "base/window.h"

static struct dbr_window window;

static void clear(void)
{
    memset(&window, 0, sizeof(window));
}

static void nothing_measured_is_nothing(void **state)
{
    (void)state;
    clear();
    assert_int_equal(dbr_window_max(&window, 0), 0);
    assert_int_equal(dbr_window_count(&window, 5000), 0);
    assert_int_equal(dbr_window_percentile(&window, 99, 5000), 0);
}

static void the_minute_passes(void **state)
{
    (void)state;
    clear();
    dbr_window_add(&window, 700, 5000);
    dbr_window_add(&window, 30, 25000);
    assert_int_equal(dbr_window_max(&window, 25000), 700);
    assert_int_equal(dbr_window_max(&window, 59999), 700);
    assert_int_equal(dbr_window_max(&window, 60000), 30); /* the first slot has gone */
    assert_int_equal(dbr_window_count(&window, 60000), 1);
    dbr_window_add(&window, 1, 65000); /* takes its place */
    assert_int_equal(dbr_window_max(&window, 65000), 30);
    assert_int_equal(dbr_window_max(&window, 1000000), 0);
    assert_int_equal(dbr_window_max(&window, 4000), 0); /* a clock that went back */
}

/* Beside a sorted list: never below the true percentile, at most an eighth above. */
static void percentiles_are_near(void **state)
{
    struct dbr_rng rng;
    uint64_t values[1000];
    (void)state;
    dbr_rng_seed(&rng, 7);
    for (unsigned bits = 1; bits < 34; bits++) {
        clear();
        for (size_t i = 0; i < 1000; i++) {
            uint64_t value = dbr_rng_below(&rng, UINT64_C(1) << bits);
            size_t at = i;
            for (; at > 0 && values[at - 1] > value; at--) {
                values[at] = values[at - 1];
            }
            values[at] = value;
            dbr_window_add(&window, value, i * 50);
        }
        for (unsigned percent = 1; percent <= 100; percent++) {
            uint64_t wanted = values[percent * 10 - 1];
            uint64_t got = dbr_window_percentile(&window, percent, 50000);
            assert_true(got >= wanted);
            assert_true(got <= wanted + wanted / 8 + 1);
        }
        assert_int_equal(dbr_window_percentile(&window, 100, 50000), values[999]);
    }
}

static void what_is_huge_counts_too(void **state)
{
    (void)state;
    clear();
    dbr_window_add(&window, UINT64_MAX, 1);
    assert_true(dbr_window_percentile(&window, 99, 1) == UINT64_MAX);
    assert_true(dbr_window_max(&window, 1) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_measured_is_nothing),
        cmocka_unit_test(the_minute_passes),
        cmocka_unit_test(percentiles_are_near),
        cmocka_unit_test(what_is_huge_counts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
