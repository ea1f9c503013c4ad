/* Requests for the replicated databases, from here and from peers, on their way to the
 * leader, through the log and back. Above consensus/ and swarm/, which it calls; its own
 * outputs are jobs for readers and answers for local callers.
 *
 * A request goes where the route points: here (this node leads), to a peer (the leader;
 * for a client its member), or it waits. Whoever took it in keeps it until an answer
 * comes or its deadline passes, and sends it again under the same key when the route
 * changes: the log applies a key once. */
#ifndef DBR_SQL_SQL_H
#define DBR_SQL_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/logger.h"
#include "base/rng.h"
#include "consensus/consensus.h"
#include "multi/peer_id.h"
#include "sql/codec.h"
#include "sql/job.h"
#include "sql/types.h"
#include "swarm/swarm.h"

struct dbr_sql;

enum dbr_sql_route {
    DBR_SQL_ROUTE_NONE, /* wait */
    DBR_SQL_ROUTE_SELF,
    DBR_SQL_ROUTE_PEER
};

struct dbr_sql_limits {
    uint32_t pending;  /* requests held; default 8,192, EBUSY above */
    uint32_t retry_ms; /* pause before a refused request is sent again; default 50 */
    uint32_t batch;    /* transactions in one entry; default 1,024 */
    uint32_t hops;     /* forwards of one request; default 3 */
    /* A client sends one request so many times and then gives up; 0: until its deadline.
     * Each pause is five times as long as the one before, up to retry_max_ms. */
    uint32_t attempts;
    uint32_t retry_max_ms; /* default 5,000 */
    uint32_t redirects;    /* that a client follows for one request; default 8 */
};

struct dbr_sql_config {
    struct dbr_swarm *swarm;         /* borrowed */
    struct dbr_consensus *consensus; /* borrowed; NULL: a client */
    uint32_t protocol;               /* the swarm's index of /debros/sql/1.0.0 */
    struct dbr_rng *rng;             /* borrowed */
    struct dbr_sql_limits limits;    /* zero fields: defaults */
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};

int dbr_sql_create(struct dbr_sql **out, const struct dbr_sql_config *config);
void dbr_sql_destroy(struct dbr_sql *sql);

/* ---- In: where to ------------------------------------------------------------ */

/* `peer` for ROUTE_PEER. Requests that were on their way elsewhere start again. */
void dbr_sql_set_route(struct dbr_sql *sql, enum dbr_sql_route route,
                       const struct dbr_peer_id *peer, dbr_time now);
/* Whether local reads are possible: this node holds the databases; and whether it votes.
 */
void dbr_sql_set_replica(struct dbr_sql *sql, bool has_replica, bool votes);
/* The databases, once they hold `index`, are as the leader's were at `at` or later. */
void dbr_sql_set_fresh(struct dbr_sql *sql, dbr_time at, uint64_t index);
/* This node's disk has no room: as the leader it refuses writes (ENOSPC) that it has not
 * sent on their way yet. */
void dbr_sql_set_full(struct dbr_sql *sql, bool is_full);
/* Unix milliseconds for the entries to come. */
void dbr_sql_wall(struct dbr_sql *sql, int64_t wall_ms);

/* ---- In: local requests; `token` names the answer ------------------------------ */

/* Copies everything. `internal` requests may name _system. 0: DONE follows; EBUSY,
 * ENOMEM. */
int dbr_sql_exec(struct dbr_sql *sql, uint64_t token, const char *ns,
                 const debros_statement *statements, size_t n_statements,
                 const int32_t *expect, bool internal, dbr_time deadline, dbr_time now);
int dbr_sql_query(struct dbr_sql *sql, uint64_t token, const char *ns,
                  const debros_statement *statement, enum debros_level level,
                  uint32_t freshness_ms, bool internal, dbr_time deadline, dbr_time now);
/* DONE with ECANCELED follows, unless the answer is there already. */
void dbr_sql_cancel(struct dbr_sql *sql, uint64_t token);
/* DONE with `status` for every local request. */
void dbr_sql_abort(struct dbr_sql *sql, int status);

/* ---- In: the network ------------------------------------------------------------ */

/* A frame on a stream of /debros/sql/1.0.0, ours or the peer's. */
void dbr_sql_recv(struct dbr_sql *sql, uint64_t stream, enum dbr_peer_class cls,
                  debros_bytes message, dbr_time now);
void dbr_sql_stream_closed(struct dbr_sql *sql, uint64_t stream, int status,
                           dbr_time now);

/* ---- In: the log and the databases ------------------------------------------------ */

/* Entry (index, term) is committed. True: somebody here waits for its outcomes. */
bool dbr_sql_committed(struct dbr_sql *sql, uint64_t index, uint64_t term, dbr_time now);
/* The applier's outcomes (taken) and how far it is. */
void dbr_sql_applied(struct dbr_sql *sql, struct dbr_apply_outcome *outcomes,
                     uint64_t applied, dbr_time now);
/* Answer to dbr_consensus_read(): `token` is one of ours. */
void dbr_sql_read_ready(struct dbr_sql *sql, uint64_t token, int status, uint64_t index,
                        dbr_time now);
void dbr_sql_query_done(struct dbr_sql *sql, struct dbr_query_job *job, dbr_time now);

/* ---- Out --------------------------------------------------------------------------- */

enum dbr_sql_event_type {
    DBR_SQL_QUERY,   /* `job` for a reader */
    DBR_SQL_DONE,    /* local request `token` has `reply` (the receiver's) */
    DBR_SQL_REDIRECT /* `leader` at `addrs` should be asked instead of the route's peer;
                        valid until the next call */
};

struct dbr_sql_event {
    enum dbr_sql_event_type type;
    struct dbr_query_job *job;
    uint64_t token;
    struct dbr_sql_reply *reply;
    struct dbr_peer_id leader;
    const struct dbr_multiaddr *addrs;
    size_t n_addrs;
};

bool dbr_sql_poll(struct dbr_sql *sql, struct dbr_sql_event *event);
/* The tick's end: what waits and has a route goes out, all transactions as one entry. */
void dbr_sql_flush(struct dbr_sql *sql, dbr_time now);

/* ---- Time ----------------------------------------------------------------------------
 */

/* When the oldest request that the route's peer has not answered was sent to it, of those
 * that may be sent again; NEVER: none. */
dbr_time dbr_sql_waits_since(const struct dbr_sql *sql);
dbr_time dbr_sql_deadline(const struct dbr_sql *sql);
void dbr_sql_expire(struct dbr_sql *sql, dbr_time now);

#endif
