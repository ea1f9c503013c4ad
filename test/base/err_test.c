#include <limits.h>

#include "test.h"

static void known_codes_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(debros_err_name(DEBROS_ENOTFOUND), "ENOTFOUND");
    assert_string_equal(debros_strerror(DEBROS_ENOTFOUND), "not found");
    assert_string_equal(debros_err_name(DEBROS_OK), "OK");
    assert_string_equal(debros_strerror(DEBROS_OK), "success");
}

/* Codes are for ever: programs and other languages have them compiled in. */
static void codes_never_change(void **state)
{
    (void)state;
    assert_int_equal(DEBROS_ENOMEM, -1);
    assert_int_equal(DEBROS_EPROTO, -10);
    assert_int_equal(DEBROS_EINTERNAL, -21);
}

static void every_code_is_told_apart(void **state)
{
    (void)state;
    static const int codes[] = {
#define DEBROS_X(code, name, text) DEBROS_##name,
        DEBROS_ERROR_MAP(DEBROS_X)
#undef DEBROS_X
    };
    for (size_t i = 0; i < DBR_COUNT(codes); i++) {
        assert_true(codes[i] < 0);
        assert_string_not_equal(debros_err_name(codes[i]), debros_err_name(1));
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(codes[i], codes[j]);
            assert_string_not_equal(debros_err_name(codes[i]), debros_err_name(codes[j]));
            assert_string_not_equal(debros_strerror(codes[i]), debros_strerror(codes[j]));
        }
    }
}

static void no_value_is_without_text(void **state)
{
    (void)state;
    static const int codes[] = {1, -1000, INT_MAX, INT_MIN};
    for (size_t i = 0; i < DBR_COUNT(codes); i++) {
        assert_string_equal(debros_err_name(codes[i]), "UNKNOWN");
        assert_string_equal(debros_strerror(codes[i]), "unknown error");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_codes_have_their_names),
        cmocka_unit_test(codes_never_change),
        cmocka_unit_test(every_code_is_told_apart),
        cmocka_unit_test(no_value_is_without_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
