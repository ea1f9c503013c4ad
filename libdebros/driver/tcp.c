#include "driver/tcp.h"

#include "base/alloc.h"
#include "base/check.h"
#include "driver/address.h"
#include "driver/conn.h"

void dbr_tcp_init(struct dbr_loop *loop)
{
    loop->uv.data = loop;
    dbr_list_init(&loop->listeners);
    dbr_list_init(&loop->dirty);
    dbr_list_init(&loop->leaving);
    loop->next_accepted = 1;
    dbr_name_init(loop);
}

/* ---- Birth and death of a socket ---------------------------------------------- */

static void on_gone(uv_handle_t *handle)
{
    struct tcp_conn *conn = handle->data;
    conn->loop->n_open--;
    dbr_buf_finish(&conn->pending);
    dbr_buf_finish(&conn->writing);
    dbr_free(conn);
}

static struct tcp_conn *conn_create(struct dbr_loop *loop, uint64_t id)
{
    struct tcp_conn *conn = dbr_calloc(1, sizeof(*conn));
    if (conn == NULL) {
        return NULL;
    }
    conn->id = id;
    conn->loop = loop;
    dbr_list_init(&conn->dirty);
    dbr_list_init(&conn->leaving);
    HASH_ADD(hh, loop->conns, id, sizeof(conn->id), conn);
    if (!dbr_hash_added(conn)) {
        dbr_free(conn);
        return NULL;
    }
    if (uv_tcp_init(&loop->uv, &conn->handle) != 0) {
        HASH_DEL(loop->conns, conn);
        dbr_free(conn);
        return NULL;
    }
    conn->handle.data = conn;
    loop->n_open++;
    return conn;
}

struct tcp_conn *dbr_tcp_find(struct dbr_loop *loop, uint64_t id)
{
    struct tcp_conn *conn = NULL;
    HASH_FIND(hh, loop->conns, &id, sizeof(id), conn);
    return conn;
}

/* The owner knows it no more. */
static void forget(struct tcp_conn *conn)
{
    HASH_DEL(conn->loop->conns, conn);
}

/* Closes the handle of a connection that was forgotten. */
static void drop(struct tcp_conn *conn)
{
    conn->state = TCP_GONE;
    dbr_list_remove(&conn->dirty);
    dbr_list_remove(&conn->leaving);
    uv_close((uv_handle_t *)&conn->handle, on_gone);
}

/* The socket failed or the peer ended it. */
static void lost(struct tcp_conn *conn)
{
    struct dbr_loop *loop = conn->loop;
    bool told = conn->state == TCP_OPEN;
    uint64_t id = conn->id;
    if (told) {
        forget(conn);
    }
    drop(conn);
    if (told) {
        loop->handler->closed(loop->data, id, dbr_loop_now());
    }
}

/* ---- Reading -------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)size;
    struct tcp_conn *conn = handle->data;
    dbr_loop_woke(conn->loop);
    *buf = uv_buf_init((char *)conn->loop->read_buffer, sizeof(conn->loop->read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct tcp_conn *conn = stream->data;
    struct dbr_loop *loop = conn->loop;
    if (n < 0) {
        lost(conn);
    } else if (n > 0 && conn->state == TCP_OPEN) {
        loop->handler->received(loop->data, conn->id, dbr_bytes(buf->base, (size_t)n),
                                dbr_loop_now());
    }
}

static int open_conn(struct tcp_conn *conn)
{
    conn->state = TCP_OPEN;
    uv_tcp_nodelay(&conn->handle, 1);
    return uv_read_start((uv_stream_t *)&conn->handle, on_alloc, on_read);
}

void dbr_conn_accept(struct dbr_loop *loop, uv_stream_t *server)
{
    struct tcp_conn *conn = conn_create(loop, loop->next_accepted);
    if (conn == NULL) {
        return;
    }
    loop->next_accepted += 2;
    struct sockaddr_storage address;
    int len = sizeof(address);
    struct dbr_endpoint remote;
    if (uv_accept(server, (uv_stream_t *)&conn->handle) != 0 ||
        uv_tcp_getpeername(&conn->handle, (struct sockaddr *)&address, &len) != 0 ||
        !dbr_address_to_endpoint(&remote, (const struct sockaddr *)&address) ||
        open_conn(conn) != 0) {
        forget(conn);
        drop(conn);
        return;
    }
    loop->handler->accepted(loop->data, conn->id, &remote, dbr_loop_now());
}

/* ---- Dialing -------------------------------------------------------------------- */

static void tell_failed(struct dbr_loop *loop, uint64_t id, int err)
{
    loop->handler->dial_failed(loop->data, id, uv_strerror(err), dbr_loop_now());
}

void dbr_conn_abandon(struct tcp_conn *conn)
{
    conn->name = NULL;
    forget(conn);
    drop(conn);
}

static void on_connect(uv_connect_t *request, int status)
{
    struct tcp_conn *conn = request->data;
    struct dbr_loop *loop = conn->loop;
    struct name_dial *name = conn->name;
    uint64_t id = conn->id;
    dbr_loop_woke(loop);
    if (conn->state != TCP_DIALING) {
        return; /* closed meanwhile */
    }
    if (status == 0) {
        status = open_conn(conn);
    }
    if (status != 0) {
        dbr_conn_abandon(conn);
        if (name != NULL) {
            dbr_name_failed(name, status);
        } else {
            tell_failed(loop, id, status);
        }
        return;
    }
    if (name != NULL) {
        conn->name = NULL;
        dbr_name_reached(name);
    }
    loop->handler->dialed(loop->data, id, dbr_loop_now());
}

int dbr_conn_dial(struct dbr_loop *loop, uint64_t id, const struct sockaddr *address,
                  struct name_dial *name)
{
    dbr_assert(dbr_tcp_find(loop, id) == NULL);
    struct tcp_conn *conn = conn_create(loop, id);
    if (conn == NULL) {
        return UV_ENOMEM;
    }
    conn->state = TCP_DIALING;
    conn->name = name;
    conn->connect.data = conn;
    int err = uv_tcp_connect(&conn->connect, &conn->handle, address, on_connect);
    if (err != 0) {
        dbr_conn_abandon(conn);
    }
    return err;
}

void dbr_tcp_dial(struct dbr_loop *loop, uint64_t id, const struct dbr_endpoint *endpoint)
{
    struct sockaddr_storage address;
    dbr_address_from_endpoint(&address, endpoint);
    int err = dbr_conn_dial(loop, id, (const struct sockaddr *)&address, NULL);
    if (err != 0) {
        tell_failed(loop, id, err);
    }
}

/* ---- Writing -------------------------------------------------------------------- */

static void on_shutdown(uv_shutdown_t *request, int status)
{
    /* The peer's end of stream, an error or `leave_by` comes next. */
    (void)request;
    (void)status;
}

/* A leaving connection has flushed: say so to the peer. */
static void leave(struct tcp_conn *conn)
{
    if (conn->state != TCP_LEAVING || conn->shutting || conn->pending.len > 0 ||
        conn->writing.len > 0) {
        return;
    }
    conn->shutting = true;
    if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->handle, on_shutdown) != 0) {
        drop(conn);
    }
}

/* Marks `conn` for the next flush. */
static void mark_dirty(struct tcp_conn *conn)
{
    dbr_list_remove(&conn->dirty);
    dbr_list_push_back(&conn->loop->dirty, &conn->dirty);
}

static bool tell_written(struct tcp_conn *conn, size_t len)
{
    if (len > 0 && conn->state == TCP_OPEN) {
        struct dbr_loop *loop = conn->loop;
        loop->handler->written(loop->data, conn->id, len, dbr_loop_now());
        return true;
    }
    return false;
}

static void write_slice(struct tcp_conn *conn);

static void on_write(uv_write_t *request, int status)
{
    struct tcp_conn *conn = request->data;
    size_t len = conn->slice;
    dbr_loop_woke(conn->loop);
    dbr_buf_consume(&conn->writing, len);
    bool done = status != 0 || conn->state == TCP_GONE || conn->writing.len == 0;
    if (done) {
        dbr_buf_finish(&conn->writing);
        dbr_buf_init(&conn->writing);
    }
    if (conn->state == TCP_GONE) {
        return;
    }
    if (status != 0) {
        lost(conn);
        return;
    }
    if (!done) {
        write_slice(conn);
    } else if (conn->pending.len > 0) {
        mark_dirty(conn);
    }
    if (conn->state != TCP_GONE) {
        leave(conn);
        tell_written(conn, len);
    }
}

/* In slices, so that a slow peer's progress is told; none of it is copied. */
static void write_slice(struct tcp_conn *conn)
{
    size_t left = conn->writing.len;
    conn->slice = left < DBR_TCP_SLICE ? left : DBR_TCP_SLICE;
    conn->write.data = conn;
    uv_buf_t buf = uv_buf_init((char *)conn->writing.data, (unsigned)conn->slice);
    if (uv_write(&conn->write, (uv_stream_t *)&conn->handle, &buf, 1, on_write) != 0) {
        lost(conn);
    }
}

static void write_rest(struct tcp_conn *conn)
{
    conn->writing = dbr_buf_take(&conn->pending);
    write_slice(conn);
}

/* True: facts came of it. */
static bool flush_conn(struct tcp_conn *conn)
{
    if (conn->writing.len > 0 || conn->state == TCP_DIALING) {
        return false; /* its end marks it again */
    }
    uv_buf_t buf = uv_buf_init((char *)conn->pending.data, (unsigned)conn->pending.len);
    int n = uv_try_write((uv_stream_t *)&conn->handle, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
        bool told = conn->state == TCP_OPEN;
        lost(conn);
        return told;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == conn->pending.len) {
        dbr_buf_finish(&conn->pending);
        dbr_buf_init(&conn->pending);
        leave(conn);
    } else {
        dbr_buf_consume(&conn->pending, done);
        write_rest(conn);
    }
    return tell_written(conn, done);
}

bool dbr_tcp_flush(struct dbr_loop *loop)
{
    bool facts = false;
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&loop->dirty)) != NULL) {
        facts = flush_conn(DBR_LIST_ENTRY(item, struct tcp_conn, dirty)) || facts;
    }
    return facts;
}

void dbr_tcp_write(struct dbr_loop *loop, uint64_t id, struct dbr_buf *bytes)
{
    struct tcp_conn *conn = dbr_tcp_find(loop, id);
    if (conn == NULL || bytes->len == 0) {
        dbr_buf_finish(bytes);
        dbr_buf_init(bytes);
        return;
    }
    dbr_assert(conn->state == TCP_OPEN);
    if (conn->pending.len == 0) {
        dbr_buf_finish(&conn->pending);
        conn->pending = dbr_buf_take(bytes);
    } else {
        dbr_buf_add(&conn->pending, bytes->data, bytes->len);
        dbr_buf_finish(bytes);
        dbr_buf_init(bytes);
    }
    /* A gap in the stream would be taken for an attack: better no stream at all. */
    if (conn->pending.failed) {
        lost(conn);
        return;
    }
    mark_dirty(conn);
}

/* ---- Closing -------------------------------------------------------------------- */

static void close_conn(struct tcp_conn *conn)
{
    struct dbr_loop *loop = conn->loop;
    if (conn->state == TCP_DIALING) {
        dbr_conn_abandon(conn);
        return;
    }
    forget(conn);
    conn->state = TCP_LEAVING;
    conn->leave_by = dbr_time_add(dbr_loop_now(), DBR_TCP_LEAVE_MS);
    dbr_list_push_back(&loop->leaving, &conn->leaving);
    leave(conn);
}

void dbr_tcp_close(struct dbr_loop *loop, uint64_t id)
{
    struct tcp_conn *conn = dbr_tcp_find(loop, id);
    if (!dbr_name_close(loop, id) && conn != NULL) {
        close_conn(conn);
    }
}

void dbr_tcp_close_all(struct dbr_loop *loop)
{
    struct tcp_conn *conn, *tmp;
    dbr_name_kill_all(loop);
    HASH_ITER(hh, loop->conns, conn, tmp)
    {
        close_conn(conn);
    }
}

void dbr_tcp_kill_all(struct dbr_loop *loop)
{
    dbr_tcp_stop_listening(loop);
    dbr_tcp_close_all(loop);
    dbr_tcp_expire(loop, DBR_TIME_NEVER);
}

size_t dbr_tcp_count(const struct dbr_loop *loop)
{
    return loop->n_open;
}

static dbr_time leaving_deadline(const struct dbr_loop *loop)
{
    if (dbr_list_is_empty(&loop->leaving)) {
        return DBR_TIME_NEVER;
    }
    return DBR_LIST_ENTRY(loop->leaving.next, struct tcp_conn, leaving)->leave_by;
}

dbr_time dbr_tcp_deadline(const struct dbr_loop *loop)
{
    return dbr_time_min(leaving_deadline(loop), dbr_name_deadline(loop));
}

void dbr_tcp_expire(struct dbr_loop *loop, dbr_time now)
{
    while (!dbr_list_is_empty(&loop->leaving) && leaving_deadline(loop) <= now) {
        drop(DBR_LIST_ENTRY(loop->leaving.next, struct tcp_conn, leaving));
    }
    dbr_name_expire(loop, now);
}
