#include "pipe.h"
#include "raw.h"

#include "base/alloc.h"
#include "swarm/ping.h"

static const struct pipe_event *ping(struct pipe_world *world, uint64_t token)
{
    dbr_swarm_ping(pipe_node(world, 1)->swarm, &pipe_node(world, 2)->id, token,
                   world->now);
    pipe_run(world);
    size_t n = pipe_count(pipe_node(world, 1), DBR_SWARM_PING_DONE);
    return n == 0 ? NULL : pipe_event(pipe_node(world, 1), DBR_SWARM_PING_DONE, n - 1);
}

static void the_round_trip_is_measured(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct dbr_peer_info info;
    pipe_connect(world, 1, 2);
    world->hold = true;
    assert_null(ping(world, 7));
    world->now += 34;
    world->hold = false;
    pipe_run(world);
    const struct pipe_event *done =
        pipe_event(pipe_node(world, 1), DBR_SWARM_PING_DONE, 0);
    assert_int_equal(done->event.status, 0);
    assert_int_equal(done->event.token, 7);
    assert_int_equal(done->event.rtt_ms, 34);
    assert_true(dbr_peer_id_equal(&done->event.peer, &pipe_node(world, 2)->id));
    dbr_swarm_peer_info(pipe_node(world, 1)->swarm, &pipe_node(world, 2)->id, &info);
    assert_int_equal(info.rtt_us, 34000);
    assert_int_equal(ping(world, 8)->event.rtt_ms, 1); /* below the clock's step */
    pipe_destroy(world);
}

static void pings_share_a_round_trip(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    pipe_connect(world, 1, 2);
    for (uint64_t i = 0; i < 20; i++) {
        dbr_swarm_ping(a->swarm, &pipe_node(world, 2)->id, i, world->now);
    }
    pipe_run(world);
    assert_int_equal(pipe_count(a, DBR_SWARM_PING_DONE), 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(pipe_event(a, DBR_SWARM_PING_DONE, i)->event.token, i);
        assert_int_equal(pipe_event(a, DBR_SWARM_PING_DONE, i)->event.status, 0);
    }
    pipe_destroy(world);
}

static void an_unknown_peer_is_unreachable(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    const struct pipe_event *done = ping(world, 1);
    assert_int_equal(done->event.status, DEBROS_EUNREACHABLE);
    assert_non_null(strstr(done->detail, "is not connected"));
    pipe_destroy(world);
}

static void quiet_connections_are_pinged(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct dbr_peer_info info;
    pipe_connect(world, 1, 2);
    pipe_sleep(world, 14999);
    dbr_swarm_peer_info(pipe_node(world, 1)->swarm, &pipe_node(world, 2)->id, &info);
    assert_int_equal(info.rtt_us, 0);
    pipe_sleep(world, 1);
    dbr_swarm_peer_info(pipe_node(world, 1)->swarm, &pipe_node(world, 2)->id, &info);
    assert_int_equal(info.rtt_us, 1000);
    assert_int_equal(pipe_count(pipe_node(world, 1), DBR_SWARM_PING_DONE), 0);
    pipe_destroy(world);
}

static void a_dead_peer_is_noticed(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    pipe_connect(world, 1, 2);
    world->links[0].cut = true;
    pipe_sleep(world, 20000);
    dbr_swarm_ping(a->swarm, &pipe_node(world, 2)->id, 3, world->now); /* joins */
    pipe_sleep(world, 4999);
    assert_int_equal(pipe_count(a, DBR_SWARM_DISCONNECTED), 0);
    pipe_sleep(world, 1);
    assert_int_equal(pipe_count(a, DBR_SWARM_DISCONNECTED), 1);
    const struct pipe_event *done = pipe_event(a, DBR_SWARM_PING_DONE, 0);
    assert_int_equal(done->event.status, DEBROS_ETIMEDOUT);
    assert_string_equal(done->detail, "no answer to a ping in 10000 ms");
    assert_true(pipe_logged(world, "no answer to a ping"));
    pipe_destroy(world);
}

static void idle_pings_can_be_off(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.limits.idle_ping_ms = 0;
    world->config.open = true;
    pipe_start(world, 2);
    pipe_connect(world, 1, 2);
    world->links[0].cut = true;
    pipe_sleep(world, 1000000);
    assert_int_equal(pipe_count(pipe_node(world, 1), DBR_SWARM_DISCONNECTED), 0);
    pipe_destroy(world);
}

static void a_lost_connection_completes_pings(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    pipe_connect(world, 1, 2);
    world->hold = true;
    assert_null(ping(world, 1));
    world->hold = false;
    world->links[0].cut = true;
    pipe_break(world, 0);
    assert_int_equal(
        pipe_event(pipe_node(world, 1), DBR_SWARM_PING_DONE, 0)->event.status,
        DEBROS_EUNREACHABLE);
    pipe_destroy(world);
}

/* ---- Against bare stacks ---------------------------------------------------- */

static void every_32_bytes_are_echoed(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    uint8_t bytes[100];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    struct raw_stream *stream = raw_open(raw, DBR_PING_ID);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        raw_send(raw, stream, dbr_bytes(bytes + i, 1));
        raw_run(raw);
        assert_int_equal(stream->data.len, (i + 1) / 32 * 32);
    }
    assert_memory_equal(stream->data.data, bytes, 96);
    dbr_stack_finish(raw->stack, stream->id);
    raw_run(raw);
    assert_true(stream->closed); /* it ends its side, too */
    stream = raw_open(raw, DBR_PING_ID);
    raw_send(raw, stream, dbr_bytes(bytes, 64));
    raw_run(raw);
    assert_int_equal(stream->data.len, 64);
    raw_destroy(raw);
}

static void a_pinger_that_never_reads_is_reset(void **state)
{
    (void)state;
    static const uint8_t bytes[64000];
    struct raw *raw = raw_create(true);
    raw->keep_window = true;
    struct raw_stream *stream = raw_open(raw, DBR_PING_ID);
    for (size_t i = 0; i < 20 && !stream->reset; i++) {
        raw_send(raw, stream, dbr_bytes(bytes, sizeof(bytes)));
        raw_run(raw);
    }
    assert_true(stream->reset);
    assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
    raw_destroy(raw);
}

static void start_ping(struct raw *raw, uint64_t token)
{
    dbr_swarm_ping(raw->node->swarm, &raw->id, token, raw->world->now);
    raw_run(raw);
}

static void one_stream_serves_all_pings(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    for (size_t i = 0; i < 10; i++) {
        start_ping(raw, i);
        struct raw_stream *stream = raw_find(raw, DBR_PING_ID, 0);
        assert_int_equal(stream->data.len, (i + 1) * 32);
        raw_send(raw, stream,
                 dbr_bytes(stream->data.data + i * 32, 10)); /* in two parts */
        raw_run(raw);
        assert_int_equal(pipe_count(raw->node, DBR_SWARM_PING_DONE), i);
        raw_send(raw, stream, dbr_bytes(stream->data.data + i * 32 + 10, 22));
        raw_run(raw);
        assert_int_equal(pipe_count(raw->node, DBR_SWARM_PING_DONE), i + 1);
    }
    assert_null(raw_find(raw, DBR_PING_ID, 1));
    raw_destroy(raw);
}

static void a_stream_that_the_peer_ended_is_replaced(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    start_ping(raw, 1);
    struct raw_stream *first = raw_find(raw, DBR_PING_ID, 0);
    dbr_stack_finish(raw->stack, first->id); /* crosses the ping */
    raw_run(raw);
    assert_true(first->closed);
    struct raw_stream *second = raw_find(raw, DBR_PING_ID, 1);
    assert_non_null(second);
    raw_send(raw, second, dbr_bytes(second->data.data, 32));
    raw_run(raw);
    assert_int_equal(pipe_event(raw->node, DBR_SWARM_PING_DONE, 0)->event.status, 0);
    /* A peer that never answers is retried once only. */
    start_ping(raw, 2);
    dbr_stack_reset(raw->stack, second->id);
    raw_run(raw);
    dbr_stack_reset(raw->stack, raw_find(raw, DBR_PING_ID, 2)->id);
    raw_run(raw);
    assert_int_equal(pipe_event(raw->node, DBR_SWARM_PING_DONE, 1)->event.status,
                     DEBROS_ECANCELED);
    assert_null(raw_find(raw, DBR_PING_ID, 3));
    raw_destroy(raw);
}

static void wrong_echoes_fail_the_ping(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    start_ping(raw, 1);
    struct raw_stream *stream = raw_find(raw, DBR_PING_ID, 0);
    start_ping(raw, 2); /* waits its turn */
    stream->data.data[31] ^= 1;
    raw_send(raw, stream, dbr_bytes(stream->data.data, 32));
    raw_run(raw);
    assert_true(stream->reset);
    assert_int_equal(pipe_event(raw->node, DBR_SWARM_PING_DONE, 0)->event.status,
                     DEBROS_EPROTO);
    stream = raw_find(raw, DBR_PING_ID, 1);
    raw_send(raw, stream, dbr_bytes(stream->data.data, 32));
    raw_run(raw);
    assert_int_equal(pipe_event(raw->node, DBR_SWARM_PING_DONE, 1)->event.status, 0);
    raw_destroy(raw);
}

static void peers_without_ping_stay(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    raw->refuse_all = true;
    start_ping(raw, 1);
    start_ping(raw, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct pipe_event *done = pipe_event(raw->node, DBR_SWARM_PING_DONE, i);
        assert_non_null(done);
        assert_true(done->event.status == DEBROS_EPROTO ||
                    done->event.status == DEBROS_ECANCELED);
    }
    raw_sleep(raw, 100000);
    assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
    raw_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_round_trip_is_measured),
        cmocka_unit_test(pings_share_a_round_trip),
        cmocka_unit_test(an_unknown_peer_is_unreachable),
        cmocka_unit_test(quiet_connections_are_pinged),
        cmocka_unit_test(a_dead_peer_is_noticed),
        cmocka_unit_test(idle_pings_can_be_off),
        cmocka_unit_test(a_lost_connection_completes_pings),
        cmocka_unit_test(every_32_bytes_are_echoed),
        cmocka_unit_test(a_pinger_that_never_reads_is_reset),
        cmocka_unit_test(one_stream_serves_all_pings),
        cmocka_unit_test(a_stream_that_the_peer_ended_is_replaced),
        cmocka_unit_test(wrong_echoes_fail_the_ping),
        cmocka_unit_test(peers_without_ping_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
