#include <stdio.h>
#include <unistd.h>

#include "api/node.h"
#include "core/inner.h"
#include "harness.h"

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

/* Starts a node that must fail; its detail holds `text`. */
static void assert_start_fails(const debros_config *config, int status, const char *text)
{
    debros_node *node = harness_create(config);
    debros_req req = {0};
    assert_int_equal(debros_start(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req), status);
    if (req.detail == NULL || strstr(req.detail, text) == NULL) {
        fail_msg("%s", req.detail == NULL ? "no detail" : req.detail);
    }
    debros_release(node, &req);
    debros_node_destroy(node);
}

static void a_folder_without_a_cluster_is_refused(void **state)
{
    (void)state;
    struct harness_folder none;
    snprintf(none.path, sizeof(none.path), "%s", harness_path(&folder, "none"));
    debros_config config = harness_config(&none);
    assert_start_fails(
        &config, DEBROS_ESTATE,
        "none belongs to no cluster: run debros init or debros join INVITE");
    /* And nothing was made. */
    assert_int_equal(access(none.path, F_OK), -1);
}

static void an_invite_into_a_member_folder_is_refused(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    assert_int_equal(debros_init(&config, NULL), 0);
    config.invite = "anything";
    assert_start_fails(&config, DEBROS_EEXISTS, "belongs to a cluster already");
}

static void a_bad_invite_is_refused(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    config.invite = "no invite";
    assert_start_fails(&config, DEBROS_EINVAL, "");
    assert_int_equal(access(harness_path(&folder, "cluster.json"), F_OK), -1);
}

static void a_taken_port_is_named(void **state)
{
    (void)state;
    debros_node *node = harness_lead(&folder);
    struct harness_folder other;
    char addr[128];
    const char *listen = addr;
    snprintf(addr, sizeof(addr), "%s", debros_node_listen_addr(node, 0));
    *strstr(addr, "/p2p/") = '\0';
    harness_folder_make(&other);
    debros_config config = harness_config(&other);
    assert_int_equal(debros_init(&config, NULL), 0);
    config.listen = &listen;
    assert_start_fails(&config, DEBROS_EBUSY, "on 127.0.0.1 is in use");
    debros_node_destroy(node);
    /* The port is free once the node is gone. */
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    debros_node_destroy(node);
    harness_folder_remove(&other);
}

static void a_folder_in_use_is_refused(void **state)
{
    (void)state;
    debros_node *node = harness_lead(&folder);
    debros_config config = harness_config(&folder);
    assert_start_fails(&config, DEBROS_EBUSY, folder.path);
    debros_node_destroy(node);
}

static void a_restart_keeps_identity_and_data(void **state)
{
    (void)state;
    char peer_id[64];
    debros_node *node = harness_lead(&folder);
    snprintf(peer_id, sizeof(peer_id), "%s", debros_node_peer_id(node));
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER)"), 0);
    assert_int_equal(harness_exec(node, "INSERT INTO t VALUES (41), (42)"), 0);
    assert_int_equal(harness_stop(node), 0);
    debros_node_destroy(node);

    debros_config config = harness_config(&folder);
    node = harness_create(&config);
    assert_string_equal(debros_node_peer_id(node), peer_id); /* known before start */
    assert_null(debros_node_listen_addr(node, 0));
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(harness_count(node, "SELECT sum(a) FROM t"), 83);
    debros_node_destroy(node);
}

static void a_destroyed_node_keeps_what_it_acknowledged(void **state)
{
    (void)state;
    debros_node *node = harness_lead(&folder);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER)"), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(harness_exec(node, "INSERT INTO t VALUES (1)"), 0);
    }
    debros_node_destroy(node);
    debros_config config = harness_config(&folder);
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(harness_count(node, "SELECT count(*) FROM t"), 20);
    debros_node_destroy(node);
}

static void a_members_lost_or_damaged_key_is_an_error(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    assert_int_equal(debros_init(&config, NULL), 0);
    assert_int_equal(truncate(harness_path(&folder, "identity.key"), 10), 0);
    assert_start_fails(&config, DEBROS_EINVAL, "identity.key' is damaged");
    assert_int_equal(unlink(harness_path(&folder, "identity.key")), 0);
    assert_start_fails(&config, DEBROS_ESTATE, "identity.key' is missing");
    assert_int_equal(access(harness_path(&folder, "identity.key"), F_OK), -1);
}

static void a_wildcard_is_told_as_real_addresses(void **state)
{
    (void)state;
    static const char *const listen[] = {"/ip4/0.0.0.0/tcp/0"};
    debros_config config = harness_config(&folder);
    config.listen = listen;
    assert_int_equal(debros_init(&config, NULL), 0);
    debros_node *node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_non_null(debros_node_listen_addr(node, 0));
    for (size_t i = 0; debros_node_listen_addr(node, i) != NULL; i++) {
        const char *addr = debros_node_listen_addr(node, i);
        assert_null(strstr(addr, "/0.0.0.0/"));
        assert_null(strstr(addr, "/tcp/0/"));
        assert_non_null(strstr(addr, debros_node_peer_id(node)));
    }
    debros_node_destroy(node);
}

static void assert_discovers(const debros_config *config, uint32_t low, uint32_t high)
{
    debros_node *node = harness_create(config);
    assert_int_equal(harness_start(node), 0);
    const struct dbr_discovery_limits *limits = &node->core->discovery.limits;
    assert_int_equal(limits->interval_ms, config->discovery_interval);
    assert_int_equal(limits->dials, config->discovery_dials);
    assert_int_equal(limits->low_water, low);
    assert_int_equal(limits->high_water, high);
    debros_node_destroy(node);
}

static void the_settings_of_discovery_reach_the_core(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    assert_int_equal(debros_init(&config, NULL), 0);
    assert_discovers(&config, 8, 64);
    config.discovery_interval = 1234;
    config.discovery_dials = 5;
    config.low_water = 20;
    config.high_water = 30;
    assert_discovers(&config, 20, 30);
    config.max_connections = 25;
    assert_discovers(&config, 20, 25);
    config.max_connections = 10;
    assert_discovers(&config, 10, 10);
}

static void what_is_advertised_is_told_instead(void **state)
{
    (void)state;
    static const char *const advertise[] = {"/dns4/a.example/tcp/4001",
                                            "/ip4/192.0.2.1/tcp/4002"};
    debros_config config = harness_config(&folder);
    assert_int_equal(debros_init(&config, NULL), 0);
    config.advertise = advertise;
    config.n_advertise = 2;
    debros_node *node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_non_null(strstr(debros_node_listen_addr(node, 0), "/ip4/127.0.0.1/tcp/"));
    assert_null(debros_node_listen_addr(node, 1));

    /* Its operator is known once its log says so. */
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER)"), 0);
    const char *addr;
    debros_config asking = harness_client(node, &addr);
    asking.identity_path = harness_path(&folder, "operator.key");
    debros_node *client = harness_create(&asking);
    assert_int_equal(harness_start(client), 0);
    debros_net req = {.target = addr};
    assert_int_equal(debros_identify(client, &req, NULL), 0);
    assert_int_equal(debros_wait(client, &req.base), 0);
    assert_int_equal(req.n_peers, 1);
    assert_int_equal(req.peers[0].n_addrs, 2);
    assert_string_equal(req.peers[0].addrs[0], advertise[0]);
    assert_string_equal(req.peers[0].addrs[1], advertise[1]);
    debros_release(client, &req.base);
    debros_node_destroy(client);
    debros_node_destroy(node);
}

static void a_client_that_finds_nobody_says_so(void **state)
{
    (void)state;
    const char *addr = "/ip4/127.0.0.1/tcp/1/p2p/"
                       "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    debros_config config;
    debros_config_default(&config);
    config.client = true;
    config.bootstrap = &addr;
    config.n_bootstrap = 1;
    config.request_timeout = 300;
    assert_start_fails(&config, DEBROS_EUNREACHABLE, "connection refused");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_folder_without_a_cluster_is_refused),
        TEST(an_invite_into_a_member_folder_is_refused),
        TEST(a_bad_invite_is_refused),
        TEST(a_taken_port_is_named),
        TEST(a_folder_in_use_is_refused),
        TEST(a_restart_keeps_identity_and_data),
        TEST(a_destroyed_node_keeps_what_it_acknowledged),
        TEST(a_members_lost_or_damaged_key_is_an_error),
        TEST(a_wildcard_is_told_as_real_addresses),
        TEST(the_settings_of_discovery_reach_the_core),
        TEST(what_is_advertised_is_told_instead),
        TEST(a_client_that_finds_nobody_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
