/* What no honest server sends. */
#include "consensus/machine.h"
#include "rig.h"

static void what_contradicts_the_log_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    uint64_t term = rig_status(&rig).term;
    /* A second leader of the same term. */
    assert_int_equal(rig_append(&rig, 3, term, 1, 1, 1, 1, 0), DEBROS_EPROTO);
    assert_int_equal(rig_install(&rig, 3, term, 50, 1), DEBROS_EPROTO);
    /* Another content of what is committed. */
    assert_int_equal(rig_append(&rig, 3, term + 5, 1, 1, 1, term + 5, 1), DEBROS_EPROTO);
    assert_int_equal(rig_append(&rig, 3, term + 5, 2, 2, 1, term + 5, 1), DEBROS_EPROTO);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_LEADER);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_contradicts_the_log_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
