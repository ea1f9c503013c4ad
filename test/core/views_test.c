#include "fixture.h"

static struct fixture f;

static void status_says_who_and_how_far(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    (void)state;
    fixture_up(&f, 3);
    sim_step_until(&f.world, f.world.now + 1000);
    struct sim_op *op = fixture_ask(&f, 1, DBR_REQUEST_STATUS, "", 1000);
    const debros_status *status = op->request.node_status;
    assert_string_equal(status->node_id, dbr_peer_id_text(&f.world.nodes[1].id, id));
    assert_int_equal(strlen(status->cluster_id), 32);
    assert_int_equal(strncmp(status->leader, "12D3KooW", 8), 0);
    assert_true(status->term >= 2);
    assert_true(status->commit_index > 2);
    assert_true(status->applied_index == status->commit_index); /* at rest they meet */
    assert_int_equal(status->peer_count, 3); /* two members, one client, or two and it */
    assert_true(status->database_size > 0);
    sim_op_free(op);
    fixture_down(&f);
}

static void a_client_sees_its_members_status(void **state)
{
    (void)state;
    fixture_up(&f, 2);
    struct sim_op *op = fixture_ask(&f, f.client, DBR_REQUEST_STATUS, "", 5000);
    assert_true(op->request.node_status->role == DEBROS_ROLE_LEADER ||
                op->request.node_status->role == DEBROS_ROLE_FOLLOWER);
    sim_op_free(op);
    op = fixture_ask(&f, f.client, DBR_REQUEST_PEERS, "", 5000);
    assert_true(op->request.n_peers >= 2);
    assert_true(op->request.peers[0].connected);
    sim_op_free(op);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_says_who_and_how_far),
        cmocka_unit_test(a_client_sees_its_members_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
