/* One swarm and, at the other end of its connection, a bare stack: a peer that says
 * whatever a test wants. */
#ifndef DBR_TEST_SWARM_RAW_H
#define DBR_TEST_SWARM_RAW_H

#include "test.h"

#include "base/buf.h"
#include "pipe.h"

#define RAW_STREAMS 64

struct raw_stream {
    uint32_t id;
    char protocol[100];
    bool inbound; /* the swarm opened it */
    bool opened;
    bool refused;
    bool finished;
    bool reset;
    bool closed;
    struct dbr_buf data;
};

struct raw {
    struct pipe_world *world; /* its node 1 is the swarm */
    struct pipe_node *node;
    struct dbr_stack *stack;
    struct dbr_keypair key;
    struct dbr_peer_id id;
    struct dbr_rng rng;
    uint64_t conn;
    bool dialer;
    bool refuse_all;  /* streams of the swarm */
    bool keep_window; /* gives no window back */
    bool goaway;
    int err;
    struct raw_stream streams[RAW_STREAMS];
    size_t n_streams;
};

/* The peer dials the swarm, or is dialed by it, and is a member. */
struct raw *raw_create(bool dialer);
/* The same over a world that a test has prepared (pipe_start() was called). */
struct raw *raw_attach(struct pipe_world *world, bool dialer);
void raw_destroy(struct raw *raw); /* with its world */
void raw_run(struct raw *raw);
/* Like pipe_sleep(). */
void raw_sleep(struct raw *raw, uint64_t ms);
struct raw_stream *raw_open(struct raw *raw, const char *protocol);
void raw_send(struct raw *raw, struct raw_stream *stream, debros_bytes data);
/* The n-th stream of `protocol` that the swarm opened, or NULL. */
struct raw_stream *raw_find(struct raw *raw, const char *protocol, size_t n);

#endif
