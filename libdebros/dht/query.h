/* One iterative lookup: who are the closest to a key?
 *
 * Candidates stand in the order of their distance. On each path at most alpha / paths are
 * asked at a time, the closest first; a path is over when its beta closest have answered.
 * Then whoever of the k closest of all paths has not been asked is asked too, so that the
 * result is a full set (go-libp2p-kad-dht, "resiliency"). Paths are disjoint: a peer is
 * asked on one of them only, and what it tells counts on that path alone, so that liars
 * spoil the paths that they stand on and no other (S/Kademlia, Baumgart and Mies, 2007).
 * Of the beta closest, whoever did not answer is asked once more before the end.
 *
 * The machine names peers to ask and is told what they answered. It carries no bytes:
 * FIND_NODE, GET_VALUE and GET_PROVIDERS share it.
 *
 * Memory: at most limits.candidates of 104 bytes. */
#ifndef DBR_DHT_QUERY_H
#define DBR_DHT_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "dht/key.h"

#define DBR_DHT_PATHS_MAX 8u

struct dbr_dht_query_limits {
    uint32_t k;          /* peers that are wanted, and taken of one answer; default 20 */
    uint32_t alpha;      /* asked at a time; default 10 */
    uint32_t beta;       /* the closest that must have answered; default 3 */
    uint32_t paths;      /* default 1; where strangers take part, 4 */
    uint32_t candidates; /* that are remembered; default 256 */
    uint32_t per_group;  /* candidates of one IP group on a path; default 3, 0: all */
    uint32_t slow_ms;    /* then another is asked as well, and nobody waits for this
                            one unless nobody else is left; default 2,000 */
    uint32_t request_ms; /* then it has failed; default 10,000 */
    uint32_t whole_ms;   /* then the lookup is over; default 60,000 */
};
void dbr_dht_query_limits_default(struct dbr_dht_query_limits *limits);

/* A peer that an answer or the routing table names. */
struct dbr_dht_named {
    struct dbr_dht_key key; /* of `id` */
    struct dbr_peer_id id;
    uint32_t hint;  /* where the caller keeps its addresses, 0: nowhere */
    uint64_t group; /* dbr_dht_group() of an address, 0: exempt */
};

struct dbr_dht_candidate {
    struct dbr_dht_key key;
    struct dbr_peer_id id;
    uint8_t state;
    uint8_t paths; /* that know it, a bit for each */
    uint8_t path;  /* that has asked it */
    uint8_t hops;  /* questions from one to the next until it was found, and this one */
    uint8_t tries;
    uint32_t hint;
    uint64_t group;
    dbr_time asked;
};

struct dbr_dht_query_stats {
    uint32_t asked;
    uint32_t answered;
    uint32_t failed;
    uint32_t excess; /* peers in answers beyond k */
    uint32_t junk;   /* peers in answers that were we or the one who answered */
    uint32_t crowd;  /* peers in answers whose IP group had its share */
    uint32_t hops;   /* to the closest that has answered */
};

struct dbr_dht_query {
    struct dbr_dht_query_limits limits;
    struct dbr_dht_key target;
    struct dbr_peer_id self;
    struct dbr_dht_candidate *candidates; /* the closest first */
    size_t n;
    size_t cap;
    uint32_t known[DBR_DHT_PATHS_MAX];  /* candidates */
    uint32_t flying[DBR_DHT_PATHS_MAX]; /* asked, and not slow yet */
    bool is_over[DBR_DHT_PATHS_MAX];
    bool is_completing; /* all paths are over */
    bool is_done;
    dbr_time end;
    dbr_time wake; /* not after anything that time brings */
    struct dbr_dht_query_stats stats;
};

void dbr_dht_query_init(struct dbr_dht_query *query,
                        const struct dbr_dht_query_limits *limits,
                        const struct dbr_dht_key *target, const struct dbr_peer_id *self,
                        dbr_time now);
void dbr_dht_query_finish(struct dbr_dht_query *query);

/* Whom it begins with, dealt out to the paths in turn: once, the closest first. */
void dbr_dht_query_seed(struct dbr_dht_query *query, const struct dbr_dht_named *peers,
                        size_t n);
/* The next peer to ask, now. NULL: nobody for the time being, or it is done. Valid until
 * the next answer. */
const struct dbr_dht_candidate *dbr_dht_query_next(struct dbr_dht_query *query,
                                                   dbr_time now);
/* The candidate of that key, or NULL. */
const struct dbr_dht_candidate *dbr_dht_query_find(const struct dbr_dht_query *query,
                                                   const struct dbr_dht_key *key);
/* What a peer that was asked answered, or that it did not. Others are ignored: false. A
 * hint for a candidate that is known replaces its own, and whoever has failed is tried
 * again: the addresses that were told first may have been a lie. */
bool dbr_dht_query_answered(struct dbr_dht_query *query, const struct dbr_peer_id *from,
                            const struct dbr_dht_named *closer, size_t n);
bool dbr_dht_query_failed(struct dbr_dht_query *query, const struct dbr_peer_id *peer);
/* What it was for is found: it is done. */
void dbr_dht_query_stop(struct dbr_dht_query *query);

static inline bool dbr_dht_query_is_done(const struct dbr_dht_query *query)
{
    return query->is_done;
}

/* The i-th closest that has answered, 0 <= i < k, or NULL. */
const struct dbr_dht_candidate *dbr_dht_query_result(const struct dbr_dht_query *query,
                                                     size_t i);

/* May be too early, by an answer that came in time. */
dbr_time dbr_dht_query_deadline(const struct dbr_dht_query *query);
void dbr_dht_query_expire(struct dbr_dht_query *query, dbr_time now);

#endif
