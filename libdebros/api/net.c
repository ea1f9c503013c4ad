/* The calls about peers, namespaces and the cluster: arguments checked, then a call. */
#include "api/node.h"
#include "base/check.h"

#define DEFAULT_TTL_S 3600u
#define MAX_TTL_S     604800u

const char *debros_role_name(enum debros_role role)
{
    switch (role) {
    case DEBROS_ROLE_NONE:
        return "none";
    case DEBROS_ROLE_LEADER:
        return "leader";
    case DEBROS_ROLE_FOLLOWER:
        return "follower";
    case DEBROS_ROLE_CANDIDATE:
        return "candidate";
    case DEBROS_ROLE_STANDBY:
        return "standby";
    case DEBROS_ROLE_LEARNER:
        return "learner";
    case DEBROS_ROLE_CLIENT:
        return "client";
    }
    return "unknown";
}

const char *debros_health_name(enum debros_health_state state)
{
    switch (state) {
    case DEBROS_HEALTHY:
        return "healthy";
    case DEBROS_DEGRADED:
        return "degraded";
    case DEBROS_UNHEALTHY:
        return "unhealthy";
    }
    return "unknown";
}

static int submit(debros_node *node, debros_net *req, debros_net_cb cb,
                  enum dbr_request_type type)
{
    dbr_assert(node != NULL && req != NULL);
    struct dbr_call *call = dbr_call_create(DBR_CALL_NET, &req->base);
    if (call == NULL) {
        return dbr_call_refuse(&req->base, DEBROS_ENOMEM, "out of memory");
    }
    call->callback.net = cb;
    call->has_callback = cb != NULL;
    call->request.type = type;
    call->request.target = req->target;
    call->request.service = req->service;
    call->request.ttl_s = req->ttl_s == 0 ? DEFAULT_TTL_S : req->ttl_s;
    return dbr_call_submit(node, call);
}

static int submit_target(debros_node *node, debros_net *req, debros_net_cb cb,
                         enum dbr_request_type type)
{
    dbr_assert(req != NULL);
    bool takes_id = type == DBR_REQUEST_FIND_PEER || type == DBR_REQUEST_DISCONNECT;
    if (req->target == NULL || req->target[0] == '\0') {
        return dbr_call_refuse(&req->base, DEBROS_EINVAL,
                               type == DBR_REQUEST_NS_CREATE ? "the namespace has no name"
                               : takes_id                    ? "there is no peer id"
                                                             : "there is no address");
    }
    return submit(node, req, cb, type);
}

int debros_status_get(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_STATUS);
}

int debros_health_get(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_HEALTH);
}

int debros_peers(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_PEERS);
}

int debros_connect(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit_target(node, req, cb, DBR_REQUEST_CONNECT);
}

int debros_find_peer(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit_target(node, req, cb, DBR_REQUEST_FIND_PEER);
}

int debros_disconnect(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit_target(node, req, cb, DBR_REQUEST_DISCONNECT);
}

int debros_ping(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit_target(node, req, cb, DBR_REQUEST_PING);
}

int debros_identify(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit_target(node, req, cb, DBR_REQUEST_IDENTIFY);
}

int debros_ns_create(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit_target(node, req, cb, DBR_REQUEST_NS_CREATE);
}

int debros_ns_list(debros_node *node, debros_net *req, debros_net_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_NS_LIST);
}

int debros_invite(debros_node *node, debros_net *req, debros_net_cb cb)
{
    dbr_assert(req != NULL);
    if (req->ttl_s > MAX_TTL_S) {
        return dbr_call_refuse(&req->base, DEBROS_EINVAL,
                               "an invite is valid for 604,800 seconds at most");
    }
    return submit(node, req, cb, DBR_REQUEST_INVITE);
}
