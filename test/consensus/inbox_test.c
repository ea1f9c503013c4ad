/* Which messages reach libraft, and when. */
#include "consensus/inbox.h"

#include "consensus/machine.h"
#include "rig.h"

static void malformed_and_own_messages_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(dbr_consensus_recv(rig.c, 2, dbr_bytes("\x03xyz", 4), rig.now),
                     DEBROS_EPROTO);
    assert_int_equal(rig_append(&rig, 1, 1, 1, 1, 1, 1, 0), DEBROS_EPROTO);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_finish(&rig);
}

static void a_joiner_answers_to_an_unknown_leader(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig.state = (struct dbr_log_state){.first_index = 1};
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 3, 7, 2, 7, 3, 0), 0);
    struct rig_event *sent = rig_sent(&rig, RAFT_IO_APPEND_ENTRIES_RESULT);
    assert_int_equal(sent->e.to, 2);
    assert_string_equal(sent->e.address, "n2"); /* as the message says */
    assert_int_equal(sent->message.append_entries_result.rejected, 7);
    assert_int_equal(rig_status(&rig).leader, 2);
    assert_string_equal(rig_status(&rig).leader_address, "n2");
    rig_finish(&rig);
}

static void a_members_address_is_the_one_that_was_agreed_on(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf out = {0};
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES};
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    m.append_entries =
        (struct raft_append_entries){.term = 1, .prev_log_index = 1, .prev_log_term = 1};
    assert_int_equal(dbr_message_encode(&out, &m, "elsewhere", dbr_bytes(NULL, 0)), 0);
    assert_int_equal(dbr_consensus_recv(rig.c, 2, test_view(out), rig.now), 0);
    rig_drain(&rig);
    assert_string_equal(rig_status(&rig).leader_address, "n2");
    dbr_buf_finish(&out);
    rig_finish(&rig);
}

static void an_install_waits_for_own_writes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 1, 1, 1, 1, 1, 2), 0);
    assert_int_equal(rig_install(&rig, 2, 1, 50, 1), 0);
    assert_null(rig_op(&rig, DBR_LOG_INSTALL));
    assert_int_equal(rig_install(&rig, 2, 1, 60, 1), 0); /* the newer one counts */
    rig_disk(&rig);
    assert_int_equal(rig_op(&rig, DBR_LOG_INSTALL)->index, 60);
    rig_finish(&rig);
}

static void a_kept_install_is_freed_with_the_machine(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 1, 1, 1, 1, 1, 2), 0);
    assert_int_equal(rig_install(&rig, 2, 1, 50, 1), 0);
    assert_non_null(rig.c->inbox.install);
    rig_finish(&rig);
}

static void a_sole_voter_does_not_take_over_in_the_same_term(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1, 1);
    assert_int_equal(rig_start(&rig), 0);
    uint64_t term = rig_status(&rig).term + 1;
    uint64_t last = rig_status(&rig).last_index;
    assert_int_equal(rig_append(&rig, 2, term, last, term - 1, 1, 1, 0), 0);
    assert_int_equal(rig_status(&rig).leader, 2);
    struct raft_message m = {.type = RAFT_IO_TIMEOUT_NOW};
    m.timeout_now = (struct raft_timeout_now){term, last, term - 1};
    assert_int_equal(rig_recv(&rig, 2, &m), 0);
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_finish(&rig);
}

static void an_install_waits_for_its_files(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow_fetch = true;
    assert_int_equal(rig_install(&rig, 2, 3, 50, 2), 0);
    struct rig_event *fetch = rig_event(&rig, DBR_CONSENSUS_FETCH, 0);
    assert_int_equal(fetch->e.to, 2);
    assert_int_equal(fetch->e.index, 50);
    assert_true(dbr_bytes_equal(fetch->e.data, dbr_bytes("image", 5)));
    assert_int_equal(rig_install(&rig, 2, 3, 50, 2), 0); /* the leader repeats itself */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FETCH), 1);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_RESTORE), 0);
    dbr_consensus_fetched(rig.c, 0, dbr_bytes("other", 5), rig.now);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_RESTORE), 0);
    dbr_consensus_fetched(rig.c, 0, dbr_bytes("image", 5), rig.now);
    rig_drain(&rig);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_RESTORE, 0)->e.index, 50);
    rig_finish(&rig);
}

static void an_install_without_files_is_forgotten(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow_fetch = true;
    assert_int_equal(rig_install(&rig, 2, 3, 50, 2), 0);
    dbr_consensus_fetched(rig.c, DEBROS_ENOTFOUND, dbr_bytes("image", 5), rig.now);
    rig_drain(&rig);
    assert_null(rig.c->inbox.install);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_RESTORE), 0);
    assert_int_equal(rig_install(&rig, 2, 3, 50, 2), 0); /* offered again */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FETCH), 2);
    rig_finish(&rig);
}

static void what_the_log_has_is_not_fetched(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow_fetch = true;
    assert_int_equal(rig_install(&rig, 2, 3, 4, 1), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FETCH), 1);
    assert_int_equal(rig_append(&rig, 2, 3, 1, 1, 1, 1, 5), 0); /* catches up otherwise */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FETCH), 2);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_FETCH, 1)->e.index, 0);
    assert_null(rig.c->inbox.install);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_RESTORE), 0);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_and_own_messages_are_refused),
        cmocka_unit_test(a_joiner_answers_to_an_unknown_leader),
        cmocka_unit_test(a_members_address_is_the_one_that_was_agreed_on),
        cmocka_unit_test(an_install_waits_for_own_writes),
        cmocka_unit_test(a_kept_install_is_freed_with_the_machine),
        cmocka_unit_test(a_sole_voter_does_not_take_over_in_the_same_term),
        cmocka_unit_test(an_install_waits_for_its_files),
        cmocka_unit_test(an_install_without_files_is_forgotten),
        cmocka_unit_test(what_the_log_has_is_not_fetched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
