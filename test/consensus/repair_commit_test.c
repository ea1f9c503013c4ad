/* Each repair of a leader's count by itself, under its number. */
#include "consensus/machine.h"
#include "rig.h"

static void r1_a_leader_commits_nothing_old_before_its_barrier(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "old");
    assert_int_equal(rig_start(&rig), 0);
    rig_expire_until(&rig, DBR_CONSENSUS_CANDIDATE);
    assert_int_equal(rig_vote_result(&rig, 2, 2, true), 0);
    rig.slow = true;
    assert_int_equal(rig_vote_result(&rig, 2, 2, false), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_LEADER);
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_APPEND);
    assert_int_equal(op->entries[0].type, DBR_ENTRY_BARRIER);
    assert_int_equal(op->index, 3);
    /* Two of three hold the old entry: by counting it would be committed. */
    assert_int_equal(rig_result(&rig, 2, 2, 0, 2), 0);
    assert_int_equal(rig_status(&rig).commit_index, 1);
    assert_int_equal(rig.c->repairs.n_held, 1);
    rig_disk(&rig);
    assert_int_equal(rig.c->repairs.n_held, 0);
    assert_int_equal(rig_status(&rig).commit_index, 1);
    assert_false(rig_status(&rig).ready);
    assert_int_equal(rig_result(&rig, 2, 2, 0, 3), 0);
    assert_int_equal(rig_status(&rig).commit_index, 3);
    assert_true(rig_status(&rig).ready);
    rig_finish(&rig);
}

static void r1_a_bare_leader_commits_by_counting(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "old");
    rig.config.bare = true;
    assert_int_equal(rig_start(&rig), 0);
    rig_elect(&rig);
    assert_int_equal(rig_status(&rig).last_index, 2);
    assert_int_equal(rig_result(&rig, 2, 2, 0, 2), 0);
    assert_int_equal(rig_status(&rig).commit_index, 2);
    rig_finish(&rig);
}

static void r9_commits_need_no_pause(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    uint64_t before = rig_status(&rig).commit_index;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            dbr_consensus_propose(rig.c, dbr_bytes("x", 1), &index, &term, rig.now), 0);
        rig_drain(&rig);
    }
    assert_int_equal(rig_result(&rig, 2, term, 0, before + 1), 0);
    assert_int_equal(rig_status(&rig).commit_index, before + 1);
    assert_int_equal(rig_result(&rig, 3, term, 0, before + 2), 0);
    assert_int_equal(rig_status(&rig).commit_index, before + 2);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r1_a_leader_commits_nothing_old_before_its_barrier),
        cmocka_unit_test(r1_a_bare_leader_commits_by_counting),
        cmocka_unit_test(r9_commits_need_no_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
