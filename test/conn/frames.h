/* Frames by hand against one yamux machine. */
#ifndef TEST_CONN_FRAMES_H
#define TEST_CONN_FRAMES_H

#include "base/alloc.h"
#include "base/buf.h"
#include "conn/yamux.h"
#include "conn/yamux_frame.h"
#include "test.h"

#define DATA   DBR_YAMUX_TYPE_DATA
#define WINDOW DBR_YAMUX_TYPE_WINDOW
#define PING   DBR_YAMUX_TYPE_PING
#define GOAWAY DBR_YAMUX_TYPE_GOAWAY
#define SYN    DBR_YAMUX_SYN
#define ACK    DBR_YAMUX_ACK
#define FIN    DBR_YAMUX_FIN
#define RST    DBR_YAMUX_RST

/* A machine, what it wrote last, and where in it the test reads. */
struct session {
    struct dbr_yamux *y;
    struct dbr_stack_limits limits;
    dbr_time now;
    uint8_t out[600000];
    size_t out_len;
    size_t at;
    uint8_t in[600000];
};

static inline struct session *session_new(bool client)
{
    struct session *t = dbr_calloc(1, sizeof(*t));
    assert_non_null(t);
    dbr_stack_limits_default(&t->limits);
    t->now = 1000;
    assert_int_equal(dbr_yamux_create(&t->y, client, &t->limits, t->now), 0);
    return t;
}

/* With limits changed after session_new(). */
static inline void session_restart(struct session *t, bool client)
{
    dbr_yamux_destroy(t->y);
    assert_int_equal(dbr_yamux_create(&t->y, client, &t->limits, t->now), 0);
}

static inline void session_free(struct session *t)
{
    dbr_yamux_destroy(t->y);
    dbr_free(t);
}

/* Gives one frame; DATA gets `length` bytes of body. */
static inline int give_frame(struct session *t, uint8_t type, uint16_t flags, uint32_t id,
                             uint32_t length)
{
    struct dbr_yamux_header h = {type, flags, id, length};
    size_t body = type == DATA ? length : 0;
    assert_true(body + 12 <= sizeof(t->in));
    dbr_yamux_header_encode(t->in, &h);
    for (size_t i = 0; i < body; i++) {
        t->in[12 + i] = (uint8_t)i;
    }
    return dbr_yamux_recv(t->y, dbr_bytes(t->in, 12 + body), t->now);
}

static inline struct dbr_yamux_event next_event(struct session *t)
{
    struct dbr_yamux_event event;
    assert_true(dbr_yamux_poll(t->y, &event));
    return event;
}

#define expect_event(t, wanted, stream)                                                  \
    do {                                                                                 \
        struct dbr_yamux_event e_ = next_event(t);                                       \
        assert_int_equal(e_.type, wanted);                                               \
        assert_int_equal(e_.id, stream);                                                 \
    } while (0)

#define expect_no_event(t)                                                               \
    do {                                                                                 \
        struct dbr_yamux_event e_;                                                       \
        assert_false(dbr_yamux_poll((t)->y, &e_));                                       \
    } while (0)

static inline void flush(struct session *t, bool data)
{
    dbr_yamux_sent(t->y, 0, 0);
    t->out_len = dbr_yamux_fill(t->y, t->out, sizeof(t->out), data);
    t->at = 0;
}

static inline struct dbr_yamux_header next_frame(struct session *t)
{
    struct dbr_yamux_header h;
    assert_true(t->at + 12 <= t->out_len);
    assert_int_equal(dbr_yamux_header_decode(&h, t->out + t->at), 0);
    t->at += 12 + (h.type == DATA ? h.length : 0);
    assert_true(t->at <= t->out_len);
    return h;
}

#define expect_frame(t, type_, flags_, stream_, length_)                                 \
    do {                                                                                 \
        struct dbr_yamux_header h_ = next_frame(t);                                      \
        assert_int_equal(h_.type, type_);                                                \
        assert_int_equal(h_.flags, flags_);                                              \
        assert_int_equal(h_.stream, stream_);                                            \
        assert_int_equal(h_.length, length_);                                            \
    } while (0)

#define expect_no_frame(t) assert_int_equal((t)->at, (t)->out_len)

/* Opens a stream as the peer, and answers its ACK. */
static inline struct dbr_yamux_stream *give_stream(struct session *t, uint32_t id)
{
    assert_int_equal(give_frame(t, WINDOW, SYN, id, 0), 0);
    expect_event(t, DBR_YAMUX_OPENED, id);
    flush(t, true);
    expect_frame(t, WINDOW, ACK, id, 0);
    expect_no_frame(t);
    return dbr_yamux_find(t->y, id);
}

#endif
