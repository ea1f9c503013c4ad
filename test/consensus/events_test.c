/* The order in which things are told. */
#include "consensus/machine.h"
#include "rig.h"

static void a_failed_machine_says_so_once_and_answers_all(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    assert_int_equal(dbr_consensus_read(rig.c, 1, rig.now), 0);
    rig_drain(&rig);
    rig_forget(&rig);
    dbr_consensus_fail(rig.c, DEBROS_ENOMEM);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FAILED), 1);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_FAILED, 0)->e.status, DEBROS_ENOMEM);
    assert_int_equal(dbr_consensus_deadline(rig.c), DBR_TIME_NEVER);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_UNAVAILABLE);
    assert_false(rig_status(&rig).ready);
    assert_int_equal(
        dbr_consensus_propose(rig.c, dbr_bytes("x", 1), &index, &term, rig.now),
        DEBROS_ENOTLEADER);
    assert_int_equal(dbr_consensus_read(rig.c, 2, rig.now), DEBROS_ENOTLEADER);
    assert_int_equal(rig_append(&rig, 2, 9, 1, 1, 1, 1, 1), 0);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FAILED), 1);
    rig_finish(&rig);
}

/* Commands that are committed at once are one item of the queue, and the barrier among
 * them is not told. */
static void commands_come_one_by_one_and_in_order(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    rig_entry(&rig, 2, "-");
    rig.entries[2].type = DBR_ENTRY_BARRIER;
    rig_entry(&rig, 2, "b");
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 2, 4, 2, 4, 2, 0), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_APPLY), 2);
    for (size_t i = 0; i < 2; i++) {
        struct rig_event *e = rig_event(&rig, DBR_CONSENSUS_APPLY, i);
        assert_int_equal(e->e.index, i == 0 ? 2 : 4);
        assert_int_equal(e->e.term, i == 0 ? 1 : 2);
        assert_int_equal(e->data.len, 1);
        assert_int_equal(e->data.data[0], "ab"[i]);
    }
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_machine_says_so_once_and_answers_all),
        cmocka_unit_test(commands_come_one_by_one_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
