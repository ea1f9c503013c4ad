/* Each disk operation of the workload fails once, each allocation of ours and each of
 * SQLite's fails: an error with words, no crash, no leak, and after a new start all that
 * was promised. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "lib/fault_heap.h"
#include "workload.h"

/* ---- Memory
 * ---------------------------------------------------------------------------- */

/* Only what the store asks for while it works counts. */
static bool in_store;
static uint64_t n_left = UINT64_MAX;
static bool sticky;
static enum fault_heap failing;

bool fault_heap_fails(enum fault_heap heap)
{
    if (!in_store || heap != failing || n_left == UINT64_MAX) {
        return false;
    }
    if (n_left > 0) {
        n_left--;
        return false;
    }
    n_left = sticky ? 0 : UINT64_MAX;
    return true;
}

/* ---- The store's doors
 * ------------------------------------------------------------------- */

#define DOOR(result, name, parameters, arguments)                                        \
    result __real_##name parameters;                                                     \
    result __wrap_##name parameters;                                                     \
    result __wrap_##name parameters                                                      \
    {                                                                                    \
        in_store = true;                                                                 \
        result value = __real_##name arguments;                                          \
        in_store = false;                                                                \
        return value;                                                                    \
    }

DOOR(int, dbr_store_open,
     (struct dbr_store * *out, const struct dbr_store_config *config,
      debros_detail *detail),
     (out, config, detail))
DOOR(int, dbr_store_write_log,
     (struct dbr_store * store, struct dbr_log_op *ops, bool ahead,
      debros_detail *detail),
     (store, ops, ahead, detail))

void __real_dbr_store_apply(struct dbr_store *store, struct dbr_apply_job *job);
void __wrap_dbr_store_apply(struct dbr_store *store, struct dbr_apply_job *job);
void __wrap_dbr_store_apply(struct dbr_store *store, struct dbr_apply_job *job)
{
    in_store = true;
    __real_dbr_store_apply(store, job);
    in_store = false;
}

void __real_dbr_store_query(struct dbr_store *store, struct dbr_query_job *job,
                            size_t reader);
void __wrap_dbr_store_query(struct dbr_store *store, struct dbr_query_job *job,
                            size_t reader);
void __wrap_dbr_store_query(struct dbr_store *store, struct dbr_query_job *job,
                            size_t reader)
{
    in_store = true;
    __real_dbr_store_query(store, job, reader);
    in_store = false;
}

/* ---- The loop
 * ---------------------------------------------------------------------------- */

enum kind { IO_ERROR, NO_SPACE, OUR_MEMORY, SQLITE_MEMORY };

static void arm(struct fixture *f, enum kind kind, uint64_t n)
{
    failing = kind == SQLITE_MEMORY ? FAULT_HEAP_SQLITE : FAULT_HEAP_OURS;
    if (kind == IO_ERROR || kind == NO_SPACE) {
        sim_disk_count_reads(f->disk);
        sim_disk_fail_after(f->disk, n, kind == IO_ERROR ? DEBROS_EIO : DEBROS_ENOSPC);
    } else {
        sticky = n % 2 == 1; /* all later ones too */
        n_left = n;
    }
}

static void disarm(struct fixture *f)
{
    n_left = UINT64_MAX;
    sim_disk_fail_after(f->disk, UINT64_MAX, 0);
}

static const char *words_of(const struct fixture *f)
{
    return f->detail.text[0] != '\0'                          ? f->detail.text
           : f->job != NULL && f->job->detail.text[0] != '\0' ? f->job->detail.text
                                                              : "";
}

/* Whether the fault came after the workload's end. */
static bool one_fault(enum kind kind, uint64_t n)
{
    struct fixture f;
    struct workload w = {0};
    workload_init(&f);
    arm(&f, kind, n);
    int err = fixture_try_open(&f);
    if (err == 0) {
        err = workload_run(&f, &w, 40);
    }
    disarm(&f);
    /* A reply's words take memory themselves; its status is put into words above. */
    bool mute = kind == OUR_MEMORY && w.step % 9 == 3 && err == DEBROS_ENOMEM;
    if (err != 0 && !mute && words_of(&f)[0] == '\0') {
        fail_msg("fault %d, step %d: error %d without words", (int)n, (int)w.step, err);
    }
    bool over = err == 0;
    /* What a failed sync left unsynced may be lost. */
    if (n % 2 == 0) {
        sim_disk_crash(f.disk);
    }
    fixture_close(&f);
    sim_disk_revive(f.disk);
    if (fixture_try_open(&f) != 0) {
        fail_msg("fault %d: then: %s", (int)n, f.detail.text);
    }
    uint64_t last = workload_replay(&f);
    const char *wrong =
        last == 0 && w.acked > 0 ? f.detail.text : workload_check(&f, &w, last);
    if (wrong != NULL) {
        fail_msg("fault %d, step %d, error %d: %s", (int)n, (int)w.step, err, wrong);
    }
    fixture_finish(&f);
    return over;
}

/* A fault that the store lives with (a warning, a retry of its own) ends no run: the loop
 * ends when several in a row did no harm and lie behind all that there is. */
static void all_faults(enum kind kind, unsigned thinning)
{
    const char *more = getenv("DEBROS_LONG");
    uint64_t n = 0;
    uint64_t harm = 0;
    uint64_t runs = 0;
    unsigned calm = 0;
    while (calm < 40) {
        bool over = one_fault(kind, n);
        calm = over ? calm + 1 : 0;
        harm += !over;
        runs++;
        n += more != NULL ? 1 : 1 + n / thinning;
    }
    printf("%llu faults up to operation %llu, %llu ended the run\n",
           (unsigned long long)runs, (unsigned long long)n, (unsigned long long)harm);
    assert_true(harm > 50);
}

static void each_operation_fails_once(void **state)
{
    (void)state;
    all_faults(IO_ERROR, 200);
}

static void the_disk_is_full_once_at_each_operation(void **state)
{
    (void)state;
    all_faults(NO_SPACE, 200);
}

static void each_allocation_fails(void **state)
{
    (void)state;
    all_faults(OUR_MEMORY, 100);
}

static void each_allocation_of_sqlite_fails(void **state)
{
    (void)state;
    all_faults(SQLITE_MEMORY, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_fails_once),
        cmocka_unit_test(the_disk_is_full_once_at_each_operation),
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test(each_allocation_of_sqlite_fails),
    };
    if (!fault_heap_wrap_sqlite()) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
