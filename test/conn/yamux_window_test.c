#include "frames.h"

#include "debros.h"

static void js_may_fill_the_window_with_one_frame(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    assert_int_equal(give_frame(t, DATA, 0, 1, 262144), 0);
    struct dbr_yamux_event e = next_event(t);
    assert_int_equal(e.data.len, 262144);
    session_free(t);
}

static void overrunning_the_window_is_fatal_for_the_connection(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    assert_int_equal(give_frame(t, DATA, 0, 1, 262144), 0);
    expect_event(t, DBR_YAMUX_DATA, 1);
    assert_int_equal(give_frame(t, DATA, 0, 1, 1), DEBROS_EPROTO);
    assert_string_equal(dbr_yamux_reason(t->y), "the peer overran a stream's window");
    flush(t, false);
    expect_frame(t, GOAWAY, 0, 0, DBR_YAMUX_PROTOCOL_ERROR);
    session_free(t);
}

static void a_huge_length_is_refused_by_its_header_alone(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_header h = {DATA, SYN, 1, 0xffffffff};
    uint8_t bytes[12];
    dbr_yamux_header_encode(bytes, &h);
    assert_int_equal(dbr_yamux_recv(t->y, dbr_bytes(bytes, 12), t->now), DEBROS_EPROTO);
    session_free(t);
}

static void window_comes_back_once_half_of_it_is_due(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    t->now += 1000;
    assert_int_equal(give_frame(t, DATA, 0, 1, 200000), 0);
    dbr_yamux_consume(t->y, s, 131071);
    flush(t, true);
    expect_no_frame(t);
    dbr_yamux_consume(t->y, s, 1);
    flush(t, true);
    expect_frame(t, WINDOW, 0, 1, 131072);
    expect_no_frame(t);
    session_free(t);
}

static void several_updates_of_one_drain_are_one_frame(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    t->now += 1000;
    assert_int_equal(give_frame(t, DATA, 0, 1, 262144), 0);
    dbr_yamux_consume(t->y, s, 131072);
    assert_int_equal(dbr_yamux_expire(t->y, t->now + 1000), 0);
    dbr_yamux_consume(t->y, s, 131072);
    flush(t, true);
    expect_frame(t, WINDOW, 0, 1, 262144);
    expect_no_frame(t);
    session_free(t);
}

static void a_larger_window_is_granted_with_the_ack(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    t->limits.window = 500000;
    session_restart(t, false);
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), 0);
    flush(t, true);
    expect_frame(t, WINDOW, ACK, 1, 500000 - 262144);
    assert_int_equal(give_frame(t, DATA, 0, 1, 500000), 0);
    session_free(t);
}

static void a_smaller_window_than_everybody_assumes_is_not_enforced(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    t->limits.window = 1;
    t->limits.window_max = 1;
    session_restart(t, false);
    (void)give_stream(t, 1);
    assert_int_equal(give_frame(t, DATA, 0, 1, 262144), 0);
    session_free(t);
}

/* Uses the window up and gives it back within the same millisecond; returns what was
 * granted then. */
static uint32_t use_up(struct session *t, uint32_t id, uint32_t len)
{
    struct dbr_yamux_stream *s = dbr_yamux_find(t->y, id);
    assert_int_equal(give_frame(t, DATA, 0, id, len), 0);
    expect_event(t, DBR_YAMUX_DATA, id);
    dbr_yamux_consume(t->y, s, len);
    flush(t, true);
    return next_frame(t).length;
}

static void a_window_used_up_within_four_round_trips_doubles(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    dbr_yamux_set_rtt(t->y, 10);
    (void)give_stream(t, 1);
    t->now += 40;
    assert_int_equal(use_up(t, 1, 262144), 524288);
    t->now += 41; /* too slow to matter */
    assert_int_equal(use_up(t, 1, 262144), 262144);
    t->now += 40;
    assert_int_equal(use_up(t, 1, 262144), 262144 + 524288);
    t->now += 40; /* window_max is reached */
    assert_int_equal(use_up(t, 1, 524288), 524288);
    session_free(t);
}

static void all_windows_of_a_connection_grow_within_one_budget(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    uint32_t granted = 0;
    for (uint32_t id = 1; id < 200; id += 2) {
        (void)give_stream(t, id);
        granted += use_up(t, id, 262144) - 262144;
    }
    assert_int_equal(granted, 16u << 20);
    /* A stream that ends gives its part back. */
    dbr_yamux_reset(t->y, dbr_yamux_find(t->y, 1));
    flush(t, true);
    (void)give_stream(t, 1001);
    assert_int_equal(use_up(t, 1001, 262144), 524288);
    session_free(t);
}

static void a_finished_peer_gets_no_window(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(give_frame(t, DATA, FIN, 1, 200000), 0);
    dbr_yamux_consume(t->y, s, 200000);
    flush(t, true);
    expect_no_frame(t);
    session_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(js_may_fill_the_window_with_one_frame),
        cmocka_unit_test(overrunning_the_window_is_fatal_for_the_connection),
        cmocka_unit_test(a_huge_length_is_refused_by_its_header_alone),
        cmocka_unit_test(window_comes_back_once_half_of_it_is_due),
        cmocka_unit_test(several_updates_of_one_drain_are_one_frame),
        cmocka_unit_test(a_larger_window_is_granted_with_the_ack),
        cmocka_unit_test(a_smaller_window_than_everybody_assumes_is_not_enforced),
        cmocka_unit_test(a_window_used_up_within_four_round_trips_doubles),
        cmocka_unit_test(all_windows_of_a_connection_grow_within_one_budget),
        cmocka_unit_test(a_finished_peer_gets_no_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
