#include "fixture.h"

static struct fixture f;

/* A request that its sender repeats, since the answer was lost, happens once. */
static void a_key_is_applied_once(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    int other = (leader + 1) % 3;
    struct sim_op *op = sim_test_op(&f.world, other, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(id) VALUES(1)";
    op->request.deadline = f.world.now + 20000;
    dbr_list_push_back(&f.world.nodes[other].ops, &op->link);
    dbr_core_request(f.world.nodes[other].core, &op->request, f.world.now);
    sim_drain(&f.world, other);
    for (int i = 0; i < 40 && !op->done; i++) { /* cut every link, again and again */
        sim_step_until(&f.world, f.world.now + 13);
        for (struct sim_link *link = f.world.links; link != NULL; link = link->next) {
            sim_cut(&f.world, link);
        }
    }
    sim_step_until(&f.world, f.world.now + 15000);
    assert_true(op->done);
    assert_int_equal(op->request.status, 0);
    sim_op_free(op);
    assert_int_equal(fixture_number(&f, other, "SELECT count(*) FROM t"), 1);
    fixture_down(&f);
}

static void a_transaction_happens_whole_or_not_at_all(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct sim_op *op = sim_test_op(&f.world, 0, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(id) VALUES(1)";
    op->statements[1].sql = "INSERT INTO nowhere VALUES(1)";
    op->request.n_statements = 2;
    assert_int_equal(sim_test_run(&f.world, op, 5000), DEBROS_ESQL);
    assert_int_equal(op->request.sql->failed, 2);
    assert_non_null(strstr(op->request.detail, "statement 2"));
    sim_op_free(op);
    assert_int_equal(fixture_number(&f, 0, "SELECT count(*) FROM t"), 0);
    fixture_down(&f);
}

static void a_transaction_too_large_for_an_entry_is_refused(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    size_t size = 5u << 20;
    uint8_t *data = calloc(1, size);
    struct sim_op *op = sim_test_op(&f.world, 0, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(v) VALUES(?)";
    op->params[0] =
        (debros_value){.type = DEBROS_BLOB, .as.bytes = dbr_bytes(data, size)};
    op->statements[0].params = op->params;
    op->statements[0].n_params = 1;
    assert_int_equal(sim_test_run(&f.world, op, 5000), DEBROS_ELIMIT);
    sim_op_free(op);
    free(data);
    assert_int_equal(fixture_number(&f, 0, "SELECT count(*) FROM t"), 0);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_applied_once),
        cmocka_unit_test(a_transaction_happens_whole_or_not_at_all),
        cmocka_unit_test(a_transaction_too_large_for_an_entry_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
