#include "store/checkpoint.h"

#include <sqlite3.h>

#include "fixture.h"

static void init(struct fixture *f)
{
    fixture_init_default(f);
    fixture_must(f, "default", "CREATE TABLE t(a)");
    for (int i = 0; i < 5; i++) {
        fixture_must(f, "default", "INSERT INTO t VALUES(zeroblob(6000))");
    }
}

static const uint8_t *file_of(struct fixture *f, size_t *len)
{
    return sim_disk_data(f->disk, DBR_CHECKPOINT_PATH, len);
}

static void it_says_where_each_database_is(void **state)
{
    (void)state;
    struct fixture f;
    size_t len = 0;
    struct dbr_checkpoint checkpoint;
    struct dbr_checkpoint_item item;
    init(&f);
    assert_null(file_of(&f, &len));
    assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), 0);
    const uint8_t *data = file_of(&f, &len);
    assert_int_equal(dbr_checkpoint_decode(&checkpoint, dbr_bytes(data, len)), 0);
    size_t n = 0;
    while (dbr_checkpoint_next(&checkpoint, &item)) {
        bool system = strcmp(item.name, "_system") == 0;
        assert_true(system || strcmp(item.name, "default") == 0);
        assert_int_equal(item.applied, system ? 2 : f.index);
        n++;
    }
    assert_int_equal(n, 2);
    fixture_reopen(&f);
    fixture_finish(&f);
}

static void each_flipped_bit_is_damage(void **state)
{
    (void)state;
    struct fixture f;
    size_t len = 0;
    struct dbr_checkpoint checkpoint;
    init(&f);
    assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), 0);
    uint8_t *data = sim_disk_data(f.disk, DBR_CHECKPOINT_PATH, &len);
    for (size_t i = 0; i < len * 8; i++) {
        data[i / 8] ^= (uint8_t)(1 << (i % 8));
        assert_int_equal(dbr_checkpoint_decode(&checkpoint, dbr_bytes(data, len)),
                         DEBROS_EIO);
        data[i / 8] ^= (uint8_t)(1 << (i % 8));
    }
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(dbr_checkpoint_decode(&checkpoint, dbr_bytes(data, i)),
                         DEBROS_EIO);
    }
    fixture_close(&f);
    sim_disk_revive(f.disk);
    data[9] ^= 1;
    assert_int_equal(fixture_try_open(&f), DEBROS_EIO);
    assert_non_null(strstr(f.detail.text, "sim/db/checkpoint: damaged"));
    fixture_finish(&f);
}

/* The process died after a checkpoint that a reader kept from the database's file: what
 * it holds is in the WAL. */
static void init_with_wal(struct fixture *f)
{
    init(f);
    assert_int_equal(fixture_job(f, DBR_APPLY_CHECKPOINT, 0), 0);
    fixture_must(f, "default", "INSERT INTO t VALUES(1)");
    struct fixture left = {.config = f->config, .disk = sim_disk_clone(f->disk, 1)};
    fixture_close(f);
    sim_disk_destroy(f->disk);
    f->disk = left.disk;
    f->config.fs = sim_disk_fs(f->disk);
}

static void a_wal_that_lost_its_end_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    size_t len = 0;
    init_with_wal(&f);
    struct sim_disk *copy = sim_disk_clone(f.disk, 1);
    f.config.fs = sim_disk_fs(copy);
    assert_int_equal(fixture_try_open(&f), 0); /* as it is */
    fixture_close(&f);
    sim_disk_destroy(copy);
    f.config.fs = sim_disk_fs(f.disk);
    struct dbr_fs *fs = f.config.fs;
    uint8_t *wal = sim_disk_data(f.disk, "db/default.db-wal", &len);
    assert_true(len > 10000);
    memset(wal + 32, 0, len - 32);
    uint8_t *database = sim_disk_data(f.disk, "db/default.db", &len);
    assert_true(len > 0 && database != NULL);
    /* The checkpoint had moved the pages: the file alone is enough for it. */
    assert_int_equal(fixture_try_open(&f), 0);
    fixture_close(&f);
    sim_disk_revive(f.disk);
    /* Without them it is not. */
    assert_int_equal(fs->ops->remove(fs, "db/default.db"), 0);
    assert_int_equal(fixture_try_open(&f), DEBROS_EIO);
    assert_non_null(strstr(f.detail.text, "sim/db/default.db: is missing"));
    fixture_finish(&f);
}

static void pages_held_back_by_a_reader_count_on_the_wal(void **state)
{
    (void)state;
    struct fixture f;
    size_t len = 0;
    sqlite3 *holder = NULL;
    init(&f);
    /* A reader in its transaction: the checkpoint may move nothing newer. */
    assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), 0);
    const char *reader = NULL;
    for (sqlite3_vfs *vfs = sqlite3_vfs_find(NULL); vfs != NULL; vfs = vfs->pNext) {
        size_t n = strlen(vfs->zName);
        if (strncmp(vfs->zName, "debros-", 7) == 0 && vfs->zName[n - 1] == 'r') {
            reader = vfs->zName;
        }
    }
    assert_non_null(reader);
    assert_int_equal(
        sqlite3_open_v2("db/default.db", &holder, SQLITE_OPEN_READONLY, reader),
        SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(holder, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL),
        SQLITE_OK);
    for (int i = 0; i < 5; i++) {
        fixture_must(&f, "default", "INSERT INTO t VALUES(zeroblob(6000))");
    }
    assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), 0);
    struct sim_disk *left = sim_disk_clone(f.disk, 1);
    assert_int_equal(sqlite3_close(holder), SQLITE_OK);
    fixture_close(&f);
    sim_disk_destroy(f.disk);
    f.disk = left;
    f.config.fs = sim_disk_fs(left);
    uint8_t *wal = sim_disk_data(left, "db/default.db-wal", &len);
    assert_true(len > 32 + 5 * 4120);
    wal[32 + 4 * 4120 + 100] ^= 1; /* SQLite ends the WAL before this frame */
    assert_int_equal(fixture_try_open(&f), DEBROS_EIO);
    assert_non_null(strstr(f.detail.text, "sim/db/default.db-wal: damaged"));
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_where_each_database_is),
        cmocka_unit_test(each_flipped_bit_is_damage),
        cmocka_unit_test(a_wal_that_lost_its_end_is_an_error),
        cmocka_unit_test(pages_held_back_by_a_reader_count_on_the_wal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
