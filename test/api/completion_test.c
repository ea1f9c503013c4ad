#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "harness.h"

static struct harness_folder folder;
static debros_node *node; /* one that leads */

static int set_up(void **state)
{
    (void)state;
    harness_folder_make(&folder);
    node = harness_lead(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    debros_node_destroy(node);
    harness_folder_remove(&folder);
    return 0;
}

static bool is_readable(void)
{
    struct pollfd fd = {.fd = debros_event_fd(node), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void wait_readable(void)
{
    struct pollfd fd = {.fd = debros_event_fd(node), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 30000), 1);
}

static void count_status(debros_net *req, int status)
{
    int *n = req->base.data;
    assert_int_equal(status, 0);
    assert_non_null(req->status);
    assert_string_equal(req->status->node_id, debros_node_peer_id(node));
    (*n)++;
}

static void the_descriptor_is_readable_until_all_is_dispatched(void **state)
{
    (void)state;
    int n = 0;
    debros_net reqs[3] = {0};
    assert_false(is_readable());
    assert_int_equal(debros_dispatch(node, 0), 0);
    for (int i = 0; i < 3; i++) {
        reqs[i].base.data = &n;
        assert_int_equal(debros_status_get(node, &reqs[i], count_status), 0);
    }
    int ran = 0;
    while (ran < 3) {
        wait_readable();
        int got = debros_dispatch(node, 1); /* at most one */
        assert_in_range(got, 0, 1);
        ran += got;
        assert_int_equal(n, ran);
    }
    assert_false(is_readable());
}

static void a_request_without_a_callback_keeps_its_results(void **state)
{
    (void)state;
    debros_net req = {0};
    assert_int_equal(debros_wait(node, &req.base), DEBROS_ESTATE); /* never submitted */
    for (int i = 0; i < 3; i++) { /* the next submit releases too */
        assert_int_equal(debros_status_get(node, &req, NULL), 0);
        assert_int_equal(debros_wait(node, &req.base), 0);
        assert_int_equal(debros_wait(node, &req.base), 0);
        assert_int_equal(req.status->role, DEBROS_ROLE_LEADER);
    }
    debros_release(node, &req.base);
    debros_release(node, &req.base);
    assert_int_equal(debros_wait(node, &req.base), 0); /* the status is remembered */
    debros_cancel(node, &req.base);                    /* harmless */
}

static void wait_runs_the_callback_and_keeps_the_results(void **state)
{
    (void)state;
    int n = 0;
    debros_net req = {.base.data = &n};
    assert_int_equal(debros_status_get(node, &req, count_status), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_int_equal(n, 1);
    assert_string_equal(req.status->node_id, debros_node_peer_id(node));
    debros_release(node, &req.base);
}

static void kept_results_go_with_the_node(void **state)
{
    (void)state;
    debros_net req = {0};
    assert_int_equal(debros_status_get(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    /* No release: the sanitizers would tell. */
}

static void resubmit(debros_net *req, int status)
{
    int *n = req->base.data;
    assert_int_equal(status, 0);
    if (++*n < 5) {
        assert_int_equal(debros_status_get(node, req, resubmit), 0);
    }
}

static void a_callback_may_submit_its_request_again(void **state)
{
    (void)state;
    int n = 0;
    debros_net req = {.base.data = &n};
    assert_int_equal(debros_status_get(node, &req, resubmit), 0);
    harness_dispatch_until(node, &n, 5);
}

static atomic_int n_threaded;
static pthread_t caller;

static void count_threaded(debros_net *req, int status)
{
    (void)req;
    assert_int_equal(status, 0);
    assert_false(pthread_equal(caller, pthread_self()));
    atomic_fetch_add(&n_threaded, 1);
}

static void the_callback_thread_runs_callbacks(void **state)
{
    (void)state;
    struct harness_folder other;
    harness_folder_make(&other);
    debros_config config = harness_config(&other);
    assert_int_equal(debros_init(&config, NULL), 0);
    config.callback_thread = true;
    debros_node *threaded = harness_create(&config);
    assert_int_equal(debros_event_fd(threaded), -1);
    assert_int_equal(debros_dispatch(threaded, 0), DEBROS_ESTATE);
    assert_int_equal(harness_start(threaded), 0);
    caller = pthread_self();
    debros_net reqs[10] = {0};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(debros_status_get(threaded, &reqs[i], count_threaded), 0);
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(debros_wait(threaded, &reqs[i].base), 0);
        debros_release(threaded, &reqs[i].base);
    }
    assert_int_equal(atomic_load(&n_threaded), 10);
    assert_int_equal(harness_stop(threaded), 0);
    debros_node_destroy(threaded);
    harness_folder_remove(&other);
}

struct chain {
    debros_sql req; /* first: its callback finds the chain */
    debros_node *node;
    debros_statement statement;
    pthread_t thread;
    atomic_int left;
    int wrong;
};

/* Each answer sends the next request. */
static void go_on(debros_sql *req, int status)
{
    struct chain *chain = (struct chain *)req;
    bool first = atomic_load(&chain->left) == 100;
    chain->thread = first ? pthread_self() : chain->thread;
    chain->wrong += status != 0 || req->n_results != 1 ||
                    !pthread_equal(chain->thread, pthread_self());
    if (atomic_load(&chain->left) > 1) {
        chain->wrong += debros_sql_query(chain->node, req, go_on) != 0;
    }
    atomic_fetch_sub(&chain->left, 1);
}

static void callbacks_in_line_run_on_the_nodes_thread(void **state)
{
    (void)state;
    struct harness_folder other;
    harness_folder_make(&other);
    debros_config config = harness_config(&other);
    assert_int_equal(debros_init(&config, NULL), 0);
    config.inline_callbacks = true;
    struct chain chain = {.node = harness_create(&config),
                          .statement = {.sql = "SELECT 1"},
                          .left = 100};
    chain.req.statements = &chain.statement;
    chain.req.n_statements = 1;
    chain.req.level = DEBROS_NONE;
    assert_int_equal(debros_event_fd(chain.node), -1);
    assert_int_equal(debros_dispatch(chain.node, 0), DEBROS_ESTATE);
    assert_int_equal(harness_start(chain.node), 0);
    assert_int_equal(debros_sql_query(chain.node, &chain.req, go_on), 0);
    while (atomic_load(&chain.left) > 0) {
        /* Other threads wait for other requests meanwhile. */
        assert_int_equal(harness_count(chain.node, "SELECT 7"), 7);
    }
    assert_int_equal(chain.wrong, 0);
    assert_false(pthread_equal(chain.thread, pthread_self()));
    assert_int_equal(harness_stop(chain.node), 0);
    debros_node_destroy(chain.node);
    harness_folder_remove(&other);
}

#define PER_THREAD 10000
#define WINDOW     100

static void *submit_many(void *data)
{
    static const debros_statement statement = {.sql = "SELECT 1"};
    int *failed = data;
    for (int i = 0; i < PER_THREAD; i += WINDOW) {
        debros_sql reqs[WINDOW] = {0};
        for (int j = 0; j < WINDOW; j++) {
            reqs[j].statements = &statement;
            reqs[j].n_statements = 1;
            reqs[j].level = DEBROS_NONE;
            *failed += debros_sql_query(node, &reqs[j], NULL) != 0;
        }
        for (int j = 0; j < WINDOW; j++) {
            *failed += debros_wait(node, &reqs[j].base) != 0 || reqs[j].n_results != 1;
            debros_release(node, &reqs[j].base);
        }
    }
    return NULL;
}

static void two_threads_submit_and_wait_at_once(void **state)
{
    (void)state;
    pthread_t threads[2];
    int failed[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &failed[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_descriptor_is_readable_until_all_is_dispatched),
        TEST(a_request_without_a_callback_keeps_its_results),
        TEST(wait_runs_the_callback_and_keeps_the_results),
        TEST(kept_results_go_with_the_node),
        TEST(a_callback_may_submit_its_request_again),
        TEST(the_callback_thread_runs_callbacks),
        TEST(callbacks_in_line_run_on_the_nodes_thread),
        TEST(two_threads_submit_and_wait_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
