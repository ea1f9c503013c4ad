/* What the layer above asks of the log: commands, reads, changes, transfers. */
#ifndef DBR_CONSENSUS_REQUESTS_H
#define DBR_CONSENSUS_REQUESTS_H

#include <raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ring.h"
#include "consensus/consensus.h"

#define DBR_REQUESTS_IN_FLIGHT_MAX 1024
#define DBR_REQUESTS_READS_MAX     65536 /* that wait in one round */
#define DBR_REQUESTS_ROUNDS        2     /* barriers of reads in flight */

/* Reads that share one barrier. */
struct dbr_read_round {
    struct raft_barrier barrier;
    bool in_flight; /* libraft holds `barrier` */
    struct dbr_ring tokens;
};

enum dbr_change_step {
    DBR_CHANGE_NONE,
    DBR_CHANGE_ADDING,    /* libraft adds spares only */
    DBR_CHANGE_PROMOTING, /* added; to be made a standby */
    DBR_CHANGE_LAST       /* CHANGED follows */
};

struct dbr_requests {
    struct dbr_read_round rounds[DBR_REQUESTS_ROUNDS];
    struct dbr_ring reads; /* tokens that wait for the next round */
    struct raft_change change;
    enum dbr_change_step step;
    uint64_t changed_id;
    struct raft_transfer transfer;
    bool transferring;   /* TRANSFERRED is due */
    bool transfer_ended; /* libraft has given `transfer` back */
    dbr_time transfer_until;
};

void dbr_requests_init(struct dbr_consensus *c);
void dbr_requests_finish(struct dbr_consensus *c);
/* The public functions of the same names. */
int dbr_requests_propose(struct dbr_consensus *c, debros_bytes data, uint64_t *index,
                         uint64_t *term);
int dbr_requests_read(struct dbr_consensus *c, uint64_t token);
int dbr_requests_add(struct dbr_consensus *c, uint64_t id, const char *address);
int dbr_requests_assign(struct dbr_consensus *c, uint64_t id, enum dbr_server_role role);
int dbr_requests_remove(struct dbr_consensus *c, uint64_t id);
int dbr_requests_transfer(struct dbr_consensus *c, uint64_t id);
/* Before events are polled: starts a round of reads. */
void dbr_requests_flush(struct dbr_consensus *c);
/* After each turn: what libraft does not say by itself. Returns whether it called it. */
bool dbr_requests_settle(struct dbr_consensus *c);

#endif
