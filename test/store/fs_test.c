#include "base/buf.h"
#include "lib/sim_disk.h"
#include "lib/test.h"
#include "store/store.h"

static const char *content(struct sim_disk *disk, char out[64])
{
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    int err = dbr_fs_read_file(sim_disk_fs(disk), "key", &buf, 64);
    memset(out, 0, 64);
    if (err == 0) {
        memcpy(out, buf.data, buf.len);
    }
    dbr_buf_finish(&buf);
    return err == 0 ? out : "?";
}

static void a_file_is_replaced_as_a_whole(void **state)
{
    (void)state;
    char text[64];
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_fs *fs = sim_disk_fs(disk);
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes_str("first")), 0);
    assert_string_equal(content(disk, text), "first");
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes_str("2nd")), 0);
    sim_disk_crash(disk);
    sim_disk_revive(disk);
    assert_string_equal(content(disk, text), "2nd");
    sim_disk_destroy(disk);
}

static void a_crash_leaves_old_or_new(void **state)
{
    (void)state;
    char text[64];
    for (uint64_t n = 0; n < 10; n++) {
        struct sim_disk *disk = sim_disk_create(n);
        struct dbr_fs *fs = sim_disk_fs(disk);
        assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes_str("old")), 0);
        sim_disk_crash_after(disk, n);
        int err = dbr_fs_write_file(fs, "key", dbr_bytes_str("much newer"));
        sim_disk_crash(disk);
        sim_disk_revive(disk);
        (void)content(disk, text);
        assert_true(strcmp(text, "much newer") == 0 ||
                    (err != 0 && strcmp(text, "old") == 0));
        sim_disk_destroy(disk);
    }
}

static void a_full_disk_keeps_the_old_one(void **state)
{
    (void)state;
    char text[64];
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_fs *fs = sim_disk_fs(disk);
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes_str("old")), 0);
    sim_disk_set_full(disk, true);
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes_str("new")), DEBROS_ENOSPC);
    assert_string_equal(content(disk, text), "old");
    assert_false(fs->ops->exists(fs, "key.tmp"));
    sim_disk_destroy(disk);
}

static void reading_appends_up_to_a_limit(void **state)
{
    (void)state;
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_fs *fs = sim_disk_fs(disk);
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    assert_int_equal(dbr_fs_read_file(fs, "key", &buf, 10), DEBROS_ENOTFOUND);
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes_str("12345678901")), 0);
    assert_int_equal(dbr_fs_read_file(fs, "key", &buf, 10), DEBROS_ELIMIT);
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes(NULL, 0)), 0);
    assert_int_equal(dbr_fs_read_file(fs, "key", &buf, 10), 0);
    assert_int_equal(buf.len, 0);
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes_str("ab")), 0);
    assert_int_equal(dbr_fs_read_file(fs, "key", &buf, 10), 0);
    assert_int_equal(dbr_fs_read_file(fs, "key", &buf, 10), 0);
    assert_memory_equal(buf.data, "abab", 4);
    dbr_buf_finish(&buf);
    sim_disk_destroy(disk);
}

static void what_was_never_written_takes_no_memory(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_fs *fs = sim_disk_fs(disk);
    /* Where the last byte is: in the first step, behind a gap, at the very end. */
    static const size_t last[] = {0, 5, 65535, 65536, 700000, sizeof(bytes) - 1};
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
        struct dbr_buf buf = {0};
        memset(bytes, 0, sizeof(bytes));
        bytes[0] = 1;
        bytes[last[i]] = 7;
        assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes(bytes, sizeof(bytes))),
                         0);
        assert_int_equal(dbr_fs_read_written(fs, "key", &buf), 0);
        assert_true(buf.len > last[i] && buf.len <= last[i] + 65536);
        assert_memory_equal(buf.data, bytes, buf.len);
        dbr_buf_finish(&buf);
    }
    memset(bytes, 0, sizeof(bytes));
    struct dbr_buf buf = {0};
    assert_int_equal(dbr_fs_write_file(fs, "key", dbr_bytes(bytes, sizeof(bytes))), 0);
    assert_int_equal(dbr_fs_read_written(fs, "key", &buf), 0);
    assert_int_equal(buf.len, 0);
    dbr_buf_finish(&buf);
    sim_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_as_a_whole),
        cmocka_unit_test(a_crash_leaves_old_or_new),
        cmocka_unit_test(a_full_disk_keeps_the_old_one),
        cmocka_unit_test(reading_appends_up_to_a_limit),
        cmocka_unit_test(what_was_never_written_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
