/* The replicated log: canonical/raft 0.15.0 behind its raft_io seam, shaped as step and
 * ready, with the repairs that this version needs. The only place that knows
 * raft.h. Single-threaded and pure: disk, network, time and randomness are arguments.
 *
 * Feed facts, drain dbr_consensus_poll() after each, call dbr_consensus_expire() once
 * `now` passes dbr_consensus_deadline().
 *
 * Term and vote are operations of the one ordered disk queue; a message is held back
 * until the last term or vote queued before it is durable, never for appends. */
#ifndef DBR_CONSENSUS_CONSENSUS_H
#define DBR_CONSENSUS_CONSENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/rng.h"
#include "consensus/log_op.h"

struct dbr_consensus;

#define DBR_SERVER_ADDRESS_MAX 64 /* with NUL: a peer id's text */

enum dbr_server_role { /* libraft's values */
                       DBR_SERVER_STANDBY = 0,
                       DBR_SERVER_VOTER = 1,
                       DBR_SERVER_SPARE = 2
};

struct dbr_server {
    uint64_t id; /* derived from the node's key, never 0, never from an address */
    char address[DBR_SERVER_ADDRESS_MAX]; /* peer id's text */
    enum dbr_server_role role;
};

struct dbr_consensus_config {
    uint64_t id;
    const char *address;
    uint32_t election_ms;            /* default 1,000 */
    uint32_t heartbeat_ms;           /* default 100 */
    uint32_t install_ms;             /* snapshot transfer's time, default 120,000 */
    uint32_t snapshot_threshold;     /* entries between snapshots, default 8,192 */
    uint32_t snapshot_trailing;      /* entries kept below one, default 1,024 */
    size_t snapshot_bytes;           /* of entries between snapshots, default 10 MiB */
    size_t trailing_bytes;           /* of entries kept below one, default 5 MiB; one
                                        is kept always */
    size_t max_message;              /* bytes of one message's entries, default 8 MiB; at
                                        least one entry always goes */
    size_t max_descriptor;           /* bytes that describe a snapshot, default 8 MiB */
    size_t snapshot_hold;            /* while a follower fetches one, no entries behind it
                                        go before so many bytes of new ones; default
                                        64 MiB */
    bool bare;                       /* tests only: libraft without the repairs */
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};
void dbr_consensus_config_default(struct dbr_consensus_config *config);

/* A first log state for a cluster whose only voter is (id, address): writes the op to
 * make durable (term 1, one CHANGE entry at index 1) with dbr_consensus's encoding.
 * The configuration bytes are appended to `out`. */
int dbr_consensus_bootstrap_entry(struct dbr_buf *out, uint64_t id, const char *address);

/* `state` and its memory are borrowed for the call. Errors: EIO the state contradicts
 * itself, ENOMEM, EINVAL. */
int dbr_consensus_create(struct dbr_consensus **out,
                         const struct dbr_consensus_config *config,
                         const struct dbr_log_state *state, struct dbr_rng *rng,
                         dbr_time now);
/* Ends at once, as a crash would; every op still unfinished is freed: the executor must
 * have stopped. */
void dbr_consensus_destroy(struct dbr_consensus *c);

/* ---- In ------------------------------------------------------------------- */

/* A message of server `from`, as SEND gave it to its sender. Returns 0 or EPROTO. */
int dbr_consensus_recv(struct dbr_consensus *c, uint64_t from, debros_bytes message,
                       dbr_time now);
/* What was sent to server `id` last may be lost, its connection has closed, or it asks
 * for a snapshot that is gone: one is offered again soon, and not after install_ms only.
 * Optional. */
void dbr_consensus_lost(struct dbr_consensus *c, uint64_t id, dbr_time now);
/* Every op up to `seq` is durable. A failed op is never reported: the executor retries
 * (ENOSPC) or stops the node (EIO). */
void dbr_consensus_log_done(struct dbr_consensus *c, uint64_t seq, dbr_time now);
/* The databases are durable up to `index` or above, as CHECKPOINT asked. status < 0:
 * could not; the next snapshot tries again. */
void dbr_consensus_checkpointed(struct dbr_consensus *c, int status, dbr_time now);
/* The snapshot that OFFER asked for can be fetched: the state after entry `index`, and
 * what describes it to the follower. An index below the asked one counts as that:
 * barriers and changes of the members leave no trace in the databases. Takes the buffer.
 * status < 0: could not (no room): the transfer ends and is tried again after some
 * seconds. */
void dbr_consensus_offer(struct dbr_consensus *c, int status, uint64_t index,
                         struct dbr_buf *descriptor, dbr_time now);
/* Server `id` is fetching: its time does not run out, and the entries that it will need
 * next stay in the log. */
void dbr_consensus_fetching(struct dbr_consensus *c, uint64_t id, dbr_time now);
/* The snapshot that FETCH described is here, durably; or it cannot be had (status < 0):
 * the leader offers another one. */
void dbr_consensus_fetched(struct dbr_consensus *c, int status, debros_bytes descriptor,
                           dbr_time now);

/* Appends a command when this server leads and its first barrier has committed. On 0,
 * *index and *term name the entry: it is committed if and only if APPLY comes with
 * both. ENOTLEADER; EBUSY more than 1,024 entries are in flight; ELIMIT above 4 MiB. */
int dbr_consensus_propose(struct dbr_consensus *c, debros_bytes data, uint64_t *index,
                          uint64_t *term, dbr_time now);
/* Asks for a read index: READ follows with `token`: status 0 and the index of the last
 * command that a linearizable read must see, or ENOTLEADER. Reads share rounds of probes,
 * which write nothing: see reads.h. */
int dbr_consensus_read(struct dbr_consensus *c, uint64_t token, dbr_time now);
/* The same by an entry of the log, which several calls may share. */
int dbr_consensus_read_strong(struct dbr_consensus *c, uint64_t token, dbr_time now);
/* One configuration change at a time: add (as standby), change role, or remove
 * it. CHANGED follows. ENOTLEADER, EBUSY, EINVAL: unknown, no change, the last voter, or
 * the leader itself, which transfers its leadership before it is demoted or removed. */
int dbr_consensus_add(struct dbr_consensus *c, uint64_t id, const char *address,
                      dbr_time now);
int dbr_consensus_assign(struct dbr_consensus *c, uint64_t id, enum dbr_server_role role,
                         dbr_time now);
int dbr_consensus_remove(struct dbr_consensus *c, uint64_t id, dbr_time now);
/* Hands leadership to `id`, 0: to the best voter. TRANSFERRED follows. */
int dbr_consensus_transfer(struct dbr_consensus *c, uint64_t id, dbr_time now);

/* ---- Out ------------------------------------------------------------------ */

enum dbr_consensus_event_type {
    DBR_CONSENSUS_SEND,    /* `to`, `address`, `data`: a message. Lost ones do no harm */
    DBR_CONSENSUS_LOG,     /* `op`: append it to the one ordered disk queue */
    DBR_CONSENSUS_APPLY,   /* committed command: `index`, `term`, `data` (copy it) */
    DBR_CONSENSUS_ROLE,    /* role, leader, term or configuration changed: see status */
    DBR_CONSENSUS_READ,    /* `token`, `status`, `index` */
    DBR_CONSENSUS_CHANGED, /* `status` */
    DBR_CONSENSUS_TRANSFERRED, /* `status`: 0 another server leads */
    DBR_CONSENSUS_CHECKPOINT,  /* make the databases durable up to `index`, answer with
                                  dbr_consensus_checkpointed() */
    DBR_CONSENSUS_OFFER,   /* a follower needs the databases at `index` or later: answer
                              with dbr_consensus_offer() */
    DBR_CONSENSUS_FETCH,   /* get the snapshot that `data` describes from `to`, `address`;
                              answer with dbr_consensus_fetched(). index 0: it is not
                              needed any more */
    DBR_CONSENSUS_RESTORE, /* the snapshot of INSTALL at `index` is the state now */
    DBR_CONSENSUS_FAILED   /* libraft gave up (`status`, `detail`): recreate from disk */
};

struct dbr_consensus_event {
    enum dbr_consensus_event_type type;
    uint64_t to;
    const char *address;
    debros_bytes data; /* valid until the next call on this machine */
    struct dbr_log_op *op;
    uint64_t index;
    uint64_t term;
    uint64_t token;
    int status;
    const char *detail;
};

bool dbr_consensus_poll(struct dbr_consensus *c, struct dbr_consensus_event *event);

enum dbr_consensus_role {
    DBR_CONSENSUS_FOLLOWER,
    DBR_CONSENSUS_CANDIDATE,
    DBR_CONSENSUS_LEADER,
    DBR_CONSENSUS_UNAVAILABLE
};

struct dbr_consensus_status {
    enum dbr_consensus_role role;
    bool ready; /* leads, and its own barrier has committed */
    uint64_t term;
    uint64_t leader;            /* server id, 0 unknown */
    const char *leader_address; /* "" unknown */
    uint64_t commit_index;
    uint64_t last_index;
    uint64_t snapshot_index;
    uint64_t last_command; /* index of the newest one that is committed here */
    /* Databases that hold command `fresh_index` hold all that the leader had committed
     * when it sent what came here at `fresh_at`; 0: never yet, or this server leads. */
    dbr_time fresh_at;
    uint64_t fresh_index;
    const struct dbr_server *servers; /* the newest configuration */
    size_t n_servers;
    bool changing; /* a configuration change is under way */
};
/* Views are valid until the next call. */
void dbr_consensus_status(const struct dbr_consensus *c,
                          struct dbr_consensus_status *out);
/* When this server leads: the last index that `id` is known to hold; else 0. */
uint64_t dbr_consensus_match_index(const struct dbr_consensus *c, uint64_t id);

/* ---- Time ------------------------------------------------------------------ */

dbr_time dbr_consensus_deadline(const struct dbr_consensus *c);
void dbr_consensus_expire(struct dbr_consensus *c, dbr_time now);

#endif
