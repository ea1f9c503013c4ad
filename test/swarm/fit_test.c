#include "test.h"

#include "swarm/fit.h"

static struct dbr_peer_id id_of(uint8_t number)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE] = {number};
    struct dbr_peer_id id;
    dbr_peer_id_from_key(&id, key);
    return id;
}

static enum dbr_fit fit(const char *text, struct dbr_fit_rules rules)
{
    struct dbr_multiaddr addr;
    struct dbr_peer_id id = id_of(1);
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    return dbr_fit_addr(&addr, &id, rules);
}

static void each_kind_of_unfit_address_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum dbr_fit strict;
        enum dbr_fit lax;
    } known[] = {
        {"/ip4/1.2.3.4/tcp/1", DBR_FIT, DBR_FIT},
        {"/ip6/2001:db8::1/tcp/1", DBR_FIT, DBR_FIT},
        {"/ip4/172.32.0.1/tcp/1", DBR_FIT, DBR_FIT},
        {"/ip4/100.128.0.1/tcp/1", DBR_FIT, DBR_FIT},
        {"/ip4/1.2.3.4/tcp/0", DBR_FIT_NOWHERE, DBR_FIT_NOWHERE},
        {"/ip4/0.0.0.0/tcp/1", DBR_FIT_NOWHERE, DBR_FIT_NOWHERE},
        {"/ip4/0.1.2.3/tcp/1", DBR_FIT_NOWHERE, DBR_FIT_NOWHERE},
        {"/ip6/::/tcp/1", DBR_FIT_NOWHERE, DBR_FIT_NOWHERE},
        {"/ip4/224.0.0.251/tcp/1", DBR_FIT_NOWHERE, DBR_FIT_NOWHERE},
        {"/ip4/255.255.255.255/tcp/1", DBR_FIT_NOWHERE, DBR_FIT_NOWHERE},
        {"/ip6/ff02::fb/tcp/1", DBR_FIT_NOWHERE, DBR_FIT_NOWHERE},
        {"/dns4/a.example/tcp/0", DBR_FIT_STRANGE, DBR_FIT_NOWHERE},
        {"/dns4/a.example/tcp/1", DBR_FIT_STRANGE, DBR_FIT},
        {"/ip4/1.2.3.4/udp/1/quic-v1", DBR_FIT_STRANGE, DBR_FIT_STRANGE},
        {"/ip4/1.2.3.4/tcp/1/ws", DBR_FIT_STRANGE, DBR_FIT_STRANGE},
        {"/ip4/127.0.0.1/tcp/1", DBR_FIT_LOOPBACK, DBR_FIT},
        {"/ip6/::1/tcp/1", DBR_FIT_LOOPBACK, DBR_FIT},
        {"/ip6/::ffff:127.0.0.9/tcp/1", DBR_FIT_LOOPBACK, DBR_FIT},
        {"/ip4/10.0.0.1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip4/172.16.0.1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip4/172.31.0.1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip4/192.168.0.1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip4/169.254.0.1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip4/100.64.0.1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip6/::ffff:10.0.0.1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip6/fd00::1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
        {"/ip6/fe80::1/tcp/1", DBR_FIT_PRIVATE, DBR_FIT},
    };
    static const struct dbr_fit_rules lax = {true, true, true};
    for (size_t i = 0; i < DBR_COUNT(known); i++) {
        assert_int_equal(fit(known[i].text, (struct dbr_fit_rules){false}),
                         known[i].strict);
        assert_int_equal(fit(known[i].text, lax), known[i].lax);
    }
}

static void an_id_at_the_end_is_the_peers_or_it_is_foreign(void **state)
{
    (void)state;
    struct dbr_peer_id id = id_of(1);
    struct dbr_peer_id other = id_of(2);
    struct dbr_multiaddr plain;
    struct dbr_multiaddr addr;
    struct dbr_fit_rules strict = {false};
    assert_int_equal(dbr_multiaddr_parse(&plain, "/ip4/1.2.3.4/tcp/1", NULL), 0);
    addr = plain;
    assert_int_equal(dbr_multiaddr_set_peer(&addr, &id), 0);
    assert_int_equal(dbr_fit_addr(&addr, &other, strict), DBR_FIT_FOREIGN);
    assert_int_equal(dbr_fit_addr(&addr, &id, strict), DBR_FIT);
    assert_true(dbr_multiaddr_equal(&addr, &plain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_unfit_address_is_known),
        cmocka_unit_test(an_id_at_the_end_is_the_peers_or_it_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
