/* What SQL requests and their answers are made of, inside the house. Statements and
 * results are the public structs, so that a local answer needs no conversion. */
#ifndef DBR_SQL_TYPES_H
#define DBR_SQL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_SQL_CLIENT_SIZE      16
#define DBR_SQL_MAX_TEXT         (1u << 20)  /* bytes of one statement's text */
#define DBR_SQL_MAX_STATEMENTS   1000u       /* of one transaction */
#define DBR_SQL_MAX_ENTRY        (4u << 20)  /* bytes of one log entry */
#define DBR_SQL_MAX_REPLY        (16u << 20) /* bytes of one reply's results */
#define DBR_SQL_SYSTEM_NAMESPACE "_system"   /* the cluster's own tables */

/* Names one request for ever: the log applies it once however often it is sent. */
struct dbr_sql_key {
    uint8_t client[DBR_SQL_CLIENT_SIZE]; /* random, one for each process's life */
    uint64_t seq;                        /* 1, 2, ... of that client */
};

/* All statements run in one transaction, or none of them does. */
struct dbr_sql_transaction {
    struct dbr_sql_key key;
    const char *ns;
    const debros_statement *statements;
    size_t n_statements;
    /* NULL, or for each statement the rows that it must affect (-1: any); another
     * number rolls all back with DEBROS_ECONFLICT. The cluster's own commands use it. */
    const int32_t *expect;
};

/* One log entry. time_ms and seed answer SQLite's time and random functions: the seed of
 * transaction i is seed + i. */
struct dbr_sql_entry {
    int64_t time_ms; /* unix time of the leader */
    uint64_t seed;
    struct dbr_sql_transaction *transactions;
    size_t n_transactions;
};

/* An answer; owns its memory. */
struct dbr_sql_reply {
    int status;         /* 0 or DEBROS_E* */
    const char *detail; /* for people, "" for none */
    size_t failed;      /* number of the failed statement from 1, or 0 */
    uint64_t index;     /* log index of the write, or applied index that a read saw */
    debros_result *results;
    size_t n_results;
    struct dbr_peer_id leader; /* with ENOTLEADER: whom to ask instead; or none */
    const struct dbr_multiaddr *leader_addrs; /* with /p2p */
    size_t n_leader_addrs;
    struct dbr_arena arena; /* everything above lives here */
};

struct dbr_sql_reply *dbr_sql_reply_create(void); /* NULL: out of memory */
void dbr_sql_reply_destroy(struct dbr_sql_reply *reply);
/* Sets status and formatted detail, drops results. Returns `err`. */
#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
int dbr_sql_reply_fail(struct dbr_sql_reply *reply, int err, const char *format, ...);

/* Its bytes move into `arena`; false: out of memory. */
bool dbr_sql_value_keep(struct dbr_arena *arena, debros_value *value);
/* Deep copy into `arena`; false: out of memory. */
bool dbr_sql_statement_copy(struct dbr_arena *arena, debros_statement *to,
                            const debros_statement *from);

#endif
