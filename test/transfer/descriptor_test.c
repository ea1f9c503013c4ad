#include "transfer/descriptor.h"

#include "test.h"

static struct dbr_descriptor_file files[] = {
    {.name = "_system", .size = 100, .hash = {1}},
    {.name = "a", .size = 1, .hash = {2}},
    {.name = "b", .size = 1000000, .hash = {3}},
};

static struct dbr_buf encoded(uint64_t index, size_t n)
{
    struct dbr_buf out = {0};
    assert_int_equal(dbr_descriptor_encode(&out, index, files, n), 0);
    return out;
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct dbr_descriptor d;
    uint8_t id[DBR_SNAPSHOT_ID_SIZE];
    struct dbr_buf bytes = encoded(77, 3);
    assert_int_equal(dbr_descriptor_decode(&d, test_view(bytes)), 0);
    assert_int_equal(d.index, 77);
    assert_int_equal(d.n_files, 3);
    assert_int_equal(d.total, 1000101);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(d.files[i].name, files[i].name);
        assert_int_equal(d.files[i].size, files[i].size);
        assert_memory_equal(d.files[i].hash, files[i].hash, DBR_BLAKE2B_SIZE);
    }
    dbr_descriptor_id(id, test_view(bytes));
    assert_memory_equal(d.id, id, sizeof(id));
    dbr_descriptor_finish(&d);
    dbr_buf_finish(&bytes);
}

static void another_snapshot_has_another_id(void **state)
{
    (void)state;
    uint8_t one[DBR_SNAPSHOT_ID_SIZE];
    uint8_t two[DBR_SNAPSHOT_ID_SIZE];
    struct dbr_buf a = encoded(77, 3);
    struct dbr_buf b = encoded(78, 3);
    dbr_descriptor_id(one, test_view(a));
    dbr_descriptor_id(two, test_view(b));
    assert_memory_not_equal(one, two, sizeof(one));
    dbr_buf_finish(&a);
    dbr_buf_finish(&b);
}

static void offsets_count_through_all_files(void **state)
{
    (void)state;
    struct dbr_descriptor d;
    uint64_t inside;
    struct dbr_buf bytes = encoded(77, 3);
    assert_int_equal(dbr_descriptor_decode(&d, test_view(bytes)), 0);
    assert_int_equal(dbr_descriptor_at(&d, 0, &inside), 0);
    assert_int_equal(dbr_descriptor_at(&d, 99, &inside), 0);
    assert_int_equal(inside, 99);
    assert_int_equal(dbr_descriptor_at(&d, 100, &inside), 1);
    assert_int_equal(inside, 0);
    assert_int_equal(dbr_descriptor_at(&d, 1000100, &inside), 2);
    assert_int_equal(inside, 999999);
    assert_int_equal(dbr_descriptor_at(&d, 1000101, &inside), 3);
    dbr_descriptor_finish(&d);
    dbr_buf_finish(&bytes);
}

static void refuse(const struct dbr_descriptor_file *list, size_t n, uint64_t index)
{
    struct dbr_descriptor d;
    struct dbr_buf bytes = {0};
    assert_int_equal(dbr_descriptor_encode(&bytes, index, list, n), 0);
    assert_int_equal(dbr_descriptor_decode(&d, test_view(bytes)), DEBROS_EPROTO);
    assert_null(d.files);
    dbr_buf_finish(&bytes);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct dbr_descriptor_file list[3];
    memcpy(list, files, sizeof(list));
    refuse(list, 3, 0);
    refuse(list, 0, 5);
    list[1].size = 0;
    refuse(list, 3, 5);
    list[1].size = DBR_DESCRIPTOR_FILE_MAX + 1;
    refuse(list, 3, 5);
    list[1] = files[0]; /* twice the same name */
    refuse(list, 3, 5);
    list[1] = files[2];
    list[2] = files[1]; /* not in order */
    refuse(list, 3, 5);
    memset(list[0].name, 0, sizeof(list[0].name));
    refuse(list, 1, 5);
    struct dbr_descriptor d;
    assert_int_equal(dbr_descriptor_decode(&d, dbr_bytes("\xff", 1)), DEBROS_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(another_snapshot_has_another_id),
        cmocka_unit_test(offsets_count_through_all_files),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
