/* One request that this node has taken in and not answered yet. */
#ifndef DBR_SQL_PENDING_H
#define DBR_SQL_PENDING_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "sql/codec.h"
#include "sql/types.h"

enum dbr_pending_state {
    DBR_PENDING_WAITING,   /* for a route, or for its retry time */
    DBR_PENDING_FORWARDED, /* a peer has it */
    DBR_PENDING_PROPOSED,  /* in the log at (index, term) */
    DBR_PENDING_READING,   /* for its read index */
    DBR_PENDING_CATCHING,  /* for the databases to reach `index` */
    DBR_PENDING_QUERYING   /* a reader has it */
};

struct dbr_pending {
    struct dbr_list link;  /* in the machine's waiting, busy or done list */
    struct dbr_list batch; /* PROPOSED: those of one entry; else unlinked */
    UT_hash_handle hh;     /* by id */
    uint64_t id;           /* ours; also the id on the wire when forwarded */
    enum dbr_pending_state state;
    bool is_query;
    bool internal;
    bool sent;         /* it has left at least once: the outcome may be unknown */
    uint32_t attempts; /* to a peer or into the log */
    uint32_t redirects;
    dbr_time sent_at; /* FORWARDED */
    bool from_client; /* a peer that is no member sent it */
    bool is_local;
    uint64_t token;  /* local: the caller's */
    uint64_t stream; /* remote: where the answer goes, and under which id */
    uint64_t remote_id;
    uint32_t hops;
    dbr_time deadline;
    dbr_time retry_at;
    uint64_t index; /* PROPOSED, CATCHING */
    uint64_t term;  /* PROPOSED */
    enum debros_level level;
    uint32_t freshness_ms;
    struct dbr_sql_reply *reply;            /* done */
    struct dbr_sql_transaction transaction; /* a query uses ns and statements[0] */
    struct dbr_arena arena;
};

/* Deep copy of `transaction`, `expect` included. NULL: out of memory. */
struct dbr_pending *dbr_pending_create(uint64_t id,
                                       const struct dbr_sql_transaction *transaction);
/* Unlinks from lists; the caller has taken it out of the table. */
void dbr_pending_destroy(struct dbr_pending *pending);

#endif
