#include "conn/noise.h"

#include "crypto/system.h"
#include "test.h"

/* One end: the machine, what it wrote, its identity. */
struct end {
    struct dbr_noise noise;
    struct dbr_noise_config config;
    struct dbr_keypair keys;
    struct dbr_rng rng;
    struct dbr_buf out;
};

struct ends {
    struct end a; /* initiator */
    struct end b;
};

static void prepare(struct ends *e)
{
    memset(e, 0, sizeof(*e));
    struct end *end[2] = {&e->a, &e->b};
    for (uint64_t i = 0; i < 2; i++) {
        dbr_rng_seed(&end[i]->rng, i + 1);
        dbr_keypair_generate(&end[i]->keys, &end[i]->rng);
        end[i]->config.initiator = i == 0;
        end[i]->config.offer_muxer = true;
        end[i]->config.identity = &end[i]->keys;
    }
}

static int deliver(struct end *from, struct end *to)
{
    size_t used = 0;
    debros_bytes text;
    int result =
        dbr_noise_next(&to->noise, from->out.data, from->out.len, &used, &text, &to->out);
    if (result == 1) {
        assert_int_equal(text.len, 0);
        dbr_buf_consume(&from->out, used);
        assert_int_equal(from->out.len, 0);
    }
    return result;
}

static void begin(struct ends *e)
{
    assert_int_equal(dbr_noise_init(&e->a.noise, &e->a.config, &e->a.rng, &e->a.out), 0);
    assert_int_equal(dbr_noise_init(&e->b.noise, &e->b.config, &e->b.rng, &e->b.out), 0);
}

static void shake_hands(struct ends *e)
{
    begin(e);
    assert_int_equal(deliver(&e->a, &e->b), 1);
    assert_int_equal(deliver(&e->b, &e->a), 1);
    assert_int_equal(deliver(&e->a, &e->b), 1);
    assert_true(e->a.noise.done);
    assert_true(e->b.noise.done);
}

static void finish(struct ends *e)
{
    dbr_noise_finish(&e->a.noise);
    dbr_noise_finish(&e->b.noise);
    dbr_buf_finish(&e->a.out);
    dbr_buf_finish(&e->b.out);
}

static void messages_have_the_sizes_of_the_spec(void **state)
{
    (void)state;
    struct ends e;
    prepare(&e);
    begin(&e);
    assert_int_equal(e.a.out.len, 34);
    assert_memory_equal(e.a.out.data, "\0\x20", 2);
    assert_int_equal(deliver(&e.a, &e.b), 1);
    assert_int_equal(e.b.out.len, 2 + 32 + 48 + 120 + 16);
    assert_int_equal(deliver(&e.b, &e.a), 1);
    assert_int_equal(e.a.out.len, 2 + 48 + 120 + 16);
    finish(&e);
}

static void both_learn_the_identity_and_agree_on_the_muxer(void **state)
{
    (void)state;
    for (int offers = 0; offers < 4; offers++) {
        struct ends e;
        struct dbr_peer_id id;
        prepare(&e);
        e.a.config.offer_muxer = (offers & 1) != 0;
        e.b.config.offer_muxer = (offers & 2) != 0;
        shake_hands(&e);
        dbr_peer_id_from_key(&id, e.a.keys.public_key);
        assert_true(dbr_peer_id_equal(&e.b.noise.peer, &id));
        dbr_peer_id_from_key(&id, e.b.keys.public_key);
        assert_true(dbr_peer_id_equal(&e.a.noise.peer, &id));
        assert_int_equal(e.a.noise.muxer_agreed, offers == 3);
        assert_int_equal(e.b.noise.muxer_agreed, offers == 3);
        finish(&e);
    }
}

static void an_incomplete_frame_waits(void **state)
{
    (void)state;
    struct ends e;
    size_t used;
    debros_bytes text;
    prepare(&e);
    begin(&e);
    for (size_t len = 0; len < e.a.out.len; len++) {
        assert_int_equal(
            dbr_noise_next(&e.b.noise, e.a.out.data, len, &used, &text, &e.b.out), 0);
    }
    finish(&e);
}

static void the_expected_peer_may_answer_and_no_other(void **state)
{
    (void)state;
    struct ends e;
    prepare(&e);
    dbr_peer_id_from_key(&e.a.config.expected, e.b.keys.public_key);
    shake_hands(&e);
    finish(&e);
    prepare(&e);
    dbr_peer_id_from_key(&e.a.config.expected, e.a.keys.public_key);
    begin(&e);
    assert_int_equal(deliver(&e.a, &e.b), 1);
    assert_int_equal(deliver(&e.b, &e.a), DEBROS_EAUTH);
    assert_int_equal(e.a.out.len, 0); /* it learns nothing of us */
    assert_false(e.a.noise.done);
    finish(&e);
}

/* The secret key of one identity with the public key of another. */
static void a_signature_by_another_key_is_eauth(void **state)
{
    (void)state;
    struct ends e;
    prepare(&e);
    memcpy(e.b.keys.public_key, e.a.keys.public_key, DBR_PUBLIC_KEY_SIZE);
    begin(&e);
    assert_int_equal(deliver(&e.a, &e.b), 1);
    assert_int_equal(deliver(&e.b, &e.a), DEBROS_EAUTH);
    assert_string_equal(e.a.noise.reason,
                        "the signature of the peer's identity is wrong");
    finish(&e);
}

/* ---- Payloads of other peers --------------------------------------------------- */

/* Begins, and lets message 2 carry `payload`; the initiator's result. */
static int answer_in(struct ends *e, debros_bytes payload)
{
    struct dbr_noise_handshake *hs = &e->b.noise.handshake;
    struct dbr_buf message = {0};
    debros_bytes got;
    assert_int_equal(
        dbr_noise_handshake_read(hs, e->a.out.data + 2, e->a.out.len - 2, &got), 0);
    assert_int_equal(dbr_noise_handshake_write(hs, &message, payload), 0);
    dbr_buf_be16(&e->b.out, (uint16_t)message.len);
    dbr_buf_add(&e->b.out, message.data, message.len);
    dbr_buf_finish(&message);
    dbr_buf_clear(&e->a.out);
    return deliver(&e->b, &e->a);
}

static int answer_with(debros_bytes payload)
{
    struct ends e;
    prepare(&e);
    begin(&e);
    int err = answer_in(&e, payload);
    finish(&e);
    return err;
}

static bool muxer_agreed_for(const char *muxer)
{
    struct ends e;
    struct dbr_buf payload = {0};
    uint8_t signature[DBR_SIGNATURE_SIZE];
    uint8_t text[56] = "noise-libp2p-static-key:";
    prepare(&e);
    begin(&e);
    memcpy(text + 24, e.b.noise.handshake.s.public_key, 32);
    dbr_sign(signature, dbr_bytes(text, sizeof(text)), &e.b.keys);
    dbr_buf_add(&payload, "\x0a\x24\x08\x01\x12\x20", 6);
    dbr_buf_add(&payload, e.b.keys.public_key, 32);
    dbr_buf_add(&payload, "\x12\x40", 2);
    dbr_buf_add(&payload, signature, 64);
    dbr_buf_u8(&payload, 0x22);
    dbr_buf_u8(&payload, (uint8_t)(strlen(muxer) + 2));
    dbr_buf_u8(&payload, 0x12);
    dbr_buf_u8(&payload, (uint8_t)strlen(muxer));
    dbr_buf_str(&payload, muxer);
    assert_int_equal(answer_in(&e, dbr_bytes(payload.data, payload.len)), 1);
    bool agreed = e.a.noise.muxer_agreed;
    dbr_buf_finish(&payload);
    finish(&e);
    return agreed;
}

static void only_yamux_is_agreed_early_and_never_mplex(void **state)
{
    (void)state;
    assert_true(muxer_agreed_for("/yamux/1.0.0"));
    assert_false(muxer_agreed_for("/mplex/6.7.0"));
    assert_false(muxer_agreed_for("/yamux/1.0.0x"));
    assert_false(muxer_agreed_for(""));
}

static void malformed_payloads_are_clean_errors(void **state)
{
    (void)state;
    assert_int_equal(answer_with(dbr_bytes_str("")), DEBROS_EAUTH);
    assert_int_equal(answer_with(dbr_bytes_str("\x0a\x7f")), DEBROS_EPROTO);
    assert_int_equal(answer_with(dbr_bytes_str("\x0a\x01x\x12\x01y")), DEBROS_EPROTO);
    assert_int_equal(answer_with(dbr_bytes_str("\x0a\x24\x08\x01\x12\x20"
                                               "0123456789abcdef0123456789abcdef"
                                               "\x12\x01y")),
                     DEBROS_EAUTH);
}

static void keys_that_are_not_ed25519_are_eauth(void **state)
{
    (void)state;
    static const uint8_t secp256k1[] = {0x0a, 7,   8,   2,    0x12, 3,
                                        'a',  'b', 'c', 0x12, 1,    'y'};
    assert_int_equal(answer_with(dbr_bytes(secp256k1, sizeof(secp256k1))), DEBROS_EAUTH);
}

static void a_payload_made_to_cost_memory_is_eproto(void **state)
{
    (void)state;
    static uint8_t payload[60000]; /* empty muxer names without end */
    for (size_t i = 0; i + 4 <= sizeof(payload); i += 4) {
        memcpy(payload + i, "\x22\x02\x12\x00", 4);
    }
    assert_int_equal(answer_with(dbr_bytes(payload, sizeof(payload))), DEBROS_EPROTO);
}

static void clear_text_in_message_1_is_hashed_and_ignored(void **state)
{
    (void)state;
    struct ends e;
    prepare(&e);
    assert_int_equal(dbr_noise_init(&e.b.noise, &e.b.config, &e.b.rng, &e.b.out), 0);
    /* The initiator by hand, so that its message 1 has a payload. */
    assert_int_equal(dbr_noise_init(&e.a.noise, &e.a.config, &e.a.rng, &e.a.out), 0);
    struct dbr_noise_handshake *hs = &e.a.noise.handshake;
    struct dbr_noise_keys s = hs->s;
    struct dbr_noise_keys ephemeral = hs->e;
    dbr_noise_handshake_init(hs, true, dbr_bytes(NULL, 0), &s, &ephemeral);
    struct dbr_buf message = {0};
    assert_int_equal(dbr_noise_handshake_write(hs, &message, dbr_bytes_str("hello")), 0);
    dbr_buf_clear(&e.a.out);
    dbr_buf_be16(&e.a.out, (uint16_t)message.len);
    dbr_buf_add(&e.a.out, message.data, message.len);
    dbr_buf_finish(&message);
    assert_int_equal(deliver(&e.a, &e.b), 1);
    assert_int_equal(deliver(&e.b, &e.a), 1);
    assert_int_equal(deliver(&e.a, &e.b), 1);
    assert_true(e.b.noise.done);
    finish(&e);
}

/* ---- Transport ----------------------------------------------------------------- */

static void send_text(struct end *from, size_t len)
{
    uint8_t *text = dbr_noise_text(&from->out, DBR_NOISE_TEXT_MAX);
    assert_non_null(text);
    memset(text, 'x', len);
    assert_int_equal(dbr_noise_seal(&from->noise, &from->out, len), 0);
}

static void text_of_every_size_passes(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 12, 1000, 64511, 65519, 0, 5};
    struct ends e;
    prepare(&e);
    shake_hands(&e);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t used;
        debros_bytes text;
        send_text(&e.a, sizes[i]);
        assert_int_equal(e.a.out.len, 2 + sizes[i] + 16);
        assert_int_equal(
            dbr_noise_next(&e.b.noise, e.a.out.data, e.a.out.len, &used, &text, &e.b.out),
            1);
        assert_int_equal(used, e.a.out.len);
        assert_int_equal(text.len, sizes[i]);
        for (size_t k = 0; k < text.len; k++) {
            assert_int_equal(text.data[k], 'x');
        }
        dbr_buf_clear(&e.a.out);
    }
    finish(&e);
}

static void a_changed_repeated_or_short_message_is_eproto(void **state)
{
    (void)state;
    size_t used;
    debros_bytes text;
    for (int kind = 0; kind < 3; kind++) {
        struct ends e;
        prepare(&e);
        shake_hands(&e);
        send_text(&e.a, 10);
        struct dbr_buf *out = &e.a.out;
        if (kind == 0) {
            out->data[5] ^= 1;
        } else if (kind == 1) {
            struct dbr_buf copy = {0};
            dbr_buf_add(&copy, out->data, out->len);
            assert_int_equal(
                dbr_noise_next(&e.b.noise, copy.data, copy.len, &used, &text, &e.b.out),
                1);
            dbr_buf_finish(&copy);
        } else {
            out->data[1] = 15; /* less than a tag */
        }
        assert_int_equal(
            dbr_noise_next(&e.b.noise, out->data, out->len, &used, &text, &e.b.out),
            DEBROS_EPROTO);
        finish(&e);
    }
}

static int start(void **state)
{
    (void)state;
    return dbr_crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_the_sizes_of_the_spec),
        cmocka_unit_test(both_learn_the_identity_and_agree_on_the_muxer),
        cmocka_unit_test(an_incomplete_frame_waits),
        cmocka_unit_test(the_expected_peer_may_answer_and_no_other),
        cmocka_unit_test(a_signature_by_another_key_is_eauth),
        cmocka_unit_test(only_yamux_is_agreed_early_and_never_mplex),
        cmocka_unit_test(malformed_payloads_are_clean_errors),
        cmocka_unit_test(keys_that_are_not_ed25519_are_eauth),
        cmocka_unit_test(a_payload_made_to_cost_memory_is_eproto),
        cmocka_unit_test(clear_text_in_message_1_is_hashed_and_ignored),
        cmocka_unit_test(text_of_every_size_passes),
        cmocka_unit_test(a_changed_repeated_or_short_message_is_eproto),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
