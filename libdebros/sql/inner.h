/* The insides of the sql machine, shared by its files: sql.c (requests in, answers out),
 * leader.c (log, reads), forward.c (peers). */
#ifndef DBR_SQL_INNER_H
#define DBR_SQL_INNER_H

#include "sql/pending.h"
#include "sql/sql.h"

/* Requests that share one log entry, or one read index. */
struct dbr_sql_batch {
    struct dbr_list link;
    uint64_t index; /* of the entry, or the token of the read */
    uint64_t term;
    bool committed;        /* the outcomes are on their way */
    struct dbr_list items; /* dbr_pending.batch */
};

struct dbr_sql {
    struct dbr_sql_config config;
    uint8_t client[DBR_SQL_CLIENT_SIZE];
    uint64_t next_seq;
    uint64_t next_id;
    uint64_t next_read;
    int64_t wall_ms;
    enum dbr_sql_route route;
    struct dbr_peer_id route_peer;
    bool has_replica;
    bool votes;
    bool is_full;
    dbr_time fresh_at; /* of the databases' own state; 0: never */
    dbr_time next_fresh_at;
    uint64_t next_fresh_index; /* which they hold then */
    uint64_t upstream;         /* our stream to route_peer, 0: none */
    uint64_t applied;
    struct dbr_pending *table; /* by id */
    struct dbr_list waiting;
    struct dbr_list busy;
    struct dbr_list done;       /* local ones, with their reply */
    struct dbr_list entries;    /* dbr_sql_batch */
    struct dbr_list reads;      /* dbr_sql_batch */
    struct dbr_query_job *jobs; /* to be polled, in order */
    struct dbr_query_job **jobs_tail;
    struct dbr_sql_reply *redirect; /* to be told */
    struct dbr_sql_reply *told;     /* its addresses are being looked at */
    dbr_time next_deadline;         /* no later than any pending's deadline */
};

/* sql.c */
/* Ends `p` with `reply` (taken; NULL: out of memory). */
void dbr_sql_finish(struct dbr_sql *sql, struct dbr_pending *p,
                    struct dbr_sql_reply *reply, dbr_time now);
#ifdef __GNUC__
__attribute__((format(printf, 5, 6)))
#endif
void dbr_sql_fail(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now, int err,
                  const char *format, ...);
/* Back to the queue's end (or, not sent yet, where it was), not before `retry_at`. */
void dbr_sql_wait(struct dbr_sql *sql, struct dbr_pending *p, dbr_time retry_at);
void dbr_sql_set_busy(struct dbr_sql *sql, struct dbr_pending *p,
                      enum dbr_pending_state state);
/* Takes a request in. `p` is in the table afterwards; NULL when there is no room. */
struct dbr_pending *dbr_sql_admit(struct dbr_sql *sql,
                                  const struct dbr_sql_transaction *transaction,
                                  dbr_time deadline);

/* leader.c */
void dbr_sql_propose(struct dbr_sql *sql, dbr_time now); /* all that waits and may go */
void dbr_sql_start_reads(struct dbr_sql *sql, dbr_time now);
/* What the databases here hold, if that is fresh enough. */
void dbr_sql_read_here(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now);
void dbr_sql_start_query(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now);
/* What was proposed or read here as the leader begins again. */
void dbr_sql_leave_log(struct dbr_sql *sql, dbr_time now);

/* forward.c */
void dbr_sql_forward(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now);
void dbr_sql_leave_upstream(struct dbr_sql *sql, dbr_time now);
void dbr_sql_answer(struct dbr_sql *sql, uint64_t stream, uint64_t id,
                    const struct dbr_sql_reply *reply, dbr_time now);

#endif
