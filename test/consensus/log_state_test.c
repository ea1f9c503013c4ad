#include "consensus/log_state.h"

#include <stdlib.h>

#include "fault.h"
#include "rig.h"

static int check(struct rig *rig)
{
    return dbr_log_state_check(&rig->state, NULL);
}

static void good_logs_are_accepted(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_log_state empty = {.first_index = 1};
    assert_int_equal(dbr_log_state_check(&empty, NULL), 0);
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    rig_entry(&rig, 4, "b");
    assert_int_equal(check(&rig), 0);
    /* A snapshot in the middle of what is kept, at its end, and alone. */
    rig.state.snapshot_index = 2;
    rig.state.snapshot_term = 1;
    rig.state.configuration_index = 1;
    rig.state.configuration = test_view(rig.configuration);
    assert_int_equal(check(&rig), 0);
    rig.state.snapshot_index = 3;
    rig.state.snapshot_term = 4;
    assert_int_equal(check(&rig), 0);
    rig.state.n_entries = 0;
    rig.state.first_index = 4;
    assert_int_equal(check(&rig), 0);
    rig_finish(&rig);
}

static void bad_terms_and_types_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 3, "a");
    rig_entry(&rig, 2, "falls");
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.entries[2].term = 4; /* younger than the durable term */
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.entries[2].term = 3;
    assert_int_equal(check(&rig), 0);
    rig.entries[2].type = 4;
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.entries[2].type = DBR_ENTRY_CHANGE; /* with text for a configuration */
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.entries[2].type = DBR_ENTRY_BARRIER;
    rig.entries[0].type = DBR_ENTRY_COMMAND;
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.entries[0].type = DBR_ENTRY_CHANGE;
    rig.state.first_index = 2;
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig_finish(&rig);
}

static void bad_snapshots_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 2, "a");
    rig_entry(&rig, 2, "b");
    rig.state.snapshot_index = 2;
    rig.state.snapshot_term = 2;
    rig.state.configuration_index = 1;
    assert_int_equal(check(&rig), DEBROS_EIO); /* no configuration */
    rig.state.configuration = test_view(rig.configuration);
    assert_int_equal(check(&rig), 0);
    rig.state.configuration_index = 3;
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.state.configuration_index = 1;
    rig.state.snapshot_term = 1; /* entry 2 is of term 2 */
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.state.snapshot_term = 2;
    rig.state.snapshot_index = 4; /* the entries end before it */
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig.state.snapshot_index = 2;
    rig.state.first_index = 4; /* and a hole after it */
    assert_int_equal(check(&rig), DEBROS_EIO);
    rig_finish(&rig);
}

/* libraft's memory, where fault.h sees it. */
static void *heap_malloc(void *data, size_t size)
{
    (void)data;
    return malloc(size);
}

static void *heap_realloc(void *data, void *ptr, size_t size)
{
    (void)data;
    return realloc(ptr, size);
}

static void heap_free(void *data, void *ptr)
{
    (void)data;
    free(ptr);
}

static void short_memory_is_no_damage(void **state)
{
    (void)state;
    static struct raft_heap heap = {
        .malloc = heap_malloc, .realloc = heap_realloc, .free = heap_free};
    struct rig rig;
    int err = DEBROS_ENOMEM;
    rig_init(&rig, 3, 0);
    raft_heap_set(&heap);
    for (size_t n = 0; err != 0; n++) {
        fault_after(n);
        err = check(&rig);
        assert_int_equal(err, fault_off() ? DEBROS_ENOMEM : 0);
    }
    raft_heap_set_default();
    rig_finish(&rig);
}

static void a_machine_does_not_start_on_a_bad_log(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig.entries[0].term = 7;
    assert_int_equal(rig_start(&rig), DEBROS_EIO);
    assert_null(rig.c);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_logs_are_accepted),
        cmocka_unit_test(bad_terms_and_types_are_refused),
        cmocka_unit_test(bad_snapshots_are_refused),
        cmocka_unit_test(short_memory_is_no_damage),
        cmocka_unit_test(a_machine_does_not_start_on_a_bad_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
