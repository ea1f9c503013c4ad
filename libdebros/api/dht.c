/* The calls of the distributed hash table: arguments checked, then a call. */
#include "api/node.h"
#include "base/check.h"
#include "core/kad_requests.h"
#include "dht/envelope.h"

static const char *check(const debros_dht *req, enum dbr_request_type type)
{
    if (type == DBR_REQUEST_DHT_TABLE) {
        return NULL;
    }
    if (req->key == NULL || req->key[0] == '\0') {
        return "there is no key";
    }
    if (req->want > DBR_KAD_WANT_MAX) {
        return "want is at most 64";
    }
    if (type != DBR_REQUEST_DHT_PUT) {
        return NULL;
    }
    if (req->ttl_s > DBR_KAD_TTL_MAX_S) {
        return "a value lives at most 604,800 seconds";
    }
    return req->value.len > 0 && req->value.data == NULL ? "the value has no bytes"
                                                         : NULL;
}

static int submit(debros_node *node, debros_dht *req, debros_dht_cb cb,
                  enum dbr_request_type type)
{
    dbr_assert(node != NULL && req != NULL);
    const char *why = check(req, type);
    if (why != NULL) {
        return dbr_call_refuse(&req->base, DEBROS_EINVAL, why);
    }
    if (type == DBR_REQUEST_DHT_PUT && req->value.len > DBR_DHT_CONTENT_MAX) {
        return dbr_call_refuse(&req->base, DEBROS_ELIMIT,
                               "a value has at most 65,423 bytes");
    }
    struct dbr_call *call = dbr_call_create(DBR_CALL_DHT, &req->base);
    if (call == NULL) {
        return dbr_call_refuse(&req->base, DEBROS_ENOMEM, "out of memory");
    }
    call->callback.dht = cb;
    call->has_callback = cb != NULL;
    call->request.type = type;
    call->request.key = req->key;
    call->request.value = req->value;
    call->request.ttl_s = req->ttl_s;
    call->request.version = req->version;
    call->request.want = req->want;
    return dbr_call_submit(node, call);
}

int debros_dht_put(debros_node *node, debros_dht *req, debros_dht_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_DHT_PUT);
}

int debros_dht_get(debros_node *node, debros_dht *req, debros_dht_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_DHT_GET);
}

int debros_dht_remove(debros_node *node, debros_dht *req, debros_dht_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_DHT_REMOVE);
}

int debros_dht_provide(debros_node *node, debros_dht *req, debros_dht_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_DHT_PROVIDE);
}

int debros_dht_unprovide(debros_node *node, debros_dht *req, debros_dht_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_DHT_UNPROVIDE);
}

int debros_dht_providers(debros_node *node, debros_dht *req, debros_dht_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_DHT_PROVIDERS);
}

int debros_dht_table(debros_node *node, debros_dht *req, debros_dht_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_DHT_TABLE);
}
