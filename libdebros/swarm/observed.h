/* Our addresses as others see them: what a peer dialed to reach us, though we do not
 * listen there ourselves, as behind a port that a router forwards.
 *
 * Only peers that dialed us know such an address; what they see when we dial is a port of
 * the moment. One counts once four hosts have named it within an hour: go-libp2p's rule.
 */
#ifndef DBR_SWARM_OBSERVED_H
#define DBR_SWARM_OBSERVED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "gate.h"
#include "multi/multiaddr.h"

#define DBR_OBSERVED_ADDRS  8 /* then the one that was named longest ago goes */
#define DBR_OBSERVED_ENOUGH 4
#define DBR_OBSERVED_MS     3600000

struct dbr_observer {
    struct dbr_gate_key host;
    dbr_time at;
};

struct dbr_observed_addr {
    struct dbr_multiaddr addr;
    struct dbr_observer observers[DBR_OBSERVED_ENOUGH];
    size_t n_observers;
    dbr_time at; /* the latest */
};

struct dbr_observed {
    struct dbr_observed_addr addrs[DBR_OBSERVED_ADDRS];
    size_t n;
};

/* The peer at `observer` dialed us at `addr`. True: the set of confirmed addresses is
 * another one now. */
bool dbr_observed_add(struct dbr_observed *observed, const struct dbr_multiaddr *addr,
                      const struct dbr_multiaddr *observer, dbr_time now);
/* Forgets what nobody has named for an hour. True as above. */
bool dbr_observed_expire(struct dbr_observed *observed, dbr_time now);
bool dbr_observed_is_confirmed(const struct dbr_observed_addr *addr);

#endif
