/* Snapshots: own ones are a checkpoint of the databases and an op that names it. A
 * follower that is too far behind is told where to fetch one: libraft carries only what
 * describes it, and sees it on the other side when its files are there. Meanwhile the
 * leader takes no snapshot of its own, within a bound in bytes: it would cut off the
 * entries that the follower needs next, and the follower would never arrive. */
#ifndef DBR_CONSENSUS_SNAPSHOT_H
#define DBR_CONSENSUS_SNAPSHOT_H

#include <raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

struct dbr_consensus;
struct dbr_log_item;

#define DBR_SNAPSHOT_RETRY_MS  5000  /* after a checkpoint or an offer that failed */
#define DBR_SNAPSHOT_HOLD_MS   30000 /* after the follower's last sign */
#define DBR_SNAPSHOT_WAITS_MAX 64    /* transfers that wait for an offer */

struct dbr_snapshots {
    /* The own snapshot under way. */
    bool checkpointing; /* CHECKPOINT is out */
    struct raft_io_snapshot_put *put;
    raft_io_snapshot_put_cb put_cb;
    uint64_t index;
    uint64_t term;
    unsigned trailing;
    dbr_time not_before; /* the next one */

    /* Transfers. */
    struct dbr_snapshot_wait {
        struct raft_io_snapshot_get *get;
        raft_io_snapshot_get_cb cb;
        uint64_t needs; /* index */
    } waits[DBR_SNAPSHOT_WAITS_MAX];
    size_t n_waits;
    bool asked; /* OFFER is out */
    uint64_t asked_index;
    struct dbr_buf descriptor; /* while it is being sent */
    dbr_time hold_until;
    uint64_t appended;  /* bytes of entries, ever */
    uint64_t held_from; /* `appended` when the hold began */
};

void dbr_snapshot_init(struct dbr_consensus *c); /* fills the snapshot half of c->fsm */
int dbr_snapshot_put(struct dbr_consensus *c, unsigned trailing,
                     struct raft_io_snapshot_put *req,
                     const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb);
int dbr_snapshot_get(struct dbr_consensus *c, struct raft_io_snapshot_get *req,
                     raft_io_snapshot_get_cb cb);
/* The caller's answers: see consensus.h. */
void dbr_snapshot_checkpointed(struct dbr_consensus *c, int status);
void dbr_snapshot_offer(struct dbr_consensus *c, int status, uint64_t index,
                        struct dbr_buf *descriptor);
void dbr_snapshot_fetching(struct dbr_consensus *c, uint64_t id);
void dbr_snapshot_lost(struct dbr_consensus *c, uint64_t id);
/* As libraft keeps one, without data. Takes the configuration. Errors: libraft's. */
int dbr_snapshot_create(struct raft_snapshot **out, uint64_t index, uint64_t term,
                        struct raft_configuration *configuration,
                        uint64_t configuration_index);
/* The databases after entry `index` as libraft describes them to a follower. */
int dbr_snapshot_describe(struct dbr_consensus *c, uint64_t index,
                          struct raft_snapshot **out);
/* Asks for an offer when a transfer waits for one. */
void dbr_snapshot_ask(struct dbr_consensus *c);
/* Fires what is left, when the machine ends. */
void dbr_snapshot_cancel(struct dbr_consensus *c);

#endif
