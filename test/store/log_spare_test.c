#include "log_fixture.h"

static size_t spare_size(struct sim_disk *disk)
{
    size_t len = 0;
    (void)sim_disk_data(disk, "log/spare", &len);
    return len;
}

static int write_term(struct dbr_log *log, uint64_t term)
{
    struct dbr_log_op op = {.type = DBR_LOG_TERM, .value = term};
    return dbr_log_write(log, &op, NULL);
}

static void the_next_segment_grows_with_the_present_one(void **state)
{
    (void)state;
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = NULL;
    assert_int_equal(dbr_log_open(&log, sim_disk_fs(disk), 1 << 20, NULL, NULL), 0);
    size_t before = 0;
    for (uint64_t i = 1; i <= 16; i++) {
        assert_int_equal(write_term(log, i), 0);
        assert_true(spare_size(disk) > before);
        before = spare_size(disk);
    }
    assert_int_equal(before, 1 << 20);
    assert_int_equal(write_term(log, 17), 0);
    assert_int_equal(spare_size(disk), 1 << 20);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

/* A spare that finds no room gives back what it took, and is not tried with each batch.
 */
static void a_full_disk_is_left_alone(void **state)
{
    (void)state;
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = NULL;
    assert_int_equal(dbr_log_open(&log, sim_disk_fs(disk), 1 << 20, NULL, NULL), 0);
    assert_int_equal(write_term(log, 1), 0);
    sim_disk_set_full(disk, true);
    assert_int_equal(write_term(log, 2), 0);
    assert_int_equal(spare_size(disk), 0);
    uint64_t before = sim_disk_ops(disk);
    assert_int_equal(write_term(log, 3), 0);
    /* Written and synced, the segment and the term's slot. */
    assert_int_equal(sim_disk_ops(disk) - before, 4);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

static void an_old_spare_is_not_trusted(void **state)
{
    (void)state;
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = NULL;
    assert_int_equal(dbr_log_open(&log, sim_disk_fs(disk), LOG_SEGMENT, NULL, NULL), 0);
    assert_int_equal(write_term(log, 1), 0);
    dbr_log_close(log);
    size_t len = 0;
    uint8_t *data = sim_disk_data(disk, "log/spare", &len);
    assert_true(len > 0);
    memset(data, 'x', len);
    assert_int_equal(dbr_log_open(&log, sim_disk_fs(disk), LOG_SEGMENT, NULL, NULL), 0);
    for (uint64_t i = 2; i < 200; i++) { /* over its end */
        assert_int_equal(write_term(log, i), 0);
    }
    dbr_log_close(log);
    assert_int_equal(dbr_log_open(&log, sim_disk_fs(disk), LOG_SEGMENT, NULL, NULL), 0);
    assert_int_equal(dbr_log_state(log)->term, 199);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_segment_grows_with_the_present_one),
        cmocka_unit_test(a_full_disk_is_left_alone),
        cmocka_unit_test(an_old_spare_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
