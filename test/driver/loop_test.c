#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "driver/inner.h"

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

static void a_loop_that_may_poll_busily_sleeps_when_nothing_comes(void **state)
{
    (void)state;
    struct bench bench;
    clock_t before = clock();
    bench_init(&bench, until_then);
    dbr_loop_busy_poll(bench.loop, 1000);
    bench.loop->busy.us = 1000;
    bench.wake = dbr_loop_now() + 300;
    bench_run(&bench);
    assert_int_equal(bench.loop->busy.us, 0); /* closed by the long wait */
    bench_finish(&bench);
    assert_true(clock() - before < CLOCKS_PER_SEC / 10);
}

static void a_paused_poll_learns_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, until_then);
    dbr_loop_busy_poll(bench.loop, 1000);
    dbr_loop_pause_poll(bench.loop, true);
    bench.loop->busy.us = 1000;
    bench.wake = dbr_loop_now() + 30;
    bench_run(&bench);
    assert_int_equal(bench.loop->busy.us, 1000); /* not closed by the long wait */
    bench_finish(&bench);
}

/* The window is always open, and the last that happens is that a socket is gone, whose
 * peer has not even seen it. */
static bool closes_and_waits(struct bench *bench)
{
    bench->loop->busy.us = 1000;
    bench->wake = DBR_TIME_NEVER;
    if (bench->phase == 0 && bench_conn(bench, 2)->dialed) {
        bench->phase = 1;
        dbr_tcp_close(bench->loop, 2);
    }
    return bench->phase == 1 && dbr_tcp_count(bench->loop) == 0;
}

static void a_busy_poll_leaves_every_callback_to_its_turn(void **state)
{
    (void)state;
    struct bench bench;
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    struct dbr_endpoint endpoint = bench_loopback();
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(silent, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(silent, 1), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&in, &len), 0);
    endpoint.port = ntohs(in.sin_port);
    bench_init(&bench, closes_and_waits);
    dbr_loop_busy_poll(bench.loop, 1000);
    dbr_tcp_dial(bench.loop, 2, &endpoint);
    bench_run(&bench);
    assert_true(dbr_loop_now() < bench.end); /* nobody else would have woken it */
    bench_finish(&bench);
    close(silent);
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

static bool busy_once(struct bench *bench)
{
    struct timespec busy = {.tv_nsec = 30000000};
    bench->wake = dbr_loop_now() + 5;
    if (bench->n_ticks == 1) {
        nanosleep(&busy, NULL);
    }
    return bench->n_ticks == 3;
}

/* The sleep of polls is none; the work of a turn is. */
static void a_long_turn_is_lag(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, busy_once);
    bench_run(&bench);
    dbr_time now = dbr_loop_now();
    assert_true(dbr_window_max(dbr_loop_lag(bench.loop), now) >= 30000);
    assert_true(dbr_window_count(dbr_loop_lag(bench.loop), now) >= 2);
    bench_finish(&bench);
}

static bool sleep_long(struct bench *bench)
{
    bench->wake = dbr_loop_now() + 300;
    return bench->n_ticks == 3;
}

static void sleeping_is_no_lag(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, sleep_long);
    bench_run(&bench);
    /* Far below the sleep, far above any delay of a machine at work. */
    assert_true(dbr_window_percentile(dbr_loop_lag(bench.loop), 50, dbr_loop_now()) <
                250000);
    bench_finish(&bench);
}

static int to_parent;

/* Says that it runs; ends when it has seen that it did not, or never. */
static bool until_late(struct bench *bench)
{
    uint64_t max = dbr_window_max(dbr_loop_lag(bench->loop), dbr_loop_now());
    bench->wake = dbr_loop_now() + 300;
    if (bench->n_ticks == 1) {
        max = 0;
        return write(to_parent, &max, sizeof(max)) != sizeof(max);
    }
    return max >= 200000 || bench->n_ticks == 50;
}

static pid_t stopped_child(int fd)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    struct bench bench;
    to_parent = fd;
    bench_init(&bench, until_late);
    bench_run(&bench);
    uint64_t max = dbr_window_max(dbr_loop_lag(bench.loop), dbr_loop_now());
    ssize_t put = write(fd, &max, sizeof(max));
    _exit(put == sizeof(max) ? 0 : 1);
}

/* A process that is stopped while its loop sleeps wakes too late: its timer shows it. */
static void a_stopped_process_is_lag(void **state)
{
    (void)state;
    int fds[2];
    uint64_t max = 0;
    struct timespec stop = {.tv_nsec = 700000000};
    assert_int_equal(pipe(fds), 0);
    pid_t pid = stopped_child(fds[1]);
    assert_int_equal(read(fds[0], &max, sizeof(max)), sizeof(max)); /* it runs */
    kill(pid, SIGSTOP);
    nanosleep(&stop, NULL);
    kill(pid, SIGCONT);
    assert_int_equal(read(fds[0], &max, sizeof(max)), sizeof(max));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(max >= 200000);
    close(fds[0]);
    close(fds[1]);
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
        cmocka_unit_test(a_loop_that_may_poll_busily_sleeps_when_nothing_comes),
        cmocka_unit_test(a_paused_poll_learns_nothing),
        cmocka_unit_test(a_busy_poll_leaves_every_callback_to_its_turn),
        cmocka_unit_test(end_closes_every_socket),
        cmocka_unit_test(a_loop_that_never_ran_can_go),
        cmocka_unit_test(a_long_turn_is_lag),
        cmocka_unit_test(sleeping_is_no_lag),
        cmocka_unit_test(a_stopped_process_is_lag),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
