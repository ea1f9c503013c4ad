#include "frames.h"

#include "debros.h"

static const uint8_t zeros[1 << 20];

static void fin_never_travels_with_data(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes_str("last words")), 0);
    dbr_yamux_finish(t->y, s);
    flush(t, true);
    expect_frame(t, DATA, 0, 1, 10);
    expect_frame(t, WINDOW, FIN, 1, 0);
    expect_no_frame(t);
    session_free(t);
}

static void fin_waits_for_the_data_before_it(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 262144 + 1)), 0);
    dbr_yamux_finish(t->y, s);
    flush(t, true);
    for (int i = 0; i < 8; i++) {
        expect_frame(t, DATA, 0, 1, 32768);
    }
    expect_no_frame(t);
    assert_int_equal(give_frame(t, WINDOW, 0, 1, 1), 0);
    flush(t, true);
    expect_frame(t, DATA, 0, 1, 1);
    expect_frame(t, WINDOW, FIN, 1, 0);
    expect_no_frame(t);
    session_free(t);
}

static void window_additions_saturate(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(give_frame(t, WINDOW, 0, 1, 0xffffffff), 0);
    }
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, sizeof(zeros))), 0);
    size_t total = 0;
    do {
        flush(t, true);
        total += t->out_len;
    } while (t->out_len > 0);
    assert_int_equal(total, sizeof(zeros) + 12 * (sizeof(zeros) / 32768 + 1));
    session_free(t);
}

static void streams_take_turns(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *a = give_stream(t, 1);
    struct dbr_yamux_stream *b = give_stream(t, 3);
    assert_int_equal(dbr_yamux_send(t->y, a, dbr_bytes(zeros, 100000)), 0);
    assert_int_equal(dbr_yamux_send(t->y, b, dbr_bytes(zeros, 40000)), 0);
    flush(t, true);
    expect_frame(t, DATA, 0, 1, 32768);
    expect_frame(t, DATA, 0, 3, 32768);
    expect_frame(t, DATA, 0, 1, 32768);
    expect_frame(t, DATA, 0, 3, 40000 - 32768);
    expect_frame(t, DATA, 0, 1, 32768);
    expect_frame(t, DATA, 0, 1, 100000 - 3 * 32768);
    expect_no_frame(t);
    session_free(t);
}

/* Whatever room there is, frames are whole, in order, and the rest comes next time. */
static void a_message_is_filled_with_whole_frames_only(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    for (size_t room = 12; room < 3000; room += 3) {
        struct dbr_yamux_stream *s = give_stream(t, 1);
        assert_int_equal(give_frame(t, PING, SYN, 0, 5), 0);
        assert_int_equal(give_frame(t, DATA, 0, 1, 200000), 0);
        expect_event(t, DBR_YAMUX_DATA, 1);
        dbr_yamux_consume(t->y, s, 200000);
        assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 700)), 0);
        dbr_yamux_finish(t->y, s);
        size_t data = 0;
        struct dbr_yamux_header last = {0};
        do {
            t->out_len = dbr_yamux_fill(t->y, t->out, room, true);
            assert_true(t->out_len <= room);
            for (t->at = 0; t->at < t->out_len;) {
                last = next_frame(t);
                data += last.type == DATA ? last.length : 0;
            }
        } while (t->out_len > 0);
        /* Data is not cut into crumbs: rather it waits for a larger message. */
        assert_int_equal(data, room < 12 + 512 ? 0 : 700);
        if (data == 700) {
            assert_int_equal(last.flags, FIN);
        }
        dbr_yamux_reset(t->y, s);
        flush(t, true);
    }
    session_free(t);
}

static void wanted_is_enough_room_for_all(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    for (uint32_t i = 0; i < 5; i++) {
        (void)give_stream(t, 2 * i + 1);
    }
    for (uint32_t i = 0; i < 5; i++) {
        struct dbr_yamux_stream *s = dbr_yamux_find(t->y, 2 * i + 1);
        assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 25000 * i)), 0);
        dbr_yamux_finish(t->y, s);
    }
    assert_int_equal(give_frame(t, PING, SYN, 0, 5), 0);
    size_t room = dbr_yamux_wanted(t->y, sizeof(t->out), true);
    t->out_len = dbr_yamux_fill(t->y, t->out, room, true);
    assert_true(t->out_len > 200000);
    flush(t, true);
    expect_no_frame(t);
    assert_int_equal(dbr_yamux_wanted(t->y, sizeof(t->out), true), 0);
    session_free(t);
}

static void without_data_only_control_leaves(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(give_frame(t, WINDOW, SYN, 3, 0), 0);
    assert_int_equal(give_frame(t, PING, SYN, 0, 5), 0);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 100)), 0);
    flush(t, false);
    expect_frame(t, PING, ACK, 0, 5);
    expect_frame(t, WINDOW, ACK, 3, 0);
    expect_no_frame(t);
    flush(t, true);
    expect_frame(t, DATA, 0, 1, 100);
    session_free(t);
}

static void a_full_stream_is_ebusy_and_then_writable(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 200000)), 0);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 62145)), DEBROS_EBUSY);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 62144)), 0);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 1)), DEBROS_EBUSY);
    assert_int_equal(dbr_yamux_queued(s), 262144);
    flush(t, true);
    expect_event(t, DBR_YAMUX_WRITABLE, 1);
    expect_no_event(t);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 1)), 0);
    session_free(t);
}

static void writable_comes_when_what_was_refused_fits(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    t->limits.send_buffer = 1000;
    session_restart(t, false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 600)), 0);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 2000)), DEBROS_EBUSY);
    t->out_len = dbr_yamux_fill(t->y, t->out, 12 + 550, true);
    assert_int_equal(dbr_yamux_queued(s), 50);
    expect_no_event(t); /* 2,000 fit into an empty buffer only */
    flush(t, true);
    expect_event(t, DBR_YAMUX_WRITABLE, 1);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 2000)), 0);
    session_free(t);
}

static void negotiation_bytes_are_beside_the_limit(void **state)
{
    (void)state;
    struct session *t = session_new(true);
    t->limits.send_buffer = 100;
    session_restart(t, true);
    struct dbr_yamux_stream *s;
    assert_int_equal(dbr_yamux_open(t->y, &s, t->now), 0);
    assert_int_equal(dbr_yamux_send_extra(t->y, s, dbr_bytes(zeros, 50)), 0);
    assert_int_equal(dbr_yamux_queued(s), 0);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 500)), 0);
    assert_int_equal(dbr_yamux_queued(s), 500);
    flush(t, true);
    expect_frame(t, DATA, SYN, 1, 550);
    assert_int_equal(dbr_yamux_queued(s), 0);
    session_free(t);
}

static void a_stream_that_never_left_needs_no_reset(void **state)
{
    (void)state;
    struct session *t = session_new(true);
    struct dbr_yamux_stream *s;
    assert_int_equal(dbr_yamux_open(t->y, &s, t->now), 0);
    dbr_yamux_reset(t->y, s);
    flush(t, true);
    expect_no_frame(t);
    session_free(t);
}

static void nothing_is_sent_after_finish(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    dbr_yamux_finish(t->y, s);
    dbr_yamux_finish(t->y, s);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(zeros, 1)), DEBROS_ENOTFOUND);
    flush(t, true);
    expect_frame(t, WINDOW, FIN, 1, 0);
    expect_no_frame(t);
    session_free(t);
}

static void an_urgent_stream_overtakes_all_others(void **state)
{
    (void)state;
    static const uint8_t bulk[100000];
    struct session *t = session_new(true);
    struct dbr_yamux_stream *s[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(dbr_yamux_open(t->y, &s[i], t->now), 0);
        assert_int_equal(
            dbr_yamux_send(t->y, s[i], dbr_bytes(bulk, i == 3 ? 32 : sizeof(bulk))), 0);
    }
    dbr_yamux_urge(t->y, s[3]);
    t->out_len = dbr_yamux_fill(t->y, t->out, 65000, true);
    t->at = 0;
    expect_frame(t, DATA, SYN, dbr_yamux_id(s[3]), 32);
    expect_frame(t, DATA, SYN, dbr_yamux_id(s[0]), 32768);
    /* Also when it becomes ready behind them. */
    assert_int_equal(dbr_yamux_send(t->y, s[3], dbr_bytes(bulk, 32)), 0);
    t->out_len = dbr_yamux_fill(t->y, t->out, 65000, true);
    t->at = 0;
    expect_frame(t, DATA, 0, dbr_yamux_id(s[3]), 32);
    session_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fin_never_travels_with_data),
        cmocka_unit_test(fin_waits_for_the_data_before_it),
        cmocka_unit_test(window_additions_saturate),
        cmocka_unit_test(streams_take_turns),
        cmocka_unit_test(a_message_is_filled_with_whole_frames_only),
        cmocka_unit_test(wanted_is_enough_room_for_all),
        cmocka_unit_test(without_data_only_control_leaves),
        cmocka_unit_test(a_full_stream_is_ebusy_and_then_writable),
        cmocka_unit_test(writable_comes_when_what_was_refused_fits),
        cmocka_unit_test(negotiation_bytes_are_beside_the_limit),
        cmocka_unit_test(a_stream_that_never_left_needs_no_reset),
        cmocka_unit_test(nothing_is_sent_after_finish),
        cmocka_unit_test(an_urgent_stream_overtakes_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
