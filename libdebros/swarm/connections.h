/* Connections: from dial or accept through the handshake to the last flushed byte, and
 * which of several with one peer is kept. */
#ifndef DBR_SWARM_CONNECTIONS_H
#define DBR_SWARM_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "gate.h"
#include "conn/stack.h"
#include "introduce.h"
#include "note.h"
#include "peers.h"
#include "ping.h"
#include "stream.h"

#define DBR_CONN_OUTPUT_MAX                                                              \
    (1u << 20)                 /* bytes handed to the driver and not yet written */
#define DBR_CONN_DRAIN_MS 2000 /* for the last bytes before a close */
/* Two connections whose handshakes ended within this time were dialed at once by both
 * ends. A later one means that the peer has lost the earlier one. */
#define DBR_CONN_SIMULTANEOUS_MS 10000
#define DBR_CONN_RETIRE_MS       1000 /* a spare connection lives at least so long */

enum dbr_conn_state {
    DBR_CONN_DIALING,
    DBR_CONN_HANDSHAKE,
    DBR_CONN_SECURED,
    DBR_CONN_CLOSING /* last bytes, then CLOSE */
};

enum dbr_conn_ending {
    DBR_CONN_POLITELY, /* with GoAway */
    DBR_CONN_BROKEN,   /* the stack failed; it may have last bytes */
    DBR_CONN_DEAD      /* nothing more can be said to the peer */
};

struct dbr_conn {
    uint64_t id;
    enum dbr_conn_state state;
    bool inbound;
    bool gone;     /* the socket is; what was received is still worked off */
    bool stopping; /* GoAway received: no new streams of ours */
    bool spare;    /* another connection with the peer is preferred */
    bool dial_told;
    bool stale;                  /* `deadline` is to be computed again */
    struct dbr_multiaddr remote; /* without /p2p */
    struct dbr_peer_id expected; /* whom we dialed; none: anybody */
    struct dbr_peer *peer;       /* from SECURED on */
    struct dbr_stack *stack;     /* NULL before the TCP connection */
    struct dbr_buf tail;         /* the stack's last bytes */
    size_t in_flight;            /* handed to the driver */
    struct dbr_gate_pass pass;   /* inbound */
    struct dbr_stream *streams;
    uint32_t n_messages; /* streams of protocols */
    uint32_t n_choked;
    uint32_t n_waiting;              /* streams whose own queue holds bytes */
    uint16_t n_in[DBR_STREAM_SLOTS]; /* the peer's streams, by dbr_stream_slot() */
    size_t queued;                   /* bytes in the streams' own queues */
    size_t partial; /* of messages that the peer has begun: see limits.peer_memory */
    struct dbr_list waiters; /* connects */
    struct dbr_pinger pinger;
    struct dbr_introduction asked;
    struct dbr_introduction pushed;
    struct dbr_stream *push; /* ours, or NULL */
    uint64_t told_version;   /* of what we say of ourselves; 0: nothing yet */
    dbr_time dial_at;
    dbr_time setup_at;
    dbr_time progress_at; /* output was handed to the driver, or has left */
    dbr_time unread_at;   /* when to look for streams that the peer does not read */
    dbr_time secured_at;
    dbr_time stranger_at;
    dbr_time received_at;
    dbr_time retire_at;
    dbr_time drain_at;
    dbr_time deadline;
    struct dbr_note dial;
    struct dbr_note write;
    struct dbr_note close;
    struct dbr_list in_peer;
    struct dbr_list in_ready; /* the stack may have events */
    struct dbr_list in_dirty; /* the stack may have output */
    UT_hash_handle hh;
};

struct dbr_conn *dbr_conn_find(const struct dbr_swarm *swarm, uint64_t id);
/* NULL: no memory. */
struct dbr_conn *dbr_conn_create(struct dbr_swarm *swarm, uint64_t id, bool inbound,
                                 const struct dbr_multiaddr *remote);
void dbr_conn_destroy(struct dbr_swarm *swarm, struct dbr_conn *conn);
/* The TCP connection stands: the handshake begins. */
void dbr_conn_start(struct dbr_swarm *swarm, struct dbr_conn *conn);
/* Call after anything that may have given the stack events, output or a deadline. */
void dbr_conn_touch(struct dbr_swarm *swarm, struct dbr_conn *conn);
/* Ends it: streams, pings and attempts complete, one log line, then CLOSE. */
#ifdef __GNUC__
__attribute__((format(printf, 5, 6)))
#endif
void dbr_conn_end(struct dbr_swarm *swarm, struct dbr_conn *conn,
                  enum dbr_conn_ending ending, int status, const char *format, ...);
/* The stack has failed with `err`. */
void dbr_conn_broken(struct dbr_swarm *swarm, struct dbr_conn *conn, int err);
/* Tells the driver to close, or forgets what it never had. */
void dbr_conn_close(struct dbr_swarm *swarm, struct dbr_conn *conn);
void dbr_conn_set_state(struct dbr_swarm *swarm, struct dbr_conn *conn,
                        enum dbr_conn_state state);
void dbr_conn_recv(struct dbr_swarm *swarm, struct dbr_conn *conn, debros_bytes bytes);
/* Works off one event of the stack. False: there is none. */
bool dbr_conn_step(struct dbr_swarm *swarm, struct dbr_conn *conn);
/* Queues WRITE or CLOSE when it is time. */
void dbr_conn_flush(struct dbr_swarm *swarm, struct dbr_conn *conn);
struct dbr_buf dbr_conn_take_output(struct dbr_swarm *swarm, struct dbr_conn *conn);

/* ---- choice.c -------------------------------------------------------------- */

/* The connection for new streams with `peer`, or NULL. */
struct dbr_conn *dbr_conn_of(const struct dbr_peer *peer);
/* Puts the best connection in front; the others are spare. */
void dbr_conn_choose(struct dbr_swarm *swarm, struct dbr_peer *peer);
/* Holds limits.conns_per_peer. */
void dbr_conn_retire_oldest(struct dbr_swarm *swarm, struct dbr_peer *peer);
/* Whether one more secured connection may stay; a stranger may have to go for it. */
bool dbr_conn_have_room(struct dbr_swarm *swarm, const struct dbr_peer *peer);
/* Whether the limit leaves room for one more attempt; `peer` may be NULL. */
bool dbr_conn_can_dial(struct dbr_swarm *swarm, const struct dbr_peer *peer);

/* ---- incoming.c ------------------------------------------------------------ */

/* Answers the peer's proposal for a new stream. */
void dbr_conn_incoming(struct dbr_swarm *swarm, struct dbr_conn *conn,
                       const struct dbr_stack_event *event);

/* ---- timeouts.c ------------------------------------------------------------ */

/* Closes a spare or stopping connection that nothing uses. */
void dbr_conn_check_idle(struct dbr_swarm *swarm, struct dbr_conn *conn);
dbr_time dbr_conn_deadline(const struct dbr_swarm *swarm, struct dbr_conn *conn);
void dbr_conn_expire(struct dbr_swarm *swarm, struct dbr_conn *conn);

#endif
