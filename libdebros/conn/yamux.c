#include "yamux.h"

#include <string.h>

#include "base/check.h"
#include "yamux_session.h"

#define EVENTS_KEPT 512 /* room for events that an idle session holds */

static const debros_bytes no_data = {NULL, 0};

/* ---- Errors and events --------------------------------------------------------- */

int dbr_yamux_fail(struct dbr_yamux *y, int err, const char *reason)
{
    if (y->err == 0) {
        y->err = err;
        y->reason = reason;
    }
    return y->err;
}

/* The peer is told once; `control` has room for it whatever the backlog is. */
static int fail_peer(struct dbr_yamux *y, int err, const char *reason)
{
    struct dbr_yamux_header goaway = {DBR_YAMUX_TYPE_GOAWAY, 0, 0,
                                      DBR_YAMUX_PROTOCOL_ERROR};
    uint8_t *to = dbr_buf_extend(&y->control, DBR_YAMUX_HEADER_SIZE);
    if (to != NULL) {
        dbr_yamux_header_encode(to, &goaway);
    }
    return dbr_yamux_fail(y, err, reason);
}

int dbr_yamux_push(struct dbr_yamux *y, enum dbr_yamux_event_type type,
                   const struct dbr_yamux_stream *s, debros_bytes data)
{
    struct dbr_yamux_event event = {type, s == NULL ? 0 : s->id,
                                    s == NULL ? 0 : s->serial, data};
    if (dbr_ring_push(&y->events, &event)) {
        return 0;
    }
    return dbr_ring_is_full(&y->events)
               ? dbr_yamux_fail(y, DEBROS_ELIMIT, "too many events wait to be drained")
               : dbr_yamux_fail(y, DEBROS_ENOMEM, "out of memory");
}

int dbr_yamux_end(struct dbr_yamux *y, struct dbr_yamux_stream *s,
                  enum dbr_yamux_event_type type)
{
    s->dead = true;
    dbr_list_remove(&s->ready);
    dbr_list_remove(&s->lingering);
    return dbr_yamux_push(y, type, s, no_data);
}

void dbr_yamux_linger(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    if (s->fin_wanted && !s->dead) {
        dbr_list_remove(&s->lingering);
        s->linger_until = dbr_time_add(y->now, y->limits.linger_ms);
        dbr_list_push_back(&y->lingering, &s->lingering);
    }
}

static bool is_flood(const struct dbr_yamux *y, struct dbr_yamux_flood *flood,
                     uint32_t max)
{
    if (y->now - flood->since >= 1000) {
        flood->since = y->now;
        flood->count = 0;
    }
    return ++flood->count > max;
}

/* ---- Streams ------------------------------------------------------------------- */

static struct dbr_yamux_stream *lookup(struct dbr_yamux *y, uint32_t id)
{
    struct dbr_yamux_stream *s;
    HASH_FIND(hh, y->streams, &id, sizeof(id), s);
    return s;
}

static bool is_ours(const struct dbr_yamux *y, uint32_t id)
{
    return (id % 2 == 1) == y->client;
}

static uint32_t *counter(struct dbr_yamux *y, uint32_t id)
{
    return is_ours(y, id) ? &y->streams_out : &y->streams_in;
}

static struct dbr_yamux_stream *add_stream(struct dbr_yamux *y, uint32_t id,
                                           uint16_t flag)
{
    struct dbr_yamux_stream *s = dbr_calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->id = id;
    s->serial = y->next_serial++;
    s->send_left = DBR_YAMUX_WINDOW;
    s->owed_flags = flag;
    dbr_list_init(&s->ready);
    dbr_list_init(&s->lingering);
    HASH_ADD(hh, y->streams, id, sizeof(s->id), s);
    if (!dbr_hash_added(s)) {
        dbr_free(s);
        return NULL;
    }
    ++*counter(y, id);
    dbr_yamux_window_init(y, s);
    dbr_yamux_become_ready(y, s);
    return s;
}

void dbr_yamux_forget(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    if (y->body == s) {
        y->body = NULL; /* the rest of its frame is drained */
    }
    --*counter(y, s->id);
    dbr_yamux_window_finish(y, s);
    dbr_list_remove(&s->ready);
    dbr_list_remove(&s->lingering);
    dbr_buf_finish(&s->queue);
    HASH_DELETE(hh, y->streams, s);
    dbr_free(s);
}

struct dbr_yamux_stream *dbr_yamux_find(struct dbr_yamux *y, uint32_t id)
{
    struct dbr_yamux_stream *s = lookup(y, id);
    return s == NULL || s->dead ? NULL : s;
}

struct dbr_yamux_stream *dbr_yamux_event_stream(struct dbr_yamux *y,
                                                const struct dbr_yamux_event *event)
{
    struct dbr_yamux_stream *s = lookup(y, event->id);
    return s == NULL || s->serial != event->serial ? NULL : s;
}

uint32_t dbr_yamux_id(const struct dbr_yamux_stream *s)
{
    return s->id;
}

void **dbr_yamux_user(struct dbr_yamux_stream *s)
{
    return &s->user;
}

int dbr_yamux_open(struct dbr_yamux *y, struct dbr_yamux_stream **out, dbr_time now)
{
    y->now = now;
    if (y->goaway_received || y->goaway_sent || y->streams_out >= y->limits.streams_out ||
        y->next_id > UINT32_MAX - 2) {
        return DEBROS_ELIMIT;
    }
    *out = add_stream(y, y->next_id, DBR_YAMUX_SYN);
    if (*out == NULL) {
        return DEBROS_ENOMEM;
    }
    y->next_id += 2;
    return 0;
}

void dbr_yamux_reset(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    /* A stream whose SYN never left is nothing to the peer. */
    if (!s->dead && (s->owed_flags & DBR_YAMUX_SYN) == 0) {
        (void)dbr_yamux_control(y, DBR_YAMUX_TYPE_WINDOW, DBR_YAMUX_RST, s->id, 0);
    }
    dbr_yamux_forget(y, s);
}

void dbr_yamux_goaway(struct dbr_yamux *y)
{
    if (!y->goaway_sent) {
        y->goaway_sent = true;
        (void)dbr_yamux_control(y, DBR_YAMUX_TYPE_GOAWAY, 0, 0, DBR_YAMUX_NORMAL);
    }
}

/* ---- Receiving ----------------------------------------------------------------- */

/* The peer opens a stream. *out stays NULL when we refuse it. */
static int take_syn(struct dbr_yamux *y, const struct dbr_yamux_header *h,
                    struct dbr_yamux_stream **out)
{
    if (is_ours(y, h->stream)) {
        return fail_peer(y, DEBROS_EPROTO, "the peer opened a stream with an id of ours");
    }
    if (lookup(y, h->stream) != NULL) {
        return fail_peer(y, DEBROS_EPROTO, "the peer opened the same stream twice");
    }
    if (y->goaway_sent || y->streams_in >= y->limits.streams_in) {
        if (is_flood(y, &y->resets, DBR_YAMUX_RESETS_PER_SECOND)) {
            return fail_peer(y, DEBROS_ELIMIT, "the peer opens too many streams");
        }
        return dbr_yamux_control(y, DBR_YAMUX_TYPE_WINDOW, DBR_YAMUX_RST, h->stream, 0);
    }
    *out = add_stream(y, h->stream, DBR_YAMUX_ACK);
    if (*out == NULL) {
        return dbr_yamux_fail(y, DEBROS_ENOMEM, "out of memory");
    }
    return dbr_yamux_push(y, DBR_YAMUX_OPENED, *out, no_data);
}

/* In a WINDOW with RST go sends an error code as the length: not a window. */
static int take_rst(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    if (is_flood(y, &y->resets, DBR_YAMUX_RESETS_PER_SECOND)) {
        return fail_peer(y, DEBROS_ELIMIT, "the peer resets too many streams");
    }
    return dbr_yamux_end(y, s, DBR_YAMUX_RESET);
}

static int take_fin(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    if (s->remote_fin) {
        return 0;
    }
    s->remote_fin = true;
    int err = dbr_yamux_push(y, DBR_YAMUX_FINISHED, s, no_data);
    if (err == 0 && s->fin_sent) {
        err = dbr_yamux_end(y, s, DBR_YAMUX_CLOSED);
    }
    return err;
}

/* The payload first, FIN when all of it is here. */
static int take_data(struct dbr_yamux *y, struct dbr_yamux_stream *s,
                     const struct dbr_yamux_header *h)
{
    bool fin = (h->flags & DBR_YAMUX_FIN) != 0;
    if (s->remote_fin) {
        return 0;
    }
    if (h->length > s->recv_left) {
        return fail_peer(y, DEBROS_EPROTO, "the peer overran a stream's window");
    }
    if (h->length == 0) {
        return fin ? take_fin(y, s) : 0;
    }
    s->recv_left -= h->length;
    s->held += h->length; /* reserved; what was taken from the window is never lost */
    y->body = s;
    y->body_fin = fin;
    dbr_yamux_linger(y, s);
    return 0;
}

static bool says_nothing(const struct dbr_yamux_header *h)
{
    return h->length == 0 && h->flags == 0;
}

static int take_stream_frame(struct dbr_yamux *y, const struct dbr_yamux_header *h)
{
    struct dbr_yamux_stream *s = NULL;
    int err = 0;

    if (says_nothing(h) && is_flood(y, &y->idle, DBR_YAMUX_IDLE_PER_SECOND)) {
        return fail_peer(y, DEBROS_ELIMIT, "the peer floods us with empty frames");
    }
    if ((h->flags & DBR_YAMUX_SYN) != 0) {
        err = take_syn(y, h, &s);
    } else {
        s = dbr_yamux_find(y, h->stream);
    }
    /* Late frames of a stream that we reset are normal: drained, never answered. */
    if (err != 0 || s == NULL) {
        return err;
    }
    if ((h->flags & DBR_YAMUX_RST) != 0) {
        return take_rst(y, s);
    }
    if (h->type == DBR_YAMUX_TYPE_DATA) {
        return take_data(y, s, h);
    }
    dbr_yamux_more_window(y, s, h->length);
    dbr_yamux_linger(y, s);
    return (h->flags & DBR_YAMUX_FIN) != 0 ? take_fin(y, s) : 0;
}

static int take_frame(struct dbr_yamux *y, const struct dbr_yamux_header *h)
{
    switch (h->type) {
    case DBR_YAMUX_TYPE_PING:
        /* We ask nothing, and answering an answer would never end. */
        return h->flags == DBR_YAMUX_SYN ? dbr_yamux_pong(y, h->length) : 0;
    case DBR_YAMUX_TYPE_GOAWAY:
        if (y->goaway_received) {
            return 0;
        }
        y->goaway_received = true;
        return dbr_yamux_push(y, DBR_YAMUX_GOAWAY, NULL, no_data);
    default:
        y->body = NULL;
        y->body_fin = false;
        y->body_left = h->type == DBR_YAMUX_TYPE_DATA ? h->length : 0;
        return take_stream_frame(y, h);
    }
}

static int take_header(struct dbr_yamux *y, debros_bytes *text)
{
    struct dbr_yamux_header h;
    size_t want = DBR_YAMUX_HEADER_SIZE - y->header_len;
    size_t n = text->len < want ? text->len : want;

    memcpy(y->header + y->header_len, text->data, n);
    y->header_len += n;
    *text = dbr_bytes(text->data + n, text->len - n);
    if (n < want) {
        return 0;
    }
    y->header_len = 0;
    if (dbr_yamux_header_decode(&h, y->header) != 0) {
        return fail_peer(y, DEBROS_EPROTO, "the peer sent a malformed yamux header");
    }
    return take_frame(y, &h);
}

static int take_body(struct dbr_yamux *y, debros_bytes *text)
{
    struct dbr_yamux_stream *s = y->body;
    size_t n = text->len < y->body_left ? text->len : y->body_left;
    debros_bytes data = dbr_bytes(text->data, n);
    int err = 0;

    y->body_left -= (uint32_t)n;
    *text = dbr_bytes(text->data + n, text->len - n);
    if (s != NULL && !s->dead) {
        err = dbr_yamux_push(y, DBR_YAMUX_DATA, s, data);
        if (err == 0 && y->body_left == 0 && y->body_fin) {
            err = take_fin(y, s);
        }
    }
    return err;
}

int dbr_yamux_recv(struct dbr_yamux *y, debros_bytes text, dbr_time now)
{
    y->now = now;
    if (dbr_yamux_backlog(y) > y->limits.control_backlog) {
        return dbr_yamux_fail(y, DEBROS_ELIMIT, DBR_YAMUX_UNREAD);
    }
    while (y->err == 0 && text.len > 0) {
        int err = y->body_left > 0 ? take_body(y, &text) : take_header(y, &text);
        if (err != 0) {
            return err;
        }
    }
    return y->err;
}

/* ---- The machine --------------------------------------------------------------- */

static void init_events(struct dbr_yamux *y)
{
    dbr_ring_init(&y->events, sizeof(struct dbr_yamux_event), DBR_YAMUX_EVENTS);
}

int dbr_yamux_create(struct dbr_yamux **out, bool client,
                     const struct dbr_stack_limits *limits, dbr_time now)
{
    struct dbr_yamux *y = dbr_calloc(1, sizeof(*y));
    if (y == NULL) {
        return DEBROS_ENOMEM;
    }
    y->limits = *limits;
    y->client = client;
    y->reason = "";
    y->now = now;
    y->next_id = client ? 1 : 2;
    dbr_list_init(&y->ready);
    dbr_list_init(&y->lingering);
    init_events(y);
    *out = y;
    return 0;
}

void dbr_yamux_destroy(struct dbr_yamux *y)
{
    struct dbr_yamux_stream *s;
    struct dbr_yamux_stream *tmp;

    if (y == NULL) {
        return;
    }
    HASH_ITER(hh, y->streams, s, tmp)
    {
        dbr_yamux_forget(y, s);
    }
    dbr_ring_finish(&y->events);
    dbr_buf_finish(&y->control);
    dbr_free(y);
}

void dbr_yamux_set_rtt(struct dbr_yamux *y, uint32_t rtt_ms)
{
    y->rtt_ms = rtt_ms;
}

const char *dbr_yamux_reason(const struct dbr_yamux *y)
{
    return y->reason;
}

bool dbr_yamux_poll(struct dbr_yamux *y, struct dbr_yamux_event *event)
{
    while (dbr_ring_pop(&y->events, event)) {
        if (event->type == DBR_YAMUX_GOAWAY || dbr_yamux_event_stream(y, event) != NULL) {
            return true;
        }
    }
    if (y->events.cap > EVENTS_KEPT) { /* one burst is no reason to hold its memory */
        dbr_ring_finish(&y->events);
        init_events(y);
    }
    return false;
}

bool dbr_yamux_is_drained(const struct dbr_yamux *y)
{
    return y->events.len == 0;
}

dbr_time dbr_yamux_deadline(const struct dbr_yamux *y)
{
    if (dbr_list_is_empty(&y->lingering)) {
        return DBR_TIME_NEVER;
    }
    return DBR_LIST_ENTRY(y->lingering.next, struct dbr_yamux_stream, lingering)
        ->linger_until;
}

int dbr_yamux_expire(struct dbr_yamux *y, dbr_time now)
{
    y->now = now;
    while (y->err == 0 && dbr_yamux_deadline(y) <= now) {
        struct dbr_yamux_stream *s =
            DBR_LIST_ENTRY(y->lingering.next, struct dbr_yamux_stream, lingering);
        (void)dbr_yamux_control(y, DBR_YAMUX_TYPE_WINDOW, DBR_YAMUX_RST, s->id, 0);
        (void)dbr_yamux_end(y, s, DBR_YAMUX_RESET);
    }
    return y->err;
}
