/* One connection as one machine over a byte pipe: multistream-select, Noise XX, the
 * muxer (early, or by multistream inside Noise), yamux, and multistream on each stream.
 *
 * Feed received bytes with dbr_stack_recv(), drain dbr_stack_poll(), send what gathers
 * in dbr_stack_out(), call dbr_stack_expire() once `now` passes dbr_stack_deadline().
 * After an error only destroy is allowed; dbr_stack_out() may still hold last bytes. */
#ifndef DBR_CONN_STACK_H
#define DBR_CONN_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/rng.h"
#include "conn/limits.h"
#include "crypto/keypair.h"
#include "multi/peer_id.h"

struct dbr_buf;
struct dbr_stack;

enum dbr_stack_event_type {
    DBR_STACK_SECURED,  /* Noise is done: `peer` is proven. Streams may be opened */
    DBR_STACK_INCOMING, /* the peer opened `stream` and proposes `protocol`: answer with
                           dbr_stack_accept() or dbr_stack_refuse() before the next poll.
                           After refuse the peer may propose another (a new event) */
    DBR_STACK_OPENED,   /* our `stream` is confirmed by the peer */
    DBR_STACK_REFUSED,  /* the peer does not speak our protocol; the stream is gone */
    DBR_STACK_DATA,     /* `data` arrived on `stream`; give window back by _consume() */
    DBR_STACK_WRITABLE, /* `stream`, once full, takes bytes again */
    DBR_STACK_FINISHED, /* the peer will send no more on `stream` */
    DBR_STACK_RESET,    /* `stream` is gone in both directions */
    DBR_STACK_CLOSED,   /* `stream` ended well in both directions; the id is gone */
    DBR_STACK_GOAWAY    /* the peer wants no new streams */
};

struct dbr_stack_event {
    enum dbr_stack_event_type type;
    uint32_t stream;
    struct dbr_peer_id peer;
    debros_bytes protocol; /* INCOMING */
    debros_bytes data;     /* DATA; valid until the next call on this machine */
};

struct dbr_stack_config {
    bool dialer;
    const struct dbr_keypair *identity; /* borrowed for the stack's life */
    struct dbr_peer_id expected;        /* dialer: whom we want; none: anybody */
    bool no_early_muxer;                /* tests: behave like rust-libp2p */
    struct dbr_stack_limits limits;
};

/* `rng` is borrowed until SECURED. */
int dbr_stack_create(struct dbr_stack **out, const struct dbr_stack_config *config,
                     struct dbr_rng *rng, dbr_time now);
void dbr_stack_destroy(struct dbr_stack *stack);

/* In. Returns 0, or an error after which only destroy is allowed: DEBROS_EPROTO,
 * DEBROS_EAUTH (wrong key, bad signature), DEBROS_ELIMIT, DEBROS_ENOMEM,
 * DEBROS_ETIMEDOUT (expire). dbr_stack_reason() tells people why. Drain poll after each
 * recv: input whose events wait is kept, up to 4 MiB, then DEBROS_ELIMIT. */
int dbr_stack_recv(struct dbr_stack *stack, debros_bytes bytes, dbr_time now);
const char *dbr_stack_reason(const struct dbr_stack *stack); /* never NULL */

/* Opens a stream and proposes `protocol` (1 to 1,000 bytes, else EINVAL). Data may be
 * sent at once; it travels behind the proposal ("lazy" negotiation). ELIMIT: too many
 * streams of ours, or GoAway sent or received; ESTATE: not SECURED yet; ENOMEM. */
int dbr_stack_open(struct dbr_stack *stack, uint32_t *stream, debros_bytes protocol,
                   dbr_time now);
/* The answers to INCOMING; dbr_stack_reset() is one too. */
void dbr_stack_accept(struct dbr_stack *stack, uint32_t stream);
void dbr_stack_refuse(struct dbr_stack *stack, uint32_t stream);

/* Queues all of `data`, or nothing: 0, DEBROS_EBUSY (buffer full: wait for WRITABLE;
 * data larger than an empty buffer is taken when nothing is queued), DEBROS_ENOTFOUND
 * (no such stream, or our side is finished), DEBROS_ENOMEM. */
int dbr_stack_send(struct dbr_stack *stack, uint32_t stream, debros_bytes data);
/* `len` received bytes of `stream` were used: the peer may send as many again. */
void dbr_stack_consume(struct dbr_stack *stack, uint32_t stream, size_t len);
void dbr_stack_finish(struct dbr_stack *stack, uint32_t stream); /* half close */
void dbr_stack_reset(struct dbr_stack *stack, uint32_t stream);
void dbr_stack_goaway(struct dbr_stack *stack); /* then flush out() and close */
/* What `stream` sends overtakes the other streams: for pings, a few bytes at a time. */
void dbr_stack_urge(struct dbr_stack *stack, uint32_t stream);
/* Bytes that `stream` has queued and not yet framed. */
size_t dbr_stack_queued(const struct dbr_stack *stack, uint32_t stream);

/* Out. */
bool dbr_stack_poll(struct dbr_stack *stack, struct dbr_stack_event *event);
/* Frames and encrypts what is queued, many small frames in one Noise message, and gives
 * the buffer of bytes for the wire; the caller takes or consumes it. Stops framing data
 * (never control) while the buffer holds more than 256 KiB. What stays in the buffer
 * is what the peer has not read: limits.control_backlog counts its control bytes. */
struct dbr_buf *dbr_stack_out(struct dbr_stack *stack);

/* Time. */
dbr_time dbr_stack_deadline(const struct dbr_stack *stack);
int dbr_stack_expire(struct dbr_stack *stack, dbr_time now);

#endif
