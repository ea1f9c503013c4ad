#include "test.h"

#include "swarm/peers.h"

static struct dbr_peer_id id_of(uint32_t number)
{
    uint8_t key[32] = {0};
    struct dbr_peer_id id;
    memcpy(key, &number, sizeof(number));
    dbr_peer_id_from_key(&id, key);
    return id;
}

static struct dbr_peer *peer_of(struct dbr_peers *peers, uint32_t number)
{
    struct dbr_peer_id id = id_of(number);
    struct dbr_peer *peer = dbr_peers_get(peers, &id);
    assert_non_null(peer);
    return peer;
}

static void connected_peers_come_first(void **state)
{
    (void)state;
    struct dbr_peers peers;
    dbr_peers_init(&peers);
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
    dbr_peers_init(&peers);
    struct dbr_peer *peer = peer_of(&peers, 1);
    struct dbr_peer_id id = peer->id;
    peer->cls = DBR_PEER_CLIENT;
    dbr_peers_release(&peers, peer);
    peer->cls = DBR_PEER_STRANGER;
    peer->keep = true;
    dbr_peers_release(&peers, peer);
    assert_ptr_equal(dbr_peers_find(&peers, &id), peer);
    peer->keep = false;
    dbr_peers_release(&peers, peer);
    assert_null(dbr_peers_find(&peers, &id));
    dbr_peers_finish(&peers);
}

static void a_full_table_drops_the_oldest_stranger(void **state)
{
    (void)state;
    struct dbr_peers peers;
    dbr_peers_init(&peers);
    peers.max = 2;
    struct dbr_peer_id stranger = id_of(2);
    struct dbr_peer_id late = id_of(4);
    peer_of(&peers, 1)->cls = DBR_PEER_MEMBER;
    peer_of(&peers, 2);
    peer_of(&peers, 3)->cls = DBR_PEER_MEMBER;
    assert_null(dbr_peers_find(&peers, &stranger));
    assert_null(dbr_peers_get(&peers, &late));
    assert_int_equal(peers.n, 2);
    dbr_peers_finish(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connected_peers_come_first),
        cmocka_unit_test(who_matters_is_not_forgotten),
        cmocka_unit_test(a_full_table_drops_the_oldest_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
