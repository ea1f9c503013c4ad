/* Swarms in one memory with the hash table above them, for the tests of kad_*.c. */
#ifndef DBR_TEST_CORE_KAD_H
#define DBR_TEST_CORE_KAD_H

#include "../swarm/pipe.h"
#include "core/kad_link.h"

#define KAD_WALL_MS 1790000000000
#define KAD_DONE    16

struct kad_done {
    uint64_t token;
    int status;
    size_t n_peers;
    size_t n_addrs;
    uint32_t stored;
    char data[512];
};

struct kad_node {
    struct dbr_kad_link *link; /* NULL: a bare swarm */
    struct kad_done done[KAD_DONE];
    size_t n_done;
};

static struct pipe_world *kad_world;
static struct kad_node kad_nodes[PIPE_NODES];
static struct dbr_dht_limits kad_dht_limits; /* of the links that join next */
static struct dbr_swarm_protocol kad_protocol = {DBR_DHT_PROTOCOL, DBR_PEER_STRANGER,
                                                 DBR_DHT_MESSAGE_MAX, DBR_KAD_SEND_QUEUE};

static inline struct kad_node *kad_node(size_t number)
{
    return &kad_nodes[number - 1];
}

static inline void kad_drain(size_t number)
{
    struct kad_node *node = kad_node(number);
    struct dbr_dht_event event;
    while (node->link != NULL && dbr_kad_link_poll(node->link, &event, kad_world->now)) {
        if (event.type == DBR_DHT_EVENT_DONE) {
            assert_true(node->n_done < KAD_DONE);
            struct kad_done *done = &node->done[node->n_done++];
            *done = (struct kad_done){event.token, event.status, event.n_peers,
                                      event.n_addrs, event.stored, ""};
            assert_true(event.data.len < sizeof(done->data));
            if (event.data.len > 0) {
                memcpy(done->data, event.data.data, event.data.len);
            }
        }
    }
}

static inline void kad_above(struct pipe_world *world, struct pipe_node *pipe,
                             const struct dbr_swarm_event *event)
{
    size_t number = (size_t)(pipe - world->nodes) + 1;
    struct kad_node *node = kad_node(number);
    if (node->link != NULL) {
        dbr_kad_link_swarm(node->link, event, world->now);
        kad_drain(number);
    }
}

static inline dbr_time kad_deadline(struct pipe_world *world)
{
    dbr_time at = DBR_TIME_NEVER;
    (void)world;
    for (size_t i = 0; i < PIPE_NODES; i++) {
        if (kad_nodes[i].link != NULL) {
            at = dbr_time_min(at, dbr_kad_link_deadline(kad_nodes[i].link));
        }
    }
    return at;
}

static inline void kad_expire(struct pipe_world *world)
{
    for (size_t i = 0; i < PIPE_NODES; i++) {
        if (kad_nodes[i].link != NULL &&
            dbr_kad_link_deadline(kad_nodes[i].link) <= world->now) {
            dbr_kad_link_expire(kad_nodes[i].link, world->now);
            kad_drain(i + 1);
        }
    }
}

/* The link of a node with its own limits; open or not. */
static inline void kad_join(size_t number, bool open, const struct dbr_kad_limits *limits)
{
    struct pipe_node *pipe = pipe_node(kad_world, number);
    struct dbr_kad_config config = {.swarm = pipe->swarm,
                                    .protocol_id = kad_protocol.id,
                                    .open = open,
                                    .identity = &pipe->key,
                                    .wall_ms = KAD_WALL_MS,
                                    .limits = *limits,
                                    .dht = kad_dht_limits};
    assert_int_equal(dbr_kad_link_create(&kad_node(number)->link, &config, &pipe->rng,
                                         kad_world->now),
                     0);
    dbr_kad_link_set_addrs(kad_node(number)->link, &pipe->full_addr, 1);
}

/* `n` swarms of which the first `links` run the table. */
static inline void kad_up(size_t n, size_t links, bool open)
{
    struct dbr_kad_limits limits;
    dbr_kad_limits_default(&limits);
    dbr_dht_limits_default(&kad_dht_limits);
    memset(kad_nodes, 0, sizeof(kad_nodes));
    kad_world = dbr_malloc(sizeof(*kad_world));
    assert_non_null(kad_world);
    pipe_init(kad_world);
    kad_protocol.min_class = open ? DBR_PEER_STRANGER : DBR_PEER_CLIENT;
    kad_world->config.protocols = &kad_protocol;
    kad_world->config.n_protocols = 1;
    kad_world->config.open = open;
    kad_world->above = kad_above;
    kad_world->above_deadline = kad_deadline;
    kad_world->above_expire = kad_expire;
    pipe_start(kad_world, n);
    for (size_t i = 1; i <= links; i++) {
        kad_join(i, open, &limits);
    }
}

static inline void kad_down(void)
{
    for (size_t i = 0; i < PIPE_NODES; i++) {
        dbr_kad_link_destroy(kad_nodes[i].link);
    }
    pipe_destroy(kad_world);
}

static inline void kad_connect(size_t a, size_t b)
{
    pipe_connect(kad_world, a, b);
    pipe_forget(kad_world);
}

static inline struct dbr_dht *kad_dht(size_t number)
{
    return kad_node(number)->link->dht;
}

/* Time goes on until the last question of the node is answered. */
static inline const struct kad_done *kad_wait(size_t number, int begun)
{
    struct kad_node *node = kad_node(number);
    size_t before = node->n_done;
    assert_int_equal(begun, 0);
    kad_drain(number);
    for (int i = 0; i < 700 && node->n_done == before; i++) {
        pipe_sleep(kad_world, 100);
    }
    assert_int_equal(node->n_done, before + 1);
    return &node->done[before];
}

#endif
