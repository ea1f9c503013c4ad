/* Frames of /debros/cluster/1.0.0 (cluster.proto): hello, join, and the calls that a
 * member runs for a client. */
#ifndef DBR_CLUSTER_MESSAGE_H
#define DBR_CLUSTER_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_CLUSTER_MAX_MESSAGE (4u << 20)
#define DBR_CLUSTER_MAX_LISTED  64 /* members of one HELLO_REPLY */
#define DBR_CLUSTER_MAX_KEY     1024u        /* bytes of a CALL's key */
#define DBR_CLUSTER_MAX_VALUE   (64u << 10)  /* and of its envelope */
#define DBR_CLUSTER_MAX_BUCKETS 256u         /* of a routing table */

enum dbr_cluster_frame_kind {
    DBR_CLUSTER_HELLO,
    DBR_CLUSTER_HELLO_REPLY,
    DBR_CLUSTER_JOIN,
    DBR_CLUSTER_JOIN_REPLY,
    DBR_CLUSTER_CALL,
    DBR_CLUSTER_CALL_REPLY
};

/* What a call gave; unused parts are NULL, 0. */
struct dbr_call_result {
    int status;
    const char *detail;
    const debros_status *node;
    const debros_peer *peers;
    size_t n_peers;
    const char *const *names;
    size_t n_names;
    const char *text;
    uint32_t rtt_us;
    const debros_health *health;
    debros_bytes envelope;
    uint32_t stored;
    const debros_table *table;
};

/* A member as a client gets to know it. */
struct dbr_listed_member {
    struct dbr_peer_id peer;
    bool votes;
    const struct dbr_multiaddr *addrs; /* with /p2p */
    size_t n_addrs;
    const char *const *services; /* names; none: not known */
    size_t n_services;
};

struct dbr_cluster_frame {
    uint64_t id;
    enum dbr_cluster_frame_kind kind;
    debros_bytes cluster_id;   /* 16 bytes or none: HELLO, HELLO_REPLY, JOIN_REPLY */
    uint32_t cls;              /* HELLO_REPLY: enum dbr_peer_class */
    struct dbr_peer_id leader; /* HELLO_REPLY, may be none */
    uint64_t term;
    const struct dbr_listed_member *listed;
    size_t n_listed;
    debros_bytes invite_key; /* JOIN: 32 bytes */
    debros_bytes signature;
    debros_bytes operator_key; /* 32 bytes or none */
    int status;                /* JOIN_REPLY */
    const char *detail;
    const struct dbr_multiaddr *members;
    size_t n_members;
    uint32_t call; /* CALL: enum dbr_request_type */
    const char *target;
    uint32_t ttl_s;
    uint32_t timeout_ms;
    const char *service; /* NULL or "": none */
    const char *key;     /* the same */
    debros_bytes envelope;
    uint32_t want;
    struct dbr_call_result result; /* CALL_REPLY */
};

/* Appends the frame's body. `out` turns failed when memory is short. */
void dbr_cluster_frame_encode(struct dbr_buf *out, const struct dbr_cluster_frame *frame);
/* Everything lives in `arena`. 0, EPROTO, ENOMEM. */
int dbr_cluster_frame_decode(struct dbr_cluster_frame *out, struct dbr_arena *arena,
                             debros_bytes bytes);

#endif
