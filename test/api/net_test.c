#include "harness.h"

#include <stdio.h>

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

static void targets_are_checked(void **state)
{
    (void)state;
    debros_net req = {0};
    assert_int_equal(debros_ping(node, &req, NULL), DEBROS_EINVAL);
    assert_string_equal(req.base.detail, "there is no address");
    assert_int_equal(debros_ns_create(node, &req, NULL), DEBROS_EINVAL);
    assert_string_equal(req.base.detail, "the namespace has no name");
    req.target = "not an address";
    assert_int_equal(debros_connect(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_EINVAL);
    req.ttl_s = 604801;
    assert_int_equal(debros_invite(node, &req, NULL), DEBROS_EINVAL);
    debros_release(node, &req.base);
}

static void the_status_tells_who_leads(void **state)
{
    (void)state;
    debros_net req = {0};
    assert_int_equal(debros_status_get(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_string_equal(req.status->leader, debros_node_peer_id(node));
    assert_int_equal(req.status->role, DEBROS_ROLE_LEADER);
    assert_int_equal(strlen(req.status->cluster_id), 32);
    assert_true(req.status->commit_index >= 2);
    debros_release(node, &req.base);
}

static void namespaces_are_made_once(void **state)
{
    (void)state;
    debros_net req = {.target = "second"};
    assert_int_equal(debros_ns_create(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_int_equal(debros_ns_create(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_EEXISTS);
    assert_int_equal(debros_ns_list(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_int_equal(req.n_names, 2);
    assert_string_equal(req.names[0], "default");
    assert_string_equal(req.names[1], "second");
    debros_release(node, &req.base);
}

/* Found by the resolver, dialed, and shaken hands with: it is ourselves. */
static void names_of_hosts_are_dialed(void **state)
{
    (void)state;
    char target[200];
    const char *port = strstr(debros_node_listen_addr(node, 0), "/tcp/");
    size_t len = strspn(port + 5, "0123456789");
    snprintf(target, sizeof(target), "/dns4/localhost/tcp/%.*s", (int)len, port + 5);
    debros_net req = {.target = target};
    assert_int_equal(debros_ping(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_EINVAL);
    assert_non_null(strstr(req.base.detail, "this node itself answers there"));
    assert_non_null(strstr(req.base.detail, "/dns4/localhost/tcp/"));
    req.target = "/dns/no..such..host/tcp/4001";
    assert_int_equal(debros_ping(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_EUNREACHABLE);
    assert_non_null(strstr(req.base.detail, "no such host \"no..such..host\""));
    req.target = "/dnsaddr/example.org";
    assert_int_equal(debros_ping(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_EUNREACHABLE);
    assert_non_null(strstr(req.base.detail, "can be dialed"));
    debros_release(node, &req.base);
}

static void every_role_has_a_name(void **state)
{
    (void)state;
    for (int role = DEBROS_ROLE_NONE; role <= DEBROS_ROLE_CLIENT; role++) {
        assert_string_not_equal(debros_role_name((enum debros_role)role), "unknown");
    }
    assert_string_equal(debros_role_name((enum debros_role)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(targets_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_status_tells_who_leads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(namespaces_are_made_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_hosts_are_dialed, set_up, tear_down),
        cmocka_unit_test(every_role_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
