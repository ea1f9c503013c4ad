#include "fixture.h"

static struct fixture f;

/* The one node of its cluster answers by itself, and the answer needs no later tick. */
static void a_request_leaves_in_the_tick_that_brought_it(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct sim_op *op = sim_test_op(&f.world, f.client, DBR_REQUEST_QUERY);
    op->statements[0].sql = "SELECT 1";
    op->request.level = DEBROS_NONE;
    dbr_time begin = f.world.now;
    assert_int_equal(sim_test_run(&f.world, op, 5000), 0);
    assert_true(f.world.now - begin <= 500); /* two ways of at most 210 ms, no timer */
    sim_op_free(op);
    fixture_down(&f);
}

/* Everything that was acknowledged is there after a power cut of the only node. */
static void a_restart_needs_nobodys_answer(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    assert_int_equal(
        fixture_status(&f, 0, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    sim_crash_node(&f.world, 0, true);
    sim_start_node(&f.world, 0);
    sim_step_until(&f.world, f.world.now + 3000);
    assert_int_equal(fixture_number(&f, 0, "SELECT count(*) FROM t"), 1);
    fixture_down(&f);
}

static void a_clean_stop_hands_leadership_over(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int old = fixture_leader(&f);
    struct sim_node *node = &f.world.nodes[old];
    node->is_stopping = true;
    dbr_core_stop(node->core, f.world.now);
    sim_drain(&f.world, old);
    sim_step_until(&f.world, f.world.now + 400); /* less than an election timeout */
    int leader = fixture_leader(&f);
    assert_true(leader >= 0 && leader != old);
    fixture_down(&f);
}

static void a_stopping_node_takes_no_requests(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    dbr_core_stop(f.world.nodes[0].core, f.world.now);
    struct sim_op *op = sim_test_op(&f.world, 0, DBR_REQUEST_STATUS);
    dbr_core_request(f.world.nodes[0].core, &op->request, f.world.now);
    sim_drain(&f.world, 0);
    assert_true(op->done);
    assert_int_equal(op->request.status, DEBROS_ECANCELED);
    sim_op_free(op);
    fixture_down(&f);
}

static void abort_answers_all_that_is_held(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    for (int i = 1; i < 3; i++) {
        sim_crash_node(&f.world, i, false); /* no quorum: nothing completes */
    }
    struct sim_op *op = sim_test_op(&f.world, 0, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(id) VALUES(1)";
    op->request.deadline = f.world.now + 60000;
    dbr_core_request(f.world.nodes[0].core, &op->request, f.world.now);
    sim_drain(&f.world, 0);
    assert_false(op->done);
    dbr_core_abort(f.world.nodes[0].core, DEBROS_ECANCELED);
    sim_drain(&f.world, 0);
    assert_true(op->done);
    assert_int_equal(op->request.status, DEBROS_ECANCELED);
    sim_op_free(op);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_leaves_in_the_tick_that_brought_it),
        cmocka_unit_test(a_restart_needs_nobodys_answer),
        cmocka_unit_test(a_clean_stop_hands_leadership_over),
        cmocka_unit_test(a_stopping_node_takes_no_requests),
        cmocka_unit_test(abort_answers_all_that_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
