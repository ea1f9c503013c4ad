/* How the machine begins. */
#include "consensus/consensus.h"

#include "rig.h"

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    struct dbr_consensus_config good = rig.config;
    rig.config.id = 0;
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    rig.config = good;
    rig.config.address = "no address";
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    rig.config = good;
    rig.config.heartbeat_ms = rig.config.election_ms;
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    rig.config = good;
    rig.config.snapshot_threshold = 0;
    assert_int_equal(rig_start(&rig), DEBROS_EINVAL);
    dbr_consensus_destroy(NULL);
    rig_finish(&rig);
}

static void a_bootstrapped_server_leads_alone(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf bytes = {0};
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(dbr_consensus_bootstrap_entry(&bytes, 0, "n1"), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_bootstrap_entry(&bytes, 1, ""), DEBROS_EINVAL);
    assert_int_equal(dbr_consensus_bootstrap_entry(&bytes, 1, "n1"), 0);
    rig.entries[0].data = test_view(bytes);
    assert_int_equal(rig_start(&rig), 0);
    assert_true(rig_status(&rig).ready);
    assert_int_equal(
        dbr_consensus_propose(rig.c, dbr_bytes("a", 1), &index, &term, rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_APPLY, 0)->e.index, index);
    assert_int_equal(dbr_consensus_read(rig.c, 4, rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_READ, 0)->e.index, index);
    dbr_buf_finish(&bytes);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(a_bootstrapped_server_leads_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
