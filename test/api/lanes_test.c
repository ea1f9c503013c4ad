#include "api/lanes.h"
#include "api/node.h"
#include "test.h"

/* A start that failed has made queues and no lanes, or none of both, as in a client. */
static void what_nobody_is_going_to_run_is_dropped(void **state)
{
    static debros_node node;
    struct dbr_log_op op = {.type = DBR_LOG_APPEND};
    (void)state;
    dbr_lanes_close(&node);
    dbr_chain_init(&node.lanes.queue[DBR_LANE_LOG], offsetof(struct dbr_log_op, next));
    dbr_chain_init(&node.lanes.queue[DBR_LANE_APPLY],
                   offsetof(struct dbr_apply_job, next));
    dbr_chain_init(&node.lanes.queue[DBR_LANE_BULK], offsetof(struct dbr_bulk_job, next));
    dbr_lanes_log(&node, &op); /* the core's */
    dbr_lanes_apply(&node, dbr_apply_job_create(DBR_APPLY_CHECKPOINT));
    dbr_lanes_bulk(&node, dbr_bulk_job_create(DBR_BULK_COPY));
    dbr_lanes_close(&node);
    for (size_t i = 0; i < DBR_LANES; i++) {
        assert_null(node.lanes.queue[i].head);
    }
    dbr_lanes_stop(&node);
}

static void one_long_time_is_not_yet_a_slow_disk(void **state)
{
    (void)state;
    _Atomic uint32_t average = 100;
    uint64_t now = dbr_loop_now_us();
    dbr_lanes_measure(&average, now - 1000);
    assert_true(dbr_lanes_is_short(&average));
    for (int i = 0; i < 32; i++) {
        dbr_lanes_measure(&average, now - 1000);
    }
    assert_false(dbr_lanes_is_short(&average));
    dbr_lanes_measure(&average, 0); /* years: counts as a second */
    assert_in_range(atomic_load(&average), 100000, 130000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_is_going_to_run_is_dropped),
        cmocka_unit_test(one_long_time_is_not_yet_a_slow_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
