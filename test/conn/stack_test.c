#include "base/alloc.h"
#include "pair.h"
#include "test.h"

#define ECHO "/echo/1.0.0"

static const enum pair_split splits[] = {PAIR_WHOLE, PAIR_BYTES, PAIR_RANDOM,
                                         PAIR_RANDOM};
#define FOR_SPLITS(i) for (uint64_t i = 0; i < 4; i++)

/* ---- The handshake ------------------------------------------------------------- */

static void both_sides_learn_the_others_identity(void **state)
{
    (void)state;
    FOR_SPLITS(i)
    {
        struct pair *p = pair_new(i, splits[i]);
        p->config[0].expected = p->side[1].id;
        pair_start(p);
        assert_int_equal(pair_run(p), 0);
        for (int side = 0; side < 2; side++) {
            const struct pair_record *r = pair_find(&p->side[side], DBR_STACK_SECURED);
            assert_non_null(r);
            assert_true(dbr_peer_id_equal(&r->peer, &p->side[1 - side].id));
            assert_int_equal(p->side[side].n_records, 1);
            assert_int_equal(dbr_stack_deadline(p->side[side].stack), DBR_TIME_NEVER);
        }
        pair_free(p);
    }
}

static void muxer_is_negotiated_inside_noise_when_one_side_lists_none(void **state)
{
    (void)state;
    for (int who = 1; who <= 3; who++) {
        FOR_SPLITS(i)
        {
            struct pair *p = pair_new(i, splits[i]);
            p->config[0].no_early_muxer = (who & 1) != 0;
            p->config[1].no_early_muxer = (who & 2) != 0;
            pair_connect(p);
            uint32_t stream = pair_open(p, ECHO);
            assert_int_equal(pair_send_text(p, 0, stream, "hello"), 0);
            assert_int_equal(pair_run(p), 0);
            pair_assert_data(&p->side[1], "hello");
            pair_free(p);
        }
    }
}

static void streams_opened_before_the_muxer_is_agreed_wait_for_it(void **state)
{
    (void)state;
    struct pair *p = pair_new(1, PAIR_WHOLE);
    uint32_t stream = 0;
    p->config[0].no_early_muxer = true;
    pair_start(p);
    assert_int_equal(
        dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now),
        DEBROS_ESTATE);
    while (pair_count(&p->side[0], DBR_STACK_SECURED) == 0) {
        for (int i = 0; i < 2; i++) {
            struct dbr_buf bytes = dbr_buf_take(dbr_stack_out(p->side[i].stack));
            assert_int_equal(pair_inject(p, 1 - i, dbr_bytes(bytes.data, bytes.len)), 0);
            dbr_buf_finish(&bytes);
            if (pair_count(&p->side[0], DBR_STACK_SECURED) > 0) {
                break;
            }
        }
    }
    assert_int_equal(
        dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(ECHO), p->now), 0);
    assert_int_equal(pair_send_text(p, 0, stream, "early"), 0);
    assert_int_equal(pair_run(p), 0);
    pair_assert_data(&p->side[1], "early");
    pair_free(p);
}

static void another_peer_than_the_expected_is_eauth(void **state)
{
    (void)state;
    struct pair *p = pair_new(3, PAIR_WHOLE);
    p->config[0].expected = p->side[0].id;
    pair_start(p);
    assert_int_equal(pair_run(p), DEBROS_EAUTH);
    assert_int_equal(p->side[0].err, DEBROS_EAUTH);
    assert_int_equal(p->side[0].n_records, 0);
    assert_int_equal(p->side[1].n_records, 0);
    char text[DBR_PEER_ID_TEXT_SIZE];
    assert_non_null(strstr(dbr_stack_reason(p->side[0].stack),
                           dbr_peer_id_text(&p->side[1].id, text)));
    pair_free(p);
}

/* Either side errors, or waits and its handshake times out. Never a wrong success. */
static void a_corrupted_byte_anywhere_in_the_handshake_is_a_clean_error(void **state)
{
    (void)state;
    struct pair *clean = pair_new(4, PAIR_WHOLE);
    pair_start(clean);
    assert_int_equal(pair_run(clean), 0);
    for (int side = 0; side < 2; side++) {
        for (uint64_t at = 0; at < clean->wire_bytes[side]; at++) {
            struct pair *p = pair_new(4, PAIR_WHOLE);
            p->corrupt_at[side] = at;
            pair_start(p);
            int err = pair_run(p);
            p->now += 10000;
            for (int i = 0; err == 0 && i < 2; i++) {
                err = dbr_stack_expire(p->side[i].stack, p->now);
            }
            assert_true(err == DEBROS_EPROTO || err == DEBROS_EAUTH ||
                        err == DEBROS_ELIMIT || err == DEBROS_ETIMEDOUT);
            assert_int_equal(pair_count(&p->side[1], DBR_STACK_SECURED), 0);
            pair_free(p);
        }
    }
    pair_free(clean);
}

static void handshake_times_out_after_handshake_ms(void **state)
{
    (void)state;
    struct pair *p = pair_new(5, PAIR_WHOLE);
    pair_start(p);
    for (int i = 0; i < 2; i++) {
        struct dbr_stack *stack = p->side[i].stack;
        assert_int_equal(dbr_stack_deadline(stack), 11000);
        assert_int_equal(dbr_stack_expire(stack, 10999), 0);
        assert_int_equal(dbr_stack_expire(stack, 11000), DEBROS_ETIMEDOUT);
        assert_int_equal(dbr_stack_recv(stack, dbr_bytes_str("x"), 11001),
                         DEBROS_ETIMEDOUT);
        assert_string_equal(dbr_stack_reason(stack), "the handshake took too long");
    }
    pair_free(p);
}

static void muxer_negotiation_counts_as_handshake(void **state)
{
    (void)state;
    struct pair *p = pair_new(6, PAIR_WHOLE);
    p->config[1].no_early_muxer = true;
    pair_start(p);
    while (pair_count(&p->side[1], DBR_STACK_SECURED) == 0) {
        for (int i = 0; i < 2; i++) {
            struct dbr_buf bytes = dbr_buf_take(dbr_stack_out(p->side[i].stack));
            if (pair_count(&p->side[0], DBR_STACK_SECURED) > 0 && i == 0) {
                bytes.len -= 52; /* the sealed proposal of the muxer gets lost */
            }
            assert_int_equal(pair_inject(p, 1 - i, dbr_bytes(bytes.data, bytes.len)), 0);
            dbr_buf_finish(&bytes);
        }
    }
    assert_int_equal(dbr_stack_deadline(p->side[1].stack), 11000);
    assert_int_equal(dbr_stack_expire(p->side[1].stack, 11000), DEBROS_ETIMEDOUT);
    pair_free(p);
}

static void listener_answers_na_to_tls_and_takes_noise(void **state)
{
    (void)state;
    FOR_SPLITS(i)
    {
        struct pair *p = pair_new(7, splits[i]);
        pair_start(p);
        assert_int_equal(
            pair_inject(p, 1, dbr_bytes_str("\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n")),
            0);
        assert_int_equal(pair_inject(p, 1, dbr_bytes_str("\x07/noise\n")), 0);
        struct dbr_buf *out = dbr_stack_out(p->side[1].stack);
        const char *answer = "\x13/multistream/1.0.0\n\x03na\n\x07/noise\n";
        assert_int_equal(out->len, strlen(answer));
        assert_memory_equal(out->data, answer, out->len);
        pair_free(p);
    }
}

static void dialer_fails_when_noise_is_refused(void **state)
{
    (void)state;
    struct pair *p = pair_new(8, PAIR_WHOLE);
    pair_start(p);
    assert_int_equal(pair_inject(p, 0, dbr_bytes_str("\x13/multistream/1.0.0\n\x03na\n")),
                     DEBROS_EPROTO);
    assert_string_equal(dbr_stack_reason(p->side[0].stack),
                        "the peer does not speak /noise");
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_learn_the_others_identity),
        cmocka_unit_test(muxer_is_negotiated_inside_noise_when_one_side_lists_none),
        cmocka_unit_test(streams_opened_before_the_muxer_is_agreed_wait_for_it),
        cmocka_unit_test(another_peer_than_the_expected_is_eauth),
        cmocka_unit_test(a_corrupted_byte_anywhere_in_the_handshake_is_a_clean_error),
        cmocka_unit_test(handshake_times_out_after_handshake_ms),
        cmocka_unit_test(muxer_negotiation_counts_as_handshake),
        cmocka_unit_test(listener_answers_na_to_tls_and_takes_noise),
        cmocka_unit_test(dialer_fails_when_noise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
