/* Commands, changes of the members, transfers. */
#include "consensus/requests.h"

#include "consensus/machine.h"
#include "consensus_sim.h"
#include "rig.h"

static int propose(struct rig *rig, uint64_t *index)
{
    uint64_t term;
    int rv = dbr_consensus_propose(rig->c, dbr_bytes("x", 1), index, &term, rig->now);
    rig_drain(rig);
    return rv;
}

static void a_command_is_known_by_its_index_and_term(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    rig_forget(&rig);
    assert_int_equal(
        dbr_consensus_propose(rig.c, dbr_bytes("hello", 5), &index, &term, rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_APPLY), 0);
    assert_int_equal(rig_result(&rig, 2, term, 0, index), 0);
    struct rig_event *e = rig_event(&rig, DBR_CONSENSUS_APPLY, 0);
    assert_int_equal(e->e.index, index);
    assert_int_equal(e->e.term, term);
    assert_true(dbr_bytes_equal(e->e.data, dbr_bytes("hello", 5)));
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_APPLY), 1);
    rig_finish(&rig);
}

static void commands_are_refused_by_followers_and_beyond_limits(void **state)
{
    (void)state;
    static uint8_t large[DBR_ENTRY_SIZE_MAX + 1];
    struct rig rig;
    uint64_t index = 0, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(propose(&rig, &index), DEBROS_ENOTLEADER);
    rig_elect(&rig);
    assert_int_equal(propose(&rig, &index), DEBROS_ENOTLEADER); /* its barrier first */
    assert_int_equal(rig_result(&rig, 2, 2, 0, 2), 0);
    assert_int_equal(dbr_consensus_propose(rig.c, dbr_bytes(large, sizeof(large)), &index,
                                           &term, rig.now),
                     DEBROS_ELIMIT);
    rig.slow = true;
    for (int i = 0; i < DBR_REQUESTS_IN_FLIGHT_MAX; i++) {
        assert_int_equal(propose(&rig, &index), 0);
        rig_forget(&rig);
    }
    assert_int_equal(propose(&rig, &index), DEBROS_EBUSY);
    rig_finish(&rig);
}

static void changes_are_refused_when_they_make_no_sense(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2, 1);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(dbr_consensus_remove(rig.c, 3, rig.now), DEBROS_ENOTLEADER);
    rig_lead(&rig);
    assert_int_equal(dbr_consensus_remove(rig.c, 9, rig.now), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_remove(rig.c, 0, rig.now), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_remove(rig.c, 1, rig.now), DEBROS_EINVAL); /* itself */
    assert_int_equal(dbr_consensus_assign(rig.c, 1, DBR_SERVER_STANDBY, rig.now),
                     DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_assign(rig.c, 3, DBR_SERVER_STANDBY, rig.now),
                     DEBROS_EINVAL); /* it is one */
    assert_int_equal(dbr_consensus_add(rig.c, 3, "n3", rig.now), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_add(rig.c, 7, "n3", rig.now), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_add(rig.c, 7, "a b", rig.now), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_remove(rig.c, 3, rig.now), 0);
    assert_true(rig_status(&rig).changing);
    assert_int_equal(dbr_consensus_add(rig.c, 7, "n7", rig.now), DEBROS_EBUSY);
    rig_finish(&rig);
}

static void a_change_is_told_once_when_it_ends(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2, 1);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    assert_int_equal(dbr_consensus_remove(rig.c, 3, rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHANGED), 0);
    assert_int_equal(rig_result(&rig, 2, 2, 0, rig_status(&rig).last_index), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHANGED), 1);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_CHANGED, 0)->e.status, 0);
    assert_int_equal(rig_status(&rig).n_servers, 2);
    rig_forget(&rig);
    assert_int_equal(dbr_consensus_add(rig.c, 3, "n3", rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_append(&rig, 2, 9, 1, 1, 1, 1, 0), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHANGED), 1);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_CHANGED, 0)->e.status,
                     DEBROS_ENOTLEADER);
    rig_finish(&rig);
}

static void adding_makes_a_standby_in_two_steps(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    assert_int_equal(dbr_consensus_add(rig.c, 7, "n7", rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_status(&rig).servers[2].role, DBR_SERVER_SPARE);
    assert_int_equal(rig_result(&rig, 2, 2, 0, rig_status(&rig).last_index), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHANGED), 0);
    assert_int_equal(rig_status(&rig).servers[2].role, DBR_SERVER_STANDBY);
    assert_int_equal(rig_result(&rig, 2, 2, 0, rig_status(&rig).last_index), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHANGED), 1);
    assert_false(rig_status(&rig).changing);
    rig_finish(&rig);
}

static void a_cluster_grows_and_shrinks(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 3, .n = 3, .quiet_disk = true, .grow = true};
    struct sim *sim = sim_create(&config);
    sim_run_for(sim, 8000);
    assert_null(sim_wrong(sim));
    int leader = sim_wait_leader(sim);
    struct dbr_consensus_status st;
    dbr_consensus_status(sim_machine(sim, leader), &st);
    assert_int_equal(st.n_servers, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(st.servers[i].role, DBR_SERVER_VOTER);
        assert_int_equal(dbr_consensus_match_index(sim_machine(sim, leader), i + 1),
                         st.last_index);
    }
    assert_int_equal(sim_counts(sim)->changes, 4);
    sim_destroy(sim);
}

static void leadership_is_handed_over(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 4, .n = 3, .quiet_disk = true};
    struct sim *sim = sim_create(&config);
    int leader = sim_wait_leader(sim);
    int to = (leader + 1) % 3;
    struct dbr_consensus *c = sim_machine(sim, leader);
    assert_int_equal(dbr_consensus_transfer(c, 77, sim_now(sim)), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_transfer(c, (uint64_t)to + 1, sim_now(sim)), 0);
    assert_int_equal(dbr_consensus_transfer(c, 0, sim_now(sim)), DEBROS_EBUSY);
    sim_drain(sim, leader);
    sim_run_for(sim, 200);
    assert_int_equal(sim_leader(sim), to);
    assert_int_equal(sim_took(sim, leader, DBR_CONSENSUS_TRANSFERRED), 0);
    assert_null(sim_wrong(sim));
    sim_destroy(sim);
}

static void a_transfer_to_nobody_times_out(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 4, .n = 3, .quiet_disk = true};
    struct sim *sim = sim_create(&config);
    int leader = sim_wait_leader(sim);
    int to = (leader + 1) % 3;
    sim_set_side(sim, to, 1);
    assert_int_equal(
        dbr_consensus_transfer(sim_machine(sim, leader), (uint64_t)to + 1, sim_now(sim)),
        0);
    sim_drain(sim, leader);
    assert_int_equal(sim_propose(sim, leader, 8), DEBROS_ENOTLEADER);
    sim_run_for(sim, 1500);
    assert_int_equal(sim_took(sim, leader, DBR_CONSENSUS_TRANSFERRED), DEBROS_ETIMEDOUT);
    assert_int_equal(sim_leader(sim), leader);
    assert_int_equal(sim_propose(sim, leader, 8), 0);
    sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_known_by_its_index_and_term),
        cmocka_unit_test(commands_are_refused_by_followers_and_beyond_limits),
        cmocka_unit_test(changes_are_refused_when_they_make_no_sense),
        cmocka_unit_test(a_change_is_told_once_when_it_ends),
        cmocka_unit_test(adding_makes_a_standby_in_two_steps),
        cmocka_unit_test(a_cluster_grows_and_shrinks),
        cmocka_unit_test(leadership_is_handed_over),
        cmocka_unit_test(a_transfer_to_nobody_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
