#include "api/node.h"

#include "api/failpoints.h"
#include "api/identity.h"
#include "api/life.h"
#include "api/start.h"
#include "base/alloc.h"
#include "base/check.h"
#include "base/detail.h"
#include "crypto/system.h"
#include "driver/thread.h"

const char *debros_version(void)
{
    return DEBROS_VERSION;
}

static void init_logger(debros_node *node)
{
    const debros_config *c = &node->config.c;
    dbr_log_sink_init(&node->sink, c->log, c->log_data);
    node->logger = (struct dbr_logger){.level = c->log_level,
                                       .sink = c->log == NULL ? NULL : dbr_log_sink_write,
                                       .data = &node->sink};
}

/* What is known of the identity before start; start reports what is wrong with it. */
static void look_at_identity(debros_node *node)
{
    struct dbr_keypair keypair;
    if (node->config.identity_path == NULL) {
        dbr_keypair_generate(&node->identity, &node->rng);
        dbr_start_publish_peer_id(node, &node->identity);
    } else if (dbr_identity_load(&keypair, node->config.identity_path, NULL) == 0) {
        dbr_start_publish_peer_id(node, &keypair);
        dbr_keypair_wipe(&keypair);
    }
}

static enum dbr_callbacks callbacks(const debros_config *config)
{
    return config->inline_callbacks  ? DBR_CALLBACKS_INLINE
           : config->callback_thread ? DBR_CALLBACKS_THREAD
                                     : DBR_CALLBACKS_RING;
}

static int create_parts(debros_node *node)
{
    int err = dbr_completion_init(&node->completion, callbacks(&node->config.c));
    if (err != 0) {
        return err;
    }
    err = dbr_loop_create(&node->loop, &dbr_life_handler, node);
    if (err == 0) {
        const debros_config *c = &node->config.c;
        dbr_loop_busy_poll(node->loop, c->client ? c->client_busy_poll : c->busy_poll);
        err = dbr_mailbox_open(&node->mailbox, node->loop, dbr_life_mail, node);
    }
    if (err != 0) {
        dbr_loop_destroy(node->loop);
        dbr_completion_stop(&node->completion);
        dbr_completion_finish(&node->completion);
    }
    return err;
}

int debros_node_create(debros_node **out, const debros_config *config,
                       debros_detail *detail)
{
    *out = NULL;
    dbr_failpoints_from_environment();
    debros_node *node = dbr_calloc(1, sizeof(*node));
    if (node == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "out of memory");
    }
    int err = dbr_config_init(&node->config, config, detail);
    if (err != 0) {
        dbr_free(node);
        return err;
    }
    err = dbr_crypto_init();
    if (err == 0) {
        err = create_parts(node);
    }
    if (err != 0) {
        dbr_config_finish(&node->config);
        dbr_free(node);
        return dbr_detail_set(detail, err, "cannot make a node: %s",
                              debros_strerror(err));
    }
    init_logger(node);
    dbr_gauges_init(&node->gauges);
    dbr_list_init(&node->finished);
    node->end.type = DBR_MAIL_END;
    dbr_rng_system(&node->rng);
    look_at_identity(node);
    *out = node;
    return 0;
}

static void end_thread(debros_node *node)
{
    if (node->has_thread) {
        dbr_assert(!pthread_equal(node->thread, pthread_self())); /* in a callback */
        dbr_mailbox_post(node->mailbox, &node->end.link);
        pthread_join(node->thread, NULL);
    }
    struct dbr_list rest;
    dbr_list_init(&rest);
    dbr_mailbox_take(node->mailbox, &rest);
    dbr_life_mail(node, &rest); /* the end itself, cancels of what is complete */
}

void debros_node_destroy(debros_node *node)
{
    if (node == NULL) {
        return;
    }
    end_thread(node);
    dbr_completion_stop(&node->completion);
    (void)dbr_completion_dispatch(&node->completion, 0);
    dbr_completion_finish(&node->completion);
    dbr_loop_destroy(node->loop);
    dbr_mailbox_free(node->mailbox);
    dbr_keypair_wipe(&node->identity);
    dbr_log_sink_finish(&node->sink);
    dbr_gauges_finish(&node->gauges);
    dbr_config_finish(&node->config);
    dbr_free(node);
}

/* The thread could not be made: the call ends as if it had never been let in. */
static int undo_start(debros_node *node, debros_req *req)
{
    struct dbr_completion *c = &node->completion;
    pthread_mutex_lock(&c->lock);
    node->state = DBR_NODE_NEW;
    req->reserved[0] = NULL;
    c->pending--;
    dbr_completion_unref(node->start_call);
    node->start_call = NULL;
    pthread_mutex_unlock(&c->lock);
    return dbr_call_refuse(req, DEBROS_ENOMEM, "no thread for the node");
}

int debros_start(debros_node *node, debros_req *req, debros_req_cb cb)
{
    dbr_assert(node != NULL && req != NULL);
    struct dbr_call *call = dbr_call_create(DBR_CALL_START, req);
    if (call == NULL) {
        return dbr_call_refuse(req, DEBROS_ENOMEM, "out of memory");
    }
    call->callback.life = cb;
    call->has_callback = cb != NULL;
    int err = dbr_call_submit(node, call);
    if (err != 0) {
        return err;
    }
    err = dbr_thread_start(&node->thread, "debros-node", dbr_life_main, node);
    if (err != 0) {
        return undo_start(node, req);
    }
    node->has_thread = true;
    return 0;
}

int debros_stop(debros_node *node, debros_req *req, debros_req_cb cb)
{
    dbr_assert(node != NULL && req != NULL);
    struct dbr_call *call = dbr_call_create(DBR_CALL_STOP, req);
    if (call == NULL) {
        return dbr_call_refuse(req, DEBROS_ENOMEM, "out of memory");
    }
    call->callback.life = cb;
    call->has_callback = cb != NULL;
    return dbr_call_submit(node, call);
}

int debros_node_check(debros_node *node, debros_detail *detail)
{
    int err;
    pthread_mutex_lock(&node->completion.lock);
    if (node->failure != 0) {
        err = dbr_detail_set(detail, node->failure, "%s", node->failure_detail.text);
    } else if (node->state == DBR_NODE_STARTING || node->state == DBR_NODE_RUNNING) {
        err = 0;
    } else {
        err = dbr_detail_set(detail, DEBROS_ESTATE, "the node does not run");
    }
    pthread_mutex_unlock(&node->completion.lock);
    return err;
}

const char *debros_node_peer_id(const debros_node *node)
{
    return atomic_load(&node->has_peer_id) ? node->peer_id : "";
}

const char *debros_node_listen_addr(const debros_node *node, size_t i)
{
    return i < atomic_load(&node->n_addr_texts) ? node->addr_texts[i] : NULL;
}
