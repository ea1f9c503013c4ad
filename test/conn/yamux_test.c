#include "frames.h"

#include "debros.h"

/* ---- Opening ------------------------------------------------------------------- */

static void go_opens_with_a_window_frame(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), 0);
    assert_int_equal(give_frame(t, DATA, 0, 1, 5), 0);
    expect_event(t, DBR_YAMUX_OPENED, 1);
    expect_event(t, DBR_YAMUX_DATA, 1);
    expect_no_event(t);
    session_free(t);
}

static void rust_opens_with_a_data_frame(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, DATA, SYN, 1, 5), 0);
    expect_event(t, DBR_YAMUX_OPENED, 1);
    struct dbr_yamux_event e = next_event(t);
    assert_int_equal(e.type, DBR_YAMUX_DATA);
    assert_int_equal(e.data.len, 5);
    assert_memory_equal(e.data.data, "\0\1\2\3\4", 5);
    session_free(t);
}

static void a_stream_is_acknowledged_at_once(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 7);
    session_free(t);
}

static void acknowledgement_rides_on_the_answer(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, DATA, SYN, 1, 3), 0);
    struct dbr_yamux_stream *s = dbr_yamux_find(t->y, 1);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes_str("answer")), 0);
    flush(t, true);
    expect_frame(t, DATA, ACK, 1, 6);
    expect_no_frame(t);
    session_free(t);
}

static void syn_rides_on_the_first_data(void **state)
{
    (void)state;
    struct session *t = session_new(true);
    struct dbr_yamux_stream *s;
    assert_int_equal(dbr_yamux_open(t->y, &s, t->now), 0);
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes_str("rpc")), 0);
    flush(t, true);
    expect_frame(t, DATA, SYN, 1, 3);
    expect_no_frame(t);
    session_free(t);
}

static void an_id_of_ours_in_a_syn_is_fatal(void **state)
{
    (void)state;
    struct session *t = session_new(true);
    assert_int_equal(give_frame(t, WINDOW, SYN, 3, 0), DEBROS_EPROTO);
    flush(t, false);
    expect_frame(t, GOAWAY, 0, 0, DBR_YAMUX_PROTOCOL_ERROR);
    session_free(t);
}

static void the_same_id_twice_is_fatal(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), 0);
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), DEBROS_EPROTO);
    flush(t, false);
    expect_frame(t, GOAWAY, 0, 0, DBR_YAMUX_PROTOCOL_ERROR);
    session_free(t);
}

static void ids_may_come_in_any_order(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, WINDOW, SYN, 5, 0), 0);
    assert_int_equal(give_frame(t, WINDOW, SYN, 3, 0), 0);
    session_free(t);
}

static void streams_above_the_limit_are_reset(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    t->limits.streams_in = 1;
    session_restart(t, false);
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), 0);
    assert_int_equal(give_frame(t, DATA, SYN, 3, 100), 0);
    assert_int_equal(give_frame(t, DATA, 0, 3, 100), 0);
    expect_event(t, DBR_YAMUX_OPENED, 1);
    expect_no_event(t);
    flush(t, false);
    expect_frame(t, WINDOW, RST, 3, 0);
    expect_frame(t, WINDOW, ACK, 1, 0);
    expect_no_frame(t);
    session_free(t);
}

static void no_more_streams_than_streams_out(void **state)
{
    (void)state;
    struct session *t = session_new(true);
    struct dbr_yamux_stream *s;
    for (int i = 0; i < 128; i++) {
        assert_int_equal(dbr_yamux_open(t->y, &s, t->now), 0);
        assert_int_equal(dbr_yamux_id(s), 2 * i + 1);
    }
    assert_int_equal(dbr_yamux_open(t->y, &s, t->now), DEBROS_ELIMIT);
    session_free(t);
}

/* ---- Ends ---------------------------------------------------------------------- */

static void payload_comes_before_the_fin_of_its_frame(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    assert_int_equal(give_frame(t, DATA, FIN, 1, 4), 0);
    expect_event(t, DBR_YAMUX_DATA, 1);
    expect_event(t, DBR_YAMUX_FINISHED, 1);
    expect_no_event(t);
    session_free(t);
}

static void fin_and_rst_count_on_window_frames_too(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    assert_int_equal(give_frame(t, WINDOW, FIN, 1, 0), 0);
    expect_event(t, DBR_YAMUX_FINISHED, 1);
    assert_int_equal(give_frame(t, WINDOW, RST, 1, 0), 0);
    expect_event(t, DBR_YAMUX_RESET, 1);
    (void)give_stream(t, 3);
    assert_int_equal(give_frame(t, DATA, RST, 3, 0), 0);
    expect_event(t, DBR_YAMUX_RESET, 3);
    session_free(t);
}

static void the_error_code_of_a_reset_is_not_a_window(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    static const uint8_t big[262144 + 1000];
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(big, sizeof(big))), 0);
    flush(t, true);
    assert_int_equal(give_frame(t, WINDOW, RST, 1, 0xffffffff), 0);
    expect_event(t, DBR_YAMUX_RESET, 1);
    flush(t, true);
    expect_no_frame(t);
    session_free(t);
}

static void an_empty_data_frame_may_carry_fin(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    assert_int_equal(give_frame(t, DATA, 0, 1, 0), 0);
    expect_no_event(t);
    assert_int_equal(give_frame(t, DATA, FIN, 1, 0), 0);
    expect_event(t, DBR_YAMUX_FINISHED, 1);
    session_free(t);
}

static void fin_twice_is_one_event(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    assert_int_equal(give_frame(t, WINDOW, FIN, 1, 0), 0);
    assert_int_equal(give_frame(t, WINDOW, FIN, 1, 0), 0);
    assert_int_equal(give_frame(t, DATA, 0, 1, 9), 0); /* after FIN: drained */
    expect_event(t, DBR_YAMUX_FINISHED, 1);
    expect_no_event(t);
    session_free(t);
}

static void closed_when_both_have_finished_in_either_order(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(give_frame(t, WINDOW, FIN, 1, 0), 0);
    expect_event(t, DBR_YAMUX_FINISHED, 1);
    dbr_yamux_finish(t->y, s);
    expect_no_event(t); /* our FIN has not left yet */
    flush(t, false);
    expect_frame(t, WINDOW, FIN, 1, 0);
    expect_event(t, DBR_YAMUX_CLOSED, 1);

    s = give_stream(t, 3);
    dbr_yamux_finish(t->y, s);
    flush(t, false);
    assert_int_equal(give_frame(t, WINDOW, FIN, 3, 0), 0);
    expect_event(t, DBR_YAMUX_FINISHED, 3);
    expect_event(t, DBR_YAMUX_CLOSED, 3);
    assert_null(dbr_yamux_find(t->y, 3));
    session_free(t);
}

static void frames_of_unknown_streams_are_drained_and_never_answered(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, DATA, 0, 9, 1000), 0);
    assert_int_equal(give_frame(t, WINDOW, 0, 9, 1000), 0);
    assert_int_equal(give_frame(t, WINDOW, RST, 8, 0), 0);
    assert_int_equal(give_frame(t, DATA, FIN, 8, 20), 0);
    expect_no_event(t);
    flush(t, true);
    expect_no_frame(t);
    session_free(t);
}

static void a_stream_that_is_reset_within_a_frame_drains_the_rest(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    struct dbr_yamux_header h = {DATA, FIN, 1, 100};
    uint8_t bytes[112] = {0};
    dbr_yamux_header_encode(bytes, &h);
    assert_int_equal(dbr_yamux_recv(t->y, dbr_bytes(bytes, 50), t->now), 0);
    expect_event(t, DBR_YAMUX_DATA, 1);
    dbr_yamux_reset(t->y, s);
    assert_int_equal(dbr_yamux_recv(t->y, dbr_bytes(bytes + 50, 62), t->now), 0);
    expect_no_event(t);
    assert_int_equal(give_frame(t, PING, SYN, 0, 1), 0);
    flush(t, true);
    expect_frame(t, WINDOW, RST, 1, 0);
    expect_frame(t, PING, ACK, 0, 1);
    session_free(t);
}

static void an_old_event_never_names_a_new_stream_of_its_id(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    assert_int_equal(give_frame(t, WINDOW, FIN, 1, 0), 0);
    dbr_yamux_reset(t->y, s);
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), 0);
    expect_event(t, DBR_YAMUX_OPENED, 1);
    expect_no_event(t);
    session_free(t);
}

static void linger_ends_in_a_reset(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    dbr_yamux_finish(t->y, s);
    flush(t, true);
    assert_int_equal(dbr_yamux_deadline(t->y), 61000);
    assert_int_equal(dbr_yamux_expire(t->y, 60999), 0);
    expect_no_event(t);
    assert_int_equal(dbr_yamux_expire(t->y, 61000), 0);
    expect_event(t, DBR_YAMUX_RESET, 1);
    flush(t, true);
    expect_frame(t, WINDOW, RST, 1, 0);
    assert_int_equal(dbr_yamux_deadline(t->y), DBR_TIME_NEVER);
    session_free(t);
}

/* ---- The session --------------------------------------------------------------- */

static void ping_is_echoed_before_data(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    struct dbr_yamux_stream *s = give_stream(t, 1);
    static const uint8_t big[1000];
    assert_int_equal(dbr_yamux_send(t->y, s, dbr_bytes(big, sizeof(big))), 0);
    assert_int_equal(give_frame(t, PING, SYN, 0, 0xdeadbeef), 0);
    flush(t, true);
    expect_frame(t, PING, ACK, 0, 0xdeadbeef);
    expect_frame(t, DATA, 0, 1, 1000);
    session_free(t);
}

static void an_answer_to_a_ping_is_never_answered(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, PING, ACK, 0, 1), 0);
    flush(t, true);
    expect_no_frame(t);
    session_free(t);
}

static void goaway_of_the_peer_is_told_once(void **state)
{
    (void)state;
    struct session *t = session_new(true);
    struct dbr_yamux_stream *s;
    assert_int_equal(give_frame(t, GOAWAY, 0, 0, 0), 0);
    assert_int_equal(give_frame(t, GOAWAY, 0, 0, 0), 0);
    assert_int_equal(next_event(t).type, DBR_YAMUX_GOAWAY);
    expect_no_event(t);
    assert_int_equal(dbr_yamux_open(t->y, &s, t->now), DEBROS_ELIMIT);
    session_free(t);
}

static void after_our_goaway_streams_are_refused(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    dbr_yamux_goaway(t->y);
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), 0);
    expect_no_event(t);
    flush(t, true);
    expect_frame(t, GOAWAY, 0, 0, DBR_YAMUX_NORMAL);
    expect_frame(t, WINDOW, RST, 1, 0);
    session_free(t);
}

static void a_malformed_header_is_fatal_and_told(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    assert_int_equal(give_frame(t, 9, 0, 1, 0), DEBROS_EPROTO);
    assert_string_equal(dbr_yamux_reason(t->y), "the peer sent a malformed yamux header");
    flush(t, false);
    expect_frame(t, GOAWAY, 0, 0, DBR_YAMUX_PROTOCOL_ERROR);
    expect_no_frame(t);
    assert_int_equal(give_frame(t, PING, SYN, 0, 0), DEBROS_EPROTO);
    session_free(t);
}

static void a_peer_that_pings_and_does_not_read_is_elimit(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    t->limits.control_backlog = 120;
    session_restart(t, false);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(give_frame(t, PING, SYN, 0, 0), 0);
    }
    assert_int_equal(dbr_yamux_fill(t->y, t->out, 1000, true), 60); /* not read */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(give_frame(t, PING, SYN, 0, 0), 0);
    }
    assert_int_equal(give_frame(t, PING, SYN, 0, 0), DEBROS_ELIMIT);
    session_free(t);
}

static void a_peer_that_pings_and_reads_may_ping_for_ever(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    t->limits.control_backlog = 12;
    session_restart(t, false);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(give_frame(t, PING, SYN, 0, 0), 0);
        flush(t, true);
        expect_frame(t, PING, ACK, 0, 0);
        dbr_yamux_sent(t->y, 0, 0);
    }
    session_free(t);
}

static void acknowledgements_that_nobody_reads_count_too(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    int err = 0;
    uint32_t id = 1;
    for (; err == 0 && id < 100000; id += 2) {
        t->now += 10; /* below the limit of resets */
        err = give_frame(t, WINDOW, SYN, id, 0);
        (void)dbr_yamux_fill(t->y, t->out, 1000, true);
        if (err == 0) {
            err = give_frame(t, WINDOW, RST, id, 0);
        }
        struct dbr_yamux_event e;
        while (dbr_yamux_poll(t->y, &e)) {
            if (e.type == DBR_YAMUX_RESET) {
                dbr_yamux_forget(t->y, dbr_yamux_event_stream(t->y, &e));
            }
        }
    }
    assert_int_equal(err, DEBROS_ELIMIT);
    assert_in_range(id / 2, 65536 / 12, 65536 / 12 + 3);
    session_free(t);
}

static int open_and_reset(struct session *t, uint32_t id)
{
    int err = give_frame(t, WINDOW, SYN | RST, id, 0);
    struct dbr_yamux_event e;
    while (err == 0 && dbr_yamux_poll(t->y, &e)) {
        if (e.type == DBR_YAMUX_RESET) {
            dbr_yamux_forget(t->y, dbr_yamux_event_stream(t->y, &e));
        }
    }
    flush(t, true);
    return err;
}

static void a_flood_of_resets_is_elimit(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    for (uint32_t i = 0; i < DBR_YAMUX_RESETS_PER_SECOND; i++) {
        assert_int_equal(open_and_reset(t, 2 * i + 1), 0);
    }
    t->now += 1000; /* a new second */
    for (uint32_t i = 0; i < DBR_YAMUX_RESETS_PER_SECOND; i++) {
        assert_int_equal(open_and_reset(t, 2 * i + 1), 0);
    }
    assert_int_equal(open_and_reset(t, 99999), DEBROS_ELIMIT);
    session_free(t);
}

static void a_flood_of_opens_above_the_limit_is_elimit(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    t->limits.streams_in = 0;
    session_restart(t, false);
    for (uint32_t i = 0; i < DBR_YAMUX_RESETS_PER_SECOND; i++) {
        assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), 0);
        flush(t, true);
        expect_frame(t, WINDOW, RST, 1, 0);
    }
    assert_int_equal(give_frame(t, WINDOW, SYN, 1, 0), DEBROS_ELIMIT);
    session_free(t);
}

static void a_burst_of_events_is_drained_in_order(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    for (uint32_t i = 1; i <= 600; i++) {
        assert_int_equal(give_frame(t, DATA, 0, 1, i % 7 + 1), 0);
    }
    for (uint32_t i = 1; i <= 600; i++) {
        struct dbr_yamux_event e = next_event(t);
        assert_int_equal(e.data.len, i % 7 + 1);
    }
    expect_no_event(t);
    assert_int_equal(give_frame(t, DATA, FIN, 1, 9), 0); /* and goes on afterwards */
    expect_event(t, DBR_YAMUX_DATA, 1);
    expect_event(t, DBR_YAMUX_FINISHED, 1);
    session_free(t);
}

static void a_flood_of_empty_frames_is_elimit(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    (void)give_stream(t, 1);
    for (uint32_t i = 0; i < DBR_YAMUX_IDLE_PER_SECOND; i++) {
        assert_int_equal(give_frame(t, WINDOW, 0, 1, 0), 0);
    }
    assert_int_equal(give_frame(t, WINDOW, 0, 1, 0), DEBROS_ELIMIT);
    session_free(t);
}

static void so_many_unread_pongs_are_elimit(void **state)
{
    (void)state;
    for (uint32_t limit = 1; limit <= 32; limit += 31) {
        struct session *t = session_new(false);
        t->limits.pongs = limit;
        session_restart(t, false);
        for (uint32_t i = 0; i < limit; i++) {
            assert_int_equal(give_frame(t, PING, SYN, 0, i), 0);
            assert_int_equal(dbr_yamux_fill(t->y, t->out, 1000, true), 12);
        }
        assert_int_equal(give_frame(t, PING, SYN, 0, 0), DEBROS_ELIMIT);
        session_free(t);
    }
}

/* On a connection that always has something unsent: what has left counts no more. */
static void answers_that_left_do_not_count_behind_others(void **state)
{
    (void)state;
    struct session *t = session_new(false);
    uint64_t written = 0;
    t->limits.pongs = 4;
    session_restart(t, false);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(give_frame(t, PING, SYN, 0, i), 0);
        written += dbr_yamux_fill(t->y, t->out, 1000, true) + 100000;
        dbr_yamux_sent(t->y, written, written - 150000);
    }
    for (uint32_t i = 0; i < 4; i++) { /* none of these leaves */
        (void)give_frame(t, PING, SYN, 0, i);
        written += dbr_yamux_fill(t->y, t->out, 1000, true);
        dbr_yamux_sent(t->y, written, written - 100000);
    }
    assert_int_equal(give_frame(t, PING, SYN, 0, 0), DEBROS_ELIMIT);
    session_free(t);
}

static void every_kind_of_goaway_ends_opening(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 3; code++) {
        struct session *t = session_new(true);
        struct dbr_yamux_stream *s;
        assert_int_equal(give_frame(t, GOAWAY, 0, 0, code), 0);
        expect_event(t, DBR_YAMUX_GOAWAY, 0);
        assert_int_equal(dbr_yamux_open(t->y, &s, t->now), DEBROS_ELIMIT);
        session_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(go_opens_with_a_window_frame),
        cmocka_unit_test(rust_opens_with_a_data_frame),
        cmocka_unit_test(a_stream_is_acknowledged_at_once),
        cmocka_unit_test(acknowledgement_rides_on_the_answer),
        cmocka_unit_test(syn_rides_on_the_first_data),
        cmocka_unit_test(an_id_of_ours_in_a_syn_is_fatal),
        cmocka_unit_test(the_same_id_twice_is_fatal),
        cmocka_unit_test(ids_may_come_in_any_order),
        cmocka_unit_test(streams_above_the_limit_are_reset),
        cmocka_unit_test(no_more_streams_than_streams_out),
        cmocka_unit_test(payload_comes_before_the_fin_of_its_frame),
        cmocka_unit_test(fin_and_rst_count_on_window_frames_too),
        cmocka_unit_test(the_error_code_of_a_reset_is_not_a_window),
        cmocka_unit_test(an_empty_data_frame_may_carry_fin),
        cmocka_unit_test(fin_twice_is_one_event),
        cmocka_unit_test(closed_when_both_have_finished_in_either_order),
        cmocka_unit_test(frames_of_unknown_streams_are_drained_and_never_answered),
        cmocka_unit_test(a_stream_that_is_reset_within_a_frame_drains_the_rest),
        cmocka_unit_test(an_old_event_never_names_a_new_stream_of_its_id),
        cmocka_unit_test(linger_ends_in_a_reset),
        cmocka_unit_test(ping_is_echoed_before_data),
        cmocka_unit_test(an_answer_to_a_ping_is_never_answered),
        cmocka_unit_test(goaway_of_the_peer_is_told_once),
        cmocka_unit_test(after_our_goaway_streams_are_refused),
        cmocka_unit_test(a_malformed_header_is_fatal_and_told),
        cmocka_unit_test(a_peer_that_pings_and_does_not_read_is_elimit),
        cmocka_unit_test(a_peer_that_pings_and_reads_may_ping_for_ever),
        cmocka_unit_test(acknowledgements_that_nobody_reads_count_too),
        cmocka_unit_test(a_flood_of_resets_is_elimit),
        cmocka_unit_test(a_flood_of_opens_above_the_limit_is_elimit),
        cmocka_unit_test(a_burst_of_events_is_drained_in_order),
        cmocka_unit_test(a_flood_of_empty_frames_is_elimit),
        cmocka_unit_test(so_many_unread_pongs_are_elimit),
        cmocka_unit_test(answers_that_left_do_not_count_behind_others),
        cmocka_unit_test(every_kind_of_goaway_ends_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
