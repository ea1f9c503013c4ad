#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static struct dbr_core *core_of(int node)
{
    return f.world.nodes[node].core;
}

static int find_learner(void)
{
    for (int i = 0; i < f.client; i++) {
        if (!dbr_membership_has_place(core_of(i))) {
            return i;
        }
    }
    return -1;
}

static void a_learner_knows_who_votes_and_who_leads(void **state)
{
    (void)state;
    fixture_up(&f, 7);
    sim_step_until(&f.world, f.world.now + 5000);
    int leader = fixture_leader(&f);
    for (int i = 0; i < f.client; i++) {
        const struct dbr_learner *learner = &core_of(i)->learner;
        if (dbr_membership_has_place(core_of(i))) {
            assert_int_equal(learner->n_voters, 0);
            assert_int_equal(learner->stream, 0);
            continue;
        }
        assert_int_equal(learner->n_voters, 3);
        assert_true(learner->ask_at == DBR_TIME_NEVER); /* a voter tells it */
        assert_true(dbr_learner_knows_voter(core_of(i), &learner->host));
        assert_true(dbr_peer_id_equal(&learner->leader, &f.world.nodes[leader].id));
        for (size_t k = 0; k < 3; k++) {
            assert_true(dbr_swarm_is_connected(core_of(i)->swarm, &learner->voters[k]));
        }
    }
    fixture_down(&f);
}

/* The leader dies: the learner is told of the next one, and its requests go there. */
static void a_learner_follows_the_group(void **state)
{
    (void)state;
    fixture_up(&f, 6);
    sim_step_until(&f.world, f.world.now + 5000);
    int learner = find_learner();
    int leader = fixture_leader(&f);
    sim_crash_node(&f.world, leader, false);
    assert_int_equal(
        fixture_status(&f, learner, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    sim_step_until(&f.world, f.world.now + 5000);
    const struct dbr_learner *told = &core_of(learner)->learner;
    assert_false(dbr_peer_id_equal(&told->leader, &f.world.nodes[leader].id));
    assert_false(dbr_peer_id_is_none(&told->leader));
    assert_int_equal(fixture_number(&f, learner, "SELECT count(*) FROM t"), 1);
    fixture_down(&f);
}

/* A learner hears of new members by what its voter tells, not only once a minute. */
static void a_learner_hears_of_changes(void **state)
{
    (void)state;
    fixture_up(&f, 6);
    sim_step_until(&f.world, f.world.now + 5000);
    int learner = find_learner();
    assert_int_equal(core_of(learner)->members.n, 7); /* and the operator */
    assert_int_equal(fixture_status(&f, 0, DBR_REQUEST_NS_CREATE, "more"), 0);
    dbr_time asked = core_of(learner)->members_at;
    sim_step_until(&f.world, f.world.now + 500);
    assert_true(core_of(learner)->members_at < asked);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_learner_knows_who_votes_and_who_leads),
        cmocka_unit_test(a_learner_follows_the_group),
        cmocka_unit_test(a_learner_hears_of_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
