#include "errors.hpp"

#include "cmocka.hpp"

static void every_error_has_its_exit_code(void **)
{
    const std::pair<int, int> codes[] = {
        {DEBROS_OK, 0},        {DEBROS_ENOMEM, 1},    {DEBROS_EINVAL, 2},
        {DEBROS_ESTATE, 5},    {DEBROS_ECANCELED, 1}, {DEBROS_ETIMEDOUT, 5},
        {DEBROS_ENOTFOUND, 4}, {DEBROS_ELIMIT, 7},    {DEBROS_EUNREACHABLE, 5},
        {DEBROS_EPROTO, 1},    {DEBROS_EAUTH, 3},     {DEBROS_ENOTLEADER, 5},
        {DEBROS_EQUORUM, 5},   {DEBROS_ESQL, 1},      {DEBROS_ECONFLICT, 6},
        {DEBROS_EIO, 1},       {DEBROS_EACCES, 3},    {DEBROS_EBUSY, 5},
        {DEBROS_ENOSPC, 5},    {DEBROS_EEXISTS, 6},   {DEBROS_EINTERNAL, 1},
    };
    for (const auto &[err, code] : codes) {
        assert_int_equal(cli::exit_code(err), code);
    }
}

static void a_failed_statement_is_named(void **)
{
    debros::Error error(DEBROS_ESQL, "no such table: t", 2);
    assert_string_equal(cli::describe(error).c_str(), "statement 2: no such table: t");
    debros::Error named(DEBROS_ESQL, "statement 2: no such table: t", 2);
    assert_string_equal(cli::describe(named).c_str(), "statement 2: no such table: t");
    debros::Error silent(DEBROS_EQUORUM, "");
    assert_string_equal(cli::describe(silent).c_str(), "too few nodes answered");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_exit_code),
        cmocka_unit_test(a_failed_statement_is_named),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
