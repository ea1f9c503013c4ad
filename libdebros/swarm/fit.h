/* Which addresses of peers are fit to be remembered: whoever names one may have made it
 * up, to waste our dials or to have us knock at somebody's door. */
#ifndef DBR_SWARM_FIT_H
#define DBR_SWARM_FIT_H

#include <stdbool.h>

#include "multi/multiaddr.h"
#include "multi/peer_id.h"

enum dbr_fit {
    DBR_FIT,
    DBR_FIT_FOREIGN,  /* it ends in the id of another peer */
    DBR_FIT_STRANGE,  /* no TCP endpoint; or a name, and those are not allowed */
    DBR_FIT_NOWHERE,  /* wildcard, multicast or broadcast, or port 0 */
    DBR_FIT_LOOPBACK, /* of whatever machine it is heard on */
    DBR_FIT_PRIVATE   /* RFC 1918, 3927, 4193, 4291, 6598 */
};
#define DBR_FITS 6u

struct dbr_fit_rules {
    bool names;      /* /dns.../tcp/N is allowed */
    bool loopback;   /* and so is this */
    bool is_private; /* and this */
};

/* Cuts a /p2p of `id` off. */
enum dbr_fit dbr_fit_addr(struct dbr_multiaddr *addr, const struct dbr_peer_id *id,
                          struct dbr_fit_rules rules);

#endif
