/* Checkpoints, offers, fetches, installs. */
#include "consensus/snapshot.h"

#include "consensus/machine.h"
#include "consensus_sim.h"
#include "rig.h"

/* A leader of three with `n` committed commands and a snapshot after each `threshold`. */
static void lead_with(struct rig *rig, unsigned threshold, int n)
{
    uint64_t index, term;
    rig_init(rig, 3, 0);
    rig->config.snapshot_threshold = threshold;
    rig->config.snapshot_trailing = 2;
    assert_int_equal(rig_start(rig), 0);
    rig_lead(rig);
    for (int i = 0; i < n; i++) {
        assert_int_equal(
            dbr_consensus_propose(rig->c, dbr_bytes("x", 1), &index, &term, rig->now), 0);
        rig_drain(rig);
        assert_int_equal(rig_result(rig, 2, term, 0, index), 0);
    }
}

static void a_checkpoint_becomes_a_snapshot(void **state)
{
    (void)state;
    struct rig rig;
    lead_with(&rig, 6, 4);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_CHECKPOINT, 0)->e.index, 6);
    assert_int_equal(rig_status(&rig).snapshot_index, 0);
    rig.slow = true;
    rig_forget(&rig);
    dbr_consensus_checkpointed(rig.c, 0, rig.now);
    rig_drain(&rig);
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_SNAPSHOT);
    assert_int_equal(op->index, 6);
    assert_int_equal(op->term, 2);
    assert_int_equal(op->keep_from, 5);
    assert_int_equal(op->configuration_index, 1);
    assert_true(dbr_bytes_equal(op->configuration, test_view(rig.configuration)));
    assert_int_equal(rig_status(&rig).snapshot_index, 0);
    rig_disk(&rig);
    assert_int_equal(rig_status(&rig).snapshot_index, 6);
    rig_finish(&rig);
}

static void a_snapshot_names_the_committed_configuration(void **state)
{
    (void)state;
    struct rig rig;
    lead_with(&rig, 6, 4);
    assert_int_equal(dbr_consensus_remove(rig.c, 3, rig.now), 0); /* never commits */
    rig.slow = true;
    rig_forget(&rig);
    dbr_consensus_checkpointed(rig.c, 0, rig.now);
    rig_drain(&rig);
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_SNAPSHOT);
    assert_int_equal(op->configuration_index, 1);
    assert_true(dbr_bytes_equal(op->configuration, test_view(rig.configuration)));
    rig_finish(&rig);
}

static void a_failed_checkpoint_is_tried_again_later(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    lead_with(&rig, 6, 4);
    rig_forget(&rig);
    dbr_consensus_checkpointed(rig.c, DEBROS_ENOSPC, rig.now);
    rig_drain(&rig);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            dbr_consensus_propose(rig.c, dbr_bytes("x", 1), &index, &term, rig.now), 0);
        rig_drain(&rig);
        assert_int_equal(rig_result(&rig, 2, term, 0, index), 0);
        assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), (size_t)i);
        rig.now += DBR_SNAPSHOT_RETRY_MS;
    }
    rig_finish(&rig);
}

static void an_install_is_staged_and_then_restored(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_install(&rig, 2, 3, 50, 2), 0);
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_INSTALL);
    assert_int_equal(op->index, 50);
    assert_int_equal(op->term, 2);
    assert_true(dbr_bytes_equal(op->descriptor, dbr_bytes("image", 5)));
    assert_true(dbr_bytes_equal(op->configuration, test_view(rig.configuration)));
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_RESTORE), 0);
    rig_wait(&rig, 5000); /* the clock stands still */
    assert_int_equal(rig_status(&rig).role, DBR_CONSENSUS_FOLLOWER);
    rig_disk(&rig);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_RESTORE, 0)->e.index, 50);
    assert_int_equal(rig_sent(&rig, RAFT_IO_APPEND_ENTRIES_RESULT)
                         ->message.append_entries_result.last_log_index,
                     50);
    rig_forget(&rig);
    assert_int_equal(rig_append(&rig, 2, 3, 50, 2, 50, 3, 1), 0);
    assert_int_equal(rig_op(&rig, DBR_LOG_APPEND)->index, 51);
    rig_finish(&rig);
}

static void an_install_of_an_older_term_is_not_reported(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_install(&rig, 2, 3, 50, 2), 0);
    assert_int_equal(rig_vote(&rig, 3, 4, 60, 3, false), 0); /* refused, but a new term */
    rig_wait(&rig, 1100);
    assert_int_equal(rig_vote(&rig, 3, 5, 60, 3, false), 0);
    assert_true(rig_status(&rig).term > 3);
    rig_forget(&rig);
    rig_disk(&rig);
    assert_null(rig_sent(&rig, RAFT_IO_APPEND_ENTRIES_RESULT));
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_RESTORE), 1);
    rig_finish(&rig);
}

static void a_start_from_a_snapshot_restores_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    rig_snapshot(&rig, 10, 2);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_RESTORE), 0);
    struct dbr_consensus_status st = rig_status(&rig);
    assert_int_equal(st.snapshot_index, 10);
    assert_int_equal(st.commit_index, 10);
    assert_int_equal(st.last_index, 10);
    assert_int_equal(st.n_servers, 3);
    rig_finish(&rig);
}

/* Server 3 has nothing: its results make the leader ask for a snapshot. */
static void ask_for_offer(struct rig *rig)
{
    lead_with(rig, 6, 4);
    dbr_consensus_checkpointed(rig->c, 0, rig->now);
    rig_drain(rig);
    assert_int_equal(rig_status(rig).snapshot_index, 6);
    rig_forget(rig);
    for (int i = 0; i < 5 && rig_count(rig, DBR_CONSENSUS_OFFER) == 0; i++) {
        struct rig_event *sent = NULL;
        rig_wait(rig, 100);
        for (size_t k = 0; rig_event(rig, DBR_CONSENSUS_SEND, k) != NULL; k++) {
            struct rig_event *e = rig_event(rig, DBR_CONSENSUS_SEND, k);
            sent = e->e.to == 3 ? e : sent;
        }
        if (sent == NULL) {
            continue;
        }
        uint64_t prev = sent->message.append_entries.prev_log_index;
        assert_int_equal(rig_result(rig, 3, 2, prev, 1), 0);
    }
    assert_int_equal(rig_count(rig, DBR_CONSENSUS_OFFER), 1);
    assert_int_equal(rig_event(rig, DBR_CONSENSUS_OFFER, 0)->e.index, 6);
}

static void an_offer_may_be_newer_than_the_snapshot(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    struct dbr_buf offer = {0};
    ask_for_offer(&rig);
    assert_int_equal(
        dbr_consensus_propose(rig.c, dbr_bytes("x", 1), &index, &term, rig.now), 0);
    rig_drain(&rig);
    assert_int_equal(rig_result(&rig, 2, term, 0, index), 0);
    dbr_buf_str(&offer, "the databases");
    dbr_consensus_offer(rig.c, 0, index, &offer, rig.now);
    assert_null(offer.data);
    rig_drain(&rig);
    struct rig_event *sent = rig_sent(&rig, RAFT_IO_INSTALL_SNAPSHOT);
    assert_int_equal(sent->e.to, 3);
    struct raft_install_snapshot *a = &sent->message.install_snapshot;
    assert_int_equal(a->last_index, index);
    assert_int_equal(a->last_term, term);
    assert_int_equal(a->conf_index, 1);
    assert_int_equal(a->data.len, 13);
    assert_memory_equal(a->data.base, "the databases", 13);
    /* The follower has it: the log goes on behind it. */
    assert_int_equal(rig_result(&rig, 3, term, 0, index), 0);
    assert_int_equal(dbr_consensus_match_index(rig.c, 3), index);
    rig_finish(&rig);
}

static void an_offer_may_name_its_last_command(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf offer = {0};
    ask_for_offer(&rig);
    dbr_consensus_offer(rig.c, 0, 3, &offer, rig.now);
    rig_drain(&rig);
    assert_int_equal(
        rig_sent(&rig, RAFT_IO_INSTALL_SNAPSHOT)->message.install_snapshot.last_index, 6);
    rig_finish(&rig);
}

static void a_transfer_without_an_offer_is_tried_again(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf offer = {0};
    ask_for_offer(&rig);
    rig_forget(&rig);
    dbr_consensus_offer(rig.c, DEBROS_EIO, 0, &offer, rig.now);
    rig_drain(&rig);
    assert_null(rig_sent(&rig, RAFT_IO_INSTALL_SNAPSHOT));
    for (int i = 0; i < 60; i++) {
        uint64_t last = rig_status(&rig).last_index;
        rig_wait(&rig, 100);
        assert_int_equal(rig_result(&rig, 2, 2, 0, last), 0); /* keeps the leader */
        assert_int_equal(rig_result(&rig, 3, 2, last, 1), 0);
    }
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_OFFER), 1);
    rig_finish(&rig);
}

static void an_offer_that_was_lost_is_made_again(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf offer = {0};
    ask_for_offer(&rig);
    dbr_consensus_offer(rig.c, 0, 6, &offer, rig.now);
    rig_drain(&rig);
    rig_forget(&rig);
    for (int i = 0; i < 20; i++) {
        uint64_t last = rig_status(&rig).last_index;
        rig_wait(&rig, 100);
        assert_int_equal(rig_result(&rig, 2, 2, 0, last), 0);
        assert_int_equal(rig_result(&rig, 3, 2, last, 1), 0);
        assert_int_equal(rig_count(&rig, DBR_CONSENSUS_OFFER), i > 10);
        if (i == 10) {
            dbr_consensus_lost(rig.c, 3, rig.now);
            dbr_consensus_lost(rig.c, 2, rig.now);
            dbr_consensus_lost(rig.c, 99, rig.now);
        }
    }
    rig_finish(&rig);
}

static void an_offer_beyond_the_limit_is_not_made(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf offer = {0};
    ask_for_offer(&rig);
    rig.c->config.max_descriptor = 10;
    dbr_buf_str(&offer, "eleven bytes");
    dbr_consensus_offer(rig.c, 0, 6, &offer, rig.now);
    rig_drain(&rig);
    assert_null(rig_sent(&rig, RAFT_IO_INSTALL_SNAPSHOT));
    rig_finish(&rig);
}

/* Entries that go on being committed; the follower 3 gives no sign but fetching(). */
static void commit_some(struct rig *rig, int n, bool fetches)
{
    uint64_t index, term;
    for (int i = 0; i < n; i++) {
        assert_int_equal(
            dbr_consensus_propose(rig->c, dbr_bytes("0123456789", 10), &index, &term,
                                  rig->now),
            0);
        rig_drain(rig);
        assert_int_equal(rig_result(rig, 2, term, 0, index), 0);
        if (fetches) {
            dbr_consensus_fetching(rig->c, 3, rig->now);
        }
    }
}

static void entries_behind_a_snapshot_stay_while_it_is_fetched(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf offer = {0};
    ask_for_offer(&rig);
    dbr_consensus_offer(rig.c, 0, 6, &offer, rig.now);
    rig_drain(&rig);
    rig_forget(&rig);
    commit_some(&rig, 30, true); /* five times the threshold */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 0);
    /* It has arrived: what it needs next is there, and no second snapshot is. */
    uint64_t last = rig_status(&rig).last_index;
    assert_int_equal(rig_result(&rig, 3, 2, 0, 6), 0);
    rig_wait(&rig, 250);
    struct rig_event *sent = NULL;
    for (size_t k = 0; rig_event(&rig, DBR_CONSENSUS_SEND, k) != NULL; k++) {
        struct rig_event *e = rig_event(&rig, DBR_CONSENSUS_SEND, k);
        bool entries = e->message.type == RAFT_IO_APPEND_ENTRIES &&
                       e->message.append_entries.n_entries > 0;
        sent = e->e.to == 3 && entries ? e : sent;
    }
    assert_int_equal(sent->message.append_entries.prev_log_index, 6);
    assert_int_equal(sent->message.append_entries.n_entries, last - 6);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_OFFER), 0);
    rig_finish(&rig);
}

static void a_slow_fetch_holds_the_log_up_to_its_bound(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf offer = {0};
    ask_for_offer(&rig);
    rig.c->config.snapshot_hold = 200; /* bytes */
    dbr_consensus_offer(rig.c, 0, 6, &offer, rig.now);
    rig_drain(&rig);
    rig_forget(&rig);
    commit_some(&rig, 15, true);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 0);
    commit_some(&rig, 15, true);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
    rig_finish(&rig);
}

static void a_server_far_behind_catches_up(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 6, .n = 3, .quiet_disk = true, .threshold = 40};
    struct sim *sim = sim_create(&config);
    int leader = sim_wait_leader(sim);
    int away = (leader + 2) % 3;
    sim_set_side(sim, away, 1);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(sim_propose(sim, leader, 20), 0);
        sim_run_for(sim, 10);
    }
    sim_set_side(sim, away, 0);
    sim_run_for(sim, 3000);
    assert_null(sim_wrong(sim));
    assert_true(sim_counts(sim)->installs >= 1);
    assert_int_equal(sim_applied(sim, away), 300);
    sim_crash(sim, away);
    sim_restart(sim, away);
    sim_run_for(sim, 1000);
    assert_null(sim_wrong(sim));
    assert_int_equal(sim_applied(sim, away), 300);
    sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_becomes_a_snapshot),
        cmocka_unit_test(a_snapshot_names_the_committed_configuration),
        cmocka_unit_test(a_failed_checkpoint_is_tried_again_later),
        cmocka_unit_test(an_install_is_staged_and_then_restored),
        cmocka_unit_test(an_install_of_an_older_term_is_not_reported),
        cmocka_unit_test(a_start_from_a_snapshot_restores_nothing),
        cmocka_unit_test(an_offer_may_be_newer_than_the_snapshot),
        cmocka_unit_test(an_offer_may_name_its_last_command),
        cmocka_unit_test(a_transfer_without_an_offer_is_tried_again),
        cmocka_unit_test(an_offer_that_was_lost_is_made_again),
        cmocka_unit_test(an_offer_beyond_the_limit_is_not_made),
        cmocka_unit_test(entries_behind_a_snapshot_stay_while_it_is_fetched),
        cmocka_unit_test(a_slow_fetch_holds_the_log_up_to_its_bound),
        cmocka_unit_test(a_server_far_behind_catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
