/* How many connections a node has, and with whom: below the low water it dials peers that
 * it knows of, above the high water it lets go of those that nothing needs.
 *
 * Peers that are kept (bootstrap, the raft group) stay whatever happens, and are dialed
 * for ever by the swarm. One that does not answer, or of which no address is known, may
 * be connected with others: the hash table is asked where it is, for one peer at each
 * look. In a closed cluster only members count. */
#ifndef DBR_CORE_DISCOVERY_H
#define DBR_CORE_DISCOVERY_H

#include <stdint.h>

#include "base/clock.h"
#include "base/rng.h"
#include "multi/peer_id.h"

#define DBR_DISCOVERY_TRIED_MAX 64u
#define DBR_DISCOVERY_PAUSE_MS  1000u /* between two looks, whatever comes up */

struct dbr_discovery_limits {
    uint32_t interval_ms; /* between two looks; default 10,000 */
    uint32_t dials;       /* at a time; default 3, as the original documents */
    uint32_t low_water;   /* connections; default 8 */
    uint32_t high_water;  /* default 64 */
    uint32_t grace_ms;    /* a connection so young is not let go; default 20,000 */
};
/* Fills what is 0. */
void dbr_discovery_limits_default(struct dbr_discovery_limits *limits);

struct dbr_discovery {
    struct dbr_discovery_limits limits;
    dbr_time at;        /* the next look */
    dbr_time looked_at; /* the last one */
    uint32_t n_dials;   /* under way */
    struct dbr_peer_id tried[DBR_DISCOVERY_TRIED_MAX]; /* since the last look */
    uint32_t n_tried;
    bool is_searching; /* for a kept peer, in the hash table */
};

#endif
