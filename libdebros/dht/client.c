/* Operations: what the application asks for, and the machine's own lookups. */
#include "base/alloc.h"
#include "base/check.h"
#include "dht/inner.h"

#define RETRY_MS 1000 /* an end that could not be told */

/* ---- Life ----------------------------------------------------------------------------
 */

static void count(struct dbr_dht *dht, const struct dbr_dht_op *op, int by)
{
    uint32_t *n = op->token != 0 ? &dht->n_lookups : &dht->n_background;
    *n = (uint32_t)((int64_t)*n + by);
}

struct dbr_dht_op *dbr_dht_op_create(struct dbr_dht *dht, enum dbr_dht_kind kind,
                                     uint64_t token, debros_bytes key)
{
    struct dbr_dht_message message = {.type = DBR_DHT_FIND_NODE, .key = key};
    struct dbr_dht_op *op = dbr_calloc(1, sizeof(*op));
    struct dbr_dht_key target;
    if (op == NULL) {
        return NULL;
    }
    if (dbr_dht_message_encode(&op->request, &message) != 0) {
        dbr_buf_finish(&op->request);
        dbr_free(op);
        return NULL;
    }
    op->kind = kind;
    op->token = token;
    dbr_list_init(&op->asked);
    dbr_list_push_back(&dht->ops, &op->in_dht);
    dbr_dht_key_of(&target, key);
    dbr_dht_query_init(&op->query, &dht->config.limits.query, &target, &dht->config.self,
                       dht->now);
    count(dht, op, 1);
    return op;
}

void dbr_dht_op_destroy(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    count(dht, op, -1);
    dbr_dht_forget_op(op);
    dbr_list_remove(&op->in_dht);
    dbr_dht_query_finish(&op->query);
    dbr_buf_finish(&op->request);
    dbr_buf_finish(&op->hints);
    dbr_free(op);
}

void dbr_dht_op_begin(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    dbr_dht_table_refreshed(&dht->table,
                            dbr_dht_table_bucket(&dht->table, &op->query.target),
                            dht->now);
    dbr_dht_lookup_seed(dht, op);
    dbr_dht_op_step(dht, op);
}

/* ---- The end -------------------------------------------------------------------------
 */

static void add_closest(const struct dbr_dht_op *op, struct dbr_dht_event *event,
                        struct dbr_buf *data)
{
    const struct dbr_dht_candidate *candidate;
    while ((candidate = dbr_dht_query_result(&op->query, event->n_peers)) != NULL) {
        dbr_buf_add(data, &candidate->id, sizeof(candidate->id));
        event->n_peers++;
    }
}

/* Tells DONE. False: not now, for memory is short. */
static bool tell(struct dbr_dht *dht, const struct dbr_dht_op *op)
{
    struct dbr_dht_event event = {.type = DBR_DHT_EVENT_DONE,
                                  .token = op->token,
                                  .status = op->status,
                                  .peer = op->peer,
                                  .stats = op->query.stats};
    struct dbr_buf data = {0};
    struct dbr_buf hints = {0};
    if (op->kind == DBR_DHT_OP_CLOSEST) {
        add_closest(op, &event, &data);
        event.status = event.n_peers > 0 ? 0 : DEBROS_ENOTFOUND;
    } else if (op->kind == DBR_DHT_OP_FIND_PEER) {
        event.n_addrs = dbr_dht_addrs_of(dht, &op->peer, dht->shown_addrs);
        for (size_t i = 0; i < event.n_addrs; i++) {
            dbr_dht_pack(&hints, &dht->shown_addrs[i]);
        }
        event.n_addrs = 0;
        dbr_dht_lookup_hints(op, op->found_hint, &hints);
        event.status = hints.len > 0 ? 0 : DEBROS_ENOTFOUND;
    }
    bool told = !hints.failed &&
                dbr_dht_push(dht, &event, &data, dbr_bytes(hints.data, hints.len));
    dbr_buf_finish(&data);
    dbr_buf_finish(&hints);
    return told;
}

static void end(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    if (op->token != 0 && !tell(dht, op)) {
        op->has_ended = true;
        return;
    }
    dbr_dht_op_destroy(dht, op);
}

void dbr_dht_op_step(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    if (!op->has_ended) {
        dbr_dht_lookup_pump(dht, op);
    }
    if (op->has_ended || dbr_dht_query_is_done(&op->query)) {
        end(dht, op);
    }
}

/* ---- Answers -------------------------------------------------------------------------
 */

static void look_for_peer(struct dbr_dht_op *op)
{
    struct dbr_dht_key key;
    dbr_dht_key_of_peer(&key, &op->peer);
    const struct dbr_dht_candidate *candidate = dbr_dht_query_find(&op->query, &key);
    if (candidate != NULL && candidate->hint != 0) {
        op->found_hint = candidate->hint;
        dbr_dht_query_stop(&op->query);
    }
}

void dbr_dht_op_answered(struct dbr_dht *dht, struct dbr_dht_op *op, enum dbr_dht_why why,
                         const struct dbr_peer_id *from,
                         const struct dbr_dht_message *message)
{
    if (op->has_ended) {
        return;
    }
    if (message == NULL || message->type != DBR_DHT_FIND_NODE) {
        dht->counts.bad++;
        dbr_dht_op_failed(dht, op, why, from);
        return;
    }
    dbr_dht_lookup_told(dht, op, from, message);
    if (op->kind == DBR_DHT_OP_FIND_PEER) {
        look_for_peer(op);
    }
    dbr_dht_op_step(dht, op);
}

void dbr_dht_op_failed(struct dbr_dht *dht, struct dbr_dht_op *op, enum dbr_dht_why why,
                       const struct dbr_peer_id *peer)
{
    (void)why;
    if (!op->has_ended) {
        (void)dbr_dht_query_failed(&op->query, peer);
        dbr_dht_op_step(dht, op);
    }
}

/* ---- What the application asks for ---------------------------------------------------
 */

static int check_room(const struct dbr_dht *dht, uint64_t token)
{
    if (token == 0) {
        return DEBROS_EINVAL;
    }
    return dht->n_lookups < dht->config.limits.lookups ? 0 : DEBROS_EBUSY;
}

int dbr_dht_find_peer(struct dbr_dht *dht, uint64_t token, const struct dbr_peer_id *peer,
                      dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_DHT_PEER_ADDRS_MAX];
    int err = check_room(dht, token);
    struct dbr_dht_op *op = NULL;
    dht->now = now;
    if (err == 0) {
        op = dbr_dht_op_create(dht, DBR_DHT_OP_FIND_PEER, token,
                               dbr_bytes(peer->bytes, peer->len));
        err = op == NULL ? DEBROS_ENOMEM : 0;
    }
    if (err == 0) {
        op->peer = *peer;
        if (dbr_dht_addrs_of(dht, peer, addrs) > 0) { /* it is known */
            dbr_dht_query_stop(&op->query);
            dbr_dht_op_step(dht, op);
        } else {
            dbr_dht_op_begin(dht, op);
        }
    }
    return err;
}

int dbr_dht_find_closest(struct dbr_dht *dht, uint64_t token, debros_bytes key,
                         dbr_time now)
{
    int err = check_room(dht, token);
    dht->now = now;
    if (err == 0 && (key.len == 0 || key.len > DBR_DHT_RECORD_KEY_MAX)) {
        err = key.len == 0 ? DEBROS_EINVAL : DEBROS_ELIMIT;
    }
    if (err == 0) {
        struct dbr_dht_op *op = dbr_dht_op_create(dht, DBR_DHT_OP_CLOSEST, token, key);
        err = op == NULL ? DEBROS_ENOMEM : 0;
        if (op != NULL) {
            dbr_dht_op_begin(dht, op);
        }
    }
    return err;
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

/* ---- Time ----------------------------------------------------------------------------
 */

dbr_time dbr_dht_ops_deadline(const struct dbr_dht *dht)
{
    dbr_time at = DBR_TIME_NEVER;
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &dht->ops)
    {
        const struct dbr_dht_op *op = DBR_LIST_ENTRY(item, struct dbr_dht_op, in_dht);
        at = dbr_time_min(at, op->has_ended ? dbr_time_add(dht->now, RETRY_MS)
                                            : dbr_dht_query_deadline(&op->query));
    }
    return at;
}

void dbr_dht_ops_expire(struct dbr_dht *dht)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &dht->ops)
    {
        struct dbr_dht_op *op = DBR_LIST_ENTRY(item, struct dbr_dht_op, in_dht);
        dbr_dht_query_expire(&op->query, dht->now);
        dbr_dht_op_step(dht, op);
    }
}
