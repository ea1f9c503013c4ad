/* Linearizable reads by rounds of probes, and strong ones through the log. */
#include "consensus/reads.h"

#include "consensus/machine.h"
#include "rig.h"

static uint64_t propose(struct rig *rig)
{
    uint64_t index, term;
    assert_int_equal(
        dbr_consensus_propose(rig->c, dbr_bytes("x", 1), &index, &term, rig->now), 0);
    rig_drain(rig);
    return index;
}

static void read_at(struct rig *rig, uint64_t token)
{
    assert_int_equal(dbr_consensus_read(rig->c, token, rig->now), 0);
}

static uint64_t asked_round(struct rig *rig)
{
    struct rig_event *e = rig_sent(rig, DBR_MESSAGE_READ_PROBE);
    assert_non_null(e);
    return e->message.timeout_now.last_log_index;
}

static void send_read(struct rig *rig, unsigned short type, uint64_t from, uint64_t term,
                      uint64_t round)
{
    struct raft_message m = {.type = type};
    m.timeout_now.term = term;
    m.timeout_now.last_log_index = round;
    assert_int_equal(rig_recv(rig, from, &m), 0);
}

static void ack(struct rig *rig, uint64_t from, uint64_t term, uint64_t round)
{
    send_read(rig, DBR_MESSAGE_READ_ACK, from, term, round);
}

static void lead(struct rig *rig, unsigned voters, unsigned standbys)
{
    rig_init(rig, voters, standbys);
    assert_int_equal(rig_start(rig), 0);
    rig_lead(rig);
}

/* Five voters need two votes and two results beside its own. */
static void lead_five(struct rig *rig, unsigned standbys)
{
    rig_init(rig, 5, standbys);
    assert_int_equal(rig_start(rig), 0);
    rig_expire_until(rig, DBR_CONSENSUS_CANDIDATE);
    for (uint64_t from = 2; from <= 3; from++) {
        assert_int_equal(rig_vote_result(rig, from, 2, true), 0);
    }
    for (uint64_t from = 2; from <= 3; from++) {
        assert_int_equal(rig_vote_result(rig, from, 2, false), 0);
    }
    assert_int_equal(rig_status(rig).role, DBR_CONSENSUS_LEADER);
    for (uint64_t from = 2; from <= 3; from++) {
        assert_int_equal(rig_result(rig, from, 2, 0, 2), 0);
    }
    assert_true(rig_status(rig).ready);
    rig_forget(rig);
}

static void reads_share_a_round_that_writes_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(dbr_consensus_read(rig.c, 1, rig.now), DEBROS_ENOTLEADER);
    rig_lead(&rig);
    uint64_t index = propose(&rig);
    assert_int_equal(rig_result(&rig, 2, 2, 0, index), 0);
    uint64_t last = rig_status(&rig).last_index;
    rig_forget(&rig);
    for (uint64_t token = 10; token < 15; token++) {
        read_at(&rig, token);
    }
    rig_drain(&rig);
    assert_int_equal(rig_status(&rig).last_index, last);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_SEND), 2);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 0);
    ack(&rig, 3, 2, asked_round(&rig));
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 5);
    for (uint64_t i = 0; i < 5; i++) {
        struct rig_event *e = rig_event(&rig, DBR_CONSENSUS_READ, i);
        assert_int_equal(e->e.token, 10 + i);
        assert_int_equal(e->e.status, 0);
        assert_int_equal(e->e.index, index); /* the last command, not a barrier */
    }
    rig_finish(&rig);
}

/* A read that comes while a round is out may not use its acks: they may be older. */
static void a_later_read_waits_for_the_next_round(void **state)
{
    (void)state;
    struct rig rig;
    lead(&rig, 3, 0);
    rig_forget(&rig);
    read_at(&rig, 1);
    rig_drain(&rig);
    uint64_t first = asked_round(&rig);
    read_at(&rig, 2);
    read_at(&rig, 3);
    rig_drain(&rig);
    assert_int_equal(asked_round(&rig), first);
    ack(&rig, 2, 2, first);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 1);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_READ, 0)->e.token, 1);
    assert_int_equal(asked_round(&rig), first + 1);
    ack(&rig, 3, 2, first); /* of the former round: too late */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 1);
    ack(&rig, 3, 2, first + 1);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 3);
    rig_finish(&rig);
}

static void only_voters_of_the_term_count_and_each_once(void **state)
{
    (void)state;
    struct rig rig;
    lead_five(&rig, 1);
    read_at(&rig, 1);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_SEND), 4);
    uint64_t round = asked_round(&rig);
    ack(&rig, 2, 2, round);
    ack(&rig, 2, 2, round);
    ack(&rig, 6, 2, round); /* a standby */
    ack(&rig, 9, 2, round); /* nobody */
    ack(&rig, 3, 1, round); /* of another term */
    ack(&rig, 3, 2, round + 1);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 0);
    ack(&rig, 4, 2, round);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 1);
    rig_finish(&rig);
}

static void a_lost_round_is_repeated_for_those_who_are_silent(void **state)
{
    (void)state;
    struct rig rig;
    lead_five(&rig, 0);
    read_at(&rig, 1);
    rig_drain(&rig);
    uint64_t round = asked_round(&rig);
    ack(&rig, 2, 2, round);
    rig_forget(&rig);
    rig_wait(&rig, 2 * rig.config.heartbeat_ms);
    size_t to[6] = {0};
    struct rig_event *e;
    for (size_t i = 0; (e = rig_event(&rig, DBR_CONSENSUS_SEND, i)) != NULL; i++) {
        to[e->e.to] += e->message.type == DBR_MESSAGE_READ_PROBE;
    }
    assert_int_equal(to[2], 0);
    assert_true(to[3] > 0 && to[4] > 0 && to[5] > 0);
    assert_int_equal(asked_round(&rig), round);
    ack(&rig, 5, 2, round);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 1);
    rig_finish(&rig);
}

static void a_sole_voter_needs_nobody(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1, 1);
    assert_int_equal(rig_start(&rig), 0);
    rig_expire_until(&rig, DBR_CONSENSUS_LEADER);
    rig_drain(&rig);
    assert_true(rig_status(&rig).ready);
    rig_forget(&rig);
    read_at(&rig, 1);
    rig_drain(&rig);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 1);
    assert_null(rig_sent(&rig, DBR_MESSAGE_READ_PROBE));
    rig_finish(&rig);
}

/* 3 of {1, 2, 3} becomes 3 of {1, 2, 3, 4}: until that is committed both must agree. */
static void a_change_needs_both_majorities(void **state)
{
    (void)state;
    struct rig rig;
    lead(&rig, 3, 1);
    assert_int_equal(rig_result(&rig, 4, 2, 0, 2), 0); /* it has caught up */
    rig_forget(&rig);
    assert_int_equal(dbr_consensus_assign(rig.c, 4, DBR_SERVER_VOTER, rig.now), 0);
    rig_drain(&rig);
    assert_true(rig_status(&rig).changing);
    assert_int_equal(rig_status(&rig).last_index, 3);
    read_at(&rig, 1);
    rig_drain(&rig);
    uint64_t round = asked_round(&rig);
    ack(&rig, 4, 2, round); /* two of four, one of three */
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 0);
    ack(&rig, 3, 2, round);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 1);
    rig_finish(&rig);
}

static void reads_before_the_leaders_barrier_wait_for_it(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig_elect(&rig);
    read_at(&rig, 1);
    rig_drain(&rig);
    assert_null(rig_sent(&rig, DBR_MESSAGE_READ_PROBE));
    assert_int_equal(rig_result(&rig, 2, 2, 0, 2), 0);
    ack(&rig, 2, 2, asked_round(&rig));
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 1);
    rig_finish(&rig);
}

static void reads_end_with_the_leadership(void **state)
{
    (void)state;
    struct rig rig;
    lead(&rig, 3, 0);
    read_at(&rig, 1);
    assert_int_equal(dbr_consensus_read_strong(rig.c, 2, rig.now), 0);
    rig_drain(&rig);
    uint64_t round = asked_round(&rig);
    read_at(&rig, 3);
    assert_int_equal(dbr_consensus_read_strong(rig.c, 4, rig.now), 0);
    assert_int_equal(rig_append(&rig, 3, 9, 1, 1, 1, 1, 0), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(rig_event(&rig, DBR_CONSENSUS_READ, i)->e.status,
                         DEBROS_ENOTLEADER);
    }
    ack(&rig, 2, 2, round);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 4);
    rig_finish(&rig);
}

static size_t acks_sent(struct rig *rig)
{
    return rig_sent(rig, DBR_MESSAGE_READ_ACK) != NULL;
}

static void a_follower_acks_its_own_leader_only(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    send_read(&rig, DBR_MESSAGE_READ_PROBE, 2, 1, 7);
    assert_int_equal(acks_sent(&rig), 0); /* it knows no leader yet */
    assert_int_equal(rig_append(&rig, 2, 4, 1, 1, 1, 1, 0), 0);
    send_read(&rig, DBR_MESSAGE_READ_PROBE, 2, 3, 7);
    send_read(&rig, DBR_MESSAGE_READ_PROBE, 2, 5, 7);
    send_read(&rig, DBR_MESSAGE_READ_PROBE, 3, 4, 7);
    assert_int_equal(acks_sent(&rig), 0);
    send_read(&rig, DBR_MESSAGE_READ_PROBE, 2, 4, 7);
    struct rig_event *e = rig_sent(&rig, DBR_MESSAGE_READ_ACK);
    assert_non_null(e);
    assert_int_equal(e->e.to, 2);
    assert_int_equal(e->message.timeout_now.term, 4);
    assert_int_equal(e->message.timeout_now.last_log_index, 7);
    rig_finish(&rig);
}

/* A server that has voted in a younger term must not confirm the older one. */
static void a_vote_for_another_silences_the_voter(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    assert_int_equal(rig_append(&rig, 2, 4, 1, 1, 1, 1, 0), 0);
    rig_wait(&rig, 950); /* its leader is silent, and it does not stand yet */
    assert_int_equal(rig_vote(&rig, 3, 5, 1, 1, false), 0);
    rig_wait(&rig, 60);
    assert_int_equal(rig_vote(&rig, 3, 5, 1, 1, false), 0);
    assert_int_equal(rig_status(&rig).term, 5);
    send_read(&rig, DBR_MESSAGE_READ_PROBE, 2, 4, 7);
    assert_int_equal(acks_sent(&rig), 0);
    rig_finish(&rig);
}

/* A follower that is far behind gets messages that were cut to a size, whose commit index
 * is that of their last entry: what came with them is not all that is committed. */
static void a_cut_append_makes_nothing_fresh(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    assert_int_equal(rig_start(&rig), 0);
    rig.now = 10000; /* the leader has committed 5 entries since long */
    assert_int_equal(rig_append(&rig, 2, 4, 1, 1, 3, 4, 2), 0);
    assert_int_equal(rig_status(&rig).commit_index, 3);
    assert_int_equal(rig_status(&rig).fresh_at, 0);
    rig.now = 10100; /* a heartbeat says so */
    assert_int_equal(rig_append(&rig, 2, 4, 3, 4, 5, 4, 0), 0);
    assert_int_equal(rig_status(&rig).fresh_at, 0);
    rig.now = 10200;
    assert_int_equal(rig_append(&rig, 2, 4, 3, 4, 5, 4, 2), 0);
    assert_int_equal(rig_status(&rig).fresh_at, 10100);
    assert_int_equal(rig_status(&rig).fresh_index, 5);
    rig.now = 10300; /* an entry that is new */
    assert_int_equal(rig_append(&rig, 2, 4, 5, 4, 5, 4, 1), 0);
    assert_int_equal(rig_status(&rig).fresh_at, 10300);
    rig_finish(&rig);
}

static void strong_reads_share_barriers_two_at_most(void **state)
{
    (void)state;
    struct rig rig;
    lead(&rig, 3, 0);
    uint64_t index = propose(&rig);
    uint64_t last = rig_status(&rig).last_index;
    for (uint64_t token = 0; token < 6; token++) {
        assert_int_equal(dbr_consensus_read_strong(rig.c, token, rig.now), 0);
        rig_drain(&rig);
    }
    assert_int_equal(rig_status(&rig).last_index, last + 2);
    rig_forget(&rig);
    assert_int_equal(rig_result(&rig, 2, 2, 0, last + 2), 0);
    assert_int_equal(rig_result(&rig, 2, 2, 0, last + 3), 0);
    assert_int_equal(rig_count(&rig, DBR_CONSENSUS_READ), 6);
    assert_int_equal(rig_event(&rig, DBR_CONSENSUS_READ, 0)->e.index, index);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_share_a_round_that_writes_nothing),
        cmocka_unit_test(a_later_read_waits_for_the_next_round),
        cmocka_unit_test(only_voters_of_the_term_count_and_each_once),
        cmocka_unit_test(a_lost_round_is_repeated_for_those_who_are_silent),
        cmocka_unit_test(a_sole_voter_needs_nobody),
        cmocka_unit_test(a_change_needs_both_majorities),
        cmocka_unit_test(reads_before_the_leaders_barrier_wait_for_it),
        cmocka_unit_test(reads_end_with_the_leadership),
        cmocka_unit_test(a_follower_acks_its_own_leader_only),
        cmocka_unit_test(a_vote_for_another_silences_the_voter),
        cmocka_unit_test(a_cut_append_makes_nothing_fresh),
        cmocka_unit_test(strong_reads_share_barriers_two_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
