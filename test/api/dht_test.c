/* The hash table through the public API: a node, and a light client of it. */
#include "harness.h"

#include <stdio.h>

static struct harness_folder folder;
static debros_node *node;
static debros_node *client;

static int set_up(void **state)
{
    const char *addr;
    (void)state;
    harness_folder_make(&folder);
    node = harness_lead(&folder);
    debros_config config = harness_client(node, &addr);
    config.identity_path = harness_path(&folder, "operator.key");
    client = harness_create(&config);
    assert_int_equal(harness_start(client), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    debros_node_destroy(client);
    debros_node_destroy(node);
    harness_folder_remove(&folder);
    return 0;
}

typedef int (*submit)(debros_node *, debros_dht *, debros_dht_cb);

static int run(debros_node *at, debros_dht *req, submit call)
{
    int err = call(at, req, NULL);
    return err != 0 ? err : debros_wait(at, &req->base);
}

static void what_is_put_is_got(void **state)
{
    (void)state;
    debros_node *const both[] = {node, client};
    for (int i = 0; i < 2; i++) {
        debros_dht put = {.key = "greeting",
                          .value = {(const uint8_t *)"hello", 5},
                          .ttl_s = 60,
                          .version = 3};
        assert_int_equal(run(both[i], &put, debros_dht_put), 0);
        assert_int_equal(put.stored, 0); /* it is alone */
        assert_int_equal(put.record->version, 3);
        assert_string_equal(put.record->writer, debros_node_peer_id(both[i]));
        debros_dht get = {.key = put.record->key};
        assert_int_equal(run(both[1 - i], &get, debros_dht_get), 0);
        assert_int_equal(get.record->value.len, 5);
        assert_memory_equal(get.record->value.data, "hello", 5);
        assert_int_equal(get.record->expires_ms, put.record->expires_ms);
        assert_string_equal(get.record->writer, put.record->writer);
        debros_release(both[1 - i], &get.base);
        debros_dht gone = {.key = "greeting"};
        assert_int_equal(run(both[i], &gone, debros_dht_remove), 0);
        assert_int_equal(run(both[i], &gone, debros_dht_get), DEBROS_ENOTFOUND);
        debros_release(both[i], &gone.base);
        debros_release(both[i], &put.base);
    }
}

static void providers_and_the_table(void **state)
{
    (void)state;
    debros_dht req = {.key = "a thing"};
    assert_int_equal(run(client, &req, debros_dht_provide), 0);
    assert_int_equal(run(client, &req, debros_dht_providers), 0);
    assert_int_equal(req.n_peers, 1);
    assert_string_equal(req.peers[0].id, debros_node_peer_id(node));
    assert_true(req.peers[0].n_addrs > 0);
    assert_int_equal(run(client, &req, debros_dht_table), 0);
    assert_int_equal(req.table->keys, 1);
    assert_int_equal(req.table->providers, 1);
    assert_int_equal(req.table->buckets[0].n_peers, 0);
    assert_int_equal(run(client, &req, debros_dht_unprovide), 0);
    assert_int_equal(run(client, &req, debros_dht_providers), DEBROS_ENOTFOUND);
    debros_release(client, &req.base);
}

static void refuse(debros_dht req, submit call, int status, const char *why)
{
    assert_int_equal(run(node, &req, call), status);
    assert_non_null(strstr(req.base.detail, why));
    debros_release(node, &req.base);
}

static void arguments_are_checked(void **state)
{
    static const uint8_t large[65424];
    (void)state;
    refuse((debros_dht){0}, debros_dht_get, DEBROS_EINVAL, "there is no key");
    refuse((debros_dht){.key = ""}, debros_dht_provide, DEBROS_EINVAL, "there is no key");
    refuse((debros_dht){.key = "x", .want = 65}, debros_dht_get, DEBROS_EINVAL, "64");
    refuse((debros_dht){.key = "x", .ttl_s = 604801}, debros_dht_put, DEBROS_EINVAL,
           "604,800");
    refuse((debros_dht){.key = "x", .value = {large, sizeof(large)}}, debros_dht_put,
           DEBROS_ELIMIT, "65,423");
    refuse((debros_dht){.key = "x", .value = {NULL, 1}}, debros_dht_put, DEBROS_EINVAL,
           "no bytes");
    refuse((debros_dht){.key = "/x"}, debros_dht_put, DEBROS_EINVAL, "is no key");
    refuse((debros_dht){.key = "/debros/service/x"}, debros_dht_provide, DEBROS_EACCES,
           "library's own");
}

static void peers_are_found_and_cut_off(void **state)
{
    (void)state;
    debros_net req = {0};
    assert_int_equal(debros_find_peer(node, &req, NULL), DEBROS_EINVAL);
    assert_string_equal(req.base.detail, "there is no peer id");
    req.target = debros_node_peer_id(client);
    assert_int_equal(debros_find_peer(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_string_equal(req.peers[0].id, req.target);
    assert_true(req.peers[0].connected && req.peers[0].client && req.peers[0].inbound);
    assert_false(req.peers[0].member);
    assert_true(req.peers[0].since > 1600000000000);
    assert_int_equal(req.peers[0].n_services, 0);
    assert_int_equal(debros_disconnect(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_string_equal(req.text, req.target);
    req.target = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    assert_int_equal(debros_disconnect(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_ENOTFOUND);
    assert_non_null(strstr(req.base.detail, "is not connected"));
    debros_release(node, &req.base);
}

static void peers_are_picked_by_service(void **state)
{
    (void)state;
    debros_net req = {.service = "database"};
    assert_int_equal(debros_peers(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_int_equal(req.n_peers, 1);
    assert_string_equal(req.peers[0].id, debros_node_peer_id(node));
    assert_string_equal(req.peers[0].services[0], "database");
    req.service = "storage";
    assert_int_equal(debros_peers(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_EINVAL);
    debros_release(node, &req.base);
}

static int completed;

static void count(debros_dht *req, int status)
{
    (void)req;
    assert_int_equal(status, 0);
    completed++;
}

static void callbacks_run(void **state)
{
    (void)state;
    debros_dht req = {.key = "x"};
    completed = 0;
    assert_int_equal(debros_dht_table(node, &req, count), 0);
    harness_dispatch_until(node, &completed, 1);
    assert_int_equal(completed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_got),
        cmocka_unit_test(providers_and_the_table),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(peers_are_picked_by_service),
        cmocka_unit_test(callbacks_run),
        cmocka_unit_test(peers_are_found_and_cut_off),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
