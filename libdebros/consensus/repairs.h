/* The repairs that libraft 0.15.0 needs, numbered as in the design of the log;
 * 8 to 11 came with the simulation, 12 with memory that fails. All are off in a machine
 * whose configuration says `bare`. They lie by what they repair:
 *   repair_append.c         a follower's entries: 2, 7
 *   repair_commit.c         a leader's count of results: 1, 9, 11
 *   repair_configuration.c  changes of the members: 4, 5
 *   repair_election.c       elections: 3, 6, 8, 10, 12
 *   repair_refuse.c         beyond them: what no honest server sends */
#ifndef DBR_CONSENSUS_REPAIRS_H
#define DBR_CONSENSUS_REPAIRS_H

#include <raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "consensus/configuration.h"

struct dbr_consensus;
struct dbr_log_item;

#define DBR_REPAIR_HELD_MAX 1024 /* results that wait for a new leader's barrier */

struct dbr_held_result {
    uint64_t from;
    struct raft_append_entries_result result;
};

struct dbr_repairs {
    /* 1 */
    uint64_t lead_term;     /* the term whose barrier has been appended */
    uint64_t barrier_index; /* of that barrier */
    bool holding;           /* it is not durable yet */
    struct dbr_held_result *held;
    size_t n_held;
    uint64_t ready_term; /* the term whose barrier has committed */
    /* 2 */
    uint64_t verified_term;
    uint64_t verified; /* index up to which the leader of that term is followed */
    bool delivering;   /* an AppendEntries or InstallSnapshot */
    bool appended;     /* it led to an append */
    uint64_t delivered_term;
    uint64_t delivered_end;
    bool completing;           /* an append or an install */
    uint64_t completing_begun; /* its term */
    /* 8 */
    uint64_t kept_from; /* whose vote is kept from libraft */
    uint64_t kept_term;
    bool kept_pre_vote;
    /* 12 */
    bool leads; /* libraft's part of a leader is its own */
};

/* repair_append.c */
/* 2 */
void dbr_repair_2_begin(struct dbr_consensus *c, uint64_t term, uint64_t end);
void dbr_repair_2_end(struct dbr_consensus *c);
bool dbr_repair_2_is_false(struct dbr_consensus *c,
                           struct raft_append_entries_result *result);
uint64_t dbr_repair_2_commit(const struct dbr_consensus *c,
                             const struct raft_append_entries *append);
/* 7 */
void dbr_repair_7_strip(struct dbr_consensus *c, struct raft_append_entries *append);
/* Beyond the repairs. */
bool dbr_repair_postpones(struct dbr_consensus *c,
                          const struct raft_append_entries *append);

/* repair_commit.c */
void dbr_repairs_finish(struct dbr_repairs *repairs);
/* 1 */
void dbr_repair_1_barrier(struct dbr_consensus *c);
bool dbr_repair_1_hold(struct dbr_consensus *c, const struct raft_message *message);
void dbr_repair_1_stored(struct dbr_consensus *c, const struct dbr_log_item *item);
bool dbr_repair_1_release(struct dbr_consensus *c);
/* 9 and 11: the way of every result to libraft. */
void dbr_repair_recv_result(struct dbr_consensus *c, struct raft_message *message);

/* repair_configuration.c */
/* 4 */
bool dbr_repair_4_may_change(const struct dbr_consensus *c);
/* 5 */
void dbr_repair_5_start(struct dbr_consensus *c);
int dbr_repair_5_roll_back(struct dbr_consensus *c,
                           const struct raft_append_entries *append);
void dbr_repair_5_installed(struct dbr_consensus *c);

/* repair_election.c */
/* 3 */
bool dbr_repair_3_waits(const struct dbr_consensus *c);
/* 6 */
uint64_t dbr_repair_6_load(struct dbr_consensus *c);
void dbr_repair_6_tick(struct dbr_consensus *c);
bool dbr_repair_6_refuses_timeout(const struct dbr_consensus *c);
/* 8 */
struct dbr_repair_guest {
    bool swapped;
    struct raft_configuration own;
    struct raft_server servers[DBR_CONFIGURATION_SERVERS_MAX + 1];
};
void dbr_repair_8_begin(struct dbr_consensus *c, struct dbr_repair_guest *guest);
void dbr_repair_8_end(struct dbr_consensus *c, struct dbr_repair_guest *guest);
bool dbr_repair_8_stands(const struct dbr_consensus *c);
bool dbr_repair_8_keeps(struct dbr_consensus *c, const struct raft_message *message);
void dbr_repair_8_forget_leader(struct dbr_consensus *c);
/* 10 */
void dbr_repair_10_tell_term(const struct dbr_consensus *c,
                             struct raft_request_vote_result *result);
/* 12 */
void dbr_repair_12_time(struct dbr_consensus *c);

/* repair_refuse.c: beyond the repairs. */
bool dbr_repair_refuses(struct dbr_consensus *c, const struct raft_message *message);

#endif
