/* One call of the public API inside the house. api/ owns it, lends it to the core by
 * dbr_core_request(), and gets it back filled by the effect DBR_CORE_DONE, exactly once.
 */
#ifndef DBR_CORE_REQUEST_H
#define DBR_CORE_REQUEST_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "core/kad_keys.h"
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
    DBR_REQUEST_HEALTH,
    /* Their numbers are on the wire: see cluster.proto. */
    DBR_REQUEST_FIND_PEER,
    DBR_REQUEST_DISCONNECT,
    DBR_REQUEST_DHT_PUT,
    DBR_REQUEST_DHT_GET,
    DBR_REQUEST_DHT_REMOVE,
    DBR_REQUEST_DHT_PROVIDE,
    DBR_REQUEST_DHT_UNPROVIDE,
    DBR_REQUEST_DHT_PROVIDERS,
    DBR_REQUEST_DHT_TABLE
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
    const char *service; /* PEERS; NULL: all */
    const char *key;     /* DHT_*, but not TABLE: never NULL */
    debros_bytes value;  /* DHT_PUT */
    uint64_t version;    /* DHT_PUT; 0: now */
    uint32_t want;       /* DHT_GET, DHT_PROVIDERS */
    /* In between: the core's. */
    const char *full_key; /* in `arena`, or borrowed as `key` is */
    uint8_t multihash[DBR_KAD_MULTIHASH_SIZE]; /* of a provider key */
    debros_bytes envelope; /* in `arena`: of DHT_PUT, or what DHT_GET found */
    struct dbr_peer_id peer; /* FIND_PEER */
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
    const debros_record *record;
    const debros_table *table;
    uint32_t stored;
    struct dbr_arena arena;
};

#endif
