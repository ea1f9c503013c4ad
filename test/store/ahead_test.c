#include "store/ahead.h"

#include <stdio.h>

#include "fixture.h"

static const char insert[] = "INSERT INTO t(b) VALUES(random())";

static void open_fixture(struct fixture *f)
{
    fixture_init_default(f);
    fixture_must(f, "default", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
    fixture_must(f, "default", insert); /* short, as is known from here */
}

static struct dbr_apply_entry *one(struct fixture *f, const char *sql)
{
    debros_statement statement = {.sql = sql};
    struct dbr_sql_transaction t = fixture_transaction(f, "default", &statement, 1);
    return fixture_entry(++f->index, &t, 1);
}

static void write_log(struct fixture *f, const struct dbr_apply_entry *entry,
                      bool is_next)
{
    struct dbr_log_entry data = {
        .term = entry->term, .type = DBR_ENTRY_COMMAND, .data = entry->data};
    struct dbr_log_op op = {.type = DBR_LOG_APPEND,
                            .index = ++f->log_seq,
                            .entries = &data,
                            .n_entries = 1,
                            .is_next = is_next};
    assert_int_equal(dbr_store_write_log(f->store, &op, true, &f->detail), 0);
}

/* The log comes to this entry; true: its statements were run meanwhile. */
static bool write_and_run(struct fixture *f, const struct dbr_apply_entry *entry)
{
    while (f->log_seq + 1 < entry->index) {
        write_log(f, entry, false);
        assert_int_equal(dbr_store_ahead(f->store), 0);
    }
    write_log(f, entry, true);
    return dbr_store_ahead(f->store) == entry->index;
}

/* A fixture, and an entry whose statement has been run. */
static struct dbr_apply_entry *open_and_run(struct fixture *f)
{
    open_fixture(f);
    struct dbr_apply_entry *entry = one(f, insert);
    assert_true(write_and_run(f, entry));
    return entry;
}

static const char *count(struct fixture *f)
{
    return fixture_rows(f, "default", "SELECT count(*) FROM t");
}

/* Its outcome, as the applier has told it. */
static const struct dbr_sql_reply *applied(struct fixture *f)
{
    assert_int_equal(f->job->status, 0);
    assert_int_equal(f->job->applied, f->index);
    assert_int_equal(dbr_store_ahead(f->store), 0);
    assert_non_null(f->job->outcomes);
    assert_null(f->job->outcomes->next);
    return f->job->outcomes->reply;
}

static void nobody_sees_it_before_its_job(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_apply_entry *entry = open_and_run(&f);
    assert_string_equal(count(&f), "1");
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_int_equal(applied(&f)->results[0].last_insert_id, 2);
    assert_string_equal(count(&f), "2");
    fixture_finish(&f);
}

static void a_quick_job_finds_it_done(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_apply_entry *entry = open_and_run(&f);
    dbr_apply_job_destroy(f.job);
    f.job = dbr_apply_job_create(DBR_APPLY_ENTRIES);
    f.job->entries = entry;
    assert_true(dbr_store_apply_quick(f.store, f.job));
    assert_int_equal(applied(&f)->results[0].rows_affected, 1);
    fixture_reopen(&f);
    assert_string_equal(count(&f), "2");
    fixture_finish(&f);
}

static void the_result_is_the_same_as_without(void **state)
{
    (void)state;
    struct fixture ahead, plain;
    char rows[4096];
    open_fixture(&ahead);
    open_fixture(&plain);
    for (int i = 0; i < 40; i++) {
        struct dbr_apply_entry *entry = one(&ahead, insert);
        assert_true(write_and_run(&ahead, entry));
        assert_int_equal(fixture_apply(&ahead, entry), 0);
        assert_int_equal(fixture_apply(&plain, one(&plain, insert)), 0);
    }
    (void)snprintf(rows, sizeof(rows), "%s",
                   fixture_rows(&ahead, "default", "SELECT * FROM t"));
    assert_string_equal(fixture_rows(&plain, "default", "SELECT * FROM t"), rows);
    fixture_finish(&plain);
    fixture_finish(&ahead);
}

static void another_entry_in_its_place_undoes_it(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_apply_entry *entry = open_and_run(&f);
    dbr_free(entry);
    f.index--;
    entry = one(&f, "UPDATE t SET b = 7");
    entry->term++;
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_int_equal(applied(&f)->results[0].rows_affected, 1);
    assert_string_equal(fixture_rows(&f, "default", "SELECT * FROM t"), "1|7");
    fixture_finish(&f);
}

static void a_job_of_several_begins_anew(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_apply_entry *entry = open_and_run(&f);
    entry->next = one(&f, insert);
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_non_null(f.job->outcomes->next);
    assert_string_equal(count(&f), "3");
    fixture_finish(&f);
}

static void other_jobs_come_first(void **state)
{
    (void)state;
    static const enum dbr_apply_job_type types[] = {DBR_APPLY_CHECKPOINT,
                                                    DBR_APPLY_FREEZE};
    struct fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < DBR_COUNT(types); i++) {
        struct dbr_apply_entry *entry = one(&f, insert);
        assert_true(write_and_run(&f, entry));
        assert_int_equal(fixture_job(&f, types[i], 0), 0);
        assert_int_equal(f.job->applied, f.index - 1);
        assert_int_equal(fixture_apply(&f, entry), 0);
        assert_int_equal(applied(&f)->results[0].rows_affected, 1);
    }
    assert_string_equal(count(&f), "3");
    fixture_finish(&f);
}

static void nobody_waits_nothing_is_told(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_apply_entry *entry = open_and_run(&f);
    entry->wanted = false;
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_null(f.job->outcomes);
    assert_string_equal(count(&f), "2");
    fixture_finish(&f);
}

static void what_fails_answers_the_same(void **state)
{
    (void)state;
    struct fixture f;
    static const char again[] = "INSERT INTO t VALUES(1, 1)";
    open_fixture(&f);
    fixture_exec(&f, "default", again);
    struct dbr_apply_entry *entry = one(&f, again);
    assert_true(write_and_run(&f, entry));
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_reply(applied(&f), DEBROS_ESQL, "statement 1: UNIQUE constraint failed: t.a");
    fixture_finish(&f);
}

static void what_is_not_quick_waits(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct dbr_apply_entry *entry = one(&f, "CREATE TABLE u(a)");
    assert_false(write_and_run(&f, entry));
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_reply(applied(&f), 0, "");
    fixture_finish(&f);
}

static void a_crash_before_its_job_leaves_nothing(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), 0);
    struct dbr_apply_entry *entry = one(&f, insert);
    assert_true(write_and_run(&f, entry));
    fixture_crash(&f);
    assert_string_equal(count(&f), "1");
    assert_int_equal(fixture_apply(&f, entry), 0);
    assert_string_equal(count(&f), "2");
    fixture_finish(&f);
}

static void a_full_disk_at_the_commit_only_delays(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_apply_entry *entry = open_and_run(&f);
    sim_disk_set_full(f.disk, true);
    assert_int_equal(fixture_apply(&f, entry), DEBROS_ENOSPC);
    assert_string_equal(count(&f), "1");
    sim_disk_set_full(f.disk, false);
    dbr_store_apply(f.store, f.job);
    assert_int_equal(applied(&f)->results[0].last_insert_id, 2);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_sees_it_before_its_job),
        cmocka_unit_test(a_quick_job_finds_it_done),
        cmocka_unit_test(the_result_is_the_same_as_without),
        cmocka_unit_test(another_entry_in_its_place_undoes_it),
        cmocka_unit_test(a_job_of_several_begins_anew),
        cmocka_unit_test(other_jobs_come_first),
        cmocka_unit_test(nobody_waits_nothing_is_told),
        cmocka_unit_test(what_fails_answers_the_same),
        cmocka_unit_test(what_is_not_quick_waits),
        cmocka_unit_test(a_crash_before_its_job_leaves_nothing),
        cmocka_unit_test(a_full_disk_at_the_commit_only_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
