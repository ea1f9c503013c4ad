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

static void start_ping(struct raw *raw, uint64_t token)
{
    dbr_swarm_ping(raw->node->swarm, &raw->id, token, raw->world->now);
    raw_run(raw);
}

/* Clients, who are pinged when they are quiet, and else not. */
static void make_clients(struct pipe_world *world)
{
    for (size_t i = 1; i <= 2; i++) {
        dbr_swarm_set_class(pipe_node(world, i)->swarm, &pipe_node(world, 3 - i)->id,
                            DBR_PEER_CLIENT, world->now);
    }
}

static void quiet_connections_are_pinged(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct dbr_peer_info info;
    make_clients(world);
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
    make_clients(world);
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

/* They never are quiet, and yet their round trip is known. */
static void busy_members_are_measured(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_peer_info info;
    uint64_t stream;
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now),
                     0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes_str("x"), world->now),
                         0);
        pipe_sleep(world, 999);
        dbr_swarm_peer_info(a->swarm, &b->id, &info);
        assert_int_equal(info.rtt_us, i == 0 ? 0 : 1000);
        dbr_swarm_peer_info(b->swarm, &a->id, &info);
        assert_int_equal(info.rtt_us, i == 0 ? 0 : 1000);
    }
    pipe_destroy(world);
}

/* Its answer may wait behind megabytes: what it sends shows that it lives. */
static void a_peer_that_sends_is_alive(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct raw_stream *stream = raw_open(raw, "/test/member");
    start_ping(raw, 1); /* the bare peer never answers */
    for (int i = 0; i < 59; i++) {
        raw_send(raw, stream, dbr_bytes_str("x"));
        raw_sleep(raw, 1000);
    }
    assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
    raw_send(raw, stream, dbr_bytes_str("x"));
    raw_sleep(raw, 1000); /* but it does not live for ever by that */
    assert_false(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
    struct dbr_swarm_stats stats;
    dbr_swarm_get_stats(raw->node->swarm, &stats);
    assert_int_equal(stats.pings_expired, 1);
    raw_destroy(raw);
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

static void pings_that_nobody_reads_end_their_stream(void **state)
{
    (void)state;
    for (uint32_t limit = 1; limit <= 32; limit += 31) {
        static const uint8_t pings[33 * DBR_PING_SIZE];
        struct pipe_world *world = dbr_malloc(sizeof(*world));
        struct dbr_swarm_stats stats;
        pipe_init(world);
        world->config.limits.pings_queued = limit;
        pipe_start(world, 1);
        struct raw *raw = raw_attach(world, true);
        struct raw_stream *stream = raw_open(raw, DBR_PING_ID);
        for (int i = 0; i < 3; i++) {
            raw_send(raw, stream, dbr_bytes(pings, limit * (size_t)DBR_PING_SIZE));
            raw_run(raw);
        }
        assert_int_equal(stream->data.len, 3 * limit * (size_t)DBR_PING_SIZE);
        raw_send(raw, stream, dbr_bytes(pings, (limit + 1) * (size_t)DBR_PING_SIZE));
        raw_run(raw);
        assert_true(stream->reset);
        dbr_swarm_get_stats(raw->node->swarm, &stats);
        assert_int_equal(stats.pings_refused, 1);
        assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
        raw_destroy(raw);
    }
}

/* Megabytes wait on many streams; the echo is in the very next bytes. */
static void an_echo_overtakes_data_that_waits(void **state)
{
    (void)state;
    static const uint8_t body[900000];
    static const uint8_t question[DBR_PING_SIZE] = {1, 2, 3};
    struct raw *raw = raw_create(true);
    struct dbr_swarm *swarm = raw->node->swarm;
    struct raw_stream *pings = raw_open(raw, DBR_PING_ID);
    struct dbr_swarm_event event;
    raw_run(raw);
    for (int i = 0; i < 10; i++) {
        uint64_t stream;
        assert_int_equal(
            dbr_swarm_open(swarm, &stream, &raw->id, PIPE_CLIENT, raw->world->now), 0);
        assert_int_equal(
            dbr_swarm_send(swarm, stream, dbr_bytes(body, sizeof(body)), raw->world->now),
            0);
    }
    raw_send(raw, pings, dbr_bytes(question, sizeof(question)));
    struct dbr_buf *out = dbr_stack_out(raw->stack);
    dbr_swarm_recv(swarm, raw->conn, dbr_bytes(out->data, out->len), raw->world->now);
    dbr_buf_clear(out);
    assert_true(dbr_swarm_poll(swarm, &event));
    assert_int_equal(event.type, DBR_SWARM_WRITE);
    struct dbr_buf taken = dbr_swarm_take_output(swarm, event.conn);
    assert_true(taken.len > 200000);
    /* Of all that is written, the first 2,000 bytes are enough. */
    size_t first = 2 + ((size_t)taken.data[0] << 8 | taken.data[1]);
    assert_int_equal(
        dbr_stack_recv(raw->stack, dbr_bytes(taken.data, first), raw->world->now), 0);
    struct dbr_stack_event heard;
    size_t bulk = 0;
    bool echoed = false;
    while (!echoed && dbr_stack_poll(raw->stack, &heard)) {
        if (heard.type == DBR_STACK_INCOMING) {
            dbr_stack_accept(raw->stack, heard.stream);
        } else if (heard.type == DBR_STACK_DATA) {
            echoed = heard.stream == pings->id;
            bulk += heard.stream == pings->id ? 0 : heard.data.len;
        }
    }
    assert_true(echoed);
    assert_int_equal(bulk, 0);
    dbr_buf_finish(&taken);
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
        cmocka_unit_test(busy_members_are_measured),
        cmocka_unit_test(a_peer_that_sends_is_alive),
        cmocka_unit_test(idle_pings_can_be_off),
        cmocka_unit_test(a_lost_connection_completes_pings),
        cmocka_unit_test(every_32_bytes_are_echoed),
        cmocka_unit_test(a_pinger_that_never_reads_is_reset),
        cmocka_unit_test(one_stream_serves_all_pings),
        cmocka_unit_test(a_stream_that_the_peer_ended_is_replaced),
        cmocka_unit_test(wrong_echoes_fail_the_ping),
        cmocka_unit_test(peers_without_ping_stay),
        cmocka_unit_test(pings_that_nobody_reads_end_their_stream),
        cmocka_unit_test(an_echo_overtakes_data_that_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
