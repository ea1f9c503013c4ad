/* Which of several connections with one peer serves, and who makes room for whom. */
#include <string.h>

#include "state.h"

struct dbr_conn *dbr_conn_of(const struct dbr_peer *peer)
{
    return dbr_peer_is_connected(peer)
               ? DBR_LIST_ENTRY(peer->conns.next, struct dbr_conn, in_peer)
               : NULL;
}

/* Among several with one peer: which serves new streams. */
static bool is_better(const struct dbr_swarm *swarm, const struct dbr_conn *a,
                      const struct dbr_conn *b)
{
    const struct dbr_conn *newer = a->secured_at >= b->secured_at ? a : b;
    const struct dbr_conn *older = newer == a ? b : a;
    if (a->stopping != b->stopping) {
        return !a->stopping;
    }
    if (a->inbound == b->inbound ||
        newer->secured_at - older->secured_at > DBR_CONN_SIMULTANEOUS_MS) {
        return a == newer;
    }
    /* Simultaneous dials: both ends keep the one whose dialer has the smaller id. */
    bool we_are_smaller = memcmp(&swarm->self, &a->peer->id, sizeof(swarm->self)) < 0;
    return a->inbound != we_are_smaller;
}

/* Puts the best connection in front; the others are spare. */
void dbr_conn_choose(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    struct dbr_conn *best = NULL;
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &peer->conns)
    {
        struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_peer);
        if (best == NULL || is_better(swarm, conn, best)) {
            best = conn;
        }
    }
    if (best == NULL) {
        return;
    }
    dbr_list_remove(&best->in_peer);
    dbr_list_push_back(peer->conns.next, &best->in_peer);
    peer->inbound = best->inbound;
    DBR_LIST_FOREACH(item, tmp, &peer->conns)
    {
        struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_peer);
        /* Of two that the peer dialed, the peer alone knows which is the newer. */
        bool spare = conn != best && !(conn->inbound && best->inbound);
        if (spare && !conn->spare) {
            conn->retire_at = dbr_time_add(swarm->now, DBR_CONN_RETIRE_MS);
        }
        conn->spare = spare;
        dbr_conn_touch(swarm, conn);
    }
}

/* A peer that collects connections keeps the newest ones. */
void dbr_conn_retire_oldest(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    struct dbr_conn *oldest = NULL;
    struct dbr_list *item;
    struct dbr_list *tmp;
    uint32_t n = 0;
    DBR_LIST_FOREACH(item, tmp, &peer->conns)
    {
        struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_peer);
        /* Never the one in front: it serves. */
        if (n++ > 0 && (oldest == NULL || conn->secured_at < oldest->secured_at)) {
            oldest = conn;
        }
    }
    if (n > swarm->limits.conns_per_peer && oldest != NULL) {
        swarm->stats.full_peer++;
        dbr_conn_end(swarm, oldest, DBR_CONN_POLITELY, DEBROS_ELIMIT,
                     "the peer has more than %u connections",
                     swarm->limits.conns_per_peer);
    }
}

/* The oldest connection of a stranger, or NULL. */
static struct dbr_conn *oldest_stranger(struct dbr_swarm *swarm)
{
    struct dbr_conn *oldest = NULL;
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    HASH_ITER(hh, swarm->conns, conn, tmp)
    {
        if (conn->state == DBR_CONN_SECURED && conn->peer->cls == DBR_PEER_STRANGER &&
            !conn->peer->keep &&
            (oldest == NULL || conn->secured_at < oldest->secured_at)) {
            oldest = conn;
        }
    }
    return oldest;
}

/* Strangers make room for peers that matter, never for each other. */
static struct dbr_conn *who_makes_room(struct dbr_swarm *swarm,
                                       const struct dbr_peer *peer)
{
    bool matters = peer != NULL && (peer->cls != DBR_PEER_STRANGER || peer->keep);
    return matters ? oldest_stranger(swarm) : NULL;
}

bool dbr_conn_can_dial(struct dbr_swarm *swarm, const struct dbr_peer *peer)
{
    return swarm->n_outbound < swarm->limits.connections &&
           (swarm->n_secured + swarm->n_outbound < swarm->limits.connections ||
            who_makes_room(swarm, peer) != NULL);
}

bool dbr_conn_have_room(struct dbr_swarm *swarm, const struct dbr_peer *peer)
{
    if (swarm->n_secured < swarm->limits.connections) {
        return true;
    }
    struct dbr_conn *stranger = who_makes_room(swarm, peer);
    if (stranger != NULL) {
        dbr_conn_end(swarm, stranger, DBR_CONN_POLITELY, DEBROS_ELIMIT,
                     "a stranger makes room for a known peer");
    }
    return stranger != NULL;
}
