/* Read indexes: at which point of the log a read is linearizable. Two ways.
 *
 * By a round of probes, which writes nothing. The leader of term T notes the index of its
 * last committed command, asks every voter with READ_PROBE {T, round}, and a server whose
 * term is T and which follows that leader answers READ_ACK {T, round}. A majority of
 * acks, the leader's own voice included, confirms the noted index for every read that had
 * arrived when the round began. One round is out at a time; reads that come meanwhile
 * share the next one; a heartbeat's pause repeats a round's lost messages.
 *
 * Why that is safe. The leader's barrier of term T has committed, so its commit index
 * covers all that any earlier leader acknowledged. It remains that no leader of a term
 * above T had committed anything before the round began. Say the first of them, L' of
 * term T' > T, had: then a majority of some configuration C' gave it votes of T' before.
 *  1. L' holds the barrier of T and no entry of a term above it but its own, so C' is in
 *     the log of this leader. It is one of the two below: had this leader committed a
 *     configuration younger than C', a server of both majorities would have taken that
 *     entry before its vote, and then refused L' for its shorter log, or after it, and
 *     then refused the entry for its old term. (The configurations differ by one voter.)
 *  2. The acks are a majority of the newest configuration, and, while a change is not
 *     committed, also of the one before. So a server has both voted for L' before the
 *     round began, and said after it that its term is T. A vote is on the wire only when
 *     it is durable, and terms do not fall: that is a contradiction.
 * An ack belongs to its round by term and number: a server leads a term once (a sole
 * voter raises its term before it leads again), and counts its rounds up.
 *
 * Through the log ("strong"): a barrier entry is appended; when it is applied, so is all
 * that was acknowledged before. At most two barriers are in flight. */
#ifndef DBR_CONSENSUS_READS_H
#define DBR_CONSENSUS_READS_H

#include <raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "consensus/configuration.h"
#include "consensus/consensus.h"

#define DBR_READS_MAX      65536 /* that wait for one round or barrier */
#define DBR_READS_BARRIERS 2     /* of strong reads in flight */

/* Reads that share one barrier. */
struct dbr_read_barrier {
    struct raft_barrier barrier;
    bool in_flight; /* libraft holds `barrier` */
    struct dbr_ring tokens;
};

struct dbr_reads {
    /* By probes. */
    struct dbr_ring waiting; /* tokens for the next round */
    struct dbr_ring asking;  /* tokens of the round that is out */
    bool out;
    uint64_t term; /* of the round */
    uint64_t round;
    uint64_t index; /* noted when it began */
    uint64_t acks[DBR_CONFIGURATION_SERVERS_MAX];
    size_t n_acks;
    dbr_time repeat_at;
    /* Through the log. */
    struct dbr_ring strong;
    struct dbr_read_barrier barriers[DBR_READS_BARRIERS];
    /* How old this server's own state is: the leader's commit index of a message that is
     * being waited for, and of the last one that was reached. */
    bool hears;
    dbr_time heard_at;
    uint64_t heard_term;
    uint64_t heard_commit;
    dbr_time fresh_at;
    uint64_t fresh_index;
};

void dbr_reads_init(struct dbr_consensus *c);
void dbr_reads_finish(struct dbr_consensus *c);
/* The public functions of the same names. */
int dbr_reads_add(struct dbr_consensus *c, uint64_t token);
int dbr_reads_add_strong(struct dbr_consensus *c, uint64_t token);
/* Before events are polled: begins what can begin. Returns whether anything did. */
bool dbr_reads_flush(struct dbr_consensus *c);
/* After each turn: a round may be complete, or its leader deposed. */
void dbr_reads_settle(struct dbr_consensus *c);
/* A probe or an ack of server `from`. */
void dbr_reads_recv(struct dbr_consensus *c, const struct raft_message *message);
/* The leader that is followed said in an append that it has committed up to `commit`, and
 * no further. */
void dbr_reads_heard(struct dbr_consensus *c, uint64_t commit);
/* Repeats a round whose messages may be lost. */
void dbr_reads_tick(struct dbr_consensus *c);

#endif
