/* What a client is told that is not let in. */
#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static void an_unlisted_key_is_refused_with_words(void **state)
{
    struct sim_node *node;
    uint8_t seed[32] = {77};
    (void)state;
    fixture_up(&f, 1);
    node = &f.world.nodes[f.client];
    sim_crash_node(&f.world, f.client, false);
    dbr_keypair_from_seed(&node->key, seed);
    sim_start_node(&f.world, f.client);
    for (int i = 0; i < 3500 && !node->core->is_fatal; i++) {
        sim_step_until(&f.world, f.world.now + 10);
    }
    assert_true(node->core->is_fatal);
    assert_non_null(strstr(node->core->detail.text, "does not list the key"));
    fixture_down(&f);
}

static void a_client_of_another_cluster_is_told_so(void **state)
{
    struct sim_node *node;
    struct dbr_core_config config = {.mode = DBR_CORE_CLIENT};
    debros_detail detail;
    (void)state;
    fixture_up(&f, 1);
    node = &f.world.nodes[f.client];
    sim_crash_node(&f.world, f.client, false);
    config.identity = &node->key;
    config.bootstrap = &f.world.nodes[0].addr;
    config.n_bootstrap = 1;
    config.cluster_id[0] = 1;
    dbr_core_create(&node->core, &config, &node->rng, f.world.now, 1, &detail);
    node->phase = SIM_CLIENT;
    sim_drain(&f.world, f.client);
    sim_step_until(&f.world, f.world.now + 250);
    assert_true(node->core->is_fatal);
    assert_non_null(strstr(node->core->detail.text, "another cluster"));
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unlisted_key_is_refused_with_words),
        cmocka_unit_test(a_client_of_another_cluster_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
