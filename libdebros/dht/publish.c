/* Values and providers on their way to the closest peers: for the application, again when
 * they are due, and corrections to those who had an older value or none. */
#include "base/check.h"
#include "dht/inner.h"

#define AGAIN_MS 600000 /* what nobody has taken */
#define RETRY_MS 10000 /* between two looks at what is due, of which some may stay so */

static int encode_put(struct dbr_buf *out, debros_bytes key, debros_bytes value)
{
    struct dbr_dht_message message = {.type = DBR_DHT_PUT_VALUE,
                                      .key = key,
                                      .has_record = true,
                                      .record = {.key = key, .value = value}};
    return dbr_dht_message_encode(out, &message);
}

static int encode_provider(const struct dbr_dht *dht, struct dbr_buf *out,
                           debros_bytes key)
{
    struct dbr_dht_peer self = {.id = dht->config.self,
                                .connection = DBR_DHT_CONNECTED,
                                .addrs = dht->addrs,
                                .n_addrs = dht->n_addrs};
    struct dbr_dht_message message = {.type = DBR_DHT_ADD_PROVIDER,
                                      .key = key,
                                      .providers = &self,
                                      .n_providers = 1};
    return dbr_dht_message_encode(out, &message);
}

/* To each of the k closest, once. */
void dbr_dht_store(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    debros_bytes key = dbr_bytes(op->key.data, op->key.len);
    bool is_put = op->purpose == DBR_DHT_FOR_PUT;
    struct dbr_buf data = {0};
    struct dbr_dht_question question = {
        .why = DBR_DHT_WHY_STORE,
        .type = is_put ? DBR_DHT_PUT_VALUE : DBR_DHT_ADD_PROVIDER,
        .one_way = !is_put,
        .op = op};
    int err = is_put ? encode_put(&data, key, dbr_bytes(op->value.data, op->value.len))
                     : encode_provider(dht, &data, key);
    const struct dbr_dht_candidate *candidate;
    for (size_t i = 0;
         err == 0 && (candidate = dbr_dht_query_result(&op->query, i)) != NULL; i++) {
        question.peer = candidate->id;
        question.data = dbr_bytes(data.data, data.len);
        op->storing += dbr_dht_ask(dht, &question);
    }
    dbr_buf_finish(&data);
}

/* An answer to a put is the put (go-libp2p compares the value as well). */
void dbr_dht_stored(struct dbr_dht *dht, struct dbr_dht_op *op,
                    const struct dbr_dht_message *message)
{
    bool ok = message == NULL ||
              (message->has_record &&
               dbr_bytes_equal(message->record.value,
                               dbr_bytes(op->value.data, op->value.len)));
    op->stored += ok;
    dht->counts.bad += !ok;
}

static bool has_best(const struct dbr_dht_op *op, const struct dbr_peer_id *peer)
{
    for (size_t at = 0; at < op->found.len; at += sizeof(*peer)) {
        if (memcmp(op->found.data + at, peer, sizeof(*peer)) == 0) {
            return true;
        }
    }
    return false;
}

void dbr_dht_correct(struct dbr_dht *dht, const struct dbr_dht_op *op)
{
    struct dbr_buf data = {0};
    const struct dbr_dht_candidate *candidate;
    struct dbr_dht_question question = {.why = DBR_DHT_WHY_STORE,
                                        .type = DBR_DHT_PUT_VALUE};
    if (op->value.len == 0 ||
        encode_put(&data, dbr_bytes(op->key.data, op->key.len),
                   dbr_bytes(op->value.data, op->value.len)) != 0) {
        dbr_buf_finish(&data);
        return;
    }
    for (size_t i = 0; (candidate = dbr_dht_query_result(&op->query, i)) != NULL; i++) {
        question.peer = candidate->id;
        question.data = dbr_bytes(data.data, data.len);
        if (!has_best(op, &candidate->id)) {
            (void)dbr_dht_ask(dht, &question);
        }
    }
    dbr_buf_finish(&data);
}

/* ---- Again ---------------------------------------------------------------------------
 */

static bool can_publish(const struct dbr_dht *dht)
{
    return dht->table.n > 0 && dbr_dht_has_room(dht);
}

static void publish_values(struct dbr_dht *dht)
{
    const struct dbr_dht_value *value;
    while (can_publish(dht) && (value = dbr_dht_values_due(&dht->records.values, dht->now,
                                                           dbr_dht_wall(dht))) != NULL) {
        struct dbr_dht_op *op = dbr_dht_op_create(dht, DBR_DHT_FOR_PUT, 0, value->key);
        if (op == NULL) {
            return;
        }
        dbr_buf_add(&op->value, value->value.data, value->value.len);
        if (op->value.failed) {
            dbr_dht_op_destroy(dht, op);
            return;
        }
        dbr_dht_op_begin(dht, op);
    }
}

static void publish_providers(struct dbr_dht *dht)
{
    debros_bytes key;
    while (can_publish(dht) && dbr_dht_providers_due(&dht->records.providers, &key,
                                                     dht->now, dbr_dht_wall(dht))) {
        struct dbr_dht_op *op = dbr_dht_op_create(dht, DBR_DHT_FOR_PROVIDE, 0, key);
        if (op == NULL) {
            return;
        }
        dbr_dht_op_begin(dht, op);
    }
}

void dbr_dht_publish_again(struct dbr_dht *dht, const struct dbr_dht_op *op)
{
    debros_bytes key = dbr_bytes(op->key.data, op->key.len);
    dbr_time at = dbr_time_add(dht->now, AGAIN_MS);
    if (op->purpose == DBR_DHT_FOR_PUT) {
        dbr_dht_values_again(&dht->records.values, key, at);
    } else {
        dbr_dht_providers_again(&dht->records.providers, key, at);
    }
}

dbr_time dbr_dht_publish_deadline(const struct dbr_dht *dht)
{
    dbr_time at = dbr_dht_records_deadline(&dht->records);
    return at > dht->publish_at ? at : dht->publish_at;
}

void dbr_dht_publish_expire(struct dbr_dht *dht)
{
    if (dbr_dht_publish_deadline(dht) > dht->now) {
        return;
    }
    dht->publish_at = dbr_time_add(dht->now, RETRY_MS);
    publish_values(dht);
    publish_providers(dht);
    dbr_dht_records_expire(&dht->records, dht->now);
}
