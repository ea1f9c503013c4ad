/* A raft server's id from its node's key: the first 8 bytes (little-endian) of SHA-256
 * of the peer id, never 0 and never from an address. */
#ifndef DBR_CLUSTER_SERVER_ID_H
#define DBR_CLUSTER_SERVER_ID_H

#include "multi/peer_id.h"

uint64_t dbr_server_id(const struct dbr_peer_id *peer);

#endif
