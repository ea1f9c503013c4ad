#include "fixture.h"

static struct fixture f;

static int count(enum debros_role role)
{
    int n = 0;
    for (int i = 0; i < f.client; i++) {
        struct sim_op *op = fixture_ask(&f, i, DBR_REQUEST_STATUS, "", 1000);
        n += op->request.node_status->role == role;
        sim_op_free(op);
    }
    return n;
}

static void five_nodes_take_their_places(void **state)
{
    (void)state;
    fixture_up(&f, 5);
    sim_step_until(&f.world, f.world.now + 2000);
    assert_int_equal(count(DEBROS_ROLE_LEADER), 1);
    assert_int_equal(count(DEBROS_ROLE_FOLLOWER), 2);
    assert_int_equal(count(DEBROS_ROLE_STANDBY), 2);
    fixture_down(&f);
}

/* A sixth member holds no replica: it sends every request on. */
static void a_learner_sends_requests_on(void **state)
{
    int learner = -1;
    (void)state;
    fixture_up(&f, 6);
    sim_step_until(&f.world, f.world.now + 2000);
    for (int i = 0; i < f.client; i++) {
        struct sim_op *op = fixture_ask(&f, i, DBR_REQUEST_STATUS, "", 1000);
        learner = op->request.node_status->role == DEBROS_ROLE_LEARNER ? i : learner;
        sim_op_free(op);
    }
    assert_true(learner >= 0);
    assert_int_equal(count(DEBROS_ROLE_LEARNER), 1);
    assert_int_equal(
        fixture_status(&f, learner, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    assert_int_equal(fixture_number(&f, learner, "SELECT count(*) FROM t"), 1);
    fixture_down(&f);
}

static void all_members_know_each_other(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    sim_step_until(&f.world, f.world.now + 2000);
    for (int i = 0; i < 3; i++) {
        struct sim_op *op = fixture_ask(&f, i, DBR_REQUEST_PEERS, "", 1000);
        int connected = 0;
        for (size_t k = 0; k < op->request.n_peers; k++) {
            connected += op->request.peers[k].connected && op->request.peers[k].member;
        }
        assert_int_equal(connected, 2);
        sim_op_free(op);
    }
    fixture_down(&f);
}

/* Two of three go and come back with nothing in memory: they find each other again. */
static void members_find_each_other_after_a_restart(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    for (int i = 0; i < 3; i++) {
        sim_crash_node(&f.world, i, false);
    }
    for (int i = 1; i < 3;
         i++) { /* without node 0, whom they were told of when joining */
        sim_start_node(&f.world, i);
    }
    sim_step_until(&f.world, f.world.now + 6000);
    assert_true(fixture_status(&f, 1, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)") ==
                0);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_nodes_take_their_places),
        cmocka_unit_test(a_learner_sends_requests_on),
        cmocka_unit_test(all_members_know_each_other),
        cmocka_unit_test(members_find_each_other_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
