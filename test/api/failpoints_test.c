/* A process dies at each failpoint of api/, by SIGKILL. What it had acknowledged is there
 * when the next one opens the folder. */
#include "api/failpoints.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define ROWS 5

static struct harness_folder folder;

static int set_up(void **state)
{
    (void)state;
    harness_folder_make(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_folder_remove(&folder);
    return 0;
}

/* A whole life; each acknowledged row is a byte in the pipe. Without `first` it opens
 * what the other left and only counts. */
static int live(int out, bool first)
{
    debros_config config = harness_config(&folder);
    debros_detail detail;
    if (first && debros_init(&config, &detail) != 0) {
        return 10;
    }
    debros_node *node = harness_create(&config);
    if (harness_start(node) != 0) {
        return 11;
    }
    bool ok = harness_exec(node, "CREATE TABLE IF NOT EXISTS t(x)") == 0;
    for (int i = 0; ok && first && i < ROWS; i++) {
        ok =
            harness_exec(node, "INSERT INTO t VALUES(1)") == 0 && write(out, "+", 1) == 1;
    }
    int rows = (int)harness_count(node, "SELECT count(*) FROM t");
    ok = ok && harness_stop(node) == 0;
    debros_node_destroy(node);
    return ok ? rows : 12;
}

/* Returns waitpid()'s status; `acked` rows were acknowledged. */
static int run(const char *points, bool first, int *acked)
{
    int ends[2];
    char byte;
    int status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("DEBROS_FAILPOINTS", points, 1);
        alarm(60);
        _exit(live(ends[1], first));
    }
    close(ends[1]);
    *acked = 0;
    while (read(ends[0], &byte, 1) == 1) {
        (*acked)++;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void dies_at(const char *point)
{
    char spec[80];
    int acked;
    int none;
    snprintf(spec, sizeof(spec), "%s=crash", point);
    int status = run(spec, true, &acked);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fail_msg("%s: status %x, not killed", point, (unsigned)status);
    }
    bool in_init = strncmp(point, "api.init.", 9) == 0;
    if (!in_init) {
        status = run("", false, &none);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) >= acked &&
                    WEXITSTATUS(status) <= ROWS);
    }
}

static void each_failpoint_kills_and_nothing_is_lost(void **state)
{
    static const char *const points[] = {
        "api.init.make_keys",      "api.init.make_cluster", "api.init.write_log",
        "api.start.open_store",    "api.life.on_submit",    "api.life.leave",
        "api.lane_log.write_once", "api.life.finish"};
    (void)state;
#ifndef DBR_FAILPOINTS
    skip();
#endif
    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
        dies_at(points[i]);
        harness_folder_remove(&folder);
        harness_folder_make(&folder);
    }
}

static void a_failpoint_may_wait(void **state)
{
    int acked;
    struct timespec begin;
    struct timespec end;
    (void)state;
#ifndef DBR_FAILPOINTS
    skip();
#endif
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int status = run("api.start.open_store=sleep:300", true, &acked);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ROWS);
    assert_int_equal(acked, ROWS);
    assert_true((end.tv_sec - begin.tv_sec) * 1000 +
                    (end.tv_nsec - begin.tv_nsec) / 1000000 >=
                300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_failpoint_kills_and_nothing_is_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failpoint_may_wait, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
