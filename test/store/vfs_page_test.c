#include "db_fixture.h"
#include "store/page.h"

static int count_of(struct dbr_db *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int count = -1;
    db->trusted = true;
    int rc = sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        count = sqlite3_column_int(stmt, 0);
    }
    (void)sqlite3_finalize(stmt);
    db->trusted = false;
    return count;
}

static void fill(struct db_fixture *f)
{
    assert_int_equal(
        dbr_internal_exec(f->db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
                                 "WITH r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r "
                                 "WHERE i < 200) INSERT INTO t SELECT i, "
                                 "zeroblob(100) FROM r"),
        SQLITE_OK);
}

static void checkpoint(struct db_fixture *f)
{
    f->db->trusted = true;
    assert_int_equal(sqlite3_wal_checkpoint_v2(f->db->sql, NULL,
                                               SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
                     SQLITE_OK);
    f->db->trusted = false;
}

static void every_page_of_the_file_carries_its_checksum(void **state)
{
    (void)state;
    struct db_fixture f;
    size_t len = 0;
    db_open(&f);
    fill(&f);
    checkpoint(&f);
    const uint8_t *data = sim_disk_data(f.disk, "db/x.db", &len);
    assert_true(len >= 5 * DBR_PAGE_SIZE && len % DBR_PAGE_SIZE == 0);
    assert_int_equal(data[20], DBR_PAGE_RESERVED);
    for (size_t i = 0; i < len / DBR_PAGE_SIZE; i++) {
        assert_true(dbr_page_ok(data + i * DBR_PAGE_SIZE, (uint32_t)i + 1));
    }
    db_close(&f);
}

/* Pages that come and go within one transaction are never written by SQLite. */
static void the_file_has_no_holes(void **state)
{
    (void)state;
    struct db_fixture f;
    size_t len = 0;
    db_open(&f);
    fill(&f);
    checkpoint(&f);
    assert_int_equal(
        dbr_internal_exec(f.db, "BEGIN; CREATE TABLE u(a);"
                                "INSERT INTO u VALUES(zeroblob(200000));"
                                "DROP TABLE u; CREATE TABLE v(a);"
                                "INSERT INTO v SELECT zeroblob(3000) FROM t LIMIT 60;"
                                "DELETE FROM v WHERE rowid < 55; COMMIT"),
        SQLITE_OK);
    checkpoint(&f);
    const uint8_t *data = sim_disk_data(f.disk, "db/x.db", &len);
    assert_true(len >= 40 * DBR_PAGE_SIZE);
    for (size_t i = 0; i < len / DBR_PAGE_SIZE; i++) {
        assert_true(dbr_page_ok(data + i * DBR_PAGE_SIZE, (uint32_t)i + 1));
    }
    assert_int_equal(count_of(f.db, "SELECT count(*) FROM v"), 6);
    db_close(&f);
}

static void a_damaged_page_is_named_and_not_served(void **state)
{
    (void)state;
    struct db_fixture f;
    size_t len = 0;
    char words[DBR_VFS_DAMAGE];
    db_open(&f);
    fill(&f);
    checkpoint(&f);
    assert_string_equal(dbr_vfs_damage(f.vfs, words), "");
    sim_disk_data(f.disk, "db/x.db", &len)[3 * DBR_PAGE_SIZE + 1234] ^= 1;
    db_open_reader(&f);
    assert_int_equal(count_of(f.reader, "SELECT count(*) FROM t WHERE b = x'00'"), -1);
    assert_string_equal(dbr_vfs_damage(f.vfs, words),
                        "db/x.db is damaged at offset 12288: restore this node from the "
                        "others (a new folder, then join)");
    assert_string_equal(dbr_db_message(f.reader, words),
                        dbr_vfs_damage(f.vfs, (char[DBR_VFS_DAMAGE]){0}));
    assert_int_equal(dbr_vfs_error(f.vfs, true), 0); /* the applier has not met it */
    db_close(&f);
}

static void a_damaged_frame_of_a_wal_in_use_is_not_served(void **state)
{
    (void)state;
    struct db_fixture f;
    size_t len = 0;
    char words[DBR_VFS_DAMAGE];
    db_open(&f);
    fill(&f);
    db_open_reader(&f);
    assert_int_equal(count_of(f.reader, "SELECT count(*) FROM t"), 200);
    uint8_t *wal = sim_disk_data(f.disk, "db/x.db-wal", &len);
    assert_true(len > 32 + 5 * 4120);
    for (size_t i = 32; i < len; i += 24 + DBR_PAGE_SIZE) {
        wal[i + 24 + 2000] ^= 1;
    }
    dbr_db_close(f.reader);
    db_open_reader(&f);
    assert_int_equal(count_of(f.reader, "SELECT count(*) FROM t"), -1);
    assert_non_null(strstr(dbr_vfs_damage(f.vfs, words), "db/x.db-wal is damaged at"));
    db_close(&f);
}

/* Frames of an earlier life are known from the recovery that found them. */
static void a_frame_of_an_earlier_life_is_checked_too(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_vfs_clock clock = {0};
    size_t len = 0;
    db_open(&f);
    fill(&f);
    assert_int_equal(dbr_vfs_sync(f.vfs), 0);
    sim_disk_crash(f.disk);
    dbr_db_close(f.db);
    dbr_vfs_destroy(f.vfs);
    sim_disk_revive(f.disk);
    assert_int_equal(dbr_vfs_create(&f.vfs, sim_disk_fs(f.disk), &clock), 0);
    assert_int_equal(dbr_db_open(&f.db, f.vfs, DBR_DB_APPLIER, "db/x.db", false, NULL),
                     0);
    assert_int_equal(count_of(f.db, "SELECT count(*) FROM t"), 200);
    uint8_t *wal = sim_disk_data(f.disk, "db/x.db-wal", &len);
    for (size_t i = 32; i + 4120 <= len; i += 24 + DBR_PAGE_SIZE) {
        wal[i + 24 + 2000] ^= 1;
    }
    db_open_reader(&f);
    assert_int_equal(count_of(f.reader, "SELECT count(*) FROM t"), -1);
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_of_the_file_carries_its_checksum),
        cmocka_unit_test(the_file_has_no_holes),
        cmocka_unit_test(a_damaged_page_is_named_and_not_served),
        cmocka_unit_test(a_damaged_frame_of_a_wal_in_use_is_not_served),
        cmocka_unit_test(a_frame_of_an_earlier_life_is_checked_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
