/* What answers bring besides closer peers: values, providers, the peer itself. Nothing is
 * believed of a value but what its signature says. */
#include "base/check.h"
#include "dht/inner.h"

/* Providers that one search remembers. Above what it tells, so that liars, who each tell
 * others, do not fill the list before those whom many tell. */
#define TOLD_MAX 512u

/* ---- Ids that were found -------------------------------------------------------------
 */

size_t dbr_dht_found_count(const struct dbr_dht_op *op)
{
    return op->found.len / sizeof(struct dbr_peer_id);
}

static bool is_found(const struct dbr_dht_op *op, const struct dbr_peer_id *peer)
{
    for (size_t at = 0; at < op->found.len; at += sizeof(*peer)) {
        if (memcmp(op->found.data + at, peer, sizeof(*peer)) == 0) {
            return true;
        }
    }
    return false;
}

/* False: it was there, or there are DBR_DHT_FOUND_MAX. */
bool dbr_dht_found_add(struct dbr_dht_op *op, const struct dbr_peer_id *peer)
{
    if (is_found(op, peer) || dbr_dht_found_count(op) >= DBR_DHT_FOUND_MAX) {
        return false;
    }
    dbr_buf_add(&op->found, peer, sizeof(*peer));
    bool added = !op->found.failed;
    op->found.failed = false; /* short memory misses one */
    return added;
}

/* ---- Values --------------------------------------------------------------------------
 */

static bool is_better(struct dbr_dht_op *op, debros_bytes value)
{
    dbr_buf_clear(&op->value);
    dbr_buf_clear(&op->found); /* those who told had an older one */
    dbr_buf_add(&op->value, value.data, value.len);
    if (op->value.failed) {
        op->value.failed = false;
        dbr_buf_clear(&op->value);
        return false;
    }
    return true;
}

static void gather_value(struct dbr_dht *dht, struct dbr_dht_op *op,
                         const struct dbr_peer_id *from,
                         const struct dbr_dht_message *message)
{
    debros_bytes key = dbr_bytes(op->key.data, op->key.len);
    struct dbr_dht_envelope envelope;
    if (!message->has_record) {
        return;
    }
    enum dbr_dht_verdict verdict = DBR_DHT_VALUE_BAD_KEY;
    if (dbr_bytes_equal(message->record.key, key)) {
        verdict = dbr_dht_envelope_judge(&envelope, &dht->config.rules, key,
                                         message->record.value,
                                         dbr_bytes(op->value.data, op->value.len),
                                         dbr_dht_wall(dht));
    }
    if (verdict == DBR_DHT_VALUE_SAME ||
        (verdict == DBR_DHT_VALUE_NEWER && is_better(op, message->record.value))) {
        (void)dbr_dht_found_add(op, from);
    } else if (verdict != DBR_DHT_VALUE_OLDER && verdict != DBR_DHT_VALUE_EXPIRED) {
        dht->counts.bad++;
    }
}

/* ---- Providers -----------------------------------------------------------------------
 */

static struct dbr_peer_id *found_at(const struct dbr_dht_op *op, size_t i)
{
    return (struct dbr_peer_id *)(void *)op->found.data + i;
}

/* Where to note a provider that nobody has told yet: behind the others, or in the place
 * of the first that only one has told. False: all have been told by more, or memory is
 * short. */
static bool new_place(struct dbr_dht_op *op, size_t *place)
{
    size_t n = dbr_dht_found_count(op);
    *place = n;
    if (n >= TOLD_MAX) {
        const uint8_t *lone = memchr(op->told.data, 1, n);
        *place = lone == NULL ? n : (size_t)(lone - op->told.data);
        return lone != NULL;
    }
    return dbr_buf_extend(&op->told, 1) != NULL &&
           dbr_buf_extend(&op->found, sizeof(struct dbr_peer_id)) != NULL;
}

/* One more has told it. Returns by how many it is told now; 0: it is not remembered. */
static uint8_t count_provider(struct dbr_dht_op *op, const struct dbr_peer_id *peer)
{
    size_t n = dbr_dht_found_count(op);
    size_t i = 0;
    while (i < n && !dbr_peer_id_equal(found_at(op, i), peer)) {
        i++;
    }
    if (i < n) {
        op->told.data[i] += op->told.data[i] < UINT8_MAX;
        return op->told.data[i];
    }
    if (!new_place(op, &i)) {
        op->told.failed = op->found.failed = false; /* short memory misses one */
        op->told.len = dbr_dht_found_count(op);
        return 0;
    }
    *found_at(op, i) = *peer;
    op->told.data[i] = 1;
    return 1;
}

size_t dbr_dht_found_providers(const struct dbr_dht_op *op, struct dbr_buf *out)
{
    size_t n = dbr_dht_found_count(op);
    size_t added = 0;
    unsigned told = 0;
    for (size_t i = 0; i < n; i++) {
        told = op->told.data[i] > told ? op->told.data[i] : told;
    }
    for (; told > 0; told--) {
        for (size_t i = 0; i < n && added < DBR_DHT_FOUND_MAX; i++) {
            if (op->told.data[i] == told) {
                dbr_buf_add(out, found_at(op, i), sizeof(struct dbr_peer_id));
                added++;
            }
        }
    }
    return added;
}

static bool is_repeated(const struct dbr_dht_message *message, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (dbr_peer_id_equal(&message->providers[i].id, &message->providers[at].id)) {
            return true;
        }
    }
    return false;
}

static void hint_provider(struct dbr_dht *dht, const struct dbr_dht_peer *provider,
                          bool from_here)
{
    struct dbr_buf hints = {0};
    for (size_t k = 0; k < provider->n_addrs; k++) {
        if (dbr_dht_is_usable(dht, &provider->addrs[k], from_here)) {
            dbr_dht_pack(&hints, &provider->addrs[k]);
        }
    }
    dbr_dht_push_hint(dht, &provider->id, dbr_bytes(hints.data, hints.len));
    dbr_buf_finish(&hints);
}

/* Nobody signs that he provides: what counts is by how many it is told. Where there are
 * more than will be told to the application, the word of one brings no hint either. */
static void gather_providers(struct dbr_dht *dht, struct dbr_dht_op *op,
                             const struct dbr_peer_id *from,
                             const struct dbr_dht_message *message)
{
    const struct dbr_dht_contact *contact = dbr_dht_contact(dht, from);
    bool from_here = contact != NULL && contact->is_local;
    for (size_t i = 0; i < message->n_providers; i++) {
        if (is_repeated(message, i)) {
            continue;
        }
        uint8_t told = count_provider(op, &message->providers[i].id);
        bool is_many = dbr_dht_found_count(op) > DBR_DHT_FOUND_MAX;
        if (told == (is_many ? 2 : 1)) {
            hint_provider(dht, &message->providers[i], from_here);
        }
    }
}

/* ---- The peer itself -----------------------------------------------------------------
 */

static void gather_peer(struct dbr_dht_op *op)
{
    struct dbr_dht_key key;
    dbr_dht_key_of_peer(&key, &op->peer);
    const struct dbr_dht_candidate *candidate = dbr_dht_query_find(&op->query, &key);
    if (candidate != NULL && candidate->hint != 0) {
        op->found_hint = candidate->hint;
        if (!op->anew) {
            dbr_dht_query_stop(&op->query);
        }
    }
}

/* ---- Any -----------------------------------------------------------------------------
 */

static void stop_at_enough(struct dbr_dht_op *op)
{
    if (op->want != 0 && dbr_dht_found_count(op) >= op->want) {
        dbr_dht_query_stop(&op->query);
    }
}

void dbr_dht_gather_here(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    debros_bytes key = dbr_bytes(op->key.data, op->key.len);
    if (op->purpose == DBR_DHT_FOR_GET) {
        const struct dbr_dht_value *value =
            dbr_dht_values_get(&dht->records.values, key, dht->now);
        if (value != NULL && is_better(op, value->value)) {
            (void)dbr_dht_found_add(op, &dht->config.self);
        }
    } else if (op->purpose == DBR_DHT_FOR_PROVIDERS) {
        struct dbr_peer_id peers[DBR_DHT_MESSAGE_PEERS_MAX];
        size_t n = dbr_dht_providers_get(&dht->records.providers, key, peers,
                                         DBR_DHT_MESSAGE_PEERS_MAX, dht->now);
        for (size_t i = 0; i < n; i++) {
            (void)count_provider(op, &peers[i]);
        }
    }
    stop_at_enough(op);
}

void dbr_dht_gather(struct dbr_dht *dht, struct dbr_dht_op *op,
                    const struct dbr_peer_id *from,
                    const struct dbr_dht_message *message)
{
    if (op->purpose == DBR_DHT_FOR_GET) {
        gather_value(dht, op, from, message);
    } else if (op->purpose == DBR_DHT_FOR_PROVIDERS) {
        gather_providers(dht, op, from, message);
    } else if (op->purpose == DBR_DHT_FOR_PEER) {
        gather_peer(op);
    }
    stop_at_enough(op);
}
