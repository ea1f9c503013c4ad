#include "driver/loop.h"

#include <poll.h>
#include <sched.h>
#include <time.h>

#include "base/alloc.h"
#include "base/check.h"
#include "driver/inner.h"
#include "driver/multicast.h"

#define MAX_SLEEP_MS (60u * 60 * 1000)
#define NS_PER_MS    1000000u
#define NS_PER_US    1000u

dbr_time dbr_loop_now(void)
{
    return uv_hrtime() / NS_PER_MS;
}

uint64_t dbr_loop_now_us(void)
{
    return uv_hrtime() / 1000;
}

int64_t dbr_loop_wall_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int dbr_loop_create(struct dbr_loop **out, const struct dbr_loop_handler *handler,
                    void *data)
{
    struct dbr_loop *loop = dbr_calloc(1, sizeof(*loop));
    if (loop == NULL) {
        return DEBROS_ENOMEM;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        dbr_free(loop);
        return DEBROS_ENOMEM;
    }
    uv_timer_init(&loop->uv, &loop->timer);
    loop->handler = handler;
    loop->data = data;
    dbr_list_init(&loop->wakes);
    dbr_tcp_init(loop);
    *out = loop;
    return 0;
}

static void close_all(struct dbr_loop *loop)
{
    struct dbr_list *item, *tmp;
    DBR_LIST_FOREACH(item, tmp, &loop->wakes)
    {
        dbr_wake_shut(DBR_LIST_ENTRY(item, struct dbr_wake, link));
    }
    dbr_tcp_kill_all(loop);
    dbr_multicast_close(loop);
    if (!uv_is_closing((uv_handle_t *)&loop->timer)) {
        uv_close((uv_handle_t *)&loop->timer, NULL);
    }
    /* Only close callbacks are left, and they open nothing. */
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void dbr_loop_destroy(struct dbr_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    close_all(loop);
    int err = uv_loop_close(&loop->uv);
    dbr_assert(err == 0);
    dbr_free(loop);
}

/* A timer that is due when uv_run() begins fires before the poll: without the stop the
 * poll would then sleep as if nothing had been due. */
static void on_timer(uv_timer_t *timer)
{
    dbr_loop_woke(timer->loop->data);
    uv_stop(timer->loop);
}

static void set_timer(struct dbr_loop *loop, dbr_time now, dbr_time until)
{
    if (until == DBR_TIME_NEVER) {
        uv_timer_stop(&loop->timer);
    } else {
        uint64_t sleep = until - now < MAX_SLEEP_MS ? until - now : MAX_SLEEP_MS;
        uv_update_time(&loop->uv);
        uv_timer_start(&loop->timer, on_timer, sleep, 0);
    }
}

/* Returns when the loop would not sleep any more, or the window is over. Whoever else
 * wants the processor has it meanwhile. Runs no callback: that is for the turn. */
static void poll_busily(struct dbr_loop *loop, uint64_t begin)
{
    struct pollfd ready = {.fd = uv_backend_fd(&loop->uv), .events = POLLIN};
    uint64_t end = begin + loop->busy.us * NS_PER_US;
    while (uv_hrtime() < end && uv_backend_timeout(&loop->uv) != 0 &&
           poll(&ready, 1, 0) == 0) {
        (void)sched_yield();
    }
}

/* Sleeps until something is ready or `until` has come, and tells what is ready. */
static void turn(struct dbr_loop *loop, dbr_time until)
{
    uint64_t begin = uv_hrtime();
    dbr_time now = begin / NS_PER_MS;
    if (until <= now) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        return;
    }
    set_timer(loop, now, until);
    if (!loop->poll_paused) {
        poll_busily(loop, begin);
    }
    uv_run(&loop->uv, UV_RUN_ONCE);
    if (!loop->poll_paused) {
        uint64_t end = loop->woken != 0 ? loop->woken : uv_hrtime();
        dbr_busy_poll_waited(&loop->busy, (end - begin) / NS_PER_US);
    }
}

/* When the poll that began at `before` woke, or should have, had a timer been in time:
 * after a stop of the whole process it has slept for too long. */
static uint64_t woken_at(const struct dbr_loop *loop, uint64_t before, dbr_time until)
{
    uint64_t woken = loop->woken != 0 ? loop->woken : uv_hrtime();
    bool is_late = until < woken / NS_PER_MS;
    return is_late && until * NS_PER_MS > before ? until * NS_PER_MS : woken;
}

void dbr_loop_run(struct dbr_loop *loop)
{
    uint64_t woken = uv_hrtime();
    while (!loop->ended) {
        dbr_time until = loop->handler->tick(loop->data, dbr_loop_now());
        if (loop->ended) {
            break;
        }
        until = dbr_time_min(until, dbr_tcp_deadline(loop));
        until = dbr_time_min(until, dbr_multicast_deadline(loop));
        uint64_t before = uv_hrtime();
        dbr_window_add(&loop->lag, (before - woken) / 1000, before / NS_PER_MS);
        loop->woken = 0;
        turn(loop, until);
        woken = woken_at(loop, before, until);
        dbr_tcp_expire(loop, dbr_loop_now());
        dbr_multicast_expire(loop, dbr_loop_now());
    }
    close_all(loop);
}

const struct dbr_window *dbr_loop_lag(const struct dbr_loop *loop)
{
    return &loop->lag;
}

void dbr_loop_busy_poll(struct dbr_loop *loop, uint32_t max_us)
{
    loop->busy.max_us = max_us;
}

void dbr_loop_pause_poll(struct dbr_loop *loop, bool is_paused)
{
    loop->poll_paused = is_paused;
}

void dbr_loop_end(struct dbr_loop *loop)
{
    loop->ended = true;
}
