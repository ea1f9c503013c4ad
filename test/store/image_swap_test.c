#include "fixture.h"

#include "base/alloc.h"

/* An image of a store with a table of one row, at index `f->index`. */
static struct dbr_buf make_image(uint64_t *index)
{
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t AS SELECT 'new' AS a");
    fixture_must(&f, "_system", "INSERT INTO namespaces VALUES('extra', debros_index())");
    fixture_must(&f, "extra", "CREATE TABLE e(a)");
    assert_int_equal(fixture_job(&f, DBR_APPLY_IMAGE, 0), 0);
    struct dbr_buf image = dbr_buf_take(&f.job->image);
    *index = f.index;
    fixture_finish(&f);
    return image;
}

static void init_behind(struct fixture *f)
{
    fixture_init_default(f);
    fixture_must(f, "default", "CREATE TABLE t AS SELECT 'old' AS a");
    assert_string_equal(fixture_rows(f, "default", "SELECT a FROM t"), "old");
}

static int install(struct fixture *f, uint64_t index, const struct dbr_buf *image)
{
    struct dbr_log_op op = {.type = DBR_LOG_INSTALL,
                            .seq = ++f->log_seq,
                            .index = index,
                            .term = 1,
                            .image = dbr_bytes(image->data, image->len)};
    return dbr_store_write_log(f->store, &op, &f->detail);
}

static void assert_new(struct fixture *f)
{
    assert_string_equal(fixture_rows(f, "default", "SELECT a FROM t"), "new");
    assert_string_equal(fixture_rows(f, "extra", "SELECT count(*) FROM e"), "0");
}

static void a_received_image_takes_the_place(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t index = 0;
    struct dbr_buf image = make_image(&index);
    init_behind(&f);
    assert_int_equal(install(&f, index, &image), 0);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "old");
    assert_int_equal(fixture_job(&f, DBR_APPLY_RESTORE, index), 0);
    assert_int_equal(f.job->applied, index);
    assert_true(f.job->system_changed);
    assert_new(&f);
    f.index = index;
    f.seq = 1000; /* the image's client has used the first ones */
    fixture_must(&f, "extra", "INSERT INTO e VALUES(1)");
    fixture_crash(&f);
    assert_int_equal(dbr_store_log_state(f.store)->snapshot_index, index);
    assert_true(dbr_store_applied(f.store) >= index);
    assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "new");
    fixture_finish(&f);
    dbr_buf_finish(&image);
}

static void a_wrong_image_is_not_staged(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t index = 0;
    struct dbr_buf image = make_image(&index);
    init_behind(&f);
    assert_int_equal(install(&f, index + 1, &image), DEBROS_EIO); /* it is older */
    image.data[100] ^= 1;
    assert_int_equal(install(&f, index, &image), DEBROS_EIO);
    assert_non_null(strstr(f.detail.text, "is not an image of it"));
    fixture_reopen(&f);
    assert_int_equal(dbr_store_log_state(f.store)->snapshot_index, 0);
    fixture_finish(&f);
    dbr_buf_finish(&image);
}

/* The power goes at each operation of install and restore. Afterwards the store holds the
 * old or the new, as the log says, and never a mixture. */
static void a_crash_at_any_operation_leaves_old_or_new(void **state)
{
    (void)state;
    uint64_t index = 0;
    struct dbr_buf image = make_image(&index);
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
        bool logged = install(&f, index, &image) == 0;
        done = logged && fixture_job(&f, DBR_APPLY_RESTORE, index) == 0 &&
               sim_disk_ops(f.disk) - before <= n;
        fixture_crash(&f);
        bool installed = dbr_store_log_state(f.store)->snapshot_index == index;
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
    dbr_buf_finish(&image);
}

static void a_full_disk_waits_in_the_middle(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t index = 0;
    struct dbr_buf image = make_image(&index);
    init_behind(&f);
    assert_int_equal(install(&f, index, &image), 0);
    sim_disk_set_full(f.disk, true);
    assert_int_equal(fixture_job(&f, DBR_APPLY_RESTORE, index), DEBROS_ENOSPC);
    assert_reply(fixture_query(&f, "default", "SELECT 1"), DEBROS_ESTATE,
                 "namespace 'default' waits for a snapshot");
    sim_disk_set_full(f.disk, false);
    dbr_store_apply(f.store, f.job);
    assert_int_equal(f.job->status, 0);
    assert_new(&f);
    fixture_finish(&f);
    dbr_buf_finish(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_received_image_takes_the_place),
        cmocka_unit_test(a_wrong_image_is_not_staged),
        cmocka_unit_test(a_crash_at_any_operation_leaves_old_or_new),
        cmocka_unit_test(a_full_disk_waits_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
