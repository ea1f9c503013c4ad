#include "options.hpp"

#include "errors.hpp"

#include "cmocka.hpp"

template <typename Function> static bool refuses(Function function, const char *text)
{
    try {
        function(text);
    } catch (const cli::UsageError &) {
        return true;
    }
    return false;
}

static void durations_have_a_unit(void **)
{
    assert_int_equal(cli::parse_duration("500ms").count(), 500);
    assert_int_equal(cli::parse_duration("30s").count(), 30000);
    assert_int_equal(cli::parse_duration("2m").count(), 120000);
    assert_int_equal(cli::parse_duration("1h").count(), 3600000);
    for (const char *text :
         {"", "30", "s", "0s", "-1s", "1.5s", "1 s", "2000h", "99999999999999999999s"}) {
        assert_true(refuses([](const char *t) { return cli::parse_duration(t); }, text));
    }
}

static void words_are_known_or_refused(void **)
{
    assert_true(cli::parse_format("jsonl") == cli::Format::jsonl);
    assert_true(refuses(cli::parse_format, "yaml"));
    assert_true(cli::parse_level("none") == debros::Level::none);
    assert_true(refuses(cli::parse_level, "weekly"));
    assert_int_equal(cli::parse_log_level("debug"), DEBROS_LOG_DEBUG);
    assert_true(refuses(cli::parse_log_level, "loud"));
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_a_unit),
        cmocka_unit_test(words_are_known_or_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
