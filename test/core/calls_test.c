/* Who is let in by an invite, and who is not. */
#include "fixture.h"

#include <stdlib.h>

#include "core/inner.h"

static struct fixture f;

static char *make_invite(void)
{
    struct sim_op *op = fixture_ask(&f, f.client, DBR_REQUEST_INVITE, "", 5000);
    assert_int_equal(op->request.status, 0);
    char *text = strdup(op->request.text);
    sim_op_free(op);
    return text;
}

/* Makes the client's place a joiner with another key; what became of it is in `detail`.
 */
static void join_as(uint8_t seed, char *invite)
{
    struct sim_node *node = &f.world.nodes[f.client];
    struct dbr_core_config config = {
        .mode = DBR_CORE_JOINER, .identity = &node->key, .invite = invite};
    uint8_t bytes[32] = {seed};
    debros_detail detail;
    sim_crash_node(&f.world, f.client, false);
    dbr_keypair_from_seed(&node->key, bytes);
    sim_disk_destroy(node->disk);
    node->disk = sim_disk_create(seed);
    node->has_cluster = false;
    node->phase = SIM_JOINING;
    assert_int_equal(
        dbr_core_create(&node->core, &config, &node->rng, f.world.now, 1, &detail), 0);
    sim_drain(&f.world, f.client);
    for (int i = 0; i < 300 && !node->has_cluster && !node->core->is_fatal; i++) {
        sim_step_until(&f.world, f.world.now + 10);
    }
}

static void an_invite_lets_one_node_in(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    char *invite = make_invite();
    join_as(1, invite);
    assert_true(f.world.nodes[f.client].has_cluster);
    assert_true(f.world.nodes[f.client].n_members >= 1);
    join_as(1, invite); /* the same node may ask again: its answer was lost, say */
    assert_true(f.world.nodes[f.client].has_cluster);
    join_as(2, invite);
    assert_false(f.world.nodes[f.client].has_cluster);
    assert_non_null(strstr(f.world.nodes[f.client].core->detail.text, "used or expired"));
    free(invite);
    fixture_down(&f);
}

static void an_invite_expires(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    char *invite = make_invite();
    f.world.now += 3700000; /* an hour in which nobody looked */
    join_as(1, invite);
    assert_false(f.world.nodes[f.client].has_cluster);
    free(invite);
    fixture_down(&f);
}

/* Each join costs a log entry: after a burst of them the others wait their turn. */
static void joins_in_a_row_are_slowed_down(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    char *invite = make_invite();
    struct dbr_core *member = f.world.nodes[0].core;
    while (dbr_bucket_take(&member->joins, DBR_JOINS_BURST, 1000 * DBR_JOINS_EVERY_MS,
                           f.world.now)) {
    }
    dbr_time began = f.world.now;
    struct sim_node *node = &f.world.nodes[f.client];
    join_as(1, invite);
    assert_true(node->has_cluster);
    assert_true(f.world.now - began >= DBR_JOINS_EVERY_MS);
    free(invite);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invite_lets_one_node_in),
        cmocka_unit_test(an_invite_expires),
        cmocka_unit_test(joins_in_a_row_are_slowed_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
