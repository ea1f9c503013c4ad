#include "consensus/log_queue.h"

#include "fault.h"
#include "test.h"

static void ops_are_numbered_and_come_back_in_order(void **state)
{
    (void)state;
    struct dbr_log_queue q = {0};
    static const enum dbr_log_op_type types[] = {DBR_LOG_TERM, DBR_LOG_VOTE,
                                                 DBR_LOG_APPEND, DBR_LOG_SNAPSHOT};
    for (uint64_t i = 0; i < DBR_COUNT(types); i++) {
        struct dbr_log_item *item = dbr_log_queue_add(&q, types[i]);
        assert_int_equal(item->op.seq, i + 1);
        assert_int_equal(item->op.type, types[i]);
    }
    for (uint64_t seq = 1; seq <= 3; seq++) {
        struct dbr_log_item *item = dbr_log_queue_take(&q, 3);
        assert_int_equal(item->op.seq, seq);
        assert_int_equal(q.durable_seq, seq);
        dbr_log_item_free(item);
    }
    assert_null(dbr_log_queue_take(&q, 3));
    dbr_log_item_free(dbr_log_queue_take(&q, UINT64_MAX));
    assert_null(dbr_log_queue_take(&q, UINT64_MAX));
    assert_int_equal(dbr_log_queue_add(&q, DBR_LOG_TERM)->op.seq, 5);
    dbr_log_item_free(dbr_log_queue_take(&q, 5));
    dbr_log_queue_finish(&q);
}

static void it_knows_whether_a_term_or_a_vote_waits(void **state)
{
    (void)state;
    struct dbr_log_queue q = {0};
    assert_false(dbr_log_queue_holds_meta(&q));
    dbr_log_queue_add(&q, DBR_LOG_APPEND);
    assert_false(dbr_log_queue_holds_meta(&q));
    dbr_log_queue_add(&q, DBR_LOG_VOTE);
    dbr_log_queue_add(&q, DBR_LOG_APPEND);
    assert_true(dbr_log_queue_holds_meta(&q));
    dbr_log_item_free(dbr_log_queue_take(&q, 3));
    assert_true(dbr_log_queue_holds_meta(&q));
    dbr_log_item_free(dbr_log_queue_take(&q, 3));
    assert_false(dbr_log_queue_holds_meta(&q));
    dbr_log_item_free(dbr_log_queue_take(&q, 3));
    dbr_log_queue_finish(&q);
}

static void it_counts_what_changes_the_log(void **state)
{
    (void)state;
    struct dbr_log_queue q = {0};
    dbr_log_queue_add(&q, DBR_LOG_TERM);
    dbr_log_queue_add(&q, DBR_LOG_SNAPSHOT);
    assert_int_equal(q.changes, 0);
    dbr_log_queue_add(&q, DBR_LOG_APPEND);
    dbr_log_queue_add(&q, DBR_LOG_TRUNCATE);
    dbr_log_queue_add(&q, DBR_LOG_INSTALL);
    assert_int_equal(q.changes, 3);
    for (int i = 0; i < 5; i++) {
        dbr_log_item_free(dbr_log_queue_take(&q, 5));
    }
    assert_int_equal(q.changes, 0);
    dbr_log_item_free(NULL);
    dbr_log_queue_finish(&q);
}

static void as_many_ops_as_a_call_needs_are_in_reserve(void **state)
{
    (void)state;
    struct dbr_log_queue q = {0};
    fault_after(1);
    assert_false(dbr_log_queue_prepare(&q));
    assert_true(fault_off());
    for (int round = 0; round < 2; round++) { /* they come back with the memory */
        assert_true(dbr_log_queue_prepare(&q));
        fault_after(0);
        for (size_t i = 0; i < DBR_LOG_QUEUE_RESERVE; i++) {
            struct dbr_log_item *item = dbr_log_queue_add(&q, DBR_LOG_APPEND);
            assert_non_null(item);
            assert_ptr_equal(q.last, item);
        }
        assert_null(dbr_log_queue_add(&q, DBR_LOG_APPEND));
        assert_true(fault_off());
    }
    assert_int_equal(q.last_seq, 2 * DBR_LOG_QUEUE_RESERVE);
    struct dbr_log_item *item;
    while ((item = dbr_log_queue_take(&q, q.last_seq)) != NULL) {
        dbr_log_item_free(item);
    }
    assert_true(dbr_log_queue_prepare(&q));
    dbr_log_queue_finish(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_are_numbered_and_come_back_in_order),
        cmocka_unit_test(it_knows_whether_a_term_or_a_vote_waits),
        cmocka_unit_test(it_counts_what_changes_the_log),
        cmocka_unit_test(as_many_ops_as_a_call_needs_are_in_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
