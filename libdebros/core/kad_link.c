#include "core/kad_link.h"

#include <string.h>

#include "base/alloc.h"

void dbr_kad_limits_default(struct dbr_kad_limits *limits)
{
    *limits = (struct dbr_kad_limits){.dials = 3,
                                      .waiting = 4u << 20,
                                      .idle_ms = 30000,
                                      .linger_ms = 10000,
                                      .hints = 1024,
                                      .hint_ms = 86400000};
}

/* ---- Addresses of others --------------------------------------------------------- */

static size_t directory_addrs(void *user, const struct dbr_peer_id *peer,
                              struct dbr_multiaddr *out, size_t max)
{
    const struct dbr_kad_link *link = user;
    struct dbr_peer_info info;
    size_t n = 0;
    if (!dbr_swarm_peer_info(link->config.swarm, peer, &info)) {
        return 0;
    }
    for (size_t i = 0; i < info.n_addrs && n < max; i++) {
        if (dbr_multiaddr_is_dialable(&info.addrs[i])) {
            out[n++] = info.addrs[i];
        }
    }
    return n;
}

static bool is_stranger(const struct dbr_kad_link *link, const struct dbr_peer_id *peer)
{
    struct dbr_peer_info info;
    return !dbr_swarm_peer_info(link->config.swarm, peer, &info) ||
           info.cls == DBR_PEER_STRANGER;
}

static void free_hint(struct dbr_kad_link *link, struct dbr_kad_hint *hint)
{
    HASH_DEL(link->hints, hint);
    dbr_list_remove(&hint->node);
    dbr_free(hint);
}

/* The swarm forgets a stranger's addresses when it is told that it is one. */
static void forget_hint(struct dbr_kad_link *link, struct dbr_kad_hint *hint,
                        dbr_time now)
{
    if (is_stranger(link, &hint->id)) {
        dbr_swarm_set_class(link->config.swarm, &hint->id, DBR_PEER_STRANGER, now);
    }
    free_hint(link, hint);
}

static struct dbr_kad_hint *get_hint(struct dbr_kad_link *link,
                                     const struct dbr_peer_id *peer, dbr_time now)
{
    struct dbr_kad_hint *hint;
    HASH_FIND(hh, link->hints, peer, sizeof(*peer), hint);
    if (hint != NULL) {
        return hint;
    }
    if (link->config.limits.hints == 0) {
        return NULL;
    }
    if (HASH_COUNT(link->hints) >= link->config.limits.hints) {
        forget_hint(link, DBR_LIST_ENTRY(link->hinted.next, struct dbr_kad_hint, node),
                    now);
    }
    hint = dbr_calloc(1, sizeof(*hint));
    if (hint == NULL) {
        return NULL;
    }
    hint->id = *peer;
    dbr_list_init(&hint->node);
    HASH_ADD(hh, link->hints, id, sizeof(hint->id), hint);
    if (!dbr_hash_added(hint)) {
        dbr_free(hint);
        return NULL;
    }
    return hint;
}

/* Addresses of members come from their table and from nobody else. */
static void remember(struct dbr_kad_link *link, const struct dbr_peer_id *peer,
                     const struct dbr_multiaddr *addrs, size_t n, dbr_time now)
{
    if (!link->config.open || n == 0 || dbr_peer_id_equal(peer, &link->self) ||
        !is_stranger(link, peer)) {
        return;
    }
    struct dbr_kad_hint *hint = get_hint(link, peer, now);
    if (hint == NULL) {
        return;
    }
    hint->until = dbr_time_add(now, link->config.limits.hint_ms);
    dbr_list_remove(&hint->node);
    dbr_list_push_back(&link->hinted, &hint->node);
    while (n-- > 0) { /* the swarm has the newest in front */
        dbr_swarm_add_addr(link->config.swarm, peer, &addrs[n]);
    }
}

static dbr_time hints_deadline(const struct dbr_kad_link *link)
{
    return dbr_list_is_empty(&link->hinted)
               ? DBR_TIME_NEVER
               : DBR_LIST_ENTRY(link->hinted.next, struct dbr_kad_hint, node)->until;
}

/* ---- Life ------------------------------------------------------------------------ */

static int create_dht(struct dbr_kad_link *link, dbr_time now)
{
    const struct dbr_kad_config *config = &link->config;
    struct dbr_dht_config dht = {
        .self = link->self,
        .rules = {.kinds = dbr_dht_kinds,
                  .n_kinds = DBR_DHT_KINDS,
                  .signer = &link->signer},
        .wall_ms = config->wall_ms,
        .directory = {.user = link, .addrs = directory_addrs},
        .limits = config->dht,
        .server = true,
        .logger = config->logger,
    };
    return dbr_dht_create(&link->dht, &dht, link->rng, now);
}

int dbr_kad_link_create(struct dbr_kad_link **out, const struct dbr_kad_config *config,
                        struct dbr_rng *rng, dbr_time now)
{
    struct dbr_kad_link *link = dbr_calloc(1, sizeof(*link));
    if (link == NULL) {
        return DEBROS_ENOMEM;
    }
    link->config = *config;
    link->rng = rng;
    link->idle_at = DBR_TIME_NEVER;
    dbr_list_init(&link->hinted);
    dbr_list_init(&link->queued);
    dbr_list_init(&link->dialing);
    dbr_list_init(&link->lingering);
    dbr_peer_id_from_key(&link->self, config->identity->public_key);
    dbr_dht_signer_init(&link->signer, config->identity);
    int err = create_dht(link, now);
    if (err != 0) {
        dbr_kad_link_destroy(link);
        return err;
    }
    dbr_swarm_offer(config->swarm, config->protocol, true);
    *out = link;
    return 0;
}

void dbr_kad_link_destroy(struct dbr_kad_link *link)
{
    struct dbr_kad_hint *hint;
    struct dbr_kad_hint *tmp;
    if (link == NULL) {
        return;
    }
    dbr_kad_calls_finish(link);
    HASH_ITER(hh, link->hints, hint, tmp)
    {
        free_hint(link, hint);
    }
    dbr_dht_destroy(link->dht);
    dbr_free(link);
}

/* ---- In -------------------------------------------------------------------------- */

void dbr_kad_link_set_addrs(struct dbr_kad_link *link, const struct dbr_multiaddr *addrs,
                            size_t n)
{
    struct dbr_multiaddr plain[DBR_DHT_PEER_ADDRS_MAX];
    n = n < DBR_DHT_PEER_ADDRS_MAX ? n : DBR_DHT_PEER_ADDRS_MAX;
    for (size_t i = 0; i < n; i++) {
        plain[i] = addrs[i];
        dbr_multiaddr_cut_peer(&plain[i]);
    }
    dbr_dht_set_addrs(link->dht, plain, n);
}

static bool lists_protocol(const struct dbr_kad_link *link,
                           const struct dbr_peer_info *info)
{
    for (size_t i = 0; i < info->n_protocols; i++) {
        if (strcmp(info->protocols[i], link->config.protocol_id) == 0) {
            return true;
        }
    }
    return false;
}

void dbr_kad_link_identified(struct dbr_kad_link *link, const struct dbr_peer_id *peer,
                             dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_DHT_PEER_ADDRS_MAX];
    struct dbr_peer_info info;
    if (!dbr_swarm_peer_info(link->config.swarm, peer, &info) || !info.connected ||
        info.n_protocols == 0) {
        return;
    }
    bool serves = lists_protocol(link, &info) &&
                  (link->config.open || info.cls != DBR_PEER_STRANGER);
    dbr_dht_identified(link->dht, peer, &info.remote, !info.inbound, serves, now);
    if (serves) {
        /* It stays in the routing table when its connection goes: so do these. */
        size_t n = directory_addrs(link, peer, addrs, DBR_DHT_PEER_ADDRS_MAX);
        remember(link, peer, addrs, n, now);
    }
}

/* The stream's answers have gone out before: see dbr_kad_link_swarm(). */
static void inbound(struct dbr_kad_link *link, const struct dbr_swarm_event *event,
                    dbr_time now)
{
    if (event->type == DBR_SWARM_STREAM_FINISHED) {
        dbr_swarm_finish(link->config.swarm, event->stream, now);
    } else if (event->type == DBR_SWARM_STREAM_MESSAGE &&
               dbr_dht_request(link->dht, event->stream, &event->peer, event->message,
                               now) != 0) {
        dbr_swarm_reset(link->config.swarm, event->stream, now);
    }
}

static bool is_of_stream(const struct dbr_swarm_event *event)
{
    return event->type == DBR_SWARM_STREAM_OPENED ||
           event->type == DBR_SWARM_STREAM_MESSAGE ||
           event->type == DBR_SWARM_STREAM_FINISHED ||
           event->type == DBR_SWARM_STREAM_CLOSED ||
           event->type == DBR_SWARM_STREAM_WRITABLE;
}

bool dbr_kad_link_swarm(struct dbr_kad_link *link, const struct dbr_swarm_event *event,
                        dbr_time now)
{
    if (is_of_stream(event)) {
        if (event->protocol != link->config.protocol) {
            return false;
        }
        if (!dbr_kad_call_stream(link, event, now)) {
            inbound(link, event, now);
        }
        return true;
    }
    bool is_ours = (event->token & DBR_KAD_TOKEN) != 0;
    switch (event->type) {
    case DBR_SWARM_CONNECTED:
        dbr_kad_call_connected(link, &event->peer, now);
        return false;
    case DBR_SWARM_IDENTIFIED:
        dbr_kad_link_identified(link, &event->peer, now);
        return false;
    case DBR_SWARM_DISCONNECTED:
        dbr_dht_disconnected(link->dht, &event->peer, now);
        dbr_kad_call_disconnected(link, &event->peer);
        return false;
    case DBR_SWARM_CONNECT_DONE:
        if (is_ours) {
            dbr_kad_call_dialed(link, event->token, event->status, now);
        }
        return is_ours;
    case DBR_SWARM_PING_DONE:
        if (is_ours) {
            dbr_kad_call_pinged(link, event->token, event->status, now);
        }
        return is_ours;
    default:
        return false;
    }
}

void dbr_kad_link_claim(struct dbr_kad_link *link, const struct dbr_peer_id *id)
{
    struct dbr_kad_peer *peer;
    HASH_FIND(hh, link->peers, id, sizeof(*id), peer);
    if (peer != NULL) {
        peer->claimed = true;
    }
}

/* ---- Out ------------------------------------------------------------------------- */

/* A peer that reads none of its answers loses them. */
static void answer(struct dbr_kad_link *link, const struct dbr_dht_event *event,
                   dbr_time now)
{
    int err = dbr_swarm_send(link->config.swarm, event->stream, event->data, now);
    if (err != 0 && err != DEBROS_ENOTFOUND) {
        dbr_swarm_reset(link->config.swarm, event->stream, now);
    }
}

bool dbr_kad_link_poll(struct dbr_kad_link *link, struct dbr_dht_event *event,
                       dbr_time now)
{
    while (dbr_dht_poll(link->dht, event)) {
        switch (event->type) {
        case DBR_DHT_EVENT_SEND:
        case DBR_DHT_EVENT_PING:
            dbr_kad_call_begin(link, event, now);
            break;
        case DBR_DHT_EVENT_CANCEL:
            dbr_kad_call_cancel(link, event->request, now);
            break;
        case DBR_DHT_EVENT_ANSWER:
            answer(link, event, now);
            break;
        case DBR_DHT_EVENT_RESET:
            dbr_swarm_reset(link->config.swarm, event->stream, now);
            break;
        case DBR_DHT_EVENT_HINT:
            remember(link, &event->peer, event->addrs, event->n_addrs, now);
            break;
        case DBR_DHT_EVENT_DONE:
        case DBR_DHT_EVENT_VALUE_ROW:
        case DBR_DHT_EVENT_PROVIDER_ROW:
            return true;
        }
    }
    return false;
}

/* ---- Time ------------------------------------------------------------------------ */

dbr_time dbr_kad_link_deadline(const struct dbr_kad_link *link)
{
    dbr_time at = dbr_time_min(dbr_dht_deadline(link->dht), hints_deadline(link));
    return dbr_time_min(at, dbr_kad_calls_deadline(link));
}

void dbr_kad_link_expire(struct dbr_kad_link *link, dbr_time now)
{
    if (dbr_dht_deadline(link->dht) <= now) {
        dbr_dht_expire(link->dht, now);
    }
    dbr_kad_calls_expire(link, now);
    while (hints_deadline(link) <= now) {
        forget_hint(link, DBR_LIST_ENTRY(link->hinted.next, struct dbr_kad_hint, node),
                    now);
    }
}
