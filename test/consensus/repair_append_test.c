/* Each repair of a follower's entries by itself, under its number. */
#include "consensus/machine.h"
#include "rig.h"

static void r2_success_is_told_only_up_to_what_was_compared(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    rig_entry(&rig, 1, "b");
    assert_int_equal(rig_start(&rig), 0);
    /* The log ends at 3, the new leader's heartbeat compares entry 1. */
    assert_int_equal(rig_append(&rig, 2, 2, 1, 1, 1, 1, 0), 0);
    assert_int_equal(rig_last_result(&rig).rejected, 0);
    assert_int_equal(rig_last_result(&rig).last_log_index, 1);
    assert_int_equal(rig_append(&rig, 2, 2, 2, 1, 1, 1, 0), 0);
    assert_int_equal(rig_last_result(&rig).last_log_index, 2);
    rig_finish(&rig);
}

static void r2_a_commit_ends_with_the_message(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    rig_entry(&rig, 1, "b");
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 2, 2, 1, 9, 1, 0), 0);
    assert_int_equal(rig_status(&rig).commit_index, 2);
    rig_finish(&rig);
}

static void r2_an_append_of_an_older_term_is_not_told(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 1, 1, 1, 1, 1, 1), 0);
    assert_int_equal(rig_append(&rig, 3, 2, 1, 1, 1, 1, 0), 0); /* a new leader */
    rig_forget(&rig);
    rig_disk(&rig);
    for (size_t i = 0; rig_event(&rig, DBR_CONSENSUS_SEND, i) != NULL; i++) {
        struct rig_event *e = rig_event(&rig, DBR_CONSENSUS_SEND, i);
        assert_int_equal(e->message.append_entries_result.last_log_index, 1);
    }
    rig_finish(&rig);
}

static void r7_entries_below_the_snapshot_are_stripped(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_snapshot(&rig, 10, 2);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 2, 8, 2, 8, 2, 4), 0); /* 9 to 12 */
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_APPEND);
    assert_int_equal(op->index, 11);
    assert_int_equal(op->n_entries, 2);
    assert_int_equal(rig_append(&rig, 2, 2, 2, 2, 2, 2, 3), 0); /* all of it is old */
    assert_int_equal(rig_last_result(&rig).rejected, 0);
    assert_int_equal(rig_last_result(&rig).last_log_index, 10);
    rig_finish(&rig);
}

static void an_entry_whose_first_write_is_under_way_comes_later(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 2, 1, 1, 1, 2, 1), 0); /* 2 of term 2 */
    assert_int_equal(rig_append(&rig, 3, 3, 1, 1, 1, 3, 1), 0); /* 2 of term 3 instead */
    assert_int_equal(rig_append(&rig, 2, 4, 1, 1, 1, 2, 1), 0); /* and back again */
    assert_int_equal(rig_op(&rig, DBR_LOG_APPEND)->entries[0].term, 3);
    rig_disk(&rig);
    assert_int_equal(rig_append(&rig, 2, 4, 1, 1, 1, 2, 1), 0);
    assert_int_equal(rig_op(&rig, DBR_LOG_APPEND)->entries[0].term, 2);
    rig_disk(&rig);
    assert_int_equal(rig_last_result(&rig).last_log_index, 2);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r2_success_is_told_only_up_to_what_was_compared),
        cmocka_unit_test(r2_a_commit_ends_with_the_message),
        cmocka_unit_test(r2_an_append_of_an_older_term_is_not_told),
        cmocka_unit_test(r7_entries_below_the_snapshot_are_stripped),
        cmocka_unit_test(an_entry_whose_first_write_is_under_way_comes_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
