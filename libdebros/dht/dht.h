/* The node's place in the distributed hash table: the machine behind /debros/kad/1.0.0.
 *
 *   server   answers requests from the routing table and the stores (only in server mode)
 *   client   lookups of peers, values and providers; puts and provides
 *   refresh  keeps the routing table full and true
 *
 * Streams and connections belong to the driver above. It opens a stream to the peer of a
 * SEND, dials it where need be, and tells the answer or the failure; it gives requests of
 * others with a number of its own and sends the ANSWER. Addresses of peers belong to a
 * directory above; those that answers bring along go out with SEND, as a hint.
 *
 * Membership, voting and rights never depend on what is found here.
 *
 * Spec: github.com/libp2p/specs/blob/master/kad-dht/README.md; libp2p-wire 6 */
#ifndef DBR_DHT_DHT_H
#define DBR_DHT_DHT_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/logger.h"
#include "base/rng.h"
#include "dht/message.h"
#include "dht/query.h"
#include "dht/records.h"
#include "dht/table.h"
#include "multi/multiaddr.h"

#define DBR_DHT_PROTOCOL  "/debros/kad/1.0.0"
#define DBR_DHT_FOUND_MAX 64u /* providers that one search may collect */

struct dbr_dht;

struct dbr_dht_limits {
    struct dbr_dht_table_limits table;
    struct dbr_dht_query_limits query; /* k: at most DBR_DHT_MESSAGE_PEERS_MAX */
    struct dbr_dht_records_limits records;
    uint32_t contacts;   /* connected peers that are remembered; default 1,024 */
    uint32_t lookups;    /* of the application at a time; default 64 */
    uint32_t background; /* of the machine itself at a time; default 8 */
    uint32_t requests;   /* that wait for an answer; default 1,024 */
    uint32_t probes;     /* of newcomers, of these; default 32 */
    uint32_t events;     /* that wait, then requests of others do; default 4,096 */
    uint32_t hint_bytes; /* of addresses that one lookup remembers; default 65,536 */
    uint32_t settle_ms;  /* from the first self-lookup to the second; the time doubles
                            up to table.refresh_ms; default 1,000 */
};
void dbr_dht_limits_default(struct dbr_dht_limits *limits);

/* Whose addresses are known above: a peer book, and the connections. */
struct dbr_dht_directory {
    void *user;
    /* Where `peer` can be reached, the best first. Returns how many, at most `max`. */
    size_t (*addrs)(void *user, const struct dbr_peer_id *peer, struct dbr_multiaddr *out,
                    size_t max);
};

struct dbr_dht_config {
    struct dbr_peer_id self;
    struct dbr_dht_rules rules; /* of values: borrowed */
    uint64_t wall_ms;           /* unix time now; dbr_dht_set_wall() */
    struct dbr_dht_directory directory;
    struct dbr_dht_limits limits;
    bool server;                     /* answers others: dbr_dht_set_server() */
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};

/* `rng` is borrowed. */
int dbr_dht_create(struct dbr_dht **out, const struct dbr_dht_config *config,
                   struct dbr_rng *rng, dbr_time now);
void dbr_dht_destroy(struct dbr_dht *dht);
/* At the start: a row that VALUE_ROW or PROVIDER_ROW told once. */
enum dbr_dht_verdict dbr_dht_load_value(struct dbr_dht *dht,
                                        const struct dbr_dht_row *row, dbr_time now);
enum dbr_dht_verdict dbr_dht_load_provider(struct dbr_dht *dht,
                                           const struct dbr_dht_row *row, dbr_time now);

/* ---- In: peers ------------------------------------------------------------------ */

/* A peer has a connection and has identified itself: `serves` is whether it lists the
 * protocol, `outbound` whether we dialled it. Told again when that changes. */
void dbr_dht_identified(struct dbr_dht *dht, const struct dbr_peer_id *peer,
                        const struct dbr_multiaddr *remote, bool outbound, bool serves,
                        dbr_time now);
/* It has no connection any more. */
void dbr_dht_disconnected(struct dbr_dht *dht, const struct dbr_peer_id *peer,
                          dbr_time now);
void dbr_dht_set_server(struct dbr_dht *dht, bool server, dbr_time now);
/* Where others reach this node; the first DBR_DHT_PEER_ADDRS_MAX count. */
void dbr_dht_set_addrs(struct dbr_dht *dht, const struct dbr_multiaddr *addrs, size_t n);

/* The wall clock was set, or now and then, for it drifts. */
void dbr_dht_set_wall(struct dbr_dht *dht, uint64_t wall_ms, dbr_time now);

/* ---- In: messages --------------------------------------------------------------- */

/* A request of `peer`; ANSWER or RESET with `stream` follows, or nothing, for a provider
 * is added without a word. EBUSY: the events are full, give it again later. */
int dbr_dht_request(struct dbr_dht *dht, uint64_t stream, const struct dbr_peer_id *peer,
                    debros_bytes message, dbr_time now);
/* What SEND or PING brought: the message; empty for PING and for what has no answer, once
 * it is written. Unknown numbers are ignored: the machine has given up waiting. */
void dbr_dht_answered(struct dbr_dht *dht, uint64_t request, debros_bytes message,
                      dbr_time now);
/* It brought nothing: no connection, no stream, no protocol. */
void dbr_dht_failed(struct dbr_dht *dht, uint64_t request, dbr_time now);

/* ---- In: the application -------------------------------------------------------- */

/* Each of these returns 0 and is told DONE with its token, which is not 0, exactly once;
 * or EBUSY too many at a time, EINVAL, ELIMIT, ENOMEM. */

/* The addresses of a peer: DONE with addrs. `anew`: those that are known here do not
 * count, and everybody close is asked, for some know only where it was. ENOTFOUND. */
int dbr_dht_find_peer(struct dbr_dht *dht, uint64_t token, const struct dbr_peer_id *peer,
                      bool anew, dbr_time now);
/* The k closest to any bytes: DONE with peers. ENOTFOUND: nobody answered. */
int dbr_dht_find_closest(struct dbr_dht *dht, uint64_t token, debros_bytes key,
                         dbr_time now);
/* An envelope of our own for a key: kept here until it ends, and by the k closest, to
 * whom it is sent again each records.values.republish_ms. DONE with `stored`;
 * EUNREACHABLE: nobody but we. Or what dbr_dht_verdict_error() says at once. */
int dbr_dht_put(struct dbr_dht *dht, uint64_t token, debros_bytes key,
                debros_bytes envelope, dbr_time now);
bool dbr_dht_remove(struct dbr_dht *dht, debros_bytes key); /* no more republished */
/* The best envelope: DONE with data. The lookup goes to its end, unless `quorum`, which
 * is not 0, peers have told the same. Those of the closest that had none, or an older
 * one, are sent it. ENOTFOUND. */
int dbr_dht_get(struct dbr_dht *dht, uint64_t token, debros_bytes key, uint32_t quorum,
                dbr_time now);
/* This node provides the key, until it says otherwise: DONE with `stored`. */
int dbr_dht_provide(struct dbr_dht *dht, uint64_t token, debros_bytes key, dbr_time now);
bool dbr_dht_unprovide(struct dbr_dht *dht, debros_bytes key);
/* At least `want` who provide it, if there are: DONE with peers, those first whom most
 * have told, for nobody signs that he provides; HINT tells their addresses before.
 * ENOTFOUND. */
int dbr_dht_find_providers(struct dbr_dht *dht, uint64_t token, debros_bytes key,
                           uint32_t want, dbr_time now);
void dbr_dht_cancel(struct dbr_dht *dht, uint64_t token); /* no DONE follows */

/* ---- Out ------------------------------------------------------------------------ */

enum dbr_dht_event_type {
    DBR_DHT_EVENT_SEND,   /* `data` to `peer`, at `addrs` if it is not connected; what
                             comes back belongs to `request`; `one_way`: nothing does */
    DBR_DHT_EVENT_PING,   /* `peer`, connected or at `addrs`: does it live? `request` */
    DBR_DHT_EVENT_CANCEL, /* nobody waits for `request` to `peer` any more */
    DBR_DHT_EVENT_ANSWER, /* `data` on `stream`, which stays open */
    DBR_DHT_EVENT_RESET,  /* `stream`: the request was wrong or is refused */
    DBR_DHT_EVENT_HINT,   /* somebody says that `peer` is at `addrs`: for a while */
    DBR_DHT_EVENT_DONE,   /* `token`, `status`, and what was found */
    DBR_DHT_EVENT_VALUE_ROW,   /* `row`: dbr_dht_poll_row() tells these two */
    DBR_DHT_EVENT_PROVIDER_ROW
};

struct dbr_dht_event {
    enum dbr_dht_event_type type;
    uint64_t request;
    uint64_t stream;
    uint64_t token;
    int status;
    bool one_way;
    struct dbr_peer_id peer;
    debros_bytes data;                 /* these three are valid until the next call */
    const struct dbr_multiaddr *addrs; /* at most DBR_DHT_PEER_ADDRS_MAX */
    size_t n_addrs;
    const struct dbr_peer_id *peers; /* the closest first */
    size_t n_peers;
    uint32_t stored; /* by so many */
    struct dbr_dht_row row;
    struct dbr_dht_query_stats stats;
};

bool dbr_dht_poll(struct dbr_dht *dht, struct dbr_dht_event *event);

/* What the tables on disk have to learn next: VALUE_ROW or PROVIDER_ROW. It may wait: a
 * row that changes again meanwhile is told once. */
bool dbr_dht_poll_row(struct dbr_dht *dht, struct dbr_dht_event *event);
bool dbr_dht_has_rows(const struct dbr_dht *dht);
/* The tables were lost: both are cleared and told anew. */
void dbr_dht_tell_rows_again(struct dbr_dht *dht);

struct dbr_dht_counts {
    uint64_t sent;     /* requests */
    uint64_t served;   /* requests of others */
    uint64_t refused;  /* of these */
    uint64_t answered; /* requests of ours */
    uint64_t failed;
    uint64_t bad;  /* answers that were no messages, or not to the question */
    uint64_t junk; /* peers in answers that were left out, by dbr_dht_query_stats */
};
const struct dbr_dht_counts *dbr_dht_counts(const struct dbr_dht *dht);
const struct dbr_dht_table *dbr_dht_table(const struct dbr_dht *dht);
const struct dbr_dht_records *dbr_dht_records(const struct dbr_dht *dht);

dbr_time dbr_dht_deadline(const struct dbr_dht *dht);
void dbr_dht_expire(struct dbr_dht *dht, dbr_time now);

#endif
