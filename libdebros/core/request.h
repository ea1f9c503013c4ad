/* One call of the public API inside the house. api/ owns it, lends it to the core by
 * dbr_core_request(), and gets it back filled by the effect DBR_CORE_DONE, exactly once.
 */
#ifndef DBR_CORE_REQUEST_H
#define DBR_CORE_REQUEST_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "sql/types.h"

enum dbr_request_type {
    DBR_REQUEST_EXEC,
    DBR_REQUEST_QUERY,
    DBR_REQUEST_STATUS,
    DBR_REQUEST_PEERS,
    DBR_REQUEST_CONNECT,
    DBR_REQUEST_PING,
    DBR_REQUEST_IDENTIFY,
    DBR_REQUEST_NS_CREATE,
    DBR_REQUEST_NS_LIST,
    DBR_REQUEST_INVITE,
    DBR_REQUEST_HEALTH
};

struct dbr_request {
    struct dbr_list link; /* api's before and after, the core's in between */
    enum dbr_request_type type;
    dbr_time deadline;
    uint64_t token; /* the core's */
    /* In: borrowed from the caller's request until DONE. */
    const char *ns; /* never NULL for EXEC, QUERY */
    const debros_statement *statements;
    size_t n_statements;
    enum debros_level level;
    uint32_t freshness_ms;
    const char *target;
    uint32_t ttl_s;
    /* Out. Everything lives in `arena` or in `sql`; api frees both after the callback. */
    int status;
    const char *detail;        /* NULL: none */
    struct dbr_sql_reply *sql; /* EXEC, QUERY; NULL when there is none */
    debros_status *node_status;
    debros_health *health;
    debros_peer *peers;
    size_t n_peers;
    const char **names;
    size_t n_names;
    const char *text;
    uint32_t rtt_us;
    struct dbr_arena arena;
};

#endif
