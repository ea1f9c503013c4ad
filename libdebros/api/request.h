/* One call of the public API: from submit, through mailbox and core, to its callback.
 *
 * A call is a heap block of ours that points at the caller's request. The request's
 * `reserved[0]` names the call while it is under way or while its results are kept, and
 * is empty when the callback runs: the callback may submit the request again or free it.
 */
#ifndef DBR_API_REQUEST_H
#define DBR_API_REQUEST_H

#include "core/request.h"

enum dbr_call_kind {
    DBR_CALL_SQL,
    DBR_CALL_NET,
    DBR_CALL_DHT,
    DBR_CALL_START,
    DBR_CALL_STOP
};

enum dbr_call_state {
    DBR_CALL_FLYING,     /* the node's */
    DBR_CALL_READY,      /* complete, waits in the ring for its callback */
    DBR_CALL_DELIVERING, /* its callback runs */
    DBR_CALL_DELIVERED   /* kept for debros_release(), or about to go */
};

enum dbr_mail_type { DBR_MAIL_SUBMIT, DBR_MAIL_CANCEL, DBR_MAIL_STOP, DBR_MAIL_END };

struct dbr_mail {
    struct dbr_list link;
    enum dbr_mail_type type;
    struct dbr_call *call;
};

struct dbr_call {
    struct dbr_request request; /* its arena holds the details of START and STOP too */
    debros_req *req;            /* the caller's; unknown after the callback */
    enum dbr_call_kind kind;
    bool has_callback;
    union {
        debros_req_cb life;
        debros_sql_cb sql;
        debros_net_cb net;
        debros_dht_cb dht;
    } callback;
    int status;
    struct dbr_mail submit;
    struct dbr_mail cancel;
    /* Under the lock of the node's completions. */
    struct dbr_list link; /* ring, delivering or kept */
    enum dbr_call_state state;
    unsigned refs;    /* its life, and mail under way */
    unsigned waiters; /* threads in debros_wait() */
    bool unclaimed;   /* delivered to its callback, to be kept for a waiter */
    bool canceling;
    /* The node thread's. */
    bool with_core;
};

/* NULL: out of memory. */
struct dbr_call *dbr_call_create(enum dbr_call_kind kind, debros_req *req);
void dbr_call_destroy(struct dbr_call *call);

/* Hands `call` to the node. On an error the call is destroyed, and the request's detail
 * says why. Errors: ESTATE the node does not run, EBUSY max_pending. */
int dbr_call_submit(debros_node *node, struct dbr_call *call);
/* A refusal before there is a call. Returns `err`. `why` is static. */
int dbr_call_refuse(debros_req *req, int err, const char *why);

/* The node thread is done with `call`; published at the end of the turn. `detail` may be
 * NULL and is copied unless it lives in the call. */
void dbr_call_complete(debros_node *node, struct dbr_call *call, int status,
                       const char *detail);

/* Points the request's outputs at the call's results. */
void dbr_call_show(struct dbr_call *call);
/* Runs the callback. Afterwards the request may be gone. */
void dbr_call_run(struct dbr_call *call);

#endif
