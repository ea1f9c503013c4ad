#include <stdio.h>

#include "fixture.h"

#include "core/inner.h"

#define NODES 16

static struct fixture f;

static struct dbr_core *core_of(int node)
{
    return f.world.nodes[node].core;
}

static size_t connections(int node)
{
    return dbr_swarm_connected_count(core_of(node)->swarm);
}

static bool sees(int node, int other)
{
    return dbr_swarm_is_connected(core_of(node)->swarm, &f.world.nodes[other].id);
}

static bool votes(int node)
{
    struct dbr_consensus_status status;
    dbr_consensus_status(core_of(node)->consensus, &status);
    for (size_t i = 0; i < status.n_servers; i++) {
        if (status.servers[i].id == core_of(node)->server) {
            return status.servers[i].role == DBR_SERVER_VOTER;
        }
    }
    return false;
}

static size_t all_connections(void)
{
    size_t n = 0;
    for (int i = 0; i < NODES; i++) {
        n += connections(i);
    }
    return n / 2;
}

/* All reach those who vote, and enough of the others; nobody needs everybody. */
static void assert_woven(void)
{
    for (int i = 0; i < NODES; i++) {
        assert_true(connections(i) >= core_of(i)->discovery.limits.low_water);
        for (int k = 0; k < NODES; k++) {
            assert_true(i == k || !votes(k) || sees(i, k));
        }
    }
}

static void many_members_are_woven_and_not_meshed(void **state)
{
    (void)state;
    fixture_up(&f, NODES);
    sim_step_until(&f.world, f.world.now + 120000); /* lookups' connections are gone */
    assert_woven();
    assert_in_range(all_connections(), NODES * 8 / 2, NODES * (NODES - 1) / 2 - 1);
    for (int i = 0; i < NODES; i++) {
        assert_true(dbr_swarm_known_count(core_of(i)->swarm) >= NODES - 1);
    }
    fixture_down(&f);
}

/* Whoever lost its neighbours finds others within a look or two. */
static void holes_are_mended(void **state)
{
    (void)state;
    fixture_up(&f, NODES);
    sim_step_until(&f.world, f.world.now + 120000);
    for (int i = 0; i < NODES; i++) {
        for (int k = 0; k < NODES; k++) {
            if (i != k && !votes(i) && !votes(k)) {
                dbr_swarm_disconnect(core_of(i)->swarm, &f.world.nodes[k].id,
                                     f.world.now);
            }
        }
    }
    sim_step_until(&f.world, f.world.now + 25000);
    assert_woven();
    fixture_down(&f);
}

static void above_the_high_water_the_needless_go(void **state)
{
    (void)state;
    fixture_up(&f, NODES);
    for (int i = 0; i < NODES; i++) {
        core_of(i)->discovery.limits.low_water = 14; /* everybody but one */
    }
    sim_step_until(&f.world, f.world.now + 60000);
    size_t before = all_connections();
    assert_true(before >= NODES * 14 / 2);
    for (int i = 0; i < NODES; i++) {
        core_of(i)->discovery.limits.low_water = 4;
        core_of(i)->discovery.limits.high_water = 6;
    }
    sim_step_until(&f.world, f.world.now + 120000);
    assert_true(all_connections() < before * 9 / 10);
    for (int i = 0; i < NODES; i++) {
        struct dbr_peer_info info;
        for (size_t k = 0; dbr_swarm_peer_at(core_of(i)->swarm, k, &info); k++) {
            assert_true(!info.connected || info.kept || info.inbound ||
                        connections(i) <= 6);
        }
    }
    assert_woven();
    fixture_down(&f);
}

/* No more dials at a time than the limit says, and none twice between two looks. */
static void dials_are_few_at_a_time(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    struct dbr_core *core = core_of(0);
    for (uint8_t i = 1; i <= 20; i++) {
        uint8_t key[32] = {i};
        struct dbr_multiaddr addr;
        struct dbr_peer_id id;
        char text[64];
        snprintf(text, sizeof(text), "/ip4/10.99.0.%d/tcp/4001", i); /* nobody */
        assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
        dbr_peer_id_from_key(&id, key);
        dbr_swarm_set_class(core->swarm, &id, DBR_PEER_MEMBER, f.world.now);
        dbr_swarm_give_addrs(core->swarm, &id, &addr, 1, f.world.now);
    }
    struct dbr_swarm_stats before;
    struct dbr_swarm_stats after;
    dbr_swarm_get_stats(core->swarm, &before);
    core->discovery.at = f.world.now;
    dbr_discovery_expire(core, f.world.now);
    assert_int_equal(core->discovery.n_dials, 3);
    sim_step_until(&f.world, f.world.now + 7000);
    assert_int_equal(core->discovery.n_dials, 0);
    dbr_swarm_get_stats(core->swarm, &after);
    assert_in_range(after.dialed - before.dialed, 20, 22);
    fixture_down(&f);
}

/* It is down, and comes up at another address. */
static void move(int node)
{
    struct sim_node *moved = &f.world.nodes[node];
    struct dbr_endpoint endpoint = {.ip = {10, 0, 9, (uint8_t)(node + 1)}, .port = 4001};
    sim_crash_node(&f.world, node, false);
    dbr_multiaddr_from_endpoint(&moved->addr, &endpoint);
    dbr_multiaddr_set_peer(&moved->addr, &moved->id);
}

/* Of two that have moved, neither knows where the other is. A leader and a follower would
 * never meet, though a third member sees both. */
static void who_has_moved_is_found_through_others(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    move(1);
    move(2);
    sim_start_node(&f.world, 1);
    for (int i = 0; i < 50 && fixture_leader(&f) != 1; i++) {
        sim_crash_node(&f.world, 0, false);
        sim_start_node(&f.world, 0);
        sim_step_until(&f.world, f.world.now + 5000);
    }
    assert_int_equal(fixture_leader(&f), 1);
    sim_start_node(&f.world, 2);
    sim_step_until(&f.world, f.world.now + 30000);
    assert_true(sees(1, 2));
    assert_int_equal(fixture_number(&f, 2, "SELECT count(*) FROM t"), 0);
    fixture_down(&f);
}

/* A member of the raft group whose table of members is empty needs the others as well. */
static void the_group_is_kept_without_the_table(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    struct dbr_core *core = core_of(2);
    struct dbr_peer_info info;
    dbr_members_finish(&core->members);
    core->members = (struct dbr_members){0};
    for (int i = 0; i < 2; i++) {
        dbr_swarm_keep(core->swarm, &f.world.nodes[i].id, false, f.world.now);
    }
    dbr_membership_keep(core, f.world.now);
    for (int i = 0; i < 2; i++) {
        assert_true(dbr_swarm_peer_info(core->swarm, &f.world.nodes[i].id, &info));
        assert_true(info.kept);
    }
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_members_are_woven_and_not_meshed),
        cmocka_unit_test(holes_are_mended),
        cmocka_unit_test(above_the_high_water_the_needless_go),
        cmocka_unit_test(dials_are_few_at_a_time),
        cmocka_unit_test(who_has_moved_is_found_through_others),
        cmocka_unit_test(the_group_is_kept_without_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
