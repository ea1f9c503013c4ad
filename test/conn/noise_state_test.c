#include "conn/noise_state.h"

#include "crypto/system.h"
#include "vectors.h"

/* ---- The vectors of other implementations -------------------------------------- */

static void load_keys(struct dbr_noise_keys *keys, const json_t *vector, const char *name)
{
    struct test_bytes secret = vectors_hex(vector, name);
    assert_int_equal(secret.len, DBR_DH_SIZE);
    memcpy(keys->secret_key, secret.data, DBR_DH_SIZE);
    dbr_dh_public(keys->public_key, keys->secret_key);
}

static void load_side(struct dbr_noise_handshake *hs, bool initiator,
                      const json_t *vector)
{
    struct dbr_noise_keys s;
    struct dbr_noise_keys e;
    struct test_bytes prologue =
        vectors_hex(vector, initiator ? "init_prologue" : "resp_prologue");
    load_keys(&s, vector, initiator ? "init_static" : "resp_static");
    load_keys(&e, vector, initiator ? "init_ephemeral" : "resp_ephemeral");
    dbr_noise_handshake_init(hs, initiator, test_view(prologue), &s, &e);
}

struct channel {
    struct dbr_noise_handshake hs;
    struct dbr_noise_cipher send;
    struct dbr_noise_cipher recv;
};

/* One message of the vector: written by `from` as the vector says, read back by `to`. */
static void run_message(struct channel *from, struct channel *to, const json_t *message)
{
    struct test_bytes payload = vectors_hex(message, "payload");
    struct test_bytes wire = vectors_hex(message, "ciphertext");
    debros_bytes text = test_view(payload);
    debros_bytes none = dbr_bytes(NULL, 0);
    struct dbr_buf out = {0};
    debros_bytes back = none;

    if (!dbr_noise_handshake_is_done(&from->hs)) {
        assert_int_equal(dbr_noise_handshake_write(&from->hs, &out, text), 0);
        assert_int_equal(out.len, wire.len);
        assert_memory_equal(out.data, wire.data, wire.len);
        assert_int_equal(dbr_noise_handshake_read(&to->hs, out.data, out.len, &back), 0);
    } else {
        uint8_t *to_wire = dbr_buf_extend(&out, text.len + DBR_AEAD_TAG_SIZE);
        assert_int_equal(dbr_noise_encrypt(&from->send, to_wire, text, none), 0);
        assert_int_equal(out.len, wire.len);
        assert_memory_equal(out.data, wire.data, wire.len);
        assert_int_equal(dbr_noise_decrypt(&to->recv, to_wire, test_view(wire), none), 0);
        back = dbr_bytes(to_wire, text.len);
    }
    assert_true(dbr_bytes_equal(back, text));
    dbr_buf_finish(&out);
}

static void run_vector(const json_t *vector)
{
    struct channel side[2] = {0};
    const json_t *message;
    size_t i;

    load_side(&side[0].hs, true, vector);
    load_side(&side[1].hs, false, vector);
    json_array_foreach(json_object_get(vector, "messages"), i, message)
    {
        run_message(&side[i % 2], &side[1 - i % 2], message);
        if (i != 2) {
            continue;
        }
        if (json_object_get(vector, "handshake_hash") != NULL) {
            struct test_bytes binding = vectors_hex(vector, "handshake_hash");
            assert_memory_equal(side[0].hs.symmetric.h, binding.data, 32);
            assert_memory_equal(side[1].hs.symmetric.h, binding.data, 32);
        }
        for (int k = 0; k < 2; k++) {
            dbr_noise_handshake_split(&side[k].hs, &side[k].send, &side[k].recv);
        }
    }
    assert_true(i > 3);
}

static void run_file(const char *name)
{
    json_t *vectors = vectors_load(name);
    const json_t *vector;
    size_t i;
    assert_true(json_array_size(vectors) > 0);
    json_array_foreach(vectors, i, vector)
    {
        run_vector(vector);
    }
    json_decref(vectors);
}

static void the_vectors_of_cacophony_are_met(void **state)
{
    (void)state;
    run_file("noise-xx-cacophony.json");
}

static void the_vectors_of_snow_are_met(void **state)
{
    (void)state;
    run_file("noise-xx-snow.json");
}

/* ---- What goes wrong ----------------------------------------------------------- */

static void make_keys(struct dbr_noise_keys *keys, struct dbr_rng *rng)
{
    dbr_dh_generate(keys->public_key, keys->secret_key, rng);
}

static void make_side(struct dbr_noise_handshake *hs, bool initiator, uint64_t seed,
                      const char *prologue)
{
    struct dbr_noise_keys s;
    struct dbr_noise_keys e;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, seed);
    make_keys(&s, &rng);
    make_keys(&e, &rng);
    dbr_noise_handshake_init(hs, initiator, dbr_bytes_str(prologue), &s, &e);
}

static int move(struct dbr_noise_handshake *from, struct dbr_noise_handshake *to)
{
    struct dbr_buf out = {0};
    debros_bytes payload;
    assert_int_equal(dbr_noise_handshake_write(from, &out, dbr_bytes_str("")), 0);
    int err = dbr_noise_handshake_read(to, out.data, out.len, &payload);
    dbr_buf_finish(&out);
    return err;
}

static void different_prologues_do_not_meet(void **state)
{
    (void)state;
    struct dbr_noise_handshake a;
    struct dbr_noise_handshake b;
    make_side(&a, true, 1, "one");
    make_side(&b, false, 2, "two");
    assert_int_equal(move(&a, &b), 0);
    assert_int_equal(move(&b, &a), DEBROS_EPROTO);
}

static void a_short_message_is_eproto(void **state)
{
    (void)state;
    static const size_t least[3] = {32, 96, 64};
    for (int step = 0; step < 3; step++) {
        for (size_t len = 0; len < least[step]; len++) {
            struct dbr_noise_handshake side[2];
            make_side(&side[0], true, 1, "");
            make_side(&side[1], false, 2, "");
            for (int i = 0; i < step; i++) {
                assert_int_equal(move(&side[i % 2], &side[1 - i % 2]), 0);
            }
            struct dbr_buf out = {0};
            debros_bytes payload;
            assert_int_equal(
                dbr_noise_handshake_write(&side[step % 2], &out, dbr_bytes_str("")), 0);
            assert_int_equal(out.len, least[step]);
            assert_int_equal(
                dbr_noise_handshake_read(&side[1 - step % 2], out.data, len, &payload),
                DEBROS_EPROTO);
            dbr_buf_finish(&out);
        }
    }
}

static void a_key_of_small_order_is_eproto(void **state)
{
    (void)state;
    struct dbr_noise_handshake b;
    uint8_t zero[32] = {0};
    debros_bytes payload;
    struct dbr_buf out = {0};
    make_side(&b, false, 2, "");
    assert_int_equal(dbr_noise_handshake_read(&b, zero, 32, &payload), 0);
    assert_int_equal(dbr_noise_handshake_write(&b, &out, dbr_bytes_str("")),
                     DEBROS_EPROTO);
    dbr_buf_finish(&out);
}

static void the_last_nonce_is_never_used(void **state)
{
    (void)state;
    struct dbr_noise_cipher cipher = {.nonce = UINT64_MAX - 1, .has_key = true};
    uint8_t out[20];
    debros_bytes none = dbr_bytes(NULL, 0);
    assert_int_equal(dbr_noise_encrypt(&cipher, out, dbr_bytes_str("abc"), none), 0);
    assert_int_equal(dbr_noise_encrypt(&cipher, out, dbr_bytes_str("abc"), none),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_noise_decrypt(&cipher, out, dbr_bytes(out, 19), none),
                     DEBROS_ELIMIT);
}

static void a_payload_that_no_message_holds_is_elimit(void **state)
{
    (void)state;
    static uint8_t big[65535];
    struct dbr_noise_handshake a;
    struct dbr_buf out = {0};
    make_side(&a, true, 1, "");
    assert_int_equal(dbr_noise_handshake_write(&a, &out, dbr_bytes(big, sizeof(big))),
                     DEBROS_ELIMIT);
    dbr_buf_finish(&out);
}

static int start(void **state)
{
    (void)state;
    return dbr_crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_cacophony_are_met),
        cmocka_unit_test(the_vectors_of_snow_are_met),
        cmocka_unit_test(different_prologues_do_not_meet),
        cmocka_unit_test(a_short_message_is_eproto),
        cmocka_unit_test(a_key_of_small_order_is_eproto),
        cmocka_unit_test(the_last_nonce_is_never_used),
        cmocka_unit_test(a_payload_that_no_message_holds_is_elimit),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
