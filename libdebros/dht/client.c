/* What the application may ask for. */
#include "base/check.h"
#include "dht/inner.h"

/* Whether another lookup fits, for a key of at most `max` bytes. */
static int check(struct dbr_dht *dht, uint64_t token, debros_bytes key, size_t max,
                 dbr_time now)
{
    dht->now = now;
    if (token == 0 || key.len == 0) {
        return DEBROS_EINVAL;
    }
    if (key.len > max) {
        return DEBROS_ELIMIT;
    }
    return dht->n_lookups < dht->config.limits.lookups ? 0 : DEBROS_EBUSY;
}

/* With what the stores here have, which may be enough. */
static void begin(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    dbr_dht_gather_here(dht, op);
    if (dbr_dht_query_is_done(&op->query)) {
        dbr_dht_op_step(dht, op);
    } else {
        dbr_dht_op_begin(dht, op);
    }
}

int dbr_dht_find_peer(struct dbr_dht *dht, uint64_t token, const struct dbr_peer_id *peer,
                      bool anew, dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_DHT_PEER_ADDRS_MAX];
    debros_bytes key = dbr_bytes(peer->bytes, peer->len);
    int err = check(dht, token, key, DBR_PEER_ID_MAX, now);
    struct dbr_dht_op *op =
        err == 0 ? dbr_dht_op_create(dht, DBR_DHT_FOR_PEER, token, key) : NULL;
    if (op == NULL) {
        return err != 0 ? err : DEBROS_ENOMEM;
    }
    op->peer = *peer;
    op->anew = anew;
    if (!anew && dbr_dht_addrs_of(dht, peer, addrs) > 0) { /* it is known */
        dbr_dht_query_stop(&op->query);
    }
    begin(dht, op);
    return 0;
}

int dbr_dht_find_closest(struct dbr_dht *dht, uint64_t token, debros_bytes key,
                         dbr_time now)
{
    int err = check(dht, token, key, DBR_DHT_RECORD_KEY_MAX, now);
    struct dbr_dht_op *op =
        err == 0 ? dbr_dht_op_create(dht, DBR_DHT_FOR_CLOSEST, token, key) : NULL;
    if (op == NULL) {
        return err != 0 ? err : DEBROS_ENOMEM;
    }
    begin(dht, op);
    return 0;
}

int dbr_dht_put(struct dbr_dht *dht, uint64_t token, debros_bytes key,
                debros_bytes envelope, dbr_time now)
{
    int err = check(dht, token, key, DBR_DHT_RECORD_KEY_MAX, now);
    err = err != 0 ? err
                   : dbr_dht_verdict_error(
                         dbr_dht_values_put(&dht->records.values, key, envelope, true,
                                            now, dbr_dht_wall(dht)));
    struct dbr_dht_op *op =
        err == 0 ? dbr_dht_op_create(dht, DBR_DHT_FOR_PUT, token, key) : NULL;
    if (op == NULL) {
        return err != 0 ? err : DEBROS_ENOMEM;
    }
    dbr_buf_add(&op->value, envelope.data, envelope.len);
    if (op->value.failed) {
        dbr_dht_op_destroy(dht, op);
        return DEBROS_ENOMEM;
    }
    begin(dht, op);
    return 0;
}

int dbr_dht_get(struct dbr_dht *dht, uint64_t token, debros_bytes key, uint32_t quorum,
                dbr_time now)
{
    int err = check(dht, token, key, DBR_DHT_RECORD_KEY_MAX, now);
    struct dbr_dht_op *op =
        err == 0 ? dbr_dht_op_create(dht, DBR_DHT_FOR_GET, token, key) : NULL;
    if (op == NULL) {
        return err != 0 ? err : DEBROS_ENOMEM;
    }
    op->want = quorum;
    begin(dht, op);
    return 0;
}

int dbr_dht_provide(struct dbr_dht *dht, uint64_t token, debros_bytes key, dbr_time now)
{
    int err = check(dht, token, key, DBR_DHT_PROVIDER_KEY_MAX, now);
    err = err != 0 ? err
                   : dbr_dht_verdict_error(dbr_dht_providers_add(
                         &dht->records.providers, key, &dht->config.self, now,
                         dbr_dht_wall(dht)));
    struct dbr_dht_op *op =
        err == 0 ? dbr_dht_op_create(dht, DBR_DHT_FOR_PROVIDE, token, key) : NULL;
    if (op == NULL) {
        return err != 0 ? err : DEBROS_ENOMEM;
    }
    begin(dht, op);
    return 0;
}

int dbr_dht_find_providers(struct dbr_dht *dht, uint64_t token, debros_bytes key,
                           uint32_t want, dbr_time now)
{
    int err = check(dht, token, key, DBR_DHT_PROVIDER_KEY_MAX, now);
    struct dbr_dht_op *op =
        err == 0 ? dbr_dht_op_create(dht, DBR_DHT_FOR_PROVIDERS, token, key) : NULL;
    if (op == NULL) {
        return err != 0 ? err : DEBROS_ENOMEM;
    }
    op->want = want < DBR_DHT_FOUND_MAX ? want : DBR_DHT_FOUND_MAX;
    begin(dht, op);
    return 0;
}

void dbr_dht_cancel(struct dbr_dht *dht, uint64_t token)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &dht->ops)
    {
        struct dbr_dht_op *op = DBR_LIST_ENTRY(item, struct dbr_dht_op, in_dht);
        if (op->token == token && token != 0) {
            dbr_dht_op_destroy(dht, op);
        }
    }
}
