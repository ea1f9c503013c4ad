#include "book.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"

void dbr_book_limits_default(struct dbr_book_limits *limits)
{
    *limits = (struct dbr_book_limits){.peers = 8192,
                                       .hinted = 2048,
                                       .addrs = DBR_BOOK_ADDRS_MAX,
                                       .addrs_read = 64,
                                       .hint_ms = 600000,
                                       .identified_ms = 24u * 3600 * 1000,
                                       .signed_ms = 48u * 3600 * 1000,
                                       .sweep_ms = 60000};
}

void dbr_book_init(struct dbr_book *book, const struct dbr_book_config *config)
{
    const struct dbr_book_limits *limits = &config->limits;
    dbr_assert(limits->peers > 0 && limits->hinted > 0 && limits->addrs > 0 &&
               limits->addrs <= DBR_BOOK_ADDRS_MAX && limits->sweep_ms > 0);
    *book = (struct dbr_book){.config = *config};
    dbr_list_init(&book->hinted);
    dbr_list_init(&book->known);
}

void dbr_book_set_reach(struct dbr_book *book, bool loopback, bool is_public)
{
    book->config.loopback = loopback;
    book->config.is_public = is_public;
}

static void leave_order(struct dbr_book *book, struct dbr_book_peer *peer)
{
    dbr_list_remove(&peer->in_order);
    book->n_hinted -= peer->is_hinted ? 1 : 0;
    peer->is_hinted = false;
}

static void drop(struct dbr_book *book, struct dbr_book_peer *peer)
{
    HASH_DEL(book->table, peer);
    book->n--;
    leave_order(book, peer);
    dbr_book_addrs_finish(&peer->addrs);
    dbr_free(peer);
}

void dbr_book_finish(struct dbr_book *book)
{
    struct dbr_book_peer *peer;
    struct dbr_book_peer *tmp;
    HASH_ITER(hh, book->table, peer, tmp)
    {
        drop(book, peer);
    }
}

static struct dbr_book_peer *find(const struct dbr_book *book,
                                  const struct dbr_peer_id *id)
{
    struct dbr_book_peer *peer;
    HASH_FIND(hh, book->table, id, sizeof(*id), peer);
    return peer;
}

const struct dbr_book_peer *dbr_book_find(const struct dbr_book *book,
                                          const struct dbr_peer_id *id)
{
    return find(book, id);
}

/* ---- Room ------------------------------------------------------------------ */

static void evict(struct dbr_book *book, struct dbr_book_peer *peer)
{
    drop(book, peer);
    book->stats.evicted++;
}

/* Whoever was never connected goes before everybody who was: names are cheap. */
static bool goes_before(const struct dbr_book_peer *a, const struct dbr_book_peer *b)
{
    if ((a->seen_ms == 0) != (b->seen_ms == 0)) {
        return a->seen_ms == 0;
    }
    if (a->failures != b->failures) {
        return a->failures > b->failures;
    }
    return a->seen_ms < b->seen_ms;
}

static bool make_room(struct dbr_book *book, enum dbr_book_source source)
{
    bool is_hinted = source == DBR_BOOK_HINT;
    bool is_full = book->n >= book->config.limits.peers;
    if (!is_full && !(is_hinted && book->n_hinted >= book->config.limits.hinted)) {
        return true;
    }
    if (book->n_hinted > 0) {
        evict(book, DBR_LIST_ENTRY(book->hinted.next, struct dbr_book_peer, in_order));
        return true;
    }
    struct dbr_book_peer *worst = NULL;
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &book->known)
    {
        struct dbr_book_peer *peer = DBR_LIST_ENTRY(item, struct dbr_book_peer, in_order);
        if (worst == NULL || goes_before(peer, worst)) {
            worst = peer;
        }
    }
    /* A record of a stranger is no reason to forget somebody who is sound. */
    bool is_sound = worst != NULL && worst->seen_ms != 0 && worst->failures == 0;
    if (is_hinted || worst == NULL || (is_sound && source == DBR_BOOK_SIGNED)) {
        book->stats.full++;
        return false;
    }
    evict(book, worst);
    return true;
}

static bool is_self(struct dbr_book *book, const struct dbr_peer_id *id)
{
    bool self = dbr_peer_id_is_none(id) || dbr_peer_id_equal(id, &book->config.self);
    book->stats.self += self ? 1 : 0;
    return self;
}

int dbr_book_get(struct dbr_book *book, const struct dbr_peer_id *id,
                 enum dbr_book_source source, struct dbr_book_peer **out)
{
    if (is_self(book, id)) {
        return DEBROS_EINVAL;
    }
    *out = find(book, id);
    if (*out != NULL) {
        return 0;
    }
    if (!make_room(book, source)) {
        return DEBROS_ELIMIT;
    }
    struct dbr_book_peer *peer = dbr_calloc(1, sizeof(*peer));
    if (peer == NULL) {
        return DEBROS_ENOMEM;
    }
    peer->id = *id;
    dbr_list_init(&peer->in_order);
    HASH_ADD(hh, book->table, id, sizeof(peer->id), peer);
    if (!dbr_hash_added(peer)) {
        dbr_free(peer);
        return DEBROS_ENOMEM;
    }
    book->n++;
    *out = peer;
    return 0;
}

void dbr_book_settle(struct dbr_book *book, struct dbr_book_peer *peer)
{
    enum dbr_book_source source = dbr_book_addrs_source(&peer->addrs);
    bool is_pinned = peer->is_protected || peer->is_connected || source == DBR_BOOK_GIVEN;
    book->changes++;
    if (!is_pinned && peer->addrs.n == 0) {
        drop(book, peer);
        return;
    }
    bool is_hinted = !is_pinned && source == DBR_BOOK_HINT;
    if (!is_pinned && is_hinted == peer->is_hinted &&
        !dbr_list_is_empty(&peer->in_order)) {
        return;
    }
    leave_order(book, peer);
    if (!is_pinned) {
        dbr_list_push_back(is_hinted ? &book->hinted : &book->known, &peer->in_order);
        book->n_hinted += is_hinted ? 1 : 0;
        peer->is_hinted = is_hinted;
    }
}

/* ---- Addresses ------------------------------------------------------------- */

uint32_t dbr_book_ttl(const struct dbr_book *book, enum dbr_book_source source)
{
    return source == DBR_BOOK_HINT         ? book->config.limits.hint_ms
           : source == DBR_BOOK_IDENTIFIED ? book->config.limits.identified_ms
                                           : book->config.limits.signed_ms;
}

static dbr_time end_of(const struct dbr_book *book, enum dbr_book_source source,
                       dbr_time now)
{
    return source == DBR_BOOK_GIVEN ? DBR_TIME_NEVER
                                    : dbr_time_add(now, dbr_book_ttl(book, source));
}

bool dbr_book_is_fit(struct dbr_book *book, const struct dbr_peer_id *id,
                     struct dbr_multiaddr *addr, enum dbr_book_source source, bool local)
{
    bool is_given = source == DBR_BOOK_GIVEN;
    struct dbr_fit_rules rules = {.names = is_given,
                                  .loopback = is_given || local || book->config.loopback,
                                  .is_private = is_given || !book->config.is_public};
    enum dbr_fit fit = dbr_fit_addr(addr, id, rules);
    book->stats.fit[fit]++;
    return fit == DBR_FIT;
}

/* Those that are fit, once each, and no more than a peer may have. */
struct gathered {
    struct dbr_multiaddr addrs[DBR_BOOK_ADDRS_MAX];
    size_t n;
};

static bool is_among(const struct gathered *g, const struct dbr_multiaddr *addr)
{
    for (size_t i = 0; i < g->n; i++) {
        if (dbr_multiaddr_equal(&g->addrs[i], addr)) {
            return true;
        }
    }
    return false;
}

static void gather(struct dbr_book *book, struct gathered *g,
                   const struct dbr_peer_id *id, enum dbr_book_source source,
                   const struct dbr_multiaddr *addrs, size_t n, bool local)
{
    size_t most = book->config.limits.addrs_read;
    size_t read = n < most ? n : most;
    g->n = 0;
    book->stats.excess += n - read;
    for (size_t i = 0; i < read; i++) {
        struct dbr_multiaddr addr = addrs[i];
        if (!dbr_book_is_fit(book, id, &addr, source, local) || is_among(g, &addr)) {
            continue;
        }
        if (g->n < book->config.limits.addrs) {
            g->addrs[g->n++] = addr;
        } else {
            book->stats.excess++;
        }
    }
}

static int add_gathered(struct dbr_book *book, struct dbr_book_peer *peer,
                        enum dbr_book_source source, const struct gathered *g,
                        dbr_time now)
{
    int err = 0;
    /* From the last to the first: the newest are the better ones. */
    for (size_t i = g->n; i > 0 && err == 0; i--) {
        enum dbr_book_added added =
            dbr_book_addrs_add(&peer->addrs, book->config.limits.addrs, &g->addrs[i - 1],
                               source, end_of(book, source, now));
        err = added == DBR_BOOK_NO_MEMORY ? DEBROS_ENOMEM : 0;
        book->stats.excess += added == DBR_BOOK_FULL ? 1 : 0;
    }
    dbr_book_settle(book, peer);
    return err;
}

/* Whoever has only unfit addresses is not worth a place. */
static int get_for(struct dbr_book *book, const struct dbr_peer_id *id,
                   enum dbr_book_source source, const struct gathered *g,
                   struct dbr_book_peer **out)
{
    *out = find(book, id);
    return g->n == 0 && *out == NULL ? 0 : dbr_book_get(book, id, source, out);
}

int dbr_book_add(struct dbr_book *book, const struct dbr_peer_id *id,
                 enum dbr_book_source source, const struct dbr_multiaddr *addrs, size_t n,
                 bool local, dbr_time now)
{
    struct dbr_book_peer *peer;
    struct gathered g;
    dbr_assert(source != DBR_BOOK_SIGNED);
    if (is_self(book, id)) {
        return DEBROS_EINVAL;
    }
    gather(book, &g, id, source, addrs, n, local);
    int err = get_for(book, id, source, &g, &peer);
    if (err != 0 || peer == NULL) {
        return err;
    }
    if (source == DBR_BOOK_IDENTIFIED) {
        dbr_book_addrs_replace(&peer->addrs, DBR_BOOK_IDENTIFIED, g.addrs, g.n);
    }
    return add_gathered(book, peer, source, &g, now);
}

int dbr_book_add_record(struct dbr_book *book, const struct dbr_peer_record *record,
                        bool local, dbr_time now)
{
    struct dbr_book_peer *peer;
    struct gathered g;
    if (is_self(book, &record->peer)) {
        return DEBROS_EINVAL;
    }
    gather(book, &g, &record->peer, DBR_BOOK_SIGNED, record->addrs, record->n_addrs,
           local);
    int err = get_for(book, &record->peer, DBR_BOOK_SIGNED, &g, &peer);
    if (err != 0 || peer == NULL) {
        return err;
    }
    if (record->seq < peer->seq) {
        book->stats.old_records++;
        return DEBROS_ECONFLICT;
    }
    peer->seq = record->seq;
    dbr_book_addrs_replace(&peer->addrs, DBR_BOOK_HINT, g.addrs, g.n);
    dbr_book_addrs_replace(&peer->addrs, DBR_BOOK_IDENTIFIED, g.addrs, g.n);
    dbr_book_addrs_replace(&peer->addrs, DBR_BOOK_SIGNED, g.addrs, g.n);
    return add_gathered(book, peer, DBR_BOOK_SIGNED, &g, now);
}

/* What is given no longer stays only where it was found: that we know by ourselves. */
static void take_back(struct dbr_book *book, struct dbr_book_peer *peer,
                      const struct gathered *kept, dbr_time now)
{
    for (size_t i = peer->addrs.n; i > 0; i--) {
        struct dbr_book_addr *addr = peer->addrs.items[i - 1];
        struct dbr_multiaddr plain = {.len = addr->len};
        memcpy(plain.bytes, addr->bytes, addr->len);
        if (addr->source != DBR_BOOK_GIVEN || is_among(kept, &plain)) {
            continue;
        }
        if (addr->worked) {
            addr->source = DBR_BOOK_IDENTIFIED;
            addr->until = end_of(book, DBR_BOOK_IDENTIFIED, now);
        } else {
            dbr_book_addrs_remove(&peer->addrs, addr);
        }
    }
}

int dbr_book_give(struct dbr_book *book, const struct dbr_peer_id *id,
                  const struct dbr_multiaddr *addrs, size_t n, dbr_time now)
{
    struct dbr_book_peer *peer;
    struct gathered g;
    if (is_self(book, id)) {
        return DEBROS_EINVAL;
    }
    gather(book, &g, id, DBR_BOOK_GIVEN, addrs, n, true);
    int err = get_for(book, id, DBR_BOOK_GIVEN, &g, &peer);
    if (err != 0 || peer == NULL) {
        return err;
    }
    take_back(book, peer, &g, now);
    return add_gathered(book, peer, DBR_BOOK_GIVEN, &g, now);
}

/* ---- How it went ----------------------------------------------------------- */

static int note_found(struct dbr_book *book, struct dbr_book_peer *peer,
                      const struct dbr_multiaddr *at, dbr_time now)
{
    struct dbr_multiaddr plain = *at;
    dbr_multiaddr_cut_peer(&plain);
    struct dbr_book_addr *addr = dbr_book_addrs_find(&peer->addrs, &plain);
    if (addr == NULL || addr->source == DBR_BOOK_HINT) {
        enum dbr_book_added added = DBR_BOOK_FULL;
        if (dbr_book_is_fit(book, &peer->id, &plain, DBR_BOOK_IDENTIFIED, false)) {
            added = dbr_book_addrs_add(&peer->addrs, book->config.limits.addrs, &plain,
                                       DBR_BOOK_IDENTIFIED,
                                       end_of(book, DBR_BOOK_IDENTIFIED, now));
        }
        if (added == DBR_BOOK_NO_MEMORY) {
            return DEBROS_ENOMEM;
        }
        addr = dbr_book_addrs_find(&peer->addrs, &plain);
    }
    if (addr != NULL) {
        addr->fails = 0;
        addr->worked = true;
    }
    return 0;
}

int dbr_book_connected(struct dbr_book *book, const struct dbr_peer_id *id,
                       const struct dbr_multiaddr *at, dbr_time now, uint64_t wall_ms)
{
    struct dbr_book_peer *peer;
    int err = dbr_book_get(book, id, DBR_BOOK_IDENTIFIED, &peer);
    if (err != 0) {
        return err;
    }
    peer->is_connected = true;
    peer->seen_ms = wall_ms;
    peer->failures = 0;
    peer->successes += peer->successes < UINT32_MAX ? 1 : 0;
    err = at != NULL ? note_found(book, peer, at, now) : 0;
    dbr_book_settle(book, peer);
    return err;
}

void dbr_book_disconnected(struct dbr_book *book, const struct dbr_peer_id *id,
                           dbr_time now, uint64_t wall_ms)
{
    struct dbr_book_peer *peer = find(book, id);
    if (peer == NULL || !peer->is_connected) {
        return;
    }
    peer->is_connected = false;
    peer->seen_ms = wall_ms;
    for (size_t i = 0; i < peer->addrs.n; i++) {
        struct dbr_book_addr *addr = peer->addrs.items[i];
        if (addr->source != DBR_BOOK_HINT) {
            addr->until = end_of(book, (enum dbr_book_source)addr->source, now);
        }
    }
    dbr_book_settle(book, peer);
}

void dbr_book_failed(struct dbr_book *book, const struct dbr_peer_id *id,
                     const struct dbr_multiaddr *at)
{
    struct dbr_book_peer *peer = find(book, id);
    struct dbr_multiaddr plain = *at;
    if (peer == NULL) {
        return;
    }
    dbr_multiaddr_cut_peer(&plain);
    struct dbr_book_addr *addr = dbr_book_addrs_find(&peer->addrs, &plain);
    peer->failures += peer->failures < UINT32_MAX ? 1 : 0;
    if (addr != NULL && addr->source == DBR_BOOK_HINT) {
        dbr_book_addrs_remove(&peer->addrs, addr);
    } else if (addr != NULL) {
        addr->fails =
            addr->fails < UINT16_MAX ? (uint16_t)(addr->fails + 1) : addr->fails;
        addr->worked = false;
    }
    dbr_book_settle(book, peer);
}

void dbr_book_rtt(struct dbr_book *book, const struct dbr_peer_id *id, uint32_t rtt_us)
{
    struct dbr_book_peer *peer = find(book, id);
    if (peer != NULL) {
        peer->rtt_us = rtt_us;
    }
}

int dbr_book_protect(struct dbr_book *book, const struct dbr_peer_id *id,
                     bool is_protected)
{
    struct dbr_book_peer *peer = find(book, id);
    if (peer == NULL && !is_protected) {
        return 0;
    }
    int err = dbr_book_get(book, id, DBR_BOOK_GIVEN, &peer);
    if (err == 0) {
        peer->is_protected = is_protected;
        dbr_book_settle(book, peer);
    }
    return err;
}

static size_t best(const struct dbr_book *book, const struct dbr_peer_id *id,
                   struct dbr_multiaddr *out, size_t n, enum dbr_book_source least,
                   dbr_time now)
{
    const struct dbr_book_peer *peer = find(book, id);
    if (peer == NULL) {
        return 0;
    }
    /* While it is connected, nothing of it ends. */
    return dbr_book_addrs_best(&peer->addrs, out, n, least, peer->is_connected ? 0 : now);
}

size_t dbr_book_dial_addrs(const struct dbr_book *book, const struct dbr_peer_id *id,
                           struct dbr_multiaddr *out, size_t n, dbr_time now)
{
    return best(book, id, out, n, DBR_BOOK_HINT, now);
}

size_t dbr_book_known_addrs(const struct dbr_book *book, const struct dbr_peer_id *id,
                            struct dbr_multiaddr *out, size_t n, dbr_time now)
{
    struct dbr_multiaddr all[DBR_BOOK_ADDRS_MAX];
    struct dbr_fit_rules rules = {.names = true,
                                  .loopback = book->config.loopback,
                                  .is_private = !book->config.is_public};
    size_t n_all = best(book, id, all, DBR_BOOK_ADDRS_MAX, DBR_BOOK_IDENTIFIED, now);
    size_t found = 0;
    for (size_t i = 0; i < n_all && found < n; i++) {
        if (dbr_fit_addr(&all[i], id, rules) == DBR_FIT) {
            out[found++] = all[i];
        }
    }
    return found;
}

/* ---- Time passes ----------------------------------------------------------- */

dbr_time dbr_book_deadline(const struct dbr_book *book)
{
    return book->n == 0 ? DBR_TIME_NEVER
                        : dbr_time_add(book->swept, book->config.limits.sweep_ms);
}

void dbr_book_expire(struct dbr_book *book, dbr_time now)
{
    struct dbr_book_peer *peer;
    struct dbr_book_peer *tmp;
    if (now < dbr_book_deadline(book)) {
        return;
    }
    book->swept = now;
    HASH_ITER(hh, book->table, peer, tmp)
    {
        if (!peer->is_connected) {
            dbr_book_addrs_expire(&peer->addrs, now);
            dbr_book_settle(book, peer);
        }
    }
}
