#include "pipe.h"
#include "raw.h"

#include "base/alloc.h"

static void strangers_leave_in_time(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_STRANGER, world->now);
    pipe_connect(world, 1, 2);
    pipe_sleep(world, 9999);
    assert_true(dbr_swarm_is_connected(b->swarm, &a->id));
    pipe_sleep(world, 1);
    assert_false(dbr_swarm_is_connected(b->swarm, &a->id));
    assert_false(dbr_swarm_is_connected(a->swarm, &b->id));
    assert_int_equal(dbr_swarm_known_count(b->swarm), 0); /* and is forgotten */
    assert_int_equal(dbr_swarm_known_count(a->swarm), 1);
    pipe_destroy(world);
}

static void an_open_swarm_keeps_strangers(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.open = true;
    pipe_start(world, 2);
    pipe_connect(world, 1, 2);
    pipe_sleep(world, 60000);
    assert_true(
        dbr_swarm_is_connected(pipe_node(world, 2)->swarm, &pipe_node(world, 1)->id));
    pipe_destroy(world);
}

static void times_hold_at_their_smallest(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.open = true;
    world->config.limits.dial_ms = 1;
    world->config.limits.idle_ping_ms = 1;
    world->config.limits.ping_timeout_ms = 1;
    pipe_start(world, 3);
    struct pipe_node *a = pipe_node(world, 1);
    pipe_node(world, 3)->silent = true;
    pipe_connect(world, 1, 2);
    dbr_swarm_connect(a->swarm, &pipe_node(world, 3)->full_addr, 1, world->now);
    pipe_sleep(world, 100);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status,
                     DEBROS_ETIMEDOUT);
    assert_true(dbr_swarm_is_connected(a->swarm, &pipe_node(world, 2)->id));
    world->links[0].cut = true;
    pipe_sleep(world, 2);
    assert_false(dbr_swarm_is_connected(a->swarm, &pipe_node(world, 2)->id));
    pipe_destroy(world);
}

static struct dbr_swarm_stats stats_of(const struct pipe_node *node)
{
    struct dbr_swarm_stats stats;
    dbr_swarm_get_stats(node->swarm, &stats);
    return stats;
}

static void a_peer_that_takes_no_byte_is_closed(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    uint64_t stream;
    pipe_connect(world, 1, 2);
    a->unwritten = true;
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now),
                     0);
    pipe_sleep(world, 9999);
    assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
    pipe_sleep(world, 1);
    assert_false(dbr_swarm_is_connected(a->swarm, &b->id));
    assert_int_equal(stats_of(a).stalled, 1);
    assert_true(pipe_logged(world, "the peer has read nothing for 10000 ms"));
    pipe_destroy(world);
}

/* It never reads our part of the handshake. */
static void a_handshake_may_stall_no_longer(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.limits.stall_ms = 1;
    pipe_start(world, 2);
    struct pipe_node *a = pipe_node(world, 1);
    a->unwritten = true;
    dbr_swarm_connect(a->swarm, &pipe_node(world, 2)->full_addr, 1, world->now);
    pipe_sleep(world, 2);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.status,
                     DEBROS_ETIMEDOUT);
    assert_int_equal(stats_of(a).stalled, 1);
    pipe_destroy(world);
}

static void setup_has_one_deadline_for_all_its_steps(void **state)
{
    (void)state;
    for (int inbound = 0; inbound < 2; inbound++) {
        struct pipe_world *world = dbr_malloc(sizeof(*world));
        pipe_init(world);
        world->config.limits.setup_ms = 1;
        pipe_start(world, 2);
        struct pipe_node *node = pipe_node(world, 1 + (size_t)inbound);
        world->hold = true; /* the handshake never gets on */
        pipe_node(world, 2)->silent = inbound == 0;
        dbr_swarm_connect(pipe_node(world, 1)->swarm, &pipe_node(world, 2)->full_addr, 1,
                          world->now);
        pipe_run(world);
        assert_int_equal(stats_of(node).setup_expired, 0);
        pipe_sleep(world, 1);
        assert_int_equal(stats_of(node).setup_expired, 1);
        assert_int_equal(
            pipe_event(pipe_node(world, 1), DBR_SWARM_CONNECT_DONE, 0)->event.status,
            DEBROS_ETIMEDOUT);
        pipe_destroy(world);
    }
}

/* The peer reads the connection, and gives one of its streams no window. */
static void an_unread_stream_is_reset_and_no_other(void **state)
{
    (void)state;
    static const uint8_t body[600000];
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    uint64_t unread;
    uint64_t other;
    pipe_init(world);
    world->config.limits.unread = 500000;
    pipe_start(world, 1);
    struct raw *raw = raw_attach(world, true);
    struct dbr_swarm *swarm = raw->node->swarm;
    raw->keep_window = true;
    assert_int_equal(dbr_swarm_open(swarm, &unread, &raw->id, PIPE_CLIENT, world->now),
                     0);
    assert_int_equal(dbr_swarm_open(swarm, &other, &raw->id, PIPE_CLIENT, world->now), 0);
    assert_int_equal(
        dbr_swarm_send(swarm, unread, dbr_bytes(body, sizeof(body)), world->now), 0);
    assert_int_equal(dbr_swarm_send(swarm, unread, dbr_bytes(body, 300000), world->now),
                     0);
    assert_int_equal(dbr_swarm_send(swarm, other, dbr_bytes(body, 300000), world->now),
                     0);
    for (int i = 0; i < 25; i++) {
        raw_sleep(raw, 1000);
        dbr_swarm_recv(swarm, raw->conn, dbr_bytes(NULL, 0), world->now); /* it lives */
    }
    assert_int_equal(stats_of(raw->node).unread, 1);
    assert_true(raw_find(raw, "/test/client", 0)->reset);
    assert_false(raw_find(raw, "/test/client", 1)->reset);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_CLOSED), 1);
    assert_int_equal(pipe_event(raw->node, DBR_SWARM_STREAM_CLOSED, 0)->event.status,
                     DEBROS_ELIMIT);
    assert_true(pipe_logged(world, "reads none of its"));
    raw_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_leave_in_time),
        cmocka_unit_test(an_open_swarm_keeps_strangers),
        cmocka_unit_test(times_hold_at_their_smallest),
        cmocka_unit_test(a_peer_that_takes_no_byte_is_closed),
        cmocka_unit_test(a_handshake_may_stall_no_longer),
        cmocka_unit_test(setup_has_one_deadline_for_all_its_steps),
        cmocka_unit_test(an_unread_stream_is_reset_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
