#include "fixture.h"

#include "core/inner.h"

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

static void a_leader_without_room_refuses_or_hands_over(void **state)
{
    static const char insert[] = "INSERT INTO t(id) VALUES(NULL)";
    (void)state;
    fixture_up(&f, 1); /* nobody else can lead */
    dbr_core_disk_full(f.world.nodes[0].core, true, f.world.now);
    assert_int_equal(fixture_status(&f, f.client, DBR_REQUEST_EXEC, insert),
                     DEBROS_ENOSPC);
    assert_int_equal(fixture_number(&f, f.client, "SELECT count(*) FROM t"), 0);
    dbr_core_disk_full(f.world.nodes[0].core, false, f.world.now);
    assert_int_equal(fixture_status(&f, f.client, DBR_REQUEST_EXEC, insert), 0);
    fixture_down(&f);

    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    dbr_core_disk_full(f.world.nodes[leader].core, true, f.world.now);
    sim_drain(&f.world, leader);
    sim_step_until(&f.world, f.world.now + 3000);
    assert_int_not_equal(fixture_leader(&f), leader);
    assert_int_equal(fixture_status(&f, leader, DBR_REQUEST_EXEC, insert), 0);
    fixture_down(&f);
}

static int read_at_level(int node, enum debros_level level, uint32_t freshness_ms,
                         uint32_t timeout_ms, int64_t *number)
{
    struct sim_op *op = sim_test_op(&f.world, node, DBR_REQUEST_QUERY);
    op->statements[0].sql = "SELECT count(*) FROM t";
    op->request.level = level;
    op->request.freshness_ms = freshness_ms;
    int status = sim_test_run(&f.world, op, timeout_ms);
    *number = status == 0 ? op->request.sql->results[0].cells[0].as.integer : -1;
    sim_op_free(op);
    return status;
}

static void every_level_answers_on_every_node(void **state)
{
    static const enum debros_level levels[] = {DEBROS_LINEARIZABLE, DEBROS_WEAK,
                                               DEBROS_STRONG, DEBROS_AUTO};
    int64_t number;
    (void)state;
    fixture_up(&f, 4); /* three voters, a standby, and the client */
    assert_int_equal(
        fixture_status(&f, 2, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    sim_step_until(&f.world, f.world.now + 200); /* the heartbeat tells of the commit */
    for (int node = 0; node <= f.client; node++) {
        for (size_t i = 0; i < DBR_COUNT(levels); i++) {
            assert_int_equal(read_at_level(node, levels[i], 0, 5000, &number), 0);
            assert_int_equal(number, 1);
        }
        assert_int_equal(read_at_level(node, DEBROS_NONE, 500, 5000, &number), 0);
        assert_int_equal(number, 1);
    }
    fixture_down(&f);
}

/* Only a strong read grows the log. */
static void reads_write_nothing_unless_they_are_strong(void **state)
{
    int64_t number;
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    struct dbr_consensus *c = f.world.nodes[leader].core->consensus;
    struct dbr_consensus_status before, after;
    dbr_consensus_status(c, &before);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(read_at_level(leader, DEBROS_LINEARIZABLE, 0, 5000, &number), 0);
        assert_int_equal(read_at_level(leader, DEBROS_WEAK, 0, 5000, &number), 0);
        assert_int_equal(read_at_level(leader, DEBROS_NONE, 0, 5000, &number), 0);
    }
    dbr_consensus_status(c, &after);
    assert_int_equal(after.last_index, before.last_index);
    assert_int_equal(read_at_level(leader, DEBROS_STRONG, 0, 5000, &number), 0);
    dbr_consensus_status(c, &after);
    assert_int_equal(after.last_index, before.last_index + 1);
    fixture_down(&f);
}

static void a_node_that_is_cut_off_says_how_old_its_state_is(void **state)
{
    int64_t number;
    (void)state;
    fixture_up(&f, 3);
    int cut = (fixture_leader(&f) + 1) % 3;
    f.world.group[cut] = 1;
    sim_step_until(&f.world, f.world.now + 3000);
    assert_int_equal(read_at_level(cut, DEBROS_NONE, 0, 2000, &number), 0);
    assert_int_equal(read_at_level(cut, DEBROS_NONE, 60000, 2000, &number), 0);
    assert_int_equal(read_at_level(cut, DEBROS_NONE, 1000, 2000, &number), DEBROS_ESTATE);
    assert_int_equal(read_at_level(cut, DEBROS_LINEARIZABLE, 0, 2000, &number),
                     DEBROS_EQUORUM);
    assert_int_equal(read_at_level(cut, DEBROS_WEAK, 0, 2000, &number), DEBROS_EQUORUM);
    f.world.group[cut] = 0;
    sim_step_until(&f.world, f.world.now + 5000);
    assert_int_equal(read_at_level(cut, DEBROS_NONE, 1000, 2000, &number), 0);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_applied_once),
        cmocka_unit_test(a_transaction_happens_whole_or_not_at_all),
        cmocka_unit_test(every_level_answers_on_every_node),
        cmocka_unit_test(reads_write_nothing_unless_they_are_strong),
        cmocka_unit_test(a_node_that_is_cut_off_says_how_old_its_state_is),
        cmocka_unit_test(a_leader_without_room_refuses_or_hands_over),
        cmocka_unit_test(a_transaction_too_large_for_an_entry_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
