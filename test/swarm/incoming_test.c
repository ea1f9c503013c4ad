#include "pipe.h"
#include "raw.h"

#include "base/alloc.h"

static void protocols_ask_for_their_class(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    uint64_t streams[3];
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_CLIENT, world->now);
    pipe_connect(world, 1, 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(dbr_swarm_open(a->swarm, &streams[i], &b->id, i, world->now), 0);
        assert_int_equal(
            dbr_swarm_send(a->swarm, streams[i], dbr_bytes_str("x"), world->now), 0);
    }
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_OPENED), 2);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_MESSAGE), 2);
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_CLOSED), 1);
    const struct pipe_event *refused = pipe_event(a, DBR_SWARM_STREAM_CLOSED, 0);
    assert_int_equal(refused->event.stream, streams[PIPE_MEMBER]);
    assert_int_equal(refused->event.status, DEBROS_EPROTO);
    assert_int_equal(
        dbr_swarm_send(a->swarm, streams[PIPE_MEMBER], dbr_bytes_str("x"), world->now),
        DEBROS_ENOTFOUND);
    pipe_destroy(world);
}

/* Streams that the peer opened and that were not reset. */
static size_t count_alive(const struct raw *raw)
{
    size_t n = 0;
    for (size_t i = 0; i < raw->n_streams; i++) {
        n += !raw->streams[i].inbound && raw->streams[i].opened && !raw->streams[i].reset;
    }
    return n;
}

static void a_peer_has_so_many_streams_of_a_protocol(void **state)
{
    (void)state;
    static const struct {
        uint32_t limit;
        const char *protocol;
    } cases[] = {{16, "/test/anybody"},
                 {16, "/ipfs/ping/1.0.0"},
                 {1, "/test/anybody"},
                 {1, "/ipfs/ping/1.0.0"}};
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        struct pipe_world *world = dbr_malloc(sizeof(*world));
        struct dbr_swarm_stats stats;
        pipe_init(world);
        world->config.limits.streams_per_protocol = cases[i].limit;
        pipe_start(world, 1);
        struct raw *raw = raw_attach(world, true);
        for (uint32_t n = 0; n < cases[i].limit + 3; n++) {
            raw_open(raw, cases[i].protocol);
        }
        raw_run(raw);
        assert_int_equal(count_alive(raw), cases[i].limit);
        dbr_swarm_get_stats(raw->node->swarm, &stats);
        assert_int_equal(stats.streams_refused, 3);
        /* Others are not concerned, and what ends makes room. */
        struct raw_stream *other = raw_open(raw, "/test/client");
        dbr_stack_reset(raw->stack, raw->streams[1].id);
        raw_run(raw);
        assert_true(other->opened);
        struct raw_stream *again = raw_open(raw, cases[i].protocol);
        raw_run(raw);
        assert_true(again->opened && !again->reset);
        raw_destroy(raw);
    }
}

/* Two connections are no way around the limit of all streams. */
static void a_peers_streams_are_counted_over_its_connections(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_swarm_stats stats;
    uint64_t stream;
    size_t n = 0;
    pipe_connect(world, 1, 2);
    for (uint32_t protocol = 0; protocol < 3; protocol++) {
        for (int i = 0; i < 15; i++) {
            n += dbr_swarm_open(a->swarm, &stream, &b->id, protocol, world->now) == 0;
        }
    }
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_OPENED), n);
    dbr_swarm_get_stats(b->swarm, &stats);
    assert_int_equal(stats.streams_refused, 0);
    /* A second connection of the same peer: its streams are streams 16 and later. */
    dbr_swarm_connect(a->swarm, &b->addr, 5, world->now + 20000);
    pipe_run(world);
    for (int i = 0; i < 3; i++) {
        n += dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now) == 0;
    }
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_OPENED), n - 2);
    dbr_swarm_get_stats(b->swarm, &stats);
    assert_int_equal(stats.streams_refused, 2);
    pipe_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocols_ask_for_their_class),
        cmocka_unit_test(a_peer_has_so_many_streams_of_a_protocol),
        cmocka_unit_test(a_peers_streams_are_counted_over_its_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
