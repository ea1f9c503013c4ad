/* One connection's socket, known to tcp.c and listen.c. */
#ifndef DBR_DRIVER_CONN_H
#define DBR_DRIVER_CONN_H

#include "base/buf.h"
#include "base/hash.h"
#include "driver/inner.h"
#include "driver/tcp.h"

enum tcp_state {
    TCP_DIALING,
    TCP_OPEN,
    TCP_LEAVING, /* closed by the owner: flushes, then waits for the peer's end */
    TCP_GONE     /* its handle closes */
};

struct tcp_conn {
    UT_hash_handle hh; /* loop->conns, while the owner knows it */
    uint64_t id;
    struct dbr_loop *loop;
    enum tcp_state state;
    struct name_dial *name; /* while one of its addresses is dialed */
    uv_tcp_t handle;
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool shutting;
    struct dbr_buf pending; /* for the kernel at the next flush */
    struct dbr_buf writing; /* lent to `write`; empty: none under way */
    size_t slice;           /* of its front, given to the kernel */
    struct dbr_list dirty;  /* loop->dirty, while `pending` waits for a flush */
    struct dbr_list leaving;
    dbr_time leave_by;
};

/* Dials one address of `name`, which may be NULL: without one, an error is told to the
 * owner, with one to dbr_name_failed(). 0, or the error of what did not even begin. */
int dbr_conn_dial(struct dbr_loop *loop, uint64_t id, const struct sockaddr *address,
                  struct name_dial *name);
/* Gives up a dial. */
void dbr_conn_abandon(struct tcp_conn *conn);
struct tcp_conn *dbr_tcp_find(struct dbr_loop *loop, uint64_t id);

/* ---- name.c ------------------------------------------------------------------------ */

/* The address that was dialed does not answer: the next one is tried. */
void dbr_name_failed(struct name_dial *name, int err);
/* It answers: `name` is done, and told of no more. */
void dbr_name_reached(struct name_dial *name);
/* The owner closes `id` before it is connected. False: no such name. */
bool dbr_name_close(struct dbr_loop *loop, uint64_t id);

/* Takes one connection from `server` and tells it. */
void dbr_conn_accept(struct dbr_loop *loop, uv_stream_t *server);

#endif
