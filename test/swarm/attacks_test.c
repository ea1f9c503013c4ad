/* The attacks that other implementations of these protocols fell to, replayed against a
 * swarm by a peer that is made by hand: Noise done properly, everything above it as the
 * attack wants. Each costs bounded memory, and the connection ends or lives as it should.
 *
 *   unlimited streams          GHSA-j7qp-mfxf-8xjw, CVE-2022-23487
 *   huge keys                  CVE-2023-39533
 *   answers that nobody reads  CVE-2024-32984
 *   window updates             CVE-2026-31814
 *   SYN and too much data      CVE-2026-32314
 *   rapid reset                CVE-2023-44487, of HTTP/2
 *   records of others          CVE-2023-40583: see introduce_test.c */
#include "fields.h"
#include "pipe.h"

#include "base/alloc.h"
#include "by_hand.h"
#include "count.h"
#include "swarm/identify.h"
#include "swarm/ping.h"

#define DATA    DBR_YAMUX_TYPE_DATA
#define WINDOW  DBR_YAMUX_TYPE_WINDOW
#define PING    DBR_YAMUX_TYPE_PING
#define SYN     DBR_YAMUX_SYN
#define RST     DBR_YAMUX_RST
#define NOTHING dbr_bytes(NULL, 0)
#define MIB     (1u << 20)

struct attacker {
    struct pipe_world *world;
    struct pipe_node *node;
    struct dbr_keypair key;
    struct dbr_peer_id id;
    struct dbr_rng rng;
    struct dbr_noise noise;
    uint64_t conn;
    struct dbr_buf out;  /* sealed, for the swarm */
    struct dbr_buf text; /* yamux frames of the swarm */
    size_t used_before;
};

static struct dbr_swarm_stats stats_of(const struct attacker *a)
{
    struct dbr_swarm_stats stats;
    dbr_swarm_get_stats(a->node->swarm, &stats);
    return stats;
}

/* What the swarm has written, opened. */
static void hear(struct attacker *a)
{
    if (a->noise.config.identity != NULL) {
        hear_sealed(&a->noise, &a->world->raw_out, &a->text, &a->out);
    }
}

static void speak(struct attacker *a)
{
    dbr_swarm_recv(a->node->swarm, a->conn, view(&a->out), a->world->now);
    dbr_buf_clear(&a->out);
    pipe_run(a->world);
    hear(a);
}

static struct attacker *connect_tcp(void)
{
    struct attacker *a = dbr_calloc(1, sizeof(*a));
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_multiaddr addr;
    uint8_t seed[32] = {66};
    assert_non_null(a);
    pipe_init(world);
    world->config.open = true;
    pipe_start(world, 1);
    a->world = world;
    a->node = pipe_node(world, 1);
    a->conn = world->raw_conn = 9001;
    dbr_keypair_from_seed(&a->key, seed);
    dbr_peer_id_from_key(&a->id, a->key.public_key);
    dbr_rng_seed(&a->rng, 3);
    assert_int_equal(dbr_multiaddr_parse(&addr, "/ip4/10.0.0.99/tcp/999", NULL), 0);
    dbr_swarm_accepted(a->node->swarm, a->conn, &addr, world->now);
    pipe_run(world);
    return a;
}

/* Agrees on Noise and sends its first message; the swarm's answer is in raw_out. */
static void begin_noise(struct attacker *a)
{
    struct dbr_noise_config config = {
        .initiator = true, .offer_muxer = true, .identity = &a->key};
    dbr_buf_str(&a->out, HELLO "\7/noise\n");
    speak(a);
    assert_int_equal(a->world->raw_out.len, 28);
    dbr_buf_clear(&a->world->raw_out);
    assert_int_equal(dbr_noise_init(&a->noise, &config, &a->rng, &a->out), 0);
}

static struct attacker *attack(void)
{
    struct attacker *a = connect_tcp();
    begin_noise(a);
    speak(a);
    speak(a);
    assert_true(a->noise.done);
    assert_true(dbr_swarm_is_connected(a->node->swarm, &a->id));
    dbr_buf_clear(&a->text);
    a->used_before = count_used();
    count_reset_peak();
    return a;
}

static void end(struct attacker *a)
{
    dbr_noise_finish(&a->noise);
    dbr_buf_finish(&a->out);
    dbr_buf_finish(&a->text);
    pipe_destroy(a->world);
    dbr_free(a);
}

static void say(struct attacker *a, struct dbr_buf *frames)
{
    seal_text(&a->noise, &a->out, view(frames));
    dbr_buf_clear(frames);
    speak(a);
}

static void say_frame(struct attacker *a, uint8_t type, uint16_t flags, uint32_t id,
                      uint32_t length, debros_bytes body)
{
    struct dbr_buf frame = {0};
    add_frame(&frame, type, flags, id, length, body);
    say(a, &frame);
    dbr_buf_finish(&frame);
}

static void say_data(struct attacker *a, uint16_t flags, uint32_t id, debros_bytes body)
{
    say_frame(a, DATA, flags, id, (uint32_t)body.len, body);
}

static bool is_closed(const struct attacker *a)
{
    return a->world->raw_closed || !dbr_swarm_is_connected(a->node->swarm, &a->id);
}

/* The most that the attack has cost, beside what the attacker itself holds. */
static size_t cost(const struct attacker *a)
{
    return count_peak() - a->used_before;
}

static void sleep_ms(struct attacker *a, uint64_t ms)
{
    pipe_sleep(a->world, ms);
    hear(a);
}

/* ---- Streams ------------------------------------------------------------------ */

static void unlimited_streams(void **state)
{
    (void)state;
    struct attacker *a = attack();
    struct dbr_buf frames = {0};
    uint32_t id = 1;
    for (int i = 0; i < 200 && !is_closed(a); i++) {
        for (int n = 0; n < 100; n++, id += 2) {
            add_frame(&frames, WINDOW, SYN, id, 0, NOTHING);
        }
        say(a, &frames);
        dbr_buf_clear(&a->text);
    }
    assert_true(is_closed(a));
    assert_in_range(id, 2 * 128, 2 * (128 + 1024 + 200));
    assert_true(cost(a) < MIB / 2);
    assert_int_equal(stats_of(a).broken, 1);
    dbr_buf_finish(&frames);
    end(a);
}

/* Each with its protocol agreed: what is above the limit is reset, and costs nothing. */
static void unlimited_streams_of_a_protocol(void **state)
{
    (void)state;
    struct attacker *a = attack();
    for (uint32_t id = 1; id < 2 * 500; id += 2) {
        say_data(a, SYN, id, dbr_bytes_str(HELLO "\x0e/test/anybody\n"));
        dbr_buf_clear(&a->text);
    }
    assert_false(is_closed(a));
    assert_int_equal(pipe_count(a->node, DBR_SWARM_STREAM_OPENED), 16);
    assert_int_equal(stats_of(a).streams_refused, 500 - 16);
    assert_true(cost(a) < MIB / 2);
    end(a);
}

static void rapid_reset(void **state)
{
    (void)state;
    for (int fast = 0; fast < 2; fast++) {
        struct attacker *a = attack();
        struct dbr_buf frames = {0};
        uint32_t id = 1;
        for (int i = 0; i < 100 && !is_closed(a); i++) {
            for (int n = 0; n < 100; n++, id += 2) {
                debros_bytes hello = dbr_bytes_str(HELLO "\x0e/test/anybody\n");
                add_frame(&frames, DATA, SYN, id, (uint32_t)hello.len, hello);
                add_frame(&frames, WINDOW, RST, id, 0, NOTHING);
            }
            say(a, &frames);
            dbr_buf_clear(&a->text);
            pipe_forget(a->world);
            a->world->now += fast ? 10 : 200;
            if (i == 10) {
                a->used_before = count_used(); /* buffers have their size by now */
                count_reset_peak();
            }
        }
        assert_int_equal(is_closed(a), fast);
        assert_true(cost(a) < MIB / 4); /* no more than one round, however many */
        dbr_buf_finish(&frames);
        end(a);
    }
}

/* ---- Windows ------------------------------------------------------------------ */

static void window_updates_that_overflow(void **state)
{
    (void)state;
    struct attacker *a = attack();
    static const uint8_t body[1000];
    struct dbr_buf frames = {0};
    say_data(a, SYN, 1, dbr_bytes_str(HELLO "\x0e/test/anybody\n"));
    for (int i = 0; i < 100; i++) {
        add_frame(&frames, WINDOW, 0, 1, UINT32_MAX, NOTHING);
        add_frame(&frames, WINDOW, 0, 1, 0x80000001, NOTHING);
    }
    say(a, &frames);
    assert_false(is_closed(a));
    uint64_t stream = pipe_event(a->node, DBR_SWARM_STREAM_OPENED, 0)->event.stream;
    dbr_buf_clear(&a->text);
    for (int i = 0; i < 1000; i++) { /* more than a first window */
        assert_int_equal(dbr_swarm_send(a->node->swarm, stream,
                                        dbr_bytes(body, sizeof(body)), a->world->now),
                         0);
        pipe_run(a->world);
        hear(a);
    }
    assert_in_range(a->text.len, 1000 * 1002, 1000 * (1002 + 12) + 100);
    dbr_buf_finish(&frames);
    end(a);
}

static void syn_with_more_data_than_a_window(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {262145, 1u << 30, UINT32_MAX};
    for (size_t i = 0; i < DBR_COUNT(lengths); i++) {
        struct attacker *a = attack();
        say_frame(a, DATA, SYN, 1, lengths[i], NOTHING); /* the header alone is enough */
        assert_true(is_closed(a));
        assert_true(pipe_logged(a->world, "overran a stream's window"));
        assert_true(cost(a) < MIB / 8);
        end(a);
    }
}

/* ---- Answers ------------------------------------------------------------------- */

/* Every question makes us answer, and no answer is taken. */
static void yamux_pings_that_are_not_read(void **state)
{
    (void)state;
    struct attacker *a = attack();
    struct dbr_buf frames = {0};
    a->node->stalled = true; /* nothing leaves any more */
    int n = 0;
    for (; n < 1000 && !is_closed(a); n++) {
        add_frame(&frames, PING, SYN, 0, 1, NOTHING);
        say(a, &frames);
    }
    assert_in_range(n, 32, 34);
    assert_true(cost(a) < MIB / 8);
    dbr_buf_finish(&frames);
    end(a);
}

static void identify_that_is_not_read(void **state)
{
    (void)state;
    struct attacker *a = attack();
    struct dbr_buf frames = {0};
    debros_bytes hello = dbr_bytes_str(HELLO "\x0f/ipfs/id/1.0.0\n");
    uint32_t id = 1;
    a->node->stalled = true;
    for (int i = 0; i < 3000 && !is_closed(a); i++, id += 2) {
        add_frame(&frames, DATA, SYN, id, (uint32_t)hello.len, hello);
        add_frame(&frames, WINDOW, i % 2 ? RST : DBR_YAMUX_FIN, id, 0, NOTHING);
        say(a, &frames);
        a->world->now += 2; /* below the limit of resets */
    }
    assert_true(cost(a) < MIB);
    dbr_buf_finish(&frames);
    end(a);
}

static void echoes_that_are_not_read(void **state)
{
    (void)state;
    struct attacker *a = attack();
    static const uint8_t pings[DBR_PING_SIZE * 20];
    struct dbr_buf frames = {0};
    a->node->stalled = true;
    for (uint32_t id = 1; id < 32; id += 2) {
        say_data(a, SYN, id, dbr_bytes_str(HELLO "\x11/ipfs/ping/1.0.0\n"));
    }
    for (int i = 0; i < 5000 && !is_closed(a); i++) {
        add_frame(&frames, DATA, 0, 1 + 2 * ((uint32_t)i % 16), sizeof(pings),
                  dbr_bytes(pings, sizeof(pings)));
        say(a, &frames);
    }
    assert_true(stats_of(a).pings_refused > 0);
    assert_true(cost(a) < 2 * MIB);
    dbr_buf_finish(&frames);
    end(a);
}

/* The kernel's buffers are full: nothing is written, and it goes on asking. */
static void whoever_reads_nothing_is_closed(void **state)
{
    (void)state;
    struct attacker *a = attack();
    a->node->unwritten = true;
    say_data(a, SYN, 1, dbr_bytes_str(HELLO "\x0e/test/anybody\n"));
    for (int i = 0; i < 9; i++) {
        sleep_ms(a, 1000);
        say_frame(a, WINDOW, 0, 1, 1, NOTHING);
        assert_false(is_closed(a));
    }
    sleep_ms(a, 1001);
    assert_true(is_closed(a));
    assert_int_equal(stats_of(a).stalled, 1);
    end(a);
}

/* ---- Keys and identify --------------------------------------------------------- */

/* Noise's last message with a payload of our choice. */
static void finish_noise_with(struct attacker *a, debros_bytes payload)
{
    struct dbr_buf message = {0};
    debros_bytes got;
    dbr_swarm_recv(a->node->swarm, a->conn, view(&a->out), a->world->now);
    dbr_buf_clear(&a->out);
    pipe_run(a->world); /* its answer is not opened */
    struct dbr_buf *in = &a->world->raw_out;
    assert_int_equal(
        dbr_noise_handshake_read(&a->noise.handshake, in->data + 2, in->len - 2, &got),
        0);
    assert_int_equal(dbr_noise_handshake_write(&a->noise.handshake, &message, payload),
                     0);
    dbr_buf_clear(in);
    dbr_buf_be16(&a->out, (uint16_t)message.len);
    dbr_buf_add(&a->out, message.data, message.len);
    dbr_buf_finish(&message);
    dbr_swarm_recv(a->node->swarm, a->conn, view(&a->out), a->world->now);
    dbr_buf_clear(&a->out);
    pipe_run(a->world);
}

static void keys_of_other_kinds_and_sizes(void **state)
{
    (void)state;
    static const uint8_t types[] = {0, 1, 2, 3, 77};
    for (size_t i = 0; i < DBR_COUNT(types); i++) {
        static uint8_t big[60000];
        struct attacker *a = connect_tcp();
        struct dbr_buf payload = {0};
        struct dbr_buf key = {0};
        begin_noise(a);
        dbr_buf_u8(&key, 8);
        dbr_buf_u8(&key, types[i]);
        field(&key, 2, big, sizeof(big) - 100);
        field(&payload, 1, key.data, key.len);
        field(&payload, 2, big, 64);
        a->used_before = count_used();
        count_reset_peak();
        finish_noise_with(a, view(&payload));
        assert_true(a->world->raw_closed);
        assert_int_equal(dbr_swarm_connected_count(a->node->swarm), 0);
        assert_true(cost(a) < MIB);
        assert_int_equal(stats_of(a).handshakes_failed, 1);
        dbr_buf_finish(&payload);
        dbr_buf_finish(&key);
        end(a);
    }
}

/* The swarm's identify stream, and a first answer to it. */
static void answer_identify(struct attacker *a, debros_bytes body)
{
    struct dbr_buf text = {0};
    dbr_buf_str(&text, HELLO "\x0f/ipfs/id/1.0.0\n");
    dbr_buf_add(&text, body.data, body.len);
    say_data(a, DBR_YAMUX_ACK, 2, view(&text));
    dbr_buf_finish(&text);
}

static void identify_without_end(void **state)
{
    (void)state;
    static const struct {
        const char *length; /* of one message */
        bool whole;
    } cases[] = {{"\xff\xff\xff\x7f", false}, {"\x80\x40", true}};
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        struct attacker *a = attack();
        struct dbr_buf message = {0};
        answer_identify(a, dbr_bytes_str(cases[i].length));
        while (message.len < 8192) { /* as many texts and addresses as fit */
            text_field(&message, 3, "/x");
            addr_field(&message, 2, "/ip4/10.0.0.1/tcp/1");
        }
        for (int n = 0; n < 200; n++) {
            struct dbr_buf frame = {0};
            dbr_buf_add(&frame, message.data, 8192);
            dbr_buf_str(&frame, cases[i].length);
            say_data(a, 0, 2, view(&frame));
            dbr_buf_finish(&frame);
            dbr_buf_clear(&a->text);
        }
        assert_false(is_closed(a));
        assert_true(cost(a) < MIB);
        assert_int_equal(pipe_count(a->node, DBR_SWARM_IDENTIFIED), 0);
        dbr_buf_finish(&message);
        end(a);
    }
}

/* ---- Slowness ------------------------------------------------------------------ */

static void slow_bytes_in_each_layer(void **state)
{
    (void)state;
    for (int layer = 0; layer < 4; layer++) {
        struct attacker *a = connect_tcp();
        static const char hello[] = HELLO "\7/noise\n";
        if (layer == 1) {
            begin_noise(a); /* its first message never ends */
        } else if (layer == 2) {
            begin_noise(a);
            speak(a); /* the last message never comes */
            dbr_buf_clear(&a->out);
        }
        struct dbr_buf slow = {0};
        dbr_buf_add(&slow, layer == 1 ? (const char *)a->out.data : hello,
                    layer == 1 ? a->out.len - 1 : sizeof(hello) - 2);
        dbr_buf_clear(&a->out);
        size_t at = 0;
        for (int ms = 0; ms < 10000; ms += 500) {
            assert_false(a->world->raw_closed);
            if (layer != 3 && layer != 2 && at < slow.len) {
                dbr_swarm_recv(a->node->swarm, a->conn, dbr_bytes(slow.data + at++, 1),
                               a->world->now);
            }
            pipe_sleep(a->world, 500);
        }
        assert_true(a->world->raw_closed);
        assert_int_equal(stats_of(a).handshakes_failed, 1);
        dbr_buf_finish(&slow);
        end(a);
    }
}

static void slow_proposals_and_messages(void **state)
{
    (void)state;
    struct attacker *a = attack();
    say_data(a, SYN, 1, dbr_bytes_str(HELLO "\x7f/test")); /* a proposal without an end */
    say_data(a, SYN, 3, dbr_bytes_str(HELLO "\x0e/test/anybody\n\x7fhalf a message"));
    for (int i = 0; i < 10; i++) {
        sleep_ms(a, 900);
        say_data(a, 0, 1, dbr_bytes_str("/"));
    }
    dbr_buf_clear(&a->text);
    sleep_ms(a, 1100);
    struct dbr_yamux_header h;
    bool reset = false;
    for (size_t at = 0; at + 12 <= a->text.len; at += 12) {
        assert_int_equal(dbr_yamux_header_decode(&h, a->text.data + at), 0);
        at += h.type == DATA ? h.length : 0;
        reset = reset || (h.stream == 1 && (h.flags & RST) != 0);
    }
    assert_true(reset);
    assert_false(is_closed(a));
    assert_true(cost(a) < MIB / 4);
    end(a);
}

/* ---- Tiny things ---------------------------------------------------------------- */

static void empty_frames(void **state)
{
    (void)state;
    struct attacker *a = attack();
    struct dbr_buf frames = {0};
    say_data(a, SYN, 1, dbr_bytes_str(HELLO "\x0e/test/anybody\n"));
    int n = 0;
    for (; n < 1000 && !is_closed(a); n++) {
        for (int i = 0; i < 100; i++) {
            add_frame(&frames, DATA, 0, 1, 0, NOTHING);
        }
        say(a, &frames);
    }
    assert_true(is_closed(a));
    assert_in_range(n, 163, 165);
    assert_true(cost(a) < MIB / 4);
    dbr_buf_finish(&frames);
    end(a);
}

/* A byte in each frame, and a frame in each Noise message: slow for the peer, too. */
static void one_byte_frames(void **state)
{
    (void)state;
    struct attacker *a = attack();
    struct dbr_buf frame = {0};
    say_data(a, SYN, 1, dbr_bytes_str(HELLO "\x0e/test/anybody\n"));
    size_t sent = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 1000; i++) { /* messages of 0 bytes, 1,000 each round */
            add_frame(&frame, DATA, 0, 1, 1, dbr_bytes_str("\1"));
            add_frame(&frame, DATA, 0, 1, 1, dbr_bytes_str("x"));
            seal_text(&a->noise, &a->out, view(&frame));
            dbr_buf_clear(&frame);
            sent++;
        }
        speak(a);
        assert_int_equal(pipe_count(a->node, DBR_SWARM_STREAM_MESSAGE), 1000);
        pipe_forget(a->world);
        seal_text(&a->noise, &a->out, NOTHING); /* and Noise messages without anything */
        speak(a);
        dbr_buf_clear(&a->text);
    }
    assert_int_equal(sent, 20000);
    assert_false(is_closed(a));
    assert_true(cost(a) < 4 * MIB); /* undrained input is bounded at that */
    dbr_buf_finish(&frame);
    end(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlimited_streams),
        cmocka_unit_test(unlimited_streams_of_a_protocol),
        cmocka_unit_test(rapid_reset),
        cmocka_unit_test(window_updates_that_overflow),
        cmocka_unit_test(syn_with_more_data_than_a_window),
        cmocka_unit_test(yamux_pings_that_are_not_read),
        cmocka_unit_test(identify_that_is_not_read),
        cmocka_unit_test(echoes_that_are_not_read),
        cmocka_unit_test(whoever_reads_nothing_is_closed),
        cmocka_unit_test(keys_of_other_kinds_and_sizes),
        cmocka_unit_test(identify_without_end),
        cmocka_unit_test(slow_bytes_in_each_layer),
        cmocka_unit_test(slow_proposals_and_messages),
        cmocka_unit_test(empty_frames),
        cmocka_unit_test(one_byte_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
