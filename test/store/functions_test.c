/* What SQL must answer alike on every replica, however it got there. */
#include "fixture.h"

#include "base/alloc.h"

static const char *const writes[] = {
    "CREATE TABLE t(id INTEGER PRIMARY KEY, r DEFAULT (random()), b DEFAULT "
    "(randomblob(8)),"
    " at DEFAULT CURRENT_TIMESTAMP, d DEFAULT (datetime('now', '+1 day')))",
    "CREATE TABLE log(what, n, total, last)",
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN"
    " INSERT INTO log VALUES('trigger', random(), total_changes(), last_insert_rowid()); "
    "END",
    "INSERT INTO t DEFAULT VALUES",
    "INSERT INTO t(id) VALUES(10), (11), (12)",
    "INSERT INTO log VALUES('first', changes(), total_changes(), last_insert_rowid())",
    "INSERT INTO t(id, d) VALUES(20, strftime('%s', 'now') || julianday('now'))",
    "INSERT OR ROLLBACK INTO t(id) VALUES(20)",
    "UPDATE t SET b = randomblob(id) WHERE id IN (SELECT id FROM t ORDER BY random() "
    "LIMIT 2)",
    "INSERT INTO log SELECT date('now'), unixepoch(), random() % 100, CURRENT_TIME FROM "
    "t",
    "DELETE FROM t WHERE id = 11",
    "INSERT INTO log VALUES('end', changes(), total_changes(), last_insert_rowid())",
};

static const char dump[] = "SELECT group_concat(quote(id) || quote(r) || quote(b) || "
                           "quote(at) || quote(d), ';'),"
                           " (SELECT group_concat(quote(what) || quote(n) || "
                           "quote(total) || quote(last), ';') FROM log)"
                           " FROM t";

static struct dbr_apply_entry *entry_of(struct fixture *f, size_t i)
{
    const debros_statement statement = {.sql = writes[i]};
    struct dbr_sql_transaction t = fixture_transaction(f, "default", &statement, 1);
    return fixture_entry(++f->index, &t, 1);
}

static void replicas_agree_however_entries_arrive(void **state)
{
    (void)state;
    struct fixture single;
    struct fixture batch;
    struct fixture restarted;
    struct dbr_apply_entry *head = NULL;
    struct dbr_apply_entry **end = &head;
    fixture_init_default(&single);
    fixture_init_default(&batch);
    fixture_init_default(&restarted);
    for (size_t i = 0; i < DBR_COUNT(writes); i++) {
        assert_int_equal(fixture_apply(&single, entry_of(&single, i)), 0);
        fixture_reopen(&restarted);
        assert_int_equal(fixture_apply(&restarted, entry_of(&restarted, i)), 0);
        *end = entry_of(&batch, i);
        (*end)->wanted = false; /* rows are not built there */
        end = &(*end)->next;
    }
    assert_int_equal(fixture_apply(&batch, head), 0);
    char *expected = dbr_strdup(fixture_rows(&single, "default", dump));
    assert_non_null(strstr(expected, "2023-11-14 22:13:20"));
    assert_non_null(strstr(expected, "2023-11-15 22:13:20"));
    assert_non_null(strstr(expected, "'first'000"));
    assert_string_equal(fixture_rows(&batch, "default", dump), expected);
    assert_string_equal(fixture_rows(&restarted, "default", dump), expected);
    dbr_free(expected);
    fixture_finish(&single);
    fixture_finish(&batch);
    fixture_finish(&restarted);
}

static void each_transaction_has_its_own_chance(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(r)");
    const debros_statement two[] = {{.sql = "INSERT INTO t VALUES(random())"},
                                    {.sql = "INSERT INTO t VALUES(random())"}};
    struct dbr_sql_transaction list[] = {fixture_transaction(&f, "default", two, 2),
                                         fixture_transaction(&f, "default", two, 2)};
    assert_int_equal(fixture_apply(&f, fixture_entry(++f.index, list, 2)), 0);
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(DISTINCT r) FROM t"),
                        "4");
    fixture_finish(&f);
}

static void a_blob_has_one_byte_at_least_and_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    assert_string_equal(fixture_rows(&f, "default", "SELECT length(randomblob(-1))"),
                        "1");
    assert_string_equal(fixture_rows(&f, "default", "SELECT length(randomblob(1000))"),
                        "1000");
    assert_int_equal(fixture_query(&f, "default", "SELECT randomblob(70000000)")->status,
                     DEBROS_ELIMIT);
    fixture_finish(&f);
}

static void only_the_cluster_sees_the_index(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    const struct dbr_sql_reply *reply =
        fixture_exec(&f, "_system", "SELECT debros_index()");
    assert_int_equal(reply->results[0].cells[0].as.integer, (int64_t)f.index);
    assert_reply(fixture_exec(&f, "default", "SELECT debros_index()"), DEBROS_ESQL,
                 "statement 1: no such function: debros_index");
    fixture_finish(&f);
}

static void queries_draw_from_the_configured_seed(void **state)
{
    (void)state;
    struct fixture a;
    struct fixture b;
    fixture_init_default(&a);
    fixture_init_default(&b);
    char first[64];
    (void)strncpy(first, fixture_rows(&a, "default", "SELECT random()"),
                  sizeof(first) - 1);
    assert_string_equal(fixture_rows(&b, "default", "SELECT random()"), first);
    assert_string_not_equal(fixture_rows(&b, "default", "SELECT random()"), first);
    fixture_finish(&a);
    fixture_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_agree_however_entries_arrive),
        cmocka_unit_test(each_transaction_has_its_own_chance),
        cmocka_unit_test(a_blob_has_one_byte_at_least_and_a_limit),
        cmocka_unit_test(only_the_cluster_sees_the_index),
        cmocka_unit_test(queries_draw_from_the_configured_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
