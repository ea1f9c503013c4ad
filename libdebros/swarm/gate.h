/* The gate: which inbound connections may begin a handshake at all.
 *
 * Limits count by address: an IPv4 /32 or an IPv6 /56 is one host, an IPv6 /48 one net
 * (go-libp2p's rcmgr: the same). They hold for peers that have not shown who they are:
 * once a connection belongs to a client or a member it leaves the count, and its token
 * goes back, so that a site of many members behind one address is not shut out. Loopback
 * is exempt. */
#ifndef DBR_SWARM_GATE_H
#define DBR_SWARM_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "bucket.h"
#include "multi/multiaddr.h"

struct dbr_swarm_limits;

/* Hosts and nets that are remembered; more only while they have connections. */
#define DBR_GATE_REMEMBERED 1024

struct dbr_gate_key {
    uint8_t bits;   /* 32 for IPv4; 56 or 48 */
    uint8_t ip[16]; /* zero behind the bits */
};

struct dbr_gate_host {
    struct dbr_gate_key key;
    uint32_t open;
    struct dbr_bucket bucket;
    struct dbr_list idle; /* in gate->idle while `open` is 0, the oldest first */
    UT_hash_handle hh;
};

struct dbr_gate {
    struct dbr_gate_host *hosts;
    struct dbr_list idle;
    size_t n_idle;
    struct dbr_bucket handshakes;
};

/* What one connection has taken. All NULL: nothing, as on loopback. */
struct dbr_gate_pass {
    struct dbr_gate_host *host;
    struct dbr_gate_host *net;
};

enum dbr_gate_verdict {
    DBR_GATE_ENTER,
    DBR_GATE_HOST,       /* limits.conns_per_ip */
    DBR_GATE_NET,        /* limits.conns_per_net */
    DBR_GATE_RATE,       /* limits.accept_burst and accept_every_ms */
    DBR_GATE_HANDSHAKES, /* limits.handshakes_per_s, of all addresses */
    DBR_GATE_NO_MEMORY
};

/* The host of an endpoint: all of an IPv4 address, `ip6_bits` of another. */
struct dbr_gate_key dbr_gate_key_of(const struct dbr_endpoint *endpoint,
                                    uint8_t ip6_bits);
void dbr_gate_init(struct dbr_gate *gate);
void dbr_gate_finish(struct dbr_gate *gate);
/* A connection from `remote`. Sets `pass` when it may enter. */
enum dbr_gate_verdict dbr_gate_enter(struct dbr_gate *gate,
                                     const struct dbr_swarm_limits *limits,
                                     const struct dbr_multiaddr *remote, dbr_time now,
                                     struct dbr_gate_pass *pass);
/* The connection is gone. */
void dbr_gate_leave(struct dbr_gate *gate, struct dbr_gate_pass *pass);
/* It belongs to a client or a member: it leaves the count and gets its token back. */
void dbr_gate_trust(struct dbr_gate *gate, const struct dbr_swarm_limits *limits,
                    struct dbr_gate_pass *pass);
/* For people. */
const char *dbr_gate_words(enum dbr_gate_verdict verdict);

#endif
