#include "fixture.h"

static struct fixture f;

/* After one drain nothing is left: a second one at the same time does nothing. */
static void one_drain_is_enough(void **state)
{
    struct dbr_effect effect;
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    struct sim_op *op = sim_test_op(&f.world, 0, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(id) VALUES(5)";
    op->request.deadline = f.world.now + 5000;
    dbr_core_request(core, &op->request, f.world.now);
    sim_drain(&f.world, 0);
    assert_false(dbr_core_poll(core, &effect, f.world.now));
    assert_non_null(f.world.nodes[0].log_batch); /* the entry is with the disk already */
    sim_step_until(&f.world, f.world.now + 1000);
    assert_true(op->done);
    sim_op_free(op);
    fixture_down(&f);
}

/* Requests of one tick share one log entry. */
static void one_tick_is_one_entry(void **state)
{
    struct sim_op *ops[20];
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    for (int i = 0; i < 20; i++) {
        ops[i] = sim_test_op(&f.world, 0, DBR_REQUEST_EXEC);
        ops[i]->statements[0].sql = "INSERT INTO t(id) VALUES(5)";
        ops[i]->request.deadline = f.world.now + 5000;
        dbr_core_request(core, &ops[i]->request, f.world.now);
    }
    sim_drain(&f.world, 0);
    sim_step_until(&f.world, f.world.now + 1000);
    for (int i = 0; i < 20; i++) {
        assert_true(ops[i]->done);
        assert_int_equal(ops[i]->request.status, 0);
        assert_true(ops[i]->request.sql->index == ops[0]->request.sql->index);
    }
    for (int i = 0; i < 20; i++) {
        sim_op_free(ops[i]);
    }
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_drain_is_enough),
        cmocka_unit_test(one_tick_is_one_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
