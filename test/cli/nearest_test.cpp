#include "nearest.hpp"

#include "cmocka.hpp"

static const std::vector<std::string> words = {
    "query", "tx", "status", "peers", "ping", "--data-dir", "--namespace"};

static void a_slip_finds_its_word(void **)
{
    assert_string_equal(cli::nearest("qurey", words).c_str(), "query");
    assert_string_equal(cli::nearest("stats", words).c_str(), "status");
    assert_string_equal(cli::nearest("pign", words).c_str(), "ping");
    assert_string_equal(cli::nearest("--datadir", words).c_str(), "--data-dir");
    assert_string_equal(cli::nearest("--name-space", words).c_str(), "--namespace");
}

static void a_far_word_finds_none(void **)
{
    assert_string_equal(cli::nearest("backup", words).c_str(), "");
    assert_string_equal(cli::nearest("zz", words).c_str(), "");
    assert_string_equal(cli::nearest("query", {}).c_str(), "");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_finds_its_word),
        cmocka_unit_test(a_far_word_finds_none),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
