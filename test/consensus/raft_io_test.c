/* What the backend of libraft does: the order of the operations, and when messages go. */
#include "consensus/raft_io.h"

#include <stdlib.h>

#include "consensus/machine.h"
#include "consensus_sim.h"
#include "fault.h"
#include "rig.h"

static void an_election_queues_its_term_and_vote_and_waits_for_them(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    rig_expire_until(&rig, DBR_CONSENSUS_CANDIDATE);
    assert_non_null(
        rig_sent(&rig, RAFT_IO_REQUEST_VOTE)); /* a pre-vote promises nothing */
    rig_forget(&rig);
    assert_int_equal(rig_vote_result(&rig, 2, 2, true), 0);
    assert_int_equal(rig_op(&rig, DBR_LOG_TERM)->value, 2);
    assert_int_equal(rig_op(&rig, DBR_LOG_VOTE)->value, 1);
    assert_int_equal(rig_op(&rig, DBR_LOG_VOTE)->seq,
                     rig_op(&rig, DBR_LOG_TERM)->seq + 1);
    assert_null(rig_sent(&rig, RAFT_IO_REQUEST_VOTE));
    dbr_consensus_log_done(rig.c, rig_op(&rig, DBR_LOG_TERM)->seq, rig.now);
    rig_drain(&rig);
    assert_null(rig_sent(&rig, RAFT_IO_REQUEST_VOTE)); /* the vote is not durable yet */
    dbr_consensus_log_done(rig.c, rig.last_seq, rig.now);
    rig_drain(&rig);
    assert_non_null(rig_sent(&rig, RAFT_IO_REQUEST_VOTE));
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_SEND), 2);
    rig_finish(&rig);
}

static void a_granted_vote_waits_for_the_disk(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_vote(&rig, 2, 5, 1, 1, false), 0);
    assert_int_equal(rig_op(&rig, DBR_LOG_VOTE)->value, 2);
    assert_null(rig_sent(&rig, RAFT_IO_REQUEST_VOTE_RESULT));
    rig_disk(&rig);
    struct rig_event *sent = rig_sent(&rig, RAFT_IO_REQUEST_VOTE_RESULT);
    assert_int_equal(sent->e.to, 2);
    assert_string_equal(sent->e.address, "n2");
    assert_true(sent->message.request_vote_result.vote_granted);
    rig_finish(&rig);
}

static void entries_go_out_before_they_are_durable(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    rig_forget(&rig);
    rig.slow = true;
    assert_int_equal(
        dbr_consensus_propose(rig.c, dbr_bytes("hello", 5), &index, &term, rig.now), 0);
    rig_drain(&rig);
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_APPEND);
    assert_int_equal(op->index, index);
    assert_int_equal(op->n_entries, 1);
    assert_int_equal(op->entries[0].term, term);
    assert_int_equal(op->entries[0].type, DBR_ENTRY_COMMAND);
    assert_true(dbr_bytes_equal(op->entries[0].data, dbr_bytes("hello", 5)));
    struct rig_event *sent = rig_sent(&rig, RAFT_IO_APPEND_ENTRIES);
    assert_int_equal(sent->message.append_entries.n_entries, 1);
    assert_memory_equal(sent->message.append_entries.entries[0].buf.base, "hello", 5);
    rig_finish(&rig);
}

/* libraft's memory, counted. */
static long n_blocks;

static void *count(void *block)
{
    n_blocks += block != NULL;
    return block;
}

static void *count_malloc(void *data, size_t size)
{
    (void)data;
    return count(malloc(size));
}

static void *count_calloc(void *data, size_t n, size_t size)
{
    (void)data;
    return count(calloc(n, size));
}

static void *count_realloc(void *data, void *block, size_t size)
{
    (void)data;
    void *moved = realloc(block, size);
    n_blocks += block == NULL && moved != NULL;
    return moved;
}

static void count_free(void *data, void *block)
{
    (void)data;
    n_blocks -= block != NULL;
    free(block);
}

static bool proposes_without_memory(size_t n)
{
    struct rig rig;
    uint64_t index, term;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    fault_after(n);
    int err =
        dbr_consensus_propose(rig.c, dbr_bytes("hello", 5), &index, &term, rig.now);
    bool has_failed = fault_off();
    assert_true(err == 0 || has_failed);
    rig_drain(&rig);
    rig_finish(&rig);
    return has_failed;
}

static void what_finds_no_memory_is_given_back_to_libraft(void **state)
{
    (void)state;
    static struct raft_heap heap = {.malloc = count_malloc,
                                    .free = count_free,
                                    .calloc = count_calloc,
                                    .realloc = count_realloc};
    raft_heap_set(&heap);
    size_t n = 0;
    while (proposes_without_memory(n)) {
        assert_int_equal(n_blocks, 0);
        n++;
    }
    raft_heap_set_default();
    assert_int_equal(n_blocks, 0);
    assert_true(n > 2);
}

static int n_sent;

static void on_sent(struct raft_io_send *req, int status)
{
    (void)req;
    assert_int_equal(status, 0);
    n_sent++;
}

/* Told of an error, libraft would free the entries that it answers a second time. */
static void an_answer_without_memory_is_lost_on_the_way(void **state)
{
    (void)state;
    struct rig rig;
    struct raft_io_send req = {0};
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES_RESULT, .server_id = 2};
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    n_sent = 0;
    fault_after(0);
    int rv = rig.c->io.send(&rig.c->io, &req, &m, on_sent);
    assert_true(fault_off());
    assert_int_equal(rv, 0);
    assert_int_equal(n_sent, 1);
    m.type = RAFT_IO_REQUEST_VOTE;
    fault_after(0);
    rv = rig.c->io.send(&rig.c->io, &req, &m, on_sent);
    assert_true(fault_off());
    assert_int_equal(rv, RAFT_NOMEM);
    rig_drain(&rig);
    assert_int_equal(n_sent, 1);
    rig_finish(&rig);
}

/* Of the ops of one call the first finds no room: the disk must not see the second. */
static void no_op_follows_one_that_is_missing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_forget(&rig);
    dbr_consensus_fail(rig.c, DEBROS_ENOMEM);
    assert_int_equal(rig.c->io.set_term(&rig.c->io, 9), 0);
    assert_int_equal(rig.c->io.set_vote(&rig.c->io, 1), 0);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_LOG), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_FAILED), 1);
    rig_finish(&rig); /* libraft gets back what belongs to them */
}

static void a_follower_answers_when_its_entries_are_durable(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.slow = true;
    assert_int_equal(rig_append(&rig, 2, 1, 1, 1, 1, 1, 3), 0);
    struct dbr_log_op *op = rig_op(&rig, DBR_LOG_APPEND);
    assert_int_equal(op->index, 2);
    assert_int_equal(op->n_entries, 3);
    assert_null(rig_sent(&rig, RAFT_IO_APPEND_ENTRIES_RESULT));
    rig_disk(&rig);
    struct rig_event *sent = rig_sent(&rig, RAFT_IO_APPEND_ENTRIES_RESULT);
    assert_int_equal(sent->message.append_entries_result.last_log_index, 4);
    /* A newer leader takes two of them back. */
    assert_int_equal(rig_append(&rig, 3, 2, 2, 1, 1, 2, 1), 0);
    assert_int_equal(rig_op(&rig, DBR_LOG_TRUNCATE)->index, 3);
    op = rig_op(&rig, DBR_LOG_APPEND);
    assert_int_equal(op->index, 3);
    assert_int_equal(op->entries[0].term, 2);
    rig_disk(&rig);
    assert_int_equal(rig_status(&rig).last_index, 3);
    rig_finish(&rig);
}

static void a_machine_ends_with_everything_under_way(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t index, term;
    rig_init(&rig, 3, 1);
    rig.config.snapshot_threshold = 2;
    assert_int_equal(rig_start(&rig), 0);
    rig_lead(&rig);
    for (int i = 0; i < 4; i++) {
        dbr_consensus_propose(rig.c, dbr_bytes("x", 1), &index, &term, rig.now);
        rig_drain(&rig);
    }
    assert_int_equal(rig_result(&rig, 2, term, 0, index), 0); /* CHECKPOINT is out */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_CHECKPOINT), 1);
    rig.slow = true;
    dbr_consensus_propose(rig.c, dbr_bytes("y", 1), &index, &term, rig.now);
    dbr_consensus_read(rig.c, 1, rig.now);
    dbr_consensus_assign(rig.c, 4, DBR_SERVER_VOTER, rig.now);
    dbr_consensus_transfer(rig.c, 2, rig.now);
    rig_drain(&rig);
    rig_finish(&rig); /* nothing leaks: the sanitizer looks */
}

static void a_long_log_travels_in_pieces(void **state)
{
    (void)state;
    struct sim_config config = {
        .seed = 5, .n = 3, .quiet_disk = true, .max_message = 2000};
    struct sim *sim = sim_create(&config);
    int leader = sim_wait_leader(sim);
    int away = (leader + 1) % 3;
    sim_set_side(sim, away, 1);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(sim_propose(sim, leader, 100), 0);
        sim_run_for(sim, 5);
    }
    assert_int_equal(sim_propose(sim, leader, 5000), 0); /* one entry always goes */
    sim_run_for(sim, 100);
    assert_true(sim_applied(sim, away) == 0);
    sim_set_side(sim, away, 0);
    sim_run_for(sim, 2000);
    assert_null(sim_wrong(sim));
    assert_int_equal(sim_applied(sim, away), 201);
    assert_int_equal(sim_leader(sim), leader);
    assert_true(sim_max_message(sim) > 5000 && sim_max_message(sim) < 5200);
    sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_election_queues_its_term_and_vote_and_waits_for_them),
        cmocka_unit_test(a_granted_vote_waits_for_the_disk),
        cmocka_unit_test(entries_go_out_before_they_are_durable),
        cmocka_unit_test(what_finds_no_memory_is_given_back_to_libraft),
        cmocka_unit_test(an_answer_without_memory_is_lost_on_the_way),
        cmocka_unit_test(no_op_follows_one_that_is_missing),
        cmocka_unit_test(a_follower_answers_when_its_entries_are_durable),
        cmocka_unit_test(a_machine_ends_with_everything_under_way),
        cmocka_unit_test(a_long_log_travels_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
