/* Several swarms in one memory: a tiny driver that carries bytes between them, with time
 * as a number. Node N listens on /ip4/10.0.0.N/tcp/4001, from 1 on. */
#ifndef DBR_TEST_SWARM_PIPE_H
#define DBR_TEST_SWARM_PIPE_H

#include "test.h"

#include "base/rng.h"
#include "crypto/keypair.h"
#include "swarm/swarm.h"

#define PIPE_NODES  4
#define PIPE_LINKS  512
#define PIPE_EVENTS 2048

struct pipe_event {
    struct dbr_swarm_event event;
    dbr_time at;
    struct dbr_buf message;
    char detail[512];
};

struct pipe_node {
    struct dbr_swarm *swarm;
    struct dbr_keypair key;
    struct dbr_rng rng;
    struct dbr_peer_id id;
    struct dbr_multiaddr addr;      /* without /p2p */
    struct dbr_multiaddr full_addr; /* with */
    bool down;                      /* refuses dials */
    bool silent;                    /* lets dials hang */
    bool stalled;                   /* takes events but never output */
    bool unwritten;                 /* takes output that never reaches anybody */
    bool not_polled;
    uint64_t next_conn;
    struct pipe_event events[PIPE_EVENTS];
    size_t n_events;
};

struct pipe_world;

/* One TCP connection. End 0 has dialed. */
struct pipe_link {
    struct pipe_node *node[2];
    uint64_t conn[2];
    bool open[2];
    struct dbr_buf wire[2]; /* towards that end */
    bool cut;               /* swallows everything */
};

struct pipe_world {
    struct pipe_node nodes[PIPE_NODES];
    struct pipe_link links[PIPE_LINKS];
    size_t n_links;
    size_t n_dials;
    dbr_time now;
    size_t chunk;  /* bytes delivered at once; 0: all */
    bool hold;     /* delivers nothing */
    bool loopback; /* nodes are at 127.0.0.N */
    struct dbr_swarm_config config;
    uint64_t raw_conn; /* of node 1, to something that is no swarm: see raw.h */
    bool raw_closed;
    struct dbr_buf raw_out;
    /* A machine above the swarms; NULL: none. */
    void (*above)(struct pipe_world *world, struct pipe_node *node,
                  const struct dbr_swarm_event *event);
    dbr_time (*above_deadline)(struct pipe_world *world);
    void (*above_expire)(struct pipe_world *world);
    char log[64][600];
    size_t n_log;
    struct dbr_logger logger;
};

/* The protocols of pipe_create(): */
enum {
    PIPE_ANYBODY, /* "/test/anybody", strangers, 1,000 bytes, queue 4,000 */
    PIPE_CLIENT,  /* "/test/client", clients, 1,000,000 bytes, queue 1,000,000 */
    PIPE_MEMBER   /* "/test/member", members */
};

/* Nothing is created yet: change world->config, then pipe_start(). */
void pipe_init(struct pipe_world *world);
void pipe_start(struct pipe_world *world, size_t n);
/* The usual: n open swarms that take each other for members. */
struct pipe_world *pipe_create(size_t n);
void pipe_destroy(struct pipe_world *world);
/* 1 to n. */
struct pipe_node *pipe_node(struct pipe_world *world, size_t number);
/* Starts one more node with the given key seed, or restarts it. */
void pipe_boot(struct pipe_world *world, struct pipe_node *node);
/* Until nothing moves. */
void pipe_run(struct pipe_world *world);
/* Runs, then lets `ms` pass, deadline by deadline. */
void pipe_sleep(struct pipe_world *world, uint64_t ms);
/* Both ends of a connection learn that the socket is gone. */
void pipe_break(struct pipe_world *world, size_t link);

/* The n-th event of a kind, from 0, or NULL. */
const struct pipe_event *pipe_event(const struct pipe_node *node,
                                    enum dbr_swarm_event_type type, size_t n);
size_t pipe_count(const struct pipe_node *node, enum dbr_swarm_event_type type);
void pipe_forget(struct pipe_world *world); /* all events */
size_t pipe_open_links(const struct pipe_world *world);
/* Connects a to b and expects that it works. */
void pipe_connect(struct pipe_world *world, size_t a, size_t b);
/* What `node` would dial to reach `peer`, as texts with a space between them. */
const char *pipe_addrs(const struct pipe_node *node, const struct dbr_peer_id *peer);
bool pipe_logged(const struct pipe_world *world, const char *part);

#endif
