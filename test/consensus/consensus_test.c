/* The machine as its caller sees it. */
#include "consensus/consensus.h"

#include "consensus_sim.h"
#include "rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_servers_elect_commit_and_apply),
        cmocka_unit_test(a_lost_leader_is_replaced),
        cmocka_unit_test(a_stopped_disk_stops_commits_and_nothing_else),
        cmocka_unit_test(time_is_asked_for_at_each_heartbeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
