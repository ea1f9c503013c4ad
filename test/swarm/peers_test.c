#include "test.h"

#include <stdio.h>

#include "swarm/peers.h"

static struct dbr_peer_id id_of(uint32_t number)
{
    uint8_t key[32] = {0};
    struct dbr_peer_id id;
    memcpy(key, &number, sizeof(number));
    dbr_peer_id_from_key(&id, key);
    return id;
}

static struct dbr_multiaddr addr_of(const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    return addr;
}

static struct dbr_peer *peer_of(struct dbr_peers *peers, uint32_t number)
{
    struct dbr_peer_id id = id_of(number);
    struct dbr_peer *peer = dbr_peers_get(peers, &id);
    assert_non_null(peer);
    return peer;
}

static void add(struct dbr_peers *peers, struct dbr_peer *peer, const char *text)
{
    struct dbr_multiaddr addr = addr_of(text);
    assert_true(dbr_peer_add_addr(peers, peer, &addr));
}

static void assert_addr(const struct dbr_peer *peer, size_t i, const char *text)
{
    char out[DBR_MULTIADDR_TEXT_SIZE];
    assert_true(i < peer->n_addrs);
    assert_string_equal(dbr_multiaddr_text(&peer->addrs[i], out), text);
}

static void the_newest_addresses_stay(void **state)
{
    (void)state;
    struct dbr_peers peers;
    dbr_peers_init(&peers, 2);
    struct dbr_peer *peer = peer_of(&peers, 1);
    add(&peers, peer, "/ip4/10.0.0.1/tcp/1");
    add(&peers, peer, "/ip4/10.0.0.1/tcp/2");
    add(&peers, peer, "/ip4/10.0.0.1/tcp/3");
    assert_int_equal(peer->n_addrs, 2);
    assert_addr(peer, 0, "/ip4/10.0.0.1/tcp/3");
    assert_addr(peer, 1, "/ip4/10.0.0.1/tcp/2");
    add(&peers, peer, "/ip4/10.0.0.1/tcp/2"); /* known: only newer */
    assert_int_equal(peer->n_addrs, 2);
    assert_addr(peer, 0, "/ip4/10.0.0.1/tcp/2");
    assert_addr(peer, 1, "/ip4/10.0.0.1/tcp/3");
    dbr_peers_finish(&peers);
}

static void identified_addresses_fill_the_rest(void **state)
{
    (void)state;
    struct dbr_peers peers;
    struct dbr_identify_info info;
    struct dbr_multiaddr told[] = {
        addr_of("/ip4/127.0.0.1/tcp/5"), addr_of("/ip4/10.0.0.1/tcp/1"),
        addr_of("/ip4/10.0.0.1/tcp/6"), addr_of("/ip4/10.0.0.1/tcp/7")};
    dbr_peers_init(&peers, 3);
    struct dbr_peer *peer = peer_of(&peers, 1);
    add(&peers, peer, "/ip4/10.0.0.1/tcp/1");
    for (int local = 0; local < 2; local++) {
        dbr_identify_info_init(&info);
        info.addrs = told;
        info.n_addrs = DBR_COUNT(told);
        dbr_peer_set_info(&peers, peer, &info, local == 1);
        assert_int_equal(peer->n_addrs, 3);
        assert_int_equal(peer->n_added, 1);
        assert_addr(peer, 0, "/ip4/10.0.0.1/tcp/1");
        assert_addr(peer, 1, local == 1 ? "/ip4/127.0.0.1/tcp/5" : "/ip4/10.0.0.1/tcp/6");
    }
    add(&peers, peer, "/ip4/10.0.0.1/tcp/9"); /* pushes an identified one out */
    assert_int_equal(peer->n_added, 2);
    assert_addr(peer, 0, "/ip4/10.0.0.1/tcp/9");
    assert_addr(peer, 1, "/ip4/10.0.0.1/tcp/1");
    dbr_peers_finish(&peers);
}

static void only_endpoints_of_identify_are_dialed(void **state)
{
    (void)state;
    struct dbr_peers peers;
    struct dbr_identify_info info;
    struct dbr_multiaddr told[] = {
        addr_of("/ip4/10.0.0.1/tcp/6"), addr_of("/ip4/0.0.0.0/tcp/6"),
        addr_of("/ip4/10.0.0.1/tcp/0"), addr_of("/ip4/10.0.0.1/udp/6/quic-v1"),
        addr_of("/ip4/10.0.0.1/tcp/6/ws")};
    dbr_peers_init(&peers, 8);
    struct dbr_peer *peer = peer_of(&peers, 1);
    add(&peers, peer, "/dns4/example.org/tcp/4001");
    dbr_identify_info_init(&info);
    info.addrs = told;
    info.n_addrs = DBR_COUNT(told);
    dbr_peer_set_info(&peers, peer, &info, false);
    assert_int_equal(peer->n_addrs, 6);
    assert_true(dbr_peer_can_dial(peer, 0)); /* added by hand: the driver resolves it */
    assert_true(dbr_peer_can_dial(peer, 1));
    for (size_t i = 2; i < 8; i++) {
        assert_false(dbr_peer_can_dial(peer, i));
    }
    dbr_peers_finish(&peers);
}

static void connected_peers_come_first(void **state)
{
    (void)state;
    struct dbr_peers peers;
    dbr_peers_init(&peers, 8);
    struct dbr_peer *first = peer_of(&peers, 1);
    struct dbr_peer *second = peer_of(&peers, 2);
    struct dbr_peer *third = peer_of(&peers, 3);
    dbr_peers_set_connected(&peers, third, true);
    assert_ptr_equal(dbr_peers_at(&peers, 0), third);
    assert_ptr_equal(dbr_peers_at(&peers, 1), first);
    assert_ptr_equal(dbr_peers_at(&peers, 2), second);
    assert_null(dbr_peers_at(&peers, 3));
    assert_int_equal(peers.n_connected, 1);
    dbr_peers_set_connected(&peers, third, false);
    assert_int_equal(peers.n_connected, 0);
    assert_ptr_equal(dbr_peers_at(&peers, 2), third);
    dbr_peers_finish(&peers);
}

static void who_matters_is_not_forgotten(void **state)
{
    (void)state;
    struct dbr_peers peers;
    dbr_peers_init(&peers, 8);
    struct dbr_peer *peer = peer_of(&peers, 1);
    struct dbr_peer_id id = peer->id;
    peer->cls = DBR_PEER_CLIENT;
    dbr_peers_release(&peers, peer);
    peer->cls = DBR_PEER_STRANGER;
    peer->keep = true;
    dbr_peers_release(&peers, peer);
    peer->keep = false;
    add(&peers, peer, "/ip4/10.0.0.1/tcp/1");
    dbr_peers_release(&peers, peer);
    assert_ptr_equal(dbr_peers_find(&peers, &id), peer);
    peer->n_added = 0;
    dbr_peers_release(&peers, peer);
    assert_null(dbr_peers_find(&peers, &id));
    dbr_peers_finish(&peers);
}

static void a_full_table_drops_the_oldest_stranger(void **state)
{
    (void)state;
    struct dbr_peers peers;
    dbr_peers_init(&peers, 8);
    peers.max = 2;
    struct dbr_peer_id stranger = id_of(2);
    struct dbr_peer_id late = id_of(4);
    peer_of(&peers, 1)->cls = DBR_PEER_MEMBER;
    add(&peers, peer_of(&peers, 2), "/ip4/10.0.0.1/tcp/1");
    peer_of(&peers, 3)->cls = DBR_PEER_MEMBER;
    assert_null(dbr_peers_find(&peers, &stranger));
    assert_null(dbr_peers_get(&peers, &late));
    assert_int_equal(peers.n, 2);
    dbr_peers_finish(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_addresses_stay),
        cmocka_unit_test(identified_addresses_fill_the_rest),
        cmocka_unit_test(only_endpoints_of_identify_are_dialed),
        cmocka_unit_test(connected_peers_come_first),
        cmocka_unit_test(who_matters_is_not_forgotten),
        cmocka_unit_test(a_full_table_drops_the_oldest_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
