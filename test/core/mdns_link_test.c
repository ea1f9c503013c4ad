/* Nodes that have moved find each other over a local network, which the test is. */
#include "fixture.h"

#include "core/inner.h"

#define WIRE 64 /* packets on their way */

struct wire {
    struct {
        int from;
        bool same_host;
        struct test_bytes bytes;
    } packets[WIRE];
    size_t n;
    size_t n_sent[SIM_NODES_MAX];
    size_t n_answers[SIM_NODES_MAX];
    bool is_cut; /* counts, and delivers nothing */
};

static struct fixture f;
static struct wire wire;

static void on_multicast(void *data, int from, const struct dbr_effect *effect)
{
    struct wire *to = data;
    to->n_sent[from]++;
    to->n_answers[from] += (effect->packet.data[2] & 0x80) != 0;
    if (to->is_cut) {
        return;
    }
    assert_true(to->n < WIRE);
    assert_in_range(effect->packet.len, 12, DBR_MDNS_SEND_MAX);
    to->packets[to->n].from = from;
    to->packets[to->n].same_host = effect->same_host;
    to->packets[to->n].bytes.len = effect->packet.len;
    memcpy(to->packets[to->n++].bytes.data, effect->packet.data, effect->packet.len);
}

/* Each node is a machine of its own, and hears itself. */
static void deliver(void)
{
    for (size_t i = 0; i < wire.n; i++) {
        for (int to = 0; to < f.world.n_nodes; to++) {
            struct sim_node *node = &f.world.nodes[to];
            bool same_host = to == wire.packets[i].from;
            if (node->core != NULL && (same_host || !wire.packets[i].same_host)) {
                dbr_core_multicast(node->core, test_view(wire.packets[i].bytes),
                                   same_host, f.world.now);
                sim_drain(&f.world, to);
            }
        }
    }
    wire.n = 0;
}

static void sleep_ms(uint32_t ms)
{
    for (dbr_time end = f.world.now + ms; f.world.now < end;) {
        sim_step_until(&f.world, f.world.now + 5);
        deliver();
    }
}

static void up(int members, int late, bool mdns)
{
    struct sim_config config = {.seed = 7,
                                .n_nodes = members,
                                .n_late = late,
                                .mdns = mdns,
                                .verbose = getenv("SIM_VERBOSE") != NULL};
    memset(&wire, 0, sizeof(wire));
    f.result = (struct sim_result){0};
    sim_init(&f.world, &config, &f.result);
    f.world.multicast = on_multicast;
    f.world.multicast_data = &wire;
    wire.is_cut = true;
    sim_bring_up(&f.world);
    f.client = members;
    assert_string_equal(f.result.why, "");
    memset(&wire, 0, sizeof(wire));
}

static struct dbr_multiaddr at(int node, uint8_t net)
{
    struct dbr_endpoint endpoint = {.ip = {10, 0, net, (uint8_t)(node + 1)},
                                    .port = 4001};
    struct dbr_multiaddr addr;
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return addr;
}

/* It goes down, and to another network. */
static void move(int node, uint8_t net)
{
    sim_crash_node(&f.world, node, false);
    f.world.nodes[node].addr = at(node, net);
    dbr_multiaddr_set_peer(&f.world.nodes[node].addr, &f.world.nodes[node].id);
}

static void all_move(int members)
{
    for (int i = 0; i < members; i++) {
        move(i, 9);
    }
    for (int i = 0; i < members; i++) {
        sim_start_node(&f.world, i);
    }
}

static size_t connected(int node)
{
    return dbr_swarm_connected_count(f.world.nodes[node].core->swarm);
}

static void members_that_moved_find_each_other(void **state)
{
    (void)state;
    up(3, 0, true);
    wire.is_cut = true;
    all_move(3);
    sleep_ms(20000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(connected(i), 0);
        assert_in_range(wire.n_sent[i], 4, 16);
        assert_true(wire.n_answers[i] >= 2);
    }
    wire.is_cut = false;
    sleep_ms(40000); /* they ask ever more seldom */
    for (int i = 0; i < 3; i++) {
        assert_true(connected(i) >= 2);
    }
    assert_int_equal(
        fixture_status(&f, 0, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    /* And the table has their new places. */
    const struct dbr_core *core = f.world.nodes[0].core;
    const struct dbr_member *other =
        dbr_members_find(&core->members, &f.world.nodes[1].id);
    assert_true(dbr_multiaddr_equal(&other->addrs[0], &f.world.nodes[1].addr));
    fixture_down(&f);
}

static void without_it_nothing_is_sent(void **state)
{
    (void)state;
    up(3, 0, false);
    all_move(3);
    sleep_ms(20000);
    struct test_bytes garbage = {.len = 20};
    for (int i = 0; i < f.world.n_nodes; i++) {
        struct dbr_core *core = f.world.nodes[i].core;
        assert_int_equal(wire.n_sent[i], 0);
        assert_int_equal(connected(i), 0);
        dbr_core_multicast(core, test_view(garbage), false, f.world.now);
        dbr_core_network_changed(core, f.world.now);
    }
    fixture_down(&f);
}

/* ---- What others say --------------------------------------------------------------- */

/* A packet that says: `peer` is at `addr`. */
static void say(int to, const struct dbr_peer_id *peer, const struct dbr_multiaddr *addr)
{
    struct dbr_mdns mdns;
    struct dbr_mdns_limits limits;
    struct dbr_mdns_event event;
    struct dbr_rng rng;
    bool said = false;
    dbr_rng_seed(&rng, 3);
    dbr_mdns_limits_default(&limits);
    assert_int_equal(dbr_mdns_init(&mdns, peer, NULL, &limits, &rng, f.world.now), 0);
    dbr_mdns_set_addrs(&mdns, addr, 1, f.world.now);
    dbr_mdns_expire(&mdns, f.world.now + 10000);
    while (dbr_mdns_poll(&mdns, &event)) {
        said = said || (event.packet.data[2] & 0x80) != 0;
        dbr_core_multicast(f.world.nodes[to].core, event.packet, false, f.world.now);
    }
    assert_true(said);
    dbr_mdns_finish(&mdns);
    sim_drain(&f.world, to);
}

static struct dbr_peer_id stranger(uint8_t n)
{
    uint8_t seed[32] = {n, 0xee};
    struct dbr_keypair key;
    struct dbr_peer_id id;
    dbr_keypair_from_seed(&key, seed);
    dbr_peer_id_from_key(&id, key.public_key);
    return id;
}

static void strangers_count_nothing(void **state)
{
    (void)state;
    struct dbr_peer_info info;
    up(1, 0, true);
    struct sim_node *node = &f.world.nodes[0];
    size_t known = dbr_swarm_known_count(node->core->swarm);
    struct dbr_multiaddr addrs[8];
    for (uint8_t n = 1; n < 50; n++) {
        struct dbr_peer_id id = stranger(n);
        struct dbr_multiaddr addr = at(0, n);
        say(0, &id, &addr);
        sleep_ms(50);
        assert_false(dbr_swarm_peer_info(node->core->swarm, &id, &info));
    }
    assert_int_equal(dbr_swarm_known_count(node->core->swarm), known);
    /* The operator's client is listed, and dials by itself: it is never dialed. */
    struct dbr_multiaddr addr = at(f.client, 0);
    sim_crash_node(&f.world, f.client, false);
    sleep_ms(500); /* its connection ends */
    assert_false(dbr_swarm_is_connected(node->core->swarm,
                                        &f.world.nodes[f.client].id));
    say(0, &f.world.nodes[f.client].id, &addr);
    sleep_ms(500);
    assert_int_equal(dbr_swarm_dial_addrs(node->core->swarm, &f.world.nodes[f.client].id,
                                          addrs, DBR_COUNT(addrs)),
                     0);
    fixture_down(&f);
}

/* A member that is connected is where it is, whatever the network says. */
static void lies_about_the_connected_are_not_taken(void **state)
{
    (void)state;
    struct dbr_multiaddr addrs[8];
    up(3, 0, true);
    sleep_ms(2000);
    struct dbr_swarm *swarm = f.world.nodes[0].core->swarm;
    const struct dbr_peer_id *peer = &f.world.nodes[1].id;
    for (uint8_t n = 1; n < 30; n++) {
        struct dbr_multiaddr addr = at(7, n);
        say(0, peer, &addr);
        sleep_ms(50);
    }
    struct dbr_multiaddr addr = at(1, 0);
    assert_int_equal(dbr_swarm_dial_addrs(swarm, peer, addrs, DBR_COUNT(addrs)), 1);
    assert_true(dbr_multiaddr_equal(&addrs[0], &addr));
    fixture_down(&f);
}

/* ---- Those who are no members ------------------------------------------------------ */

static void a_client_finds_a_member_that_moved(void **state)
{
    (void)state;
    up(1, 0, true);
    sim_crash_node(&f.world, f.client, false);
    move(0, 9);
    sim_start_node(&f.world, 0);
    sim_start_node(&f.world, f.client);
    sleep_ms(10000);
    assert_int_equal(
        fixture_status(&f, f.client, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    assert_int_equal(wire.n_answers[f.client], 0);
    assert_in_range(wire.n_sent[f.client], 1, 8);
    fixture_down(&f);
}

static void a_joiner_finds_a_member_that_moved(void **state)
{
    (void)state;
    up(2, 1, true);
    struct sim_op *op = fixture_ask(&f, 0, DBR_REQUEST_INVITE, "", 5000);
    assert_int_equal(op->request.status, 0);
    f.world.nodes[1].invite = strdup(op->request.text);
    sim_op_free(op);
    move(0, 9);
    sim_start_node(&f.world, 0);
    sim_start_node(&f.world, 1);
    assert_int_equal(f.world.nodes[1].phase, SIM_JOINING);
    sleep_ms(15000);
    assert_int_equal(f.world.nodes[1].phase, SIM_MEMBER);
    fixture_down(&f);
}

/* ---- When -------------------------------------------------------------------------- */

static void it_asks_anew_when_the_network_changes(void **state)
{
    (void)state;
    up(1, 0, true);
    sleep_ms(60000);
    size_t sent = wire.n_sent[0];
    sleep_ms(10000);
    assert_in_range(wire.n_sent[0] - sent, 0, 4); /* its client asks, too */
    struct dbr_core *core = f.world.nodes[0].core;
    sent = wire.n_sent[0];
    dbr_core_network_changed(core, f.world.now);
    sleep_ms(130);
    assert_in_range(wire.n_sent[0] - sent, 1, 2);
    /* What is told follows the addresses. */
    struct dbr_multiaddr old = at(0, 0);
    struct dbr_multiaddr addr = at(0, 3);
    dbr_core_not_listening(core, &old, f.world.now);
    sim_drain(&f.world, 0);
    assert_int_equal(core->mdns->n_addrs, 0);
    dbr_core_listening(core, &addr, f.world.now);
    sim_drain(&f.world, 0);
    assert_int_equal(core->mdns->n_addrs, 1);
    assert_true(dbr_multiaddr_peer(&core->mdns->addrs[0], &core->self));
    dbr_multiaddr_cut_peer(&core->mdns->addrs[0]);
    assert_true(dbr_multiaddr_equal(&core->mdns->addrs[0], &addr));
    fixture_down(&f);
}

static void a_lost_member_makes_it_ask_but_not_for_ever(void **state)
{
    (void)state;
    up(3, 0, true);
    sleep_ms(100000);
    struct dbr_core *core = f.world.nodes[0].core;
    assert_true(core->mdns->query_at > f.world.now + 5000);
    sim_crash_node(&f.world, 1, false);
    sleep_ms(50); /* its connections break: it asks at once, and again in a second */
    assert_true(core->mdns->query_at <= f.world.now + 1500);
    core->mdns->query_at = f.world.now + 500000;
    sim_crash_node(&f.world, 2, false);
    sleep_ms(50);
    assert_true(core->mdns->query_at > f.world.now + 400000);
    fixture_down(&f);
}

static void who_stops_is_silent(void **state)
{
    (void)state;
    up(1, 0, true);
    struct dbr_core *core = f.world.nodes[0].core;
    dbr_core_network_changed(core, f.world.now);
    core->is_stopping = true;
    size_t sent = wire.n_sent[0];
    sleep_ms(5000);
    assert_int_equal(wire.n_sent[0], sent);
    assert_int_equal(dbr_mdns_link_deadline(core), DBR_TIME_NEVER);
    core->is_stopping = false;
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_that_moved_find_each_other),
        cmocka_unit_test(without_it_nothing_is_sent),
        cmocka_unit_test(strangers_count_nothing),
        cmocka_unit_test(lies_about_the_connected_are_not_taken),
        cmocka_unit_test(a_client_finds_a_member_that_moved),
        cmocka_unit_test(a_joiner_finds_a_member_that_moved),
        cmocka_unit_test(it_asks_anew_when_the_network_changes),
        cmocka_unit_test(a_lost_member_makes_it_ask_but_not_for_ever),
        cmocka_unit_test(who_stops_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
