/* The 16 operations that libraft asks of its backend, turned into events and log ops.
 * Nothing in here waits: callbacks fire from dbr_raft_io_fire(), dbr_raft_io_durable()
 * and the answers of snapshot.h. */
#ifndef DBR_CONSENSUS_RAFT_IO_H
#define DBR_CONSENSUS_RAFT_IO_H

#include <raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"

struct dbr_consensus;
struct dbr_log_item;
struct dbr_log_state;

#define DBR_RAFT_IO_CUTS_MAX 64 /* servers, as DBR_CONFIGURATION_SERVERS_MAX */

/* A message that max_message cut: what libraft takes for sent is not. */
struct dbr_raft_io_cut {
    uint64_t server;
    uint64_t believed_next;
    uint64_t real_next;
};

struct dbr_raft_io {
    raft_io_tick_cb tick;
    raft_io_recv_cb recv;
    struct dbr_ring sent;              /* sends whose callback is due */
    const struct dbr_log_state *state; /* during create */
    void **loaded;                     /* the same: memory of the entries */
    size_t n_loaded;
    struct dbr_raft_io_cut cuts[DBR_RAFT_IO_CUTS_MAX];
    size_t n_cuts;
};

/* Fills c->io. */
void dbr_raft_io_init(struct dbr_consensus *c);
/* What raft_start() has returned: frees entries that a failed one forgot. */
void dbr_raft_io_started(struct dbr_consensus *c, int rv);
/* Encodes a message and puts it into the outbox. Its memory stays the caller's. */
void dbr_raft_io_post(struct dbr_consensus *c, const struct raft_message *message);
/* Fires the callbacks of what was sent. Returns whether there were any. */
bool dbr_raft_io_fire(struct dbr_consensus *c);
/* After each call of libraft: sets its progress back to what was really sent. */
void dbr_raft_io_mend_cuts(struct dbr_consensus *c);
/* Gives an op that is complete to the disk. */
void dbr_raft_io_tell(struct dbr_consensus *c, struct dbr_log_item *item);
/* Takes an op that is durable and fires its callback. */
void dbr_raft_io_durable(struct dbr_consensus *c, struct dbr_log_item *item);

#endif
