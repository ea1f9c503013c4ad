/* More than one node: clients, joining, and what a node hears when others end. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static struct harness_folder folder;
static debros_node *node;

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

/* The operator's key opens the cluster for a light client. */
static debros_node *operator_client(void)
{
    const char *addr;
    char key[2 * HARNESS_PATH];
    debros_config config = harness_client(node, &addr);
    snprintf(key, sizeof(key), "%s", harness_path(&folder, "operator.key"));
    config.identity_path = key;
    debros_node *client = harness_create(&config);
    assert_int_equal(harness_start(client), 0);
    return client;
}

static void a_light_client_reads_and_writes(void **state)
{
    (void)state;
    debros_node *client = operator_client();
    assert_int_equal(harness_exec(client, "CREATE TABLE t (a INTEGER)"), 0);
    assert_int_equal(harness_exec(client, "INSERT INTO t VALUES (7)"), 0);
    assert_int_equal(harness_count(client, "SELECT a FROM t"), 7);
    assert_int_equal(harness_count(node, "SELECT a FROM t"), 7);
    assert_int_equal(harness_stop(client), 0);
    debros_node_destroy(client);
}

static void a_stranger_gets_nothing(void **state)
{
    (void)state;
    const char *addr;
    debros_config config = harness_client(node, &addr);
    config.request_timeout = 2000;
    debros_node *client = harness_create(&config);
    assert_memory_equal(debros_node_peer_id(client), "12D3KooW", 8); /* in memory */
    int status = harness_start(client);
    if (status == 0) {
        status = harness_exec(client, "CREATE TABLE t (a INTEGER)");
    }
    assert_int_not_equal(status, 0);
    debros_node_destroy(client);
}

static void a_client_without_a_cluster_pings(void **state)
{
    (void)state;
    debros_config config;
    debros_config_default(&config);
    config.client = true;
    debros_node *client = harness_create(&config);
    debros_net req = {.target = debros_node_listen_addr(node, 0)};
    assert_int_equal(harness_start(client), 0);
    assert_int_equal(debros_ping(client, &req, NULL), 0);
    assert_int_equal(debros_wait(client, &req.base), 0);
    assert_true(req.rtt_us > 0);
    debros_node_destroy(client);
}

static void make_invite(char *invite, size_t size)
{
    debros_net req = {0};
    assert_int_equal(debros_invite(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    snprintf(invite, size, "%s", req.text);
    debros_release(node, &req.base);
}

static void an_invite_makes_a_member(void **state)
{
    (void)state;
    struct harness_folder other;
    char invite[2048];
    harness_folder_make(&other);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER)"), 0);
    make_invite(invite, sizeof(invite));
    debros_config config = harness_config(&other);
    config.invite = invite;
    debros_node *second = harness_create(&config);
    assert_int_equal(harness_start(second), 0);
    assert_int_equal(access(harness_path(&other, "cluster.json"), F_OK), 0);
    assert_int_equal(access(harness_path(&other, "operator.key"), F_OK), 0);
    assert_int_equal(harness_exec(second, "INSERT INTO t VALUES (5)"), 0);
    assert_int_equal(harness_count(second, "SELECT a FROM t"), 5);
    assert_int_equal(harness_stop(second), 0);
    debros_node_destroy(second);

    /* From now on it starts by itself. */
    config.invite = NULL;
    second = harness_create(&config);
    assert_int_equal(harness_start(second), 0);
    assert_int_equal(harness_count(second, "SELECT a FROM t"), 5);
    debros_node_destroy(second);
    harness_folder_remove(&other);
}

static void on_start(debros_req *req, int status)
{
    *(int *)req->data = status;
}

/* A socket that listens and says nothing; `addr` is its multiaddr. */
static int listen_silently(char *addr, size_t size)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    snprintf(addr, size,
             "/ip4/127.0.0.1/tcp/%u/p2p/"
             "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
             ntohs(in.sin_port));
    return fd;
}

static void a_start_can_be_canceled(void **state)
{
    (void)state;
    char text[128];
    const char *addr = text;
    int fd = listen_silently(text, sizeof(text));
    debros_config config;
    int status = 1;
    debros_req req = {.data = &status};
    debros_config_default(&config);
    config.client = true;
    config.bootstrap = &addr;
    config.n_bootstrap = 1;
    debros_node *client = harness_create(&config);
    assert_int_equal(debros_start(client, &req, on_start), 0);
    debros_cancel(client, &req);
    assert_int_equal(debros_wait(client, &req), DEBROS_ECANCELED);
    assert_int_equal(status, DEBROS_ECANCELED);
    debros_release(client, &req);
    debros_node_destroy(client);
    close(fd);
}

static void a_silent_member_is_given_up_in_time(void **state)
{
    (void)state;
    char text[128];
    const char *addr = text;
    int fd = listen_silently(text, sizeof(text));
    debros_config config;
    debros_config_default(&config);
    config.client = true;
    config.bootstrap = &addr;
    config.n_bootstrap = 1;
    config.request_timeout = 200;
    debros_node *client = harness_create(&config);
    assert_int_equal(harness_start(client), DEBROS_EUNREACHABLE);
    debros_node_destroy(client);
    close(fd);
}

static void a_node_can_be_stopped_while_it_starts(void **state)
{
    (void)state;
    debros_req start = {0}, stop = {0};
    debros_config config = harness_config(&folder);
    debros_node_destroy(node);
    node = harness_create(&config);
    assert_int_equal(debros_start(node, &start, NULL), 0);
    assert_int_equal(debros_stop(node, &stop, NULL), 0);
    assert_int_equal(debros_wait(node, &stop), 0);
    int status = debros_wait(node, &start);
    assert_true(status == 0 || status == DEBROS_ECANCELED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_light_client_reads_and_writes),
        TEST(a_stranger_gets_nothing),
        TEST(a_client_without_a_cluster_pings),
        TEST(an_invite_makes_a_member),
        TEST(a_start_can_be_canceled),
        TEST(a_silent_member_is_given_up_in_time),
        TEST(a_node_can_be_stopped_while_it_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
