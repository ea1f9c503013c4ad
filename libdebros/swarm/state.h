/* The swarm's insides, for the files of this folder. */
#ifndef DBR_SWARM_STATE_H
#define DBR_SWARM_STATE_H

#include "announce.h"
#include "base/alloc.h"
#include "base/check.h"
#include "book.h"
#include "connections.h"
#include "dialer.h"
#include "entry.h"
#include "gate.h"
#include "identify.h"
#include "introduce.h"
#include "observed.h"
#include "peers.h"
#include "ping.h"
#include "stream.h"
#include "swarm.h"

#define DBR_SWARM_MODULE          "swarm"
#define DBR_SWARM_PROTOCOL_ID_MAX 80 /* so that all of them fit in an identify answer */
#define DBR_SWARM_AGENT_MAX       128
#define DBR_SWARM_LISTEN_MAX      20
#define DBR_SWARM_LOST_MAX        32

/* A completion for which there was no memory. */
struct dbr_lost {
    enum dbr_swarm_event_type type;
    uint64_t token;
};

struct dbr_swarm {
    const struct dbr_keypair *identity;
    struct dbr_peer_id self;
    char *agent;
    bool open;
    struct dbr_swarm_protocol *protocols;
    size_t n_protocols;
    struct dbr_swarm_limits limits;
    const struct dbr_logger *logger;
    struct dbr_rng *rng;
    dbr_time now; /* the latest that was given */
    struct dbr_multiaddr listen[DBR_SWARM_LISTEN_MAX];
    size_t n_listen;
    struct dbr_multiaddr advertised[DBR_SWARM_LISTEN_MAX]; /* instead of all others */
    size_t n_advertised;
    struct dbr_swarm_stats stats;
    struct dbr_gate gate;
    struct dbr_announcement announcement;
    struct dbr_observed observed;
    bool hidden[DBR_SWARM_PROTOCOLS_MAX]; /* protocols that are not offered */
    struct dbr_peers peers;
    struct dbr_book book;
    struct dbr_list kept;
    struct dbr_conn *conns;
    uint32_t n_half_open; /* inbound, not yet secured */
    uint32_t n_outbound;  /* dialed, not yet secured */
    uint32_t n_secured;
    size_t held;          /* all connections' `queued` and `partial` */
    size_t memory_wanted; /* once less is held, refused streams look again; 0: none was */
    uint64_t next_conn;
    struct dbr_stream *streams;
    uint64_t next_stream;
    struct dbr_list notes; /* events that wait to be polled */
    struct dbr_note moved;
    struct dbr_list ready; /* connections whose stack may have events */
    struct dbr_list dirty; /* connections whose stack may have output */
    struct dbr_lost lost[DBR_SWARM_LOST_MAX];
    size_t n_lost;
    struct dbr_waiter *told; /* its detail is in the last event */
};

/* Time never goes back. */
static inline void dbr_swarm_set_now(struct dbr_swarm *swarm, dbr_time now)
{
    if (now > swarm->now) {
        swarm->now = now;
    }
}

#endif
