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
    uv_tcp_t handle;
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool shutting;
    struct dbr_buf pending; /* for the kernel at the next flush */
    struct dbr_buf writing; /* lent to `write`; empty: none under way */
    struct dbr_list dirty;  /* loop->dirty, while `pending` waits for a flush */
    struct dbr_list leaving;
    dbr_time leave_by;
};

/* Takes one connection from `server` and tells it. */
void dbr_conn_accept(struct dbr_loop *loop, uv_stream_t *server);

#endif
