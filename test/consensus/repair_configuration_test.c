/* Each repair of changes of the members by itself, under its number. */
#include "consensus/machine.h"
#include "rig.h"

static void r4_changes_wait_for_the_barrier(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 1);
    assert_int_equal(rig_start(&rig), 0);
    rig_elect(&rig);
    assert_int_equal(dbr_consensus_add(rig.c, 9, "n9", rig.now), DEBROS_ENOTLEADER);
    assert_int_equal(dbr_consensus_remove(rig.c, 4, rig.now), DEBROS_ENOTLEADER);
    assert_int_equal(rig_result(&rig, 2, 2, 0, 2), 0);
    assert_int_equal(dbr_consensus_remove(rig.c, 4, rig.now), 0);
    rig_finish(&rig);
}

/* One change at index 2, without server 3. */
static void add_change(struct rig *rig, struct dbr_buf *bytes)
{
    struct raft_configuration configuration;
    assert_int_equal(
        dbr_configuration_decode(&configuration, test_view(rig->configuration)), 0);
    configuration.servers[2].role = RAFT_STANDBY;
    assert_int_equal(dbr_configuration_encode(&configuration, bytes), 0);
    raft_configuration_close(&configuration);
    rig_entry(rig, 1, "");
    rig->entries[1].type = DBR_ENTRY_CHANGE;
    rig->entries[1].data = test_view(*bytes);
}

static void r5_a_change_is_rolled_back_to_the_committed_one(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf bytes = {0};
    rig_init(&rig, 3, 0);
    add_change(&rig, &bytes);
    assert_int_equal(rig_start(&rig), 0);
    assert_true(rig_status(&rig).changing); /* after the restart it is not committed */
    assert_int_equal(rig_status(&rig).servers[2].role, DBR_SERVER_STANDBY);
    assert_int_equal(rig_append(&rig, 2, 3, 1, 1, 1, 3, 1), 0);
    assert_false(rig_status(&rig).changing);
    assert_int_equal(rig_status(&rig).servers[2].role, DBR_SERVER_VOTER);
    rig_finish(&rig);
    dbr_buf_finish(&bytes);
}

static void r5_the_committed_one_may_be_known_to_the_snapshot_alone(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf bytes = {0};
    rig_init(&rig, 3, 0);
    add_change(&rig, &bytes);
    rig.state.snapshot_index = 1;
    rig.state.snapshot_term = 1;
    rig.state.configuration_index = 1;
    rig.state.configuration = test_view(rig.configuration);
    rig.state.first_index = 2;
    rig.state.entries++;
    rig.state.n_entries--;
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 3, 1, 1, 1, 3, 1), 0);
    assert_int_equal(rig_status(&rig).servers[2].role, DBR_SERVER_VOTER);
    rig_finish(&rig);
    dbr_buf_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r4_changes_wait_for_the_barrier),
        cmocka_unit_test(r5_a_change_is_rolled_back_to_the_committed_one),
        cmocka_unit_test(r5_the_committed_one_may_be_known_to_the_snapshot_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
