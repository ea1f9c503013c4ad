#include "base/alloc.h"
#include "pair.h"
#include "test.h"

#define ECHO "/echo/1.0.0"

static const enum pair_split splits[] = {PAIR_WHOLE, PAIR_BYTES, PAIR_RANDOM,
                                         PAIR_RANDOM};
#define FOR_SPLITS(i) for (uint64_t i = 0; i < 4; i++)

/* ---- Negotiation --------------------------------------------------------------- */

static void data_behind_the_proposal_reaches_the_protocol(void **state)
{
    (void)state;
    FOR_SPLITS(i)
    {
        struct pair *p = pair_new(i, splits[i]);
        pair_connect(p);
        uint32_t stream = 0;
        assert_int_equal(
            dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now), 0);
        assert_int_equal(pair_send_text(p, 0, stream, "lazy"), 0);
        assert_int_equal(dbr_stack_queued(p->side[0].stack, stream), 4);
        assert_int_equal(pair_run(p), 0);
        const struct pair_record *r = pair_find(&p->side[1], DBR_STACK_INCOMING);
        assert_non_null(r);
        assert_string_equal(r->protocol, ECHO);
        assert_int_equal(r->stream, stream);
        pair_assert_data(&p->side[1], "lazy");
        assert_int_equal(pair_count(&p->side[0], DBR_STACK_OPENED), 1);
        pair_free(p);
    }
}

static void request_and_answer_and_both_ends_close(void **state)
{
    (void)state;
    FOR_SPLITS(i)
    {
        struct pair *p = pair_new(i, splits[i]);
        pair_connect(p);
        uint32_t stream = pair_open(p, ECHO);
        assert_int_equal(pair_send_text(p, 0, stream, "question"), 0);
        dbr_stack_finish(p->side[0].stack, stream); /* half close before the answer */
        assert_int_equal(pair_run(p), 0);
        pair_assert_data(&p->side[1], "question");
        assert_int_equal(pair_count(&p->side[1], DBR_STACK_FINISHED), 1);
        assert_int_equal(pair_send_text(p, 1, stream, "answer"), 0);
        assert_int_equal(pair_send_text(p, 0, stream, "no"), DEBROS_ENOTFOUND);
        dbr_stack_finish(p->side[1].stack, stream);
        assert_int_equal(pair_run(p), 0);
        pair_assert_data(&p->side[0], "answer");
        for (int side = 0; side < 2; side++) {
            assert_int_equal(pair_count(&p->side[side], DBR_STACK_FINISHED), 1);
            assert_int_equal(pair_count(&p->side[side], DBR_STACK_CLOSED), 1);
            assert_int_equal(pair_count(&p->side[side], DBR_STACK_RESET), 0);
            assert_int_equal(pair_send_text(p, side, stream, "x"), DEBROS_ENOTFOUND);
            assert_int_equal(dbr_stack_deadline(p->side[side].stack), DBR_TIME_NEVER);
        }
        pair_free(p);
    }
}

/* js loses the payload of DATA with FIN, so the order of events is what counts here:
 * a finish right behind the proposal still brings INCOMING, the data, FINISHED. */
static void half_close_right_behind_the_proposal_is_answered(void **state)
{
    (void)state;
    FOR_SPLITS(i)
    {
        struct pair *p = pair_new(i, splits[i]);
        pair_connect(p);
        uint32_t stream = 0;
        assert_int_equal(
            dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now), 0);
        assert_int_equal(pair_send_text(p, 0, stream, "all"), 0);
        dbr_stack_finish(p->side[0].stack, stream);
        assert_int_equal(pair_run(p), 0);
        const struct pair_side *b = &p->side[1];
        assert_int_equal(b->records[0].type, DBR_STACK_INCOMING);
        assert_int_equal(b->records[b->n_records - 1].type, DBR_STACK_FINISHED);
        pair_assert_data(b, "all");
        assert_int_equal(pair_count(&p->side[0], DBR_STACK_OPENED), 1);
        pair_free(p);
    }
}

static void unknown_protocol_is_refused_and_the_stream_is_gone(void **state)
{
    (void)state;
    FOR_SPLITS(i)
    {
        struct pair *p = pair_new(i, splits[i]);
        p->side[1].speaks = "/other/1.0.0";
        pair_connect(p);
        uint32_t stream = 0;
        assert_int_equal(
            dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now), 0);
        assert_int_equal(pair_send_text(p, 0, stream, "lazy and lost"), 0);
        assert_int_equal(pair_run(p), 0);
        assert_int_equal(pair_count(&p->side[0], DBR_STACK_REFUSED), 1);
        assert_int_equal(p->side[0].n_records, 1);
        assert_int_equal(pair_count(&p->side[1], DBR_STACK_DATA), 0);
        assert_int_equal(pair_send_text(p, 0, stream, "x"), DEBROS_ENOTFOUND);
        assert_int_equal(dbr_stack_deadline(p->side[1].stack), DBR_TIME_NEVER);
        pair_free(p);
    }
}

static void stream_negotiation_times_out_after_negotiate_ms(void **state)
{
    (void)state;
    struct pair *p = pair_new(1, PAIR_WHOLE);
    pair_connect(p);
    uint32_t stream = 0;
    p->now = 5000;
    assert_int_equal(
        dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now), 0);
    struct dbr_stack *a = p->side[0].stack;
    dbr_buf_clear(dbr_stack_out(a)); /* lost on the way */
    assert_int_equal(dbr_stack_deadline(a), 15000);
    assert_int_equal(dbr_stack_expire(a, 14999), 0);
    pair_drain(p, 0);
    assert_int_equal(p->side[0].n_records, 0);
    assert_int_equal(dbr_stack_expire(a, 15000), 0);
    pair_drain(p, 0);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_RESET), 1);
    assert_int_equal(p->side[0].records[0].stream, stream);
    assert_int_equal(dbr_stack_deadline(a), DBR_TIME_NEVER);
    pair_free(p);
}

static void a_reset_while_incoming_is_asked_is_an_answer(void **state)
{
    (void)state;
    struct pair *p = pair_new(2, PAIR_WHOLE);
    pair_connect(p);
    uint32_t stream = 0;
    struct dbr_stack *b = p->side[1].stack;
    assert_int_equal(
        dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now), 0);
    struct dbr_buf *out = dbr_stack_out(p->side[0].stack);
    assert_int_equal(dbr_stack_recv(b, dbr_bytes(out->data, out->len), p->now), 0);
    dbr_buf_clear(out);
    struct dbr_stack_event event;
    assert_true(dbr_stack_poll(b, &event));
    assert_int_equal(event.type, DBR_STACK_INCOMING);
    dbr_stack_reset(b, event.stream);
    assert_false(dbr_stack_poll(b, &event));
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_RESET), 1);
    pair_free(p);
}

static void protocol_of_wrong_length_is_einval(void **state)
{
    (void)state;
    struct pair *p = pair_new(2, PAIR_WHOLE);
    pair_connect(p);
    static const uint8_t zeros[1001];
    uint32_t stream;
    struct dbr_stack *a = p->side[0].stack;
    assert_int_equal(dbr_stack_open(a, &stream, dbr_bytes(zeros, 0), 0), DEBROS_EINVAL);
    assert_int_equal(dbr_stack_open(a, &stream, dbr_bytes(zeros, 1001), 0),
                     DEBROS_EINVAL);
    assert_int_equal(dbr_stack_open(a, &stream, dbr_bytes(zeros, 1000), 0), 0);
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_OPENED), 1);
    pair_free(p);
}

/* ---- Streams ------------------------------------------------------------------- */

static void both_sides_open_streams_at_once(void **state)
{
    (void)state;
    struct pair *p = pair_new(3, PAIR_RANDOM);
    pair_connect(p);
    uint32_t a = 0;
    uint32_t b = 0;
    assert_int_equal(dbr_stack_open(p->side[0].stack, &a, dbr_bytes_str(ECHO), p->now),
                     0);
    assert_int_equal(dbr_stack_open(p->side[1].stack, &b, dbr_bytes_str(ECHO), p->now),
                     0);
    assert_int_equal(a % 2, 1); /* the dialer is the yamux client */
    assert_int_equal(b % 2, 0);
    assert_int_equal(pair_run(p), 0);
    for (int side = 0; side < 2; side++) {
        assert_int_equal(pair_count(&p->side[side], DBR_STACK_OPENED), 1);
        assert_int_equal(pair_count(&p->side[side], DBR_STACK_INCOMING), 1);
    }
    pair_free(p);
}

static void reset_reaches_the_other_side(void **state)
{
    (void)state;
    FOR_SPLITS(i)
    {
        struct pair *p = pair_new(i, splits[i]);
        pair_connect(p);
        uint32_t stream = pair_open(p, ECHO);
        dbr_stack_reset(p->side[0].stack, stream);
        assert_int_equal(pair_send_text(p, 0, stream, "x"), DEBROS_ENOTFOUND);
        assert_int_equal(pair_send_text(p, 1, stream, "late"), 0);
        assert_int_equal(pair_run(p), 0);
        assert_int_equal(pair_count(&p->side[1], DBR_STACK_RESET), 1);
        assert_int_equal(pair_count(&p->side[0], DBR_STACK_RESET), 0);
        assert_int_equal(p->side[0].data.len, 0); /* late frames are drained */
        pair_free(p);
    }
}

static void a_reset_stream_gives_no_more_of_the_events_that_wait(void **state)
{
    (void)state;
    struct pair *p = pair_new(4, PAIR_WHOLE);
    pair_connect(p);
    uint32_t stream = pair_open(p, ECHO);
    assert_int_equal(pair_send_text(p, 0, stream, "one"), 0);
    dbr_stack_finish(p->side[0].stack, stream);
    struct dbr_buf *out = dbr_stack_out(p->side[0].stack);
    struct dbr_stack *b = p->side[1].stack;
    assert_int_equal(dbr_stack_recv(b, dbr_bytes(out->data, out->len), p->now), 0);
    dbr_stack_reset(b, stream);
    struct dbr_stack_event event;
    assert_false(dbr_stack_poll(b, &event));
    pair_free(p);
}

static void events_survive_input_that_comes_before_they_are_drained(void **state)
{
    (void)state;
    struct pair *p = pair_new(5, PAIR_WHOLE);
    pair_connect(p);
    uint32_t stream = pair_open(p, ECHO);
    pair_forget(&p->side[1]);
    uint8_t chunk[3000];
    for (int i = 0; i < 20; i++) {
        memset(chunk, 'a' + i, sizeof(chunk));
        assert_int_equal(
            dbr_stack_send(p->side[0].stack, stream, dbr_bytes(chunk, sizeof(chunk))), 0);
        struct dbr_buf *out = dbr_stack_out(p->side[0].stack);
        size_t half = out->len / 2;
        struct dbr_stack *b = p->side[1].stack;
        assert_int_equal(dbr_stack_recv(b, dbr_bytes(out->data, half), p->now), 0);
        assert_int_equal(
            dbr_stack_recv(b, dbr_bytes(out->data + half, out->len - half), p->now), 0);
        dbr_buf_clear(out);
    }
    pair_drain(p, 1);
    assert_int_equal(p->side[1].data.len, 20 * sizeof(chunk));
    for (size_t i = 0; i < p->side[1].data.len; i++) {
        assert_int_equal(p->side[1].data.data[i], 'a' + i / sizeof(chunk));
    }
    pair_free(p);
}

static void an_owner_that_never_drains_meets_a_limit(void **state)
{
    (void)state;
    struct pair *p = pair_new(5, PAIR_WHOLE);
    pair_connect(p);
    uint32_t stream = pair_open(p, ECHO);
    static uint8_t chunk[2000];
    int err = 0;
    for (int i = 0; i < 100000 && err == 0; i++) {
        (void)dbr_stack_send(p->side[0].stack, stream, dbr_bytes(chunk, sizeof(chunk)));
        struct dbr_buf *out = dbr_stack_out(p->side[0].stack);
        /* The window would end this long before: begin a new stream then. */
        if (out->len == 0) {
            assert_int_equal(
                dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now),
                0);
            continue;
        }
        err = dbr_stack_recv(p->side[1].stack, dbr_bytes(out->data, out->len), p->now);
        dbr_buf_clear(out);
    }
    assert_int_equal(err, DEBROS_ELIMIT);
    pair_free(p);
}

/* ---- Flow control and back-pressure -------------------------------------------- */

static void megabytes_pass_in_order_when_they_are_consumed(void **state)
{
    (void)state;
    enum { TOTAL = 3 * 1024 * 1024 };
    struct pair *p = pair_new(6, PAIR_RANDOM);
    pair_connect(p);
    uint32_t stream = pair_open(p, ECHO);
    pair_forget(&p->side[1]);
    uint32_t sent = 0;
    while (sent < TOTAL / 4) {
        uint32_t chunk[1000];
        for (int i = 0; i < 1000; i++) {
            chunk[i] = sent + (uint32_t)i;
        }
        int err =
            dbr_stack_send(p->side[0].stack, stream, dbr_bytes(chunk, sizeof(chunk)));
        if (err == 0) {
            sent += 1000;
        } else {
            assert_int_equal(err, DEBROS_EBUSY);
            pair_forget(&p->side[0]);
            p->side[1].n_records = 0;
            assert_int_equal(pair_run(p), 0);
            assert_int_equal(pair_count(&p->side[0], DBR_STACK_WRITABLE), 1);
        }
    }
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(p->side[1].data.len, (size_t)sent * 4);
    for (uint32_t i = 0; i < sent; i++) {
        uint32_t value;
        memcpy(&value, p->side[1].data.data + (size_t)i * 4, 4);
        assert_int_equal(value, i);
    }
    pair_free(p);
}

static void an_unconsumed_stream_stops_at_its_window_and_not_the_others(void **state)
{
    (void)state;
    struct pair *p = pair_new(7, PAIR_WHOLE);
    pair_connect(p);
    uint32_t slow = pair_open(p, ECHO);
    uint32_t fast = pair_open(p, ECHO);
    static uint8_t big[400000];
    p->side[1].hold = true;
    pair_forget(&p->side[1]);
    assert_int_equal(dbr_stack_send(p->side[0].stack, slow, dbr_bytes(big, sizeof(big))),
                     0); /* larger than an empty buffer: taken */
    assert_int_equal(pair_send_text(p, 0, slow, "x"), DEBROS_EBUSY);
    assert_int_equal(pair_run(p), 0);
    /* The proposals took 32 bytes, and the window came back for none of it yet. */
    size_t proposal = 20 + 1 + strlen(ECHO) + 1;
    assert_int_equal(p->side[1].data.len, 262144 - proposal);
    assert_int_equal(dbr_stack_queued(p->side[0].stack, slow),
                     400000 - 262144 + proposal);
    assert_int_equal(pair_send_text(p, 0, fast, "fast"), 0);
    assert_int_equal(pair_run(p), 0);
    assert_memory_equal(p->side[1].data.data + p->side[1].data.len - 4, "fast", 4);
    dbr_stack_consume(p->side[1].stack, slow, 262144 - proposal);
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(p->side[1].data.len, 400000 + 4);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_WRITABLE), 1);
    pair_free(p);
}

static void output_holds_no_more_data_than_its_limit_and_always_control(void **state)
{
    (void)state;
    struct pair *p = pair_new(8, PAIR_WHOLE);
    pair_connect(p);
    static uint8_t big[250000];
    uint32_t streams[8];
    for (int i = 0; i < 8; i++) {
        streams[i] = pair_open(p, ECHO);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(
            dbr_stack_send(p->side[0].stack, streams[i], dbr_bytes(big, sizeof(big))), 0);
    }
    struct dbr_buf *out = dbr_stack_out(p->side[0].stack);
    size_t len = out->len;
    assert_in_range(len, 262144, 262144 + 65537);
    dbr_stack_reset(p->side[0].stack, streams[0]);
    out = dbr_stack_out(p->side[0].stack);
    assert_int_equal(out->len, len + 2 + 12 + 16);
    assert_int_equal(pair_run(p), 0);
    pair_free(p);
}

/* ---- Ends ---------------------------------------------------------------------- */

static void a_stream_lingers_linger_ms_for_the_peers_fin(void **state)
{
    (void)state;
    struct pair *p = pair_new(9, PAIR_WHOLE);
    pair_connect(p);
    uint32_t stream = pair_open(p, ECHO);
    dbr_stack_finish(p->side[0].stack, stream);
    struct dbr_stack *a = p->side[0].stack;
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(dbr_stack_deadline(a), 61000);
    p->now = 51000; /* an answer that goes on renews it */
    assert_int_equal(pair_send_text(p, 1, stream, "still here"), 0);
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(dbr_stack_deadline(a), 111000);
    assert_int_equal(dbr_stack_expire(a, 111000), 0);
    p->now = 111000;
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_RESET), 1);
    assert_int_equal(pair_count(&p->side[1], DBR_STACK_RESET), 1);
    pair_free(p);
}

static void goaway_is_told_and_ends_opening(void **state)
{
    (void)state;
    struct pair *p = pair_new(10, PAIR_WHOLE);
    pair_connect(p);
    uint32_t stream = pair_open(p, ECHO);
    uint32_t other;
    dbr_stack_goaway(p->side[1].stack);
    dbr_stack_goaway(p->side[1].stack);
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_GOAWAY), 1);
    for (int side = 0; side < 2; side++) {
        assert_int_equal(
            dbr_stack_open(p->side[side].stack, &other, dbr_bytes_str(ECHO), p->now),
            DEBROS_ELIMIT);
    }
    pair_forget(&p->side[1]);
    assert_int_equal(pair_send_text(p, 0, stream, "goes on"), 0);
    assert_int_equal(pair_run(p), 0);
    pair_assert_data(&p->side[1], "goes on");
    pair_free(p);
}

static void limits_hold_at_their_smallest(void **state)
{
    (void)state;
    struct pair *p = pair_new(11, PAIR_RANDOM);
    for (int i = 0; i < 2; i++) {
        p->config[i].limits = (struct dbr_stack_limits){.handshake_ms = 1,
                                                        .negotiate_ms = 1,
                                                        .linger_ms = 1,
                                                        .streams_in = 1,
                                                        .streams_out = 1,
                                                        .window = 1,
                                                        .window_max = 1,
                                                        .send_buffer = 1,
                                                        .control_backlog = 48};
    }
    pair_connect(p);
    uint32_t stream = pair_open(p, ECHO);
    uint32_t other;
    assert_int_equal(
        dbr_stack_open(p->side[0].stack, &other, dbr_bytes_str(ECHO), p->now),
        DEBROS_ELIMIT);
    for (int i = 0; i < 50; i++) {
        pair_forget(&p->side[1]);
        assert_int_equal(pair_send_text(p, 0, stream, "more than one byte"), 0);
        assert_int_equal(pair_send_text(p, 0, stream, "z"), DEBROS_EBUSY);
        assert_int_equal(pair_run(p), 0);
        pair_assert_data(&p->side[1], "more than one byte");
    }
    dbr_stack_finish(p->side[0].stack, stream);
    assert_int_equal(dbr_stack_deadline(p->side[0].stack), p->now + 1);
    dbr_stack_finish(p->side[1].stack, stream);
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_CLOSED), 1);
    stream = pair_open(p, ECHO); /* the place is free again */
    assert_true(stream > 1);
    pair_free(p);
}

static void a_stream_above_streams_in_is_reset_and_the_connection_lives(void **state)
{
    (void)state;
    struct pair *p = pair_new(12, PAIR_WHOLE);
    p->config[1].limits.streams_in = 2;
    pair_connect(p);
    (void)pair_open(p, ECHO);
    (void)pair_open(p, ECHO);
    uint32_t third = pair_open(p, ECHO);
    const struct pair_record *r = pair_find(&p->side[0], DBR_STACK_RESET);
    assert_non_null(r);
    assert_int_equal(r->stream, third);
    assert_int_equal(pair_count(&p->side[1], DBR_STACK_INCOMING), 2);
    pair_free(p);
}

/* A random walk of both owners: whatever they do, the machines agree and nothing leaks.
 */
static void random_owners_never_break_a_connection(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct pair *p = pair_new(seed, PAIR_RANDOM);
        pair_connect(p);
        uint32_t streams[64] = {0};
        size_t n = 0;
        static uint8_t data[5000];
        for (int step = 0; step < 300; step++) {
            int side = (int)dbr_rng_below(&p->rng, 2);
            struct dbr_stack *stack = p->side[side].stack;
            uint32_t s = n == 0 ? 1 : streams[dbr_rng_below(&p->rng, n)];
            switch (dbr_rng_below(&p->rng, 8)) {
            case 0:
                if (n < 64 && dbr_stack_open(stack, &streams[n], dbr_bytes_str(ECHO),
                                             p->now) == 0) {
                    n++;
                }
                break;
            case 1:
                dbr_stack_finish(stack, s);
                break;
            case 2:
                dbr_stack_reset(stack, s);
                break;
            case 3:
                p->now += dbr_rng_below(&p->rng, 3000);
                assert_int_equal(dbr_stack_expire(stack, p->now), 0);
                break;
            case 4:
                assert_int_equal(pair_run(p), 0);
                pair_forget(&p->side[0]);
                pair_forget(&p->side[1]);
                break;
            default:
                (void)dbr_stack_send(stack, s,
                                     dbr_bytes(data, dbr_rng_below(&p->rng, 5000)));
            }
        }
        assert_int_equal(pair_run(p), 0);
        p->now += 100000;
        assert_int_equal(dbr_stack_expire(p->side[0].stack, p->now), 0);
        assert_int_equal(dbr_stack_expire(p->side[1].stack, p->now), 0);
        assert_int_equal(pair_run(p), 0);
        pair_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_behind_the_proposal_reaches_the_protocol),
        cmocka_unit_test(request_and_answer_and_both_ends_close),
        cmocka_unit_test(half_close_right_behind_the_proposal_is_answered),
        cmocka_unit_test(unknown_protocol_is_refused_and_the_stream_is_gone),
        cmocka_unit_test(stream_negotiation_times_out_after_negotiate_ms),
        cmocka_unit_test(a_reset_while_incoming_is_asked_is_an_answer),
        cmocka_unit_test(protocol_of_wrong_length_is_einval),
        cmocka_unit_test(both_sides_open_streams_at_once),
        cmocka_unit_test(reset_reaches_the_other_side),
        cmocka_unit_test(a_reset_stream_gives_no_more_of_the_events_that_wait),
        cmocka_unit_test(events_survive_input_that_comes_before_they_are_drained),
        cmocka_unit_test(an_owner_that_never_drains_meets_a_limit),
        cmocka_unit_test(megabytes_pass_in_order_when_they_are_consumed),
        cmocka_unit_test(an_unconsumed_stream_stops_at_its_window_and_not_the_others),
        cmocka_unit_test(output_holds_no_more_data_than_its_limit_and_always_control),
        cmocka_unit_test(a_stream_lingers_linger_ms_for_the_peers_fin),
        cmocka_unit_test(goaway_is_told_and_ends_opening),
        cmocka_unit_test(limits_hold_at_their_smallest),
        cmocka_unit_test(a_stream_above_streams_in_is_reset_and_the_connection_lives),
        cmocka_unit_test(random_owners_never_break_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
