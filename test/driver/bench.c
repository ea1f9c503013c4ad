#include "bench.h"

#include <stdio.h>

struct bench_conn *bench_conn(struct bench *bench, uint64_t id)
{
    for (size_t i = 0; i < bench->n_conns; i++) {
        if (bench->conns[i].id == id) {
            return &bench->conns[i];
        }
    }
    assert_true(bench->n_conns < BENCH_CONNS);
    struct bench_conn *conn = &bench->conns[bench->n_conns++];
    conn->id = id;
    return conn;
}

struct bench_conn *bench_accepted(struct bench *bench)
{
    for (size_t i = 0; i < bench->n_conns; i++) {
        if (bench->conns[i].accepted) {
            return &bench->conns[i];
        }
    }
    return NULL;
}

static void on_accepted(void *data, uint64_t id, const struct dbr_endpoint *remote,
                        dbr_time now)
{
    (void)now;
    struct bench_conn *conn = bench_conn(data, id);
    conn->accepted = true;
    conn->remote = *remote;
    assert_int_equal(id % 2, 1);
}

static void on_dialed(void *data, uint64_t id, dbr_time now)
{
    (void)now;
    bench_conn(data, id)->dialed = true;
}

static void on_dial_failed(void *data, uint64_t id, const char *detail, dbr_time now)
{
    (void)now;
    struct bench_conn *conn = bench_conn(data, id);
    conn->dial_failed = true;
    snprintf(conn->detail, sizeof(conn->detail), "%s", detail);
}

static void on_received(void *data, uint64_t id, debros_bytes bytes, dbr_time now)
{
    (void)now;
    dbr_buf_add(&bench_conn(data, id)->received, bytes.data, bytes.len);
}

static void on_written(void *data, uint64_t id, size_t len, dbr_time now)
{
    (void)now;
    bench_conn(data, id)->written += len;
}

static void on_closed(void *data, uint64_t id, dbr_time now)
{
    (void)now;
    assert_false(bench_conn(data, id)->closed);
    bench_conn(data, id)->closed = true;
}

static void on_multicast(void *data, debros_bytes packet, bool same_host, dbr_time now)
{
    struct bench_packets *packets = &((struct bench *)data)->packets;
    (void)now;
    packets->n++;
    packets->n_same_host += same_host;
    snprintf(packets->last, sizeof(packets->last), "%.*s", (int)packet.len,
             (const char *)packet.data);
}

static void on_network_changed(void *data, dbr_time now)
{
    (void)now;
    ((struct bench *)data)->packets.n_changes++;
}

static dbr_time on_tick(void *data, dbr_time now)
{
    struct bench *bench = data;
    bench->n_ticks++;
    if (bench->step(bench)) {
        dbr_loop_end(bench->loop);
        return DBR_TIME_NEVER;
    }
    while (dbr_tcp_flush(bench->loop)) {
    }
    assert_true(now < bench->end);
    return dbr_time_min(bench->wake, bench->end);
}

static const struct dbr_loop_handler handler = {
    .tick = on_tick,
    .accepted = on_accepted,
    .dialed = on_dialed,
    .dial_failed = on_dial_failed,
    .received = on_received,
    .written = on_written,
    .closed = on_closed,
    .multicast = on_multicast,
    .network_changed = on_network_changed,
};

void bench_init(struct bench *bench, bool (*step)(struct bench *bench))
{
    memset(bench, 0, sizeof(*bench));
    bench->step = step;
    bench->wake = DBR_TIME_NEVER;
    bench->end = dbr_time_add(dbr_loop_now(), BENCH_DEADLINE_MS);
    assert_int_equal(dbr_loop_create(&bench->loop, &handler, bench), 0);
}

void bench_run(struct bench *bench)
{
    dbr_loop_run(bench->loop);
}

void bench_finish(struct bench *bench)
{
    dbr_loop_destroy(bench->loop);
    for (size_t i = 0; i < bench->n_conns; i++) {
        dbr_buf_finish(&bench->conns[i].received);
    }
}

void bench_send(struct bench *bench, uint64_t id, const void *data, size_t len)
{
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    dbr_buf_add(&buf, data, len);
    dbr_tcp_write(bench->loop, id, &buf);
    assert_int_equal(buf.len, 0);
}

struct dbr_endpoint bench_loopback(void)
{
    return (struct dbr_endpoint){.ip = {127, 0, 0, 1}};
}
