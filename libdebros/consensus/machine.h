/* The inside of the consensus machine, shared by the files of this folder. */
#ifndef DBR_CONSENSUS_MACHINE_H
#define DBR_CONSENSUS_MACHINE_H

#include <raft.h>

#include "base/logger.h"
#include "base/ring.h"
#include "base/rng.h"
#include "consensus/configuration.h"
#include "consensus/consensus.h"
#include "consensus/inbox.h"
#include "consensus/log_bytes.h"
#include "consensus/log_queue.h"
#include "consensus/outbox.h"
#include "consensus/raft_io.h"
#include "consensus/reads.h"
#include "consensus/repairs.h"
#include "consensus/requests.h"
#include "consensus/snapshot.h"

/* One event, or a run of APPLY events for the commands from `index` to `last`. */
struct dbr_event_item {
    enum dbr_consensus_event_type type;
    struct dbr_log_op *op;
    uint64_t index;
    uint64_t last;
    uint64_t token;
    int status;
};

/* What the last ROLE event told. */
struct dbr_role_told {
    int state;
    bool ready;
    bool changing;
    uint64_t term;
    uint64_t leader;
};

struct dbr_consensus {
    struct raft raft;
    struct raft_io io;
    struct raft_fsm fsm;
    struct dbr_raft_io seam;
    struct dbr_consensus_config config;
    char address[DBR_SERVER_ADDRESS_MAX];
    struct dbr_rng *rng;
    dbr_time now;
    dbr_time next_tick;
    bool started;     /* raft_start() has returned 0 */
    int failed;       /* DEBROS_E*: nothing works any more but destroy */
    bool failed_told; /* FAILED has been polled */

    struct dbr_ring events;    /* struct dbr_event_item */
    struct dbr_event_item run; /* of APPLY, the newest event; open while last != 0 */
    struct dbr_log_queue log;
    struct dbr_log_bytes log_bytes;
    struct dbr_outbox outbox;
    struct dbr_inbox inbox;
    struct dbr_repairs repairs;
    struct dbr_snapshots snapshots;
    struct dbr_requests requests;
    struct dbr_reads reads;

    struct dbr_history committed; /* configurations */
    uint64_t scanned_index;       /* entries up to here have been looked at for them */
    uint64_t last_command;        /* index of the last command given to APPLY */
    struct dbr_server *servers;   /* the newest configuration, for status */
    size_t n_servers;
    bool role_changed;
    struct dbr_role_told told;
};

/* consensus.c */
void dbr_consensus_fail(struct dbr_consensus *c, int err);
/* After each turn: until nothing leads to anything more. */
void dbr_consensus_settle(struct dbr_consensus *c);

/* events.c */
/* Queues an event. When memory is short the machine fails. */
void dbr_consensus_push(struct dbr_consensus *c, const struct dbr_event_item *item);
/* libraft's state machine: a command is committed. */
int dbr_events_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result);
bool dbr_events_poll(struct dbr_consensus *c, struct dbr_consensus_event *event);

/* status.c: tells it when the role, the leader, the term or the members have changed. */
void dbr_status_note(struct dbr_consensus *c);

/* raft_log.c */
/* What libraft's log holds at `index`, or NULL. */
const struct raft_entry *dbr_consensus_entry(const struct dbr_consensus *c,
                                             uint64_t index);
/* Its term, also where only the snapshot knows it; 0: not known. */
uint64_t dbr_consensus_term_of(const struct dbr_consensus *c, uint64_t index);

/* raft_progress.c */
enum { /* its state, as libraft's progress.h has them */
       DBR_PROGRESS_PROBE = 0,
       DBR_PROGRESS_PIPELINE = 1,
       DBR_PROGRESS_SNAPSHOT = 2
};
/* Of server `id`; NULL: this server does not lead, or there is no such server. */
struct raft_progress *dbr_consensus_progress(const struct dbr_consensus *c, uint64_t id);

/* raft_error.c */
/* An answer of libraft as one of ours. */
int dbr_consensus_error(int raft_error);

static inline bool dbr_consensus_is_running(const struct dbr_consensus *c)
{
    return c->failed == 0 && c->raft.state != RAFT_UNAVAILABLE;
}

static inline bool dbr_consensus_leads(const struct dbr_consensus *c)
{
    return c->raft.state == RAFT_LEADER;
}

/* Every repair does nothing in a bare machine. */
static inline bool dbr_repair_is_off(const struct dbr_consensus *c)
{
    return c->config.bare;
}

#endif
