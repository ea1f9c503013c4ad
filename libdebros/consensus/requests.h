/* What the layer above asks of the log: commands, changes, transfers. Reads: reads.h. */
#ifndef DBR_CONSENSUS_REQUESTS_H
#define DBR_CONSENSUS_REQUESTS_H

#include <raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "consensus/consensus.h"

#define DBR_REQUESTS_IN_FLIGHT_MAX 1024

enum dbr_change_step {
    DBR_CHANGE_NONE,
    DBR_CHANGE_ADDING,    /* libraft adds spares only */
    DBR_CHANGE_PROMOTING, /* added; to be made a standby */
    DBR_CHANGE_LAST       /* CHANGED follows */
};

struct dbr_requests {
    struct raft_change change;
    enum dbr_change_step step;
    uint64_t changed_id;
    struct raft_transfer transfer;
    bool transferring;   /* TRANSFERRED is due */
    bool transfer_ended; /* libraft has given `transfer` back */
    dbr_time transfer_until;
};

/* The public functions of the same names. */
int dbr_requests_propose(struct dbr_consensus *c, debros_bytes data, uint64_t *index,
                         uint64_t *term);
int dbr_requests_add(struct dbr_consensus *c, uint64_t id, const char *address);
int dbr_requests_assign(struct dbr_consensus *c, uint64_t id, enum dbr_server_role role);
int dbr_requests_remove(struct dbr_consensus *c, uint64_t id);
int dbr_requests_transfer(struct dbr_consensus *c, uint64_t id);
/* After each turn: what libraft does not say by itself. Returns whether it called it. */
bool dbr_requests_settle(struct dbr_consensus *c);

#endif
