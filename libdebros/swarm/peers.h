/* The table of peers: class, what identify told, connections. Where they can be found is
 * in the book: see book.h. */
#ifndef DBR_SWARM_PEERS_H
#define DBR_SWARM_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "bucket.h"
#include "dialer.h"
#include "identify.h"
#include "note.h"
#include "swarm.h"

#define DBR_PEERS_MAX                                                                    \
    8192 /* beyond it, unconnected strangers make room, the oldest first */

struct dbr_peer {
    struct dbr_peer_id id;
    enum dbr_peer_class cls;
    bool keep;
    dbr_time since;           /* connected */
    bool inbound;             /* of the connection that CONNECTED told about */
    struct dbr_list conns;    /* secured connections, the one for new streams first */
    struct dbr_conn *attempt; /* the one outbound attempt, or NULL */
    struct dbr_redial redial;
    struct dbr_identify_info info;
    uint32_t rtt_us;
    struct dbr_bucket pushes;
    struct dbr_note connected;
    struct dbr_note disconnected;
    struct dbr_note identified;
    struct dbr_list in_order; /* of peers.connected or peers.others */
    struct dbr_list in_kept;  /* of the swarm's kept peers */
    UT_hash_handle hh;
};

struct dbr_peers {
    struct dbr_peer *table;
    struct dbr_list connected; /* oldest first */
    struct dbr_list others;
    size_t n;
    size_t n_connected;
    size_t max;
};

void dbr_peers_init(struct dbr_peers *peers);
void dbr_peers_finish(struct dbr_peers *peers);
struct dbr_peer *dbr_peers_find(const struct dbr_peers *peers,
                                const struct dbr_peer_id *id);
/* Finds or makes. NULL: no memory, or the table is full of peers that matter. */
struct dbr_peer *dbr_peers_get(struct dbr_peers *peers, const struct dbr_peer_id *id);
struct dbr_peer *dbr_peers_at(const struct dbr_peers *peers, size_t i);
void dbr_peers_set_connected(struct dbr_peers *peers, struct dbr_peer *peer,
                             bool connected);
/* Frees a stranger of whom nothing is left to remember. */
void dbr_peers_release(struct dbr_peers *peers, struct dbr_peer *peer);

static inline bool dbr_peer_is_connected(const struct dbr_peer *peer)
{
    return !dbr_list_is_empty(&peer->conns);
}

/* Takes what identify told. */
void dbr_peer_set_info(struct dbr_peer *peer, struct dbr_identify_info *info);
/* All but the addresses. */
void dbr_peer_view(const struct dbr_peer *peer, struct dbr_peer_info *info);

#endif
