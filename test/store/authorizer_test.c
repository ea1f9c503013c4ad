#include "fixture.h"

#include <stdlib.h>

struct refusal {
    const char *sql;
    const char *words;
};

static const struct refusal refusals[] = {
    {"ATTACH 'x.db' AS x", "statement 1: ATTACH is not allowed: use a namespace"},
    {"DETACH main", "statement 1: DETACH is not allowed: use a namespace"},
    {"BEGIN",
     "statement 1: BEGIN is not allowed: send the statements as one transaction"},
    {"COMMIT",
     "statement 1: COMMIT is not allowed: send the statements as one transaction"},
    {"END", "statement 1: COMMIT is not allowed: send the statements as one transaction"},
    {"ROLLBACK",
     "statement 1: ROLLBACK is not allowed: send the statements as one transaction"},
    {"SAVEPOINT a",
     "statement 1: SAVEPOINT is not allowed: send the statements as one transaction"},
    {"RELEASE debros",
     "statement 1: RELEASE is not allowed: send the statements as one transaction"},
    {"ROLLBACK TO debros",
     "statement 1: ROLLBACK is not allowed: send the statements as one transaction"},
    {"PRAGMA journal_mode = DELETE",
     "statement 1: PRAGMA journal_mode is not allowed: the store decides its settings"},
    {"PRAGMA foreign_keys = OFF",
     "statement 1: PRAGMA foreign_keys is not allowed: the store decides its settings"},
    {"PRAGMA writable_schema = 1", "statement 1: PRAGMA writable_schema is not allowed: "
                                   "the store decides its settings"},
    {"PRAGMA encoding = 'UTF-16'",
     "statement 1: PRAGMA encoding is not allowed: the store decides its settings"},
    {"PRAGMA data_version",
     "statement 1: PRAGMA data_version is not allowed: the store decides its settings"},
    {"EXPLAIN PRAGMA data_version",
     "statement 1: PRAGMA data_version is not allowed: the store decides its settings"},
    {"SELECT count(*) FROM pragma_data_version",
     "statement 1: pragma_data_version is not allowed: it tells about this replica only"},
    {"SELECT * FROM pragma_page_count",
     "statement 1: pragma_page_count is not allowed: it tells about this replica only"},
    {"SELECT load_extension('x')",
     "statement 1: load_extension is not allowed: it reaches outside the database"},
    {"CREATE TEMP TABLE x(a)",
     "statement 1: TEMP is not allowed: it would live on one replica only"},
    {"CREATE TEMP VIEW x AS SELECT 1",
     "statement 1: TEMP is not allowed: it would live on one replica only"},
    {"SELECT * FROM _debros_meta", "statement 1: _debros_meta is not allowed: names that "
                                   "begin with _debros_ are the store's"},
    {"UPDATE _DEBROS_META SET applied = 1",
     "statement 1: _debros_meta is not allowed: names that begin with _debros_ are the "
     "store's"},
    {"DELETE FROM _debros_requests", "statement 1: _debros_requests is not allowed: "
                                     "names that begin with _debros_ are the "
                                     "store's"},
    {"CREATE TABLE _debros_mine(a)", "statement 1: _debros_mine is not allowed: names "
                                     "that begin with _debros_ are the store's"},
    {"CREATE TRIGGER g AFTER INSERT ON _debros_requests BEGIN SELECT 1; END",
     "statement 1: _debros_requests is not allowed: names that begin with _debros_ are "
     "the "
     "store's"},
    {"CREATE INDEX i ON _debros_requests(idx)",
     "statement 1: _debros_requests is not allowed: names that begin with _debros_ are "
     "the "
     "store's"},
    {"VACUUM", "statement 1: VACUUM is not allowed: the store keeps its files"},
    {" /* x */ vacuum into 'copy'",
     "statement 1: VACUUM is not allowed: the store keeps its files"},
    {"CREATE VIRTUAL TABLE v USING dbstat",
     "statement 1: the module dbstat is not allowed: only fts3, fts4, fts5, rtree and "
     "geopoly "
     "are"},
};

static void refusals_are_in_words_for_writes_and_reads(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    for (size_t i = 0; i < DBR_COUNT(refusals); i++) {
        assert_reply(fixture_exec(&f, "default", refusals[i].sql), DEBROS_EACCES,
                     refusals[i].words);
        assert_int_equal(f.job->outcomes->reply->failed, 1);
        assert_reply(fixture_query(&f, "default", refusals[i].sql), DEBROS_EACCES,
                     refusals[i].words);
    }
    fixture_finish(&f);
}

static void triggers_and_views_reach_no_further(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    fixture_must(
        &f, "default",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE _debros_meta SET applied = 0;"
        " END");
    assert_reply(
        fixture_exec(&f, "default", "INSERT INTO t VALUES(1)"), DEBROS_EACCES,
        "statement 1: _debros_meta is not allowed: names that begin with _debros_ are "
        "the store's");
    fixture_must(&f, "default", "CREATE VIEW v AS SELECT * FROM _debros_requests");
    assert_int_equal(fixture_query(&f, "default", "SELECT * FROM v")->status,
                     DEBROS_EACCES);
    fixture_finish(&f);
}

static void looking_at_the_schema_is_allowed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default",
                 "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT REFERENCES t)");
    assert_string_equal(fixture_rows(&f, "default", "PRAGMA table_info(t)"),
                        "0|a|INTEGER|0|NULL|1;1|b|TEXT|0|NULL|0");
    assert_string_equal(
        fixture_rows(&f, "default", "SELECT name FROM pragma_table_info('t')"), "a;b");
    assert_int_equal(fixture_query(&f, "default", "PRAGMA foreign_key_list(t)")->status,
                     0);
    assert_int_equal(fixture_query(&f, "default", "PRAGMA index_list(t)")->status, 0);
    assert_string_equal(fixture_rows(&f, "default",
                                     "SELECT name FROM sqlite_schema"
                                     " WHERE name NOT LIKE '%debros%'"),
                        "t");
    fixture_finish(&f);
}

static void full_text_search_works(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE VIRTUAL TABLE d USING fts5(body)");
    fixture_must(&f, "default", "INSERT INTO d VALUES('one two'), ('two three')");
    assert_string_equal(
        fixture_rows(&f, "default", "SELECT rowid FROM d WHERE d MATCH 'three'"), "2");
    fixture_must(&f, "default", "INSERT INTO d(d) VALUES('optimize')");
    fixture_must(&f, "default", "DELETE FROM d WHERE d MATCH 'one'");
    assert_string_equal(fixture_rows(&f, "default", "SELECT body FROM d"), "two three");
    fixture_finish(&f);
}

static void altering_and_indexing_work(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a, b)");
    fixture_must(&f, "default", "CREATE INDEX i ON t(b)");
    fixture_must(&f, "default", "INSERT INTO t VALUES(1, 2)");
    fixture_must(&f, "default", "ALTER TABLE t RENAME COLUMN b TO c");
    fixture_must(&f, "default", "ALTER TABLE t ADD COLUMN d DEFAULT 7");
    fixture_must(&f, "default", "ALTER TABLE t DROP COLUMN a");
    fixture_must(&f, "default", "ALTER TABLE t RENAME TO u");
    fixture_must(&f, "default", "REINDEX");
    fixture_must(&f, "default", "ANALYZE");
    assert_string_equal(fixture_rows(&f, "default", "SELECT * FROM u"), "2|7");
    fixture_must(&f, "default", "DROP TABLE u");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_in_words_for_writes_and_reads),
        cmocka_unit_test(triggers_and_views_reach_no_further),
        cmocka_unit_test(looking_at_the_schema_is_allowed),
        cmocka_unit_test(full_text_search_works),
        cmocka_unit_test(altering_and_indexing_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
