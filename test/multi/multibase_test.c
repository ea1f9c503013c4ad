#include "test.h"

#include "base/rng.h"
#include "multi/multibase.h"

/* RFC 4648 section 10, in lower case and without padding. */
static void it_gives_the_rfcs_texts(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        const char *base32;
        const char *base64;
    } examples[] = {
        {"", "", ""},
        {"f", "my", "Zg"},
        {"fo", "mzxq", "Zm8"},
        {"foo", "mzxw6", "Zm9v"},
        {"foob", "mzxw6yq", "Zm9vYg"},
        {"fooba", "mzxw6ytb", "Zm9vYmE"},
        {"foobar", "mzxw6ytboi", "Zm9vYmFy"},
        {"\xfb\xff", "7p7q", "-_8"},
    };
    for (size_t i = 0; i < DBR_COUNT(examples); i++) {
        char text[32];
        debros_bytes data = dbr_bytes_str(examples[i].data);
        assert_int_equal(dbr_base32_encode(text, sizeof(text), data),
                         strlen(examples[i].base32));
        assert_string_equal(text, examples[i].base32);
        assert_int_equal(dbr_base64url_encode(text, sizeof(text), data),
                         strlen(examples[i].base64));
        assert_string_equal(text, examples[i].base64);
    }
}

static void what_is_encoded_comes_back(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 12);
    for (size_t i = 0; i < 5000; i++) {
        uint8_t data[100];
        uint8_t back[100];
        char text[161];
        size_t len = (size_t)dbr_rng_below(&rng, sizeof(data) + 1);
        dbr_rng_fill(&rng, data, len);
        int n = dbr_base32_encode(text, sizeof(text), dbr_bytes(data, len));
        assert_int_equal(dbr_base32_decode(back, len, text, (size_t)n), len);
        assert_memory_equal(back, data, len);
        n = dbr_base64url_encode(text, sizeof(text), dbr_bytes(data, len));
        assert_int_equal(dbr_base64url_decode(back, len, text, (size_t)n), len);
        assert_memory_equal(back, data, len);
    }
}

static void a_value_has_one_text(void **state)
{
    (void)state;
    static const char *const bad32[] = {"m",  "mz1", "mZ",   "mz", "mzx",
                                        "a=", "my=", "mzxr", "m "};
    static const char *const bad64[] = {"Z", "Zh", "Zm9", "Zg=", "Zm+", "Zm/"};
    uint8_t out[16];
    for (size_t i = 0; i < DBR_COUNT(bad32); i++) {
        assert_int_equal(dbr_base32_decode(out, sizeof(out), bad32[i], strlen(bad32[i])),
                         DEBROS_EINVAL);
    }
    for (size_t i = 0; i < DBR_COUNT(bad64); i++) {
        assert_int_equal(
            dbr_base64url_decode(out, sizeof(out), bad64[i], strlen(bad64[i])),
            DEBROS_EINVAL);
    }
    assert_int_equal(dbr_base32_decode(out, sizeof(out), "my\0", 3), DEBROS_EINVAL);
}

static void the_limits_hold(void **state)
{
    (void)state;
    char text[8];
    uint8_t out[8];
    debros_bytes foo = dbr_bytes_str("foo");
    assert_int_equal(dbr_base32_encode(text, 5, foo), DEBROS_ELIMIT);
    assert_int_equal(dbr_base32_encode(text, 6, foo), 5);
    assert_int_equal(dbr_base64url_encode(text, 4, foo), DEBROS_ELIMIT);
    assert_int_equal(dbr_base64url_encode(text, 5, foo), 4);
    assert_int_equal(dbr_base64url_encode(text, 0, dbr_bytes(NULL, 0)), DEBROS_ELIMIT);
    assert_int_equal(dbr_base32_encode(text, 8, dbr_bytes(out, SIZE_MAX / 2)),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_base32_decode(out, 2, "mzxw6", 5), DEBROS_ELIMIT);
    assert_int_equal(dbr_base32_decode(out, 3, "mzxw6", 5), 3);
    assert_int_equal(dbr_base64url_decode(out, 2, "Zm9v", 4), DEBROS_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_rfcs_texts),
        cmocka_unit_test(what_is_encoded_comes_back),
        cmocka_unit_test(a_value_has_one_text),
        cmocka_unit_test(the_limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
