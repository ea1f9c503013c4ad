/* Entries and their terms, by index. */
#include "consensus/machine.h"
#include "rig.h"


static void entries_are_found_by_index(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    rig_entry(&rig, 4, "bc");
    assert_int_equal(rig_start(&rig), 0);
    assert_null(dbr_consensus_entry(rig.c, 0));
    assert_int_equal(dbr_consensus_entry(rig.c, 1)->type, RAFT_CHANGE);
    assert_int_equal(dbr_consensus_entry(rig.c, 3)->type, RAFT_COMMAND);
    assert_int_equal(dbr_consensus_entry(rig.c, 3)->buf.len, 2);
    assert_null(dbr_consensus_entry(rig.c, 4));
    assert_int_equal(dbr_consensus_term_of(rig.c, 0), 0);
    assert_int_equal(dbr_consensus_term_of(rig.c, 2), 1);
    assert_int_equal(dbr_consensus_term_of(rig.c, 3), 4);
    assert_int_equal(dbr_consensus_term_of(rig.c, 4), 0);
    rig_finish(&rig);
}

static void the_snapshots_term_is_known_and_none_below(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_snapshot(&rig, 10, 2);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 3, 10, 2, 10, 3, 2), 0);
    assert_null(dbr_consensus_entry(rig.c, 10));
    assert_int_equal(dbr_consensus_term_of(rig.c, 9), 0);
    assert_int_equal(dbr_consensus_term_of(rig.c, 10), 2);
    assert_int_equal(dbr_consensus_entry(rig.c, 12)->term, 3);
    assert_int_equal(dbr_consensus_term_of(rig.c, 12), 3);
    assert_int_equal(dbr_consensus_term_of(rig.c, 13), 0);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_by_index),
        cmocka_unit_test(the_snapshots_term_is_known_and_none_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
