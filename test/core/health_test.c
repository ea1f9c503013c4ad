#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static const debros_check *find(const debros_health *health, const char *name)
{
    for (size_t i = 0; i < health->n_checks; i++) {
        if (strcmp(health->checks[i].name, name) == 0) {
            return &health->checks[i];
        }
    }
    fail_msg("no check %s", name);
    return NULL;
}

static struct sim_op *ask(int node)
{
    struct sim_op *op = fixture_ask(&f, node, DBR_REQUEST_HEALTH, "", 5000);
    assert_int_equal(op->request.status, 0);
    assert_non_null(op->request.health);
    return op;
}

static enum debros_health_state state_of(int node)
{
    struct sim_op *op = ask(node);
    enum debros_health_state state = op->request.health->state;
    sim_op_free(op);
    return state;
}

static void a_calm_cluster_is_healthy(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    (void)state;
    fixture_up(&f, 3);
    sim_step_until(&f.world, f.world.now + 2000);
    for (int i = 0; i < 3; i++) {
        struct sim_op *op = ask(i);
        const debros_health *health = op->request.health;
        assert_int_equal(health->state, DEBROS_HEALTHY);
        assert_string_equal(health->node_id, dbr_peer_id_text(&f.world.nodes[i].id, id));
        assert_int_equal(health->n_checks, 9);
        for (size_t c = 0; c < health->n_checks; c++) {
            assert_string_equal(health->checks[c].reason, "");
        }
        assert_int_equal(find(health, "quorum")->value, 3);
        assert_int_equal(find(health, "quorum")->limit, 3);
        assert_true(find(health, "quorum")->is_floor);
        assert_int_equal(find(health, "peers")->value, 2);
        sim_op_free(op);
    }
    fixture_down(&f);
}

/* It says so, and serves what it can. */
static void a_lone_survivor_is_unhealthy_and_answers(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    assert_int_equal(
        fixture_status(&f, 0, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    sim_step_until(&f.world, f.world.now + 1000);
    sim_crash_node(&f.world, 1, false);
    sim_crash_node(&f.world, 2, false);
    sim_step_until(&f.world, f.world.now + 10000);
    struct sim_op *op = ask(0);
    const debros_health *health = op->request.health;
    assert_int_equal(health->state, DEBROS_UNHEALTHY);
    const debros_check *quorum = find(health, "quorum");
    assert_int_equal(quorum->state, DEBROS_UNHEALTHY);
    assert_int_equal(quorum->value, 1);
    assert_non_null(strstr(quorum->reason, "1 of 3 voters can be reached"));
    assert_non_null(strstr(quorum->reason, "wait until 2 can"));
    const debros_check *leader = find(health, "leader_contact");
    assert_int_equal(leader->state, DEBROS_UNHEALTHY);
    assert_true(leader->value > 3000);
    assert_int_equal(find(health, "peers")->state, DEBROS_DEGRADED);
    assert_int_equal(find(health, "peers")->value, 0);
    sim_op_free(op);
    op = sim_test_op(&f.world, 0, DBR_REQUEST_QUERY);
    op->statements[0].sql = "SELECT count(*) FROM t";
    op->request.level = DEBROS_NONE;
    assert_int_equal(sim_test_run(&f.world, op, 5000), 0);
    assert_int_equal(op->request.sql->results[0].cells[0].as.integer, 1);
    sim_op_free(op);
    fixture_down(&f);
}

static void one_lost_node_degrades_and_its_return_heals(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    (void)state;
    fixture_up(&f, 3);
    sim_crash_node(&f.world, 2, false);
    sim_step_until(&f.world, f.world.now + 8000);
    dbr_peer_id_text(&f.world.nodes[2].id, id);
    for (int i = 0; i < 2; i++) {
        struct sim_op *op = ask(i);
        const debros_health *health = op->request.health;
        assert_int_equal(health->state, DEBROS_DEGRADED);
        assert_int_equal(find(health, "quorum")->value, 2);
        assert_non_null(strstr(find(health, "quorum")->reason, "if 1 more"));
        assert_non_null(strstr(find(health, "peers")->reason, id + strlen(id) - 8));
        assert_int_equal(find(health, "leader_contact")->state, DEBROS_HEALTHY);
        sim_op_free(op);
    }
    sim_start_node(&f.world, 2);
    sim_step_until(&f.world, f.world.now + 8000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(state_of(i), DEBROS_HEALTHY);
    }
    fixture_down(&f);
}

/* A leader's servers that are connected but silent, as stopped processes are. */
static void silence_is_no_quorum(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    sim_step_until(&f.world, f.world.now + 2000);
    int leader = fixture_leader(&f);
    struct dbr_raft_link *link;
    struct dbr_raft_link *tmp;
    HASH_ITER(hh, f.world.nodes[leader].core->links, link, tmp)
    {
        link->heard_at = f.world.now - 5000; /* it said nothing for five seconds */
    }
    struct dbr_core *core = f.world.nodes[leader].core;
    struct dbr_request request = {.type = DBR_REQUEST_HEALTH};
    struct dbr_host host = {.folder = "f", .disk_free = UINT64_MAX, .max_pending = 10};
    assert_int_equal(dbr_health_view(core, &request, &host, f.world.now), 0);
    assert_int_equal(find(request.health, "quorum")->value, 1);
    assert_int_equal(find(request.health, "quorum")->state, DEBROS_UNHEALTHY);
    dbr_arena_finish(&request.arena);
    fixture_down(&f);
}

static void a_full_disk_is_unhealthy_until_there_is_room(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct sim_node *node = &f.world.nodes[0];
    node->disk_full_until = f.world.now + 6000;
    sim_disk_set_full(node->disk, true);
    /* Overwriting needs no room: only what grows a file fails. */
    struct sim_op *op = sim_test_op(&f.world, 0, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(id) VALUES(5)";
    dbr_core_request(node->core, &op->request, f.world.now);
    op->request.deadline = f.world.now + 60000;
    sim_drain(&f.world, 0);
    assert_non_null(node->log_batch);
    struct sim_op *health = ask(0);
    assert_int_equal(health->request.health->state, DEBROS_UNHEALTHY);
    const debros_check *writes = find(health->request.health, "disk_writes");
    assert_non_null(strstr(writes->reason, "no space left in 'sim'"));
    sim_op_free(health);
    sim_disk_set_full(node->disk, false);
    node->disk_full_until = 0;
    sim_step_until(&f.world, f.world.now + 5000);
    assert_true(op->done);
    sim_op_free(op);
    assert_int_equal(state_of(0), DEBROS_HEALTHY);
    fixture_down(&f);
}

/* ---- What the outside says --------------------------------------------------------- */

static const struct dbr_host calm = {.folder = "/data",
                                     .loop_lag_us = 1000,
                                     .flush_p99_us = 2000,
                                     .disk_free = UINT64_C(10) << 30,
                                     .apply_detail = "",
                                     .pending = 1,
                                     .max_pending = 100};

/* The check `name` has this state, value and words, and all others are healthy. */
static void expect(const struct dbr_host *host, const char *name,
                   enum debros_health_state wanted, uint64_t value, const char *words)
{
    struct dbr_request request = {.type = DBR_REQUEST_HEALTH};
    const struct dbr_core *core = f.world.nodes[0].core;
    assert_int_equal(dbr_health_view(core, &request, host, f.world.now), 0);
    const debros_check *check = find(request.health, name);
    if (request.health->state != wanted) {
        fail_msg("%s %llu: state %d", name, (unsigned long long)value,
                 (int)request.health->state);
    }
    assert_int_equal(check->state, wanted);
    assert_true(check->value == value);
    if (strstr(check->reason, words) == NULL) {
        fail_msg("%s: %s", name, check->reason);
    }
    for (size_t i = 0; i < request.health->n_checks; i++) {
        const debros_check *other = &request.health->checks[i];
        assert_true(other == check || other->state == DEBROS_HEALTHY);
    }
    dbr_arena_finish(&request.arena);
}

static void each_measure_has_its_limit(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct dbr_host host = calm;
    expect(&host, "loop_lag", DEBROS_HEALTHY, 1000, "");
    uint64_t half = UINT64_C(500) * dbr_core_election_ms(f.world.nodes[0].core);
    host.loop_lag_us = half;
    expect(&host, "loop_lag", DEBROS_HEALTHY, half, "");
    host.loop_lag_us = half + 1;
    expect(&host, "loop_lag", DEBROS_DEGRADED, half + 1, "stood still for ");
    host = calm;
    host.flush_p99_us = 600000;
    expect(&host, "disk_flush", DEBROS_DEGRADED, 600000, "1 of 100 writes took 600 ms");
    host.flush_running_us = 5000001;
    expect(&host, "disk_flush", DEBROS_UNHEALTHY, 5000001, "has not finished a write");
    host = calm;
    host.disk_free = (256u << 20) - 1;
    expect(&host, "disk_free", DEBROS_DEGRADED, host.disk_free, "only 255 MiB");
    host = calm;
    host.log_waits_ms = 700;
    expect(&host, "disk_writes", DEBROS_UNHEALTHY, 700, "no space left in '/data'");
    host = calm;
    host.apply_waits_ms = 900;
    host.apply_detail = "the reason";
    expect(&host, "disk_writes", DEBROS_UNHEALTHY, 900, "the reason");
    host = calm;
    host.pending = 81;
    expect(&host, "queue", DEBROS_DEGRADED, 81, "81 of 100 requests");
    fixture_down(&f);
}

static void an_applier_that_stands_still_shows(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    uint64_t applied = core->applied;
    core->applied = applied - 1; /* of all that was handed over, one has not come back */
    core->apply_moved_at = f.world.now - 10001;
    expect(&calm, "apply_lag", DEBROS_UNHEALTHY, 1, "none was applied for 10001 ms");
    core->apply_moved_at = f.world.now;
    expect(&calm, "apply_lag", DEBROS_HEALTHY, 1, "");
    core->health_limits.apply_lag = 0;
    expect(&calm, "apply_lag", DEBROS_DEGRADED, 1, "1 entries behind");
    core->applied = applied;
    fixture_down(&f);
}

/* Limits at their smallest: whatever can pass one does. */
static void every_limit_can_be_as_small_as_none(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    core->health_limits = (struct dbr_health_limits){0};
    struct dbr_request request = {.type = DBR_REQUEST_HEALTH};
    assert_int_equal(dbr_health_view(core, &request, &calm, f.world.now), 0);
    assert_int_equal(find(request.health, "loop_lag")->state, DEBROS_DEGRADED);
    assert_int_equal(find(request.health, "disk_flush")->state, DEBROS_DEGRADED);
    assert_int_equal(find(request.health, "disk_free")->state, DEBROS_HEALTHY);
    assert_int_equal(find(request.health, "queue")->state, DEBROS_DEGRADED);
    assert_int_equal(find(request.health, "leader_contact")->state, DEBROS_HEALTHY);
    dbr_arena_finish(&request.arena);
    fixture_down(&f);
}

/* ---- Who asks ---------------------------------------------------------------------- */

static void a_client_hears_its_member(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    (void)state;
    fixture_up(&f, 2);
    sim_step_until(&f.world, f.world.now + 2000);
    struct sim_op *op = ask(f.client);
    const debros_health *health = op->request.health;
    assert_string_not_equal(health->node_id,
                            dbr_peer_id_text(&f.world.nodes[f.client].id, id));
    assert_int_equal(health->n_checks, 9);
    assert_string_equal(find(health, "disk_free")->unit, "bytes");
    assert_true(find(health, "disk_free")->is_floor);
    assert_true(find(health, "disk_free")->value == UINT64_MAX);
    sim_op_free(op);
    fixture_down(&f);
}

static void the_status_has_the_state_and_the_places(void **state)
{
    (void)state;
    fixture_up(&f, 5);
    sim_step_until(&f.world, f.world.now + 2000);
    sim_crash_node(&f.world, 4, false);
    sim_step_until(&f.world, f.world.now + 5000);
    for (int i = 0; i <= f.client; i += f.client) { /* a member, and the client */
        struct sim_op *op = fixture_ask(&f, i, DBR_REQUEST_STATUS, "", 5000);
        assert_int_equal(op->request.status, 0);
        assert_int_equal(op->request.node_status->members, 5);
        assert_int_equal(op->request.node_status->voters, 3);
        assert_int_equal(op->request.node_status->standbys, 2);
        assert_int_equal(op->request.node_status->health, DEBROS_DEGRADED);
        assert_null(op->request.health);
        sim_op_free(op);
    }
    fixture_down(&f);
}

/* Two who ask in one tick share one measurement, and each is answered. */
static void one_measurement_serves_all(void **state)
{
    struct dbr_effect effect;
    struct sim_op *ops[2];
    int measures = 0, dones = 0;
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    for (int i = 0; i < 2; i++) {
        ops[i] = sim_test_op(&f.world, 0, DBR_REQUEST_HEALTH);
        ops[i]->request.deadline = f.world.now + 5000;
        dbr_core_request(core, &ops[i]->request, f.world.now);
    }
    while (dbr_core_poll(core, &effect, f.world.now)) {
        if (effect.type == DBR_CORE_MEASURE) {
            measures++;
            dbr_core_measured(core, &calm, f.world.now);
        }
        if (effect.type == DBR_CORE_DONE) {
            dones++;
            sim_op_done(&f.world,
                        DBR_CONTAINER_OF(effect.request, struct sim_op, request));
        }
    }
    assert_int_equal(measures, 1);
    assert_int_equal(dones, 2);
    sim_op_free(ops[0]);
    sim_op_free(ops[1]);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calm_cluster_is_healthy),
        cmocka_unit_test(a_lone_survivor_is_unhealthy_and_answers),
        cmocka_unit_test(one_lost_node_degrades_and_its_return_heals),
        cmocka_unit_test(silence_is_no_quorum),
        cmocka_unit_test(a_full_disk_is_unhealthy_until_there_is_room),
        cmocka_unit_test(each_measure_has_its_limit),
        cmocka_unit_test(an_applier_that_stands_still_shows),
        cmocka_unit_test(every_limit_can_be_as_small_as_none),
        cmocka_unit_test(a_client_hears_its_member),
        cmocka_unit_test(the_status_has_the_state_and_the_places),
        cmocka_unit_test(one_measurement_serves_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
