/* What the machine tells of itself. */
#include "consensus/consensus.h"

#include "rig.h"

static void status_tells_what_the_machine_knows(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2, 1);
    assert_int_equal(rig_start(&rig), 0);
    struct dbr_consensus_status st = rig_status(&rig);
    assert_int_equal(st.role, DBR_CONSENSUS_FOLLOWER);
    assert_int_equal(st.term, 1);
    assert_int_equal(st.leader, 0);
    assert_string_equal(st.leader_address, "");
    assert_int_equal(st.last_index, 1);
    assert_int_equal(st.n_servers, 3);
    assert_string_equal(st.servers[2].address, "n3");
    assert_int_equal(st.servers[2].role, DBR_SERVER_STANDBY);
    assert_int_equal(dbr_consensus_match_index(rig.c, 2), 0);
    rig_forget(&rig);
    rig_lead(&rig);
    assert_true(rig_count(&rig, DBR_CONSENSUS_ROLE) >= 2);
    st = rig_status(&rig);
    assert_int_equal(st.leader, 1);
    assert_string_equal(st.leader_address, "n1");
    assert_int_equal(dbr_consensus_match_index(rig.c, 2), 2);
    assert_int_equal(dbr_consensus_match_index(rig.c, 9), 0);
    rig_finish(&rig);
}

static void a_change_of_the_role_is_told_once(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    rig_forget(&rig);
    rig_wait(&rig, rig.config.heartbeat_ms); /* nothing that status tells has changed */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_ROLE), 0);
    assert_int_equal(rig_result(&rig, 2, rig_status(&rig).term + 1, 0, 1), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_ROLE), 1);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_tells_what_the_machine_knows),
        cmocka_unit_test(a_change_of_the_role_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
