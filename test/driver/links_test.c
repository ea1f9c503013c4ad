#include "driver/links.h"

#include <stdio.h>

#include "test.h"

static struct dbr_endpoint ip(const char *text)
{
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint;
    char full[100];
    snprintf(full, sizeof(full), "/%s/%s/tcp/0", strchr(text, ':') ? "ip6" : "ip4", text);
    assert_int_equal(dbr_multiaddr_parse(&addr, full, NULL), 0);
    assert_true(dbr_multiaddr_endpoint(&addr, &endpoint));
    return endpoint;
}

static struct dbr_link link_of(const char *name, const char *address, unsigned bits)
{
    struct dbr_link link = {.index = (uint32_t)name[0], .address = ip(address)};
    snprintf(link.name, sizeof(link.name), "%s", name);
    for (unsigned i = 0; i < bits; i++) {
        link.mask[i / 8] |= (uint8_t)(0x80 >> (i % 8));
    }
    return link;
}

static struct dbr_links two_links(void)
{
    struct dbr_links links = {.n = 3};
    links.items[0] = link_of("eth0", "10.1.2.3", 20);
    links.items[1] = link_of("eth0", "fe80::7", 64);
    links.items[2] = link_of("wlan0", "2001:db8::1", 128);
    return links;
}

static void neighbours_are_told_from_the_far(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool is_near;
        bool is_own;
    } cases[] = {
        {"10.1.2.3", true, true},    {"10.1.0.1", true, false},
        {"10.1.15.255", true, false}, {"10.1.16.0", false, false},
        {"fe80::7", true, true},     {"fe80::ffff:1", true, false},
        {"fe80:0:0:1::7", false, false}, {"2001:db8::1", true, true},
        {"2001:db8::2", false, false},   {"127.0.0.1", false, true},
        {"::1", false, true},        {"::ffff:10.1.2.3", false, false},
    };
    struct dbr_links links = two_links();
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        struct dbr_endpoint endpoint = ip(cases[i].address);
        endpoint.port = 5353;
        assert_int_equal(dbr_links_reach(&links, &endpoint), cases[i].is_near);
        assert_int_equal(dbr_links_own(&links, &endpoint), cases[i].is_own);
    }
}

static void every_difference_is_seen(void **state)
{
    (void)state;
    struct dbr_links a = two_links();
    for (int change = 0; change < 6; change++) {
        struct dbr_links b = a;
        b.n -= change == 1;
        b.items[0].name[0] = change == 2 ? 'x' : 'e';
        b.items[0].index += change == 3;
        b.items[2].address.ip[15] ^= change == 4;
        b.items[0].mask[2] ^= change == 5 ? 0x10 : 0;
        assert_int_equal(dbr_links_equal(&a, &b), change == 0);
    }
}

static void this_machine_has_loopback(void **state)
{
    (void)state;
    static struct dbr_links links;
    static struct dbr_links again;
    struct dbr_endpoint other = ip("127.0.0.9");
    dbr_links_look(&links);
    dbr_links_look(&again);
    assert_in_range(links.n, 1, DBR_LINKS_MAX);
    assert_true(dbr_links_equal(&links, &again));
    assert_true(dbr_links_reach(&links, &other));
    bool found = false;
    for (size_t i = 0; i < links.n; i++) {
        found = found || links.items[i].is_loopback;
        assert_int_equal(links.items[i].address.port, 0);
        assert_int_not_equal(links.items[i].index, 0);
    }
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_told_from_the_far),
        cmocka_unit_test(every_difference_is_seen),
        cmocka_unit_test(this_machine_has_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
