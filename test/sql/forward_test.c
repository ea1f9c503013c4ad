#include "fixture.h"

#include "core/inner.h"
#include "sql/inner.h"

static struct fixture f;

static void a_follower_sends_writes_to_the_leader(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int other = (fixture_leader(&f) + 1) % 3;
    assert_int_equal(
        fixture_status(&f, other, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    assert_true(f.world.nodes[other].core->sql->upstream != 0);
    fixture_down(&f);
}

/* The leader goes while the request is with it: the next one gets it, in the same call.
 */
static void a_request_survives_its_leader(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    int other = (leader + 1) % 3;
    sim_crash_node(&f.world, leader, false);
    struct sim_op *op =
        fixture_ask(&f, other, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)", 20000);
    assert_int_equal(op->request.status, 0);
    sim_op_free(op);
    assert_int_equal(fixture_number(&f, other, "SELECT count(*) FROM t"), 1);
    fixture_down(&f);
}

static void garbage_on_a_stream_resets_it_alone(void **state)
{
    uint64_t stream;
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *client = f.world.nodes[f.client].core;
    assert_int_equal(dbr_swarm_open(client->swarm, &stream, &f.world.nodes[0].id,
                                    DBR_PROTOCOL_SQL, f.world.now),
                     0);
    dbr_swarm_send(client->swarm, stream, dbr_bytes("\xff\xff\xff", 3), f.world.now);
    sim_drain(&f.world, f.client);
    sim_step_until(&f.world, f.world.now + 1000);
    assert_int_equal(
        dbr_swarm_send(client->swarm, stream, dbr_bytes("x", 1), f.world.now),
        DEBROS_ENOTFOUND);
    assert_int_equal(
        fixture_status(&f, f.client, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    fixture_down(&f);
}

/* Its own machine refuses such a request, too: this client has one that does not. */
static void a_client_cannot_write_the_tables_of_the_cluster(void **state)
{
    debros_statement statement = {.sql = "DELETE FROM members"};
    (void)state;
    fixture_up(&f, 3);
    struct dbr_core *client = f.world.nodes[f.client].core;
    size_t n = f.world.nodes[0].core->members.n;
    assert_true(n >= 3);
    assert_int_equal(dbr_sql_exec(client->sql, 1u << 30, "_system", &statement, 1, NULL,
                                  true, f.world.now + 2000, f.world.now),
                     0);
    dbr_core_expire(client, f.world.now);
    sim_drain(&f.world, f.client);
    sim_step_until(&f.world, f.world.now + 3000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f.world.nodes[i].core->members.n, n);
    }
    fixture_down(&f);
}

static void too_many_hops_are_refused(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int other = (fixture_leader(&f) + 1) % 3;
    struct dbr_sql *sql = f.world.nodes[other].core->sql;
    debros_statement statement = {.sql = "SELECT 1"};
    struct dbr_buf frame = {0};
    dbr_sql_frame_query(&frame, 1, 1000, 4, "default", &statement, DEBROS_LINEARIZABLE,
                        0);
    dbr_sql_recv(sql, 999999, DBR_PEER_CLIENT, dbr_bytes(frame.data, frame.len),
                 f.world.now);
    assert_int_equal(HASH_COUNT(sql->table), 0);
    dbr_buf_clear(&frame);
    dbr_sql_frame_query(&frame, 1, 1000, 3, "default", &statement, DEBROS_LINEARIZABLE,
                        0);
    dbr_sql_recv(sql, 999999, DBR_PEER_CLIENT, dbr_bytes(frame.data, frame.len),
                 f.world.now);
    assert_int_equal(HASH_COUNT(sql->table), 1);
    dbr_buf_finish(&frame);
    fixture_down(&f);
}

/* A write that was sent so often meets a leader whose disk is full. */
static int refused_at_attempt(uint32_t attempts)
{
    struct sim_node *client = &f.world.nodes[f.client];
    struct sim_op *op = sim_test_op(&f.world, f.client, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(id) VALUES(1)";
    op->request.deadline = f.world.now + 10000;
    dbr_list_push_back(&client->ops, &op->link);
    dbr_core_request(client->core, &op->request, f.world.now);
    sim_drain(&f.world, f.client);
    struct dbr_pending *p = client->core->sql->table;
    assert_non_null(p);
    assert_int_equal(p->state, DBR_PENDING_FORWARDED);
    p->attempts = attempts;
    sim_step_until(&f.world, f.world.now + 1000);
    assert_true(op->done);
    int status = op->request.status;
    sim_op_free(op);
    return status;
}

/* It speaks for the copy that it has seen, not for the ones before. */
static void a_full_disk_does_not_know_earlier_copies(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    dbr_core_disk_full(f.world.nodes[0].core, true, f.world.now);
    assert_int_equal(refused_at_attempt(1), DEBROS_ENOSPC);
    assert_int_equal(refused_at_attempt(2), DEBROS_ETIMEDOUT);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_sends_writes_to_the_leader),
        cmocka_unit_test(a_request_survives_its_leader),
        cmocka_unit_test(garbage_on_a_stream_resets_it_alone),
        cmocka_unit_test(a_client_cannot_write_the_tables_of_the_cluster),
        cmocka_unit_test(too_many_hops_are_refused),
        cmocka_unit_test(a_full_disk_does_not_know_earlier_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
