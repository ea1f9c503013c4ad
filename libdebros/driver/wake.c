#include "driver/wake.h"

#include "base/alloc.h"
#include "base/check.h"
#include "driver/inner.h"

static void on_async(uv_async_t *async)
{
    struct dbr_wake *wake = async->data;
    dbr_loop_woke(async->loop->data);
    wake->run(wake->data);
}

int dbr_wake_open(struct dbr_wake **out, struct dbr_loop *loop, void (*run)(void *data),
                  void *data)
{
    struct dbr_wake *wake = dbr_calloc(1, sizeof(*wake));
    if (wake == NULL) {
        return DEBROS_ENOMEM;
    }
    if (uv_async_init(&loop->uv, &wake->async, on_async) != 0) {
        dbr_free(wake);
        return DEBROS_ENOMEM;
    }
    pthread_mutex_init(&wake->lock, NULL);
    wake->async.data = wake;
    wake->run = run;
    wake->data = data;
    wake->open = true;
    dbr_list_push_back(&loop->wakes, &wake->link);
    *out = wake;
    return 0;
}

void dbr_wake_send(struct dbr_wake *wake)
{
    /* The lock keeps the handle open for the length of the call. */
    pthread_mutex_lock(&wake->lock);
    if (wake->open) {
        uv_async_send(&wake->async);
    }
    pthread_mutex_unlock(&wake->lock);
}

void dbr_wake_shut(struct dbr_wake *wake)
{
    pthread_mutex_lock(&wake->lock);
    wake->open = false;
    pthread_mutex_unlock(&wake->lock);
    dbr_list_remove(&wake->link);
    uv_close((uv_handle_t *)&wake->async, NULL);
}

void dbr_wake_free(struct dbr_wake *wake)
{
    if (wake == NULL) {
        return;
    }
    dbr_assert(!wake->open);
    pthread_mutex_destroy(&wake->lock);
    dbr_free(wake);
}
