/* What answers bring besides closer peers: values, providers, the peer itself. Nothing is
 * believed of a value but what its signature says. */
#include "base/check.h"
#include "dht/inner.h"

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

static void gather_providers(struct dbr_dht *dht, struct dbr_dht_op *op,
                             const struct dbr_peer_id *from,
                             const struct dbr_dht_message *message)
{
    const struct dbr_dht_contact *contact = dbr_dht_contact(dht, from);
    for (size_t i = 0; i < message->n_providers; i++) {
        const struct dbr_dht_peer *provider = &message->providers[i];
        struct dbr_buf hints = {0};
        if (!dbr_dht_found_add(op, &provider->id)) {
            continue;
        }
        for (size_t k = 0; k < provider->n_addrs; k++) {
            if (dbr_dht_is_usable(dht, &provider->addrs[k],
                                  contact != NULL && contact->is_local)) {
                dbr_dht_pack(&hints, &provider->addrs[k]);
            }
        }
        dbr_dht_push_hint(dht, &provider->id, dbr_bytes(hints.data, hints.len));
        dbr_buf_finish(&hints);
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
        dbr_dht_query_stop(&op->query);
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
            (void)dbr_dht_found_add(op, &peers[i]);
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
