#include "core/services.h"

#include <stdio.h>

#include "base/detail.h"
#include "core/inner.h"
#include "multi/base58.h"

static const struct {
    const char *name;
    uint32_t protocol;
} services[DBR_SERVICES] = {
    [DBR_SERVICE_DATABASE] = {"database", DBR_PROTOCOL_SQL},
    [DBR_SERVICE_DHT] = {"dht", DBR_PROTOCOL_KAD},
};

static const uint32_t pauses_ms[DBR_SERVICE_ROUNDS] = {5000, 300000, 1200000, 0};

/* ---- Names --------------------------------------------------------------------------
 */

const char *dbr_service_name(enum dbr_service service)
{
    return services[service].name;
}

bool dbr_service_find(enum dbr_service *out, const char *name)
{
    for (int i = 0; i < DBR_SERVICES; i++) {
        if (strcmp(services[i].name, name) == 0) {
            *out = (enum dbr_service)i;
            return true;
        }
    }
    return false;
}

const char *dbr_services_words(char out[DBR_SERVICE_WORDS])
{
    size_t len = 0;
    for (int i = 0; i < DBR_SERVICES && len < DBR_SERVICE_WORDS; i++) {
        len += (size_t)snprintf(out + len, DBR_SERVICE_WORDS - len, "%s%s",
                                i > 0 ? ", " : "", services[i].name);
    }
    return out;
}

static const char *protocol_of(const struct dbr_core *core, int service)
{
    return services[service].protocol == DBR_PROTOCOL_KAD ? core->config.kad_protocol
                                                          : DBR_PROTOCOL_SQL_ID;
}

size_t dbr_services_of(const struct dbr_core *core, const char *const *protocols,
                       size_t n, enum dbr_service out[DBR_SERVICES])
{
    size_t found = 0;
    for (int i = 0; i < DBR_SERVICES; i++) {
        for (size_t p = 0; p < n; p++) {
            if (strcmp(protocols[p], protocol_of(core, i)) == 0) {
                out[found++] = (enum dbr_service)i;
                break;
            }
        }
    }
    return found;
}

const char *dbr_service_key(const struct dbr_core *core, enum dbr_service service,
                            char out[DBR_SERVICE_KEY_SIZE])
{
    char cluster[2 * DBR_CLUSTER_ID_SIZE + 1];
    dbr_hex_encode(cluster, dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE));
    snprintf(out, DBR_SERVICE_KEY_SIZE, "%s%s/%s", DBR_KAD_RESERVED, cluster,
             services[service].name);
    return out;
}

static debros_bytes key_of(const struct dbr_core *core, enum dbr_service service,
                           uint8_t out[DBR_KAD_MULTIHASH_SIZE])
{
    char text[DBR_SERVICE_KEY_SIZE];
    (void)dbr_kad_provider_key(out, dbr_service_key(core, service, text), NULL);
    return dbr_bytes(out, DBR_KAD_MULTIHASH_SIZE);
}

/* ---- Registration --------------------------------------------------------------------
 */

void dbr_services_start(struct dbr_core *core, dbr_time now)
{
    core->services.register_at = core->kad != NULL ? now : DBR_TIME_NEVER;
}

static bool is_alone(const struct dbr_core *core)
{
    return core->kad == NULL || dbr_dht_table(core->kad->dht)->n == 0;
}

dbr_time dbr_services_deadline(const struct dbr_core *core)
{
    /* Until somebody comes into the table there is nobody to tell. */
    return is_alone(core) || core->is_stopping || core->is_fatal
               ? DBR_TIME_NEVER
               : core->services.register_at;
}

static bool begin(struct dbr_core *core, enum dbr_service service, dbr_time now)
{
    uint8_t key[DBR_KAD_MULTIHASH_SIZE];
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_SERVICE, DBR_TIME_NEVER);
    if (ticket == NULL) {
        return false;
    }
    if (dbr_dht_provide(core->kad->dht, ticket->token, key_of(core, service, key), now) !=
        0) {
        dbr_ticket_destroy(core, ticket);
        return false;
    }
    ticket->state = DBR_TICKET_LOOKING;
    return true;
}

/* Those who come into the table later may be closer to the key. Each pause is longer by a
 * random part: members that begin together would otherwise dial the same few at once. */
static void plan(struct dbr_core *core, dbr_time now)
{
    struct dbr_services *s = &core->services;
    if (s->running > 0) {
        return;
    }
    s->rounds += !s->failed;
    uint64_t wait_ms = s->failed ? DBR_SERVICE_RETRY_MS : pauses_ms[s->rounds - 1];
    s->register_at = DBR_TIME_NEVER;
    if (s->failed || s->rounds < DBR_SERVICE_ROUNDS) {
        s->register_at =
            dbr_time_add(now, wait_ms + dbr_rng_below(core->rng, wait_ms));
    }
    s->failed = false;
}

void dbr_services_expire(struct dbr_core *core, dbr_time now)
{
    struct dbr_services *s = &core->services;
    if (dbr_services_deadline(core) > now) {
        return;
    }
    s->register_at = DBR_TIME_NEVER;
    for (int i = 0; i < DBR_SERVICES; i++) {
        bool begun = begin(core, (enum dbr_service)i, now);
        s->running += begun;
        s->failed = s->failed || !begun;
    }
    plan(core, now);
}

/* However it ended: where a key has its 20 providers, others are refused, and need not
 * ask again. */
void dbr_services_registered(struct dbr_core *core, struct dbr_ticket *ticket,
                             dbr_time now)
{
    core->services.running--;
    dbr_ticket_destroy(core, ticket);
    plan(core, now);
}

/* ---- Who offers one ------------------------------------------------------------------
 */

static bool offers(const struct dbr_core *core, const struct dbr_peer_info *info,
                   enum dbr_service service)
{
    enum dbr_service all[DBR_SERVICES];
    size_t n = dbr_services_of(core, info->protocols, info->n_protocols, all);
    for (size_t i = 0; i < n; i++) {
        if (all[i] == service) {
            return true;
        }
    }
    return false;
}

void dbr_services_ask(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    uint8_t key[DBR_KAD_MULTIHASH_SIZE];
    enum dbr_service service;
    if (!dbr_service_find(&service, ticket->request->service)) {
        char words[DBR_SERVICE_WORDS];
        debros_detail detail;
        dbr_detail_set(&detail, DEBROS_EINVAL,
                       "\"%.64s\" is no service: there are %s", ticket->request->service,
                       dbr_services_words(words));
        dbr_ticket_done(core, ticket, DEBROS_EINVAL, detail.text, now);
        return;
    }
    ticket->state = DBR_TICKET_LOOKING;
    if (dbr_dht_find_providers(core->kad->dht, ticket->token, key_of(core, service, key),
                               0, now) != 0) {
        dbr_services_list(core, ticket, NULL, now);
    }
}

static bool is_among(const struct dbr_peer_id *ids, size_t n,
                     const struct dbr_peer_id *id)
{
    for (size_t i = 0; i < n; i++) {
        if (dbr_peer_id_equal(&ids[i], id)) {
            return true;
        }
    }
    return false;
}

/* Connected ones, ourselves, and those whom the lookup found: each once. */
static size_t gather(const struct dbr_core *core, enum dbr_service service,
                     const struct dbr_dht_event *event, struct dbr_peer_id *out)
{
    struct dbr_peer_info info;
    size_t n = 0;
    for (size_t i = 0; dbr_swarm_peer_at(core->swarm, i, &info) && info.connected; i++) {
        if (offers(core, &info, service)) {
            out[n++] = info.id;
        }
    }
    out[n++] = core->self;
    for (size_t i = 0; event != NULL && i < event->n_peers; i++) {
        if (!is_among(out, n, &event->peers[i])) {
            out[n++] = event->peers[i];
        }
    }
    return n;
}

void dbr_services_list(struct dbr_core *core, struct dbr_ticket *ticket,
                       const struct dbr_dht_event *event, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    size_t max = dbr_swarm_connected_count(core->swarm) + 1 + DBR_DHT_FOUND_MAX;
    struct dbr_peer_id *ids = dbr_arena_calloc(&request->arena, max, sizeof(*ids));
    enum dbr_service service = DBR_SERVICE_DATABASE;
    (void)dbr_service_find(&service, request->service);
    int err = DEBROS_ENOMEM;
    if (ids != NULL) {
        err = dbr_view_found(core, request, ids, gather(core, service, event, ids));
    }
    dbr_ticket_done(core, ticket, err, NULL, now);
}
