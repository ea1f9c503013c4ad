#include "bench.h"

static bool never_twice(struct bench *bench)
{
    return bench->n_ticks == 5;
}

static void a_due_tick_comes_without_facts(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, never_twice);
    bench.wake = 0; /* always due */
    bench_run(&bench);
    bench_finish(&bench);
}

static bool until_then(struct bench *bench)
{
    return dbr_loop_now() >= bench->wake;
}

static void the_timer_wakes_in_time(void **state)
{
    (void)state;
    /* Short ones too: a timer may be due before the loop sleeps. */
    for (dbr_time ms = 0; ms < 12; ms++) {
        struct bench bench;
        bench_init(&bench, until_then);
        bench.wake = dbr_loop_now() + ms;
        bench_run(&bench);
        bench_finish(&bench);
    }
}

static bool at_once(struct bench *bench)
{
    (void)bench;
    return true;
}

static void end_closes_every_socket(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, at_once);
    struct dbr_endpoint endpoint = bench_loopback();
    assert_int_equal(dbr_tcp_listen(bench.loop, &endpoint, NULL), 0);
    dbr_tcp_dial(bench.loop, 2, &endpoint);
    bench_run(&bench);
    assert_int_equal(dbr_tcp_count(bench.loop), 0);
    assert_int_equal(bench.n_conns, 0);
    bench_finish(&bench);
}

static void a_loop_that_never_ran_can_go(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, at_once);
    struct dbr_endpoint endpoint = bench_loopback();
    assert_int_equal(dbr_tcp_listen(bench.loop, &endpoint, NULL), 0);
    bench_finish(&bench);
    dbr_loop_destroy(NULL);
}

static void clocks_run(void **state)
{
    (void)state;
    dbr_time before = dbr_loop_now();
    assert_true(dbr_loop_now() >= before);
    assert_true(dbr_loop_wall_ms() > INT64_C(1600000000000)); /* 2020 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_due_tick_comes_without_facts),
        cmocka_unit_test(the_timer_wakes_in_time),
        cmocka_unit_test(end_closes_every_socket),
        cmocka_unit_test(a_loop_that_never_ran_can_go),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
