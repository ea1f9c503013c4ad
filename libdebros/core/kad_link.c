#include "core/kad_link.h"

#include <string.h>

#include "base/alloc.h"
#include "base/failpoint.h"

void dbr_kad_limits_default(struct dbr_kad_limits *limits)
{
    *limits = (struct dbr_kad_limits){.dials = 3,
                                      .waiting = 4u << 20,
                                      .idle_ms = 30000,
                                      .linger_ms = 10000};
}

/* ---- Addresses of others --------------------------------------------------------- */

static size_t directory_addrs(void *user, const struct dbr_peer_id *peer,
                              struct dbr_multiaddr *out, size_t max)
{
    const struct dbr_kad_link *link = user;
    return dbr_swarm_known_addrs(link->config.swarm, peer, out, max);
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
    if (link == NULL) {
        return;
    }
    dbr_kad_calls_finish(link);
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
    DBR_FAILPOINT("core.kad_link.identified");
    struct dbr_peer_info info;
    if (!dbr_swarm_peer_info(link->config.swarm, peer, &info) || !info.connected ||
        info.n_protocols == 0) {
        return;
    }
    bool serves = lists_protocol(link, &info) &&
                  (link->config.open || info.cls != DBR_PEER_STRANGER);
    dbr_dht_identified(link->dht, peer, &info.remote, !info.inbound, serves, now);
}

/* The stream's answers have gone out before: see dbr_kad_link_swarm(). */
static void inbound(struct dbr_kad_link *link, const struct dbr_swarm_event *event,
                    dbr_time now)
{
    DBR_FAILPOINT("core.kad_link.inbound");
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
            dbr_swarm_hint(link->config.swarm, &event->peer, event->addrs, event->n_addrs,
                           now);
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
    return dbr_time_min(dbr_dht_deadline(link->dht), dbr_kad_calls_deadline(link));
}

void dbr_kad_link_expire(struct dbr_kad_link *link, dbr_time now)
{
    if (dbr_dht_deadline(link->dht) <= now) {
        dbr_dht_expire(link->dht, now);
    }
    dbr_kad_calls_expire(link, now);
}
