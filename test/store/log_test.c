#include "log_fixture.h"

static struct dbr_log *open_log(struct sim_disk *disk)
{
    struct dbr_log *log = NULL;
    debros_detail detail = {{0}};
    int err = dbr_log_open(&log, sim_disk_fs(disk), LOG_SEGMENT, NULL, &detail);
    if (err != 0) {
        fail_msg("%s", detail.text);
    }
    return log;
}

static void every_kind_of_operation_is_found_again(void **state)
{
    (void)state;
    static struct log_script script;
    struct log_model model;
    struct sim_disk *disk = sim_disk_create(1);
    log_script_fill(&script);
    log_model_init(&model);
    for (size_t i = 0; i < script.n_calls; i++) {
        struct dbr_log *log = open_log(disk);
        assert_true(log_model_matches(&model, dbr_log_state(log)));
        assert_int_equal(dbr_log_write(log, script.calls[i], NULL), 0);
        log_model_apply(&model, script.calls[i], log_call_steps(script.calls[i]));
        dbr_log_close(log);
        sim_disk_crash(disk); /* everything acknowledged is durable */
        sim_disk_revive(disk);
    }
    struct dbr_log *log = open_log(disk);
    const struct dbr_log_state *found = dbr_log_state(log);
    assert_true(log_model_matches(&model, found));
    assert_int_equal(found->first_index, 151);
    assert_int_equal(found->n_entries, 44);
    assert_true(dbr_bytes_equal(found->entries[43].data,
                                script.entries[script.n_entries - 1].data));
    assert_int_equal(found->entries[0].type, DBR_ENTRY_COMMAND);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

static void one_call_is_one_write_and_one_sync(void **state)
{
    (void)state;
    static struct log_script script;
    struct sim_disk *disk = sim_disk_create(1);
    log_script_fill(&script);
    struct dbr_log *log = NULL;
    assert_int_equal(dbr_log_open(&log, sim_disk_fs(disk), 1 << 18, NULL, NULL), 0);
    for (size_t i = 0; i < 5; i++) { /* until the next segment is ready */
        assert_int_equal(dbr_log_write(log, script.calls[i], NULL), 0);
    }
    uint64_t before = sim_disk_ops(disk);
    assert_int_equal(dbr_log_write(log, script.calls[5], NULL), 0);
    assert_int_equal(sim_disk_ops(disk) - before, 2);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

static void old_segments_go_after_a_snapshot(void **state)
{
    (void)state;
    static struct log_script script;
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_fs *fs = sim_disk_fs(disk);
    log_script_fill(&script);
    struct dbr_log *log = open_log(disk);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(dbr_log_write(log, script.calls[i], NULL), 0);
    }
    assert_true(fs->ops->exists(fs, "log/0000000000000001.seg"));
    assert_int_equal(dbr_log_write(log, script.calls[6], NULL), 0);
    assert_false(fs->ops->exists(fs, "log/0000000000000001.seg"));
    assert_true(fs->ops->exists(fs, "log/0000000000000003.seg"));
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

static void a_full_disk_only_delays(void **state)
{
    (void)state;
    static struct log_script script;
    struct log_model model;
    debros_detail detail = {{0}};
    struct sim_disk *disk = sim_disk_create(1);
    log_script_fill(&script);
    log_model_init(&model);
    struct dbr_log *log = open_log(disk);
    size_t delayed = 0;
    for (size_t i = 0; i < script.n_calls; i++) {
        sim_disk_set_full(disk, true);
        int err = dbr_log_write(log, script.calls[i], &detail);
        if (err != 0) {
            assert_int_equal(err, DEBROS_ENOSPC);
            assert_string_equal(
                detail.text,
                "sim/log: no space left on the disk; the log waits for room");
            assert_int_equal(dbr_log_write(log, script.calls[i], &detail), DEBROS_ENOSPC);
            delayed++;
            sim_disk_set_full(disk, false);
            assert_int_equal(dbr_log_write(log, script.calls[i], &detail), 0);
        }
        log_model_apply(&model, script.calls[i], log_call_steps(script.calls[i]));
    }
    assert_true(delayed >= 3); /* each new segment */
    dbr_log_close(log);
    sim_disk_set_full(disk, false);
    log = open_log(disk);
    assert_true(log_model_matches(&model, dbr_log_state(log)));
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

/* ENOSPC at each operation of the run in turn, then the same call again. */
static void no_space_at_any_operation_loses_nothing(void **state)
{
    (void)state;
    static struct log_script script;
    log_script_fill(&script);
    for (uint64_t n = 0;; n++) {
        struct log_model model;
        struct sim_disk *disk = sim_disk_create(n);
        log_model_init(&model);
        struct dbr_log *log = open_log(disk);
        uint64_t before = sim_disk_ops(disk);
        sim_disk_fail_after(disk, n, DEBROS_ENOSPC);
        for (size_t i = 0; i < script.n_calls; i++) {
            int err = dbr_log_write(log, script.calls[i], NULL);
            if (err != 0) {
                assert_int_equal(err, DEBROS_ENOSPC);
                assert_int_equal(dbr_log_write(log, script.calls[i], NULL), 0);
            }
            log_model_apply(&model, script.calls[i], log_call_steps(script.calls[i]));
        }
        bool done = sim_disk_ops(disk) - before <= n;
        dbr_log_close(log);
        sim_disk_crash(disk);
        sim_disk_revive(disk);
        log = open_log(disk);
        assert_true(log_model_matches(&model, dbr_log_state(log)));
        dbr_log_close(log);
        sim_disk_destroy(disk);
        if (done) {
            assert_true(n > 30);
            break;
        }
    }
}

static void after_an_io_error_nothing_is_written(void **state)
{
    (void)state;
    static struct log_script script;
    debros_detail detail = {{0}};
    struct sim_disk *disk = sim_disk_create(1);
    log_script_fill(&script);
    struct dbr_log *log = open_log(disk);
    assert_int_equal(dbr_log_write(log, script.calls[0], NULL), 0);
    sim_disk_fail_after(disk, 1, DEBROS_EIO); /* the sync */
    assert_int_equal(dbr_log_write(log, script.calls[1], &detail), DEBROS_EIO);
    assert_string_equal(
        detail.text,
        "sim/log/0000000000000001.seg: writing failed (EIO): check the disk, then start "
        "again");
    uint64_t before = sim_disk_ops(disk);
    assert_int_equal(dbr_log_write(log, script.calls[1], NULL), DEBROS_EIO);
    assert_int_equal(sim_disk_ops(disk), before);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

static void a_batch_larger_than_a_segment_has_one_of_its_own(void **state)
{
    (void)state;
    static uint8_t large[5 * LOG_SEGMENT];
    memset(large, 'x', sizeof(large));
    struct dbr_log_entry entry = {
        .term = 1, .type = DBR_ENTRY_CHANGE, .data = dbr_bytes(large, sizeof(large))};
    struct dbr_log_op op = {
        .type = DBR_LOG_APPEND, .index = 1, .entries = &entry, .n_entries = 1};
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = open_log(disk);
    assert_int_equal(dbr_log_write(log, &op, NULL), 0);
    op.index = 2;
    assert_int_equal(dbr_log_write(log, &op, NULL), 0);
    dbr_log_close(log);
    log = open_log(disk);
    const struct dbr_log_state *found = dbr_log_state(log);
    assert_int_equal(found->n_entries, 2);
    assert_int_equal(found->entries[1].data.len, sizeof(large));
    assert_int_equal(found->entries[1].type, DBR_ENTRY_CHANGE);
    dbr_log_forget_state(log);
    assert_int_equal(dbr_log_state(log)->n_entries, 0);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_operation_is_found_again),
        cmocka_unit_test(one_call_is_one_write_and_one_sync),
        cmocka_unit_test(old_segments_go_after_a_snapshot),
        cmocka_unit_test(a_full_disk_only_delays),
        cmocka_unit_test(no_space_at_any_operation_loses_nothing),
        cmocka_unit_test(after_an_io_error_nothing_is_written),
        cmocka_unit_test(a_batch_larger_than_a_segment_has_one_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
