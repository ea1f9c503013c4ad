#include "pipe.h"

#include "base/alloc.h"
#include "fault.h"

static void a_connection_is_told_at_both_ends(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    pipe_connect(world, 1, 2);
    const struct pipe_event *out = pipe_event(a, DBR_SWARM_CONNECTED, 0);
    const struct pipe_event *in = pipe_event(b, DBR_SWARM_CONNECTED, 0);
    assert_non_null(out);
    assert_non_null(in);
    assert_false(out->event.inbound);
    assert_true(in->event.inbound);
    assert_true(dbr_peer_id_equal(&out->event.peer, &b->id));
    assert_true(dbr_peer_id_equal(&in->event.peer, &a->id));
    assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 1);
    assert_true(
        dbr_peer_id_equal(&pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.peer, &b->id));
    assert_int_equal(pipe_count(a, DBR_SWARM_IDENTIFIED), 1);
    assert_int_equal(pipe_count(b, DBR_SWARM_IDENTIFIED), 1);
    pipe_destroy(world);
}

static void limits_hold_at_their_smallest(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_limits *limits;
    pipe_init(world);
    limits = &world->config.limits;
    limits->connections = 1;
    limits->half_open = 1;
    limits->addrs_per_peer = 1;
    limits->stranger_ms = 1;
    limits->redial_min_ms = 1;
    limits->redial_max_ms = 1;
    pipe_start(world, 3);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct pipe_node *c = pipe_node(world, 3);
    pipe_connect(world, 1, 2);
    /* One connection is all that b and a may have: a stranger does not get in. */
    dbr_swarm_connect(c->swarm, &b->full_addr, 1, world->now);
    dbr_swarm_connect(a->swarm, &c->full_addr, 2, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status,
                     DEBROS_ELIMIT);
    assert_true(strstr(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->detail, "10.0.0.3") !=
                NULL);
    assert_true(pipe_logged(world, "the limit of 1 connections is reached"));
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 1);
    pipe_sleep(world, 1);
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 0);
    /* Two handshakes at once are one too many. */
    dbr_swarm_accepted(b->swarm, 1001, &a->addr, world->now);
    dbr_swarm_accepted(b->swarm, 1003, &a->addr, world->now);
    struct dbr_swarm_event event;
    assert_true(dbr_swarm_poll(b->swarm, &event));
    assert_int_equal(event.type, DBR_SWARM_CLOSE);
    assert_int_equal(event.conn, 1003);
    pipe_destroy(world);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_protocol protocol = {"no-slash", DBR_PEER_CLIENT, 10, 10};
    struct dbr_swarm *swarm;
    struct dbr_keypair key = {0};
    pipe_init(world);
    struct dbr_swarm_config good = world->config;
    good.identity = &key;
    struct dbr_swarm_config bad = good;
    bad.limits.connections = 0;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    bad = good;
    bad.limits.redial_max_ms = 1;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    bad = good;
    bad.n_protocols = 33;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    bad = good;
    bad.protocols = &protocol;
    bad.n_protocols = 1;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    for (size_t n = 0;; n++) {
        fault_after(n);
        int err = dbr_swarm_create(&swarm, &good, NULL, 0);
        if (!fault_off()) {
            assert_int_equal(err, 0);
            break;
        }
        assert_int_equal(err, DEBROS_ENOMEM);
    }
    dbr_swarm_destroy(swarm);
    pipe_destroy(world);
}

/* What waits is allowed one of each at the very least, and all still works. */
static void messages_pass_within_the_smallest_limits(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_stats stats;
    uint64_t stream;
    pipe_init(world);
    struct dbr_swarm_limits *limits = &world->config.limits;
    limits->conns_per_ip = limits->conns_per_net = limits->conns_per_peer = 1;
    limits->accept_burst = limits->accept_every_ms = limits->handshakes_per_s = 1;
    limits->streams_per_protocol = limits->pings_queued = 1;
    limits->push_burst = limits->push_every_ms = limits->rtt_ping_ms = 1;
    limits->unread = limits->peer_memory = limits->memory = 1;
    limits->stack.pongs = 1;
    pipe_start(world, 2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(a->swarm, &b->id, DBR_PEER_MEMBER, world->now);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_MEMBER, world->now);
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_CLIENT, world->now),
                     0);
    for (int i = 0; i < 20; i++) {
        int err = dbr_swarm_send(a->swarm, stream, dbr_bytes_str("hello"), world->now);
        assert_int_equal(err, 0);
        pipe_sleep(world, 100);
    }
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_MESSAGE), 20);
    dbr_swarm_ping(a->swarm, &b->id, 7, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_PING_DONE, 0)->event.status, 0);
    dbr_swarm_get_stats(b->swarm, &stats);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.memory + stats.peer_memory + stats.unread, 0);
    assert_int_equal(stats.bad_frames + stats.broken, 0);
    pipe_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_told_at_both_ends),
        cmocka_unit_test(limits_hold_at_their_smallest),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(messages_pass_within_the_smallest_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
