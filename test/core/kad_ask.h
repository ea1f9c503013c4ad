/* Node 1 asks others: for the tests of kad_calls.c, kad_dials.c and kad_peers.c. */
#ifndef DBR_TEST_CORE_KAD_ASK_H
#define DBR_TEST_CORE_KAD_ASK_H

#include "kad.h"

#define REQUEST 1000000 /* numbers that the machine does not know: it ignores their end */

static inline struct dbr_kad_link *link_of(size_t number)
{
    return kad_node(number)->link;
}

/* Node 1 asks `to` at its address, or at none. */
static inline void ask(uint64_t n, size_t to, bool with_addr, bool one_way)
{
    static const uint8_t find[] = {0x08, 4, 0x12, 1, 'x'}; /* FIND_NODE "x" */
    struct dbr_dht_event event = {.type = DBR_DHT_EVENT_SEND,
                                  .request = REQUEST + n,
                                  .one_way = one_way,
                                  .peer = pipe_node(kad_world, to)->id,
                                  .data = dbr_bytes(find, sizeof(find)),
                                  .addrs = &pipe_node(kad_world, to)->addr,
                                  .n_addrs = with_addr};
    dbr_kad_call_begin(link_of(1), &event, kad_world->now);
}

static inline void lone_link(size_t n, const struct dbr_kad_limits *limits)
{
    kad_up(n, 0, true);
    kad_join(1, true, limits);
}

static inline struct dbr_kad_limits defaults(void)
{
    struct dbr_kad_limits limits;
    dbr_kad_limits_default(&limits);
    return limits;
}

/* A bare swarm that does not speak the protocol is not probed. */
static inline void hide(size_t number)
{
    dbr_swarm_offer(pipe_node(kad_world, number)->swarm, 0, false);
}

static inline size_t n_calls(void)
{
    return HASH_COUNT(link_of(1)->calls);
}

static inline bool connected(size_t a, size_t b)
{
    return dbr_swarm_is_connected(pipe_node(kad_world, a)->swarm,
                                  &pipe_node(kad_world, b)->id);
}

#endif
