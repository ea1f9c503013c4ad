#include "dialer.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/failpoint.h"
#include "base/logger.h"
#include "state.h"

/* ---- Back-off -------------------------------------------------------------- */

void dbr_redial_back_off(struct dbr_redial *redial, uint32_t min_ms, uint32_t max_ms,
                         struct dbr_rng *rng, dbr_time now)
{
    uint64_t delay = redial->delay_ms == 0 ? min_ms : (uint64_t)redial->delay_ms * 2;
    delay = delay > max_ms ? max_ms : delay;
    redial->delay_ms = (uint32_t)delay;
    redial->next = 0;
    redial->at = dbr_time_add(now, delay - dbr_rng_below(rng, delay / 2 + 1));
}

static void back_off(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    dbr_redial_back_off(&peer->redial, swarm->limits.redial_min_ms,
                        swarm->limits.redial_max_ms, swarm->rng, swarm->now);
}

/* ---- Waiters --------------------------------------------------------------- */

struct dbr_waiter *dbr_waiter_create(enum dbr_swarm_event_type type, uint64_t token)
{
    struct dbr_waiter *waiter = dbr_calloc(1, sizeof(*waiter));
    if (waiter != NULL) {
        dbr_note_init(&waiter->note, type);
        waiter->token = token;
    }
    return waiter;
}

void dbr_waiter_done(struct dbr_swarm *swarm, struct dbr_waiter *waiter, int status,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(waiter->detail.text, sizeof(waiter->detail.text), format, args);
    va_end(args);
    waiter->status = status;
    dbr_note_cancel(&waiter->note);
    dbr_note_push(&swarm->notes, &waiter->note);
}

void dbr_waiters_done(struct dbr_swarm *swarm, struct dbr_list *waiters, int status,
                      const struct dbr_peer_id *peer, const char *detail)
{
    while (!dbr_list_is_empty(waiters)) {
        struct dbr_waiter *waiter =
            DBR_LIST_ENTRY(waiters->next, struct dbr_waiter, note.node);
        if (peer != NULL) {
            waiter->peer = *peer;
        }
        dbr_waiter_done(swarm, waiter, status, "%s", detail);
    }
}

/* ---- Attempts -------------------------------------------------------------- */

/* Begins an outbound attempt; its DIAL follows. NULL and a reason. */
static struct dbr_conn *start_attempt(struct dbr_swarm *swarm, struct dbr_peer *peer,
                                      const struct dbr_multiaddr *addr, int *status)
{
    DBR_FAILPOINT("swarm.dialer.start_attempt");
    if (!dbr_conn_can_dial(swarm, peer)) {
        swarm->stats.full++;
        *status = DEBROS_ELIMIT;
        return NULL;
    }
    struct dbr_conn *conn = dbr_conn_create(swarm, swarm->next_conn, false, addr);
    if (conn == NULL) {
        *status = DEBROS_ENOMEM;
        return NULL;
    }
    swarm->next_conn += 2;
    conn->dial_at = dbr_time_add(swarm->now, swarm->limits.dial_ms);
    if (peer != NULL) {
        conn->expected = peer->id;
        peer->attempt = conn;
    }
    swarm->stats.dialed++;
    dbr_note_push(&swarm->notes, &conn->dial);
    return conn;
}

/* An attempt without an expected peer, or a connection that came of dialing `addr`. */
static struct dbr_conn *find_dialed(struct dbr_swarm *swarm,
                                    const struct dbr_multiaddr *addr)
{
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    HASH_ITER(hh, swarm->conns, conn, tmp) {
        bool open = conn->state == DBR_CONN_SECURED && !conn->gone && !conn->stopping;
        bool attempt =
            conn->state < DBR_CONN_SECURED && dbr_peer_id_is_none(&conn->expected);
        if (!conn->inbound && (open || attempt) &&
            dbr_multiaddr_equal(&conn->remote, addr)) {
            return conn;
        }
    }
    return NULL;
}

/* Text for `status` of an attempt that could not even start. */
static const char *start_words(int status)
{
    return status == DEBROS_ELIMIT ? "the limit of connections is reached; close some or "
                                     "raise it"
                                   : "out of memory";
}

static void attach(struct dbr_swarm *swarm, struct dbr_conn *conn, struct dbr_peer *peer,
                   struct dbr_waiter *waiter)
{
    int status = 0;
    if (conn == NULL) {
        conn = start_attempt(swarm, peer, &waiter->addr, &status);
    }
    if (conn != NULL) {
        dbr_list_push_back(&conn->waiters, &waiter->note.node);
        return;
    }
    char text[DBR_MULTIADDR_TEXT_SIZE];
    dbr_waiter_done(swarm, waiter, status, "cannot dial %s: %s",
                    dbr_multiaddr_text(&waiter->addr, text), start_words(status));
}

static void connect_anybody(struct dbr_swarm *swarm, struct dbr_waiter *waiter)
{
    struct dbr_conn *conn = find_dialed(swarm, &waiter->addr);
    if (conn != NULL && conn->state == DBR_CONN_SECURED) {
        waiter->peer = conn->peer->id;
        dbr_waiter_done(swarm, waiter, 0, "%s", "");
        return;
    }
    attach(swarm, conn, NULL, waiter);
}

static void connect_peer(struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                         struct dbr_waiter *waiter)
{
    char id_text[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_peer *peer = dbr_peers_get(&swarm->peers, id);
    waiter->peer = *id;
    if (peer == NULL) {
        dbr_waiter_done(swarm, waiter, DEBROS_ENOMEM, "out of memory");
        return;
    }
    if (dbr_peer_is_connected(peer)) {
        dbr_waiter_done(swarm, waiter, 0, "%s", "");
        return;
    }
    if (waiter->addr.len == 0 && peer->n_addrs > 0) {
        waiter->addr = peer->addrs[0];
    }
    if (waiter->addr.len == 0 && peer->attempt == NULL) {
        dbr_waiter_done(swarm, waiter, DEBROS_EUNREACHABLE, "no address of %s is known",
                        dbr_peer_id_text(id, id_text));
    } else {
        attach(swarm, peer->attempt, peer, waiter);
    }
    dbr_peers_release(&swarm->peers, peer);
}

void dbr_dialer_connect(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr,
                        struct dbr_waiter *waiter)
{
    struct dbr_peer_id expected;
    waiter->addr = *addr;
    dbr_multiaddr_cut_peer(&waiter->addr);
    if (!dbr_multiaddr_peer(addr, &expected)) {
        connect_anybody(swarm, waiter);
    } else if (dbr_peer_id_equal(&expected, &swarm->self)) {
        char id_text[DBR_PEER_ID_TEXT_SIZE];
        dbr_waiter_done(swarm, waiter, DEBROS_EINVAL, "%s is this node itself",
                        dbr_peer_id_text(&expected, id_text));
    } else {
        connect_peer(swarm, &expected, waiter);
    }
}

void dbr_dialer_succeeded(struct dbr_swarm *swarm, struct dbr_conn *conn,
                          struct dbr_peer *peer)
{
    dbr_waiters_done(swarm, &conn->waiters, 0, &peer->id, "");
    if (peer->attempt != NULL) {
        /* Inbound was quicker than our own attempt, which goes on. */
        dbr_waiters_done(swarm, &peer->attempt->waiters, 0, &peer->id, "");
    }
    if (peer->attempt == conn) {
        peer->attempt = NULL;
    }
}

/* Those who asked for the address that failed are done; the others want another one. */
static void settle_waiters(struct dbr_swarm *swarm, struct dbr_conn *conn, int status,
                           const char *words, struct dbr_list *others)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    struct dbr_list *item;
    struct dbr_list *tmp;
    dbr_multiaddr_text(&conn->remote, text);
    DBR_LIST_FOREACH(item, tmp, &conn->waiters) {
        struct dbr_waiter *waiter = DBR_LIST_ENTRY(item, struct dbr_waiter, note.node);
        if (waiter->addr.len == 0 || status == DEBROS_ECANCELED ||
            dbr_multiaddr_equal(&waiter->addr, &conn->remote)) {
            dbr_waiter_done(swarm, waiter, status, "%s: %s", text, words);
        } else {
            dbr_list_remove(item);
            dbr_list_push_back(others, item);
        }
    }
}

void dbr_dialer_failed(struct dbr_swarm *swarm, struct dbr_conn *conn, int status,
                       const char *words)
{
    DBR_FAILPOINT("swarm.dialer.failed");
    struct dbr_list others;
    dbr_list_init(&others);
    settle_waiters(swarm, conn, status, words, &others);
    if (dbr_peer_id_is_none(&conn->expected)) {
        return;
    }
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, &conn->expected);
    dbr_assert(peer != NULL && peer->attempt == conn);
    peer->attempt = NULL;
    while (!dbr_list_is_empty(&others)) {
        struct dbr_list *item = dbr_list_pop_front(&others);
        attach(swarm, peer->attempt, peer,
               DBR_LIST_ENTRY(item, struct dbr_waiter, note.node));
    }
    if (peer->keep && peer->attempt == NULL && !dbr_peer_is_connected(peer)) {
        size_t next = peer->redial.next;
        while (next < peer->n_addrs && !dbr_peer_can_dial(peer, next)) {
            next++;
        }
        if (next < peer->n_addrs) {
            peer->redial.at = swarm->now;
        } else {
            back_off(swarm, peer);
        }
    }
    dbr_peers_release(&swarm->peers, peer);
}

/* ---- Kept peers ------------------------------------------------------------ */

void dbr_dialer_keep(struct dbr_swarm *swarm, struct dbr_peer *peer, bool keep)
{
    if (peer->keep == keep) {
        return;
    }
    peer->keep = keep;
    dbr_list_remove(&peer->in_kept);
    if (keep) {
        dbr_list_push_back(&swarm->kept, &peer->in_kept);
        peer->redial = (struct dbr_redial){.at = swarm->now};
    }
}

void dbr_dialer_disconnected(struct dbr_swarm *swarm, struct dbr_peer *peer,
                             uint64_t lived_ms)
{
    if (!peer->keep) {
        return;
    }
    /* A peer that takes connections and drops them at once is a failing one. */
    if (lived_ms >= swarm->limits.redial_max_ms) {
        peer->redial.delay_ms = 0;
    }
    back_off(swarm, peer);
}

static bool is_idle(const struct dbr_peer *peer)
{
    return !dbr_peer_is_connected(peer) && peer->attempt == NULL;
}

dbr_time dbr_dialer_deadline(const struct dbr_swarm *swarm)
{
    dbr_time deadline = DBR_TIME_NEVER;
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &swarm->kept) {
        const struct dbr_peer *peer = DBR_LIST_ENTRY(item, struct dbr_peer, in_kept);
        if (is_idle(peer)) {
            deadline = dbr_time_min(deadline, peer->redial.at);
        }
    }
    return deadline;
}

static void dial_next(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    size_t i = peer->redial.next;
    int status = 0;
    while (i < peer->n_addrs && !dbr_peer_can_dial(peer, i)) {
        i++;
    }
    if (i >= peer->n_addrs) {
        peer->redial.at = DBR_TIME_NEVER; /* until an address is added */
        peer->redial.next = 0;
        return;
    }
    peer->redial.next = i + 1;
    if (start_attempt(swarm, peer, &peer->addrs[i], &status) == NULL) {
        char id_text[DBR_PEER_ID_TEXT_SIZE];
        dbr_peer_id_text(&peer->id, id_text);
        dbr_log_peer(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE, id_text,
                     "cannot dial %s: %s", id_text, start_words(status));
        back_off(swarm, peer);
    }
}

void dbr_dialer_expire(struct dbr_swarm *swarm)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &swarm->kept) {
        struct dbr_peer *peer = DBR_LIST_ENTRY(item, struct dbr_peer, in_kept);
        if (is_idle(peer) && peer->redial.at <= swarm->now) {
            dial_next(swarm, peer);
        }
    }
}
