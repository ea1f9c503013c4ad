#include "peers.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"

void dbr_peers_init(struct dbr_peers *peers)
{
    *peers = (struct dbr_peers){.max = DBR_PEERS_MAX};
    dbr_list_init(&peers->connected);
    dbr_list_init(&peers->others);
}

static void peer_free(struct dbr_peers *peers, struct dbr_peer *peer)
{
    HASH_DEL(peers->table, peer);
    peers->n--;
    dbr_list_remove(&peer->in_order);
    dbr_list_remove(&peer->in_kept);
    dbr_note_cancel(&peer->connected);
    dbr_note_cancel(&peer->disconnected);
    dbr_note_cancel(&peer->identified);
    dbr_identify_info_finish(&peer->info);
    dbr_free(peer->redial.round);
    dbr_free(peer);
}

void dbr_peers_finish(struct dbr_peers *peers)
{
    struct dbr_peer *peer;
    struct dbr_peer *tmp;
    HASH_ITER(hh, peers->table, peer, tmp) {
        peer_free(peers, peer);
    }
}

struct dbr_peer *dbr_peers_find(const struct dbr_peers *peers,
                                const struct dbr_peer_id *id)
{
    struct dbr_peer *peer;
    HASH_FIND(hh, peers->table, id, sizeof(*id), peer);
    return peer;
}

/* Nobody above or in the swarm holds on to it. */
static bool is_unused(const struct dbr_peer *peer)
{
    return peer->cls == DBR_PEER_STRANGER && !peer->keep && peer->attempt == NULL &&
           dbr_list_is_empty(&peer->conns) && !dbr_note_is_queued(&peer->connected) &&
           !dbr_note_is_queued(&peer->disconnected) &&
           !dbr_note_is_queued(&peer->identified);
}

static bool make_room(struct dbr_peers *peers)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &peers->others) {
        struct dbr_peer *peer = DBR_LIST_ENTRY(item, struct dbr_peer, in_order);
        if (is_unused(peer)) {
            peer_free(peers, peer);
            return true;
        }
    }
    return false;
}

struct dbr_peer *dbr_peers_get(struct dbr_peers *peers, const struct dbr_peer_id *id)
{
    struct dbr_peer *peer = dbr_peers_find(peers, id);
    if (peer != NULL) {
        return peer;
    }
    if (peers->n >= peers->max && !make_room(peers)) {
        return NULL;
    }
    peer = dbr_calloc(1, sizeof(*peer));
    if (peer == NULL) {
        return NULL;
    }
    peer->id = *id;
    peer->redial.at = DBR_TIME_NEVER;
    dbr_list_init(&peer->conns);
    dbr_list_init(&peer->in_order);
    dbr_list_init(&peer->in_kept);
    dbr_note_init(&peer->connected, DBR_SWARM_CONNECTED);
    dbr_note_init(&peer->disconnected, DBR_SWARM_DISCONNECTED);
    dbr_note_init(&peer->identified, DBR_SWARM_IDENTIFIED);
    dbr_identify_info_init(&peer->info);
    HASH_ADD(hh, peers->table, id, sizeof(peer->id), peer);
    if (!dbr_hash_added(peer)) {
        dbr_free(peer);
        return NULL;
    }
    peers->n++;
    dbr_list_push_back(&peers->others, &peer->in_order);
    return peer;
}

struct dbr_peer *dbr_peers_at(const struct dbr_peers *peers, size_t i)
{
    const struct dbr_list *head = &peers->connected;
    if (i >= peers->n_connected) {
        i -= peers->n_connected;
        head = &peers->others;
    }
    struct dbr_list *item = head->next;
    while (item != head && i > 0) {
        item = item->next;
        i--;
    }
    return item == head ? NULL : DBR_LIST_ENTRY(item, struct dbr_peer, in_order);
}

void dbr_peers_set_connected(struct dbr_peers *peers, struct dbr_peer *peer,
                             bool connected)
{
    dbr_list_remove(&peer->in_order);
    dbr_list_push_back(connected ? &peers->connected : &peers->others, &peer->in_order);
    peers->n_connected = connected ? peers->n_connected + 1 : peers->n_connected - 1;
}

void dbr_peers_release(struct dbr_peers *peers, struct dbr_peer *peer)
{
    if (is_unused(peer)) {
        peer_free(peers, peer);
    }
}

void dbr_peer_set_info(struct dbr_peer *peer, struct dbr_identify_info *info)
{
    dbr_identify_info_finish(&peer->info);
    peer->info = *info;
    dbr_identify_info_init(info);
    dbr_identify_shrink(&peer->info);
}

void dbr_peer_view(const struct dbr_peer *peer, struct dbr_peer_info *info)
{
    *info = (struct dbr_peer_info){
        .id = peer->id,
        .connected = dbr_peer_is_connected(peer),
        .inbound = peer->inbound,
        .kept = peer->keep,
        .cls = peer->cls,
        .since = dbr_peer_is_connected(peer) ? peer->since : 0,
        .rtt_us = peer->rtt_us,
        .agent = peer->info.agent,
        .protocols = peer->info.protocols,
        .n_protocols = peer->info.n_protocols,
        .told = peer->info.addrs,
        .n_told = peer->info.n_addrs,
        .observed = peer->info.observed,
        .record = peer->info.record,
        .record_seq = peer->info.record_seq,
    };
}
