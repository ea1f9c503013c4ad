#include "params.hpp"

#include "errors.hpp"

#include "cmocka.hpp"

using cli::parse_param;
using debros::Value;

static void is(const char *text, const Value &expected)
{
    Value value = parse_param(text);
    if (!(value == expected)) {
        fail_msg("%s has another type or value", text);
    }
}

static void integers_have_64_bits(void **)
{
    is("0", 0);
    is("42", 42);
    is("-7", -7);
    is("9223372036854775807", INT64_MAX);
    is("-9223372036854775808", INT64_MIN);
}

static void what_an_integer_would_change_is_text(void **)
{
    for (const char *text : {"007", "+1", "9223372036854775808", "-9223372036854775809",
                             " 1", "1 ", "0x10", "1_000", "-", ""}) {
        is(text, text);
    }
}

static void reals_have_a_point_or_an_exponent(void **)
{
    is("1.5", 1.5);
    is("-0.25", -0.25);
    is("1e3", 1000.0);
    is("2.5E-1", 0.25);
    for (const char *text : {"1.", ".5", "1e", "1.2.3", "1e999", "nan", "inf", "1.5x"}) {
        is(text, text);
    }
}

static void null_and_prefixes(void **)
{
    is("NULL", nullptr);
    is("null", "null");
    is("text:42", "42");
    is("text:", "");
    is("text:NULL", "NULL");
    is("blob:", debros::Blob{});
    is("blob:00fF", debros::Blob{{0, 255}});
}

static void a_damaged_blob_is_a_usage_error(void **)
{
    for (const char *text : {"blob:0", "blob:0g", "blob:-1", "blob:0x"}) {
        bool thrown = false;
        try {
            parse_param(text);
        } catch (const cli::UsageError &error) {
            thrown = error.code() == cli::exit_usage;
        }
        assert_true(thrown);
    }
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(integers_have_64_bits),
        cmocka_unit_test(what_an_integer_would_change_is_text),
        cmocka_unit_test(reals_have_a_point_or_an_exponent),
        cmocka_unit_test(null_and_prefixes),
        cmocka_unit_test(a_damaged_blob_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
