#include "api/request.h"

#include "api/node.h"
#include "base/alloc.h"
#include "base/check.h"

struct dbr_call *dbr_call_create(enum dbr_call_kind kind, debros_req *req)
{
    struct dbr_call *call = dbr_calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->kind = kind;
    call->req = req;
    call->refs = 1;
    call->submit = (struct dbr_mail){.type = DBR_MAIL_SUBMIT, .call = call};
    call->cancel = (struct dbr_mail){.type = DBR_MAIL_CANCEL, .call = call};
    dbr_list_init(&call->link);
    dbr_list_init(&call->request.link);
    dbr_arena_init(&call->request.arena, 0);
    return call;
}

void dbr_call_destroy(struct dbr_call *call)
{
    dbr_sql_reply_destroy(call->request.sql);
    dbr_arena_finish(&call->request.arena);
    dbr_free(call);
}

int dbr_call_refuse(debros_req *req, int err, const char *why)
{
    req->detail = why;
    return err;
}

/* Lock held: 0, or why the node takes no request now. */
static int check_state(const debros_node *node, const struct dbr_call *call,
                       const char **why)
{
    if (call->kind == DBR_CALL_START) {
        *why = "a node starts once: create another";
        return node->state == DBR_NODE_NEW ? 0 : DEBROS_ESTATE;
    }
    if (node->state == DBR_NODE_NEW) {
        *why = "the node has not been started";
        return DEBROS_ESTATE;
    }
    if (node->state == DBR_NODE_STOPPED && node->failure != 0) {
        *why = node->failure_detail.text;
        return DEBROS_ESTATE;
    }
    if (node->state >= DBR_NODE_STOPPING) {
        *why = "the node stops or has stopped";
        return DEBROS_ESTATE;
    }
    if (call->kind == DBR_CALL_STOP) {
        return 0;
    }
    if (node->state == DBR_NODE_STARTING) {
        *why = "the node is starting: wait for the start callback";
        return DEBROS_ESTATE;
    }
    *why = "max_pending requests are under way";
    return node->completion.pending < node->config.c.max_pending ? 0 : DEBROS_EBUSY;
}

int dbr_call_submit(debros_node *node, struct dbr_call *call)
{
    struct dbr_completion *c = &node->completion;
    debros_req *req = call->req;
    const char *why = NULL;
    uint32_t timeout = req->timeout == 0 ? node->config.c.request_timeout : req->timeout;
    call->request.deadline = dbr_time_add(dbr_loop_now(), timeout);
    pthread_mutex_lock(&c->lock);
    bool is_free = dbr_completion_release(req);
    dbr_assert(is_free); /* submitted twice */
    int err = check_state(node, call, &why);
    if (err != 0) {
        pthread_mutex_unlock(&c->lock);
        dbr_call_destroy(call);
        return dbr_call_refuse(req, err, why);
    }
    req->detail = NULL;
    req->reserved[0] = call;
    c->pending++;
    if (call->kind == DBR_CALL_START) {
        node->state = DBR_NODE_STARTING;
        node->start_call = call; /* the thread that begins next finds it */
    } else {
        if (call->kind == DBR_CALL_STOP) {
            node->state = DBR_NODE_STOPPING;
            call->submit.type = DBR_MAIL_STOP;
        }
        /* Inside the lock: whoever closes the node finds the mail of every call that
         * was let in. */
        if (dbr_completion_is_here(c)) {
            dbr_mailbox_put(node->mailbox, &call->submit.link);
        } else {
            dbr_mailbox_post(node->mailbox, &call->submit.link);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return 0;
}

void dbr_call_complete(debros_node *node, struct dbr_call *call, int status,
                       const char *detail)
{
    dbr_assert(!call->with_core);
    call->status = status;
    if (detail != call->request.detail && detail != NULL) {
        call->request.detail = dbr_arena_strdup(&call->request.arena, detail);
    }
    bool is_silent = call->request.detail == NULL || call->request.detail[0] == '\0';
    if (status == DEBROS_ENOMEM && is_silent) {
        call->request.detail = "out of memory"; /* even for the words */
    }
    dbr_list_remove(&call->link);
    dbr_list_push_back(&node->finished, &call->link);
}

static void show_sql(debros_sql *out, const struct dbr_sql_reply *reply)
{
    out->results = reply == NULL ? NULL : reply->results;
    out->n_results = reply == NULL ? 0 : reply->n_results;
    out->index = reply == NULL ? 0 : reply->index;
    out->failed = reply == NULL ? 0 : reply->failed;
}

static void show_net(debros_net *out, const struct dbr_request *from)
{
    out->status = from->node_status;
    out->health = from->health;
    out->peers = from->peers;
    out->n_peers = from->n_peers;
    out->names = from->names;
    out->n_names = from->n_names;
    out->text = from->text;
    out->rtt_us = from->rtt_us;
}

static void show_dht(debros_dht *out, const struct dbr_request *from)
{
    out->record = from->record;
    out->peers = from->peers;
    out->n_peers = from->n_peers;
    out->stored = from->stored;
    out->table = from->table;
}

void dbr_call_show(struct dbr_call *call)
{
    call->req->detail = call->request.detail;
    if (call->kind == DBR_CALL_SQL) {
        show_sql((debros_sql *)call->req, call->request.sql);
    } else if (call->kind == DBR_CALL_NET) {
        show_net((debros_net *)call->req, &call->request);
    } else if (call->kind == DBR_CALL_DHT) {
        show_dht((debros_dht *)call->req, &call->request);
    }
}

void dbr_call_run(struct dbr_call *call)
{
    switch (call->kind) {
    case DBR_CALL_SQL:
        call->callback.sql((debros_sql *)call->req, call->status);
        break;
    case DBR_CALL_NET:
        call->callback.net((debros_net *)call->req, call->status);
        break;
    case DBR_CALL_DHT:
        call->callback.dht((debros_dht *)call->req, call->status);
        break;
    case DBR_CALL_START:
    case DBR_CALL_STOP:
        call->callback.life(call->req, call->status);
        break;
    }
}
