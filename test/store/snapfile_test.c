#include "store/snapfile.h"

#include "fixture.h"

static void names_say_what_is_in_the_files(void **state)
{
    (void)state;
    char path[DBR_PATH_MAX];
    uint8_t id[DBR_SNAPSHOT_ID_SIZE] = {0xab, 0xcd, [15] = 0x01};
    uint8_t other[DBR_SNAPSHOT_ID_SIZE] = {0xab};
    dbr_snapfile_out_path(path, 7, 3);
    assert_string_equal(path, "image/out-7-3");
    dbr_snapfile_in_path(path, id);
    assert_string_equal(path, "image/in-abcd0000000000000000000000000001");
    assert_true(dbr_snapfile_is_in(path + 6, id));
    dbr_snapfile_in_file_path(path, id, 12);
    assert_string_equal(path, "db/in-abcd0000000000000000000000000001-12");
    assert_true(dbr_snapfile_is_in(path + 3, id));
    assert_false(dbr_snapfile_is_in(path + 3, other));
    dbr_snapfile_noted_path(path, 255);
    assert_string_equal(path, "image/00000000000000ff.img");
    assert_false(dbr_snapfile_is_in(path + 6, id));
}

static void a_damaged_note_is_named(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_descriptor d;
    fixture_init_default(&f);
    assert_int_equal(fixture_copy(&f), 0);
    struct dbr_fs *fs = sim_disk_fs(f.disk);
    assert_int_equal(dbr_snapfile_read(fs, "image/note", &d, &f.detail),
                     DEBROS_ENOTFOUND);
    assert_int_equal(dbr_fs_write_file(fs, "image/note", test_view(f.bulk->data)), 0);
    assert_int_equal(dbr_snapfile_read(fs, "image/note", &d, &f.detail), 0);
    assert_int_equal(d.n_files, 2);
    dbr_descriptor_finish(&d);
    assert_int_equal(dbr_fs_write_file(fs, "image/note", dbr_bytes("\xff\xff", 2)), 0);
    assert_int_equal(dbr_snapfile_read(fs, "image/note", &d, &f.detail), DEBROS_EIO);
    assert_non_null(strstr(f.detail.text, "image/note: damaged"));
    fixture_finish(&f);
}

static bool is_b(void *data, const char *name)
{
    (void)data;
    return name[0] == 'b';
}

static void sweeping_takes_what_is_named(void **state)
{
    (void)state;
    struct fixture f;
    size_t len;
    fixture_init_default(&f);
    struct dbr_fs *fs = sim_disk_fs(f.disk);
    assert_int_equal(dbr_fs_write_file(fs, "image/a", dbr_bytes("a", 1)), 0);
    assert_int_equal(dbr_fs_write_file(fs, "image/b1", dbr_bytes("b", 1)), 0);
    assert_int_equal(dbr_fs_write_file(fs, "image/b2", dbr_bytes("b", 1)), 0);
    assert_int_equal(dbr_snapfile_sweep(fs, is_b, NULL), 0);
    assert_non_null(sim_disk_data(f.disk, "image/a", &len));
    assert_null(sim_disk_data(f.disk, "image/b1", &len));
    assert_null(sim_disk_data(f.disk, "image/b2", &len));
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_what_is_in_the_files),
        cmocka_unit_test(a_damaged_note_is_named),
        cmocka_unit_test(sweeping_takes_what_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
