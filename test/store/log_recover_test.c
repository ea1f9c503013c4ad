#include "log_fixture.h"

#include <stdio.h>

static int try_open(struct sim_disk *disk, struct dbr_log **log, debros_detail *detail)
{
    *log = NULL;
    return dbr_log_open(log, sim_disk_fs(disk), LOG_SEGMENT, NULL, detail);
}

/* What the log may hold after a crash inside call `at`: everything before it, and some of
 * its first steps. */
static bool is_prefix(const struct log_script *script, size_t at,
                      const struct dbr_log_state *state)
{
    struct log_model before;
    log_model_init(&before);
    for (size_t i = 0; i < at; i++) {
        log_model_apply(&before, script->calls[i], log_call_steps(script->calls[i]));
    }
    size_t steps = at < script->n_calls ? log_call_steps(script->calls[at]) : 0;
    for (size_t n = 0; n <= steps; n++) {
        struct log_model model = before;
        if (n > 0) {
            log_model_apply(&model, script->calls[at], n);
        }
        if (log_model_matches(&model, state)) {
            return true;
        }
    }
    return false;
}

/* Runs until the disk dies; returns the call that it died in. */
static size_t run_until_crash(const struct log_script *script, struct sim_disk *disk)
{
    struct dbr_log *log = NULL;
    size_t at = 0;
    if (try_open(disk, &log, NULL) == 0) {
        while (at < script->n_calls && dbr_log_write(log, script->calls[at], NULL) == 0) {
            at++;
        }
    }
    dbr_log_close(log);
    return at;
}

/* The power goes at each disk operation in turn, with several fates of what was not
 * synced; then once more during recovery. */
static void a_crash_at_any_operation_leaves_a_prefix(void **state)
{
    (void)state;
    static struct log_script script;
    log_script_fill(&script);
    size_t at = 0;
    for (uint64_t n = 0; at < script.n_calls; n++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            debros_detail detail = {{0}};
            struct dbr_log *log = NULL;
            struct sim_disk *disk = sim_disk_create(n * 1000 + seed);
            sim_disk_crash_after(disk, n);
            at = run_until_crash(&script, disk);
            sim_disk_crash(disk);
            sim_disk_revive(disk);
            sim_disk_crash_after(disk, seed);
            (void)try_open(disk, &log, NULL);
            dbr_log_close(log);
            sim_disk_crash(disk);
            sim_disk_revive(disk);
            if (try_open(disk, &log, &detail) != 0) {
                fail_msg("operation %d, seed %d: %s", (int)n, (int)seed, detail.text);
            }
            if (!is_prefix(&script, at, dbr_log_state(log))) {
                fail_msg("operation %d, seed %d: call %d is not whole", (int)n, (int)seed,
                         (int)at);
            }
            /* It goes on from there. */
            struct dbr_log_op term = {.type = DBR_LOG_TERM, .value = 99};
            assert_int_equal(dbr_log_write(log, &term, NULL), 0);
            dbr_log_close(log);
            assert_int_equal(try_open(disk, &log, &detail), 0);
            assert_int_equal(dbr_log_state(log)->term, 99);
            dbr_log_close(log);
            sim_disk_destroy(disk);
        }
    }
}

/* As a process that died left it. */
static struct sim_disk *open_log(struct log_script *script, size_t n_calls)
{
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = NULL;
    log_script_fill(script);
    assert_int_equal(try_open(disk, &log, NULL), 0);
    for (size_t i = 0; i < n_calls; i++) {
        assert_int_equal(dbr_log_write(log, script->calls[i], NULL), 0);
    }
    struct sim_disk *left = sim_disk_clone(disk, 1);
    dbr_log_close(log);
    sim_disk_destroy(disk);
    return left;
}

/* The same after a clean end. */
static struct sim_disk *small_log(struct log_script *script, size_t n_calls)
{
    struct sim_disk *disk = open_log(script, n_calls);
    struct dbr_log *log = NULL;
    assert_int_equal(try_open(disk, &log, NULL), 0);
    dbr_log_close(log);
    return disk;
}

/* End of the last byte that is not zero. */
static size_t used(struct sim_disk *disk, const char *path)
{
    size_t len = 0;
    const uint8_t *data = sim_disk_data(disk, path, &len);
    while (len > 0 && data[len - 1] == 0) {
        len--;
    }
    return len;
}

static void each_flipped_byte_is_an_error_with_its_place(void **state)
{
    (void)state;
    static struct log_script script;
    static const char *const paths[] = {"log/0000000000000001.seg",
                                        "log/0000000000000002.seg"};
    struct sim_disk *disk = small_log(&script, 5);
    for (size_t p = 0; p < DBR_COUNT(paths); p++) {
        size_t end = used(disk, paths[p]);
        assert_true(end > 500);
        for (size_t i = 0; i < end; i++) {
            size_t len = 0;
            debros_detail detail = {{0}};
            struct dbr_log *log = NULL;
            struct sim_disk *copy = sim_disk_clone(disk, 1);
            sim_disk_data(copy, paths[p], &len)[i] ^= (uint8_t)(1 << (i % 8));
            int err = try_open(copy, &log, &detail);
            if (err != DEBROS_EIO) {
                fail_msg("%s, byte %d: passed", paths[p], (int)i);
            }
            assert_non_null(strstr(detail.text, paths[p]));
            assert_non_null(strstr(detail.text, "damaged at offset"));
            sim_disk_destroy(copy);
        }
    }
    sim_disk_destroy(disk);
}

static void a_torn_tail_is_cut_and_never_comes_back(void **state)
{
    (void)state;
    static struct log_script script;
    const char *path = "log/0000000000000001.seg";
    struct sim_disk *disk = open_log(&script, 2);
    size_t end = used(disk, path);
    size_t len = 0;
    uint8_t *data = sim_disk_data(disk, path, &len);
    memset(data + 1024, 0, 512); /* a sector of the last call was never written */
    struct dbr_log *log = NULL;
    assert_int_equal(try_open(disk, &log, NULL), 0);
    size_t left = dbr_log_state(log)->n_entries;
    assert_true(left >= 3 && left < 15);
    assert_true(used(disk, path) <= 1024);
    assert_true(used(disk, path) < end);
    struct dbr_log_op vote = {.type = DBR_LOG_VOTE, .value = 5};
    assert_int_equal(dbr_log_write(log, &vote, NULL), 0);
    dbr_log_close(log);
    assert_int_equal(try_open(disk, &log, NULL), 0);
    assert_int_equal(dbr_log_state(log)->n_entries, left);
    assert_int_equal(dbr_log_state(log)->vote, 5);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

/* What was durable at a clean end, or when the vote changed, cannot be cut. */
static void a_lost_sector_at_the_end_is_damage_where_the_end_is_known(void **state)
{
    (void)state;
    static struct log_script script;
    debros_detail detail = {{0}};
    const char *path = "log/0000000000000001.seg";
    struct dbr_log *log = NULL;
    size_t len = 0;
    struct sim_disk *disk = small_log(&script, 2);
    memset(sim_disk_data(disk, path, &len) + 1024, 0, 512);
    assert_int_equal(try_open(disk, &log, &detail), DEBROS_EIO);
    assert_non_null(strstr(detail.text, "sim/log/0000000000000001.seg: damaged at "));
    assert_non_null(strstr(detail.text, "had been written"));
    sim_disk_destroy(disk);
    disk = open_log(&script, 1); /* a term and a vote are in it */
    memset(sim_disk_data(disk, path, &len) + (used(disk, path) - 8), 0, 8);
    assert_int_equal(try_open(disk, &log, &detail), DEBROS_EIO);
    assert_non_null(strstr(detail.text, "had been written"));
    sim_disk_destroy(disk);
}

static void a_lost_sector_before_a_later_call_is_damage(void **state)
{
    (void)state;
    static struct log_script script;
    debros_detail detail = {{0}};
    struct sim_disk *disk = small_log(&script, 3);
    size_t len = 0;
    uint8_t *data = sim_disk_data(disk, "log/0000000000000001.seg", &len);
    memset(data + 1024, 0, 512);
    struct dbr_log *log = NULL;
    assert_int_equal(try_open(disk, &log, &detail), DEBROS_EIO);
    assert_non_null(
        strstr(detail.text, "sim/log/0000000000000001.seg: damaged at offset"));
    sim_disk_destroy(disk);
}

static void a_missing_segment_is_an_error(void **state)
{
    (void)state;
    static struct log_script script;
    debros_detail detail = {{0}};
    struct dbr_log *log = NULL;
    struct sim_disk *disk = small_log(&script, 6);
    struct dbr_fs *fs = sim_disk_fs(disk);
    struct sim_disk *copy = sim_disk_clone(disk, 1);
    assert_int_equal(fs->ops->remove(fs, "log/0000000000000002.seg"), 0);
    assert_int_equal(try_open(disk, &log, &detail), DEBROS_EIO);
    assert_string_equal(detail.text, "sim/log/0000000000000002.seg: is missing");
    fs = sim_disk_fs(copy);
    assert_int_equal(fs->ops->remove(fs, "log/0000000000000001.seg"), 0);
    assert_int_equal(try_open(copy, &log, &detail), DEBROS_EIO);
    assert_non_null(strstr(detail.text, "are missing"));
    sim_disk_destroy(copy);
    sim_disk_destroy(disk);
}

static void other_files_of_the_folder_do_no_harm(void **state)
{
    (void)state;
    static struct log_script script;
    struct sim_disk *disk = small_log(&script, 3);
    struct dbr_fs *fs = sim_disk_fs(disk);
    struct dbr_file *file = NULL;
    assert_int_equal(fs->ops->open(fs, &file, "log/notes.txt", DBR_FS_CREATE), 0);
    fs->ops->close(fs, file);
    struct dbr_log *log = NULL;
    assert_int_equal(try_open(disk, &log, NULL), 0);
    assert_int_equal(dbr_log_state(log)->n_entries, 14);
    assert_true(fs->ops->exists(fs, "log/notes.txt"));
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_at_any_operation_leaves_a_prefix),
        cmocka_unit_test(each_flipped_byte_is_an_error_with_its_place),
        cmocka_unit_test(a_torn_tail_is_cut_and_never_comes_back),
        cmocka_unit_test(a_lost_sector_at_the_end_is_damage_where_the_end_is_known),
        cmocka_unit_test(a_lost_sector_before_a_later_call_is_damage),
        cmocka_unit_test(a_missing_segment_is_an_error),
        cmocka_unit_test(other_files_of_the_folder_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
