#include "test.h"

#include "base/rng.h"
#include "multi/base58.h"

/* The examples of draft-msporny-base58. */
static void it_gives_the_drafts_texts(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        const char *text;
    } examples[] = {
        {"48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"},
        {"54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a79"
         "20646f672e",
         "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
        {"0000287fb4cd", "11233QC4"},
        {"", ""},
        {"00", "1"},
        {"0000", "11"},
        {"39", "z"},
        {"3a", "21"},
    };
    for (size_t i = 0; i < DBR_COUNT(examples); i++) {
        struct test_bytes data = test_hex(examples[i].digits);
        char text[DBR_BASE58_MAX_TEXT + 8];
        uint8_t back[128];
        int len = dbr_base58_encode(text, sizeof(text), test_view(data));
        assert_int_equal(len, strlen(examples[i].text));
        assert_string_equal(text, examples[i].text);
        int n = dbr_base58_decode(back, sizeof(back), text, (size_t)len);
        assert_int_equal(n, data.len);
        assert_memory_equal(back, data.data, data.len);
    }
}

static void what_is_encoded_comes_back(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 11);
    for (size_t i = 0; i < 5000; i++) {
        uint8_t data[93]; /* the most whose text always decodes */
        uint8_t back[sizeof(data)];
        char text[DBR_BASE58_MAX_TEXT + 1];
        size_t len = (size_t)dbr_rng_below(&rng, sizeof(data) + 1);
        dbr_rng_fill(&rng, data, len);
        memset(data, 0, (size_t)dbr_rng_below(&rng, len + 1) * (i % 3 == 0));
        int n = dbr_base58_encode(text, sizeof(text), dbr_bytes(data, len));
        assert_true(n >= 0 && n == (int)strlen(text));
        assert_int_equal(dbr_base58_decode(back, len, text, (size_t)n), len);
        assert_memory_equal(back, data, len);
    }
}

static void letters_of_other_alphabets_are_refused(void **state)
{
    (void)state;
    uint8_t out[128];
    static const char bad[] = "0OIl +/-_\n\xff";
    for (size_t i = 0; i < sizeof(bad); i++) {
        char text[3] = {'2', bad[i], '2'};
        assert_int_equal(dbr_base58_decode(out, sizeof(out), text, 3), DEBROS_EINVAL);
    }
}

static void the_limits_hold(void **state)
{
    (void)state;
    char text[256];
    uint8_t data[256] = {0};
    memset(text, '1', sizeof(text));
    assert_int_equal(dbr_base58_decode(data, sizeof(data), text, 129), DEBROS_ELIMIT);
    assert_int_equal(dbr_base58_decode(data, sizeof(data), text, 128), 128);
    assert_int_equal(dbr_base58_decode(data, 127, text, 128), DEBROS_ELIMIT);
    memset(text, 'z', sizeof(text));
    assert_int_equal(dbr_base58_decode(data, sizeof(data), text, 128), 94);
    memset(data, 0xff, sizeof(data));
    assert_int_equal(dbr_base58_encode(text, sizeof(text), dbr_bytes(data, 97)),
                     DEBROS_ELIMIT);
    int len = dbr_base58_encode(text, sizeof(text), dbr_bytes(data, 96));
    assert_int_equal(len, 132);
    assert_int_equal(dbr_base58_encode(text, 132, dbr_bytes(data, 96)), DEBROS_ELIMIT);
    assert_int_equal(dbr_base58_encode(text, 133, dbr_bytes(data, 96)), 132);
    assert_int_equal(dbr_base58_encode(text, 0, dbr_bytes(data, 0)), DEBROS_ELIMIT);
}

static void hex_comes_back(void **state)
{
    (void)state;
    uint8_t data[256];
    uint8_t back[256];
    char text[513];
    for (size_t i = 0; i < 256; i++) {
        data[i] = (uint8_t)i;
    }
    dbr_hex_encode(text, dbr_bytes(data, 256));
    assert_memory_equal(text, "000102", 6);
    assert_int_equal(dbr_hex_decode(back, 256, text), 0);
    assert_memory_equal(back, data, 256);
    assert_int_equal(dbr_hex_decode(back, 3, "aBCdeF"), 0);
    assert_hex(back, 3, "abcdef");
    dbr_hex_encode(text, dbr_bytes(NULL, 0));
    assert_string_equal(text, "");
}

static void hex_is_of_exactly_the_length(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_int_equal(dbr_hex_decode(out, 2, "0102"), 0);
    assert_int_equal(dbr_hex_decode(out, 2, "010"), DEBROS_EINVAL);
    assert_int_equal(dbr_hex_decode(out, 2, "01020"), DEBROS_EINVAL);
    assert_int_equal(dbr_hex_decode(out, 2, "010g"), DEBROS_EINVAL);
    assert_int_equal(dbr_hex_decode(out, 2, ""), DEBROS_EINVAL);
    assert_int_equal(dbr_hex_decode(out, 0, ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_drafts_texts),
        cmocka_unit_test(what_is_encoded_comes_back),
        cmocka_unit_test(letters_of_other_alphabets_are_refused),
        cmocka_unit_test(the_limits_hold),
        cmocka_unit_test(hex_comes_back),
        cmocka_unit_test(hex_is_of_exactly_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
