#include "bench.h"

#include <stdio.h>

static bool at_once(struct bench *bench)
{
    (void)bench;
    return true;
}

static void a_port_in_use_is_named(void **state)
{
    (void)state;
    struct bench bench;
    debros_detail detail;
    char expected[64];
    bench_init(&bench, at_once);
    struct dbr_endpoint endpoint = bench_loopback();
    assert_int_equal(dbr_tcp_listen(bench.loop, &endpoint, &detail), 0);
    assert_int_equal(dbr_tcp_listen(bench.loop, &endpoint, &detail), DEBROS_EBUSY);
    snprintf(expected, sizeof(expected), "port %u on 127.0.0.1 is in use by another",
             endpoint.port);
    assert_ptr_equal(strstr(detail.text, expected), detail.text);
    bench_finish(&bench);
}

static void a_foreign_address_is_named(void **state)
{
    (void)state;
    struct bench bench;
    debros_detail detail;
    bench_init(&bench, at_once);
    struct dbr_endpoint endpoint = {.ip = {192, 0, 2, 1}}; /* RFC 5737: nobody's */
    assert_int_equal(dbr_tcp_listen(bench.loop, &endpoint, &detail), DEBROS_EINVAL);
    assert_string_equal(detail.text, "192.0.2.1 is no address of this machine");
    bench_finish(&bench);
}

static bool until_accepted(struct bench *bench)
{
    return bench_accepted(bench) != NULL && bench_conn(bench, 2)->dialed;
}

static void ip6_works_where_the_machine_has_it(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, until_accepted);
    struct dbr_endpoint endpoint = {.is_ip6 = true, .ip = {[15] = 1}};
    if (dbr_tcp_listen(bench.loop, &endpoint, NULL) == 0) {
        dbr_tcp_dial(bench.loop, 2, &endpoint);
        bench_run(&bench);
        assert_true(bench_accepted(&bench)->remote.is_ip6);
    }
    bench_finish(&bench);
}

static void wildcards_of_both_kinds_share_a_port(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, at_once);
    struct dbr_endpoint ip6 = {.is_ip6 = true};
    if (dbr_tcp_listen(bench.loop, &ip6, NULL) == 0) {
        struct dbr_endpoint ip4 = {.port = ip6.port};
        /* EBUSY: the kernel's pick may be taken on IPv4 by another program. */
        int err = dbr_tcp_listen(bench.loop, &ip4, NULL);
        assert_true(err == 0 || err == DEBROS_EBUSY);
    }
    bench_finish(&bench);
}

static void a_wildcard_stands_for_the_interfaces(void **state)
{
    (void)state;
    struct dbr_endpoint wildcard = {.port = 4001};
    struct dbr_endpoint out[32];
    size_t n = dbr_tcp_interfaces(out, 32, &wildcard);
    assert_true(n >= 1);
    bool loopback = false;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(out[i].port, 4001);
        assert_false(out[i].is_ip6);
        assert_false(dbr_endpoint_is_wildcard(&out[i]));
        /* Loopback comes last. */
        assert_true(!loopback || dbr_endpoint_is_loopback(&out[i]));
        loopback = loopback || dbr_endpoint_is_loopback(&out[i]);
    }
    assert_int_equal(dbr_tcp_interfaces(out, 0, &wildcard), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(a_foreign_address_is_named),
        cmocka_unit_test(ip6_works_where_the_machine_has_it),
        cmocka_unit_test(wildcards_of_both_kinds_share_a_port),
        cmocka_unit_test(a_wildcard_stands_for_the_interfaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
