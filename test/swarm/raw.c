#include "raw.h"

#include <stdio.h>

#include "base/alloc.h"

static struct raw_stream *add_stream(struct raw *raw, uint32_t id, debros_bytes protocol)
{
    assert_true(raw->n_streams < RAW_STREAMS);
    struct raw_stream *stream = &raw->streams[raw->n_streams++];
    memset(stream, 0, sizeof(*stream));
    stream->id = id;
    snprintf(stream->protocol, sizeof(stream->protocol), "%.*s", (int)protocol.len,
             (const char *)protocol.data);
    return stream;
}

static struct raw_stream *by_id(struct raw *raw, uint32_t id)
{
    for (size_t i = 0; i < raw->n_streams; i++) {
        if (raw->streams[i].id == id) {
            return &raw->streams[i];
        }
    }
    return NULL;
}

static void incoming(struct raw *raw, const struct dbr_stack_event *event)
{
    if (raw->refuse_all) {
        dbr_stack_refuse(raw->stack, event->stream);
        return;
    }
    add_stream(raw, event->stream, event->protocol)->inbound = true;
    dbr_stack_accept(raw->stack, event->stream);
}

static void handle(struct raw *raw, const struct dbr_stack_event *event)
{
    struct raw_stream *stream = by_id(raw, event->stream);
    switch (event->type) {
    case DBR_STACK_INCOMING:
        incoming(raw, event);
        break;
    case DBR_STACK_DATA:
        dbr_buf_add(&stream->data, event->data.data, event->data.len);
        if (!raw->keep_window) {
            dbr_stack_consume(raw->stack, event->stream, event->data.len);
        }
        break;
    case DBR_STACK_OPENED:
        stream->opened = true;
        break;
    case DBR_STACK_REFUSED:
        stream->refused = true;
        break;
    case DBR_STACK_FINISHED:
        stream->finished = true;
        break;
    case DBR_STACK_RESET:
        stream->reset = true;
        break;
    case DBR_STACK_CLOSED:
        stream->closed = true;
        break;
    case DBR_STACK_GOAWAY:
        raw->goaway = true;
        break;
    default:
        break;
    }
}

/* Events and output of the bare stack. */
static bool step_stack(struct raw *raw)
{
    struct dbr_stack_event event;
    bool moved = false;
    if (raw->stack == NULL || raw->err != 0) {
        return false;
    }
    while (dbr_stack_poll(raw->stack, &event)) {
        handle(raw, &event);
        moved = true;
    }
    struct dbr_buf *out = dbr_stack_out(raw->stack);
    if (out->len > 0) {
        struct dbr_buf bytes = dbr_buf_take(out);
        dbr_swarm_recv(raw->node->swarm, raw->conn, dbr_bytes(bytes.data, bytes.len),
                       raw->world->now);
        dbr_buf_finish(&bytes);
        moved = true;
    }
    return moved;
}

/* What the swarm's driver does for this one connection. */
void raw_run(struct raw *raw)
{
    struct pipe_world *world = raw->world;
    for (size_t turn = 0;; turn++) {
        assert_true(turn < 100000);
        bool moved = step_stack(raw);
        world->raw_out.len = 0;
        pipe_run(world);
        if (world->raw_out.len > 0 && raw->err == 0) {
            struct dbr_buf bytes = dbr_buf_take(&world->raw_out);
            raw->err =
                dbr_stack_recv(raw->stack, dbr_bytes(bytes.data, bytes.len), world->now);
            dbr_buf_finish(&bytes);
            moved = true;
        }
        if (!moved) {
            return;
        }
    }
}

void raw_sleep(struct raw *raw, uint64_t ms)
{
    dbr_time until = raw->world->now + ms;
    raw_run(raw);
    for (;;) {
        dbr_time next = dbr_swarm_deadline(raw->node->swarm);
        if (raw->err == 0) {
            next = dbr_time_min(next, dbr_stack_deadline(raw->stack));
        }
        if (next > until) {
            break;
        }
        raw->world->now = next > raw->world->now ? next : raw->world->now;
        dbr_swarm_expire(raw->node->swarm, raw->world->now);
        if (raw->err == 0 && dbr_stack_deadline(raw->stack) <= raw->world->now) {
            raw->err = dbr_stack_expire(raw->stack, raw->world->now);
        }
        raw_run(raw);
    }
    raw->world->now = until;
}

struct raw *raw_attach(struct pipe_world *world, bool dialer)
{
    struct raw *raw = dbr_calloc(1, sizeof(*raw));
    uint8_t seed[32] = {99};
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, "/ip4/10.0.0.99/tcp/999", NULL), 0);
    raw->world = world;
    raw->node = pipe_node(world, 1);
    raw->dialer = dialer;
    dbr_keypair_from_seed(&raw->key, seed);
    dbr_peer_id_from_key(&raw->id, raw->key.public_key);
    dbr_rng_seed(&raw->rng, 5);
    struct dbr_stack_config config = {.dialer = dialer, .identity = &raw->key};
    dbr_stack_limits_default(&config.limits);
    assert_int_equal(dbr_stack_create(&raw->stack, &config, &raw->rng, world->now), 0);
    dbr_swarm_set_class(raw->node->swarm, &raw->id, DBR_PEER_MEMBER, world->now);
    if (dialer) {
        raw->conn = 9001;
        world->raw_conn = raw->conn;
        dbr_swarm_accepted(raw->node->swarm, raw->conn, &addr, world->now);
    } else {
        struct dbr_swarm_event event;
        dbr_swarm_connect(raw->node->swarm, &addr, 1, world->now);
        assert_true(dbr_swarm_poll(raw->node->swarm, &event));
        assert_int_equal(event.type, DBR_SWARM_DIAL);
        raw->conn = event.conn;
        world->raw_conn = raw->conn;
        dbr_swarm_dialed(raw->node->swarm, raw->conn, world->now);
    }
    raw_run(raw);
    assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
    return raw;
}

struct raw *raw_create(bool dialer)
{
    return raw_attach(pipe_create(1), dialer);
}

void raw_destroy(struct raw *raw)
{
    for (size_t i = 0; i < raw->n_streams; i++) {
        dbr_buf_finish(&raw->streams[i].data);
    }
    dbr_stack_destroy(raw->stack);
    pipe_destroy(raw->world);
    dbr_free(raw);
}

struct raw_stream *raw_open(struct raw *raw, const char *protocol)
{
    uint32_t id;
    assert_int_equal(
        dbr_stack_open(raw->stack, &id, dbr_bytes_str(protocol), raw->world->now), 0);
    return add_stream(raw, id, dbr_bytes_str(protocol));
}

void raw_send(struct raw *raw, struct raw_stream *stream, debros_bytes data)
{
    assert_int_equal(dbr_stack_send(raw->stack, stream->id, data), 0);
}

struct raw_stream *raw_find(struct raw *raw, const char *protocol, size_t n)
{
    for (size_t i = 0; i < raw->n_streams; i++) {
        if (raw->streams[i].inbound && strcmp(raw->streams[i].protocol, protocol) == 0 &&
            n-- == 0) {
            return &raw->streams[i];
        }
    }
    return NULL;
}
