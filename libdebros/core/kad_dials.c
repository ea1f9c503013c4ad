/* Dials for requests of ours. Whom the swarm keeps is never dialed from here. */
#include "core/kad_inner.h"

#define DIAL_BIT (UINT64_C(1) << 62) /* of a token: a dial, not a ping */

/* Wherever the book says that it is. */
static void dial(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    struct dbr_multiaddr addr = {0};
    dbr_multiaddr_set_peer(&addr, &peer->id);
    peer->token = DBR_KAD_TOKEN | DIAL_BIT | ++link->next_token;
    dbr_swarm_connect(link->config.swarm, &addr, peer->token, now);
}

/* What waits for the peer's connection goes out, or fails where there is none. */
static void end_dial(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    bool connected = dbr_swarm_is_connected(link->config.swarm, &peer->id);
    link->n_dials -= peer->dial == DBR_KAD_DIALING;
    peer->dial = DBR_KAD_DIALING; /* so that the last call's end does not free it */
    DBR_LIST_FOREACH(item, tmp, &peer->calls)
    {
        struct dbr_kad_call *call = DBR_LIST_ENTRY(item, struct dbr_kad_call, node);
        if (!call->sent && connected) {
            dbr_kad_call_send(link, call, now);
        } else if (!call->sent) {
            dbr_kad_call_fail(link, call, now);
        }
    }
    peer->dial = DBR_KAD_NO_DIAL;
    dbr_list_remove(&peer->node);
    dbr_kad_peer_release(link, peer, now);
}

static void dial_queued(struct dbr_kad_link *link, dbr_time now)
{
    while (link->n_dials < link->config.limits.dials &&
           !dbr_list_is_empty(&link->queued)) {
        struct dbr_kad_peer *peer =
            DBR_LIST_ENTRY(link->queued.next, struct dbr_kad_peer, node);
        dbr_list_remove(&peer->node);
        dbr_list_push_back(&link->dialing, &peer->node);
        peer->dial = DBR_KAD_DIALING;
        link->n_dials++;
        dial(link, peer, now);
    }
}

/* Whom the swarm keeps it dials with a back-off of its own. */
bool dbr_kad_may_dial(const struct dbr_kad_link *link, const struct dbr_peer_id *peer)
{
    struct dbr_peer_info info = {.cls = DBR_PEER_STRANGER};
    bool known = dbr_swarm_peer_info(link->config.swarm, peer, &info);
    return !(known && info.kept) &&
           (link->config.open || info.cls == DBR_PEER_MEMBER);
}

void dbr_kad_dial_queue(struct dbr_kad_link *link, struct dbr_kad_peer *peer,
                        const struct dbr_dht_event *event, dbr_time now)
{
    if (peer->dial != DBR_KAD_NO_DIAL) {
        return;
    }
    dbr_swarm_hint(link->config.swarm, &peer->id, event->addrs, event->n_addrs, now);
    peer->dial = DBR_KAD_QUEUED;
    dbr_list_push_back(&link->queued, &peer->node);
    dial_queued(link, now);
}

void dbr_kad_call_dialed(struct dbr_kad_link *link, uint64_t token, int status,
                         dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &link->dialing)
    {
        struct dbr_kad_peer *peer = DBR_LIST_ENTRY(item, struct dbr_kad_peer, node);
        struct dbr_peer_info info;
        if (peer->token != token) {
            continue;
        }
        peer->ours = status == 0 &&
                     dbr_swarm_peer_info(link->config.swarm, &peer->id, &info) &&
                     info.connected && !info.inbound;
        end_dial(link, peer, now);
        break;
    }
    dial_queued(link, now);
}

void dbr_kad_call_connected(struct dbr_kad_link *link, const struct dbr_peer_id *id,
                            dbr_time now)
{
    struct dbr_kad_peer *peer = dbr_kad_peer_find(link, id);
    if (peer != NULL && peer->dial == DBR_KAD_QUEUED) {
        end_dial(link, peer, now);
    }
}

void dbr_kad_call_disconnected(struct dbr_kad_link *link, const struct dbr_peer_id *id)
{
    struct dbr_kad_peer *peer = dbr_kad_peer_find(link, id);
    if (peer == NULL) {
        return;
    }
    peer->ours = peer->claimed = false;
    if (dbr_list_is_empty(&peer->calls) && peer->dial == DBR_KAD_NO_DIAL) {
        dbr_kad_peer_free(link, peer);
    }
}
