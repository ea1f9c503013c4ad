#include "pipe.h"
#include "raw.h"

#include <stdio.h>

#include "base/alloc.h"

static void assert_message(const struct pipe_node *node, size_t n, const char *text)
{
    const struct pipe_event *message = pipe_event(node, DBR_SWARM_STREAM_MESSAGE, n);
    assert_non_null(message);
    assert_true(dbr_bytes_equal(message->event.message, dbr_bytes_str(text)));
}

static void messages_go_both_ways(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    uint64_t ours;
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &ours, &b->id, PIPE_MEMBER, world->now), 0);
    assert_int_equal(dbr_swarm_send(a->swarm, ours, dbr_bytes_str("one"), world->now), 0);
    assert_int_equal(dbr_swarm_send(a->swarm, ours, dbr_bytes_str(""), world->now), 0);
    pipe_run(world);
    const struct pipe_event *opened = pipe_event(b, DBR_SWARM_STREAM_OPENED, 0);
    assert_non_null(opened);
    assert_int_equal(opened->event.protocol, PIPE_MEMBER);
    assert_true(dbr_peer_id_equal(&opened->event.peer, &a->id));
    assert_message(b, 0, "one");
    assert_message(b, 1, "");
    uint64_t theirs = opened->event.stream;
    assert_int_equal(dbr_swarm_send(b->swarm, theirs, dbr_bytes_str("two"), world->now),
                     0);
    dbr_swarm_finish(b->swarm, theirs, world->now);
    assert_int_equal(dbr_swarm_send(b->swarm, theirs, dbr_bytes_str("x"), world->now),
                     DEBROS_ENOTFOUND);
    pipe_run(world);
    assert_message(a, 0, "two");
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_FINISHED), 1);
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_CLOSED), 0);
    assert_int_equal(dbr_swarm_send(a->swarm, ours, dbr_bytes_str("3"), world->now), 0);
    dbr_swarm_finish(a->swarm, ours, world->now);
    dbr_swarm_finish(a->swarm, ours, world->now);
    pipe_run(world);
    assert_message(b, 2, "3");
    assert_int_equal(pipe_event(a, DBR_SWARM_STREAM_CLOSED, 0)->event.status, 0);
    assert_int_equal(pipe_event(b, DBR_SWARM_STREAM_CLOSED, 0)->event.status, 0);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_FINISHED), 1);
    pipe_destroy(world);
}

/* Three frames, cut in two at every byte. */
static void frames_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char wire[] = "\5hello\0\3abc";
    const size_t len = sizeof(wire) - 1;
    struct raw *raw = raw_create(true);
    for (size_t cut = 0; cut <= len; cut++) {
        pipe_forget(raw->world);
        struct raw_stream *stream = raw_open(raw, "/test/member");
        raw_send(raw, stream, dbr_bytes(wire, cut));
        raw_run(raw);
        raw_send(raw, stream, dbr_bytes(wire + cut, len - cut));
        raw_run(raw);
        assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_MESSAGE), 3);
        assert_message(raw->node, 0, "hello");
        assert_message(raw->node, 1, "");
        assert_message(raw->node, 2, "abc");
        dbr_stack_reset(raw->stack, stream->id);
        raw_run(raw);
        assert_int_equal(pipe_event(raw->node, DBR_SWARM_STREAM_CLOSED, 0)->event.status,
                         DEBROS_ECANCELED);
    }
    raw_destroy(raw);
}

static void long_lengths_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_buf wire = {0};
    dbr_buf_uvarint(&wire, 1000);
    memset(dbr_buf_extend(&wire, 1000), 'x', 1000);
    for (size_t cut = 0; cut < wire.len; cut += cut < 5 ? 1 : 99) {
        pipe_forget(raw->world);
        struct raw_stream *stream = raw_open(raw, "/test/member");
        raw_send(raw, stream, dbr_bytes(wire.data, cut));
        raw_run(raw);
        assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_MESSAGE), 0);
        raw_send(raw, stream, dbr_bytes(wire.data + cut, wire.len - cut));
        raw_run(raw);
        const struct pipe_event *message =
            pipe_event(raw->node, DBR_SWARM_STREAM_MESSAGE, 0);
        assert_int_equal(message->event.message.len, 1000);
        dbr_stack_reset(raw->stack, stream->id);
        raw_run(raw);
    }
    dbr_buf_finish(&wire);
    raw_destroy(raw);
}

static void assert_reset(struct raw *raw, const char *wire, size_t len, bool finish,
                         int status, size_t n_messages)
{
    pipe_forget(raw->world);
    struct raw_stream *stream = raw_open(raw, "/test/member");
    raw_send(raw, stream, dbr_bytes(wire, len));
    if (finish) {
        dbr_stack_finish(raw->stack, stream->id);
    }
    raw_run(raw);
    assert_true(stream->reset);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_MESSAGE), n_messages);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_FINISHED), 0);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_CLOSED), 1);
    assert_int_equal(pipe_event(raw->node, DBR_SWARM_STREAM_CLOSED, 0)->event.status,
                     status);
    assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
}

static void bad_frames_reset_their_stream_only(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    /* 1,001 bytes, one above the limit: refused by its length alone. */
    assert_reset(raw, "\xe9\x07", 2, false, DEBROS_ELIMIT, 0);
    assert_reset(raw, "\2hi\xe9\x07", 5, false, DEBROS_ELIMIT, 1);
    assert_reset(raw, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9, false, DEBROS_ELIMIT, 0);
    assert_reset(raw, "\x80\x00", 2, false, DEBROS_EPROTO, 0); /* not minimal */
    assert_reset(raw, "\2hi\5cut", 7, true, DEBROS_EPROTO, 1);
    assert_true(pipe_logged(raw->world, "stream of /test/member from 12D3"));
    raw_destroy(raw);
}

static void messages_above_the_limit_are_not_sent(void **state)
{
    (void)state;
    static const uint8_t body[1001];
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    uint64_t stream;
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &pipe_node(world, 2)->id,
                                    PIPE_MEMBER, world->now),
                     0);
    assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes(body, 1001), world->now),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes(body, 1000), world->now),
                     0);
    pipe_run(world);
    assert_int_equal(
        pipe_event(pipe_node(world, 2), DBR_SWARM_STREAM_MESSAGE, 0)->event.message.len,
        1000);
    pipe_destroy(world);
}

static void a_megabyte_is_one_message(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    uint8_t *body = dbr_malloc(1000000);
    uint64_t stream;
    for (size_t i = 0; i < 1000000; i++) {
        body[i] = (uint8_t)(i * 7 / 5);
    }
    world->chunk = 1499;
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &pipe_node(world, 2)->id,
                                    PIPE_CLIENT, world->now),
                     0);
    assert_int_equal(
        dbr_swarm_send(a->swarm, stream, dbr_bytes(body, 1000000), world->now), 0);
    dbr_swarm_finish(a->swarm, stream, world->now); /* behind what waits */
    pipe_run(world);
    struct pipe_node *b = pipe_node(world, 2);
    assert_true(dbr_bytes_equal(pipe_event(b, DBR_SWARM_STREAM_MESSAGE, 0)->event.message,
                                dbr_bytes(body, 1000000)));
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_FINISHED), 1);
    dbr_free(body);
    pipe_destroy(world);
}

/* A peer that gives no window: sends turn EBUSY, then WRITABLE, and nothing is lost. */
static void a_full_queue_is_busy_and_tells_when_not(void **state)
{
    (void)state;
    static uint8_t body[50000];
    struct raw *raw = raw_create(true);
    struct dbr_swarm *swarm = raw->node->swarm;
    uint64_t stream;
    size_t n = 0;
    int err;
    raw->keep_window = true;
    assert_int_equal(
        dbr_swarm_open(swarm, &stream, &raw->id, PIPE_CLIENT, raw->world->now), 0);
    raw_run(raw);
    struct raw_stream *theirs = raw_find(raw, "/test/client", 0);
    for (;;) {
        memset(body, (int)n, sizeof(body));
        err =
            dbr_swarm_send(swarm, stream, dbr_bytes(body, sizeof(body)), raw->world->now);
        if (err != 0) {
            break;
        }
        n++;
        raw_run(raw);
    }
    assert_int_equal(err, DEBROS_EBUSY);
    /* The peer's window and the queue, no more. */
    assert_in_range(n * 50003, 262144 + 1000000 - 50003, 262144 + 1000000);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_WRITABLE), 0);
    raw->keep_window = false;
    dbr_stack_consume(raw->stack, theirs->id, theirs->data.len);
    raw_run(raw);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_WRITABLE), 1);
    assert_int_equal(pipe_event(raw->node, DBR_SWARM_STREAM_WRITABLE, 0)->event.stream,
                     stream);
    memset(body, (int)n, sizeof(body));
    assert_int_equal(
        dbr_swarm_send(swarm, stream, dbr_bytes(body, sizeof(body)), raw->world->now), 0);
    raw_run(raw);
    assert_int_equal(theirs->data.len, (n + 1) * 50003);
    for (size_t i = 0; i <= n; i++) {
        assert_int_equal(theirs->data.data[i * 50003 + 3], i);
        assert_int_equal(theirs->data.data[i * 50003 + 50002], i);
    }
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_STREAM_WRITABLE), 1);
    raw_destroy(raw);
}

static void a_small_queue_is_busy_within_one_tick(void **state)
{
    (void)state;
    static const uint8_t body[900];
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    uint64_t stream;
    size_t n = 0;
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &pipe_node(world, 2)->id,
                                    PIPE_ANYBODY, world->now),
                     0);
    while (dbr_swarm_send(a->swarm, stream, dbr_bytes(body, 900), world->now) == 0) {
        n++;
    }
    assert_int_equal(n, 4); /* 4,000 bytes */
    pipe_run(world);
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_WRITABLE), 1);
    assert_int_equal(pipe_count(pipe_node(world, 2), DBR_SWARM_STREAM_MESSAGE), 4);
    assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes(body, 900), world->now),
                     0);
    pipe_destroy(world);
}

static void reset_tells_both_ends(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    uint64_t stream;
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now),
                     0);
    pipe_run(world);
    dbr_swarm_reset(a->swarm, stream, world->now);
    dbr_swarm_reset(a->swarm, stream, world->now);
    assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes_str("x"), world->now),
                     DEBROS_ENOTFOUND);
    pipe_run(world);
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_CLOSED), 1);
    assert_int_equal(pipe_event(a, DBR_SWARM_STREAM_CLOSED, 0)->event.status,
                     DEBROS_ECANCELED);
    assert_int_equal(pipe_event(b, DBR_SWARM_STREAM_CLOSED, 0)->event.status,
                     DEBROS_ECANCELED);
    pipe_destroy(world);
}

static void a_lost_connection_closes_its_streams(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    uint64_t stream;
    pipe_connect(world, 1, 2);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(
            dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now), 0);
    }
    pipe_run(world);
    pipe_break(world, 0);
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_CLOSED), 10);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_CLOSED), 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(pipe_event(b, DBR_SWARM_STREAM_CLOSED, i)->event.status,
                         DEBROS_EUNREACHABLE);
    }
    pipe_destroy(world);
}

static void the_stack_bounds_open_streams(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    uint64_t stream;
    size_t n = 0;
    pipe_init(world);
    world->config.limits.stack.streams_out = 3;
    pipe_start(world, 2);
    struct pipe_node *a = pipe_node(world, 1);
    pipe_connect(world, 1, 2);
    while (dbr_swarm_open(a->swarm, &stream, &pipe_node(world, 2)->id, PIPE_ANYBODY,
                          world->now) == 0) {
        n++;
    }
    assert_int_equal(n, 3); /* identify is done by now */
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &pipe_node(world, 2)->id,
                                    PIPE_ANYBODY, world->now),
                     DEBROS_ELIMIT);
    pipe_destroy(world);
}

static void what_waits_for_a_peer_is_bounded(void **state)
{
    (void)state;
    static const uint8_t body[700000];
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_stats stats;
    uint64_t streams[8];
    size_t taken = 0;
    pipe_init(world);
    world->config.limits.peer_memory = 2000000;
    pipe_start(world, 1);
    struct raw *raw = raw_attach(world, true);
    struct dbr_swarm *swarm = raw->node->swarm;
    raw->keep_window = true;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(
            dbr_swarm_open(swarm, &streams[i], &raw->id, PIPE_CLIENT, world->now), 0);
        int err =
            dbr_swarm_send(swarm, streams[i], dbr_bytes(body, sizeof(body)), world->now);
        assert_true(err == 0 || err == DEBROS_EBUSY);
        taken += err == 0 ? sizeof(body) : 0;
    }
    dbr_swarm_get_stats(swarm, &stats);
    assert_true(stats.peer_memory > 0);
    assert_in_range(taken, 2000000, 2000000 + 8 * 262144 + sizeof(body));
    raw_run(raw); /* windows take some of it */
    /* Members' own protocols are not counted: snapshots are large. */
    uint64_t member;
    assert_int_equal(dbr_swarm_open(swarm, &member, &raw->id, PIPE_MEMBER, world->now),
                     0);
    assert_int_equal(dbr_swarm_send(swarm, member, dbr_bytes_str("x"), world->now), 0);
    raw->keep_window = false;
    for (size_t i = 0; i < 8; i++) { /* the peer reads on: all of it goes out */
        struct raw_stream *theirs = raw_find(raw, "/test/client", i);
        dbr_stack_consume(raw->stack, theirs->id, theirs->data.len);
    }
    raw_run(raw);
    assert_true(pipe_count(raw->node, DBR_SWARM_STREAM_WRITABLE) > 0);
    for (size_t i = 0; i < 8; i++) {
        size_t len = raw_find(raw, "/test/client", i)->data.len;
        assert_true(len == 0 || len == sizeof(body) + 3);
    }
    raw_destroy(raw);
}

static void messages_that_never_end_cost_bounded_memory(void **state)
{
    (void)state;
    static uint8_t part[60003];
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_stats stats;
    pipe_init(world);
    world->config.limits.peer_memory = 500000;
    pipe_start(world, 1);
    struct raw *raw = raw_attach(world, true);
    memcpy(part, "\xc0\x84\x3d", 3); /* one million bytes are announced */
    for (size_t i = 0; i < 16; i++) {
        struct raw_stream *stream = raw_open(raw, "/test/client");
        raw_send(raw, stream, dbr_bytes(part, sizeof(part)));
        raw_run(raw);
        assert_int_equal(stream->reset, i >= 8);
    }
    dbr_swarm_get_stats(raw->node->swarm, &stats);
    assert_int_equal(stats.peer_memory, 8);
    assert_int_equal(stats.memory, 0);
    assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
    raw_destroy(raw);
}

/* One message to `peer` on a stream of its own. */
static int send_once(struct pipe_node *node, const struct pipe_node *peer,
                     uint32_t protocol, size_t len, dbr_time now)
{
    static const uint8_t body[700000];
    uint64_t stream;
    assert_int_equal(dbr_swarm_open(node->swarm, &stream, &peer->id, protocol, now), 0);
    return dbr_swarm_send(node->swarm, stream, dbr_bytes(body, len), now);
}

/* The connection takes 262,144 bytes of each large message at once. */
static void what_waits_for_all_peers_is_bounded(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_stats stats;
    pipe_init(world);
    world->config.open = true;
    world->config.limits.memory = 1000000;
    pipe_start(world, 4);
    struct pipe_node *node = pipe_node(world, 1);
    struct pipe_node *slow = pipe_node(world, 2);
    struct pipe_node *member = pipe_node(world, 3);
    struct pipe_node *stranger = pipe_node(world, 4);
    dbr_swarm_set_class(slow->swarm, &node->id, DBR_PEER_MEMBER, 0);
    dbr_swarm_set_class(member->swarm, &node->id, DBR_PEER_MEMBER, 0);
    dbr_swarm_set_class(node->swarm, &slow->id, DBR_PEER_MEMBER, 0);
    dbr_swarm_set_class(node->swarm, &member->id, DBR_PEER_MEMBER, 0);
    for (size_t i = 2; i <= 4; i++) {
        pipe_connect(world, i, 1);
        pipe_node(world, i)->not_polled = true;
    }
    dbr_time now = world->now;
    assert_int_equal(send_once(node, slow, PIPE_CLIENT, 700000, now), 0);
    assert_int_equal(send_once(node, stranger, PIPE_ANYBODY, 10, now), 0);
    assert_int_equal(send_once(node, slow, PIPE_CLIENT, 700000, now), 0);
    /* Strangers may have half a million, which others have now. */
    assert_int_equal(send_once(node, stranger, PIPE_ANYBODY, 10, now), DEBROS_EBUSY);
    assert_int_equal(send_once(node, member, PIPE_CLIENT, 700000, now), 0);
    assert_int_equal(send_once(node, member, PIPE_CLIENT, 10, now), DEBROS_EBUSY);
    assert_int_equal(send_once(node, member, PIPE_MEMBER, 10, now), 0); /* as ever */
    dbr_swarm_get_stats(node->swarm, &stats);
    assert_int_equal(stats.memory, 2);
    assert_int_equal(stats.peer_memory, 0);
    pipe_run(world); /* windows take some more: 527,136 bytes are left */
    assert_int_equal(pipe_count(node, DBR_SWARM_STREAM_WRITABLE), 1);
    assert_memory_equal(&pipe_event(node, DBR_SWARM_STREAM_WRITABLE, 0)->event.peer,
                        &member->id, sizeof(member->id));
    slow->not_polled = false; /* it reads: there is room for the stranger, too */
    pipe_run(world);
    assert_int_equal(pipe_count(node, DBR_SWARM_STREAM_WRITABLE), 2);
    assert_int_equal(send_once(node, stranger, PIPE_ANYBODY, 10, now), 0);
    pipe_destroy(world);
}

static void begun_messages_share_the_memory_of_all_peers(void **state)
{
    (void)state;
    static uint8_t part[400] = {0xe8, 0x07}; /* of 1,000 bytes */
    static const bool reset[] = {false, true, false, true};
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_stats stats;
    pipe_init(world);
    world->config.open = true;
    world->config.limits.memory = 1000;
    pipe_start(world, 1);
    struct raw *raw = raw_attach(world, true);
    dbr_swarm_set_class(raw->node->swarm, &raw->id, DBR_PEER_STRANGER, world->now);
    for (size_t i = 0; i < DBR_COUNT(reset); i++) {
        if (i == 2) { /* no stranger any more, it has all */
            dbr_swarm_set_class(raw->node->swarm, &raw->id, DBR_PEER_CLIENT, world->now);
        }
        struct raw_stream *stream = raw_open(raw, "/test/anybody");
        raw_send(raw, stream, dbr_bytes(part, sizeof(part)));
        raw_run(raw);
        assert_int_equal(stream->reset, reset[i]);
    }
    dbr_swarm_get_stats(raw->node->swarm, &stats);
    assert_int_equal(stats.memory, 2);
    assert_int_equal(stats.peer_memory, 0);
    raw_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways),
        cmocka_unit_test(frames_may_be_cut_anywhere),
        cmocka_unit_test(long_lengths_may_be_cut_anywhere),
        cmocka_unit_test(bad_frames_reset_their_stream_only),
        cmocka_unit_test(messages_above_the_limit_are_not_sent),
        cmocka_unit_test(a_megabyte_is_one_message),
        cmocka_unit_test(a_full_queue_is_busy_and_tells_when_not),
        cmocka_unit_test(a_small_queue_is_busy_within_one_tick),
        cmocka_unit_test(reset_tells_both_ends),
        cmocka_unit_test(a_lost_connection_closes_its_streams),
        cmocka_unit_test(the_stack_bounds_open_streams),
        cmocka_unit_test(what_waits_for_a_peer_is_bounded),
        cmocka_unit_test(messages_that_never_end_cost_bounded_memory),
        cmocka_unit_test(what_waits_for_all_peers_is_bounded),
        cmocka_unit_test(begun_messages_share_the_memory_of_all_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
