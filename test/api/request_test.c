#include "harness.h"

static struct harness_folder folder;
static debros_node *node;

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

static void a_node_that_does_not_run_refuses(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    debros_detail detail;
    debros_net req = {0};
    node = harness_create(&config);
    assert_int_equal(debros_node_check(node, &detail), DEBROS_ESTATE);
    assert_int_equal(debros_status_get(node, &req, NULL), DEBROS_ESTATE);
    assert_string_equal(req.base.detail, "the node has not been started");
    assert_int_equal(debros_stop(node, &req.base, NULL), DEBROS_ESTATE);
    assert_int_equal(debros_init(&config, NULL), 0);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(debros_node_check(node, &detail), 0);
    assert_int_equal(harness_stop(node), 0);
    assert_int_equal(debros_node_check(node, &detail), DEBROS_ESTATE);
    assert_int_equal(debros_status_get(node, &req, NULL), DEBROS_ESTATE);
    assert_int_equal(debros_start(node, &req.base, NULL), DEBROS_ESTATE);
    assert_string_equal(req.base.detail, "a node starts once: create another");
    debros_node_destroy(node);
}

static void above_max_pending_it_is_busy(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    debros_net reqs[3] = {0};
    assert_int_equal(debros_init(&config, NULL), 0);
    config.max_pending = 2;
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    /* Completed ones count until their callbacks have run: the ring is bounded. */
    assert_int_equal(debros_status_get(node, &reqs[0], NULL), 0);
    assert_int_equal(debros_status_get(node, &reqs[1], NULL), 0);
    assert_int_equal(debros_status_get(node, &reqs[2], NULL), DEBROS_EBUSY);
    assert_string_equal(reqs[2].base.detail, "max_pending requests are under way");
    assert_int_equal(debros_wait(node, &reqs[0].base), 0);
    assert_int_equal(debros_wait(node, &reqs[1].base), 0);
    assert_int_equal(debros_status_get(node, &reqs[2], NULL), 0);
    debros_node_destroy(node);
}

static void submit_twice(void)
{
    debros_req req = {0};
    (void)debros_start(node, &req, NULL);
    (void)debros_start(node, &req, NULL);
}

static void the_same_request_twice_is_a_programming_error(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    node = harness_create(&config);
    assert_true(test_aborts(submit_twice));
    debros_node_destroy(node);
}

static void a_timeout_is_each_requests_own(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    /* Nobody answers at this address of documentation (RFC 5737), or it is refused. */
    debros_net req = {.target = "/ip4/192.0.2.1/tcp/4001", .base.timeout = 50};
    assert_int_equal(debros_init(&config, NULL), 0);
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(debros_ping(node, &req, NULL), 0);
    int status = debros_wait(node, &req.base);
    assert_true(status == DEBROS_ETIMEDOUT || status == DEBROS_EUNREACHABLE);
    debros_node_destroy(node);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_that_does_not_run_refuses),
        TEST(above_max_pending_it_is_busy),
        TEST(the_same_request_twice_is_a_programming_error),
        TEST(a_timeout_is_each_requests_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
