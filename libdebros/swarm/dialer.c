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
    redial->at = dbr_time_add(now, delay - dbr_rng_below(rng, delay / 2 + 1));
}

static void back_off(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    dbr_redial_back_off(&peer->redial, swarm->limits.redial_min_ms,
                        swarm->limits.redial_max_ms, swarm->rng, swarm->now);
}

/* ---- Rounds ---------------------------------------------------------------- */

static void end_round(struct dbr_peer *peer)
{
    dbr_free(peer->redial.round);
    peer->redial.round = NULL;
    peer->redial.n = peer->redial.next = 0;
}

static void begin_round(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    struct dbr_redial *redial = &peer->redial;
    redial->next = redial->n = 0;
    redial->round = dbr_calloc(DBR_BOOK_ADDRS_MAX, sizeof(redial->round[0]));
    if (redial->round != NULL) {
        redial->n = dbr_book_dial_addrs(&swarm->book, &peer->id, redial->round,
                                        DBR_BOOK_ADDRS_MAX, swarm->now);
    }
}

static bool round_has_more(const struct dbr_peer *peer)
{
    return peer->redial.next < peer->redial.n;
}

/* The next address of the round, or of a new one. False: the round is over, or the book
 * has none. */
static bool next_addr(struct dbr_swarm *swarm, struct dbr_peer *peer,
                      struct dbr_multiaddr *addr)
{
    if (peer->redial.round == NULL) {
        begin_round(swarm, peer);
    }
    if (!round_has_more(peer)) {
        end_round(peer);
        return false;
    }
    *addr = peer->redial.round[peer->redial.next++];
    return true;
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

static void cannot_start(struct dbr_swarm *swarm, struct dbr_waiter *waiter,
                         const struct dbr_multiaddr *addr, int status)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    dbr_waiter_done(swarm, waiter, status, "cannot dial %s: %s",
                    dbr_multiaddr_text(addr, text), start_words(status));
}

/* Waits for `conn`, or else for an attempt of its own at `addr`. */
static void attach(struct dbr_swarm *swarm, struct dbr_conn *conn, struct dbr_peer *peer,
                   const struct dbr_multiaddr *addr, struct dbr_waiter *waiter)
{
    int status = 0;
    if (conn == NULL) {
        conn = start_attempt(swarm, peer, addr, &status);
    }
    if (conn != NULL) {
        dbr_list_push_back(&conn->waiters, &waiter->note.node);
    } else {
        cannot_start(swarm, waiter, addr, status);
    }
}

/* Whoever asked for no address takes the attempt that there is, or the round's next.
 * False: there is none, and the round is over. */
static bool attach_to_round(struct dbr_swarm *swarm, struct dbr_peer *peer,
                            struct dbr_waiter *waiter)
{
    struct dbr_multiaddr addr = {0};
    if (peer->attempt == NULL && !next_addr(swarm, peer, &addr)) {
        return false;
    }
    attach(swarm, peer->attempt, peer, &addr, waiter);
    return true;
}

static void connect_anybody(struct dbr_swarm *swarm, struct dbr_waiter *waiter)
{
    struct dbr_conn *conn = find_dialed(swarm, &waiter->addr);
    if (conn != NULL && conn->state == DBR_CONN_SECURED) {
        waiter->peer = conn->peer->id;
        dbr_waiter_done(swarm, waiter, 0, "%s", "");
        return;
    }
    attach(swarm, conn, NULL, &waiter->addr, waiter);
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
    if (waiter->addr.len > 0) {
        attach(swarm, peer->attempt, peer, &waiter->addr, waiter);
    } else if (!attach_to_round(swarm, peer, waiter)) {
        dbr_waiter_done(swarm, waiter, DEBROS_EUNREACHABLE, "no address of %s is known",
                        dbr_peer_id_text(id, id_text));
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
    end_round(peer);
}

/* Those who asked for the address that failed are done; the others want another one. */
static void settle_waiters(struct dbr_swarm *swarm, struct dbr_conn *conn, int status,
                           const char *words, struct dbr_list *others)
{
    bool is_known = !dbr_peer_id_is_none(&conn->expected);
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &conn->waiters) {
        struct dbr_waiter *waiter = DBR_LIST_ENTRY(item, struct dbr_waiter, note.node);
        if (!is_known || status == DEBROS_ECANCELED ||
            dbr_multiaddr_equal(&waiter->addr, &conn->remote)) {
            dbr_waiter_done(swarm, waiter, status, "%s", words);
        } else {
            dbr_list_remove(item);
            dbr_list_push_back(others, item);
        }
    }
}

/* Those with an address of their own come first: the rest takes what they begin. */
static void try_again(struct dbr_swarm *swarm, struct dbr_peer *peer,
                      struct dbr_list *others, int status, const char *words)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, others) {
        struct dbr_waiter *waiter = DBR_LIST_ENTRY(item, struct dbr_waiter, note.node);
        if (waiter->addr.len > 0) {
            dbr_list_remove(item);
            attach(swarm, peer->attempt, peer, &waiter->addr, waiter);
        }
    }
    bool is_over = false;
    while ((item = dbr_list_pop_front(others)) != NULL) {
        struct dbr_waiter *waiter = DBR_LIST_ENTRY(item, struct dbr_waiter, note.node);
        is_over = is_over || !attach_to_round(swarm, peer, waiter);
        if (is_over) {
            dbr_waiter_done(swarm, waiter, status, "%s", words);
        }
    }
}

/* What we did ourselves says nothing about the address. */
static bool is_its_fault(int status)
{
    return status != DEBROS_ECANCELED && status != DEBROS_ELIMIT &&
           status != DEBROS_ENOMEM;
}

void dbr_dialer_failed(struct dbr_swarm *swarm, struct dbr_conn *conn, int status,
                       const char *why)
{
    DBR_FAILPOINT("swarm.dialer.failed");
    char text[DBR_MULTIADDR_TEXT_SIZE];
    debros_detail words;
    struct dbr_list others;
    dbr_list_init(&others);
    snprintf(words.text, sizeof(words.text), "%s: %s",
             dbr_multiaddr_text(&conn->remote, text), why);
    settle_waiters(swarm, conn, status, words.text, &others);
    if (dbr_peer_id_is_none(&conn->expected)) {
        return;
    }
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, &conn->expected);
    dbr_assert(peer != NULL && peer->attempt == conn);
    peer->attempt = NULL;
    if (is_its_fault(status)) {
        dbr_book_failed(&swarm->book, &peer->id, &conn->remote);
    }
    try_again(swarm, peer, &others, status, words.text);
    if (peer->keep && peer->attempt == NULL && !dbr_peer_is_connected(peer)) {
        if (round_has_more(peer)) {
            peer->redial.at = swarm->now;
        } else {
            end_round(peer);
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
    (void)dbr_book_protect(&swarm->book, &peer->id, keep);
    if (keep) {
        dbr_list_push_back(&swarm->kept, &peer->in_kept);
        peer->redial.at = swarm->now;
        peer->redial.delay_ms = 0;
    }
}

void dbr_dialer_found(struct dbr_swarm *swarm, const struct dbr_peer_id *id)
{
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    if (peer != NULL && peer->keep && peer->redial.at == DBR_TIME_NEVER) {
        peer->redial.at = swarm->now;
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
    struct dbr_multiaddr addr;
    int status = 0;
    if (!next_addr(swarm, peer, &addr)) {
        /* Nothing is known until something comes: dbr_dialer_found(). */
        const struct dbr_book_peer *entry = dbr_book_find(&swarm->book, &peer->id);
        if (entry == NULL || entry->addrs.n == 0) {
            peer->redial.at = DBR_TIME_NEVER;
        } else {
            back_off(swarm, peer); /* out of memory, or they are over */
        }
        return;
    }
    if (start_attempt(swarm, peer, &addr, &status) == NULL) {
        char id_text[DBR_PEER_ID_TEXT_SIZE];
        dbr_peer_id_text(&peer->id, id_text);
        dbr_log_peer(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE, id_text,
                     "cannot dial %s: %s", id_text, start_words(status));
        end_round(peer);
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
