/* What the swarm writes into its book: whom it meets, and where. Strangers have no entry
 * unless the swarm is open. */
#ifndef DBR_SWARM_ENTRY_H
#define DBR_SWARM_ENTRY_H

#include <stdbool.h>

struct dbr_conn;
struct dbr_peer;
struct dbr_swarm;

/* `conn` is secured and belongs to its peer. */
void dbr_entry_connected(struct dbr_swarm *swarm, const struct dbr_conn *conn);
/* What identify has told of the peer of `conn`. */
void dbr_entry_identified(struct dbr_swarm *swarm, const struct dbr_conn *conn);
/* The last connection is gone. */
void dbr_entry_disconnected(struct dbr_swarm *swarm, const struct dbr_peer *peer);
/* A connected peer is no stranger any more: all that was not written before. */
void dbr_entry_welcome(struct dbr_swarm *swarm, const struct dbr_peer *peer);

#endif
