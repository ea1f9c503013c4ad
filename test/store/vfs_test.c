#include "db_fixture.h"

static const char *ask(struct dbr_db *db, const char *sql, char out[64])
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    memset(out, 0, 64);
    strncpy(out, (const char *)sqlite3_column_text(stmt, 0), 63);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    return out;
}

static void time_is_what_it_is_set_to(void **state)
{
    (void)state;
    struct db_fixture f;
    char text[64];
    db_open(&f);
    dbr_vfs_set_time(f.vfs, 1700000000123);
    assert_string_equal(ask(f.db, "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')", text),
                        "2023-11-14 22:13:20.123");
    dbr_vfs_set_time(f.vfs, 0);
    assert_string_equal(ask(f.db, "SELECT CURRENT_TIMESTAMP", text),
                        "1970-01-01 00:00:00");
    dbr_vfs_set_time(f.vfs, INT64_MAX);
    assert_string_equal(ask(f.db, "SELECT datetime('now')", text), "9999-12-31 23:59:59");
    dbr_vfs_set_time(f.vfs, INT64_MIN);
    assert_string_equal(ask(f.db, "SELECT datetime('now')", text), "0000-01-01 00:00:00");
    db_close(&f);
}

static void a_sync_covers_what_was_written_and_its_names(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct db_fixture f;
        struct dbr_vfs_clock clock = {0};
        char text[64];
        db_open(&f);
        assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE t AS SELECT 5 AS a"),
                         SQLITE_OK);
        assert_int_equal(dbr_vfs_sync(f.vfs), 0);
        uint64_t before = sim_disk_ops(f.disk);
        assert_int_equal(dbr_vfs_sync(f.vfs), 0);
        assert_int_equal(sim_disk_ops(f.disk), before); /* nothing is left to do */
        sim_disk_crash(f.disk);
        dbr_db_close(f.db);
        dbr_vfs_destroy(f.vfs);
        sim_disk_revive(f.disk);
        assert_int_equal(dbr_vfs_create(&f.vfs, sim_disk_fs(f.disk), &clock), 0);
        assert_int_equal(
            dbr_db_open(&f.db, f.vfs, DBR_DB_APPLIER, "db/x.db", false, NULL), 0);
        assert_string_equal(ask(f.db, "SELECT a FROM t", text), "5");
        db_close(&f);
    }
}

static void errors_of_files_are_noted(void **state)
{
    (void)state;
    struct db_fixture f;
    db_open(&f);
    assert_int_equal(dbr_vfs_error(f.vfs, true), 0);
    sim_disk_fail_after(f.disk, 0, DEBROS_ENOSPC);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE t(a)"), SQLITE_FULL);
    assert_int_equal(dbr_vfs_error(f.vfs, false), DEBROS_ENOSPC);
    assert_int_equal(dbr_vfs_error(f.vfs, true), DEBROS_ENOSPC);
    assert_int_equal(dbr_vfs_error(f.vfs, true), 0);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE t(a)"), SQLITE_OK);
    db_close(&f);
}

static void sizes_are_counted(void **state)
{
    (void)state;
    struct db_fixture f;
    db_open(&f);
    uint64_t before = dbr_vfs_size(f.vfs);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE t AS SELECT zeroblob(100000)"),
                     SQLITE_OK);
    assert_true(dbr_vfs_size(f.vfs) > before + 100000);
    db_close(&f);
}

static const struct dbr_fs_ops *whole;
static int sizes_left; /* until one cannot be had */

static int failing_size(struct dbr_fs *fs, struct dbr_file *file, uint64_t *out)
{
    return sizes_left-- == 0 ? DEBROS_EIO : whole->size(fs, file, out);
}

/* A file taken for shorter than it is would be filled with zeroes up to the next page
 * that is written: its own pages. */
static void a_size_that_cannot_be_had_destroys_nothing(void **state)
{
    (void)state;
    struct db_fixture f;
    char text[64];
    db_open(&f);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE t AS SELECT 5 AS a, "
                                             "zeroblob(100000)"),
                     SQLITE_OK);
    struct dbr_fs *fs = sim_disk_fs(f.disk);
    whole = fs->ops;
    struct dbr_fs_ops ops = *whole;
    ops.size = failing_size;
    for (int n = 0, opened = 0; opened == 0; n++) {
        dbr_db_close(f.db);
        sizes_left = n;
        fs->ops = &ops;
        if (dbr_db_open(&f.db, f.vfs, DBR_DB_APPLIER, "db/x.db", false, NULL) == 0) {
            f.db->max_steps = 100;
            int rc = dbr_internal_exec(f.db, "INSERT INTO t(a) VALUES(0)");
            assert_true(rc == SQLITE_OK || sizes_left < 0);
            opened = sizes_left >= 0;
            dbr_db_close(f.db); /* and copies the WAL into the database */
        }
        fs->ops = whole;
        (void)dbr_vfs_error(f.vfs, true);
        assert_int_equal(
            dbr_db_open(&f.db, f.vfs, DBR_DB_APPLIER, "db/x.db", false, NULL), 0);
        assert_string_equal(ask(f.db, "SELECT sum(a) FROM t", text), "5");
        assert_string_equal(ask(f.db, "PRAGMA integrity_check", text), "ok");
        assert_true(n < 100);
    }
    db_close(&f);
}

/* Head and page, in a WAL that has begun. */
static void a_frame_is_one_write(void **state)
{
    (void)state;
    struct db_fixture f;
    char text[64];
    db_open(&f);
    assert_int_equal(dbr_internal_exec(f.db, "CREATE TABLE t(a)"), SQLITE_OK);
    assert_int_equal(dbr_internal_exec(f.db, "INSERT INTO t VALUES(1)"), SQLITE_OK);
    uint64_t before = sim_disk_ops(f.disk);
    assert_int_equal(dbr_internal_exec(f.db, "INSERT INTO t VALUES(2)"), SQLITE_OK);
    assert_int_equal(sim_disk_ops(f.disk), before + 1);
    assert_string_equal(ask(f.db, "SELECT group_concat(a) FROM t", text), "1,2");
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_what_it_is_set_to),
        cmocka_unit_test(a_sync_covers_what_was_written_and_its_names),
        cmocka_unit_test(errors_of_files_are_noted),
        cmocka_unit_test(sizes_are_counted),
        cmocka_unit_test(a_size_that_cannot_be_had_destroys_nothing),
        cmocka_unit_test(a_frame_is_one_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
