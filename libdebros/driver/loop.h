/* The node thread's loop: sockets, wake-ups from other threads and one timer.
 *
 * One turn collects all facts that are ready and hands each to the handler, then calls
 * `tick` once: there the owner drains its machine until it is quiet. All functions
 * belong to the thread that runs the loop, but for dbr_loop_create(). */
#ifndef DBR_DRIVER_LOOP_H
#define DBR_DRIVER_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/window.h"
#include "multi/multiaddr.h"

struct dbr_loop;

/* Facts, told as soon as they are known. Bytes and texts die on return. Connections are
 * named by ids: the owner chooses even ones for what it dials, the loop odd ones. */
struct dbr_loop_handler {
    /* Ends a turn. Returns when the next one is due at the latest. */
    dbr_time (*tick)(void *data, dbr_time now);
    void (*accepted)(void *data, uint64_t conn, const struct dbr_endpoint *remote,
                     dbr_time now);
    void (*dialed)(void *data, uint64_t conn, dbr_time now);
    /* `detail` is the system's word on it, such as "connection refused". */
    void (*dial_failed)(void *data, uint64_t conn, const char *detail, dbr_time now);
    void (*received)(void *data, uint64_t conn, debros_bytes bytes, dbr_time now);
    void (*written)(void *data, uint64_t conn, size_t len, dbr_time now);
    /* For whatever reason but dbr_tcp_close(). */
    void (*closed)(void *data, uint64_t conn, dbr_time now);
    /* Of those who called dbr_multicast_open(). `same_host`: a process of this machine
     * sent it. */
    void (*multicast)(void *data, debros_bytes packet, bool same_host, dbr_time now);
    /* The machine has other interfaces or addresses than before. */
    void (*network_changed)(void *data, dbr_time now);
};

/* `handler` is borrowed for the loop's life. Errors: ENOMEM. */
int dbr_loop_create(struct dbr_loop **out, const struct dbr_loop_handler *handler,
                    void *data);
/* The loop does not run, and what was opened on it is closed or freed afterwards without
 * touching it. */
void dbr_loop_destroy(struct dbr_loop *loop);
/* Turns until dbr_loop_end(); then closes every socket at once and returns. */
void dbr_loop_run(struct dbr_loop *loop);
void dbr_loop_end(struct dbr_loop *loop);

/* Before it runs: for how long it asks at most, before it sleeps, while there is much to
 * do (busy_poll.h). Default 0: never. */
void dbr_loop_busy_poll(struct dbr_loop *loop, uint32_t max_us);
/* The loop's thread: until this is said again, it sleeps at once. */
void dbr_loop_pause_poll(struct dbr_loop *loop, bool is_paused);

/* The loop's thread: for how many microseconds at a time what was ready had to wait, in
 * the last minute: the length of each turn's work, and how late a timer fired. */
const struct dbr_window *dbr_loop_lag(const struct dbr_loop *loop);

/* Any thread. */
dbr_time dbr_loop_now(void);
uint64_t dbr_loop_now_us(void); /* the same clock, in microseconds */
int64_t dbr_loop_wall_ms(void); /* unix time */

#endif
