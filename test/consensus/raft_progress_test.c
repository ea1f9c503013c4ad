/* What a leader knows of each server. */
#include "consensus/machine.h"
#include "rig.h"

static void only_a_leader_knows_how_far_the_others_are(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    assert_null(dbr_consensus_progress(rig.c, 2));
    rig_lead(&rig);
    assert_null(dbr_consensus_progress(rig.c, 9));
    assert_int_equal(dbr_consensus_progress(rig.c, 2)->match_index, 2);
    assert_int_equal(dbr_consensus_progress(rig.c, 2)->state, DBR_PROGRESS_PIPELINE);
    assert_int_equal(dbr_consensus_progress(rig.c, 3)->match_index, 0);
    assert_int_equal(dbr_consensus_progress(rig.c, 3)->state, DBR_PROGRESS_PROBE);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_leader_knows_how_far_the_others_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
