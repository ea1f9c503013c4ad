#include "driver/mailbox.h"

#include <pthread.h>

#include "base/alloc.h"
#include "debros.h"
#include "driver/wake.h"

struct dbr_mailbox {
    pthread_mutex_t lock;
    struct dbr_list mail; /* `lock` */
    struct dbr_wake *wake;
    void (*deliver)(void *data, struct dbr_list *mail);
    void *data;
};

/* Moves all of `from` to the end of `to`. */
static void splice(struct dbr_list *to, struct dbr_list *from)
{
    if (dbr_list_is_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    dbr_list_init(from);
}

static void on_wake(void *data)
{
    struct dbr_mailbox *box = data;
    struct dbr_list mail;
    dbr_list_init(&mail);
    dbr_mailbox_take(box, &mail);
    if (!dbr_list_is_empty(&mail)) {
        box->deliver(box->data, &mail);
        dbr_assert(dbr_list_is_empty(&mail));
    }
}

int dbr_mailbox_open(struct dbr_mailbox **out, struct dbr_loop *loop,
                     void (*deliver)(void *data, struct dbr_list *mail), void *data)
{
    struct dbr_mailbox *box = dbr_calloc(1, sizeof(*box));
    if (box == NULL) {
        return DEBROS_ENOMEM;
    }
    int err = dbr_wake_open(&box->wake, loop, on_wake, box);
    if (err != 0) {
        dbr_free(box);
        return err;
    }
    pthread_mutex_init(&box->lock, NULL);
    dbr_list_init(&box->mail);
    box->deliver = deliver;
    box->data = data;
    *out = box;
    return 0;
}

/* True: nothing waited before. */
static bool add(struct dbr_mailbox *box, struct dbr_list *mail)
{
    pthread_mutex_lock(&box->lock);
    bool first = dbr_list_is_empty(&box->mail);
    dbr_list_push_back(&box->mail, mail);
    pthread_mutex_unlock(&box->lock);
    return first;
}

void dbr_mailbox_post(struct dbr_mailbox *box, struct dbr_list *mail)
{
    if (add(box, mail)) {
        dbr_wake_send(box->wake);
    }
}

void dbr_mailbox_put(struct dbr_mailbox *box, struct dbr_list *mail)
{
    (void)add(box, mail);
}

void dbr_mailbox_take(struct dbr_mailbox *box, struct dbr_list *out)
{
    pthread_mutex_lock(&box->lock);
    splice(out, &box->mail);
    pthread_mutex_unlock(&box->lock);
}

void dbr_mailbox_free(struct dbr_mailbox *box)
{
    if (box == NULL) {
        return;
    }
    dbr_assert(dbr_list_is_empty(&box->mail));
    dbr_wake_free(box->wake);
    pthread_mutex_destroy(&box->lock);
    dbr_free(box);
}
