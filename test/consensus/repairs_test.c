/* Each repair by itself, under its number. */
#include "consensus/repairs.h"

#include "consensus/machine.h"
#include "rig.h"

static struct raft_append_entries_result last_result(struct rig *rig)
{
    struct rig_event *sent = rig_sent(rig, RAFT_IO_APPEND_ENTRIES_RESULT);
    assert_non_null(sent);
    return sent->message.append_entries_result;
}

static void r1_a_leader_commits_nothing_old_before_its_barrier(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "old");
    assert_int_equal(rig_start(&rig), 0);
    rig_expire_until(&rig, DBR_CONSENSUS_CANDIDATE);
    assert_int_equal(rig_vote_result(&rig, 2, 2, true), 0);
    rig.slow = true;
    assert_int_equal(rig_vote_result(&rig, 2, 2, false), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_LEADER);
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_APPEND);
    assert_int_equal(op->entries[0].type, DBR_ENTRY_BARRIER);
    assert_int_equal(op->index, 3);
    /* Two of three hold the old entry: by counting it would be committed. */
    assert_int_equal(rig_result(&rig, 2, 2, 0, 2), 0);
    assert_int_equal(rig_status(&rig).commit_index, 1);
    assert_int_equal(rig.c->repairs.n_held, 1);
    rig_disk(&rig);
    assert_int_equal(rig.c->repairs.n_held, 0);
    assert_int_equal(rig_status(&rig).commit_index, 1);
    assert_false(rig_status(&rig).ready);
    assert_int_equal(rig_result(&rig, 2, 2, 0, 3), 0);
    assert_int_equal(rig_status(&rig).commit_index, 3);
    assert_true(rig_status(&rig).ready);
    rig_finish(&rig);
}

static void r1_a_bare_leader_commits_by_counting(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "old");
    rig.config.bare = true;
    assert_int_equal(rig_start(&rig), 0);
    rig_elect(&rig);
    assert_int_equal(rig_status(&rig).last_index, 2);
    assert_int_equal(rig_result(&rig, 2, 2, 0, 2), 0);
    assert_int_equal(rig_status(&rig).commit_index, 2);
    rig_finish(&rig);
}

static void r2_success_is_told_only_up_to_what_was_compared(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    rig_entry(&rig, 1, "b");
    assert_int_equal(rig_start(&rig), 0);
    /* The log ends at 3, the new leader's heartbeat compares entry 1. */
    assert_int_equal(rig_append(&rig, 2, 2, 1, 1, 1, 1, 0), 0);
    assert_int_equal(last_result(&rig).rejected, 0);
    assert_int_equal(last_result(&rig).last_log_index, 1);
    assert_int_equal(rig_append(&rig, 2, 2, 2, 1, 1, 1, 0), 0);
    assert_int_equal(last_result(&rig).last_log_index, 2);
    rig_finish(&rig);
}

static void r2_a_commit_ends_with_the_message(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_entry(&rig, 1, "a");
    rig_entry(&rig, 1, "b");
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 2, 2, 1, 9, 1, 0), 0);
    assert_int_equal(rig_status(&rig).commit_index, 2);
    rig_finish(&rig);
}

static void r2_an_append_of_an_older_term_is_not_told(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 1, 1, 1, 1, 1, 1), 0);
    assert_int_equal(rig_append(&rig, 3, 2, 1, 1, 1, 1, 0), 0); /* a new leader */
    rig_forget(&rig);
    rig_disk(&rig);
    for (size_t i = 0; rig_event(&rig, DBR_CONSENSUS_SEND, i) != NULL; i++) {
        struct rig_event *e = rig_event(&rig, DBR_CONSENSUS_SEND, i);
        assert_int_equal(e->message.append_entries_result.last_log_index, 1);
    }
    rig_finish(&rig);
}

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

static void r7_entries_below_the_snapshot_are_stripped(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig.state = (struct dbr_log_state){.term = 2,
                                       .snapshot_index = 10,
                                       .snapshot_term = 2,
                                       .configuration_index = 1,
                                       .configuration = test_view(rig.configuration),
                                       .first_index = 11};
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 2, 8, 2, 8, 2, 4), 0); /* 9 to 12 */
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_APPEND);
    assert_int_equal(op->index, 11);
    assert_int_equal(op->n_entries, 2);
    assert_int_equal(rig_append(&rig, 2, 2, 2, 2, 2, 2, 3), 0); /* all of it is old */
    assert_int_equal(last_result(&rig).rejected, 0);
    assert_int_equal(last_result(&rig).last_log_index, 10);
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

static void r9_commits_need_no_pause(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    uint64_t before = rig_status(&rig).commit_index;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            dbr_consensus_propose(rig.c, dbr_bytes("x", 1), &index, &term, rig.now), 0);
        rig_drain(&rig);
    }
    assert_int_equal(rig_result(&rig, 2, term, 0, before + 1), 0);
    assert_int_equal(rig_status(&rig).commit_index, before + 1);
    assert_int_equal(rig_result(&rig, 3, term, 0, before + 2), 0);
    assert_int_equal(rig_status(&rig).commit_index, before + 2);
    rig_finish(&rig);
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

static void an_entry_whose_first_write_is_under_way_comes_later(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 2, 1, 1, 1, 2, 1), 0); /* 2 of term 2 */
    assert_int_equal(rig_append(&rig, 3, 3, 1, 1, 1, 3, 1), 0); /* 2 of term 3 instead */
    assert_int_equal(rig_append(&rig, 2, 4, 1, 1, 1, 2, 1), 0); /* and back again */
    assert_int_equal(rig_op(&rig, DBR_LOG_APPEND)->entries[0].term, 3);
    rig_disk(&rig);
    assert_int_equal(rig_append(&rig, 2, 4, 1, 1, 1, 2, 1), 0);
    assert_int_equal(rig_op(&rig, DBR_LOG_APPEND)->entries[0].term, 2);
    rig_disk(&rig);
    assert_int_equal(last_result(&rig).last_log_index, 2);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r1_a_leader_commits_nothing_old_before_its_barrier),
        cmocka_unit_test(r1_a_bare_leader_commits_by_counting),
        cmocka_unit_test(r2_success_is_told_only_up_to_what_was_compared),
        cmocka_unit_test(r2_a_commit_ends_with_the_message),
        cmocka_unit_test(r2_an_append_of_an_older_term_is_not_told),
        cmocka_unit_test(r3_no_election_while_entries_are_under_way),
        cmocka_unit_test(r4_changes_wait_for_the_barrier),
        cmocka_unit_test(r5_a_change_is_rolled_back_to_the_committed_one),
        cmocka_unit_test(r5_the_committed_one_may_be_known_to_the_snapshot_alone),
        cmocka_unit_test(r6_a_sole_voter_restarts_in_a_new_term),
        cmocka_unit_test(r6_and_so_does_one_that_elects_itself_by_its_clock),
        cmocka_unit_test(r7_entries_below_the_snapshot_are_stripped),
        cmocka_unit_test(r8_a_standby_votes_and_forgets_its_leader),
        cmocka_unit_test(r8_who_is_a_voter_no_more_stands_until_that_is_committed),
        cmocka_unit_test(r9_commits_need_no_pause),
        cmocka_unit_test(r10_a_refused_pre_vote_tells_the_newer_term),
        cmocka_unit_test(what_contradicts_the_log_is_refused),
        cmocka_unit_test(an_entry_whose_first_write_is_under_way_comes_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
