#include "fixture.h"
#include "store/store_private.h"

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

/* The same query first in a moment, and by a reader when it took longer. */
static bool quick(struct fixture *f, const char *sql)
{
    const debros_statement statement = {.sql = sql};
    dbr_query_job_destroy(f->query);
    f->query = dbr_query_job_create(1, "default", &statement);
    bool was_quick = dbr_store_query_quick(f->store, f->query);
    if (!was_quick) {
        assert_null(f->query->reply);
        dbr_store_query(f->store, f->query, 0);
    }
    assert_int_equal(f->query->reply->status, 0);
    return was_quick;
}

static const char *answer(struct fixture *f)
{
    return fixture_result_text(f, &f->query->reply->results[0]);
}

static void what_was_short_is_answered_in_a_moment(void **state)
{
    (void)state;
    struct fixture f;
    static const char count[] = "SELECT count(*) FROM t AS x, t AS y";
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a INTEGER PRIMARY KEY)");
    assert_false(quick(&f, count)); /* nobody knows */
    assert_true(quick(&f, count));
    fixture_must(&f, "default", "INSERT INTO t VALUES(1), (2)");
    assert_true(quick(&f, count));
    assert_string_equal(answer(&f), "4");
    assert_int_equal(f.query->reply->index, f.index);
    fixture_must(
        &f, "default",
        "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n LIMIT 98)"
        " INSERT INTO t SELECT i FROM n");
    assert_false(quick(&f, count)); /* stopped on its way */
    assert_string_equal(answer(&f), "10000");
    assert_false(quick(&f, count)); /* not tried */
    fixture_finish(&f);
}

static void a_question_of_a_moment_does_not_wait(void **state)
{
    (void)state;
    struct fixture f;
    const debros_statement statement = {.sql = "SELECT 1"};
    fixture_init_default(&f);
    assert_false(quick(&f, "SELECT 1"));
    assert_true(quick(&f, "SELECT 1"));
    dbr_store_stop_queries(f.store);
    struct dbr_query_job *job = dbr_query_job_create(1, "default", &statement);
    assert_false(dbr_store_query_quick(f.store, job));
    assert_null(job->reply);
    dbr_query_job_destroy(job);
    dbr_store_resume_queries(f.store);
    assert_true(quick(&f, "SELECT 1"));
    job = dbr_query_job_create(1, "nowhere", &statement);
    assert_false(dbr_store_query_quick(f.store, job)); /* a reader says so */
    dbr_query_job_destroy(job);
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
        cmocka_unit_test(what_was_short_is_answered_in_a_moment),
        cmocka_unit_test(a_question_of_a_moment_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
