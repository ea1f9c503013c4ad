#include "fixture.h"

#include "base/alloc.h"

static void setup(struct fixture *f)
{
    fixture_init_default(f);
    fixture_must(f, "default", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
}

/* Applies the same transaction at the next index. */
static const struct dbr_sql_reply *apply_again(struct fixture *f,
                                               const struct dbr_sql_transaction *t)
{
    assert_int_equal(fixture_apply(f, fixture_entry(++f->index, t, 1)), 0);
    return f->job->outcomes->reply;
}

static void all_statements_or_none(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement list[] = {{.sql = "INSERT INTO t VALUES(1, 'x')"},
                                     {.sql = "INSERT INTO t VALUES(1, 'y')"}};
    const struct dbr_sql_reply *reply = fixture_exec_list(&f, "default", list, 2);
    assert_reply(reply, DEBROS_ESQL, "statement 2: UNIQUE constraint failed: t.a");
    assert_int_equal(reply->failed, 2);
    assert_int_equal(reply->n_results, 0);
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(*) FROM t"), "0");
    fixture_finish(&f);
}

static void results_say_rows_and_ids(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement list[] = {
        {.sql = "INSERT INTO t(b) VALUES(1), (2) RETURNING a, b"},
        {.sql = "UPDATE t SET b = b + 1"},
        {.sql = "CREATE TABLE u(a)"},
        {.sql = "SELECT sum(b) AS s FROM t"}};
    const struct dbr_sql_reply *reply = fixture_exec_list(&f, "default", list, 4);
    assert_reply(reply, 0, "");
    assert_int_equal(reply->index, f.index);
    assert_int_equal(reply->n_results, 4);
    assert_string_equal(fixture_result_text(&f, &reply->results[0]), "1|1;2|2");
    assert_int_equal(reply->results[0].rows_affected, 2);
    assert_int_equal(reply->results[0].last_insert_id, 2);
    assert_int_equal(reply->results[1].rows_affected, 2);
    assert_int_equal(reply->results[2].rows_affected, 0);
    assert_int_equal(reply->results[3].rows_affected, 0);
    assert_string_equal(reply->results[3].columns[0], "s");
    assert_string_equal(fixture_result_text(&f, &reply->results[3]), "5");
    fixture_finish(&f);
}

static void a_repeated_request_is_applied_once(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement list[] = {{.sql = "INSERT INTO t(b) VALUES(7)"},
                                     {.sql = "UPDATE t SET b = b + 1"}};
    struct dbr_sql_transaction t = fixture_transaction(&f, "default", list, 2);
    uint64_t first = f.index + 1;
    for (int i = 0; i < 3; i++) {
        const struct dbr_sql_reply *reply = apply_again(&f, &t);
        assert_reply(reply, 0, "");
        assert_int_equal(reply->index, first);
        assert_int_equal(reply->n_results, 2);
        assert_int_equal(reply->results[0].last_insert_id, 1);
        assert_int_equal(reply->results[1].rows_affected, 1);
        fixture_reopen(&f);
    }
    assert_string_equal(fixture_rows(&f, "default", "SELECT a, b FROM t"), "1|8");
    fixture_finish(&f);
}

static void a_repeated_failure_is_answered_alike(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement list[] = {{.sql = "INSERT INTO t SELECT 1, 1 FROM u"}};
    struct dbr_sql_transaction t = fixture_transaction(&f, "default", list, 1);
    assert_reply(apply_again(&f, &t), DEBROS_ESQL, "statement 1: no such table: u");
    fixture_must(&f, "default", "CREATE TABLE u AS SELECT 1");
    const struct dbr_sql_reply *reply = apply_again(&f, &t);
    assert_reply(reply, DEBROS_ESQL, "statement 1: no such table: u");
    assert_int_equal(reply->failed, 1);
    fixture_finish(&f);
}

static void requests_are_forgotten_by_index(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_close(&f);
    sim_disk_revive(f.disk);
    f.config.request_horizon = 5;
    fixture_open(&f);
    fixture_must(&f, "_system", "CREATE TABLE t(a)");
    const debros_statement list[] = {{.sql = "INSERT INTO t VALUES(1)"}};
    struct dbr_sql_transaction t = fixture_transaction(&f, "_system", list, 1);
    (void)apply_again(&f, &t);
    for (int i = 0; i < 4; i++) {
        fixture_must(&f, "_system", "SELECT 1");
    }
    (void)apply_again(&f, &t); /* 5 later: remembered */
    assert_string_equal(fixture_rows(&f, "_system", "SELECT count(*) FROM t"), "1");
    (void)apply_again(&f, &t); /* 6 later */
    assert_string_equal(fixture_rows(&f, "_system", "SELECT count(*) FROM t"), "2");
    for (int i = 0; i < 40; i++) {
        fixture_must(&f, "_system", "SELECT 1");
    }
    fixture_finish(&f);
}

static void make_late(struct fixture *f)
{
    fixture_must(f, "_system", "INSERT INTO namespaces VALUES('late', debros_index())");
}

static void no_namespace_is_an_answer_for_ever(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement list[] = {{.sql = "CREATE TABLE t(a)"}};
    struct dbr_sql_transaction t = fixture_transaction(&f, "late", list, 1);
    uint64_t first = f.index + 1;
    assert_reply(apply_again(&f, &t), DEBROS_ENOTFOUND, "there is no namespace 'late'");
    assert_false(f.job->system_changed); /* no namespace, no member: nothing to look at */
    make_late(&f);
    for (int i = 0; i < 3; i++) { /* its late copies do nothing */
        const struct dbr_sql_reply *reply = apply_again(&f, &t);
        assert_reply(reply, DEBROS_ENOTFOUND, "there is no namespace 'late'");
        assert_int_equal(reply->index, first);
        fixture_reopen(&f);
    }
    fixture_must(&f, "late", "CREATE TABLE t(a)"); /* another request does */
    assert_reply(apply_again(&f, &t), DEBROS_ENOTFOUND, "there is no namespace 'late'");
    fixture_finish(&f);
}

static void no_namespace_is_remembered_within_a_batch(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement use[] = {{.sql = "CREATE TABLE t(a)"}};
    const debros_statement make[] = {
        {.sql = "INSERT INTO namespaces VALUES('late', debros_index())"}};
    struct dbr_sql_transaction t = fixture_transaction(&f, "late", use, 1);
    struct dbr_sql_transaction m = fixture_transaction(&f, "_system", make, 1);
    struct dbr_apply_entry *entries = fixture_entry(f.index + 1, &t, 1);
    entries->next = fixture_entry(f.index + 2, &m, 1);
    entries->next->next = fixture_entry(f.index + 3, &t, 1);
    f.index += 3;
    assert_int_equal(fixture_apply(&f, entries), 0);
    size_t missing = 0;
    for (const struct dbr_apply_outcome *o = f.job->outcomes; o != NULL; o = o->next) {
        missing += o->reply->status == DEBROS_ENOTFOUND;
    }
    assert_int_equal(missing, 2);
    assert_true(f.job->system_changed);
    assert_string_equal(fixture_rows(&f, "late",
                                     "SELECT count(*) FROM sqlite_schema"
                                     " WHERE name = 't'"),
                        "0");
    fixture_finish(&f);
}

/* As long as any other answer, on a replica whose _system is ahead of its other files,
 * too: it is asked for entries that it passed long ago. */
static void no_namespace_is_forgotten_by_index(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_close(&f);
    sim_disk_revive(f.disk);
    f.config.request_horizon = 5;
    fixture_open(&f);
    fixture_must(&f, "_system", "CREATE TABLE namespaces(name, created)");
    const debros_statement list[] = {{.sql = "CREATE TABLE t(a)"}};
    struct dbr_sql_transaction t = fixture_transaction(&f, "late", list, 1);
    assert_int_equal(apply_again(&f, &t)->status, DEBROS_ENOTFOUND);
    uint64_t first = f.index;
    make_late(&f);
    for (int i = 0; i < 8; i++) {
        fixture_must(&f, "_system", "SELECT 1");
    }
    uint64_t last = f.index;
    f.index = first + 4;
    assert_int_equal(apply_again(&f, &t)->status, DEBROS_ENOTFOUND); /* 5 later */
    fixture_reopen(&f);
    f.index = last;
    assert_reply(apply_again(&f, &t), 0, ""); /* 10 later */
    fixture_finish(&f);
}

static void an_expectation_that_is_not_met_undoes_all(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    fixture_must(&f, "default", "INSERT INTO t VALUES(1, 1)");
    const debros_statement list[] = {{.sql = "INSERT INTO t VALUES(2, 2)"},
                                     {.sql = "UPDATE t SET b = 5 WHERE a = 9"}};
    const int32_t expect[] = {-1, 1};
    struct dbr_sql_transaction t = fixture_transaction(&f, "default", list, 2);
    t.expect = expect;
    const struct dbr_sql_reply *reply = apply_again(&f, &t);
    assert_reply(reply, DEBROS_ECONFLICT, "statement 2: 0 rows affected, 1 expected");
    assert_int_equal(reply->failed, 2);
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(*) FROM t"), "1");
    fixture_finish(&f);
}

static void texts_and_parameters_are_checked(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_value values[] = {{.type = DEBROS_INTEGER, .as.integer = 1},
                                   {.type = DEBROS_NULL}};
    const debros_statement few = {"INSERT INTO t VALUES(?, ?3)", values, 2};
    assert_reply(fixture_exec_list(&f, "default", &few, 1), DEBROS_EINVAL,
                 "statement 1: 2 parameters given, 3 needed");
    const debros_statement many = {"SELECT 1", values, 1};
    assert_reply(fixture_exec_list(&f, "default", &many, 1), DEBROS_EINVAL,
                 "statement 1: 1 parameter given, 0 needed");
    const char *more =
        "statement 1: more than one statement in the text: send each on its own "
        "in one transaction";
    for (int i = 0; i < 2; i++) { /* also when it was seen before */
        assert_reply(fixture_exec(&f, "default", "DELETE FROM t; SELECT 1"),
                     DEBROS_EINVAL, more);
    }
    assert_reply(fixture_exec(&f, "default", ""), DEBROS_EINVAL,
                 "statement 1: the text holds no statement");
    assert_reply(fixture_exec(&f, "default", " -- nothing\n/* here */ ;"), DEBROS_EINVAL,
                 "statement 1: the text holds no statement");
    assert_reply(fixture_exec(&f, "default", "SELECT 1; -- the end\n /* of it */ ;"), 0,
                 "");
    assert_reply(fixture_exec(&f, "default", "SELEC 1"), DEBROS_ESQL,
                 "statement 1: near \"SELEC\": syntax error");
    fixture_finish(&f);
}

static void an_endless_statement_ends(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_reply(
        fixture_exec(&f, "default",
                     "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c)"
                     " INSERT INTO t SELECT NULL, x FROM c"),
        DEBROS_ELIMIT,
        "statement 1: stopped: the transaction took more than 2 million steps");
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(*) FROM t"), "0");
    fixture_finish(&f);
}

/* OR ROLLBACK and RAISE(ROLLBACK) undo SQLite's whole transaction: the neighbours in the
 * batch keep what they did. */
static void a_rollback_inside_hurts_no_neighbour(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement good = {.sql = "INSERT INTO t(b) VALUES(1)"};
    const debros_statement bad[] = {{.sql = "INSERT INTO t VALUES(50, 1)"},
                                    {.sql = "INSERT OR ROLLBACK INTO t VALUES(50, 2)"}};
    struct dbr_sql_transaction list[] = {fixture_transaction(&f, "default", &good, 1),
                                         fixture_transaction(&f, "default", bad, 2),
                                         fixture_transaction(&f, "default", &good, 1)};
    struct dbr_apply_entry *first = fixture_entry(f.index + 1, list, 3);
    struct dbr_sql_transaction last = fixture_transaction(&f, "default", &good, 1);
    first->next = fixture_entry(f.index + 2, &last, 1);
    f.index += 2;
    assert_int_equal(fixture_apply(&f, first), 0);
    const struct dbr_apply_outcome *o = f.job->outcomes;
    assert_reply(o->reply, 0, "");
    assert_reply(o->next->reply, DEBROS_ESQL,
                 "statement 2: UNIQUE constraint failed: t.a");
    assert_reply(o->next->next->reply, 0, "");
    assert_reply(o->next->next->next->reply, 0, "");
    assert_null(o->next->next->next->next);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a, b FROM t"), "1|1;2|1;3|1");
    assert_int_equal(f.job->applied, f.index);
    fixture_finish(&f);
}

/* OR FAIL and RAISE(FAIL) leave what the statement has done so far: a failed transaction
 * leaves nothing all the same, and its neighbours keep what they did. */
static void a_half_done_statement_is_undone(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    fixture_must(&f, "default", "CREATE TABLE log(x)");
    fixture_must(&f, "default",
                 "CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.b = 'bad' BEGIN"
                 " INSERT INTO log VALUES(1); SELECT RAISE(FAIL, 'no'); END");
    const debros_statement good = {.sql = "INSERT INTO t(b) VALUES(1)"};
    const debros_statement fail = {
        .sql = "INSERT OR FAIL INTO t VALUES(60, 1), (61, 1), (1, 1), (62, 1)"};
    const debros_statement raise = {.sql = "INSERT INTO t(b) VALUES('bad')"};
    struct dbr_sql_transaction list[] = {fixture_transaction(&f, "default", &good, 1),
                                         fixture_transaction(&f, "default", &fail, 1),
                                         fixture_transaction(&f, "default", &raise, 1),
                                         fixture_transaction(&f, "default", &good, 1)};
    assert_int_equal(fixture_apply(&f, fixture_entry(++f.index, list, 4)), 0);
    const struct dbr_apply_outcome *o = f.job->outcomes;
    assert_reply(o->reply, 0, "");
    assert_reply(o->next->reply, DEBROS_ESQL,
                 "statement 1: UNIQUE constraint failed: t.a");
    assert_reply(o->next->next->reply, DEBROS_ESQL, "statement 1: no");
    assert_reply(o->next->next->next->reply, 0, "");
    assert_string_equal(fixture_rows(&f, "default", "SELECT a, b FROM t"), "1|1;2|1");
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(*) FROM log"), "0");
    fixture_finish(&f);
}

static void deferred_foreign_keys_fail_their_own_transaction(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    fixture_must(&f, "default",
                 "CREATE TABLE c(p REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
    const debros_statement orphan = {.sql = "INSERT INTO c VALUES(9)"};
    const debros_statement whole[] = {{.sql = "INSERT INTO c VALUES(3)"},
                                      {.sql = "INSERT INTO t VALUES(3, 0)"}};
    struct dbr_sql_transaction list[] = {fixture_transaction(&f, "default", &orphan, 1),
                                         fixture_transaction(&f, "default", whole, 2)};
    assert_int_equal(fixture_apply(&f, fixture_entry(++f.index, list, 2)), 0);
    assert_reply(f.job->outcomes->reply, DEBROS_ESQL,
                 "statement 1: FOREIGN KEY constraint failed");
    assert_reply(f.job->outcomes->next->reply, 0, "");
    assert_string_equal(fixture_rows(&f, "default", "SELECT p FROM c"), "3");
    fixture_finish(&f);
}

static void results_beyond_the_cap_do_not_change_the_write(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const debros_statement list[] = {
        {.sql = "INSERT INTO t(b) VALUES(1)"},
        {.sql = "WITH c(x) AS (VALUES(1), (2), (3)) SELECT zeroblob(6000000) FROM c"},
        {.sql = "INSERT INTO t(b) VALUES(2)"}};
    assert_reply(
        fixture_exec_list(&f, "default", list, 3), DEBROS_ELIMIT,
        "the transaction is applied, but its results are larger than 16777216 bytes: "
        "read them in parts");
    assert_string_equal(fixture_rows(&f, "default", "SELECT b FROM t"), "1;2");
    fixture_finish(&f);
}

static void too_large_a_value_is_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_reply(
        fixture_exec(&f, "default", "INSERT INTO t(b) VALUES(zeroblob(100000000))"),
        DEBROS_ELIMIT,
        "statement 1: string or blob too big: a value or row may have 67108864 bytes");
    fixture_finish(&f);
}

static void the_last_rowid_is_no_full_disk(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    fixture_must(&f, "default", "CREATE TABLE n(a INTEGER PRIMARY KEY AUTOINCREMENT)");
    fixture_must(&f, "default", "INSERT INTO n VALUES(9223372036854775807)");
    assert_reply(fixture_exec(&f, "default", "INSERT INTO n DEFAULT VALUES"), DEBROS_ESQL,
                 "statement 1: database or disk is full");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_statements_or_none),
        cmocka_unit_test(results_say_rows_and_ids),
        cmocka_unit_test(a_repeated_request_is_applied_once),
        cmocka_unit_test(a_repeated_failure_is_answered_alike),
        cmocka_unit_test(requests_are_forgotten_by_index),
        cmocka_unit_test(no_namespace_is_an_answer_for_ever),
        cmocka_unit_test(no_namespace_is_remembered_within_a_batch),
        cmocka_unit_test(no_namespace_is_forgotten_by_index),
        cmocka_unit_test(an_expectation_that_is_not_met_undoes_all),
        cmocka_unit_test(texts_and_parameters_are_checked),
        cmocka_unit_test(an_endless_statement_ends),
        cmocka_unit_test(a_rollback_inside_hurts_no_neighbour),
        cmocka_unit_test(a_half_done_statement_is_undone),
        cmocka_unit_test(deferred_foreign_keys_fail_their_own_transaction),
        cmocka_unit_test(results_beyond_the_cap_do_not_change_the_write),
        cmocka_unit_test(too_large_a_value_is_a_limit),
        cmocka_unit_test(the_last_rowid_is_no_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
