/* Peers and their connections: dialing, listening, streams by protocol with framed
 * messages, identify and ping. The pure machine behind one port.
 *
 * The driver owns sockets and names them by connection ids: the swarm chooses even ids
 * for what it dials (DBR_SWARM_DIAL), the driver odd ids for what it accepts. */
#ifndef DBR_SWARM_SWARM_H
#define DBR_SWARM_SWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/rng.h"
#include "conn/stack.h"
#include "crypto/keypair.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

struct dbr_swarm;

#define DBR_SWARM_PROTOCOLS_MAX 32

/* What a peer may do. A stranger may use identify and ping, and what a protocol of class
 * STRANGER offers, and is closed after `stranger_ms` unless the swarm is open. */
enum dbr_peer_class { DBR_PEER_STRANGER, DBR_PEER_CLIENT, DBR_PEER_MEMBER };

/* One protocol above the swarm, registered at creation; its index names it in events. */
struct dbr_swarm_protocol {
    const char *id;                /* "/debros/raft/1.0.0" */
    enum dbr_peer_class min_class; /* inbound streams of lesser peers are refused */
    size_t max_message;            /* bytes of one frame's body */
    size_t send_queue;             /* most bytes waiting to be sent on one stream */
};

struct dbr_swarm_limits {
    uint32_t connections;      /* default 256 */
    uint32_t half_open;        /* inbound, not yet secured; default 64 */
    uint32_t conns_per_ip;     /* inbound, of one IPv4 /32 or IPv6 /56: see gate.h; 8 */
    uint32_t conns_per_net;    /* inbound, of one IPv6 /48; default 64 */
    uint32_t conns_per_peer;   /* secured; then the oldest goes; default 8 */
    uint32_t accept_burst;     /* new connections of one address; default 16 */
    uint32_t accept_every_ms;  /* and one more each so often; default 5,000 */
    uint32_t handshakes_per_s; /* inbound, of all addresses; default 200, at most 1e6 */
    uint32_t dial_ms;          /* TCP connect; default 10,000 */
    uint32_t setup_ms;         /* TCP connect and handshake; default 15,000 */
    uint32_t stranger_ms;      /* default 10,000 */
    uint32_t idle_ping_ms;     /* ping a quiet connection; default 15,000, 0: never */
    uint32_t rtt_ping_ms;      /* ping a member, busy or not; default 30,000, 0: never */
    uint32_t ping_timeout_ms;  /* default 10,000 without a byte of the peer: then the
                                  connection is closed */
    uint32_t redial_min_ms;    /* bootstrap and member redial back-off; default 250 */
    uint32_t redial_max_ms;    /* default 10,000 */
    uint32_t addrs_per_peer;   /* in the book; default and at most 8 */
    uint32_t streams_per_protocol; /* of one peer; default 16 */
    uint32_t pings_queued;         /* unanswered on one stream; default 32 */
    uint32_t push_burst;           /* identify pushes of one peer; default 8 */
    uint32_t push_every_ms;        /* and one more each so often; default 5,000 */
    uint32_t stall_ms;             /* the peer takes no byte; default 10,000 */
    size_t unread;                 /* a stream that stalls with more waiting bytes than
                                      this is reset; default 4 MiB */
    size_t peer_memory;            /* bytes that wait for one connection's peer, and parts
                                      of messages that it has begun; default 16 MiB. One
                                      message more always fits, what we asked for does
                                      not count, nor do protocols of members alone:
                                      snapshots are larger */
    size_t memory;                 /* the same of all connections together, of which
                                      strangers have half; default 256 MiB */
    struct dbr_stack_limits stack;
};
void dbr_swarm_limits_default(struct dbr_swarm_limits *limits);

/* What has happened so far, above all how often each limit was met. */
struct dbr_swarm_stats {
    uint64_t accepted;
    uint64_t dialed;
    uint64_t secured;
    uint64_t dials_failed;
    uint64_t handshakes_failed;   /* inbound */
    uint64_t full;                /* limits.connections, inbound and outbound */
    uint64_t full_half_open;      /* limits.half_open */
    uint64_t full_host;           /* limits.conns_per_ip */
    uint64_t full_net;            /* limits.conns_per_net */
    uint64_t full_peer;           /* limits.conns_per_peer */
    uint64_t too_often;           /* limits.accept_burst, accept_every_ms */
    uint64_t too_many_handshakes; /* limits.handshakes_per_s */
    uint64_t setup_expired;       /* limits.setup_ms */
    uint64_t strangers_expired;   /* limits.stranger_ms */
    uint64_t pings_expired;       /* limits.ping_timeout_ms */
    uint64_t streams_refused;     /* limits.streams_per_protocol, stack.streams_in */
    uint64_t pings_refused;       /* limits.pings_queued */
    uint64_t pushes;              /* identify pushes taken */
    uint64_t pushes_refused;      /* limits.push_burst, push_every_ms */
    uint64_t records_refused;     /* signed peer records that do not hold */
    uint64_t stalled;             /* connections closed: limits.stall_ms */
    uint64_t unread;              /* streams reset: limits.unread */
    uint64_t peer_memory;         /* streams refused more: limits.peer_memory */
    uint64_t memory;              /* the same: limits.memory */
    uint64_t bad_frames;          /* streams reset: malformed or too large a message */
    uint64_t broken;              /* connections closed: the peer broke a protocol */
};

struct dbr_swarm_config {
    const struct dbr_keypair *identity; /* borrowed */
    const char *agent;                  /* "debros/0.1.0" */
    bool open;
    const struct dbr_swarm_protocol *protocols; /* copied */
    size_t n_protocols;                         /* at most DBR_SWARM_PROTOCOLS_MAX */
    struct dbr_swarm_limits limits;
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};

int dbr_swarm_create(struct dbr_swarm **out, const struct dbr_swarm_config *config,
                     struct dbr_rng *rng, dbr_time now);
void dbr_swarm_destroy(struct dbr_swarm *swarm);

/* ---- In, from the driver ------------------------------------------------- */

/* Where we listen. Others are told of it, now and when it changes (identify push), but
 * not of wildcards; of loopback only while there is nothing else; and instead of all that
 * is advertised, if anything is: what to dial from outside. */
void dbr_swarm_listening(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr);
void dbr_swarm_not_listening(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr);
void dbr_swarm_advertise(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr);
/* Unix time, which numbers our signed records. Call it before anything is told, and now
 * and then. */
void dbr_swarm_wall(struct dbr_swarm *swarm, int64_t wall_ms);
void dbr_swarm_accepted(struct dbr_swarm *swarm, uint64_t conn,
                        const struct dbr_multiaddr *remote, dbr_time now);
void dbr_swarm_dialed(struct dbr_swarm *swarm, uint64_t conn, dbr_time now);
/* `detail` is the system's word on it, such as "connection refused". */
void dbr_swarm_dial_failed(struct dbr_swarm *swarm, uint64_t conn, const char *detail,
                           dbr_time now);
void dbr_swarm_recv(struct dbr_swarm *swarm, uint64_t conn, debros_bytes bytes,
                    dbr_time now);
/* The socket is gone, for whatever reason but our CLOSE. */
void dbr_swarm_closed(struct dbr_swarm *swarm, uint64_t conn, dbr_time now);
/* `len` bytes of WRITE have left for the kernel. */
void dbr_swarm_written(struct dbr_swarm *swarm, uint64_t conn, size_t len, dbr_time now);

/* ---- In, from the machines above ----------------------------------------- */

/* What `peer` may do from now on, whether it is connected or not. STRANGER forgets it;
 * lowering a connected peer's class closes its connections unless the swarm is open. */
void dbr_swarm_set_class(struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                         enum dbr_peer_class cls, dbr_time now);
/* Whether peers may open streams of a registered protocol, and are told of it; at first
 * all are offered. */
void dbr_swarm_offer(struct dbr_swarm *swarm, uint32_t protocol, bool offered);
bool dbr_swarm_is_offered(const struct dbr_swarm *swarm, uint32_t protocol);
/* Where the configuration or the cluster says that `peer` is, the best first, in the
 * place of what they said before; at most limits.addrs_per_peer. They do not end. */
void dbr_swarm_give_addrs(struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                          const struct dbr_multiaddr *addrs, size_t n, dbr_time now);
/* Somebody says that `peer` is there: good for one dial within some minutes, and never
 * told to others. Of strangers only an open swarm remembers it. */
void dbr_swarm_hint(struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                    const struct dbr_multiaddr *addrs, size_t n, dbr_time now);
/* Keep a connection to `peer` for ever: dial its addresses with jittered back-off. */
void dbr_swarm_keep(struct dbr_swarm *swarm, const struct dbr_peer_id *peer, bool keep,
                    dbr_time now);
/* Dials `addr` (with or without /p2p/ID) now, or, where it is /p2p/ID alone, all that is
 * known of that peer; joins an attempt or a connection that exists. The outcome comes as
 * CONNECT_DONE with `token`. */
void dbr_swarm_connect(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr,
                       uint64_t token, dbr_time now);
void dbr_swarm_disconnect(struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                          dbr_time now);
/* Round trip to a connected peer; PING_DONE with `token`. */
void dbr_swarm_ping(struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                    uint64_t token, dbr_time now);

/* Opens a stream to a connected peer; messages may be sent at once. 0, or
 * EUNREACHABLE not connected, ELIMIT, ENOMEM. Stream ids are unique for the swarm. */
int dbr_swarm_open(struct dbr_swarm *swarm, uint64_t *stream,
                   const struct dbr_peer_id *peer, uint32_t protocol, dbr_time now);
/* Queues one message: uvarint length and body. 0, EBUSY the stream's send_queue is
 * full, ENOTFOUND no such stream, ELIMIT above the protocol's max_message, ENOMEM. */
int dbr_swarm_send(struct dbr_swarm *swarm, uint64_t stream, debros_bytes message,
                   dbr_time now);
void dbr_swarm_finish(struct dbr_swarm *swarm, uint64_t stream, dbr_time now);
void dbr_swarm_reset(struct dbr_swarm *swarm, uint64_t stream, dbr_time now);

/* ---- Out ------------------------------------------------------------------ */

enum dbr_swarm_event_type {
    DBR_SWARM_DIAL,            /* driver: connect a socket to `addr` as `conn` */
    DBR_SWARM_CLOSE,           /* driver: flush what was written and close `conn` */
    DBR_SWARM_WRITE,           /* driver: call dbr_swarm_take_output(conn) and write it */
    DBR_SWARM_CONNECTED,       /* first connection with `peer` is secured; `inbound` */
    DBR_SWARM_DISCONNECTED,    /* the last one is gone */
    DBR_SWARM_MOVED,           /* dbr_swarm_own_addrs() has changed */
    DBR_SWARM_IDENTIFIED,      /* identify has answered: see dbr_swarm_peer_info() */
    DBR_SWARM_STREAM_OPENED,   /* inbound `stream` of `protocol` from `peer` */
    DBR_SWARM_STREAM_MESSAGE,  /* `message` */
    DBR_SWARM_STREAM_FINISHED, /* the peer will send no more */
    DBR_SWARM_STREAM_CLOSED,   /* gone, once for each stream; `status` 0, or why: EPROTO
                                  the peer does not speak the protocol, ECANCELED reset
                                  (by either side), ELIMIT frame too large,
                                  EUNREACHABLE connection lost */
    DBR_SWARM_CONNECT_DONE,    /* `token`, `status`, `peer`, `detail` */
    DBR_SWARM_PING_DONE,       /* `token`, `status`, `rtt_ms`, at least 1 */
    DBR_SWARM_STREAM_WRITABLE  /* `stream`, which answered EBUSY, takes messages again */
};

struct dbr_swarm_event {
    enum dbr_swarm_event_type type;
    uint64_t conn;
    uint64_t stream;
    uint64_t token;
    uint32_t protocol;
    int status;
    bool inbound;
    uint32_t rtt_ms;
    struct dbr_peer_id peer;
    struct dbr_multiaddr addr;
    debros_bytes message; /* valid until the next call on this machine */
    const char *detail;   /* the same; never NULL */
};

bool dbr_swarm_poll(struct dbr_swarm *swarm, struct dbr_swarm_event *event);
/* Bytes for the socket of `conn`; the caller owns the buffer and reports written(). At
 * most one megabyte is handed out and not yet written. */
struct dbr_buf dbr_swarm_take_output(struct dbr_swarm *swarm, uint64_t conn);

/* ---- Views ----------------------------------------------------------------- */

/* Where `conn` leads to, or came from, without /p2p. False: no such connection. */
bool dbr_swarm_remote(const struct dbr_swarm *swarm, uint64_t conn,
                      struct dbr_multiaddr *remote);
void dbr_swarm_get_stats(const struct dbr_swarm *swarm, struct dbr_swarm_stats *stats);

struct dbr_peer_info {
    struct dbr_peer_id id;
    bool connected;
    bool inbound;
    bool kept;
    enum dbr_peer_class cls;
    struct dbr_multiaddr remote; /* where the connection for new streams leads to */
    uint32_t n_streams;          /* of registered protocols, both ways */
    dbr_time since;              /* of its first connection that is left; 0: none */
    uint32_t failures;           /* of dials since it was connected: in
                                    dbr_swarm_each_known() alone */
    uint32_t rtt_us;             /* 0 unknown */
    const char *agent;
    const char *const *protocols;
    size_t n_protocols;
    const struct dbr_multiaddr *told; /* its addresses by identify, unsifted */
    size_t n_told;
    struct dbr_multiaddr observed; /* our address as the peer sees it */
    debros_bytes record; /* its signed peer record, verified, for others to verify; or
                            none */
    uint64_t record_seq;
};

size_t dbr_swarm_connected_count(const struct dbr_swarm *swarm);
size_t dbr_swarm_known_count(const struct dbr_swarm *swarm); /* connected ones too */
/* All that are known, connected ones first; of those that have no connection and no class
 * little more than the name. */
void dbr_swarm_each_known(const struct dbr_swarm *swarm,
                          void (*fn)(void *user, const struct dbr_peer_info *info),
                          void *user);
/* The i-th peer that has a connection, a class or an attempt, in a stable order,
 * connected ones first. Valid until the next call. */
bool dbr_swarm_peer_at(const struct dbr_swarm *swarm, size_t i,
                       struct dbr_peer_info *info);
bool dbr_swarm_peer_info(const struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                         struct dbr_peer_info *info);
/* What we tell others: without /p2p. At most `n`; how many. */
size_t dbr_swarm_own_addrs(const struct dbr_swarm *swarm, struct dbr_multiaddr *out,
                           size_t n);
/* Where to dial a peer, the best first; and what others may be told of it: no hints, and
 * nothing that only we can reach. At most `n`; how many. */
size_t dbr_swarm_dial_addrs(const struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                            struct dbr_multiaddr *out, size_t n);
size_t dbr_swarm_known_addrs(const struct dbr_swarm *swarm,
                             const struct dbr_peer_id *peer, struct dbr_multiaddr *out,
                             size_t n);
bool dbr_swarm_is_connected(const struct dbr_swarm *swarm,
                            const struct dbr_peer_id *peer);

/* ---- The peer book ----------------------------------------------------------- */

/* Its bytes, for a file: see book_codec.h. 0 or ENOMEM. */
int dbr_swarm_save_book(struct dbr_swarm *swarm, struct dbr_buf *out, dbr_time now);
/* Adds what was saved and is not over. 0; EPROTO it is damaged, ELIMIT it is too large:
 * nothing of it was taken; ENOMEM. */
int dbr_swarm_load_book(struct dbr_swarm *swarm, debros_bytes bytes, dbr_time now);
/* Grows with each change. */
uint64_t dbr_swarm_book_changes(const struct dbr_swarm *swarm);

/* ---- Time ------------------------------------------------------------------ */

dbr_time dbr_swarm_deadline(const struct dbr_swarm *swarm);
void dbr_swarm_expire(struct dbr_swarm *swarm, dbr_time now);

#endif
