/* libp2p's discovery by multicast DNS: peers of the local network, without anybody's help
 * and without any proof: what is found are hints.
 *
 * A node asks for the service when it starts and then ever more seldom, and answers
 * whoever asks. The driver carries packets to and from 224.0.0.251 and ff02::fb, port
 * 5353; it hands in only what came from that port (RFC 6762 section 11).
 *
 * Whoever is on the network may send anything: an address of it is dialed on a
 * stranger's word. So names are not looked up for it, and loopback addresses are told to
 * and taken from processes of this machine only.
 *
 * Spec: github.com/libp2p/specs/blob/master/discovery/mdns.md; RFC 6762, RFC 6763 */
#ifndef DBR_SWARM_MDNS_H
#define DBR_SWARM_MDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/ring.h"
#include "base/rng.h"
#include "bucket.h"
#include "dns.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_MDNS_SERVICE     "_p2p._udp.local"
#define DBR_MDNS_SERVICE_MAX 64u   /* bytes of another one */
#define DBR_MDNS_NAME_SIZE   41u   /* of our random label, with NUL */
#define DBR_MDNS_PACKET_MAX  9000u /* bytes of one that is read: RFC 6762 section 17 */
#define DBR_MDNS_SEND_MAX    1400u /* of ours: no router has to split it */
#define DBR_MDNS_ADDRS_MAX   8u    /* of ours */
#define DBR_MDNS_RECORDS_MAX 128u  /* looked at in one packet, and as many questions */
#define DBR_MDNS_TARGETS_MAX 8u    /* peers in one packet */
#define DBR_MDNS_TTL_S       120u  /* of what we answer; js: the same */

struct dbr_mdns_limits {
    uint32_t query_min_ms;  /* between the first two questions; default 1,000 */
    uint32_t query_max_ms;  /* they double up to this; default 300,000 */
    uint32_t answer_ms;     /* between two answers; default 1,000: RFC 6762 section 6 */
    uint32_t packets_per_s; /* that are read, and in a burst; default 100 */
    uint32_t events;        /* default 256; more are dropped, and heard again */
};
void dbr_mdns_limits_default(struct dbr_mdns_limits *limits);

struct dbr_mdns_stats {
    uint64_t packets;
    uint64_t too_often; /* limits.packets_per_s */
    uint64_t malformed; /* or too large */
    uint64_t found;     /* addresses */
    uint64_t unfit;     /* addresses of others that are none, or are not to be dialed */
    uint64_t dropped;   /* limits.events */
};

enum dbr_mdns_event_type {
    DBR_MDNS_SEND, /* `packet`, to the multicast addresses, or `same_host` */
    DBR_MDNS_FOUND /* `peer` says that it is at `addr` */
};

struct dbr_mdns_event {
    enum dbr_mdns_event_type type;
    debros_bytes packet; /* valid until the next call */
    bool same_host;      /* SEND: to processes of this machine alone */
    struct dbr_peer_id peer;
    struct dbr_multiaddr addr; /* without /p2p */
};

struct dbr_mdns {
    struct dbr_mdns_limits limits;
    struct dbr_peer_id self;
    struct dbr_rng *rng;
    struct dbr_multiaddr addrs[DBR_MDNS_ADDRS_MAX];
    size_t n_addrs;
    struct dbr_dns_name service;
    struct dbr_dns_name instance; /* LABEL.SERVICE */
    struct dbr_dns_name host;     /* LABEL.local */
    dbr_time query_at;
    uint32_t query_pause_ms;
    dbr_time answer_at; /* NEVER: nobody waits for one */
    dbr_time answered;  /* not again before this and limits.answer_ms */
    bool has_answered;
    bool meta_wanted; /* somebody asked what services there are */
    bool must_query;  /* due, and to be polled */
    bool must_answer;
    struct dbr_bucket packets;
    struct dbr_ring found;
    struct dbr_buf out;
    struct dbr_mdns_stats stats;
};

/* `service`: NULL for DBR_MDNS_SERVICE. 0, or EINVAL it is no name of the DNS, or
 * longer than DBR_MDNS_SERVICE_MAX; then there is nothing to finish. */
int dbr_mdns_init(struct dbr_mdns *mdns, const struct dbr_peer_id *self,
                  const char *service, const struct dbr_mdns_limits *limits,
                  struct dbr_rng *rng, dbr_time now);
void dbr_mdns_finish(struct dbr_mdns *mdns);
/* Where we listen, without wildcards. None: then nobody is answered. At most
 * DBR_MDNS_ADDRS_MAX are told, as far as they fit. Tells the others soon. */
void dbr_mdns_set_addrs(struct dbr_mdns *mdns, const struct dbr_multiaddr *addrs,
                        size_t n, dbr_time now);
/* The network has changed: asks at once, and begins its pauses anew. */
void dbr_mdns_restart(struct dbr_mdns *mdns, dbr_time now);
/* A packet of anybody's, our own too. `same_host`: a process of this machine sent it. */
void dbr_mdns_recv(struct dbr_mdns *mdns, debros_bytes packet, bool same_host,
                   dbr_time now);
bool dbr_mdns_poll(struct dbr_mdns *mdns, struct dbr_mdns_event *event);
dbr_time dbr_mdns_deadline(const struct dbr_mdns *mdns);
void dbr_mdns_expire(struct dbr_mdns *mdns, dbr_time now);

#endif
