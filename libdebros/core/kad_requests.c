#include "core/kad_requests.h"

#include <stdio.h>

#include "base/detail.h"
#include "core/inner.h"
#include "dht/envelope.h"

bool dbr_kad_request_is(enum dbr_request_type type)
{
    return type == DBR_REQUEST_FIND_PEER ||
           (type >= DBR_REQUEST_DHT_PUT && type <= DBR_REQUEST_DHT_TABLE);
}

static bool is_of_values(enum dbr_request_type type)
{
    return type == DBR_REQUEST_DHT_PUT || type == DBR_REQUEST_DHT_GET ||
           type == DBR_REQUEST_DHT_REMOVE;
}

/* Whose space it is about: this node's, or that of the client that calls. */
static const struct dbr_peer_id *owner_of(const struct dbr_core *core,
                                          const struct dbr_ticket *ticket)
{
    return ticket->stream != 0 ? &ticket->caller : &core->self;
}

/* ---- Arguments -----------------------------------------------------------------------
 */

/* Signs the value of a put. */
static int seal(struct dbr_core *core, struct dbr_request *request)
{
    struct dbr_dht_signer signer;
    struct dbr_buf out = {0};
    uint64_t wall_ms = (uint64_t)core->wall_ms;
    uint32_t ttl_s = request->ttl_s != 0 ? request->ttl_s : DBR_KAD_TTL_S;
    uint64_t version = request->version;
    if (version == 0) { /* two puts of one millisecond have an order */
        core->put_version =
            wall_ms > core->put_version ? wall_ms : core->put_version + 1;
        version = core->put_version;
    }
    dbr_dht_signer_init(&signer, core->config.identity);
    int err = dbr_dht_envelope_seal(&out, &signer, dbr_bytes_str(request->full_key),
                                    version, wall_ms + UINT64_C(1000) * ttl_s,
                                    request->value);
    request->envelope =
        dbr_bytes(dbr_arena_memdup(&request->arena, out.data, out.len), out.len);
    dbr_buf_finish(&out);
    return err != 0 || request->envelope.data != NULL ? err : DEBROS_ENOMEM;
}

static int check_put(struct dbr_core *core, const struct dbr_ticket *ticket,
                     debros_detail *detail)
{
    struct dbr_request *request = ticket->request;
    struct dbr_dht_envelope e;
    if (ticket->stream == 0) {
        int err = seal(core, request);
        return err == 0 ? 0
                        : dbr_detail_set(detail, err,
                                         err == DEBROS_ELIMIT
                                             ? "a value has at most %u bytes"
                                             : "the value cannot be signed",
                                         DBR_DHT_CONTENT_MAX);
    }
    if (dbr_dht_envelope_decode(&e, request->envelope) != 0) {
        return dbr_detail_set(detail, DEBROS_EPROTO, "the value comes without signature");
    }
    uint64_t latest = (uint64_t)core->wall_ms + UINT64_C(1000) * DBR_KAD_TTL_MAX_S +
                      DBR_DHT_CLOCK_SKEW_MS;
    return e.expires_ms <= latest
               ? 0
               : dbr_detail_set(detail, DEBROS_EINVAL,
                                "a value lives at most %u seconds: is the caller's "
                                "clock right?",
                                DBR_KAD_TTL_MAX_S);
}

static int check_value(struct dbr_core *core, const struct dbr_ticket *ticket,
                       debros_detail *detail)
{
    struct dbr_request *request = ticket->request;
    const struct dbr_peer_id *owner = owner_of(core, ticket);
    int err = dbr_kad_value_key(&request->full_key, &request->arena, owner, request->key,
                                detail);
    if (err != 0 || request->type == DBR_REQUEST_DHT_GET) {
        return err;
    }
    if (!dbr_kad_may_write(request->full_key, owner)) {
        char peer[DBR_PEER_ID_TEXT_SIZE];
        return dbr_detail_set(detail, DEBROS_EACCES,
                              "%s may not write %.200s: the key must name the writer",
                              dbr_peer_id_text(owner, peer), request->full_key);
    }
    return request->type == DBR_REQUEST_DHT_PUT ? check_put(core, ticket, detail) : 0;
}

static int check_provider(struct dbr_request *request, debros_detail *detail)
{
    bool is_change = request->type == DBR_REQUEST_DHT_PROVIDE ||
                     request->type == DBR_REQUEST_DHT_UNPROVIDE;
    if (is_change && dbr_kad_is_reserved(request->key)) {
        return dbr_detail_set(detail, DEBROS_EACCES,
                              "keys below %s are the library's own", DBR_KAD_RESERVED);
    }
    request->full_key = request->key;
    return dbr_kad_provider_key(request->multihash, request->key, detail);
}

static int check_peer(struct dbr_request *request, debros_detail *detail)
{
    return dbr_request_peer(&request->peer, request->target, detail);
}

/* Keys in full, values signed. 0, or an error with detail. */
static int prepare(struct dbr_core *core, const struct dbr_ticket *ticket,
                   debros_detail *detail)
{
    struct dbr_request *request = ticket->request;
    if (request->type == DBR_REQUEST_DHT_TABLE) {
        return 0;
    }
    if (request->type == DBR_REQUEST_FIND_PEER) {
        return check_peer(request, detail);
    }
    return is_of_values(request->type) ? check_value(core, ticket, detail)
                                       : check_provider(request, detail);
}

/* ---- Beginning -----------------------------------------------------------------------
 */

static const char *words_of(int err)
{
    switch (err) {
    case DEBROS_EBUSY:
        return "too many lookups are under way: try again later";
    case DEBROS_ECONFLICT:
        return "a value with a version as high, or higher, is there already";
    case DEBROS_ENOSPC:
        return "this node holds as many as it may: remove some";
    case DEBROS_EAUTH:
        return "the signature is not the writer's";
    case DEBROS_ETIMEDOUT:
        return "the value has expired: is the caller's clock right?";
    case DEBROS_ENOMEM:
        return "out of memory";
    default:
        return "the hash table refuses it";
    }
}

/* How many values of a client this member keeps, but for this key. */
static size_t kept_for(const struct dbr_core *core, const struct dbr_peer_id *writer,
                       debros_bytes key)
{
    const struct dbr_dht_values *values = &dbr_dht_records(core->kad->dht)->values;
    const struct dbr_dht_value *value;
    const struct dbr_dht_value *tmp;
    size_t n = 0;
    HASH_ITER(hh, values->table, value, tmp)
    {
        n += value->own && dbr_peer_id_equal(&value->writer, writer) &&
             !dbr_bytes_equal(value->key, key);
    }
    return n;
}

static int begin_put(struct dbr_core *core, const struct dbr_ticket *ticket, dbr_time now)
{
    const struct dbr_request *request = ticket->request;
    debros_bytes key = dbr_bytes_str(request->full_key);
    if (ticket->stream != 0 &&
        kept_for(core, &ticket->caller, key) >= DBR_KAD_CLIENT_VALUES) {
        return DEBROS_ELIMIT;
    }
    return dbr_dht_put(core->kad->dht, ticket->token, key, request->envelope, now);
}

static int begin(struct dbr_core *core, const struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_dht *dht = core->kad->dht;
    const struct dbr_request *request = ticket->request;
    uint32_t want = request->want < DBR_KAD_WANT_MAX ? request->want : DBR_KAD_WANT_MAX;
    debros_bytes multihash = dbr_bytes(request->multihash, DBR_KAD_MULTIHASH_SIZE);
    switch (request->type) {
    case DBR_REQUEST_DHT_PUT:
        return begin_put(core, ticket, now);
    case DBR_REQUEST_DHT_GET:
        return dbr_dht_get(dht, ticket->token, dbr_bytes_str(request->full_key), want,
                           now);
    case DBR_REQUEST_DHT_PROVIDE:
        return dbr_dht_provide(dht, ticket->token, multihash, now);
    case DBR_REQUEST_DHT_PROVIDERS:
        return dbr_dht_find_providers(dht, ticket->token, multihash, want, now);
    default:
        return dbr_dht_find_peer(dht, ticket->token, &request->peer, false, now);
    }
}

static void look(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    int err = begin(core, ticket, now);
    if (err == DEBROS_ELIMIT) {
        dbr_ticket_done(core, ticket, err, "a member keeps 256 values of one client: "
                                           "remove one, or wait until one expires",
                        now);
    } else if (err != 0) {
        dbr_ticket_done(core, ticket, err, words_of(err), now);
    } else {
        ticket->state = DBR_TICKET_LOOKING;
    }
}

static void forget(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_dht *dht = core->kad->dht;
    const struct dbr_request *request = ticket->request;
    bool is_value = request->type == DBR_REQUEST_DHT_REMOVE;
    bool done =
        is_value
            ? dbr_dht_remove(dht, dbr_bytes_str(request->full_key))
            : dbr_dht_unprovide(dht,
                                dbr_bytes(request->multihash, DBR_KAD_MULTIHASH_SIZE));
    dbr_ticket_done(core, ticket, done ? 0 : DEBROS_ENOTFOUND,
                    done       ? NULL
                    : is_value ? "this node keeps no such value of the caller's"
                               : "this node does not provide it",
                    now);
}

/* Whoever is connected, or ourselves, need not be looked for. */
static bool is_near(const struct dbr_core *core, const struct dbr_peer_id *peer)
{
    return dbr_peer_id_equal(peer, &core->self) ||
           dbr_swarm_is_connected(core->swarm, peer);
}

static void find(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    if (is_near(core, &request->peer)) {
        dbr_ticket_done(core, ticket, dbr_view_found(core, request, &request->peer, 1),
                        NULL, now);
    } else {
        look(core, ticket, now);
    }
}

void dbr_kad_request_run(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    debros_detail detail = {{0}};
    struct dbr_request *request = ticket->request;
    int err = prepare(core, ticket, &detail);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, detail.text, now);
        return;
    }
    switch (request->type) {
    case DBR_REQUEST_DHT_TABLE:
        dbr_ticket_done(core, ticket, dbr_view_table(core, request, now), NULL, now);
        break;
    case DBR_REQUEST_DHT_REMOVE:
    case DBR_REQUEST_DHT_UNPROVIDE:
        forget(core, ticket, now);
        break;
    case DBR_REQUEST_FIND_PEER:
        find(core, ticket, now);
        break;
    default:
        look(core, ticket, now);
        break;
    }
}

/* ---- Answers -------------------------------------------------------------------------
 */

/* What an envelope that is good says. */
static int show_record(struct dbr_request *request, debros_bytes envelope)
{
    char writer[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_arena *arena = &request->arena;
    struct dbr_dht_envelope e;
    struct dbr_peer_id id;
    debros_record *record = dbr_arena_calloc(arena, 1, sizeof(*record));
    uint8_t *copy = dbr_arena_memdup(arena, envelope.data, envelope.len);
    if (record == NULL || copy == NULL) {
        return DEBROS_ENOMEM;
    }
    request->envelope = dbr_bytes(copy, envelope.len);
    if (dbr_dht_envelope_decode(&e, request->envelope) != 0) {
        return DEBROS_EPROTO;
    }
    dbr_dht_envelope_writer(&id, &e);
    *record = (debros_record){
        .key = dbr_arena_strdup(arena, request->full_key),
        .value = request->type == DBR_REQUEST_DHT_GET ? e.value : dbr_bytes(NULL, 0),
        .writer = dbr_arena_strdup(arena, dbr_peer_id_text(&id, writer)),
        .version = e.version,
        .expires_ms = e.expires_ms};
    request->record = record;
    return record->key != NULL && record->writer != NULL ? 0 : DEBROS_ENOMEM;
}

/* A put or a provide: alone in the network there is nobody to tell. */
static void stored(struct dbr_core *core, struct dbr_ticket *ticket,
                   const struct dbr_dht_event *event, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    int err = dbr_dht_table(core->kad->dht)->n == 0 ? 0 : event->status;
    request->stored = event->stored;
    if (err == 0 && request->type == DBR_REQUEST_DHT_PUT && ticket->stream == 0) {
        err = show_record(request, request->envelope);
    }
    dbr_ticket_done(core, ticket, err,
                    err == DEBROS_EUNREACHABLE
                        ? "no other node has taken it; this one keeps it, and tries again"
                        : NULL,
                    now);
}

static void found_peer(struct dbr_core *core, struct dbr_ticket *ticket,
                       const struct dbr_dht_event *event, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    int err = dbr_view_found(core, request, &request->peer, 1);
    if (err == 0) {
        err = dbr_view_addrs(request, &request->peers[0], event->addrs, event->n_addrs);
    }
    dbr_ticket_done(core, ticket, err, NULL, now);
}

static void found(struct dbr_core *core, struct dbr_ticket *ticket,
                  const struct dbr_dht_event *event, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    int err = event->status;
    if (err == DEBROS_ENOTFOUND) {
        dbr_ticket_done(core, ticket, err,
                        request->type == DBR_REQUEST_DHT_GET
                            ? "nobody who was asked has such a value"
                        : request->type == DBR_REQUEST_FIND_PEER
                            ? "nobody who was asked knows where that peer is"
                            : "nobody who was asked knows a provider",
                        now);
        return;
    }
    if (err == 0 && request->type == DBR_REQUEST_FIND_PEER) {
        found_peer(core, ticket, event, now);
        return;
    }
    if (err == 0 && request->type == DBR_REQUEST_DHT_GET) {
        err = show_record(request, event->data);
    } else if (err == 0) {
        err = dbr_view_found(core, request, event->peers, event->n_peers);
    }
    dbr_ticket_done(core, ticket, err, NULL, now);
}

void dbr_kad_request_done(struct dbr_core *core, const struct dbr_dht_event *event,
                          dbr_time now)
{
    struct dbr_ticket *ticket = dbr_ticket_find(core, event->token);
    if (ticket == NULL) {
        return;
    }
    ticket->state = DBR_TICKET_RUNNING; /* the lookup is over */
    if (ticket->kind == DBR_TICKET_SERVICE) {
        dbr_services_registered(core, ticket, now);
    } else if (ticket->kind == DBR_TICKET_SEARCH) {
        dbr_discovery_found(core, ticket, event, now);
    } else if (ticket->request->type == DBR_REQUEST_PEERS) {
        dbr_services_list(core, ticket, event, now);
    } else if (ticket->request->type == DBR_REQUEST_DHT_PUT ||
               ticket->request->type == DBR_REQUEST_DHT_PROVIDE) {
        stored(core, ticket, event, now);
    } else {
        found(core, ticket, event, now);
    }
}

/* ---- A client ------------------------------------------------------------------------
 */

bool dbr_kad_request_prepare(struct dbr_core *core, struct dbr_ticket *ticket,
                             dbr_time now)
{
    debros_detail detail = {{0}};
    int err = prepare(core, ticket, &detail);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, detail.text, now);
    }
    return err == 0;
}

int dbr_kad_request_answered(struct dbr_core *core, struct dbr_request *request,
                             debros_bytes envelope, debros_detail *detail)
{
    struct dbr_dht_signer signer;
    struct dbr_dht_envelope e;
    const struct dbr_dht_rules rules = {
        .kinds = dbr_dht_kinds, .n_kinds = DBR_DHT_KINDS, .signer = &signer};
    (void)core;
    if (request->type == DBR_REQUEST_DHT_PUT) {
        return show_record(request, request->envelope);
    }
    if (request->type != DBR_REQUEST_DHT_GET) {
        return 0;
    }
    dbr_dht_signer_init(&signer, NULL);
    /* Whether it has expired was the member's question: our clock may be wrong. */
    enum dbr_dht_verdict verdict =
        dbr_dht_envelope_judge(&e, &rules, dbr_bytes_str(request->full_key), envelope,
                               dbr_bytes(NULL, 0), 0);
    if (!dbr_dht_verdict_is_good(verdict)) {
        return dbr_detail_set(detail, DEBROS_EPROTO,
                              "the member's answer holds a value that is %s",
                              dbr_dht_verdict_words(verdict));
    }
    return show_record(request, envelope);
}
