#include "store/freeze.h"

#include "fixture.h"
#include "store/store_private.h"
#include "transfer/descriptor.h"

static void a_copy_is_the_state_of_one_index(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_descriptor d;
    fixture_init_default(&f);
    fixture_must(&f, "_system", "INSERT INTO namespaces VALUES('b', debros_index())");
    fixture_must(&f, "default", "CREATE TABLE t AS SELECT randomblob(100000) AS a");
    uint64_t index = f.index;
    assert_int_equal(fixture_job(&f, DBR_APPLY_FREEZE, 0), 0);
    assert_int_equal(atomic_load(&f.store->n_pins), 3);
    size_t steps = 0;
    do { /* writes go on between the steps */
        fixture_must(&f, "default", "INSERT INTO t VALUES(randomblob(5000))");
        assert_int_equal(fixture_bulk(&f, DBR_BULK_COPY, 0, dbr_bytes(NULL, 0)), 0);
        steps++;
    } while (!f.bulk->done);
    assert_true(steps > 3);
    assert_int_equal(atomic_load(&f.store->n_pins), 0);
    assert_int_equal(f.bulk->index, index);
    assert_int_equal(dbr_descriptor_decode(&d, test_view(f.bulk->data)), 0);
    assert_int_equal(d.index, index);
    assert_int_equal(d.n_files, 3);
    assert_string_equal(d.files[0].name, "_system");
    assert_string_equal(d.files[1].name, "b");
    assert_string_equal(d.files[2].name, "default");
    assert_true(d.files[2].size > 100000 && d.files[2].size < 130000);
    for (uint64_t i = 0; i < d.n_files; i++) {
        char path[DBR_PATH_MAX];
        uint8_t hash[DBR_BLAKE2B_SIZE];
        struct dbr_blake2b b;
        size_t len = 0;
        dbr_path_format(path, "image/out-%d-%d", (int)f.freeze, (int)i);
        uint8_t *bytes = sim_disk_data(f.disk, path, &len);
        assert_int_equal(len, d.files[i].size);
        dbr_blake2b_begin(&b);
        dbr_blake2b_add(&b, dbr_bytes(bytes, len));
        dbr_blake2b_end(&b, hash);
        assert_memory_equal(hash, d.files[i].hash, sizeof(hash));
    }
    dbr_descriptor_finish(&d);
    fixture_finish(&f);
}

static void chunks_end_where_files_end(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_descriptor d;
    fixture_init_default(&f);
    assert_int_equal(fixture_copy(&f), 0);
    assert_int_equal(dbr_descriptor_decode(&d, test_view(f.bulk->data)), 0);
    for (uint64_t offset = 0; offset < d.total; offset += f.bulk->data.len) {
        uint64_t inside;
        size_t file = dbr_descriptor_at(&d, offset, &inside);
        assert_int_equal(fixture_bulk(&f, DBR_BULK_READ, offset, dbr_bytes(NULL, 0)), 0);
        assert_true(f.bulk->data.len > 0 &&
                    inside + f.bulk->data.len <= d.files[file].size);
    }
    assert_int_equal(fixture_bulk(&f, DBR_BULK_READ, d.total, dbr_bytes(NULL, 0)),
                     DEBROS_EINVAL);
    dbr_descriptor_finish(&d);
    fixture_finish(&f);
}

static void a_dropped_copy_is_gone(void **state)
{
    (void)state;
    struct fixture f;
    size_t len;
    fixture_init_default(&f);
    assert_int_equal(fixture_copy(&f), 0);
    assert_non_null(sim_disk_data(f.disk, "image/out-1-0", &len));
    assert_int_equal(fixture_bulk(&f, DBR_BULK_DROP, 0, dbr_bytes(NULL, 0)), 0);
    assert_null(sim_disk_data(f.disk, "image/out-1-0", &len));
    assert_int_equal(fixture_bulk(&f, DBR_BULK_READ, 0, dbr_bytes(NULL, 0)),
                     DEBROS_ENOTFOUND);
    assert_int_equal(fixture_bulk(&f, DBR_BULK_COPY, 0, dbr_bytes(NULL, 0)),
                     DEBROS_ENOTFOUND);
    fixture_finish(&f);
}

static void a_copy_does_not_outlive_its_process(void **state)
{
    (void)state;
    struct fixture f;
    size_t len;
    fixture_init_default(&f);
    assert_int_equal(fixture_copy(&f), 0);
    fixture_crash(&f);
    assert_null(sim_disk_data(f.disk, "image/out-1-0", &len));
    fixture_finish(&f);
}

static void a_full_disk_is_an_answer(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t AS SELECT randomblob(100000) AS a");
    sim_disk_set_full(f.disk, true);
    assert_int_equal(fixture_copy(&f), DEBROS_ENOSPC);
    assert_non_null(strstr(f.bulk->detail.text, "copying the namespace _system"));
    assert_int_equal(fixture_bulk(&f, DBR_BULK_DROP, 0, dbr_bytes(NULL, 0)), 0);
    sim_disk_set_full(f.disk, false);
    assert_int_equal(atomic_load(&f.store->n_pins), 0);
    assert_int_equal(fixture_copy(&f), 0);
    fixture_finish(&f);
}

static void there_are_never_many(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    for (unsigned i = 0; i < DBR_FREEZES_MAX; i++) {
        assert_int_equal(fixture_job(&f, DBR_APPLY_FREEZE, 0), 0);
    }
    assert_int_equal(fixture_job(&f, DBR_APPLY_FREEZE, 0), DEBROS_EBUSY);
    dbr_freezes_cancel(f.store);
    assert_int_equal(atomic_load(&f.store->n_pins), 0);
    f.freeze = 1;
    assert_int_equal(fixture_bulk(&f, DBR_BULK_COPY, 0, dbr_bytes(NULL, 0)),
                     DEBROS_ECANCELED);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_the_state_of_one_index),
        cmocka_unit_test(chunks_end_where_files_end),
        cmocka_unit_test(a_dropped_copy_is_gone),
        cmocka_unit_test(a_copy_does_not_outlive_its_process),
        cmocka_unit_test(a_full_disk_is_an_answer),
        cmocka_unit_test(there_are_never_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
