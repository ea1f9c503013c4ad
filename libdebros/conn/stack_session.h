/* The inside of the stack machine, shared by stack.c (the connection: its phases, time)
 * and stack_streams.c (streams and their negotiation). */
#ifndef DBR_CONN_STACK_SESSION_H
#define DBR_CONN_STACK_SESSION_H

#include "base/buf.h"
#include "base/list.h"
#include "base/ring.h"
#include "multistream.h"
#include "noise.h"
#include "stack.h"
#include "yamux.h"

#define DBR_STACK_REASON_SIZE 200

enum dbr_stack_phase {
    DBR_STACK_PHASE_SECURITY, /* multistream for /noise */
    DBR_STACK_PHASE_NOISE,
    DBR_STACK_PHASE_MUXER, /* multistream for yamux, inside Noise */
    DBR_STACK_PHASE_OPEN
};

/* A stream whose protocol is not agreed yet; the `user` of its yamux stream. */
struct dbr_stack_negotiation {
    struct dbr_list item; /* in stack->negotiating, ordered by deadline */
    dbr_time deadline;
    struct dbr_yamux_stream *stream;
    bool ours;  /* we opened it */
    bool asked; /* INCOMING was given out and is not answered */
    struct dbr_multistream ms;
};

/* Input whose events the owner has not drained yet. */
struct dbr_stack_retired {
    struct dbr_list item;
    struct dbr_buf buf;
};

struct dbr_stack {
    struct dbr_stack_config config;
    struct dbr_rng *rng;
    enum dbr_stack_phase phase;
    int err;
    char reason[DBR_STACK_REASON_SIZE];
    dbr_time now; /* the newest we were told */
    dbr_time handshake_deadline;
    dbr_time asked_at; /* when our last handshake message was made */

    struct dbr_buf in;
    struct dbr_list retired;
    size_t retired_len;
    struct dbr_buf out;
    uint64_t framed; /* bytes that ever came into `out` since the muxer speaks */

    struct dbr_multistream ms; /* of the connection */
    struct dbr_noise noise;
    struct dbr_yamux *yamux;

    struct dbr_list negotiating;
    struct dbr_stack_negotiation *asked;
    struct dbr_yamux_event current; /* DATA that is used up in parts */
    struct dbr_ring events;         /* before those of yamux */
};

/* stack.c */
int dbr_stack_fail(struct dbr_stack *stack, int err, const char *reason);
/* Frees input that no event points to any more. */
void dbr_stack_release_input(struct dbr_stack *stack);

/* stack_streams.c */
void dbr_stack_streams_finish(struct dbr_stack *stack);
dbr_time dbr_stack_streams_deadline(const struct dbr_stack *stack);
void dbr_stack_streams_expire(struct dbr_stack *stack);

#endif
