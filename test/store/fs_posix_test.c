#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "lib/test.h"
#include "store/store.h"

static char root[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/debros-fs-XXXXXX");
    return mkdtemp(root) == NULL;
}

static void count(void *data, const char *name)
{
    (void)name;
    ++*(size_t *)data;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static void a_file_does_what_it_says(void **state)
{
    (void)state;
    struct dbr_fs *fs = NULL;
    struct dbr_file *file = NULL;
    uint64_t size = 0;
    char text[16] = "";
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/a/b", root);
    assert_int_equal(dbr_fs_posix_create(&fs, path, NULL), 0);
    assert_string_equal(fs->root, path);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(fs->ops->open(fs, &file, "x", 0), DEBROS_ENOTFOUND);
    assert_int_equal(fs->ops->mkdir(fs, "d/e"), 0);
    assert_int_equal(fs->ops->mkdir(fs, "d/e"), 0);
    assert_int_equal(fs->ops->open(fs, &file, "d/e/x", DBR_FS_CREATE), 0);
    assert_int_equal(fs->ops->write(fs, file, "hello", 5, 3), 0);
    assert_int_equal(fs->ops->sync(fs, file), 0);
    assert_int_equal(fs->ops->size(fs, file, &size), 0);
    assert_int_equal(size, 8);
    assert_int_equal(fs->ops->read(fs, file, text, 10, 3), 5);
    assert_string_equal(text, "hello");
    assert_int_equal(fs->ops->read(fs, file, text, 10, 8), 0);
    assert_int_equal(fs->ops->truncate(fs, file, 4), 0);
    fs->ops->close(fs, file);
    assert_int_equal(fs->ops->open(fs, &file, "d/e/x", DBR_FS_CREATE | DBR_FS_EXCLUSIVE),
                     DEBROS_EEXISTS);
    assert_int_equal(fs->ops->rename(fs, "d/e/x", "d/y"), 0);
    assert_int_equal(fs->ops->sync_dir(fs, "d"), 0);
    assert_int_equal(fs->ops->sync_dir(fs, "."), 0);
    assert_true(fs->ops->exists(fs, "d/y"));
    assert_false(fs->ops->exists(fs, "d/e/x"));
    size_t n = 0;
    assert_int_equal(fs->ops->list(fs, "d", count, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(fs->ops->list(fs, "none", count, &n), DEBROS_ENOTFOUND);
    assert_int_equal(fs->ops->remove(fs, "d/y"), 0);
    assert_int_equal(fs->ops->remove(fs, "d/y"), DEBROS_ENOTFOUND);
    assert_int_equal(fs->ops->open(fs, &file, "d/z", DBR_FS_CREATE), 0);
    fs->ops->close(fs, file);
    assert_int_equal(fs->ops->open(fs, &file, "d/z", DBR_FS_READONLY), 0);
    assert_int_equal(fs->ops->write(fs, file, "x", 1, 0), DEBROS_EIO);
    fs->ops->close(fs, file);
    dbr_fs_posix_destroy(fs);
}

static void one_lock_for_each_folder(void **state)
{
    (void)state;
    struct dbr_fs *first = NULL;
    struct dbr_fs *second = NULL;
    assert_int_equal(dbr_fs_posix_create(&first, root, NULL), 0);
    assert_int_equal(dbr_fs_posix_create(&second, root, NULL), 0);
    assert_int_equal(first->ops->lock(first), 0);
    assert_int_equal(second->ops->lock(second), DEBROS_EBUSY);
    struct dbr_buf owner = {0};
    assert_int_equal(dbr_fs_read_file(second, DBR_FS_LOCK_FILE, &owner, 32), 0);
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    assert_int_equal(owner.len, strlen(pid));
    assert_memory_equal(owner.data, pid, owner.len);
    dbr_buf_finish(&owner);
    uint64_t room = 0;
    assert_int_equal(dbr_fs_posix_free(first, &room), 0);
    assert_true(room > 0);
    dbr_fs_posix_destroy(first);
    assert_int_equal(second->ops->lock(second), 0);
    dbr_fs_posix_destroy(second);
    dbr_fs_posix_destroy(NULL);
}

static void a_folder_that_cannot_be_is_named(void **state)
{
    (void)state;
    struct dbr_fs *fs = NULL;
    debros_detail detail = {{0}};
    assert_int_not_equal(dbr_fs_posix_create(&fs, "/dev/null/x", &detail), 0);
    assert_string_equal(detail.text, "data folder '/dev/null/x': Not a directory");
    assert_int_not_equal(dbr_fs_posix_create(&fs, "", &detail), 0);
}

static void a_store_lives_on_it(void **state)
{
    (void)state;
    struct dbr_fs *fs = NULL;
    struct dbr_store *store = NULL;
    struct dbr_store_config config;
    struct dbr_log_op op = {.type = DBR_LOG_TERM, .value = 3};
    dbr_store_config_default(&config);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dbr_fs_posix_create(&fs, root, NULL), 0);
        config.fs = fs;
        assert_int_equal(dbr_store_open(&store, &config, NULL), 0);
        assert_int_equal(dbr_store_log_state(store)->term, i * 3);
        assert_int_equal(dbr_store_write_log(store, &op, false, NULL), 0);
        dbr_store_close(store);
        dbr_fs_posix_destroy(fs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_does_what_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(one_lock_for_each_folder, setup, teardown),
        cmocka_unit_test(a_folder_that_cannot_be_is_named),
        cmocka_unit_test_setup_teardown(a_store_lives_on_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
