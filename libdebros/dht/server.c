/* Answers to others. */
#include "base/check.h"
#include "base/failpoint.h"
#include "dht/inner.h"

/* What an answer's peers point to. */
struct listing {
    struct dbr_dht_peer peers[DBR_DHT_MESSAGE_PEERS_MAX];
    struct dbr_multiaddr addrs[DBR_DHT_MESSAGE_PEERS_MAX][DBR_DHT_PEER_ADDRS_MAX];
    size_t n;
};

static void list_peer(const struct dbr_dht *dht, struct listing *listing,
                      const struct dbr_peer_id *id, bool connected)
{
    struct dbr_dht_peer *peer = &listing->peers[listing->n];
    struct dbr_multiaddr *addrs = listing->addrs[listing->n];
    if (listing->n == DBR_DHT_MESSAGE_PEERS_MAX) {
        return;
    }
    *peer = (struct dbr_dht_peer){
        .id = *id,
        .connection = connected ? DBR_DHT_CONNECTED : DBR_DHT_NOT_CONNECTED,
        .addrs = addrs,
        .n_addrs = dbr_dht_addrs_of(dht, id, addrs)};
    listing->n += peer->n_addrs > 0; /* others could do nothing with it */
}

static void list_any(const struct dbr_dht *dht, struct listing *listing,
                     const struct dbr_peer_id *id)
{
    size_t at = listing->n;
    list_peer(dht, listing, id, false);
    if (listing->n > at && dbr_dht_contact(dht, id) != NULL) {
        listing->peers[at].connection = DBR_DHT_CONNECTED;
    }
}

/* The k closest, without the asker; `first`, which may be NULL, whoever it is. */
static void list_closest(const struct dbr_dht *dht, struct listing *listing,
                         debros_bytes key, const struct dbr_peer_id *asker,
                         const struct dbr_peer_id *first)
{
    const struct dbr_dht_entry *entries[DBR_DHT_MESSAGE_PEERS_MAX + 1];
    struct dbr_dht_key target;
    uint32_t k = dht->config.limits.query.k;
    dbr_dht_key_of(&target, key);
    listing->n = 0;
    if (first != NULL) {
        list_any(dht, listing, first);
    }
    size_t n = dbr_dht_table_closest(&dht->table, entries, k + 1, &target, true);
    for (size_t i = 0; i < n && listing->n < k; i++) {
        if (!dbr_peer_id_equal(&entries[i]->id, asker) &&
            (first == NULL || !dbr_peer_id_equal(&entries[i]->id, first))) {
            list_peer(dht, listing, &entries[i]->id, entries[i]->connected);
        }
    }
}

static void find_node(struct dbr_dht *dht, uint64_t stream,
                      const struct dbr_peer_id *asker,
                      const struct dbr_dht_message *request)
{
    struct listing listing;
    struct dbr_peer_id target;
    bool is_peer = dbr_peer_id_from_bytes(&target, request->key) == 0;
    list_closest(dht, &listing, request->key, asker, is_peer ? &target : NULL);
    struct dbr_dht_message answer = {.type = DBR_DHT_FIND_NODE,
                                     .closer = listing.peers,
                                     .n_closer = listing.n};
    dbr_dht_push_answer(dht, stream, &answer);
}

static void get_value(struct dbr_dht *dht, uint64_t stream,
                      const struct dbr_peer_id *asker,
                      const struct dbr_dht_message *request)
{
    struct listing listing;
    char text[DBR_DHT_TIME_SIZE];
    const struct dbr_dht_value *value =
        dbr_dht_values_get(&dht->records.values, request->key, dht->now);
    list_closest(dht, &listing, request->key, asker, NULL);
    struct dbr_dht_message answer = {.type = DBR_DHT_GET_VALUE,
                                     .key = request->key,
                                     .closer = listing.peers,
                                     .n_closer = listing.n};
    if (value != NULL) {
        answer.has_record = true;
        answer.record = (struct dbr_dht_record){
            .key = value->key,
            .value = value->value,
            .received = dbr_bytes_str(dbr_dht_time_text(text, value->received_ms))};
    }
    dbr_dht_push_answer(dht, stream, &answer);
}

/* An answer to a put is the put itself. */
static bool put_value(struct dbr_dht *dht, uint64_t stream,
                      const struct dbr_peer_id *from,
                      const struct dbr_dht_message *request)
{
    if (!request->has_record ||
        !dbr_bytes_equal(request->key, request->record.key) ||
        !dbr_dht_verdict_is_good(dbr_dht_records_put(&dht->records, from, request->key,
                                                     request->record.value, dht->now,
                                                     dbr_dht_wall(dht)))) {
        return false;
    }
    dbr_dht_push_answer(dht, stream, request);
    return true;
}

static void get_providers(struct dbr_dht *dht, uint64_t stream,
                          const struct dbr_peer_id *asker,
                          const struct dbr_dht_message *request)
{
    struct listing closer;
    struct listing providers = {.n = 0};
    struct dbr_peer_id peers[DBR_DHT_MESSAGE_PEERS_MAX];
    size_t n = dbr_dht_providers_get(&dht->records.providers, request->key, peers,
                                     DBR_DHT_MESSAGE_PEERS_MAX, dht->now);
    list_closest(dht, &closer, request->key, asker, NULL);
    for (size_t i = 0; i < n; i++) {
        list_any(dht, &providers, &peers[i]);
    }
    struct dbr_dht_message answer = {.type = DBR_DHT_GET_PROVIDERS,
                                     .key = request->key,
                                     .closer = closer.peers,
                                     .n_closer = closer.n,
                                     .providers = providers.peers,
                                     .n_providers = providers.n};
    dbr_dht_push_answer(dht, stream, &answer);
}

/* Only the asker itself is taken for a provider, by its own connection. There is no
 * answer. */
static bool add_provider(struct dbr_dht *dht, const struct dbr_peer_id *from,
                         const struct dbr_dht_message *request)
{
    const struct dbr_dht_contact *contact = dbr_dht_contact(dht, from);
    for (size_t i = 0; i < request->n_providers; i++) {
        const struct dbr_dht_peer *provider = &request->providers[i];
        struct dbr_buf hints = {0};
        if (!dbr_peer_id_equal(&provider->id, from)) {
            continue;
        }
        for (size_t k = 0; k < provider->n_addrs; k++) {
            if (dbr_dht_is_usable(dht, &provider->addrs[k],
                                  contact != NULL && contact->is_local)) {
                dbr_dht_pack(&hints, &provider->addrs[k]);
            }
        }
        bool good = dbr_dht_verdict_is_good(dbr_dht_records_provide(
            &dht->records, from, request->key, dht->now, dbr_dht_wall(dht)));
        if (good) {
            dbr_dht_push_hint(dht, from, dbr_bytes(hints.data, hints.len));
        }
        dbr_buf_finish(&hints);
        return good;
    }
    return false;
}

/* False: the stream is to be reset. */
static bool serve(struct dbr_dht *dht, uint64_t stream, const struct dbr_peer_id *asker,
                  const struct dbr_dht_message *request)
{
    if (request->key.len == 0 && request->type != DBR_DHT_PING) {
        return false;
    }
    switch (request->type) {
    case DBR_DHT_FIND_NODE:
        find_node(dht, stream, asker, request);
        return true;
    case DBR_DHT_GET_VALUE:
        get_value(dht, stream, asker, request);
        return true;
    case DBR_DHT_PUT_VALUE:
        return put_value(dht, stream, asker, request);
    case DBR_DHT_GET_PROVIDERS:
        get_providers(dht, stream, asker, request);
        return true;
    case DBR_DHT_ADD_PROVIDER:
        return add_provider(dht, asker, request);
    case DBR_DHT_PING:
        dbr_dht_push_answer(dht, stream, request);
        return true;
    }
    return false;
}

/* An asker that is in the table lives; one that is not may be worth a probe. */
static void notice(struct dbr_dht *dht, const struct dbr_peer_id *asker)
{
    DBR_FAILPOINT("dht.server.notice");
    struct dbr_dht_contact *contact = dbr_dht_contact(dht, asker);
    if (contact != NULL && contact->serves) {
        dbr_dht_table_seen(&dht->table, asker, dht->now);
        dbr_dht_probe(dht, contact);
    }
}

int dbr_dht_request(struct dbr_dht *dht, uint64_t stream, const struct dbr_peer_id *peer,
                    debros_bytes message, dbr_time now)
{
    struct dbr_dht_event reset = {.type = DBR_DHT_EVENT_RESET, .stream = stream};
    struct dbr_dht_message request;
    struct dbr_arena arena;
    dht->now = now;
    if (dht->events.len >= dht->config.limits.events) {
        return DEBROS_EBUSY;
    }
    dbr_arena_init(&arena, DBR_DHT_UNPACKED_MAX);
    bool ok = dht->config.server &&
              dbr_dht_message_decode(&request, &arena, message) == 0 &&
              serve(dht, stream, peer, &request);
    dht->counts.served += ok;
    dht->counts.refused += !ok;
    if (ok) {
        notice(dht, peer);
    } else {
        (void)dbr_dht_push(dht, &reset, NULL, dbr_bytes(NULL, 0));
    }
    dbr_arena_finish(&arena);
    return 0;
}
