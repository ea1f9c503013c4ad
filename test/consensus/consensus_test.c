/* The machine as its caller sees it. */
#include "consensus/consensus.h"

#include "consensus/machine.h"
#include "consensus_sim.h"
#include "rig.h"

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    struct dbr_consensus_config good = rig.config;
    rig.config.id = 0;
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    rig.config = good;
    rig.config.address = "no address";
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    rig.config = good;
    rig.config.heartbeat_ms = rig.config.election_ms;
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    rig.config = good;
    rig.config.snapshot_threshold = 0;
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    dbr_consensus_destroy(NULL);
    rig_finish(&rig);
}

static void a_bootstrapped_server_leads_alone(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf bytes = {0};
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(dbr_consensus_bootstrap_entry(&bytes, 0, "n1"), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_bootstrap_entry(&bytes, 1, ""), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_bootstrap_entry(&bytes, 1, "n1"), 0);
    rig.entries[0].data = test_view(bytes);
    assert_int_equal(rig_start(&rig), 0);
    assert_true(rig_status(&rig).ready);
    assert_int_equal(
        dbr_consensus_propose(rig.c, dbr_bytes("a", 1), &index, &term, rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_APPLY, 0)->e.index, index);
    assert_int_equal(dbr_consensus_read(rig.c, 4, rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_READ, 0)->e.index, index);
    dbr_buf_finish(&bytes);
    rig_finish(&rig);
}

static void three_servers_elect_commit_and_apply(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 1, .n = 3, .quiet_disk = true};
    struct sim *sim = sim_create(&config);
    int leader = sim_wait_leader(sim);
    assert_true(leader >= 0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(sim_propose(sim, leader, 8), 0);
    }
    sim_run_for(sim, 300);
    assert_null(sim_wrong(sim));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sim_applied(sim, i), 50);
    }
    assert_int_equal(sim_counts(sim)->acked, 50);
    sim_destroy(sim);
}

static void a_lost_leader_is_replaced(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 2, .n = 5, .quiet_disk = true};
    struct sim *sim = sim_create(&config);
    int first = sim_wait_leader(sim);
    assert_int_equal(sim_propose(sim, first, 8), 0);
    sim_run_for(sim, 200);
    sim_crash(sim, first);
    int second = sim_wait_leader(sim);
    assert_true(second >= 0 && second != first);
    assert_int_equal(sim_propose(sim, second, 8), 0);
    sim_run_for(sim, 200);
    sim_restart(sim, first);
    sim_run_for(sim, 500);
    assert_int_equal(sim_applied(sim, first), 2);
    assert_int_equal(sim_leader(sim), second);
    assert_null(sim_wrong(sim));
    sim_destroy(sim);
}

static void a_stopped_disk_stops_commits_and_nothing_else(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 2, .n = 3, .quiet_disk = true};
    struct sim *sim = sim_create(&config);
    int leader = sim_wait_leader(sim);
    for (int i = 0; i < 3; i++) {
        sim_stop_disk(sim, i, true);
    }
    sim_run_for(sim, 100);
    assert_int_equal(sim_propose(sim, leader, 8), 0);
    sim_run_for(sim, 3000);
    assert_int_equal(sim_counts(sim)->acked, 0);
    for (int i = 0; i < 3; i++) {
        sim_stop_disk(sim, i, false);
    }
    sim_run_for(sim, 3000);
    assert_int_equal(sim_counts(sim)->acked, 1);
    assert_null(sim_wrong(sim));
    sim_destroy(sim);
}

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

static void time_is_asked_for_at_each_heartbeat(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    dbr_time at = dbr_consensus_deadline(rig.c);
    assert_true(at > rig.now && at <= rig.now + rig.config.heartbeat_ms);
    dbr_consensus_expire(rig.c, at - 1);
    assert_int_equal(dbr_consensus_deadline(rig.c), at);
    dbr_consensus_expire(rig.c, at);
    assert_int_equal(dbr_consensus_deadline(rig.c), at + rig.config.heartbeat_ms);
    rig_finish(&rig);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(a_bootstrapped_server_leads_alone),
        cmocka_unit_test(three_servers_elect_commit_and_apply),
        cmocka_unit_test(a_lost_leader_is_replaced),
        cmocka_unit_test(a_stopped_disk_stops_commits_and_nothing_else),
        cmocka_unit_test(status_tells_what_the_machine_knows),
        cmocka_unit_test(time_is_asked_for_at_each_heartbeat),
        cmocka_unit_test(a_failed_machine_says_so_once_and_answers_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
