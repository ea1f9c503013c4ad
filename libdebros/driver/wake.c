#include "driver/wake.h"

#include "base/alloc.h"
#include "base/check.h"
#include "driver/inner.h"

static void on_async(uv_async_t *async)
{
    struct dbr_wake *wake = async->data;
    wake->run(wake->data);
}

int dbr_wake_open(struct dbr_wake **out, struct dbr_loop *loop, void (*run)(void *data),
                  void *data)
{
    struct dbr_wake *wake = dbr_calloc(1, sizeof(*wake));
    if (wake == NULL) {
        return DEBROS_ENOMEM;
    }
    if (uv_mutex_init(&wake->lock) != 0) {
        goto err_free;
    }
    if (uv_async_init(&loop->uv, &wake->async, on_async) != 0) {
        goto err_lock;
    }
    wake->async.data = wake;
    wake->run = run;
    wake->data = data;
    wake->open = true;
    dbr_list_push_back(&loop->wakes, &wake->link);
    *out = wake;
    return 0;

err_lock:
    uv_mutex_destroy(&wake->lock);
err_free:
    dbr_free(wake);
    return DEBROS_ENOMEM;
}

void dbr_wake_send(struct dbr_wake *wake)
{
    /* The lock keeps the handle open for the length of the call. */
    uv_mutex_lock(&wake->lock);
    if (wake->open) {
        uv_async_send(&wake->async);
    }
    uv_mutex_unlock(&wake->lock);
}

void dbr_wake_shut(struct dbr_wake *wake)
{
    uv_mutex_lock(&wake->lock);
    wake->open = false;
    uv_mutex_unlock(&wake->lock);
    dbr_list_remove(&wake->link);
    uv_close((uv_handle_t *)&wake->async, NULL);
}

void dbr_wake_free(struct dbr_wake *wake)
{
    if (wake == NULL) {
        return;
    }
    dbr_assert(!wake->open);
    uv_mutex_destroy(&wake->lock);
    dbr_free(wake);
}
