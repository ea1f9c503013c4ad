/* Joins the Kademlia machine of dht/ and the swarm: answers others on their streams,
 * opens one stream for each request of ours, as js-libp2p and rust-libp2p do, dials where
 * a request needs it, and closes what it dialed once nobody uses it any more.
 *
 * In a closed cluster only members and listed clients take part; where it is open,
 * strangers do. Where they are the swarm's book says. */
#ifndef DBR_CORE_KAD_LINK_H
#define DBR_CORE_KAD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "crypto/keypair.h"
#include "dht/dht.h"
#include "dht/signer.h"
#include "swarm/swarm.h"

#define DBR_KAD_SEND_QUEUE (2u * DBR_DHT_MESSAGE_MAX)
/* In the swarm's completions it marks those of the link. */
#define DBR_KAD_TOKEN (UINT64_C(1) << 63)

struct dbr_kad_limits {
    uint32_t dials;     /* peers that are dialed at a time; default 3 */
    size_t waiting;     /* bytes of requests that wait for that; default 4 MiB */
    uint32_t idle_ms;   /* the life of a connection of ours without a stream; 30,000 */
    uint32_t linger_ms; /* of a stream of ours behind its answer; default 10,000 */
};
void dbr_kad_limits_default(struct dbr_kad_limits *limits);

struct dbr_kad_config {
    struct dbr_swarm *swarm;  /* borrowed */
    uint32_t protocol;        /* its index there */
    const char *protocol_id;  /* borrowed */
    bool open;                /* strangers take part */
    const struct dbr_keypair *identity; /* borrowed */
    uint64_t wall_ms;
    struct dbr_kad_limits limits;
    struct dbr_dht_limits dht;
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};

/* A stream that we opened. */
struct dbr_kad_stream {
    UT_hash_handle hh; /* by id */
    uint64_t id;
    struct dbr_kad_call *call; /* NULL: it is answered, and lingers */
    struct dbr_list node;      /* of those that linger */
    dbr_time until;
};

/* A request of ours. */
struct dbr_kad_call {
    UT_hash_handle hh; /* by request */
    uint64_t request;
    struct dbr_kad_peer *peer;
    struct dbr_kad_stream *stream; /* NULL: none */
    bool is_ping;
    bool one_way;
    bool sent;
    struct dbr_buf data;  /* until then */
    struct dbr_list node; /* of its peer's calls */
};

enum dbr_kad_dial { DBR_KAD_NO_DIAL, DBR_KAD_QUEUED, DBR_KAD_DIALING };

/* A peer that requests of ours go to, or whose connection is ours. */
struct dbr_kad_peer {
    UT_hash_handle hh;
    struct dbr_peer_id id;
    struct dbr_list calls;
    enum dbr_kad_dial dial;
    struct dbr_list node; /* of those that are queued, or dialed */
    uint64_t token;
    bool ours;    /* the connection was dialed for a lookup */
    bool claimed; /* and is wanted by others since */
    dbr_time idle_at;
};

struct dbr_kad_link {
    struct dbr_kad_config config;
    struct dbr_rng *rng;
    struct dbr_dht *dht;
    struct dbr_dht_signer signer;
    struct dbr_peer_id self;
    struct dbr_kad_call *calls;
    struct dbr_kad_stream *streams;
    struct dbr_kad_peer *peers;
    struct dbr_list queued;
    struct dbr_list dialing;
    struct dbr_list lingering; /* the oldest first */
    uint32_t n_dials;
    size_t waiting;
    uint64_t next_token;
    dbr_time idle_at; /* no later than any peer's */
};

/* The protocol is offered from now on. `rng` is borrowed. */
int dbr_kad_link_create(struct dbr_kad_link **out, const struct dbr_kad_config *config,
                        struct dbr_rng *rng, dbr_time now);
void dbr_kad_link_destroy(struct dbr_kad_link *link);

/* Where others reach this node, with or without /p2p. */
void dbr_kad_link_set_addrs(struct dbr_kad_link *link, const struct dbr_multiaddr *addrs,
                            size_t n);
/* What the swarm told. True: it concerns nobody else. Poll after each: what is answered
 * goes out before the next request comes in. */
bool dbr_kad_link_swarm(struct dbr_kad_link *link, const struct dbr_swarm_event *event,
                        dbr_time now);
/* A peer has identified itself, or may do more or less than before. */
void dbr_kad_link_identified(struct dbr_kad_link *link, const struct dbr_peer_id *peer,
                             dbr_time now);
/* Somebody else needs the connection with `peer`: it stays. */
void dbr_kad_link_claim(struct dbr_kad_link *link, const struct dbr_peer_id *peer);

/* Carries out what the machine wants, up to what is not for streams: DONE. */
bool dbr_kad_link_poll(struct dbr_kad_link *link, struct dbr_dht_event *event,
                       dbr_time now);

dbr_time dbr_kad_link_deadline(const struct dbr_kad_link *link);
void dbr_kad_link_expire(struct dbr_kad_link *link, dbr_time now);

/* kad_calls.c, kad_dials.c and kad_peers.c: requests of ours. */
void dbr_kad_call_begin(struct dbr_kad_link *link, const struct dbr_dht_event *event,
                        dbr_time now);
void dbr_kad_call_cancel(struct dbr_kad_link *link, uint64_t request, dbr_time now);
/* An event of a stream of ours; false: it is none. */
bool dbr_kad_call_stream(struct dbr_kad_link *link, const struct dbr_swarm_event *event,
                         dbr_time now);
void dbr_kad_call_pinged(struct dbr_kad_link *link, uint64_t token, int status,
                         dbr_time now);
void dbr_kad_call_dialed(struct dbr_kad_link *link, uint64_t token, int status,
                         dbr_time now);
void dbr_kad_call_connected(struct dbr_kad_link *link, const struct dbr_peer_id *peer,
                            dbr_time now);
void dbr_kad_call_disconnected(struct dbr_kad_link *link, const struct dbr_peer_id *peer);
dbr_time dbr_kad_calls_deadline(const struct dbr_kad_link *link);
void dbr_kad_calls_expire(struct dbr_kad_link *link, dbr_time now);
void dbr_kad_calls_finish(struct dbr_kad_link *link);

#endif
