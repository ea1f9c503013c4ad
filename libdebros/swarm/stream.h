/* One stream of a connection. Those of registered protocols carry messages, each a
 * uvarint length and a body; identify and ping read bytes. */
#ifndef DBR_SWARM_STREAM_H
#define DBR_SWARM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "conn/stack.h"
#include "note.h"

struct dbr_conn;
struct dbr_swarm;

#define DBR_STREAM_CHUNK     65536 /* bytes handed to the stack at once */
#define DBR_STREAM_KEEP_SIZE 8192 /* buffers above it are freed when empty */

/* Kinds of streams that a peer may open: each protocol, and the stock ones. */
#define DBR_STREAM_SLOTS (DBR_SWARM_PROTOCOLS_MAX + 4)

enum dbr_stream_kind {
    DBR_STREAM_MESSAGES,     /* a registered protocol */
    DBR_STREAM_IDENTIFY_ASK, /* ours */
    DBR_STREAM_IDENTIFY_ANSWER,
    DBR_STREAM_IDENTIFY_PUSH, /* ours */
    DBR_STREAM_IDENTIFY_PUSHED,
    DBR_STREAM_PING_ASK, /* ours */
    DBR_STREAM_PING_ECHO
};

struct dbr_stream {
    uint64_t id;  /* for the machines above; 0: identify and ping */
    uint32_t raw; /* the stack's */
    enum dbr_stream_kind kind;
    uint32_t protocol;
    struct dbr_conn *conn; /* NULL: gone, only its last events wait */
    struct dbr_peer_id peer;
    struct dbr_buf in; /* received and not yet whole */
    size_t in_pos;
    struct dbr_buf out; /* not yet taken by the stack */
    size_t out_pos;
    bool inbound;   /* the peer opened it */
    bool confirmed; /* both ends agreed on the protocol */
    bool finish_asked;
    bool finish_told;  /* to the stack */
    bool choked;       /* send() answered EBUSY since the last WRITABLE */
    int status;        /* of CLOSED */
    bool waits;        /* `out` holds bytes; counted in conn->n_waiting */
    size_t queued;     /* its part of conn->queued */
    size_t partial;    /* and of conn->partial */
    dbr_time moved_at; /* the stack has taken bytes of `out` */
    struct dbr_note opened;
    struct dbr_note message;
    struct dbr_note finished;
    struct dbr_note writable;
    struct dbr_note closed;
    UT_hash_handle hh;      /* the swarm's, by id */
    UT_hash_handle in_conn; /* the connection's, by raw */
};

/* Its place in conn->n_in. */
uint32_t dbr_stream_slot(enum dbr_stream_kind kind, uint32_t protocol);
/* A stream that the stack has opened or announced. NULL: no memory. */
struct dbr_stream *dbr_stream_create(struct dbr_swarm *swarm, struct dbr_conn *conn,
                                     uint32_t raw, enum dbr_stream_kind kind,
                                     uint32_t protocol);
/* Frees at once, without an event. */
void dbr_stream_destroy(struct dbr_swarm *swarm, struct dbr_stream *stream);
/* The stream is gone: CLOSED follows what waits already, then it is freed. */
void dbr_stream_drop(struct dbr_swarm *swarm, struct dbr_stream *stream, int status);
/* Resets it on the wire, too. */
void dbr_stream_abort(struct dbr_swarm *swarm, struct dbr_stream *stream, int status);

int dbr_stream_send(struct dbr_swarm *swarm, struct dbr_stream *stream,
                    debros_bytes message);
void dbr_stream_finish(struct dbr_swarm *swarm, struct dbr_stream *stream);
/* Next whole message; false: there is none any more. Queues the following one. */
bool dbr_stream_take_message(struct dbr_swarm *swarm, struct dbr_stream *stream,
                             debros_bytes *message);
/* After the stack framed: WRITABLE for a choked stream whose queue has drained. */
void dbr_stream_check_writable(struct dbr_swarm *swarm, struct dbr_stream *stream);
/* Resets it when the peer has read none of its many waiting bytes for stall_ms. */
void dbr_stream_check_unread(struct dbr_swarm *swarm, struct dbr_stream *stream);
/* An event of the stack for this stream. */
void dbr_stream_event(struct dbr_swarm *swarm, struct dbr_stream *stream,
                      const struct dbr_stack_event *event);

#endif
