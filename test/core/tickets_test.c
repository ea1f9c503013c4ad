#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static void a_ticket_is_found_until_it_is_destroyed(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    struct dbr_ticket *ticket = dbr_ticket_create(core, DBR_TICKET_REACH, DBR_TIME_NEVER);
    uint64_t token = ticket->token;
    assert_ptr_equal(dbr_ticket_find(core, token), ticket);
    dbr_ticket_destroy(core, ticket);
    assert_null(dbr_ticket_find(core, token));
    dbr_ticket_destroy(core, NULL);
    fixture_down(&f);
}

static void every_request_meets_its_deadline(void **state)
{
    char addr[DBR_MULTIADDR_TEXT_SIZE];
    (void)state;
    fixture_up(&f, 2);
    dbr_multiaddr_text(&f.world.nodes[1].addr, addr);
    f.world.group[f.client] = 1; /* dials hang */
    sim_step_until(&f.world, f.world.now + 100);
    struct sim_op *op = fixture_ask(&f, f.client, DBR_REQUEST_PING, addr, 500);
    assert_true(op->request.status == DEBROS_ETIMEDOUT ||
                op->request.status == DEBROS_EUNREACHABLE);
    sim_op_free(op);
    fixture_down(&f);
}

static void no_quorum_is_said_in_time(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    for (int i = 0; i < 3; i++) {
        if (i != leader) {
            sim_crash_node(&f.world, i, false);
        }
    }
    sim_step_until(&f.world, f.world.now + 5000); /* the leader has stepped down */
    struct sim_op *op =
        fixture_ask(&f, leader, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)", 1000);
    assert_int_equal(op->request.status, DEBROS_EQUORUM);
    assert_non_null(strstr(op->request.detail, "no leader"));
    sim_op_free(op);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_found_until_it_is_destroyed),
        cmocka_unit_test(every_request_meets_its_deadline),
        cmocka_unit_test(no_quorum_is_said_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
