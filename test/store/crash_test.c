/* The power goes at each disk operation of the workload, with several fates of what was
 * not synced each time; then once more at some operation of the recovery. */
#include <stdio.h>
#include <stdlib.h>

#include "workload.h"

#define FEW_FATES 3u /* of each operation; the soak takes more */

static uint64_t n_crashes;
static uint64_t n_torn;

static void crash_at(uint64_t n, uint64_t fate, bool *over)
{
    struct fixture f;
    struct workload w = {0};
    workload_init(&f);
    sim_disk_destroy(f.disk);
    f.disk = sim_disk_create(n * 1000 + fate);
    f.config.fs = sim_disk_fs(f.disk);
    sim_disk_crash_after(f.disk, n);
    int err = fixture_try_open(&f);
    if (err == 0) {
        err = workload_run(&f, &w, WORKLOAD_STEPS);
    }
    *over = err == 0;
    n_crashes++;
    sim_disk_crash(f.disk);
    fixture_close(&f);
    sim_disk_revive(f.disk);
    /* Recovery dies too, somewhere. */
    sim_disk_crash_after(f.disk, fate * 7 + n % 5);
    if (fixture_try_open(&f) == 0) {
        (void)workload_replay(&f);
        fixture_close(&f);
    } else {
        n_torn++;
    }
    sim_disk_crash(f.disk);
    sim_disk_revive(f.disk);
    if (fixture_try_open(&f) != 0) {
        fail_msg("operation %d, fate %d: %s", (int)n, (int)fate, f.detail.text);
    }
    uint64_t last = workload_replay(&f);
    const char *wrong =
        last == 0 && w.acked > 0 ? f.detail.text : workload_check(&f, &w, last);
    if (wrong != NULL) {
        fail_msg("operation %d, fate %d, step %d: %s", (int)n, (int)fate, (int)w.step,
                 wrong);
    }
    /* It goes on from there. */
    w.acked = w.tried = last;
    w.term = dbr_store_log_state(f.store)->term;
    const struct dbr_log_state *state = dbr_store_log_state(f.store);
    uint64_t next = state->first_index + state->n_entries;
    struct dbr_log_op cut = {.type = DBR_LOG_TRUNCATE, .index = last + 1};
    if (next > last + 1) {
        assert_int_equal(dbr_store_write_log(f.store, &cut, false, &f.detail), 0);
    }
    w.step = 0;
    assert_int_equal(workload_run(&f, &w, 9), 0);
    fixture_reopen(&f);
    wrong = workload_check(&f, &w, workload_replay(&f));
    if (wrong != NULL) {
        fail_msg("operation %d, fate %d, afterwards: %s", (int)n, (int)fate, wrong);
    }
    fixture_finish(&f);
}

static void a_crash_at_any_operation_keeps_what_was_promised(void **state)
{
    (void)state;
    uint64_t fates = getenv("DEBROS_LONG") != NULL    ? 4 * FEW_FATES
                     : getenv("DEBROS_BRIEF") != NULL ? 1
                                                      : FEW_FATES;
    bool over = false;
    uint64_t n = 0;
    for (; !over; n++) {
        for (uint64_t fate = 0; fate < fates; fate++) {
            crash_at(n, fate, &over);
        }
    }
    assert_true(n > 300);
    assert_true(n_torn > 7 * fates);
    printf("%llu operations, %llu crashes, %llu more in recovery\n",
           (unsigned long long)n, (unsigned long long)n_crashes,
           (unsigned long long)n_torn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_at_any_operation_keeps_what_was_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
