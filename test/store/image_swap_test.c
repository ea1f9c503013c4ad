#include "fixture.h"

/* A store that has a copy of a table of one row, and what describes it. */
struct source {
    struct fixture f;
    struct dbr_buf bytes;
    uint64_t index;
};

static void source_init(struct source *s)
{
    memset(s, 0, sizeof(*s));
    fixture_init_default(&s->f);
    fixture_must(&s->f, "default", "CREATE TABLE t AS SELECT 'new' AS a");
    fixture_must(&s->f, "_system",
                 "INSERT INTO namespaces VALUES('extra', debros_index())");
    fixture_must(&s->f, "extra", "CREATE TABLE e(a)");
    assert_int_equal(fixture_copy(&s->f), 0);
    s->bytes = dbr_buf_take(&s->f.bulk->data);
    s->index = s->f.index;
}

static void source_finish(struct source *s)
{
    dbr_buf_finish(&s->bytes);
    fixture_finish(&s->f);
}

static void init_behind(struct fixture *f)
{
    fixture_init_default(f);
    fixture_must(f, "default", "CREATE TABLE t AS SELECT 'old' AS a");
    assert_string_equal(fixture_rows(f, "default", "SELECT a FROM t"), "old");
}

/* Receives the copy: its files are there. */
static int receive(struct fixture *f, struct source *s)
{
    int err = fixture_receive(f, &s->f, test_view(s->bytes), UINT64_MAX);
    return err == 0 ? fixture_verify(f) : err;
}

static int note(struct fixture *f, uint64_t index, const struct dbr_buf *bytes)
{
    struct dbr_log_op op = {.type = DBR_LOG_INSTALL,
                            .seq = ++f->log_seq,
                            .index = index,
                            .term = 1,
                            .descriptor = dbr_bytes(bytes->data, bytes->len)};
    return dbr_store_write_log(f->store, &op, false, &f->detail);
}

static int install(struct fixture *f, struct source *s)
{
    int err = receive(f, s);
    return err == 0 ? note(f, s->index, &s->bytes) : err;
}

static void assert_new(struct fixture *f)
{
    assert_string_equal(fixture_rows(f, "default", "SELECT a FROM t"), "new");
    assert_string_equal(fixture_rows(f, "extra", "SELECT count(*) FROM e"), "0");
}

static void a_received_snapshot_takes_the_place(void **state)
{
    (void)state;
    struct fixture f;
    struct source s;
    source_init(&s);
    init_behind(&f);
    assert_int_equal(install(&f, &s), 0);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "old");
    assert_int_equal(fixture_job(&f, DBR_APPLY_RESTORE, s.index), 0);
    assert_int_equal(f.job->applied, s.index);
    assert_true(f.job->system_changed);
    assert_new(&f);
    f.index = s.index;
    f.seq = 1000; /* the copy's client has used the first ones */
    fixture_must(&f, "extra", "INSERT INTO e VALUES(1)");
    fixture_crash(&f);
    assert_int_equal(dbr_store_log_state(f.store)->snapshot_index, s.index);
    assert_true(dbr_store_applied(f.store) >= s.index);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "new");
    fixture_finish(&f);
    source_finish(&s);
}

static void a_wrong_snapshot_is_not_noted(void **state)
{
    (void)state;
    struct fixture f;
    struct source s;
    source_init(&s);
    init_behind(&f);
    assert_int_equal(note(&f, s.index, &s.bytes),
                     DEBROS_EIO); /* its files are not here */
    fixture_reopen(&f);
    assert_int_equal(receive(&f, &s), 0);
    assert_int_equal(note(&f, s.index + 1, &s.bytes), DEBROS_EIO); /* it is older */
    assert_non_null(strstr(f.detail.text, "does not describe it"));
    fixture_reopen(&f);
    assert_int_equal(dbr_store_log_state(f.store)->snapshot_index, 0);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "old");
    fixture_finish(&f);
    source_finish(&s);
}

/* A copy under way ends, what is received next does not touch what waits for its swap. */
static void a_swap_has_the_files_for_itself(void **state)
{
    (void)state;
    struct fixture f;
    struct source s;
    source_init(&s);
    init_behind(&f);
    assert_int_equal(fixture_job(&f, DBR_APPLY_FREEZE, 0), 0);
    uint64_t freeze = f.freeze;
    assert_int_equal(install(&f, &s), 0);
    assert_int_equal(fixture_bulk(&f, DBR_BULK_STAGE, 0, dbr_bytes(NULL, 0)), 0);
    assert_int_equal(fixture_job(&f, DBR_APPLY_RESTORE, s.index), 0);
    assert_new(&f);
    f.freeze = freeze;
    assert_int_equal(fixture_bulk(&f, DBR_BULK_COPY, 0, dbr_bytes(NULL, 0)),
                     DEBROS_ECANCELED);
    assert_int_equal(fixture_copy(&f), 0); /* a new one works */
    fixture_finish(&f);
    source_finish(&s);
}

/* The power goes at each operation of install and restore. Afterwards the store holds the
 * old or the new, as the log says, and never a mixture. */
static void a_crash_at_any_operation_leaves_old_or_new(void **state)
{
    (void)state;
    struct source s;
    source_init(&s);
    size_t olds = 0;
    size_t news = 0;
    bool done = false;
    for (uint64_t n = 0; !done; n++) {
        struct fixture f;
        init_behind(&f);
        struct sim_disk *start = sim_disk_clone(f.disk, n + 1);
        fixture_close(&f);
        sim_disk_destroy(f.disk);
        f.disk = start;
        f.config.fs = sim_disk_fs(f.disk);
        fixture_open(&f);
        uint64_t before = sim_disk_ops(f.disk);
        sim_disk_crash_after(f.disk, n);
        bool logged = install(&f, &s) == 0;
        done = logged && fixture_job(&f, DBR_APPLY_RESTORE, s.index) == 0 &&
               sim_disk_ops(f.disk) - before <= n;
        fixture_crash(&f);
        bool installed = dbr_store_log_state(f.store)->snapshot_index == s.index;
        assert_true(installed || !logged);
        if (installed) {
            assert_new(&f);
            news++;
        } else {
            assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "old");
            olds++;
        }
        assert_string_equal(fixture_rows(&f, "default", "PRAGMA integrity_check"), "ok");
        fixture_finish(&f);
    }
    assert_true(olds > 3 && news > 10);
    source_finish(&s);
}

/* Each operation fails once: the same job finishes what it has begun. */
static void a_failure_in_the_middle_is_made_good(void **state)
{
    (void)state;
    struct source s;
    size_t waited = 0;
    source_init(&s);
    for (uint64_t n = 0; n < 40; n++) {
        struct fixture f;
        init_behind(&f);
        assert_int_equal(install(&f, &s), 0);
        sim_disk_fail_after(f.disk, n, DEBROS_ENOSPC);
        int err = fixture_job(&f, DBR_APPLY_RESTORE, s.index);
        if (err != 0) {
            assert_int_equal(err, DEBROS_ENOSPC);
            const struct dbr_sql_reply *reply = fixture_query(&f, "default", "SELECT 1");
            waited += reply->status == DEBROS_ESTATE;
            sim_disk_fail_after(f.disk, UINT64_MAX, 0);
            dbr_store_apply(f.store, f.job);
            assert_int_equal(f.job->status, 0);
        }
        assert_new(&f);
        fixture_finish(&f);
    }
    assert_true(waited > 3);
    source_finish(&s);
}

/* The databases are old: what follows the snapshot is not for them. */
static void nothing_passes_a_swap_that_failed(void **state)
{
    (void)state;
    struct source s;
    source_init(&s);
    for (uint64_t n = 0; n < 12; n++) {
        struct fixture f;
        init_behind(&f);
        assert_int_equal(install(&f, &s), 0);
        sim_disk_fail_after(f.disk, n, DEBROS_EIO);
        if (fixture_job(&f, DBR_APPLY_RESTORE, s.index) != 0) {
            sim_disk_fail_after(f.disk, UINT64_MAX, 0);
            uint64_t applied = f.job->applied;
            /* Says nothing, but is the next one. */
            assert_int_equal(fixture_apply(&f, dbr_apply_entry_create(
                                                   s.index + 1, 1, false,
                                                   dbr_bytes("x", 1))),
                             DEBROS_EIO);
            assert_int_equal(f.job->applied, applied);
            assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), DEBROS_EIO);
            assert_int_equal(fixture_job(&f, DBR_APPLY_RESTORE, s.index), 0);
        }
        assert_new(&f);
        fixture_finish(&f);
    }
    source_finish(&s);
}

static void a_swap_needs_no_room(void **state)
{
    (void)state;
    struct fixture f;
    struct source s;
    source_init(&s);
    init_behind(&f);
    assert_int_equal(install(&f, &s), 0);
    sim_disk_set_full(f.disk, true);
    assert_int_equal(fixture_job(&f, DBR_APPLY_RESTORE, s.index), 0);
    assert_new(&f);
    fixture_finish(&f);
    source_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_received_snapshot_takes_the_place),
        cmocka_unit_test(a_wrong_snapshot_is_not_noted),
        cmocka_unit_test(a_swap_has_the_files_for_itself),
        cmocka_unit_test(a_crash_at_any_operation_leaves_old_or_new),
        cmocka_unit_test(a_failure_in_the_middle_is_made_good),
        cmocka_unit_test(nothing_passes_a_swap_that_failed),
        cmocka_unit_test(a_swap_needs_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
