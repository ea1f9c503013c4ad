/* The order in which a node ends: refuse new, cancel all, drain, close handles, last
 * callback, return. One test for each. */
#include <dirent.h>
#include <string.h>

#include "harness.h"

#define N 50

static struct harness_folder folder;
static debros_node *node;
static debros_sql reqs[N];
static int statuses[N];
static int n_called;
static int n_called_at_stop;
static debros_node *submit_to; /* a callback submits to it */

static const debros_statement insert = {.sql = "INSERT INTO t VALUES (1)"};

static int set_up(void **state)
{
    (void)state;
    harness_folder_make(&folder);
    node = harness_lead(&folder);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER)"), 0);
    memset(reqs, 0, sizeof(reqs));
    n_called = 0;
    n_called_at_stop = -1;
    submit_to = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    debros_node_destroy(node);
    harness_folder_remove(&folder);
    return 0;
}

static void on_exec(debros_sql *req, int status)
{
    statuses[req - reqs] = status;
    n_called++;
    if (submit_to != NULL) {
        debros_net other = {0};
        assert_int_equal(debros_status_get(submit_to, &other, NULL), DEBROS_ESTATE);
        debros_cancel(submit_to, &other.base);
    }
}

static void on_stop(debros_req *req, int status)
{
    (void)req;
    assert_int_equal(status, 0);
    n_called_at_stop = n_called;
}

static void submit_all(void)
{
    for (int i = 0; i < N; i++) {
        reqs[i].statements = &insert;
        reqs[i].n_statements = 1;
        assert_int_equal(debros_sql_exec(node, &reqs[i], on_exec), 0);
    }
}

static void destroy_node(void)
{
    debros_node *old = node;
    node = NULL;
    debros_node_destroy(old);
}

static void refuse_new(void **state)
{
    (void)state;
    debros_req stop = {0};
    debros_net req = {0};
    assert_int_equal(debros_stop(node, &stop, NULL), 0);
    assert_int_equal(debros_status_get(node, &req, NULL), DEBROS_ESTATE);
    assert_string_equal(req.base.detail, "the node stops or has stopped");
    assert_int_equal(debros_stop(node, &req.base, NULL), DEBROS_ESTATE);
    assert_int_equal(debros_wait(node, &stop), 0);
    assert_int_equal(debros_status_get(node, &req, NULL), DEBROS_ESTATE);
}

static void cancel_all(void **state)
{
    (void)state;
    submit_all();
    submit_to = node; /* callbacks of the end may call us, and are refused */
    destroy_node();
    assert_int_equal(n_called, N);
    for (int i = 0; i < N; i++) {
        assert_true(statuses[i] == 0 || statuses[i] == DEBROS_ECANCELED);
    }
}

static void drain(void **state)
{
    (void)state;
    int64_t acknowledged = 0;
    submit_all();
    destroy_node();
    for (int i = 0; i < N; i++) {
        acknowledged += statuses[i] == 0;
    }
    /* What was acknowledged is there, and what was not may be. */
    debros_config config = harness_config(&folder);
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_in_range(harness_count(node, "SELECT count(*) FROM t"), acknowledged, N);
}

static int count_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return -1; /* a system that does not tell */
    }
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    return n;
}

static void close_handles(void **state)
{
    (void)state;
    destroy_node();
    int before = count_descriptors();
    debros_config config = harness_config(&folder);
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(harness_count(node, "SELECT 1"), 1);
    assert_true(before == -1 || count_descriptors() > before);
    destroy_node();
    assert_int_equal(count_descriptors(), before);
}

static void last_callback(void **state)
{
    (void)state;
    debros_req stop = {0};
    submit_all();
    assert_int_equal(debros_stop(node, &stop, on_stop), 0);
    assert_int_equal(debros_wait(node, &stop), 0);
    assert_int_equal(n_called_at_stop, N);
    assert_int_equal(debros_dispatch(node, 0), 0);
}

static void on_cut_off(debros_req *req, int status)
{
    *(int *)req->data = status;
}

static void return_comes_after_everything(void **state)
{
    (void)state;
    int status = 1;
    debros_req req = {.data = &status};
    destroy_node();
    debros_config config = harness_config(&folder);
    /* While it starts. */
    node = harness_create(&config);
    assert_int_equal(debros_start(node, &req, on_cut_off), 0);
    destroy_node();
    assert_true(status == 0 || status == DEBROS_ECANCELED);
    /* Before it starts, twice stopped, and nothing at all. */
    node = harness_create(&config);
    destroy_node();
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(harness_stop(node), 0);
    destroy_node();
    debros_node_destroy(NULL);
}

static void the_version_is_the_headers(void **state)
{
    (void)state;
    assert_string_equal(debros_version(), DEBROS_VERSION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuse_new),
        TEST(cancel_all),
        TEST(drain),
        TEST(close_handles),
        TEST(last_callback),
        TEST(return_comes_after_everything),
        cmocka_unit_test(the_version_is_the_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
