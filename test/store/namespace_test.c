#include "fixture.h"
#include "store/store_private.h"

static void names(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "0", "_system", "a-b_c9",
        "123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad[] = {
        "",
        "-a",
        "A",
        "a.b",
        "a/b",
        "..",
        "a b",
        "\xc3\xa4",
        "1234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < DBR_COUNT(good); i++) {
        assert_true(dbr_namespace_name_ok(good[i]));
    }
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        assert_false(dbr_namespace_name_ok(bad[i]));
    }
}

/* Rows of _system that name no namespace do no harm. */
static void strange_rows_are_ignored(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(
        &f, "_system",
        "INSERT INTO namespaces VALUES('../x', 1), ('Big', 1), (NULL, 1), ('neg', -5),"
        " ('zero', 0), ('text', 'abc'), ('_system', 1)");
    assert_int_equal(fixture_query(&f, "zero", "SELECT 1")->status, DEBROS_ENOTFOUND);
    assert_int_equal(fixture_query(&f, "text", "SELECT 1")->status, DEBROS_ENOTFOUND);
    assert_int_equal(fixture_query(&f, "neg", "SELECT 1")->status, DEBROS_ENOTFOUND);
    fixture_reopen(&f);
    assert_string_equal(fixture_rows(&f, "default", "SELECT 1"), "1");
    fixture_finish(&f);
}

static void namespaces_hold_their_own(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "_system", "INSERT INTO namespaces VALUES('other', debros_index())");
    fixture_must(&f, "default", "CREATE TABLE t AS SELECT 1 AS a");
    fixture_must(&f, "other", "CREATE TABLE t AS SELECT 2 AS a");
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "1");
    assert_string_equal(fixture_rows(&f, "other", "SELECT a FROM t"), "2");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(strange_rows_are_ignored),
        cmocka_unit_test(namespaces_hold_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
