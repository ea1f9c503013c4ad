#include "api/addresses.h"

#include "api/node.h"
#include "core/inner.h"
#include "harness.h"
#include "swarm/state.h"

#define GONE "/ip4/192.0.2.1/tcp/4001" /* RFC 5737: nobody's */

/* A node that listens on every interface, without its thread. */
static debros_node *node_on(const char *listen)
{
    debros_config config;
    debros_config_default(&config);
    config.data_dir = "/nonexistent";
    config.listen = &listen;
    config.n_listen = 1;
    debros_node *node = harness_create(&config);
    struct dbr_core_config core = {.mode = DBR_CORE_CLIENT, .identity = &node->identity};
    dbr_keypair_generate(&node->identity, &node->rng);
    assert_int_equal(dbr_core_create(&node->core, &core, &node->rng, 0, 1, NULL), 0);
    assert_int_equal(dbr_addresses_listen(node, NULL), 0);
    return node;
}

static void finish(debros_node *node)
{
    dbr_core_destroy(node->core);
    node->core = NULL;
    debros_node_destroy(node);
}

static bool core_has(const debros_node *node, const struct dbr_multiaddr *addr)
{
    struct dbr_swarm *swarm = node->core->swarm;
    for (size_t i = 0; i < swarm->n_listen; i++) {
        if (dbr_multiaddr_equal(&swarm->listen[i], addr)) {
            return true;
        }
    }
    return false;
}

static void a_wildcard_is_told_as_the_machine_s_addresses(void **state)
{
    (void)state;
    debros_node *node = node_on("/ip4/0.0.0.0/tcp/0");
    struct dbr_endpoint endpoint;
    assert_int_equal(node->n_listening, 1);
    assert_true(node->n_addrs >= 1);
    assert_int_equal(node->n_texts, node->n_addrs);
    dbr_addresses_tell(node);
    for (size_t i = 0; i < node->n_addrs && i < DBR_MEMBER_ADDRS; i++) {
        assert_true(core_has(node, &node->addrs[i]));
        assert_true(dbr_multiaddr_endpoint(&node->addrs[i], &endpoint));
        assert_int_equal(endpoint.port, node->listening[0].port);
        assert_false(dbr_endpoint_is_wildcard(&endpoint));
    }
    finish(node);
}

static void what_comes_and_goes_is_told(void **state)
{
    (void)state;
    debros_node *node = node_on("/ip4/0.0.0.0/tcp/0");
    struct dbr_multiaddr gone;
    assert_int_equal(dbr_multiaddr_parse(&gone, GONE, NULL), 0);
    struct dbr_multiaddr first = node->addrs[0];
    size_t n = node->n_addrs;
    node->addrs[0] = gone; /* as it was at the start, say */
    dbr_addresses_tell(node);
    assert_true(core_has(node, &gone));
    assert_false(core_has(node, &first));
    dbr_addresses_look(node);
    assert_false(core_has(node, &gone));
    assert_true(core_has(node, &first));
    assert_int_equal(node->n_addrs, n);
    assert_true(dbr_multiaddr_equal(&node->addrs[0], &first));
    finish(node);
}

static void what_was_asked_for_by_name_stays(void **state)
{
    (void)state;
    debros_node *node = node_on("/ip4/127.0.0.1/tcp/0");
    dbr_addresses_tell(node);
    assert_int_equal(node->n_addrs, 1);
    struct dbr_multiaddr addr = node->addrs[0];
    dbr_addresses_look(node);
    assert_int_equal(node->n_addrs, 1);
    assert_int_equal(node->core->swarm->n_listen, 1);
    assert_true(core_has(node, &addr));
    finish(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wildcard_is_told_as_the_machine_s_addresses),
        cmocka_unit_test(what_comes_and_goes_is_told),
        cmocka_unit_test(what_was_asked_for_by_name_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
