/* Snapshots that bytes ask for. */
#include "consensus/log_bytes.h"

#include "consensus/machine.h"
#include "consensus_sim.h"
#include "rig.h"

static uint8_t data[4000];

static void lead(struct rig *rig, size_t snapshot_bytes, size_t trailing_bytes)
{
    rig_init(rig, 3, 0);
    rig->config.snapshot_threshold = 1000;
    rig->config.snapshot_trailing = 100;
    rig->config.snapshot_bytes = snapshot_bytes;
    rig->config.trailing_bytes = trailing_bytes;
    assert_int_equal(rig_start(rig), 0);
    rig_lead(rig);
}

static void commit(struct rig *rig, size_t len)
{
    uint64_t index, term;
    assert_int_equal(
        dbr_consensus_propose(rig->c, dbr_bytes(data, len), &index, &term, rig->now), 0);
    rig_drain(rig);
    assert_int_equal(rig_result(rig, 2, term, 0, index), 0);
}

static void many_bytes_ask_for_a_snapshot(void **state)
{
    (void)state;
    struct rig rig;
    lead(&rig, 10000, 1000000);
    commit(&rig, 4000);
    commit(&rig, 4000);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 0);
    commit(&rig, 4000);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
    dbr_consensus_checkpointed(rig.c, 0, rig.now);
    rig_drain(&rig);
    assert_true(rig_status(&rig).snapshot_index > 0);
    /* The next ones count from there. */
    rig_forget(&rig);
    commit(&rig, 4000);
    commit(&rig, 4000);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 0);
    commit(&rig, 4000);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
    rig_finish(&rig);
}

static void few_bytes_do_not(void **state)
{
    (void)state;
    struct rig rig;
    lead(&rig, 10000, 1000000);
    for (int i = 0; i < 50; i++) {
        commit(&rig, 8);
    }
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 0);
    rig_finish(&rig);
}

static void a_snapshot_keeps_no_more_bytes_than_fit(void **state)
{
    (void)state;
    static const struct {
        size_t trailing_bytes;
        uint64_t kept;
    } cases[] = {{1, 1}, {4100, 1}, {9000, 2}, {13000, 3}};
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        struct rig rig;
        lead(&rig, 40000, cases[i].trailing_bytes);
        for (int n = 0; n < 10; n++) {
            commit(&rig, 4000);
        }
        assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
        rig.slow = true;
        rig_forget(&rig);
        dbr_consensus_checkpointed(rig.c, 0, rig.now);
        rig_drain(&rig);
        struct dbr_log_op *op = rig_op(&rig, DBR_LOG_SNAPSHOT);
        assert_int_equal(op->index + 1 - op->keep_from, cases[i].kept);
        uint64_t index = op->index;
        rig_disk(&rig); /* the op goes */
        assert_int_equal(rig_status(&rig).snapshot_index, index);
        rig_finish(&rig);
    }
}

static void a_failed_snapshot_stays_due(void **state)
{
    (void)state;
    struct rig rig;
    lead(&rig, 10000, 1000000);
    for (int i = 0; i < 3; i++) {
        commit(&rig, 4000);
    }
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
    rig_forget(&rig);
    dbr_consensus_checkpointed(rig.c, DEBROS_ENOSPC, rig.now);
    rig_drain(&rig);
    commit(&rig, 8);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 0); /* not at once */
    rig.now += DBR_SNAPSHOT_RETRY_MS;
    commit(&rig, 8);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_bytes_ask_for_a_snapshot),
        cmocka_unit_test(few_bytes_do_not),
        cmocka_unit_test(a_snapshot_keeps_no_more_bytes_than_fit),
        cmocka_unit_test(a_failed_snapshot_stays_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
