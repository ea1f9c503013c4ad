#include "api/life.h"

#include <stdio.h>

#include "api/effects.h"
#include "api/node.h"
#include "api/start.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "driver/multicast.h"
#include "driver/tcp.h"

#define MODULE          "node"
#define TICK_ROUNDS_MAX 8 /* of callbacks in line, between two looks at the sockets */

dbr_time dbr_life_fact(debros_node *node)
{
    if (!node->in_turn) {
        node->in_turn = true;
        dbr_core_wall(node->core, dbr_loop_wall_ms());
    }
    return dbr_loop_now();
}

void dbr_life_ready(debros_node *node)
{
    if (node->phase != DBR_PHASE_WAITING) {
        return;
    }
    node->phase = DBR_PHASE_RUNNING;
    atomic_store(&node->n_addr_texts, node->n_texts);
    pthread_mutex_lock(&node->completion.lock);
    if (node->state == DBR_NODE_STARTING) {
        node->state = DBR_NODE_RUNNING;
    }
    pthread_mutex_unlock(&node->completion.lock);
    dbr_call_complete(node, node->start_call, 0, NULL);
    node->start_call = NULL;
}

void dbr_life_end(debros_node *node)
{
    if (!node->ending) {
        node->ending = true;
        node->end_status = DEBROS_ECANCELED;
    }
}

void dbr_life_fail(debros_node *node, int status, const char *detail)
{
    if (node->ending) {
        return;
    }
    node->ending = true;
    node->end_status = status;
    snprintf(node->end_detail.text, sizeof(node->end_detail.text), "%s", detail);
    dbr_log(&node->logger, DEBROS_LOG_ERROR, MODULE, "the node ends: %s",
            detail[0] == '\0' ? debros_strerror(status) : detail);
}

/* What a call hears that the end cuts off. */
static void cut_off(debros_node *node, struct dbr_call *call)
{
    dbr_call_complete(node, call, node->end_status,
                      node->end_detail.text[0] == '\0' ? NULL : node->end_detail.text);
}

/* ---- Mail
 * ------------------------------------------------------------------------------ */

static void on_submit(debros_node *node, struct dbr_call *call)
{
    DBR_FAILPOINT("api.life.on_submit");
    if (node->ending) {
        cut_off(node, call); /* a node that failed says why */
        return;
    }
    if (node->phase != DBR_PHASE_RUNNING) {
        dbr_call_complete(node, call, DEBROS_ECANCELED, "the node stops");
        return;
    }
    bool writes = call->request.type == DBR_REQUEST_EXEC ||
                  call->request.type == DBR_REQUEST_NS_CREATE;
    if (writes && dbr_lanes_are_full(node)) {
        dbr_call_complete(node, call, DEBROS_ENOSPC,
                          "the disk of this node is full: make room, writes go on then");
        return;
    }
    call->with_core = true;
    dbr_core_request(node->core, &call->request, dbr_life_fact(node));
}

static void on_cancel(debros_node *node, struct dbr_call *call)
{
    if (call->with_core) {
        dbr_core_cancel(node->core, &call->request, dbr_life_fact(node));
    } else if (call == node->start_call) {
        dbr_life_end(node);
    }
    pthread_mutex_lock(&node->completion.lock);
    dbr_completion_unref(call);
    pthread_mutex_unlock(&node->completion.lock);
}

/* Goes politely when there is something to leave. */
static void leave(debros_node *node)
{
    DBR_FAILPOINT("api.life.leave");
    if (node->phase != DBR_PHASE_RUNNING) {
        if (node->phase != DBR_PHASE_LEAVING) {
            dbr_life_end(node);
        }
        return;
    }
    dbr_time now = dbr_life_fact(node);
    node->phase = DBR_PHASE_LEAVING;
    node->stop_deadline = dbr_time_add(now, DBR_NODE_STOP_MS);
    dbr_core_stop(node->core, now);
}

static void on_end(debros_node *node)
{
    pthread_mutex_lock(&node->completion.lock);
    if (node->state < DBR_NODE_STOPPING) {
        node->state = DBR_NODE_STOPPING;
    }
    pthread_mutex_unlock(&node->completion.lock);
    if (node->phase == DBR_PHASE_RUNNING || node->phase == DBR_PHASE_LEAVING) {
        dbr_core_abort(node->core, DEBROS_ECANCELED);
    }
    leave(node);
}

void dbr_life_mail(void *data, struct dbr_list *mail)
{
    debros_node *node = data;
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(mail)) != NULL) {
        struct dbr_mail *m = DBR_LIST_ENTRY(item, struct dbr_mail, link);
        switch (m->type) {
        case DBR_MAIL_SUBMIT:
            on_submit(node, m->call);
            break;
        case DBR_MAIL_CANCEL:
            on_cancel(node, m->call);
            break;
        case DBR_MAIL_STOP:
            node->stop_call = m->call;
            leave(node);
            break;
        case DBR_MAIL_END:
            on_end(node);
            break;
        }
    }
}

/* ---- The end
 * --------------------------------------------------------------------------- */

static void refuse_new(debros_node *node)
{
    pthread_mutex_lock(&node->completion.lock);
    node->state = DBR_NODE_STOPPING;
    if (node->end_status != DEBROS_ECANCELED) {
        node->failure = node->end_status;
        node->failure_detail = node->end_detail;
        if (node->failure_detail.text[0] == '\0') {
            snprintf(node->failure_detail.text, sizeof(node->failure_detail.text),
                     "the node has stopped: %s", debros_strerror(node->failure));
        }
    }
    pthread_mutex_unlock(&node->completion.lock);
}

static void abort_core(debros_node *node)
{
    struct dbr_effect effect;
    dbr_core_abort(node->core, node->end_status);
    while (dbr_core_poll(node->core, &effect, dbr_loop_now())) {
        dbr_effects_carry_out(node, &effect);
    }
    dbr_lanes_close(node);
}

/* True: there was some. */
static bool take_mail(debros_node *node)
{
    struct dbr_list mail;
    dbr_list_init(&mail);
    dbr_mailbox_take(node->mailbox, &mail);
    bool any = !dbr_list_is_empty(&mail);
    dbr_life_mail(node, &mail);
    return any;
}

/* No call goes to the core any more, none is with it afterwards. */
static void begin_close(debros_node *node)
{
    refuse_new(node);
    node->ending = true;
    node->phase = DBR_PHASE_CLOSING;
    (void)take_mail(node);
    if (node->core != NULL) {
        abort_core(node);
    }
    dbr_multicast_close(node->loop);
    dbr_tcp_stop_listening(node->loop);
    dbr_tcp_close_all(node->loop);
}

/* The loop has ended. */
static void finish(debros_node *node)
{
    DBR_FAILPOINT("api.life.finish");
    dbr_lanes_stop(node);
    dbr_core_destroy(node->core);
    node->core = NULL;
    dbr_start_close_store(node);
    dbr_keypair_wipe(&node->identity);
    dbr_keypair_wipe(&node->operator_key);
    pthread_mutex_lock(&node->completion.lock);
    node->state = DBR_NODE_STOPPED;
    pthread_mutex_unlock(&node->completion.lock);
    (void)take_mail(node);
    if (!node->config.c.client) {
        dbr_log(&node->logger, DEBROS_LOG_INFO, MODULE, "has stopped");
    }
    if (node->start_call != NULL) {
        cut_off(node, node->start_call);
    }
    if (node->stop_call != NULL) {
        dbr_call_complete(node, node->stop_call, node->failure,
                          node->failure == 0 ? NULL : node->failure_detail.text);
    }
    dbr_completion_publish(&node->completion, &node->finished);
}

/* ---- Turns
 * ----------------------------------------------------------------------------- */

static void check_deadlines(debros_node *node, dbr_time now)
{
    bool starting = node->phase == DBR_PHASE_JOINING || node->phase == DBR_PHASE_WAITING;
    if (starting && now >= node->start_deadline) {
        debros_detail detail;
        snprintf(detail.text, sizeof(detail.text),
                 "no member of the cluster answered%s%s",
                 node->dial_detail[0] == '\0' ? "" : ": ", node->dial_detail);
        dbr_life_fail(node, DEBROS_EUNREACHABLE, detail.text);
    }
    if (node->phase == DBR_PHASE_LEAVING && now >= node->stop_deadline) {
        dbr_life_end(node);
    }
}

static dbr_time next_turn(const debros_node *node)
{
    dbr_time next =
        dbr_time_min(dbr_core_deadline(node->core), dbr_log_sink_deadline(&node->sink));
    next = dbr_time_min(next, dbr_lanes_deadline(node));
    if (node->phase == DBR_PHASE_JOINING || node->phase == DBR_PHASE_WAITING) {
        next = dbr_time_min(next, node->start_deadline);
    }
    if (node->phase == DBR_PHASE_LEAVING) {
        next = dbr_time_min(next, node->stop_deadline);
    }
    return next;
}

static void tell_full(debros_node *node, dbr_time now)
{
    bool is_full = dbr_lanes_are_full(node);
    if (is_full != node->told_full) {
        node->told_full = is_full;
        dbr_core_disk_full(node->core, is_full, now);
    }
}

static dbr_time work(debros_node *node, dbr_time now)
{
    (void)dbr_life_fact(node);
    tell_full(node, now);
    if (dbr_core_deadline(node->core) <= now) {
        dbr_core_expire(node->core, now);
    }
    bool again = dbr_effects_drain(node);
    dbr_log_sink_expire(&node->sink, now);
    check_deadlines(node, now);
    if (node->joined && !node->ending) {
        node->joined = false;
        dbr_start_as_member(node);
        again = true;
    }
    return again ? now : next_turn(node);
}

static dbr_time tick_once(debros_node *node, dbr_time now)
{
    dbr_time next = DBR_TIME_NEVER;
    if (!node->ending) {
        next = work(node, now);
    }
    if (node->ending && node->phase != DBR_PHASE_CLOSING) {
        begin_close(node);
    }
    if (node->phase == DBR_PHASE_CLOSING) {
        next = DBR_TIME_NEVER;
        (void)dbr_tcp_flush(node->loop);
        if (dbr_tcp_count(node->loop) == 0) {
            dbr_loop_end(node->loop);
        }
    }
    dbr_completion_publish(&node->completion, &node->finished);
    return next;
}

static dbr_time on_tick(void *data, dbr_time now)
{
    debros_node *node = data;
    dbr_time next = tick_once(node, now);
    /* What callbacks in line have asked for: nobody wakes us for it. */
    bool is_inline = node->completion.mode == DBR_CALLBACKS_INLINE;
    for (int n = 0; is_inline && take_mail(node); n++) {
        next = dbr_loop_now();
        if (n == TICK_ROUNDS_MAX) {
            break;
        }
        next = tick_once(node, next);
    }
    node->in_turn = false;
    /* Whoever takes each request as it comes makes small groups of them. */
    dbr_loop_pause_poll(node->loop, dbr_lanes_are_flushing(node));
    return next;
}

const struct dbr_loop_handler dbr_life_handler = {
    .tick = on_tick,
    .accepted = dbr_effects_accepted,
    .dialed = dbr_effects_dialed,
    .dial_failed = dbr_effects_dial_failed,
    .received = dbr_effects_received,
    .written = dbr_effects_written,
    .closed = dbr_effects_closed,
    .multicast = dbr_effects_multicast,
    .network_changed = dbr_effects_network_changed,
};

void *dbr_life_main(void *data)
{
    debros_node *node = data;
    debros_detail detail = {.text = ""};
    int err = dbr_start_open(node, &detail);
    if (err != 0) {
        dbr_life_fail(node, err, detail.text);
    }
    dbr_loop_run(node->loop);
    finish(node);
    return NULL;
}
