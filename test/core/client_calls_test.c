/* A client's calls, while members come and go. */
#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static void a_call_without_its_member_ends_in_time(void **state)
{
    (void)state;
    fixture_up(&f, 2);
    sim_crash_node(&f.world, 0, false);
    sim_crash_node(&f.world, 1, false);
    sim_step_until(&f.world, f.world.now + 1000);
    struct sim_op *op = fixture_ask(&f, f.client, DBR_REQUEST_STATUS, "", 2000);
    assert_int_equal(op->request.status, DEBROS_EUNREACHABLE);
    sim_op_free(op);
    fixture_down(&f);
}

/* Asks while the member that serves the client hears nothing any more. */
static int ask_the_deaf(enum dbr_request_type type)
{
    int deaf = 0;
    fixture_up(&f, 3);
    const struct dbr_core *client = f.world.nodes[f.client].core;
    sim_step_until(&f.world, f.world.now + 4000); /* it knows the others */
    while (!dbr_peer_id_equal(&client->route, &f.world.nodes[deaf].id)) {
        deaf++;
    }
    f.world.group[deaf] = 1;
    struct sim_op *op = sim_test_op(&f.world, f.client, type);
    op->request.target = "";
    op->request.key = "key";
    sim_test_run(&f.world, op, 60000); /* the deaf one is among those asked */
    int status = op->request.status;
    sim_op_free(op);
    assert_false(dbr_peer_id_equal(&client->route, &f.world.nodes[deaf].id));
    f.world.group[deaf] = 0;
    sim_step_until(&f.world, f.world.now + 5000);
    fixture_down(&f);
    return status;
}

/* A second invite would be one too many: only what changes nothing is asked twice. */
static void a_question_is_asked_again_and_a_change_is_not(void **state)
{
    (void)state;
    assert_int_equal(ask_the_deaf(DBR_REQUEST_STATUS), 0);
    assert_int_equal(ask_the_deaf(DBR_REQUEST_PEERS), 0);
    assert_int_equal(ask_the_deaf(DBR_REQUEST_INVITE), DEBROS_EUNREACHABLE);
    assert_int_equal(ask_the_deaf(DBR_REQUEST_DHT_PUT), 0); /* the same, however often */
    assert_int_equal(ask_the_deaf(DBR_REQUEST_DHT_REMOVE), DEBROS_EUNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_without_its_member_ends_in_time),
        cmocka_unit_test(a_question_is_asked_again_and_a_change_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
