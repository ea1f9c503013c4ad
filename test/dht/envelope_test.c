#include "test.h"

#include "fault.h"
#include "values.h"

#define APP "/debros/app/"

struct rig {
    struct dbr_keypair pair;
    struct dbr_dht_signer signer;
    struct dbr_dht_rules rules;
    char text[256];
    debros_bytes key;
};

static void rig_init(struct rig *rig, uint8_t writer)
{
    rig->pair = writer_of(writer);
    dbr_dht_signer_init(&rig->signer, &rig->pair);
    rig->rules = (struct dbr_dht_rules){dbr_dht_kinds, DBR_DHT_KINDS, &rig->signer};
    rig->key = key_with(rig->text, APP, &rig->pair, "/name");
}

static debros_bytes view(const struct dbr_buf *buf)
{
    return dbr_bytes(buf->data, buf->len);
}

static void seal(struct dbr_buf *out, struct rig *rig, uint64_t version, uint64_t expires,
                 const char *value)
{
    dbr_buf_clear(out);
    assert_int_equal(dbr_dht_envelope_seal(out, &rig->signer, rig->key, version, expires,
                                           dbr_bytes_str(value)),
                     0);
}

static enum dbr_dht_verdict judge(struct rig *rig, debros_bytes bytes, debros_bytes held)
{
    struct dbr_dht_envelope e;
    return dbr_dht_envelope_judge(&e, &rig->rules, rig->key, bytes, held, WALL);
}

static const debros_bytes none;

static void what_is_sealed_is_good(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_envelope e;
    struct dbr_peer_id writer;
    struct dbr_peer_id own;
    struct dbr_buf out = {0};
    rig_init(&rig, 1);
    seal(&out, &rig, 7, WALL + HOUR, "value");
    assert_int_equal(out.len, DBR_DHT_ENVELOPE_HEAD + 5);
    assert_int_equal(
        dbr_dht_envelope_judge(&e, &rig.rules, rig.key, view(&out), none, WALL),
        DBR_DHT_VALUE_NEWER);
    assert_int_equal(e.version, 7);
    assert_int_equal(e.expires_ms, WALL + HOUR);
    assert_true(dbr_bytes_equal(e.value, dbr_bytes_str("value")));
    dbr_dht_envelope_writer(&writer, &e);
    dbr_peer_id_from_key(&own, rig.pair.public_key);
    assert_true(dbr_peer_id_equal(&writer, &own));
    seal(&out, &rig, 8, WALL, ""); /* empty values are values */
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_NEWER);
    dbr_buf_finish(&out);
}

static void no_bit_of_it_may_change(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf out = {0};
    rig_init(&rig, 1);
    seal(&out, &rig, 7, WALL + HOUR, "value");
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(dbr_dht_verdict_is_good(judge(&rig, view(&out), none)));
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(judge(&rig, dbr_bytes(out.data, len), none),
                         len < DBR_DHT_ENVELOPE_HEAD ? DBR_DHT_VALUE_UNSIGNED
                                                     : DBR_DHT_VALUE_FORGED);
    }
    dbr_buf_u8(&out, 0);
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_FORGED);
    dbr_buf_finish(&out);
}

static void it_belongs_to_its_key(void **state)
{
    (void)state;
    struct rig rig;
    struct rig other;
    char text[256];
    struct dbr_buf out = {0};
    rig_init(&rig, 1);
    rig_init(&other, 2);
    seal(&out, &rig, 7, WALL + HOUR, "value");
    rig.key = key_with(text, APP, &rig.pair, "/other");
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_FORGED);
    rig.key = dbr_bytes_str("/debros/unknown/x");
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_UNKNOWN_KIND);
    rig.key = dbr_bytes_str("/pk/x");
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_BAD_KEY);
    rig.key = other.key;
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_NOT_ALLOWED);
    seal(&out, &rig, 7, WALL + HOUR, "value"); /* signed, by somebody who may not */
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_NOT_ALLOWED);
    dbr_buf_finish(&out);
}

static void an_end_is_an_end_but_for_the_clocks(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf out = {0};
    rig_init(&rig, 1);
    seal(&out, &rig, 7, WALL - DBR_DHT_CLOCK_SKEW_MS, "");
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_NEWER);
    seal(&out, &rig, 7, WALL - DBR_DHT_CLOCK_SKEW_MS - 1, "");
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_EXPIRED);
    seal(&out, &rig, 7, UINT64_MAX, "");
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_NEWER);
    dbr_buf_finish(&out);
}

static void a_value_has_a_limit(void **state)
{
    (void)state;
    static uint8_t zeroes[DBR_DHT_VALUE_MAX + 1];
    struct rig rig;
    struct dbr_buf out = {0};
    rig_init(&rig, 1);
    assert_int_equal(dbr_dht_envelope_seal(&out, &rig.signer, rig.key, 1, WALL,
                                           dbr_bytes(zeroes, DBR_DHT_CONTENT_MAX + 1)),
                     DEBROS_ELIMIT);
    assert_int_equal(
        dbr_dht_envelope_seal(&out, &rig.signer, dbr_bytes_str("/pk/x"), 1, WALL, none),
        DEBROS_EINVAL);
    assert_int_equal(dbr_dht_envelope_seal(&out, &rig.signer, rig.key, 1, WALL,
                                           dbr_bytes(zeroes, DBR_DHT_CONTENT_MAX)),
                     0);
    assert_int_equal(out.len, DBR_DHT_VALUE_MAX);
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_NEWER);
    assert_int_equal(judge(&rig, dbr_bytes(zeroes, sizeof(zeroes)), none),
                     DBR_DHT_VALUE_TOO_LARGE);
    dbr_buf_finish(&out);
}

/* Everybody chooses the same of any two, in whatever order they come. */
static void the_higher_version_wins_and_then_the_signature(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf all[6] = {{0}};
    rig_init(&rig, 1);
    for (size_t i = 0; i < DBR_COUNT(all); i++) {
        char value[2] = {(char)('a' + i), '\0'};
        seal(&all[i], &rig, 1 + i / 2, WALL + HOUR, value);
    }
    for (size_t i = 0; i < DBR_COUNT(all); i++) {
        for (size_t k = 0; k < DBR_COUNT(all); k++) {
            struct dbr_dht_envelope a;
            struct dbr_dht_envelope b;
            assert_int_equal(dbr_dht_envelope_decode(&a, view(&all[i])), 0);
            assert_int_equal(dbr_dht_envelope_decode(&b, view(&all[k])), 0);
            int order = dbr_dht_envelope_compare(&a, &b);
            int signatures = memcmp(a.signature, b.signature, sizeof(a.signature));
            enum dbr_dht_verdict verdict = judge(&rig, view(&all[i]), view(&all[k]));
            if (i == k) {
                assert_int_equal(verdict, DBR_DHT_VALUE_SAME);
            } else if (i / 2 > k / 2 || (i / 2 == k / 2 && signatures > 0)) {
                assert_true(order > 0);
                assert_int_equal(verdict, DBR_DHT_VALUE_NEWER);
            } else {
                assert_true(order < 0);
                assert_int_equal(verdict, DBR_DHT_VALUE_OLDER);
            }
        }
    }
    for (size_t i = 0; i < DBR_COUNT(all); i++) {
        dbr_buf_finish(&all[i]);
    }
}

static void a_simulation_may_sign_with_a_toy(void **state)
{
    (void)state;
    struct rig rig;
    struct rig real;
    struct dbr_buf out = {0};
    rig_init(&rig, 1);
    rig_init(&real, 1);
    rig.signer = (struct dbr_dht_signer){toy_sign, toy_verify, &rig.pair};
    seal(&out, &rig, 7, WALL, "value");
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_NEWER);
    assert_int_equal(judge(&real, view(&out), none), DBR_DHT_VALUE_FORGED);
    out.data[out.len - 1] ^= 1;
    assert_int_equal(judge(&rig, view(&out), none), DBR_DHT_VALUE_FORGED);
    dbr_buf_finish(&out);
}

static void each_refusal_has_a_status_and_words_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < DBR_DHT_VERDICTS; i++) {
        enum dbr_dht_verdict a = (enum dbr_dht_verdict)i;
        assert_int_equal(dbr_dht_verdict_error(a) == 0, dbr_dht_verdict_is_good(a));
        for (size_t k = 0; k < i; k++) {
            enum dbr_dht_verdict b = (enum dbr_dht_verdict)k;
            assert_string_not_equal(dbr_dht_verdict_words(a), dbr_dht_verdict_words(b));
            assert_true(dbr_dht_verdict_is_good(a) ||
                        dbr_dht_verdict_error(a) != dbr_dht_verdict_error(b));
        }
    }
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf good = {0};
    rig_init(&rig, 1);
    seal(&good, &rig, 7, WALL, "value");
    for (size_t n = 0;; n++) {
        struct dbr_buf out = {0};
        fault_after(n);
        int err = dbr_dht_envelope_seal(&out, &rig.signer, rig.key, 7, WALL,
                                        dbr_bytes_str("value"));
        enum dbr_dht_verdict verdict = judge(&rig, view(&good), none);
        bool failed = fault_off();
        dbr_buf_finish(&out);
        if (!failed) {
            assert_int_equal(err, 0);
            assert_int_equal(verdict, DBR_DHT_VALUE_NEWER);
            break;
        }
        assert_true(err == DEBROS_ENOMEM || verdict == DBR_DHT_VALUE_NO_MEMORY);
    }
    dbr_buf_finish(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_is_good),
        cmocka_unit_test(no_bit_of_it_may_change),
        cmocka_unit_test(it_belongs_to_its_key),
        cmocka_unit_test(an_end_is_an_end_but_for_the_clocks),
        cmocka_unit_test(a_value_has_a_limit),
        cmocka_unit_test(the_higher_version_wins_and_then_the_signature),
        cmocka_unit_test(a_simulation_may_sign_with_a_toy),
        cmocka_unit_test(each_refusal_has_a_status_and_words_of_its_own),
        cmocka_unit_test(short_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
