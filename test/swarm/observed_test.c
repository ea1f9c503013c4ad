#include "test.h"

#include <stdio.h>

#include "swarm/observed.h"

static bool add(struct dbr_observed *observed, const char *addr, const char *observer,
                dbr_time now)
{
    struct dbr_multiaddr seen;
    struct dbr_multiaddr from;
    assert_int_equal(dbr_multiaddr_parse(&seen, addr, NULL), 0);
    assert_int_equal(dbr_multiaddr_parse(&from, observer, NULL), 0);
    return dbr_observed_add(observed, &seen, &from, now);
}

static size_t count_confirmed(const struct dbr_observed *observed)
{
    size_t n = 0;
    for (size_t i = 0; i < observed->n; i++) {
        n += dbr_observed_is_confirmed(&observed->addrs[i]);
    }
    return n;
}

#define SEEN "/ip4/192.0.2.9/tcp/4001"

static void four_hosts_confirm(void **state)
{
    (void)state;
    struct dbr_observed observed = {0};
    assert_false(add(&observed, SEEN, "/ip4/198.51.100.1/tcp/1", 1));
    assert_false(add(&observed, SEEN, "/ip4/198.51.100.2/tcp/1", 2));
    assert_false(add(&observed, SEEN, "/ip6/2001:db8::1/tcp/1", 3));
    for (int i = 0; i < 20; i++) { /* the same hosts once more, at other ports */
        assert_false(add(&observed, SEEN, "/ip4/198.51.100.2/tcp/9", 4));
        assert_false(add(&observed, SEEN, "/ip6/2001:db8:0:ff::2/tcp/1", 4));
    }
    assert_int_equal(count_confirmed(&observed), 0);
    assert_true(add(&observed, SEEN, "/ip4/198.51.100.4/tcp/1", 5));
    assert_int_equal(count_confirmed(&observed), 1);
    assert_false(add(&observed, SEEN, "/ip4/198.51.100.5/tcp/1", 6));
}

static void words_are_good_for_an_hour(void **state)
{
    (void)state;
    struct dbr_observed observed = {0};
    char from[64];
    for (int i = 1; i <= 3; i++) {
        snprintf(from, sizeof(from), "/ip4/198.51.100.%d/tcp/1", i);
        assert_false(add(&observed, SEEN, from, 1000));
    }
    assert_false(add(&observed, SEEN, "/ip4/198.51.100.4/tcp/1", 1000 + DBR_OBSERVED_MS));
    assert_int_equal(count_confirmed(&observed), 0);
    for (int i = 5; i <= 7; i++) {
        snprintf(from, sizeof(from), "/ip4/198.51.100.%d/tcp/1", i);
        assert_int_equal(add(&observed, SEEN, from, 2000 + DBR_OBSERVED_MS), i == 7);
    }
    assert_int_equal(count_confirmed(&observed), 1);
    assert_false(dbr_observed_expire(&observed, 1999 + 2ull * DBR_OBSERVED_MS));
    assert_true(dbr_observed_expire(&observed, 2000 + 2ull * DBR_OBSERVED_MS));
    assert_int_equal(observed.n, 0);
}

static void other_shapes_and_own_machines_are_ignored(void **state)
{
    (void)state;
    static const char *const bad[] = {"/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1",
                                      "/ip4/0.0.0.0/tcp/1",   "/ip4/192.0.2.1/tcp/0",
                                      "/dns4/x/tcp/1",        "/ip4/192.0.2.1/udp/1"};
    struct dbr_observed observed = {0};
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        assert_false(add(&observed, bad[i], "/ip4/198.51.100.1/tcp/1", 1));
    }
    assert_false(add(&observed, SEEN, "/dns4/x/tcp/1", 1));
    assert_int_equal(observed.n, 0);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    struct dbr_observed observed = {0};
    char text[64];
    for (int i = 1; i <= 4; i++) {
        snprintf(text, sizeof(text), "/ip4/198.51.100.%d/tcp/1", i);
        add(&observed, SEEN, text, 1);
    }
    for (int i = 1; i <= 8; i++) {
        snprintf(text, sizeof(text), "/ip4/192.0.2.%d/tcp/1", 100 + i);
        /* The eighth pushes out the confirmed one, which was named longest ago. */
        assert_int_equal(
            add(&observed, text, "/ip4/198.51.100.1/tcp/1", (dbr_time)(10 + i)), i == 8);
    }
    assert_int_equal(observed.n, DBR_OBSERVED_ADDRS);
    assert_int_equal(count_confirmed(&observed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_hosts_confirm),
        cmocka_unit_test(words_are_good_for_an_hour),
        cmocka_unit_test(other_shapes_and_own_machines_are_ignored),
        cmocka_unit_test(the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
