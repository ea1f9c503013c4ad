/* What a lookup is for: from its beginning through the closest peers to DONE. */
#include "base/alloc.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "dht/inner.h"

#define RETRY_MS 1000 /* an end that could not be told */

/* ---- Life ----------------------------------------------------------------------------
 */

static void count(struct dbr_dht *dht, const struct dbr_dht_op *op, int by)
{
    uint32_t *n = op->token != 0 ? &dht->n_lookups : &dht->n_background;
    *n = (uint32_t)((int64_t)*n + by);
}

static enum dbr_dht_type type_for(enum dbr_dht_purpose purpose)
{
    return purpose == DBR_DHT_FOR_GET         ? DBR_DHT_GET_VALUE
           : purpose == DBR_DHT_FOR_PROVIDERS ? DBR_DHT_GET_PROVIDERS
                                              : DBR_DHT_FIND_NODE;
}

static void op_free(struct dbr_dht_op *op)
{
    dbr_dht_query_finish(&op->query);
    dbr_buf_finish(&op->key);
    dbr_buf_finish(&op->request);
    dbr_buf_finish(&op->hints);
    dbr_buf_finish(&op->value);
    dbr_buf_finish(&op->found);
    dbr_buf_finish(&op->told);
    dbr_free(op);
}

struct dbr_dht_op *dbr_dht_op_create(struct dbr_dht *dht, enum dbr_dht_purpose purpose,
                                     uint64_t token, debros_bytes key)
{
    struct dbr_dht_message message = {.type = type_for(purpose), .key = key};
    struct dbr_dht_op *op = dbr_calloc(1, sizeof(*op));
    struct dbr_dht_key target;
    if (op == NULL) {
        return NULL;
    }
    dbr_buf_add(&op->key, key.data, key.len);
    if (dbr_dht_message_encode(&op->request, &message) != 0 || op->key.failed) {
        op_free(op);
        return NULL;
    }
    op->purpose = purpose;
    op->type = message.type;
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
    op_free(op);
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

static void tell_closest(const struct dbr_dht_op *op, struct dbr_dht_event *event,
                         struct dbr_buf *data)
{
    const struct dbr_dht_candidate *candidate;
    while ((candidate = dbr_dht_query_result(&op->query, event->n_peers)) != NULL) {
        dbr_buf_add(data, &candidate->id, sizeof(candidate->id));
        event->n_peers++;
    }
    event->status = event->n_peers > 0 ? 0 : DEBROS_ENOTFOUND;
}

static void tell_peer(struct dbr_dht *dht, const struct dbr_dht_op *op,
                      struct dbr_dht_event *event, struct dbr_buf *hints)
{
    size_t n = op->anew ? 0 : dbr_dht_addrs_of(dht, &op->peer, dht->shown_addrs);
    for (size_t i = 0; i < n; i++) {
        dbr_dht_pack(hints, &dht->shown_addrs[i]);
    }
    dbr_dht_lookup_hints(op, op->found_hint, hints);
    event->peer = op->peer;
    event->status = hints->len > 0 ? 0 : DEBROS_ENOTFOUND;
}

static void tell_found(const struct dbr_dht_op *op, struct dbr_dht_event *event,
                       struct dbr_buf *data)
{
    if (op->purpose == DBR_DHT_FOR_GET) {
        dbr_buf_add(data, op->value.data, op->value.len);
    } else {
        event->n_peers = dbr_dht_found_providers(op, data);
    }
    event->status = data->len > 0 ? 0 : DEBROS_ENOTFOUND;
}

/* Tells DONE. False: not now, for memory is short. */
static bool tell(struct dbr_dht *dht, const struct dbr_dht_op *op)
{
    struct dbr_dht_event event = {.type = DBR_DHT_EVENT_DONE,
                                  .token = op->token,
                                  .stored = op->stored,
                                  .stats = op->query.stats};
    struct dbr_buf data = {0};
    struct dbr_buf hints = {0};
    switch (op->purpose) {
    case DBR_DHT_FOR_PEER:
        tell_peer(dht, op, &event, &hints);
        break;
    case DBR_DHT_FOR_PUT:
    case DBR_DHT_FOR_PROVIDE:
        event.status = op->stored > 0 ? 0 : DEBROS_EUNREACHABLE;
        break;
    case DBR_DHT_FOR_GET:
    case DBR_DHT_FOR_PROVIDERS:
        tell_found(op, &event, &data);
        break;
    default:
        tell_closest(op, &event, &data);
        break;
    }
    bool told = !hints.failed && !data.failed &&
                dbr_dht_push(dht, &event, &data, dbr_bytes(hints.data, hints.len));
    dbr_buf_finish(&data);
    dbr_buf_finish(&hints);
    return told;
}

/* The lookup is over: what comes next? */
static void look_is_over(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    DBR_FAILPOINT("dht.operation.look_is_over");
    op->stage = DBR_DHT_ENDED;
    if (op->purpose == DBR_DHT_FOR_PUT || op->purpose == DBR_DHT_FOR_PROVIDE) {
        op->stage = DBR_DHT_STORING;
        dbr_dht_store(dht, op);
    } else if (op->purpose == DBR_DHT_FOR_GET) {
        dbr_dht_correct(dht, op);
    }
}

void dbr_dht_op_step(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    if (op->stage == DBR_DHT_LOOKING) {
        dbr_dht_lookup_pump(dht, op);
        if (!dbr_dht_query_is_done(&op->query)) {
            return;
        }
        look_is_over(dht, op);
    }
    if (op->stage == DBR_DHT_STORING && op->storing == 0) {
        op->stage = DBR_DHT_ENDED;
        if (op->stored == 0) {
            dbr_dht_publish_again(dht, op);
        }
    }
    if (op->stage == DBR_DHT_ENDED && (op->token == 0 || tell(dht, op))) {
        dbr_dht_op_destroy(dht, op);
    }
}

/* ---- Answers -------------------------------------------------------------------------
 */

void dbr_dht_op_answered(struct dbr_dht *dht, struct dbr_dht_op *op,
                         const struct dbr_dht_asked *asked,
                         const struct dbr_dht_message *message)
{
    if (asked->why == DBR_DHT_WHY_STORE) {
        op->storing--;
        dbr_dht_stored(dht, op, message);
    } else if (op->stage == DBR_DHT_LOOKING && message != NULL) {
        dbr_dht_lookup_told(dht, op, &asked->peer, message);
        dbr_dht_gather(dht, op, &asked->peer, message);
    }
    dbr_dht_op_step(dht, op);
}

void dbr_dht_op_failed(struct dbr_dht *dht, struct dbr_dht_op *op,
                       const struct dbr_dht_asked *asked)
{
    if (asked->why == DBR_DHT_WHY_STORE) {
        op->storing--;
    } else if (op->stage == DBR_DHT_LOOKING) {
        (void)dbr_dht_query_failed(&op->query, &asked->peer);
    }
    dbr_dht_op_step(dht, op);
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
        if (op->stage == DBR_DHT_LOOKING) {
            at = dbr_time_min(at, dbr_dht_query_deadline(&op->query));
        } else if (op->stage == DBR_DHT_ENDED) {
            at = dbr_time_min(at, dbr_time_add(dht->now, RETRY_MS));
        }
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
        if (op->stage == DBR_DHT_LOOKING) {
            dbr_dht_query_expire(&op->query, dht->now);
        }
        dbr_dht_op_step(dht, op);
    }
}
