/* What go, rust and js really do (libp2p-wire section 13), played to a listening stack by
 * a peer made by hand: Noise done properly, yamux and multistream byte by byte.
 *
 * The pitfalls by number, as far as we have what they concern, and their tests; without
 * the name of another file they are below:
 *
 *   1 DATA|FIN at js        yamux_send fin_never_travels_with_data,
 *                           identify_sent_as_data_with_fin_arrives_whole
 *   4 /tls/1.0.0 first      stack listener_answers_na_to_tls_and_takes_noise
 *   5 identify's messages   identify two_messages_and_an_end_identify,
 *                           identify our_answer_is_small_and_whole
 *   6 empty prologue        the_empty_prologue_is_hashed,
 *                           noise messages_have_the_sizes_of_the_spec
 *   7 nonce layout          noise_state the_vectors_of_cacophony_are_met
 *  14 RST's error code      yamux the_error_code_of_a_reset_is_not_a_window
 *  15 FIN, RST on WINDOW    yamux fin_and_rst_count_on_window_frames_too
 *  16 pongs under pressure  ping_is_answered_while_data_waits,
 *                           a_pong_is_in_the_next_message,
 *                           ping an_echo_overtakes_data_that_waits
 *  17 frames of 256 KiB     a_frame_of_256_kib_passes
 *  18 rust's 512 streams    we_never_open_more_streams_than_others_take
 *  19 js's limits           ping one_stream_serves_all_pings,
 *                           announce a_push_waits_for_the_one_before
 *  21 stale domain strings  peer_record the_vector_of_js_is_met
 *  22 lazy data             stack_streams data_behind_the_proposal_reaches_the_protocol
 *  24 half close first      the_echo_is_sent_although_the_opener_has_half_closed,
 *                           stack_streams half_close_right_behind_the_proposal_is_
 *                           answered
 *  25 unknown multiaddrs    identify strange_contents_are_skipped_or_made_printable
 *  26 8 connections a host  gate members_behind_one_address_are_not_shut_out
 *  27 never mplex           noise only_yamux_is_agreed_early_and_never_mplex
 *  28 kinds of GoAway       yamux every_kind_of_goaway_ends_opening
 *  29 base58's length       base58 the_limits_hold
 *  30 private addresses     peers only_endpoints_of_identify_are_dialed
 *  33 js's WINDOW frames    a_window_for_every_frame_is_no_flood
 *  34 simultaneous dials    choice simultaneous_dials_end_with_one_usable_connection
 */
#include "base/alloc.h"
#include "by_hand.h"
#include "pair.h"

#define SYN   DBR_YAMUX_SYN
#define ACK   DBR_YAMUX_ACK
#define FIN   DBR_YAMUX_FIN
#define RST   DBR_YAMUX_RST

/* Side 0 of the pair is only a set of keys; its stack never speaks. */
struct peer {
    struct pair *pair;
    struct dbr_noise noise;
    struct dbr_buf in;   /* sealed, from the stack */
    struct dbr_buf out;  /* sealed, for the stack */
    struct dbr_buf text; /* yamux frames from the stack */
};

static void hear(struct peer *peer)
{
    struct dbr_buf *out;
    while ((out = dbr_stack_out(peer->pair->side[1].stack))->len > 0) {
        dbr_buf_add(&peer->in, out->data, out->len);
        dbr_buf_clear(out);
        hear_sealed(&peer->noise, &peer->in, &peer->text, &peer->out);
    }
}

static int speak(struct peer *peer)
{
    int err = pair_inject(peer->pair, 1, dbr_bytes(peer->out.data, peer->out.len));
    dbr_buf_clear(&peer->out);
    return err;
}

static struct peer *peer_new(enum pair_split split)
{
    struct peer *peer = dbr_calloc(1, sizeof(*peer));
    assert_non_null(peer);
    struct pair *p = peer->pair = pair_new(1, split);
    struct dbr_noise_config config = {
        .initiator = true, .offer_muxer = true, .identity = &p->side[0].keys};
    debros_bytes hello = dbr_bytes_str(HELLO "\x07/noise\n");
    p->side[1].speaks = "/echo";
    pair_start(p);
    assert_int_equal(pair_inject(p, 1, hello), 0);
    dbr_buf_consume(dbr_stack_out(p->side[1].stack), hello.len);
    assert_int_equal(dbr_noise_init(&peer->noise, &config, &p->rng, &peer->out), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(speak(peer), 0);
        hear(peer);
    }
    assert_true(peer->noise.done);
    assert_int_equal(pair_count(&p->side[1], DBR_STACK_SECURED), 1);
    pair_forget(&p->side[1]);
    return peer;
}

static void peer_free(struct peer *peer)
{
    dbr_noise_finish(&peer->noise);
    dbr_buf_finish(&peer->in);
    dbr_buf_finish(&peer->out);
    dbr_buf_finish(&peer->text);
    pair_free(peer->pair);
    dbr_free(peer);
}

static int say(struct peer *peer, uint8_t type, uint16_t flags, uint32_t id,
               uint32_t length, debros_bytes body)
{
    struct dbr_buf frame = {0};
    add_frame(&frame, type, flags, id, length, body);
    seal_text(&peer->noise, &peer->out, dbr_bytes(frame.data, frame.len));
    dbr_buf_finish(&frame);
    return speak(peer);
}

static int say_data(struct peer *peer, uint16_t flags, uint32_t id, const char *text)
{
    debros_bytes body = dbr_bytes_str(text);
    return say(peer, DBR_YAMUX_TYPE_DATA, flags, id, (uint32_t)body.len, body);
}

static int say_window(struct peer *peer, uint16_t flags, uint32_t id, uint32_t delta)
{
    return say(peer, DBR_YAMUX_TYPE_WINDOW, flags, id, delta, dbr_bytes(NULL, 0));
}

/* The stack has said these frames and nothing else since the last time. */
static void expect(struct peer *peer, struct dbr_buf *frames)
{
    hear(peer);
    assert_int_equal(peer->text.len, frames->len);
    if (frames->len > 0) {
        assert_memory_equal(peer->text.data, frames->data, frames->len);
    }
    dbr_buf_clear(&peer->text);
    dbr_buf_finish(frames);
}

static void add_data(struct dbr_buf *buf, uint16_t flags, uint32_t id, const char *text)
{
    debros_bytes body = dbr_bytes_str(text);
    add_frame(buf, DBR_YAMUX_TYPE_DATA, flags, id, (uint32_t)body.len, body);
}

static void add_window(struct dbr_buf *buf, uint16_t flags, uint32_t id, uint32_t delta)
{
    add_frame(buf, DBR_YAMUX_TYPE_WINDOW, flags, id, delta, dbr_bytes(NULL, 0));
}

/* ---- The pitfalls --------------------------------------------------------------------
 */

static void identify_sent_as_data_with_fin_arrives_whole(void **state)
{
    (void)state;
    for (int split = PAIR_WHOLE; split <= PAIR_RANDOM; split++) {
        struct peer *peer = peer_new((enum pair_split)split);
        const struct pair_side *side = &peer->pair->side[1];
        assert_int_equal(say_data(peer, SYN | FIN, 1, HELLO "\x06/echo\nall of it"), 0);
        pair_assert_data(side, "all of it");
        assert_int_equal(side->records[0].type, DBR_STACK_INCOMING);
        assert_int_equal(side->records[side->n_records - 1].type, DBR_STACK_FINISHED);
        /* Half closed is not gone: the answer still goes out, FIN in a frame of its own.
         */
        assert_int_equal(pair_send_text(peer->pair, 1, 1, "answer"), 0);
        dbr_stack_finish(side->stack, 1);
        struct dbr_buf frames = {0};
        add_data(&frames, ACK, 1, HELLO "\x06/echo\nanswer");
        add_window(&frames, FIN, 1, 0);
        expect(peer, &frames);
        peer_free(peer);
    }
}

static void the_echo_is_sent_although_the_opener_has_half_closed(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    assert_int_equal(say_data(peer, SYN, 1, HELLO "\x06/echo\n"), 0);
    assert_int_equal(say_window(peer, FIN, 1, 0), 0);
    struct dbr_buf frames = {0};
    add_data(&frames, ACK, 1, HELLO "\x06/echo\n");
    expect(peer, &frames);
    peer_free(peer);
}

static void a_second_proposal_after_na_is_a_new_event(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    const struct pair_side *side = &peer->pair->side[1];
    assert_int_equal(say_data(peer, SYN, 1, HELLO "\x06/none\n"), 0);
    struct dbr_buf frames = {0};
    add_data(&frames, ACK, 1, HELLO "\x03na\n");
    expect(peer, &frames);
    assert_int_equal(say_data(peer, 0, 1, "\x06/echo\nlazy"), 0);
    add_data(&frames, 0, 1, "\x06/echo\n");
    expect(peer, &frames);
    assert_int_equal(pair_count(side, DBR_STACK_INCOMING), 2);
    assert_string_equal(side->records[1].protocol, "/echo");
    pair_assert_data(side, "lazy");
    peer_free(peer);
}

static void two_proposals_in_one_frame_are_two_events(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    const struct pair_side *side = &peer->pair->side[1];
    assert_int_equal(say_data(peer, SYN, 1, HELLO "\x03ls\n\x06/none\n\x06/echo\nx"), 0);
    assert_int_equal(pair_count(side, DBR_STACK_INCOMING), 3);
    pair_assert_data(side, "x");
    peer_free(peer);
}

static void an_opener_that_gives_up_after_na_leaves_nothing(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    const struct pair_side *side = &peer->pair->side[1];
    assert_int_equal(say_data(peer, SYN, 1, HELLO "\x06/none\n"), 0);
    assert_int_equal(say_window(peer, RST, 1, 0), 0);
    assert_int_equal(say_data(peer, SYN, 3, HELLO "\x06/none\n"), 0);
    assert_int_equal(say_window(peer, FIN, 3, 0), 0);
    assert_int_equal(side->n_records, 2); /* both INCOMING and no more */
    assert_int_equal(dbr_stack_deadline(side->stack), DBR_TIME_NEVER);
    peer_free(peer);
}

static void a_stream_that_never_proposes_is_reset_after_negotiate_ms(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    const struct pair_side *side = &peer->pair->side[1];
    assert_int_equal(say_window(peer, SYN, 1, 0), 0);
    struct dbr_buf frames = {0};
    add_window(&frames, ACK, 1, 0);
    expect(peer, &frames);
    assert_int_equal(dbr_stack_deadline(side->stack), 11000);
    assert_int_equal(dbr_stack_expire(side->stack, 10999), 0);
    expect(peer, &frames);
    assert_int_equal(dbr_stack_expire(side->stack, 11000), 0);
    add_window(&frames, RST, 1, 0);
    expect(peer, &frames);
    pair_drain(peer->pair, 1);
    assert_int_equal(side->n_records, 0); /* nobody was told of it */
    peer_free(peer);
}

static void broken_multistream_resets_its_stream_and_no_other(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    assert_int_equal(say_data(peer, SYN, 1, "\x04GET\n"), 0);
    assert_int_equal(say_data(peer, SYN, 3, HELLO "\x06/echo\n"), 0);
    struct dbr_buf frames = {0};
    add_window(&frames, RST, 1, 0);
    add_data(&frames, ACK, 3, HELLO "\x06/echo\n");
    expect(peer, &frames);
    peer_free(peer);
}

static void a_window_overrun_is_fatal_and_told(void **state)
{
    (void)state;
    static const uint8_t big[262145];
    struct peer *peer = peer_new(PAIR_WHOLE);
    assert_int_equal(
        say(peer, DBR_YAMUX_TYPE_DATA, SYN, 1, sizeof(big), dbr_bytes(big, sizeof(big))),
        DEBROS_EPROTO);
    assert_string_equal(dbr_stack_reason(peer->pair->side[1].stack),
                        "the peer overran a stream's window");
    struct dbr_buf frames = {0};
    add_frame(&frames, DBR_YAMUX_TYPE_GOAWAY, 0, 0, DBR_YAMUX_PROTOCOL_ERROR,
              dbr_bytes(NULL, 0));
    expect(peer, &frames);
    peer_free(peer);
}

/* js answers with one frame as large as the window; it spans five Noise messages. */
static void a_frame_of_256_kib_passes(void **state)
{
    (void)state;
    static uint8_t big[262144];
    static const char proposal[] = HELLO "\x06/echo\n";
    memset(big, 'j', sizeof(big));
    memcpy(big, proposal, sizeof(proposal) - 1);
    struct peer *peer = peer_new(PAIR_RANDOM);
    assert_int_equal(
        say(peer, DBR_YAMUX_TYPE_DATA, SYN, 1, sizeof(big), dbr_bytes(big, sizeof(big))),
        0);
    assert_int_equal(peer->pair->side[1].data.len, sizeof(big) - sizeof(proposal) + 1);
    peer_free(peer);
}

static void many_frames_in_one_noise_message_are_answered_in_one(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    struct dbr_buf frames = {0};
    for (uint32_t i = 0; i < 50; i++) {
        add_data(&frames, SYN, 2 * i + 1, HELLO "\x06/echo\n");
    }
    seal_text(&peer->noise, &peer->out, dbr_bytes(frames.data, frames.len));
    dbr_buf_finish(&frames);
    assert_int_equal(speak(peer), 0);
    const struct dbr_buf *out = dbr_stack_out(peer->pair->side[1].stack);
    assert_int_equal(out->len, 2 + 50 * (12 + 27) + 16);
    assert_int_equal((size_t)out->data[0] << 8 | out->data[1], out->len - 2);
    peer_free(peer);
}

static void ping_is_answered_while_data_waits(void **state)
{
    (void)state;
    static const uint8_t big[262144 * 2];
    struct peer *peer = peer_new(PAIR_WHOLE);
    struct pair_side *side = &peer->pair->side[1];
    assert_int_equal(say_data(peer, SYN, 1, HELLO "\x06/echo\n"), 0);
    hear(peer);
    assert_int_equal(dbr_stack_send(side->stack, 1, dbr_bytes(big, sizeof(big))), 0);
    hear(peer); /* the peer's window is used up now */
    dbr_buf_clear(&peer->text);
    assert_int_equal(say(peer, DBR_YAMUX_TYPE_PING, SYN, 0, 77, dbr_bytes(NULL, 0)), 0);
    struct dbr_buf frames = {0};
    add_frame(&frames, DBR_YAMUX_TYPE_PING, ACK, 0, 77, dbr_bytes(NULL, 0));
    expect(peer, &frames);
    peer_free(peer);
}

static void empty_noise_messages_are_skipped(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    for (int i = 0; i < 10; i++) {
        seal_text(&peer->noise, &peer->out, dbr_bytes(NULL, 0));
    }
    assert_int_equal(speak(peer), 0);
    assert_int_equal(say_data(peer, SYN, 1, HELLO "\x06/echo\nhi"), 0);
    pair_assert_data(&peer->pair->side[1], "hi");
    peer_free(peer);
}

/* js may ping as much as it likes as long as it reads the answers. */
static void a_peer_that_never_reads_its_pongs_is_elimit(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    struct dbr_stack *stack = peer->pair->side[1].stack;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(say(peer, DBR_YAMUX_TYPE_PING, SYN, 0, i, dbr_bytes(NULL, 0)),
                         0);
        hear(peer);
    }
    int err = 0;
    int n = 0;
    for (; err == 0 && n < 1000; n++) {
        err = say(peer, DBR_YAMUX_TYPE_PING, SYN, 0, 1, dbr_bytes(NULL, 0));
        (void)dbr_stack_out(stack); /* written, and the peer takes nothing */
    }
    assert_int_equal(err, DEBROS_ELIMIT);
    assert_int_equal(n, 33);
    assert_true(dbr_stack_out(stack)->len < 2048);
    peer_free(peer);
}

/* A handshake that skips MixHash() of the empty prologue works with nobody but itself. */
static void the_empty_prologue_is_hashed(void **state)
{
    (void)state;
    struct dbr_noise_handshake hs;
    struct dbr_noise_keys keys = {0};
    uint8_t expected[DBR_SHA256_SIZE];
    static const char name[] = "Noise_XX_25519_ChaChaPoly_SHA256";
    dbr_noise_handshake_init(&hs, true, dbr_bytes(NULL, 0), &keys, &keys);
    dbr_sha256(expected, dbr_bytes(name, 32));
    assert_memory_equal(hs.symmetric.h, expected, sizeof(expected));
    assert_memory_equal(hs.symmetric.ck, name, 32);
}

/* rust takes 512 streams of ours at most, then it kills the connection; go and js lose
 * patience with 256 that they have not acknowledged. */
static void we_never_open_more_streams_than_others_take(void **state)
{
    (void)state;
    struct dbr_stack_limits limits;
    dbr_stack_limits_default(&limits);
    assert_true(limits.streams_out <= 128);
    struct pair *p = pair_new(1, PAIR_WHOLE);
    uint32_t stream;
    pair_connect(p);
    for (uint32_t i = 0; i < limits.streams_out; i++) {
        assert_int_equal(
            dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str("/x"), p->now), 0);
    }
    assert_int_equal(
        dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str("/x"), p->now),
        DEBROS_ELIMIT);
    pair_free(p);
}

/* js gives window back for each frame, however small. */
static void a_window_for_every_frame_is_no_flood(void **state)
{
    (void)state;
    struct peer *peer = peer_new(PAIR_WHOLE);
    struct dbr_buf windows = {0};
    assert_int_equal(say_data(peer, SYN, 1, HELLO "\x06/echo\n"), 0);
    for (int i = 0; i < 1000; i++) {
        add_window(&windows, 0, 1, 1);
    }
    for (int i = 0; i < 100; i++) { /* 100,000 of them, in one second */
        seal_text(&peer->noise, &peer->out, dbr_bytes(windows.data, windows.len));
        assert_int_equal(speak(peer), 0);
    }
    dbr_buf_finish(&windows);
    hear(peer);
    peer_free(peer);
}

/* A yamux ping, asked while the peer reads slowly and megabytes wait: go ends the
 * connection when no answer comes in 10 seconds. */
static void a_pong_is_in_the_next_message(void **state)
{
    (void)state;
    static const uint8_t big[262144];
    struct peer *peer = peer_new(PAIR_WHOLE);
    struct dbr_stack *stack = peer->pair->side[1].stack;
    for (uint32_t id = 1; id < 20; id += 2) {
        assert_int_equal(say_data(peer, SYN, id, HELLO "\x06/echo\n"), 0);
        hear(peer);
        assert_int_equal(dbr_stack_send(stack, id, dbr_bytes(big, sizeof(big))), 0);
    }
    dbr_buf_clear(&peer->text);
    size_t before = dbr_stack_out(stack)->len; /* what no ping overtakes any more */
    assert_in_range(before, 262144, 400000);
    assert_int_equal(say(peer, DBR_YAMUX_TYPE_PING, SYN, 0, 77, dbr_bytes(NULL, 0)), 0);
    assert_int_equal(dbr_stack_out(stack)->len, before + 2 + 12 + 16);
    hear(peer);
    peer_free(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identify_sent_as_data_with_fin_arrives_whole),
        cmocka_unit_test(the_echo_is_sent_although_the_opener_has_half_closed),
        cmocka_unit_test(a_second_proposal_after_na_is_a_new_event),
        cmocka_unit_test(two_proposals_in_one_frame_are_two_events),
        cmocka_unit_test(an_opener_that_gives_up_after_na_leaves_nothing),
        cmocka_unit_test(a_stream_that_never_proposes_is_reset_after_negotiate_ms),
        cmocka_unit_test(broken_multistream_resets_its_stream_and_no_other),
        cmocka_unit_test(a_window_overrun_is_fatal_and_told),
        cmocka_unit_test(a_frame_of_256_kib_passes),
        cmocka_unit_test(many_frames_in_one_noise_message_are_answered_in_one),
        cmocka_unit_test(ping_is_answered_while_data_waits),
        cmocka_unit_test(empty_noise_messages_are_skipped),
        cmocka_unit_test(a_peer_that_never_reads_its_pongs_is_elimit),
        cmocka_unit_test(the_empty_prologue_is_hashed),
        cmocka_unit_test(we_never_open_more_streams_than_others_take),
        cmocka_unit_test(a_window_for_every_frame_is_no_flood),
        cmocka_unit_test(a_pong_is_in_the_next_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
