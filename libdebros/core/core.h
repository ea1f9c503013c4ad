/* The whole node as one machine: facts in, effects out. No I/O, no clock, no threads.
 *
 * Feed what happened by the functions below, then drain dbr_core_poll() until it says
 * false, and call dbr_core_expire() once `now` passes dbr_core_deadline(). One drain
 * answers many facts: feed all that a tick brought before polling, so that requests
 * share one log entry and messages share one write. */
#ifndef DBR_CORE_CORE_H
#define DBR_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/rng.h"
#include "consensus/log_op.h"
#include "core/discovery.h"
#include "core/request.h"
#include "crypto/keypair.h"
#include "dht/job.h"
#include "multi/multiaddr.h"
#include "sql/job.h"
#include "transfer/job.h"

struct dbr_core;

#define DBR_CLUSTER_ID_SIZE 16

enum dbr_core_mode {
    DBR_CORE_MEMBER, /* votes or follows, stores */
    DBR_CORE_CLIENT, /* a light client: stores and votes nothing */
    DBR_CORE_JOINER  /* presents an invite, yields DBR_CORE_JOINED, and is done */
};

struct dbr_core_config {
    enum dbr_core_mode mode;
    const struct dbr_keypair *identity;     /* borrowed */
    const struct dbr_keypair *operator_key; /* JOINER: local operator, listed as a client;
                                               may be NULL */
    uint8_t cluster_id[DBR_CLUSTER_ID_SIZE]; /* MEMBER; CLIENT: zeroes accept any */
    bool open;
    const struct dbr_multiaddr *bootstrap; /* copied; each ends in /p2p/ID */
    size_t n_bootstrap;
    const struct dbr_multiaddr *advertise; /* borrowed for create; what others are told
                                              instead of the addresses we listen on */
    size_t n_advertise;
    struct dbr_discovery_limits discovery; /* zeroed: defaults */
    const char *invite;          /* JOINER; copied */
    const char *kad_protocol;    /* borrowed; NULL: DBR_DHT_PROTOCOL */
    bool mdns;                   /* ask the local network where peers are */
    uint32_t max_connections;    /* 0: default */
    size_t max_memory;           /* swarm's limits.memory; 0: default */
    /* CLIENT, JOINER; 0: default */
    uint32_t connect_ms;     /* until the first member answers; 30,000 */
    uint32_t attempts;       /* sends of one request; 4 */
    uint32_t retry_delay_ms; /* longest pause between two of them, and how long a member
                                may be silent before another is asked; 5,000 */
    uint32_t pool;           /* connections to members; 3 */
    uint32_t election_ms;        /* 0: default */
    uint32_t snapshot_threshold; /* 0: default (entries) */
    uint32_t snapshot_trailing;  /* 0: default */
    size_t snapshot_bytes;       /* 0: default; half of it is kept below a snapshot */
    uint64_t snapshot_rate;      /* bytes of snapshots sent in a second; 0: default */
    uint32_t snapshot_chunk;     /* bytes fetched at once; 0: default */
    /* MEMBER: what the store holds; borrowed for create. */
    const struct dbr_log_state *log_state;
    uint64_t applied;
    /* What it knew of the network; NULL: no effect NETWORK, for nothing keeps it. */
    const struct dbr_network_batch *network;
    const struct dbr_logger *logger; /* borrowed, may be NULL */
    bool bare;                       /* tests: consensus without repairs */
};

/* A protocol's id that every node has for something else than Kademlia. */
bool dbr_core_speaks(const char *protocol);
/* `rng` is borrowed for the core's life. `wall_ms`: unix time. Errors: EINVAL (detail),
 * EIO, ENOMEM. */
int dbr_core_create(struct dbr_core **out, const struct dbr_core_config *config,
                    struct dbr_rng *rng, dbr_time now, int64_t wall_ms,
                    debros_detail *detail);
/* Ends at once, as a crash would. Requests that the core still holds must have been
 * drained by dbr_core_abort() first; jobs and ops still with the executor must have
 * come back or been destroyed. */
void dbr_core_destroy(struct dbr_core *core);

/* ---- In: time ---------------------------------------------------------------- */

/* Once per tick, before other facts: entries carry `wall_ms`, unix milliseconds. */
void dbr_core_wall(struct dbr_core *core, int64_t wall_ms);
dbr_time dbr_core_deadline(const struct dbr_core *core);
void dbr_core_expire(struct dbr_core *core, dbr_time now);

/* ---- In: the network; see swarm/swarm.h for the meaning ------------------------ */

void dbr_core_listening(struct dbr_core *core, const struct dbr_multiaddr *addr,
                        dbr_time now);
void dbr_core_not_listening(struct dbr_core *core, const struct dbr_multiaddr *addr,
                            dbr_time now);
/* A packet of multicast DNS; see swarm/mdns.h. Ignored without config.mdns. */
void dbr_core_multicast(struct dbr_core *core, debros_bytes packet, bool same_host,
                        dbr_time now);
/* The machine has other interfaces or addresses now: who was asked before may not have
 * heard it. */
void dbr_core_network_changed(struct dbr_core *core, dbr_time now);
void dbr_core_accepted(struct dbr_core *core, uint64_t conn,
                       const struct dbr_multiaddr *remote, dbr_time now);
void dbr_core_dialed(struct dbr_core *core, uint64_t conn, dbr_time now);
void dbr_core_dial_failed(struct dbr_core *core, uint64_t conn, const char *detail,
                          dbr_time now);
void dbr_core_recv(struct dbr_core *core, uint64_t conn, debros_bytes bytes,
                   dbr_time now);
void dbr_core_closed(struct dbr_core *core, uint64_t conn, dbr_time now);
void dbr_core_written(struct dbr_core *core, uint64_t conn, size_t len, dbr_time now);

/* ---- In: the store ------------------------------------------------------------- */

void dbr_core_log_done(struct dbr_core *core, uint64_t seq, dbr_time now);
void dbr_core_apply_done(struct dbr_core *core, struct dbr_apply_job *job, dbr_time now);
void dbr_core_query_done(struct dbr_core *core, struct dbr_query_job *job, dbr_time now);
void dbr_core_bulk_done(struct dbr_core *core, struct dbr_bulk_job *job, dbr_time now);
void dbr_core_network_done(struct dbr_core *core, struct dbr_network_job *job,
                           dbr_time now);

/* The disk is full, or has room again: a leader hands its place to another voter, if
 * there is one, and refuses writes until then. */
void dbr_core_disk_full(struct dbr_core *core, bool is_full, dbr_time now);

/* ---- In: the world outside ------------------------------------------------------- */

/* What only the outside can measure. */
struct dbr_host {
    const char *folder;        /* the data folder, for people */
    uint64_t loop_lag_us;      /* the greatest of the last minute */
    uint64_t flush_p99_us;     /* of the log, the same; 0: no flush */
    uint64_t flush_running_us; /* the flush under way; 0: none */
    uint64_t disk_free;       /* bytes that the node may still use; UINT64_MAX: unknown */
    uint64_t log_waits_ms;    /* for room on the disk; 0: it does not */
    uint64_t apply_waits_ms;  /* the databases cannot be written; 0: they can */
    const char *apply_detail; /* why */
    uint32_t pending;         /* requests of the application */
    uint32_t max_pending;
};

/* Answers the effect MEASURE. */
void dbr_core_measured(struct dbr_core *core, const struct dbr_host *host, dbr_time now);

/* ---- In: the application -------------------------------------------------------- */

/* Lends `request`; DBR_CORE_DONE gives it back. */
void dbr_core_request(struct dbr_core *core, struct dbr_request *request, dbr_time now);
void dbr_core_cancel(struct dbr_core *core, struct dbr_request *request, dbr_time now);
/* Leave politely: no new requests, leadership handed over, what is known of the network
 * written, connections told. STOPPED follows in at most 3 seconds of `now`. */
void dbr_core_stop(struct dbr_core *core, dbr_time now);
/* Every request that the core holds comes back by DONE with `status` in the next drain.
 */
void dbr_core_abort(struct dbr_core *core, int status);

/* ---- Out -------------------------------------------------------------------------- */

enum dbr_effect_type {
    DBR_CORE_DIAL,    /* connect a socket to `endpoint` as `conn` */
    DBR_CORE_WRITE,   /* dbr_core_take_output(conn) has bytes for the socket */
    DBR_CORE_CLOSE,   /* flush and close `conn` */
    DBR_CORE_LOG,     /* queue `op` for the log, in order */
    DBR_CORE_APPLY,   /* queue `apply` for the applier, in order */
    DBR_CORE_QUERY,   /* give `query` to any reader */
    DBR_CORE_BULK,    /* queue `bulk` for the bulk worker, in order */
    DBR_CORE_NETWORK, /* write `network` when nothing else is to do; one at a time */
    DBR_CORE_DONE,    /* `request` is answered */
    DBR_CORE_MEASURE, /* answer with dbr_core_measured() */
    DBR_CORE_READY,   /* CLIENT: a member is connected and answers; MEMBER: at once */
    DBR_CORE_JOINED,  /* JOINER: accepted; `joined` is to be stored */
    DBR_CORE_STOPPED, /* after dbr_core_stop() */
    DBR_CORE_FATAL,   /* the node cannot go on: `status`, `detail` */
    DBR_CORE_MULTICAST /* send `packet` to the groups of multicast DNS, or `same_host` */
};

struct dbr_joined {
    uint8_t cluster_id[DBR_CLUSTER_ID_SIZE];
    const struct dbr_multiaddr *members; /* addresses with /p2p/ID */
    size_t n_members;
};

struct dbr_effect {
    enum dbr_effect_type type;
    uint64_t conn;
    bool by_name; /* DIAL: instead of `endpoint`, dbr_core_dial_name() */
    struct dbr_endpoint endpoint;
    struct dbr_log_op *op;
    struct dbr_apply_job *apply;
    struct dbr_query_job *query;
    struct dbr_bulk_job *bulk;
    struct dbr_network_job *network;
    struct dbr_request *request;
    const struct dbr_joined *joined; /* valid until the next call */
    debros_bytes packet; /* valid until the next call */
    bool same_host;      /* MULTICAST: to processes of this machine alone */
    int status;
    const char *detail; /* valid until the next call; never NULL */
};

bool dbr_core_poll(struct dbr_core *core, struct dbr_effect *effect, dbr_time now);
struct dbr_buf dbr_core_take_output(struct dbr_core *core, uint64_t conn);
/* What to resolve for a DIAL that is `by_name`. False: `conn` was closed meanwhile. */
bool dbr_core_dial_name(const struct dbr_core *core, uint64_t conn,
                        struct dbr_name *name);

/* ---- A new cluster ---------------------------------------------------------------- */

/* The log operations that begin a cluster: term 1, configuration with this node as the
 * only voter (entry 1), the cluster's tables with the node, its operator and the
 * namespace `default` (entry 2). Appends them to a list of ops that live in `arena`. */
int dbr_core_bootstrap(struct dbr_log_op **ops, struct dbr_arena *arena,
                       const uint8_t cluster_id[DBR_CLUSTER_ID_SIZE],
                       const uint8_t node_key[DBR_PUBLIC_KEY_SIZE],
                       const uint8_t operator_key[DBR_PUBLIC_KEY_SIZE],
                       struct dbr_rng *rng, int64_t wall_ms);

#endif
