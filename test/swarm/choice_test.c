#include "pipe.h"

#include "base/alloc.h"

static bool is_smaller(const struct pipe_node *a, const struct pipe_node *b)
{
    return memcmp(&a->id, &b->id, sizeof(a->id)) < 0;
}

/* Both ends dial before either has heard of the other. */
static void dial_each_other(struct pipe_world *world, uint64_t ms_between)
{
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    world->hold = true;
    dbr_swarm_connect(a->swarm, &b->full_addr, 1, world->now);
    pipe_run(world);
    world->now += ms_between;
    dbr_swarm_connect(b->swarm, &a->full_addr, 2, world->now);
    pipe_run(world);
    assert_int_equal(world->n_links, 2);
    world->hold = false;
    pipe_run(world);
}

static void of_simultaneous_dials_one_is_kept(void **state)
{
    (void)state;
    for (uint64_t between = 0; between < 3; between++) {
        struct pipe_world *world = pipe_create(2);
        struct pipe_node *a = pipe_node(world, 1);
        struct pipe_node *b = pipe_node(world, 2);
        uint64_t stream;
        world->chunk = between; /* also with interleaved handshakes */
        dial_each_other(world, between);
        assert_int_equal(pipe_count(a, DBR_SWARM_CONNECTED), 1);
        assert_int_equal(pipe_count(b, DBR_SWARM_CONNECTED), 1);
        assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.status, 0);
        assert_int_equal(pipe_event(b, DBR_SWARM_CONNECT_DONE, 0)->event.status, 0);
        assert_int_equal(pipe_open_links(world), 2);
        assert_int_equal(
            dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now), 0);
        pipe_sleep(world, 2000);
        assert_int_equal(pipe_open_links(world), 1);
        struct pipe_link *kept = &world->links[world->links[0].open[0] ? 0 : 1];
        assert_ptr_equal(kept->node[0], is_smaller(a, b) ? a : b);
        assert_int_equal(pipe_count(a, DBR_SWARM_DISCONNECTED), 0);
        assert_int_equal(pipe_count(b, DBR_SWARM_DISCONNECTED), 0);
        assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_CLOSED), 0);
        assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes_str("x"), world->now),
                         0);
        pipe_run(world);
        assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_MESSAGE), 1);
        pipe_destroy(world);
    }
}

static void a_spare_connection_in_use_stays(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct pipe_node *loser = is_smaller(a, b) ? b : a;
    struct pipe_node *winner = is_smaller(a, b) ? a : b;
    uint64_t stream;
    /* The loser's dial comes first, and is used at once. */
    dbr_swarm_connect(loser->swarm, &winner->full_addr, 1, world->now);
    pipe_run(world);
    assert_int_equal(
        dbr_swarm_open(loser->swarm, &stream, &winner->id, PIPE_MEMBER, world->now), 0);
    dbr_swarm_connect(winner->swarm, &loser->addr, 2, world->now);
    pipe_sleep(world, 5000);
    assert_int_equal(pipe_open_links(world), 2);
    dbr_swarm_reset(loser->swarm, stream, world->now);
    pipe_run(world);
    assert_int_equal(pipe_open_links(world), 1);
    assert_false(world->links[0].open[0]);
    assert_int_equal(pipe_count(winner, DBR_SWARM_DISCONNECTED), 0);
    pipe_destroy(world);
}

static void the_spare_serves_when_the_kept_one_breaks(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    size_t kept = is_smaller(a, b) ? 0 : 1;
    dial_each_other(world, 0);
    pipe_break(world, kept);
    pipe_sleep(world, 10000);
    assert_int_equal(pipe_open_links(world), 1);
    assert_true(world->links[1 - kept].open[0]);
    assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
    assert_int_equal(pipe_count(a, DBR_SWARM_DISCONNECTED), 0);
    pipe_destroy(world);
}

static void a_restarted_peer_replaces_its_dead_connection(void **state)
{
    (void)state;
    for (size_t dialer = 1; dialer <= 2; dialer++) {
        struct pipe_world *world = pipe_create(2);
        struct pipe_node *a = pipe_node(world, 1);
        struct pipe_node *b = pipe_node(world, 2);
        uint64_t stream;
        pipe_connect(world, dialer, 3 - dialer);
        pipe_sleep(world, 30000);
        world->links[0].cut = true; /* b loses power: nobody tells a */
        world->links[0].open[2 - dialer] = false;
        pipe_boot(world, b);
        b->next_conn = 101;
        dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_MEMBER, world->now);
        dbr_swarm_connect(b->swarm, &a->full_addr, 9, world->now);
        pipe_run(world);
        assert_int_equal(
            dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now), 0);
        assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes_str("x"), world->now),
                         0);
        pipe_sleep(world, 60000);
        assert_non_null(pipe_event(b, DBR_SWARM_STREAM_MESSAGE, 0));
        assert_int_equal(pipe_count(a, DBR_SWARM_DISCONNECTED), 0);
        assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
        pipe_destroy(world);
    }
}

static void strangers_make_room_for_members(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.limits.connections = 1;
    pipe_start(world, 3);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(b->swarm, &pipe_node(world, 3)->id, DBR_PEER_MEMBER, world->now);
    pipe_connect(world, 1, 2);
    pipe_connect(world, 3, 2);
    assert_true(dbr_swarm_is_connected(b->swarm, &pipe_node(world, 3)->id));
    assert_false(dbr_swarm_is_connected(b->swarm, &pipe_node(world, 1)->id));
    assert_int_equal(pipe_count(pipe_node(world, 1), DBR_SWARM_DISCONNECTED), 1);
    pipe_destroy(world);
}

static void strangers_make_room_for_dials_to_members(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.limits.connections = 1;
    pipe_start(world, 3);
    struct pipe_node *b = pipe_node(world, 2);
    struct pipe_node *c = pipe_node(world, 3);
    pipe_connect(world, 1, 2);
    dbr_swarm_connect(b->swarm, &c->full_addr, 1, world->now); /* a stranger, too */
    pipe_run(world);
    assert_int_equal(pipe_event(b, DBR_SWARM_CONNECT_DONE, 0)->event.status,
                     DEBROS_ELIMIT);
    dbr_swarm_set_class(b->swarm, &c->id, DBR_PEER_MEMBER, world->now);
    dbr_swarm_connect(b->swarm, &c->full_addr, 2, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(b, DBR_SWARM_CONNECT_DONE, 1)->event.status, 0);
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 1);
    pipe_destroy(world);
}

static void a_peer_keeps_its_newest_connections(void **state)
{
    (void)state;
    for (uint32_t limit = 1; limit <= 8; limit += 7) {
        struct pipe_world *world = dbr_malloc(sizeof(*world));
        struct dbr_swarm_stats stats;
        pipe_init(world);
        world->config.limits.conns_per_peer = limit;
        pipe_start(world, 2);
        struct pipe_node *a = pipe_node(world, 1);
        struct pipe_node *b = pipe_node(world, 2);
        dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_MEMBER, world->now);
        for (size_t i = 0; i < 12; i++) {
            /* Restarted, it has forgotten its connections, and they do not break. */
            pipe_boot(world, a);
            dbr_swarm_set_class(a->swarm, &b->id, DBR_PEER_MEMBER, world->now);
            dbr_swarm_connect(a->swarm, &b->full_addr, 1, world->now);
            pipe_run(world);
            world->links[i].cut = true;
            world->links[i].open[0] = false;
            world->now += 100;
        }
        size_t open = 0;
        for (size_t i = 0; i < 12; i++) {
            assert_int_equal(world->links[i].open[1], i >= 12 - limit);
            open += world->links[i].open[1];
        }
        assert_int_equal(open, limit);
        dbr_swarm_get_stats(b->swarm, &stats);
        assert_int_equal(stats.full_peer, 12 - limit);
        assert_int_equal(pipe_count(b, DBR_SWARM_DISCONNECTED), 0);
        pipe_destroy(world);
    }
}

/* Two nodes that keep each other, on links that start, delay and break at random: in the
 * end there is one connection, and it works both ways. */
static void simultaneous_dials_end_with_one_usable_connection(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct pipe_world *world = pipe_create(2);
        struct pipe_node *a = pipe_node(world, 1);
        struct pipe_node *b = pipe_node(world, 2);
        struct dbr_rng rng;
        uint64_t stream[2];
        dbr_rng_seed(&rng, seed);
        world->chunk = dbr_rng_below(&rng, 3) * 100;
        dbr_swarm_give_addrs(a->swarm, &b->id, &b->addr, 1, world->now);
        dbr_swarm_give_addrs(b->swarm, &a->id, &a->addr, 1, world->now);
        dbr_swarm_keep(a->swarm, &b->id, true, world->now);
        world->now += dbr_rng_below(&rng, 4);
        dbr_swarm_keep(b->swarm, &a->id, true, world->now);
        for (uint64_t i = dbr_rng_below(&rng, 20); i > 0; i--) {
            uint64_t what = dbr_rng_below(&rng, 6);
            world->hold = what == 0;
            a->down = what == 1;
            b->silent = what == 2;
            if (what == 3 && world->n_links > 0) {
                pipe_break(world, dbr_rng_below(&rng, world->n_links));
            } else if (what == 4) {
                dbr_swarm_connect(a->swarm, &b->full_addr, i, world->now);
            }
            pipe_sleep(world, dbr_rng_below(&rng, 700));
            /* Never more than one attempt of either: two links at a time. */
            assert_true(world->hold || pipe_open_links(world) <= 4);
        }
        world->hold = a->down = b->silent = false;
        pipe_sleep(world, 60000);
        assert_int_equal(pipe_open_links(world), 1);
        pipe_forget(world);
        assert_int_equal(
            dbr_swarm_open(a->swarm, &stream[0], &b->id, PIPE_MEMBER, world->now), 0);
        assert_int_equal(
            dbr_swarm_open(b->swarm, &stream[1], &a->id, PIPE_MEMBER, world->now), 0);
        assert_int_equal(
            dbr_swarm_send(a->swarm, stream[0], dbr_bytes_str("x"), world->now), 0);
        assert_int_equal(
            dbr_swarm_send(b->swarm, stream[1], dbr_bytes_str("x"), world->now), 0);
        pipe_run(world);
        assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_MESSAGE), 1);
        assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_MESSAGE), 1);
        pipe_destroy(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_simultaneous_dials_one_is_kept),
        cmocka_unit_test(a_spare_connection_in_use_stays),
        cmocka_unit_test(the_spare_serves_when_the_kept_one_breaks),
        cmocka_unit_test(a_restarted_peer_replaces_its_dead_connection),
        cmocka_unit_test(strangers_make_room_for_members),
        cmocka_unit_test(strangers_make_room_for_dials_to_members),
        cmocka_unit_test(a_peer_keeps_its_newest_connections),
        cmocka_unit_test(simultaneous_dials_end_with_one_usable_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
