#include "api/completion.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/node.h"
#include "base/check.h"
#include "driver/thread.h"

/* What a request remembers of its last call when nothing is kept. */
static void set_outcome(debros_req *req, int status)
{
    req->reserved[1] = (void *)(intptr_t)status;
    req->reserved[2] = req; /* there is an outcome */
}

static void signal_ready(struct dbr_completion *c)
{
    if (!c->signaled && c->fds[1] >= 0) {
        char byte = 1;
        c->signaled = send(c->fds[1], &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
    }
}

static void clear_signal(struct dbr_completion *c)
{
    char byte;
    if (c->signaled && recv(c->fds[0], &byte, 1, MSG_DONTWAIT) == 1) {
        c->signaled = false;
    }
}

void dbr_completion_unref(struct dbr_call *call)
{
    dbr_assert(call->refs > 0);
    if (--call->refs == 0) {
        dbr_call_destroy(call);
    }
}

bool dbr_completion_release(debros_req *req)
{
    struct dbr_call *call = req->reserved[0];
    if (call == NULL) {
        return true;
    }
    if (call->state != DBR_CALL_DELIVERED) {
        return false;
    }
    req->reserved[0] = NULL;
    dbr_list_remove(&call->link);
    dbr_completion_unref(call);
    return true;
}

/* ---- Delivery; the lock is held on entry and exit -------------------------------- */

static struct dbr_call *pop_ready(struct dbr_completion *c)
{
    struct dbr_list *item = dbr_list_pop_front(&c->ready);
    if (dbr_list_is_empty(&c->ready)) {
        clear_signal(c);
    }
    return item == NULL ? NULL : DBR_LIST_ENTRY(item, struct dbr_call, link);
}

/* `call` is delivered: its results stay with the request, for release. */
static void keep(struct dbr_completion *c, struct dbr_call *call)
{
    call->req->reserved[0] = call;
    dbr_list_push_back(&c->kept, &call->link);
}

static void deliver(struct dbr_completion *c, struct dbr_call *call)
{
    c->pending--;
    set_outcome(call->req, call->status);
    dbr_call_show(call);
    if (call->has_callback) {
        call->req->reserved[0] = NULL;
        call->state = DBR_CALL_DELIVERING;
        dbr_list_push_back(&c->delivering, &call->link);
        pthread_mutex_unlock(&c->lock);
        dbr_call_run(call);
        pthread_mutex_lock(&c->lock);
        dbr_list_remove(&call->link);
        call->state = DBR_CALL_DELIVERED;
        call->unclaimed = call->waiters > 0; /* one of them takes it */
        if (!call->unclaimed) {
            dbr_completion_unref(call);
        }
    } else {
        call->state = DBR_CALL_DELIVERED;
        keep(c, call);
    }
    if (c->waiting > 0) {
        pthread_cond_broadcast(&c->changed);
    }
}

int dbr_completion_dispatch(struct dbr_completion *c, size_t max)
{
    int n = 0;
    pthread_mutex_lock(&c->lock);
    struct dbr_call *call;
    while ((max == 0 || (size_t)n < max) && (call = pop_ready(c)) != NULL) {
        deliver(c, call);
        n++;
    }
    pthread_mutex_unlock(&c->lock);
    return n;
}

bool dbr_completion_is_here(const struct dbr_completion *c)
{
    return c->mode == DBR_CALLBACKS_INLINE && c->in_callback &&
           pthread_equal(c->thread, pthread_self());
}

static void deliver_here(struct dbr_completion *c)
{
    struct dbr_call *call;
    c->thread = pthread_self();
    c->in_callback = true;
    while ((call = pop_ready(c)) != NULL) {
        deliver(c, call);
    }
    c->in_callback = false;
}

void dbr_completion_publish(struct dbr_completion *c, struct dbr_list *list)
{
    if (dbr_list_is_empty(list)) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(list)) != NULL) {
        DBR_LIST_ENTRY(item, struct dbr_call, link)->state = DBR_CALL_READY;
        dbr_list_push_back(&c->ready, item);
    }
    if (c->mode == DBR_CALLBACKS_INLINE) {
        deliver_here(c);
    }
    bool wake = c->waiting > 0 || c->has_thread;
    if (!wake) {
        signal_ready(c);
    }
    pthread_mutex_unlock(&c->lock);
    /* Whoever wakes finds the lock free. */
    if (wake) {
        pthread_cond_broadcast(&c->changed);
    }
}

static void *thread_main(void *data)
{
    struct dbr_completion *c = data;
    pthread_mutex_lock(&c->lock);
    while (!c->quitting) {
        struct dbr_call *call = pop_ready(c);
        if (call == NULL) {
            pthread_cond_wait(&c->changed, &c->lock);
        } else {
            deliver(c, call);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------- */

static bool open_pair(struct dbr_completion *c)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, c->fds) != 0) {
        c->fds[0] = c->fds[1] = -1;
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(c->fds[i], F_SETFD, FD_CLOEXEC);
        fcntl(c->fds[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

int dbr_completion_init(struct dbr_completion *c, enum dbr_callbacks mode)
{
    *c = (struct dbr_completion){.mode = mode, .fds = {-1, -1}};
    dbr_list_init(&c->ready);
    dbr_list_init(&c->delivering);
    dbr_list_init(&c->kept);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    bool done = true;
    if (mode == DBR_CALLBACKS_THREAD) {
        c->has_thread = true; /* before the thread looks */
        done = dbr_thread_start(&c->thread, "debros-callback", thread_main, c) == 0;
        c->has_thread = done;
    } else if (mode == DBR_CALLBACKS_RING) {
        done = open_pair(c);
    }
    if (!done) {
        dbr_completion_finish(c);
        return DEBROS_ENOMEM;
    }
    return 0;
}

void dbr_completion_stop(struct dbr_completion *c)
{
    if (!c->has_thread) {
        return;
    }
    dbr_assert(!pthread_equal(c->thread, pthread_self()));
    pthread_mutex_lock(&c->lock);
    c->quitting = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    c->has_thread = false;
}

void dbr_completion_finish(struct dbr_completion *c)
{
    dbr_assert(dbr_list_is_empty(&c->ready) && dbr_list_is_empty(&c->delivering));
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&c->kept)) != NULL) {
        dbr_completion_unref(DBR_LIST_ENTRY(item, struct dbr_call, link));
    }
    for (int i = 0; i < 2; i++) {
        if (c->fds[i] >= 0) {
            close(c->fds[i]);
        }
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
}

/* ---- The public face ----------------------------------------------------------------
 */

int debros_event_fd(const debros_node *node)
{
    return node->completion.fds[0];
}

int debros_dispatch(debros_node *node, size_t max)
{
    if (node->completion.mode != DBR_CALLBACKS_RING) {
        return DEBROS_ESTATE;
    }
    return dbr_completion_dispatch(&node->completion, max);
}

/* The call behind `req` that is under way or kept, or whose callback runs. */
static struct dbr_call *find_call(struct dbr_completion *c, const debros_req *req)
{
    if (req->reserved[0] != NULL) {
        return req->reserved[0];
    }
    struct dbr_list *item, *tmp;
    DBR_LIST_FOREACH(item, tmp, &c->delivering)
    {
        struct dbr_call *call = DBR_LIST_ENTRY(item, struct dbr_call, link);
        if (call->req == req) {
            return call;
        }
    }
    return NULL;
}

static void wait_until_delivered(struct dbr_completion *c, const struct dbr_call *call)
{
    c->waiting++;
    while (call->state != DBR_CALL_DELIVERED) {
        struct dbr_call *other = c->mode == DBR_CALLBACKS_RING ? pop_ready(c) : NULL;
        if (other != NULL) {
            deliver(c, other);
        } else {
            pthread_cond_wait(&c->changed, &c->lock);
        }
    }
    c->waiting--;
    if (c->waiting == 0 && !dbr_list_is_empty(&c->ready)) {
        signal_ready(c); /* what came meanwhile is the dispatcher's */
    }
}

int debros_wait(debros_node *node, debros_req *req)
{
    struct dbr_completion *c = &node->completion;
    pthread_mutex_lock(&c->lock);
    dbr_assert(!dbr_completion_is_here(c)); /* the call would never come */
    struct dbr_call *call = find_call(c, req);
    if (call == NULL) {
        int status =
            req->reserved[2] == NULL ? DEBROS_ESTATE : (int)(intptr_t)req->reserved[1];
        pthread_mutex_unlock(&c->lock);
        return status;
    }
    call->waiters++;
    call->refs++;
    wait_until_delivered(c, call);
    int status = call->status;
    call->waiters--;
    if (call->unclaimed) {
        call->unclaimed = false;
        if (req->reserved[0] == NULL) {
            keep(c, call);
        } else {
            dbr_completion_unref(call); /* its callback submitted the request again */
        }
    }
    dbr_completion_unref(call);
    pthread_mutex_unlock(&c->lock);
    return status;
}

void debros_release(debros_node *node, debros_req *req)
{
    pthread_mutex_lock(&node->completion.lock);
    (void)dbr_completion_release(req);
    pthread_mutex_unlock(&node->completion.lock);
}

void debros_cancel(debros_node *node, debros_req *req)
{
    struct dbr_completion *c = &node->completion;
    pthread_mutex_lock(&c->lock);
    struct dbr_call *call = req->reserved[0];
    if (call != NULL && call->state == DBR_CALL_FLYING && !call->canceling) {
        call->canceling = true;
        call->refs++; /* the mail's */
        dbr_mailbox_post(node->mailbox, &call->cancel.link);
    }
    pthread_mutex_unlock(&c->lock);
}
