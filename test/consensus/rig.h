/* One consensus machine by hand: its events, its disk, and messages made to order. */
#ifndef DBR_TEST_CONSENSUS_RIG_H
#define DBR_TEST_CONSENSUS_RIG_H

#include "base/rng.h"
#include "consensus/configuration.h"
#include "consensus/consensus.h"
#include "consensus/message.h"
#include "test.h"

#define RIG_EVENTS_MAX 512
#define RIG_LOG_MAX    64

/* An event with its bytes kept. */
struct rig_event {
    struct dbr_consensus_event e;
    struct dbr_buf data;
    struct raft_message message; /* of SEND */
    char to_address[DBR_SERVER_ADDRESS_MAX];
    char address[DBR_SERVER_ADDRESS_MAX]; /* of the message */
};

struct rig {
    struct dbr_consensus *c;
    struct dbr_consensus_config config;
    struct dbr_rng rng;
    dbr_time now;
    struct dbr_buf configuration; /* entry 1 */
    struct dbr_log_entry entries[RIG_LOG_MAX];
    struct dbr_log_state state;
    struct rig_event *events;
    size_t n_events;
    uint64_t last_seq; /* of the ops seen */
    bool slow;         /* the disk waits for rig_disk() */
    bool slow_fetch;   /* FETCH is not answered */
};

/* Server 1 of `voters` voters and `standbys` standbys, "n1", "n2" and so on, with the
 * configuration as entry 1 of term 1. To be changed before rig_start(). */
void rig_init(struct rig *rig, unsigned voters, unsigned standbys);
void rig_entry(struct rig *rig, uint64_t term,
               const char *text); /* one more in the log */
/* The log is a snapshot at `index`, and nothing behind it. */
void rig_snapshot(struct rig *rig, uint64_t index, uint64_t term);
int rig_start(struct rig *rig);
void rig_finish(struct rig *rig);
void rig_drain(struct rig *rig); /* keeps the events; a fast disk is done at once */
void rig_disk(struct rig *rig);  /* all ops are durable */
void rig_forget(struct rig *rig);
void rig_wait(struct rig *rig, uint32_t ms); /* with all ticks on the way */
void rig_expire_until(struct rig *rig, enum dbr_consensus_role role);
/* The n-th event of the type since rig_forget(), or NULL. */
struct rig_event *rig_event(struct rig *rig, enum dbr_consensus_event_type type,
                            size_t n);
size_t rig_count(struct rig *rig, enum dbr_consensus_event_type type);
/* The newest message of libraft's type, or NULL. */
struct rig_event *rig_sent(struct rig *rig, int type);
struct raft_append_entries_result rig_last_result(struct rig *rig); /* as sent */
struct dbr_log_op *rig_op(struct rig *rig, enum dbr_log_op_type type); /* the newest */

/* Messages of server `from`. */
int rig_recv(struct rig *rig, uint64_t from, struct raft_message *message);
int rig_append(struct rig *rig, uint64_t from, uint64_t term, uint64_t prev_index,
               uint64_t prev_term, uint64_t commit, uint64_t entry_term, unsigned n);
int rig_result(struct rig *rig, uint64_t from, uint64_t term, uint64_t rejected,
               uint64_t last_index);
int rig_vote(struct rig *rig, uint64_t from, uint64_t term, uint64_t last_index,
             uint64_t last_term, bool pre_vote);
int rig_vote_result(struct rig *rig, uint64_t from, uint64_t term, bool pre_vote);
int rig_install(struct rig *rig, uint64_t from, uint64_t term, uint64_t index,
                uint64_t index_term);
/* Elects the machine with the votes of server 2 and makes its barrier durable. */
void rig_elect(struct rig *rig);
/* The same, and its barrier is committed with the results of server 2. */
void rig_lead(struct rig *rig);
struct dbr_consensus_status rig_status(struct rig *rig);

#endif
