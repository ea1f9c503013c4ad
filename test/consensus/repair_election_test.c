/* Each repair of elections by itself, under its number. */
#include <stdlib.h>

#include "consensus/machine.h"
#include "rig.h"

static void r3_no_election_while_entries_are_under_way(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 1, 1, 1, 1, 1, 1), 0);
    rig_wait(&rig, 5000);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    assert_int_equal(rig_append(&rig, 2, 1, 2, 1, 1, 1, 0), 0);
    struct raft_message m = {.type = RAFT_IO_TIMEOUT_NOW};
    m.timeout_now = (struct raft_timeout_now){1, 2, 1};
    assert_int_equal(rig_recv(&rig, 2, &m), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_disk(&rig);
    assert_int_equal(rig_recv(&rig, 2, &m), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_CANDIDATE);
    rig_finish(&rig);
}

static void r6_a_sole_voter_restarts_in_a_new_term(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1, 1);
    rig_entry(&rig, 4, "a");
    rig.slow = true;
    assert_int_equal(rig_start(&rig), 0);
    struct rig_event *first = rig_event(&rig, DBR_CONSENSUS_LOG, 0);
    assert_int_equal(first->e.op->type, DBR_LOG_TERM);
    assert_int_equal(first->e.op->seq, 1);
    assert_int_equal(first->e.op->value, 5);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_LEADER);
    assert_int_equal(rig_status(&rig).term, 5);
    assert_null(rig_sent(&rig, RAFT_IO_APPEND_ENTRIES)); /* held: 5 is not durable */
    dbr_consensus_log_done(rig.c, 1, rig.now);
    rig_drain(&rig);
    assert_non_null(rig_sent(&rig, RAFT_IO_APPEND_ENTRIES));
    rig_finish(&rig);
}

static void r6_and_so_does_one_that_elects_itself_by_its_clock(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1, 1);
    assert_int_equal(rig_start(&rig), 0);
    uint64_t term = rig_status(&rig).term;
    assert_int_equal(rig_vote(&rig, 2, term + 3, 9, term + 2, false), 0);
    /* A leader takes no notice of it; a result of a higher term makes it follow. */
    assert_int_equal(rig_result(&rig, 2, term + 3, 0, 1), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_expire_until(&rig, DBR_CONSENSUS_LEADER);
    assert_int_equal(rig_status(&rig).term, term + 4);
    rig_finish(&rig);
}

static void r8_a_standby_votes_and_forgets_its_leader(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    struct dbr_buf bytes = {0};
    struct raft_configuration c;
    assert_int_equal(dbr_configuration_decode(&c, test_view(rig.configuration)), 0);
    c.servers[0].role = RAFT_STANDBY;
    assert_int_equal(dbr_configuration_encode(&c, &bytes), 0);
    raft_configuration_close(&c);
    rig.entries[0].data = test_view(bytes);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 1, 1, 1, 1, 1, 0), 0);
    assert_int_equal(rig_status(&rig).leader, 2);
    assert_int_equal(rig_vote(&rig, 3, 2, 1, 1, false), 0);
    assert_false(rig_sent(&rig, RAFT_IO_REQUEST_VOTE_RESULT)
                     ->message.request_vote_result.vote_granted);
    rig_wait(&rig, 1100);
    assert_int_equal(rig_status(&rig).leader, 0);
    assert_int_equal(rig_vote(&rig, 3, 2, 1, 1, false), 0);
    assert_true(rig_sent(&rig, RAFT_IO_REQUEST_VOTE_RESULT)
                    ->message.request_vote_result.vote_granted);
    assert_int_equal(rig_status(&rig).servers[0].role, DBR_SERVER_STANDBY);
    rig_finish(&rig);
    dbr_buf_finish(&bytes);
}

static void r8_who_is_a_voter_no_more_stands_until_that_is_committed(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf bytes = {0};
    struct raft_configuration c;
    rig_init(&rig, 3, 0);
    assert_int_equal(dbr_configuration_decode(&c, test_view(rig.configuration)), 0);
    c.servers[0].role = RAFT_STANDBY;
    assert_int_equal(dbr_configuration_encode(&c, &bytes), 0);
    raft_configuration_close(&c);
    rig_entry(&rig, 1, "");
    rig.entries[1].type = DBR_ENTRY_CHANGE;
    rig.entries[1].data = test_view(bytes);
    assert_int_equal(rig_start(&rig), 0);
    rig_expire_until(&rig, DBR_CONSENSUS_CANDIDATE);
    /* Both of the two that are left must agree: its own voice does not count. */
    assert_int_equal(rig_vote_result(&rig, 2, 2, true), 0);
    assert_int_equal(rig_vote_result(&rig, 2, 2, true), 0);
    assert_int_equal(rig_status(&rig).term, 1);
    assert_int_equal(rig_vote_result(&rig, 3, 2, true), 0);
    assert_int_equal(rig_status(&rig).term, 2);
    assert_int_equal(rig_vote_result(&rig, 3, 2, false), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_CANDIDATE);
    assert_int_equal(rig_vote_result(&rig, 2, 2, false), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_LEADER);
    assert_int_equal(rig_status(&rig).servers[0].role, DBR_SERVER_STANDBY);
    /* It commits the change with their logs and steps down. */
    assert_int_equal(rig_result(&rig, 2, 2, 0, 3), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_LEADER);
    assert_int_equal(rig_result(&rig, 3, 2, 0, 3), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_wait(&rig, 10000);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_finish(&rig);
    dbr_buf_finish(&bytes);
}

static void r10_a_refused_pre_vote_tells_the_newer_term(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig.state.term = 7;
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_vote(&rig, 2, 3, 9, 2, true), 0);
    struct raft_request_vote_result r =
        rig_sent(&rig, RAFT_IO_REQUEST_VOTE_RESULT)->message.request_vote_result;
    assert_false(r.vote_granted);
    assert_int_equal(r.term, 7);
    assert_int_equal(rig_status(&rig).term, 7);
    /* The other side takes it over. */
    rig_expire_until(&rig, DBR_CONSENSUS_CANDIDATE);
    struct raft_message m = {.type = RAFT_IO_REQUEST_VOTE_RESULT};
    m.request_vote_result =
        (struct raft_request_vote_result){11, false, raft_tribool_true};
    assert_int_equal(rig_recv(&rig, 2, &m), 0);
    assert_int_equal(rig_status(&rig).term, 11);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_finish(&rig);
}

/* ---- 12: a heap that has no room for a table of followers -------------------- */

static bool no_table;

static void *heap_malloc(void *data, size_t size)
{
    (void)data;
    bool is_table = size > 0 && size % sizeof(struct raft_progress) == 0;
    return no_table && is_table ? NULL : malloc(size);
}

static void heap_free(void *data, void *ptr)
{
    (void)data;
    free(ptr);
}

static void *heap_calloc(void *data, size_t count, size_t size)
{
    (void)data;
    return calloc(count, size);
}

static void *heap_realloc(void *data, void *ptr, size_t size)
{
    (void)data;
    return realloc(ptr, size);
}

static struct raft_heap heap = {.malloc = heap_malloc,
                                .free = heap_free,
                                .calloc = heap_calloc,
                                .realloc = heap_realloc};

static int use_heap(void **state)
{
    (void)state;
    raft_heap_set(&heap);
    return 0;
}

static int use_default_heap(void **state)
{
    (void)state;
    no_table = false;
    raft_heap_set_default();
    return 0;
}

static void r12_no_memory_to_lead_at_the_start(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1, 1);
    no_table = true;
    assert_int_equal(rig_start(&rig), DEBROS_ENOMEM);
    no_table = false;
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_LEADER);
    rig_finish(&rig);
}

static void r12_no_memory_to_lead_when_elected(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_expire_until(&rig, DBR_CONSENSUS_CANDIDATE);
    assert_int_equal(rig_vote_result(&rig, 2, 2, true), 0);
    no_table = true;
    assert_int_equal(rig_vote_result(&rig, 2, 2, false), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FAILED), 1);
    rig_finish(&rig);
}

/* The second time, too: what was there the first time is gone. */
static void r12_no_memory_to_lead_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1, 1);
    assert_int_equal(rig_start(&rig), 0);
    uint64_t term = rig_status(&rig).term;
    assert_int_equal(rig_result(&rig, 2, term + 3, 0, 1), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    no_table = true;
    rig_wait(&rig, 10000);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FAILED), 1);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r3_no_election_while_entries_are_under_way),
        cmocka_unit_test(r6_a_sole_voter_restarts_in_a_new_term),
        cmocka_unit_test(r6_and_so_does_one_that_elects_itself_by_its_clock),
        cmocka_unit_test(r8_a_standby_votes_and_forgets_its_leader),
        cmocka_unit_test(r8_who_is_a_voter_no_more_stands_until_that_is_committed),
        cmocka_unit_test(r10_a_refused_pre_vote_tells_the_newer_term),
        cmocka_unit_test_setup_teardown(r12_no_memory_to_lead_at_the_start, use_heap,
                                        use_default_heap),
        cmocka_unit_test_setup_teardown(r12_no_memory_to_lead_when_elected, use_heap,
                                        use_default_heap),
        cmocka_unit_test_setup_teardown(r12_no_memory_to_lead_again, use_heap,
                                        use_default_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
