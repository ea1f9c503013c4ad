/* What the files of this folder know of each other. */
#ifndef DBR_DRIVER_INNER_H
#define DBR_DRIVER_INNER_H

#include <pthread.h>
#include <uv.h>

#include "base/list.h"
#include "driver/busy_poll.h"
#include "driver/loop.h"

struct dbr_multicast;
struct tcp_conn;
struct name_dial;

/* One buffer for all reads: what is read is handed on before the next read. */
#define DBR_READ_SIZE (64u << 10)

struct dbr_loop {
    uv_loop_t uv;
    uv_timer_t timer;
    const struct dbr_loop_handler *handler;
    void *data;
    bool ended;
    struct dbr_window lag; /* microseconds */
    struct dbr_busy_poll busy;
    bool poll_paused;
    uint64_t woken;        /* uv_hrtime() of this turn's first callback; 0: none yet */
    struct dbr_list wakes; /* of dbr_wake */
    /* tcp.c */
    struct dbr_list listeners;
    struct tcp_conn *conns;  /* by id: those that the owner knows */
    struct dbr_list dirty;   /* with bytes to write */
    struct dbr_list leaving; /* closed by the owner, flushing; oldest first */
    /* name.c */
    struct name_dial *names; /* by id: those that the owner knows */
    struct dbr_list trying;  /* addresses that others may follow; oldest first */
    size_t n_open;           /* sockets of both kinds */
    uint64_t next_accepted;
    struct dbr_multicast *multicast; /* NULL: not wanted */
    uint8_t read_buffer[DBR_READ_SIZE];
};

struct dbr_wake {
    struct dbr_list link;
    uv_async_t async;
    pthread_mutex_t lock;
    bool open; /* `lock` */
    void (*run)(void *data);
    void *data;
};

/* Each of libuv's callbacks begins with it: so the turn knows when its poll ended,
 * without UV_METRICS_IDLE_TIME, which polls once more in each turn. */
static inline void dbr_loop_woke(struct dbr_loop *loop)
{
    if (loop->woken == 0) {
        loop->woken = uv_hrtime();
    }
}

void dbr_tcp_init(struct dbr_loop *loop);
void dbr_tcp_kill_all(struct dbr_loop *loop); /* closes every socket, says nothing */
void dbr_tcp_expire(struct dbr_loop *loop, dbr_time now);
dbr_time dbr_tcp_deadline(const struct dbr_loop *loop);
void dbr_name_init(struct dbr_loop *loop);
void dbr_name_kill_all(struct dbr_loop *loop);
void dbr_name_expire(struct dbr_loop *loop, dbr_time now);
dbr_time dbr_name_deadline(const struct dbr_loop *loop);
void dbr_multicast_expire(struct dbr_loop *loop, dbr_time now);
dbr_time dbr_multicast_deadline(const struct dbr_loop *loop);
void dbr_wake_shut(struct dbr_wake *wake);

#endif
