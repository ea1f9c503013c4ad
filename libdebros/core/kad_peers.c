/* Peers that requests of ours go to, and the connections that were dialed for them and
 * that nobody uses any more. What others use is never closed. */
#include "core/kad_inner.h"

#include "base/alloc.h"

struct dbr_kad_peer *dbr_kad_peer_find(const struct dbr_kad_link *link,
                                       const struct dbr_peer_id *id)
{
    struct dbr_kad_peer *peer;
    HASH_FIND(hh, link->peers, id, sizeof(*id), peer);
    return peer;
}

struct dbr_kad_peer *dbr_kad_peer_get(struct dbr_kad_link *link,
                                      const struct dbr_peer_id *id)
{
    struct dbr_kad_peer *peer = dbr_kad_peer_find(link, id);
    if (peer != NULL) {
        return peer;
    }
    peer = dbr_calloc(1, sizeof(*peer));
    if (peer == NULL) {
        return NULL;
    }
    peer->id = *id;
    peer->idle_at = DBR_TIME_NEVER;
    dbr_list_init(&peer->calls);
    dbr_list_init(&peer->node);
    HASH_ADD(hh, link->peers, id, sizeof(peer->id), peer);
    if (!dbr_hash_added(peer)) {
        dbr_free(peer);
        return NULL;
    }
    return peer;
}

void dbr_kad_peer_free(struct dbr_kad_link *link, struct dbr_kad_peer *peer)
{
    HASH_DEL(link->peers, peer);
    dbr_list_remove(&peer->node);
    dbr_free(peer);
}

static void set_idle(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    peer->idle_at = dbr_time_add(now, link->config.limits.idle_ms);
    link->idle_at = dbr_time_min(link->idle_at, peer->idle_at);
}

/* Nothing is asked of it any more. */
void dbr_kad_peer_release(struct dbr_kad_link *link, struct dbr_kad_peer *peer,
                          dbr_time now)
{
    if (!dbr_list_is_empty(&peer->calls) || peer->dial == DBR_KAD_DIALING) {
        return;
    }
    if (peer->dial == DBR_KAD_QUEUED) {
        peer->dial = DBR_KAD_NO_DIAL;
        dbr_list_remove(&peer->node);
    }
    if (peer->ours) {
        set_idle(link, peer, now);
    } else {
        dbr_kad_peer_free(link, peer);
    }
}

/* ---- Idle connections ------------------------------------------------------------ */

static void close_idle(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    struct dbr_peer_info info;
    struct dbr_peer_id id = peer->id;
    bool known = dbr_swarm_peer_info(link->config.swarm, &id, &info);
    bool lonely = known && info.connected && !info.kept && !peer->claimed;
    if (lonely && info.n_streams > 0) {
        set_idle(link, peer, now);
        return;
    }
    dbr_kad_peer_free(link, peer);
    if (lonely) {
        dbr_swarm_disconnect(link->config.swarm, &id, now);
    }
}

static bool is_idle(const struct dbr_kad_peer *peer)
{
    return peer->ours && peer->dial == DBR_KAD_NO_DIAL && dbr_list_is_empty(&peer->calls);
}

void dbr_kad_peers_expire(struct dbr_kad_link *link, dbr_time now)
{
    struct dbr_kad_peer *peer;
    struct dbr_kad_peer *tmp;
    if (link->idle_at > now) {
        return;
    }
    link->idle_at = DBR_TIME_NEVER;
    HASH_ITER(hh, link->peers, peer, tmp)
    {
        if (is_idle(peer) && peer->idle_at <= now) {
            close_idle(link, peer, now);
        } else if (is_idle(peer)) {
            link->idle_at = dbr_time_min(link->idle_at, peer->idle_at);
        }
    }
}
