#include "test.h"

#include "base/rng.h"
#include "crypto/base64.h"

/* RFC 4648 section 10, without padding, and the two letters of section 5. */
static void it_gives_the_rfcs_texts(void **state)
{
    (void)state;
    static const char *const examples[][2] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "-_8"},
    };
    for (size_t i = 0; i < DBR_COUNT(examples); i++) {
        char text[16];
        uint8_t back[16];
        debros_bytes data = dbr_bytes_str(examples[i][0]);
        dbr_base64_encode(text, sizeof(text), data);
        assert_string_equal(text, examples[i][1]);
        assert_int_equal(dbr_base64_decode(back, sizeof(back), text), data.len);
        assert_memory_equal(back, data.data, data.len);
    }
}

static void what_is_encoded_comes_back(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 16);
    for (size_t i = 0; i < 2000; i++) {
        uint8_t data[100];
        uint8_t back[100];
        char text[DBR_BASE64_TEXT_SIZE(100)];
        size_t len = (size_t)dbr_rng_below(&rng, sizeof(data) + 1);
        dbr_rng_fill(&rng, data, len);
        dbr_base64_encode(text, DBR_BASE64_TEXT_SIZE(len), dbr_bytes(data, len));
        assert_int_equal(dbr_base64_decode(back, len, text), len);
        assert_memory_equal(back, data, len);
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zh",  "Zm9", "Zg==",   "Zm+v",
                                      "Zm/v", "Zg ", " Zg", "Zm9v\n", "Zm9v!"};
    uint8_t out[16];
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        assert_int_equal(dbr_base64_decode(out, sizeof(out), bad[i]), DEBROS_EINVAL);
    }
    assert_int_equal(dbr_base64_decode(out, 2, "Zm9v"), DEBROS_EINVAL);
    assert_int_equal(dbr_base64_decode(out, 3, "Zm9v"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_rfcs_texts),
        cmocka_unit_test(what_is_encoded_comes_back),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
