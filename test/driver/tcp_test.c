#include "bench.h"

#include "base/alloc.h"

#define LARGE (8u << 20)

/* Listens on loopback and dials it as connection 2. */
static void begin(struct bench *bench, bool (*step)(struct bench *bench))
{
    bench_init(bench, step);
    struct dbr_endpoint endpoint = bench_loopback();
    assert_int_equal(dbr_tcp_listen(bench->loop, &endpoint, NULL), 0);
    assert_int_not_equal(endpoint.port, 0);
    dbr_tcp_dial(bench->loop, 2, &endpoint);
}

/* Both ends are there; NULL before. */
static struct bench_conn *both(struct bench *bench)
{
    struct bench_conn *peer = bench_accepted(bench);
    return peer != NULL && bench_conn(bench, 2)->dialed ? peer : NULL;
}

static bool step_echo(struct bench *bench)
{
    struct bench_conn *peer = both(bench);
    if (peer == NULL) {
        return false;
    }
    struct bench_conn *own = bench_conn(bench, 2);
    if (bench->phase == 0) {
        bench->phase = 1;
        bench_send(bench, 2, "hel", 3);
        bench_send(bench, 2, "lo", 2);
    }
    if (bench->phase == 1 && peer->received.len == 5) {
        bench->phase = 2;
        assert_memory_equal(peer->received.data, "hello", 5);
        bench_send(bench, peer->id, peer->received.data, peer->received.len);
    }
    return own->received.len == 5;
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, step_echo);
    bench_run(&bench);
    assert_int_equal(bench_conn(&bench, 2)->written, 5);
    assert_int_equal(bench_accepted(&bench)->written, 5);
    assert_true(dbr_endpoint_is_loopback(&bench_accepted(&bench)->remote));
    bench_finish(&bench);
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + i / 997);
}

static void send_large(struct bench *bench, uint64_t id)
{
    uint8_t *data = dbr_malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++) {
        data[i] = pattern(i);
    }
    bench_send(bench, id, data, LARGE);
    dbr_free(data);
}

static void check_large(const struct bench_conn *conn)
{
    assert_int_equal(conn->received.len, LARGE);
    for (size_t i = 0; i < LARGE; i++) {
        if (conn->received.data[i] != pattern(i)) {
            fail_msg("byte %zu", i);
        }
    }
}

/* Both ends have more to write than any socket takes: each must go on reading. */
static bool step_large(struct bench *bench)
{
    struct bench_conn *peer = both(bench);
    if (peer == NULL) {
        return false;
    }
    struct bench_conn *own = bench_conn(bench, 2);
    if (bench->phase == 0) {
        bench->phase = 1;
        send_large(bench, 2);
        send_large(bench, peer->id);
    }
    return own->received.len == LARGE && peer->received.len == LARGE &&
           own->written == LARGE && peer->written == LARGE;
}

static void reading_never_waits_for_writing(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, step_large);
    bench_run(&bench);
    check_large(bench_conn(&bench, 2));
    check_large(bench_accepted(&bench));
    bench_finish(&bench);
}

static bool step_close(struct bench *bench)
{
    struct bench_conn *peer = both(bench);
    if (peer == NULL) {
        return false;
    }
    if (bench->phase == 0) {
        bench->phase = 1;
        send_large(bench, 2);
        dbr_tcp_close(bench->loop, 2);
    }
    return peer->closed && dbr_tcp_count(bench->loop) == 0;
}

static void close_flushes_first(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, step_close);
    bench_run(&bench);
    check_large(bench_accepted(&bench));
    /* Nothing more is told about what the owner closed. */
    assert_false(bench_conn(&bench, 2)->closed);
    bench_finish(&bench);
}

/* The peer neither reads nor ends: it is a bare socket that nobody serves. */
static bool step_stuck(struct bench *bench)
{
    if (!bench_conn(bench, 2)->dialed) {
        return false;
    }
    if (bench->phase == 0) {
        bench->phase = 1;
        send_large(bench, 2);
        dbr_tcp_close(bench->loop, 2);
    }
    return dbr_tcp_count(bench->loop) == 0;
}

static void a_peer_that_does_not_read_is_left(void **state)
{
    (void)state;
    struct bench bench, other;
    bench_init(&other, step_stuck);
    bench_init(&bench, step_stuck);
    struct dbr_endpoint endpoint = bench_loopback();
    assert_int_equal(dbr_tcp_listen(other.loop, &endpoint, NULL), 0); /* never runs */
    dbr_tcp_dial(bench.loop, 2, &endpoint);
    bench_run(&bench);
    bench_finish(&bench);
    bench_finish(&other);
}

static bool step_refused(struct bench *bench)
{
    return bench_conn(bench, 2)->dial_failed;
}

static void a_refused_dial_says_so(void **state)
{
    (void)state;
    struct bench bench;
    struct dbr_endpoint endpoint = bench_loopback();
    bench_init(&bench, step_refused);
    assert_int_equal(dbr_tcp_listen(bench.loop, &endpoint, NULL), 0);
    bench_finish(&bench); /* the port was free a moment ago */
    bench_init(&bench, step_refused);
    dbr_tcp_dial(bench.loop, 2, &endpoint);
    bench_run(&bench);
    assert_string_equal(bench_conn(&bench, 2)->detail, "connection refused");
    bench_finish(&bench);
}

static bool step_two_closes(struct bench *bench)
{
    return bench_accepted(bench) != NULL && dbr_tcp_count(bench->loop) <= 1;
}

static void a_dial_can_be_closed_and_its_id_used_again(void **state)
{
    (void)state;
    struct bench bench;
    struct dbr_endpoint endpoint = bench_loopback();
    bench_init(&bench, step_two_closes);
    assert_int_equal(dbr_tcp_listen(bench.loop, &endpoint, NULL), 0);
    dbr_tcp_dial(bench.loop, 2, &endpoint);
    dbr_tcp_close(bench.loop, 2);
    dbr_tcp_close(bench.loop, 2);
    dbr_tcp_dial(bench.loop, 2, &endpoint);
    dbr_tcp_close(bench.loop, 2);
    bench_run(&bench);
    assert_int_equal(bench_conn(&bench, 2)->dialed, false);
    assert_int_equal(bench_conn(&bench, 2)->dial_failed, false);
    bench_finish(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(reading_never_waits_for_writing),
        cmocka_unit_test(close_flushes_first),
        cmocka_unit_test(a_peer_that_does_not_read_is_left),
        cmocka_unit_test(a_refused_dial_says_so),
        cmocka_unit_test(a_dial_can_be_closed_and_its_id_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
