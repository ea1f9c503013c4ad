#include <stdio.h>

#include "fixture.h"

static const char refusal[] =
    "statement 1: the modifier 'localtime' is not allowed in a write: "
    "replicas may live in different time zones";

static void answers_are_sqlites_own(void **state)
{
    (void)state;
    static const char *const calls[] = {
        "date('2024-02-29', '+1 year')",
        "time('12:34:56.789')",
        "datetime(1700000000, 'unixepoch')",
        "julianday('2000-01-01')",
        "strftime('%J %s %w', '2024-02-29', 'start of month')",
        "unixepoch('2024-02-29 12:00')",
        "date('no date')",
        "date(NULL)",
        "strftime('%f', 1.5)",
        "datetime('2024-01-31', '+1 month', '-1 day', 'weekday 0')"};
    struct fixture f;
    char sql[256];
    fixture_init_default(&f);
    for (size_t i = 0; i < DBR_COUNT(calls); i++) {
        (void)snprintf(sql, sizeof(sql), "SELECT %s", calls[i]);
        char expected[128]; /* readers have SQLite's */
        (void)snprintf(expected, sizeof(expected), "%s",
                       fixture_rows(&f, "default", sql));
        const struct dbr_sql_reply *reply = fixture_exec(&f, "default", sql);
        assert_reply(reply, 0, "");
        assert_string_equal(fixture_result_text(&f, &reply->results[0]), expected);
    }
    fixture_finish(&f);
}

static void now_is_the_entrys_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    const struct dbr_sql_reply *reply = fixture_exec(
        &f, "default", "SELECT datetime(), datetime('now'), CURRENT_TIMESTAMP");
    assert_string_equal(fixture_result_text(&f, &reply->results[0]),
                        "2023-11-14 22:13:20|2023-11-14 22:13:20|2023-11-14 22:13:20");
    fixture_finish(&f);
}

static void this_machines_zone_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    assert_reply(fixture_exec(&f, "default", "SELECT datetime('now', 'localtime')"),
                 DEBROS_ESQL, refusal);
    assert_int_equal(
        fixture_exec(&f, "default", "SELECT strftime('%H', 'now', 'UTC')")->status,
        DEBROS_ESQL);
    assert_int_equal(fixture_exec(&f, "default", "SELECT strftime('utc', 'now')")->status,
                     0);
    assert_int_equal(
        fixture_query(&f, "default", "SELECT datetime('now', 'localtime')")->status, 0);
    fixture_finish(&f);
}

static void dates_may_be_indexed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(at TEXT, d AS (date(at)) STORED)");
    fixture_must(&f, "default", "CREATE INDEX i ON t(strftime('%Y', at))");
    fixture_must(&f, "default", "INSERT INTO t(at) VALUES('2024-05-06 07:08:09')");
    assert_string_equal(fixture_rows(&f, "default",
                                     "SELECT d FROM t"
                                     " WHERE strftime('%Y', at) = '2024'"),
                        "2024-05-06");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_sqlites_own),
        cmocka_unit_test(now_is_the_entrys_time),
        cmocka_unit_test(this_machines_zone_is_refused),
        cmocka_unit_test(dates_may_be_indexed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
