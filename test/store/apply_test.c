#include "fixture.h"

static struct dbr_apply_entry *one(struct fixture *f, uint64_t index, const char *ns,
                                   const char *sql)
{
    const debros_statement statement = {.sql = sql};
    struct dbr_sql_transaction t = fixture_transaction(f, ns, &statement, 1);
    return fixture_entry(index, &t, 1);
}

static void a_namespace_exists_behind_its_creation(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    assert_reply(fixture_exec(&f, "other", "SELECT 1"), DEBROS_ENOTFOUND,
                 "there is no namespace 'other'");
    /* Made and used in one entry: not yet. In the next one of the same batch: yes. */
    const debros_statement make = {
        .sql = "INSERT INTO namespaces VALUES('other', debros_index())"};
    const debros_statement use = {.sql = "CREATE TABLE t(a)"};
    struct dbr_sql_transaction list[] = {fixture_transaction(&f, "_system", &make, 1),
                                         fixture_transaction(&f, "other", &use, 1)};
    struct dbr_apply_entry *first = fixture_entry(++f.index, list, 2);
    first->next = one(&f, ++f.index, "other", "CREATE TABLE u(a)");
    assert_int_equal(fixture_apply(&f, first), 0);
    assert_true(f.job->system_changed);
    size_t found = 0;
    size_t missing = 0;
    for (const struct dbr_apply_outcome *o = f.job->outcomes; o != NULL; o = o->next) {
        found += o->reply->status == 0;
        missing += o->reply->status == DEBROS_ENOTFOUND;
    }
    assert_int_equal(found, 2);
    assert_int_equal(missing, 1);
    assert_string_equal(fixture_rows(&f, "other",
                                     "SELECT name FROM sqlite_schema"
                                     " WHERE name NOT LIKE '%debros%'"),
                        "u");
    fixture_finish(&f);
}

/* Files that are ahead of the replay: _system knows the namespace already, but an entry
 * from before its creation must miss it once more. */
static void a_replay_sees_what_was_seen_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "_system", "INSERT INTO namespaces VALUES('late', debros_index())");
    assert_int_equal(fixture_apply(&f, one(&f, f.index, "late", "CREATE TABLE t(a)")), 0);
    assert_int_equal(f.job->outcomes->reply->status, DEBROS_ENOTFOUND);
    assert_int_equal(fixture_apply(&f, one(&f, ++f.index, "late", "CREATE TABLE t(a)")),
                     0);
    assert_int_equal(f.job->outcomes->reply->status, 0);
    fixture_finish(&f);
}

static void entries_that_a_file_holds_are_skipped(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    uint64_t index = ++f.index;
    assert_int_equal(
        fixture_apply(&f, one(&f, index, "default", "INSERT INTO t VALUES(1)")), 0);
    f.seq--;
    assert_int_equal(
        fixture_apply(&f, one(&f, index, "default", "INSERT INTO t VALUES(1)")), 0);
    assert_int_equal(f.job->outcomes->reply->status, 0); /* as remembered */
    fixture_reopen(&f);
    assert_int_equal(
        fixture_apply(&f, one(&f, index, "default", "INSERT INTO t VALUES(1)")), 0);
    assert_int_equal(f.job->outcomes->reply->status, DEBROS_ETIMEDOUT); /* another key */
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(*) FROM t"), "1");
    fixture_finish(&f);
}

static void nobody_waits_nothing_is_built(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    struct dbr_apply_entry *entry = one(&f, ++f.index, "default", "CREATE TABLE t(a)");
    entry->wanted = false;
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_null(f.job->outcomes);
    assert_int_equal(f.job->applied, f.index);
    assert_false(f.job->system_changed);
    assert_true(f.job->database_size > 8192);
    fixture_finish(&f);
}

static void a_malformed_entry_does_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    struct dbr_apply_entry *bad =
        dbr_apply_entry_create(++f.index, 1, true, dbr_bytes("\xff", 1));
    assert_int_equal(fixture_apply(&f, bad), 0);
    assert_int_equal(f.job->applied, f.index);
    assert_null(f.job->outcomes);
    fixture_finish(&f);
}

/* A batch over two namespaces; ENOSPC at each disk operation, then the same job again. */
static void a_full_disk_is_no_answer(void **state)
{
    (void)state;
    size_t failures = 0;
    for (uint64_t n = 0;; n++) {
        struct fixture f;
        fixture_init_default(&f);
        fixture_must(&f, "default", "CREATE TABLE t(a)");
        fixture_must(&f, "_system", "CREATE TABLE s(a)");
        struct dbr_apply_entry *first =
            one(&f, ++f.index, "default", "INSERT INTO t VALUES(1) RETURNING a + 1");
        first->next =
            one(&f, ++f.index, "_system", "INSERT INTO s VALUES(1) RETURNING a + 2");
        uint64_t before = sim_disk_ops(f.disk);
        sim_disk_fail_after(f.disk, n, DEBROS_ENOSPC);
        int err = fixture_apply(&f, first);
        uint64_t used = sim_disk_ops(f.disk) - before;
        if (err != 0) {
            assert_int_equal(err, DEBROS_ENOSPC);
            assert_non_null(strstr(f.job->detail.text, "disk is full"));
            failures++;
            dbr_store_apply(f.store, f.job);
        }
        assert_int_equal(f.job->status, 0);
        size_t count = 0;
        for (const struct dbr_apply_outcome *o = f.job->outcomes; o != NULL;
             o = o->next) {
            assert_int_equal(o->reply->status, 0);
            assert_int_equal(o->reply->results[0].n_rows, 1); /* also over two attempts */
            count++;
        }
        assert_int_equal(count, 2);
        assert_string_equal(fixture_rows(&f, "default", "SELECT * FROM t"), "1");
        assert_string_equal(fixture_rows(&f, "_system", "SELECT * FROM s"), "1");
        fixture_finish(&f);
        if (used <= n) {
            break;
        }
    }
    assert_true(failures > 3);
}

static void an_io_error_stops(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    sim_disk_fail_after(f.disk, 0, DEBROS_EIO);
    assert_int_equal(
        fixture_apply(&f, one(&f, f.index + 1, "default", "INSERT INTO t VALUES(1)")),
        DEBROS_EIO);
    assert_string_equal(f.job->detail.text, "sim/db/default.db: disk I/O error");
    assert_null(f.job->outcomes);
    assert_int_equal(f.job->applied, f.index);
    fixture_finish(&f);
}

static void a_grown_wal_is_moved_to_its_file(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    f.config.max_steps = 100;
    fixture_reopen(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    size_t wal = 0;
    size_t largest = 0;
    for (int i = 0; i < 60; i++) {
        fixture_must(&f, "default", "INSERT INTO t VALUES(zeroblob(1000000))");
        (void)sim_disk_data(f.disk, "db/default.db-wal", &wal);
        largest = wal > largest ? wal : largest;
    }
    assert_true(largest > (8u << 20) && largest < (12u << 20));
    fixture_finish(&f);
}

static void a_checkpoint_makes_everything_durable(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    fixture_must(&f, "default", "INSERT INTO t VALUES(5)");
    uint64_t applied = f.index;
    assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), 0);
    assert_int_equal(f.job->applied, applied);
    for (int i = 0; i < 8; i++) { /* whatever becomes of unsynced bytes */
        fixture_crash(&f);
        assert_string_equal(fixture_rows(&f, "default", "SELECT * FROM t"), "5");
    }
    fixture_finish(&f);
}

/* The same entry first in a moment, and by the applier when it took longer. */
static bool quick(struct fixture *f, const char *sql)
{
    dbr_apply_job_destroy(f->job);
    f->job = dbr_apply_job_create(DBR_APPLY_ENTRIES);
    f->job->entries = one(f, ++f->index, "default", sql);
    bool was_quick = dbr_store_apply_quick(f->store, f->job);
    if (!was_quick) {
        assert_null(f->job->outcomes);
        dbr_store_apply(f->store, f->job);
    }
    assert_int_equal(f->job->status, 0);
    assert_int_equal(f->job->applied, f->index);
    assert_non_null(f->job->outcomes);
    assert_null(f->job->outcomes->next);
    return was_quick;
}

static void what_was_short_is_applied_in_a_moment(void **state)
{
    (void)state;
    struct fixture f;
    static const char insert[] = "INSERT INTO t(a) SELECT count(*) FROM t";
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)");
    assert_false(quick(&f, insert)); /* nobody knows */
    assert_true(quick(&f, insert));
    assert_true(quick(&f, insert));
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "0;1;2");
    fixture_reopen(&f);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "0;1;2");
    fixture_finish(&f);
}

static void what_takes_longer_is_left_undone(void **state)
{
    (void)state;
    struct fixture f;
    static const char grows[] = "INSERT INTO t(b) SELECT 1 FROM t AS x, t AS y";
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
    fixture_must(&f, "default", grows); /* no row yet: short */
    fixture_must(
        &f, "default",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 99)"
        " INSERT INTO t SELECT i, 0 FROM n");
    assert_false(quick(&f, grows)); /* stopped on its way */
    assert_string_equal(fixture_rows(&f, "default", "SELECT count(*) FROM t"), "9900");
    assert_false(quick(&f, "DROP TABLE t"));
    fixture_finish(&f);
}

static void a_failure_in_a_moment_is_the_same_answer(void **state)
{
    (void)state;
    struct fixture f;
    static const char insert[] = "INSERT INTO t VALUES(1)";
    static const char words[] = "statement 1: UNIQUE constraint failed: t.a";
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a INTEGER PRIMARY KEY)");
    fixture_must(&f, "default", insert);
    assert_true(quick(&f, insert));
    assert_reply(f.job->outcomes->reply, DEBROS_ESQL, words);
    fixture_exec(&f, "default", "INSERT OR ROLLBACK INTO t VALUES(1)");
    assert_false(quick(&f, "INSERT OR ROLLBACK INTO t VALUES(1)"));
    assert_reply(f.job->outcomes->reply, DEBROS_ESQL, words);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "1");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_namespace_exists_behind_its_creation),
        cmocka_unit_test(a_replay_sees_what_was_seen_first),
        cmocka_unit_test(entries_that_a_file_holds_are_skipped),
        cmocka_unit_test(nobody_waits_nothing_is_built),
        cmocka_unit_test(a_malformed_entry_does_nothing),
        cmocka_unit_test(a_full_disk_is_no_answer),
        cmocka_unit_test(an_io_error_stops),
        cmocka_unit_test(a_grown_wal_is_moved_to_its_file),
        cmocka_unit_test(a_checkpoint_makes_everything_durable),
        cmocka_unit_test(what_was_short_is_applied_in_a_moment),
        cmocka_unit_test(what_takes_longer_is_left_undone),
        cmocka_unit_test(a_failure_in_a_moment_is_the_same_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
