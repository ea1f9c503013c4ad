#include "fixture.h"

static void what_writes_is_refused(void **state)
{
    (void)state;
    static const char *const writes[] = {"INSERT INTO t VALUES(1)",
                                         "UPDATE t SET a = 1",
                                         "DELETE FROM t",
                                         "CREATE TABLE u(a)",
                                         "DROP TABLE t",
                                         "INSERT INTO t VALUES(1) RETURNING a",
                                         "REINDEX"};
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    for (size_t i = 0; i < DBR_COUNT(writes); i++) {
        assert_reply(fixture_query(&f, "default", writes[i]), DEBROS_EINVAL,
                     "statement 1: this statement writes: use exec");
    }
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(*) FROM t"), "0");
    fixture_finish(&f);
}

static void namespaces_are_apart(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    assert_reply(fixture_query(&f, "nowhere", "SELECT 1"), DEBROS_ENOTFOUND,
                 "there is no namespace 'nowhere'");
    assert_reply(fixture_query(&f, "../../etc", "SELECT 1"), DEBROS_ENOTFOUND,
                 "there is no namespace '../../etc'");
    assert_string_equal(fixture_rows(&f, "_system", "SELECT name FROM namespaces"),
                        "default");
    const debros_statement statement = {.sql = "SELECT 1"};
    struct dbr_query_job *job = dbr_query_job_create(1, "_system", &statement);
    dbr_store_query(f.store, job, 1);
    assert_int_equal(job->reply->status, DEBROS_ENOTFOUND); /* not internal */
    dbr_query_job_destroy(job);
    fixture_finish(&f);
}

static void the_index_is_what_was_seen(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    assert_int_equal(fixture_query(&f, "default", "SELECT 1")->index, f.index);
    fixture_must(&f, "_system", "CREATE TABLE u(a)"); /* another file */
    assert_int_equal(fixture_query(&f, "default", "SELECT 1")->index, f.index);
    assert_int_equal(fixture_query(&f, "nowhere", "SELECT 1")->index, f.index);
    fixture_finish(&f);
}

static int64_t fake_now(void *data)
{
    return ++*(int64_t *)data; /* a millisecond for each look */
}

static int64_t fake_wall(void *data)
{
    (void)data;
    return 86400000;
}

static void a_query_ends_at_its_deadline(void **state)
{
    (void)state;
    struct fixture f;
    int64_t clock = 0;
    fixture_init_default(&f);
    f.config.now_ms = fake_now;
    f.config.wall_ms = fake_wall;
    f.config.clock_data = &clock;
    fixture_reopen(&f);
    const debros_statement statement = {.sql =
                                            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
                                            "SELECT x FROM c) SELECT count(*) FROM c"};
    struct dbr_query_job *job = dbr_query_job_create(1, "default", &statement);
    job->timeout_ms = 50;
    dbr_store_query(f.store, job, 0);
    assert_reply(job->reply, DEBROS_ETIMEDOUT,
                 "statement 1: stopped: the deadline passed");
    assert_true(clock >= 50 && clock < 60);
    dbr_query_job_destroy(job);
    assert_string_equal(fixture_rows(&f, "default", "SELECT datetime('now')"),
                        "1970-01-02 00:00:00");
    fixture_finish(&f);
}

static void too_large_an_answer_is_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    assert_reply(
        fixture_query(&f, "default",
                      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
                      " SELECT zeroblob(1000000) FROM c"),
        DEBROS_ELIMIT, "the result is larger than 16777216 bytes: read it in parts");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_writes_is_refused),
        cmocka_unit_test(namespaces_are_apart),
        cmocka_unit_test(the_index_is_what_was_seen),
        cmocka_unit_test(a_query_ends_at_its_deadline),
        cmocka_unit_test(too_large_an_answer_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
