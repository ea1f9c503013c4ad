#include "api/lanes.h"
#include "api/node.h"
#include "test.h"

static struct dbr_apply_job *make_job(enum dbr_apply_job_type type, uint64_t index)
{
    struct dbr_apply_job *job = dbr_apply_job_create(type);
    if (type == DBR_APPLY_ENTRIES) {
        job->entries = dbr_apply_entry_create(index, 1, false, dbr_bytes("x", 1));
    }
    return job;
}

static void neighbours_are_applied_as_one(void **state)
{
    (void)state;
    struct dbr_apply_job *jobs[] = {
        make_job(DBR_APPLY_ENTRIES, 1), make_job(DBR_APPLY_ENTRIES, 2),
        make_job(DBR_APPLY_ENTRIES, 3), make_job(DBR_APPLY_CHECKPOINT, 0),
        make_job(DBR_APPLY_ENTRIES, 4)};
    for (int i = 0; i < 4; i++) {
        jobs[i]->next = jobs[i + 1];
    }
    assert_ptr_equal(dbr_lanes_merge(jobs[0]), jobs[2]);
    uint64_t index = 1;
    for (struct dbr_apply_entry *e = jobs[0]->entries; e != NULL; e = e->next) {
        assert_int_equal(e->index, index++);
    }
    assert_int_equal(index, 4);
    assert_null(jobs[1]->entries);
    jobs[0]->status = DEBROS_ENOSPC;
    jobs[0]->applied = 3;
    dbr_lanes_split(jobs[0], jobs[2]);
    assert_int_equal(jobs[2]->status, DEBROS_ENOSPC);
    assert_int_equal(jobs[2]->applied, 3);
    assert_int_equal(jobs[3]->status, 0);
    assert_ptr_equal(dbr_lanes_merge(jobs[3]), jobs[3]);
    assert_ptr_equal(dbr_lanes_merge(jobs[4]), jobs[4]);
    for (int i = 0; i < 5; i++) {
        dbr_apply_job_destroy(jobs[i]);
    }
}

/* What one more job for the applier does to a node that has `first` waiting. */
static dbr_time deadline_with(struct dbr_apply_job *first, struct dbr_apply_job *next)
{
    static debros_node idle;
    idle = (debros_node){0};
    dbr_chain_init(&idle.lanes.queue[DBR_LANE_APPLY],
                   offsetof(struct dbr_apply_job, next));
    dbr_lanes_apply(&idle, first);
    if (next != NULL) {
        dbr_lanes_apply(&idle, next);
    }
    dbr_time deadline = dbr_lanes_deadline(&idle);
    struct dbr_apply_job *job;
    while ((job = dbr_chain_pop(&idle.lanes.queue[DBR_LANE_APPLY])) != NULL) {
        dbr_apply_job_destroy(job);
    }
    return deadline;
}

static void only_what_nobody_waits_for_may_gather(void **state)
{
    (void)state;
    char large[DBR_LANES_GATHER_BYTES];
    memset(large, 'x', sizeof(large));
    dbr_time begin = dbr_loop_now();
    dbr_time deadline = deadline_with(make_job(DBR_APPLY_ENTRIES, 1), NULL);
    assert_true(deadline >= begin + DBR_LANES_GATHER_MS);
    assert_true(deadline <= dbr_loop_now() + DBR_LANES_GATHER_MS);
    assert_true(deadline_with(make_job(DBR_APPLY_ENTRIES, 1),
                              make_job(DBR_APPLY_ENTRIES, 2)) != DBR_TIME_NEVER);
    struct dbr_apply_job *wanted = make_job(DBR_APPLY_ENTRIES, 2);
    wanted->entries->wanted = true;
    assert_true(deadline_with(make_job(DBR_APPLY_ENTRIES, 1), wanted) == DBR_TIME_NEVER);
    assert_true(deadline_with(make_job(DBR_APPLY_ENTRIES, 1),
                              make_job(DBR_APPLY_CHECKPOINT, 0)) == DBR_TIME_NEVER);
    struct dbr_apply_job *full = dbr_apply_job_create(DBR_APPLY_ENTRIES);
    full->entries = dbr_apply_entry_create(2, 1, false, dbr_bytes(large, sizeof(large)));
    assert_true(deadline_with(make_job(DBR_APPLY_ENTRIES, 1), full) == DBR_TIME_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_applied_as_one),
        cmocka_unit_test(only_what_nobody_waits_for_may_gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
