/* The yamux stream multiplexer, without I/O.
 *
 * Spec: github.com/hashicorp/yamux/blob/master/spec.md; libp2p-wire section 4.
 *
 * Feed received text with dbr_yamux_recv(), drain what happened with dbr_yamux_poll(),
 * let dbr_yamux_fill() write frames into the next message, and call dbr_yamux_expire()
 * once `now` passes dbr_yamux_deadline(). After an error only fill (for the GoAway that
 * tells the peer) and destroy are allowed. */
#ifndef DBR_CONN_YAMUX_H
#define DBR_CONN_YAMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "limits.h"

struct dbr_yamux;
struct dbr_yamux_stream;

#define DBR_YAMUX_RESETS_PER_SECOND 1024  /* resets by the peer and opens we refuse */
#define DBR_YAMUX_IDLE_PER_SECOND   16384 /* frames that say nothing */

enum dbr_yamux_event_type {
    DBR_YAMUX_OPENED,   /* the peer opened `stream` */
    DBR_YAMUX_DATA,     /* `data` arrived; give window back by _consume() */
    DBR_YAMUX_WRITABLE, /* `stream`, once full, takes bytes again */
    DBR_YAMUX_FINISHED, /* the peer will send no more on `stream` */
    DBR_YAMUX_RESET,    /* last event: call _forget() */
    DBR_YAMUX_CLOSED,   /* last event, both sides finished: call _forget() */
    DBR_YAMUX_GOAWAY    /* the peer wants no new streams */
};

struct dbr_yamux_event {
    enum dbr_yamux_event_type type;
    uint32_t id;
    uint64_t serial;   /* tells a stream from an older one of the same id */
    debros_bytes data; /* points into what _recv() was given */
};

int dbr_yamux_create(struct dbr_yamux **out, bool client,
                     const struct dbr_stack_limits *limits, dbr_time now);
void dbr_yamux_destroy(struct dbr_yamux *y);
/* The measured round trip: windows that are used up within four of it grow. */
void dbr_yamux_set_rtt(struct dbr_yamux *y, uint32_t rtt_ms);

/* In. `text` stays where it is until the events are drained. 0, DEBROS_EPROTO,
 * DEBROS_ELIMIT (a flood, or the peer does not read our answers), DEBROS_ENOMEM. Also
 * gives the error of an earlier call that could return none. */
int dbr_yamux_recv(struct dbr_yamux *y, debros_bytes text, dbr_time now);
const char *dbr_yamux_reason(const struct dbr_yamux *y);

/* A stream that is not gone in both directions, or NULL. */
struct dbr_yamux_stream *dbr_yamux_find(struct dbr_yamux *y, uint32_t id);
/* The stream of an event, also when it is gone by that event; NULL once forgotten. */
struct dbr_yamux_stream *dbr_yamux_event_stream(struct dbr_yamux *y,
                                                const struct dbr_yamux_event *event);
uint32_t dbr_yamux_id(const struct dbr_yamux_stream *s);
/* One pointer for the owner; NULL at first. */
void **dbr_yamux_user(struct dbr_yamux_stream *s);

/* 0, DEBROS_ELIMIT (limit, GoAway, ids used up), DEBROS_ENOMEM. */
int dbr_yamux_open(struct dbr_yamux *y, struct dbr_yamux_stream **out, dbr_time now);
/* Queues all of `data` or nothing: 0, DEBROS_EBUSY, DEBROS_ENOTFOUND (our side is
 * finished), DEBROS_ENOMEM. */
int dbr_yamux_send(struct dbr_yamux *y, struct dbr_yamux_stream *s, debros_bytes data);
/* Queues bytes of a negotiation: beside the limit and not counted as queued. */
int dbr_yamux_send_extra(struct dbr_yamux *y, struct dbr_yamux_stream *s,
                         debros_bytes data);
void dbr_yamux_consume(struct dbr_yamux *y, struct dbr_yamux_stream *s, size_t len);
void dbr_yamux_finish(struct dbr_yamux *y, struct dbr_yamux_stream *s);
/* Tells the peer unless the stream is gone already, and forgets it. */
void dbr_yamux_reset(struct dbr_yamux *y, struct dbr_yamux_stream *s);
void dbr_yamux_forget(struct dbr_yamux *y, struct dbr_yamux_stream *s);
/* From now on its frames come before those of other streams. */
void dbr_yamux_urge(struct dbr_yamux *y, struct dbr_yamux_stream *s);
void dbr_yamux_goaway(struct dbr_yamux *y);
size_t dbr_yamux_queued(const struct dbr_yamux_stream *s);

/* Out. */
bool dbr_yamux_poll(struct dbr_yamux *y, struct dbr_yamux_event *event);
bool dbr_yamux_is_drained(const struct dbr_yamux *y);
/* Of all `written` bytes of the connection so far, `sent` have left for the peer: the
 * answers among them no longer count as unread. Call it before recv and before fill. */
void dbr_yamux_sent(struct dbr_yamux *y, uint64_t written, uint64_t sent);
/* How much room the next _fill() can use, `room` at most; 0: nothing to send. */
size_t dbr_yamux_wanted(const struct dbr_yamux *y, size_t room, bool data);
/* Writes whole frames, control first, and returns their size. Without `data` only
 * control: pongs, resets, windows, acks, FIN. */
size_t dbr_yamux_fill(struct dbr_yamux *y, uint8_t *to, size_t room, bool data);

/* Time. */
dbr_time dbr_yamux_deadline(const struct dbr_yamux *y);
int dbr_yamux_expire(struct dbr_yamux *y, dbr_time now);

#endif
