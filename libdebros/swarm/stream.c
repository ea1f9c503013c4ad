#include "stream.h"

#include "base/logger.h"
#include "base/reader.h"
#include "state.h"

uint32_t dbr_stream_slot(enum dbr_stream_kind kind, uint32_t protocol)
{
    switch (kind) {
    case DBR_STREAM_MESSAGES:
        return protocol;
    case DBR_STREAM_IDENTIFY_ANSWER:
        return DBR_SWARM_PROTOCOLS_MAX;
    case DBR_STREAM_PING_ECHO:
        return DBR_SWARM_PROTOCOLS_MAX + 1;
    case DBR_STREAM_IDENTIFY_PUSHED:
        return DBR_SWARM_PROTOCOLS_MAX + 2;
    default:
        return DBR_SWARM_PROTOCOLS_MAX + 3; /* ours */
    }
}

struct dbr_stream *dbr_stream_create(struct dbr_swarm *swarm, struct dbr_conn *conn,
                                     uint32_t raw, enum dbr_stream_kind kind,
                                     uint32_t protocol)
{
    struct dbr_stream *stream = dbr_calloc(1, sizeof(*stream));
    struct dbr_stream *found;
    if (stream == NULL) {
        return NULL;
    }
    stream->raw = raw;
    stream->kind = kind;
    stream->protocol = protocol;
    stream->conn = conn;
    stream->peer = conn->peer->id;
    dbr_note_init(&stream->opened, DBR_SWARM_STREAM_OPENED);
    dbr_note_init(&stream->message, DBR_SWARM_STREAM_MESSAGE);
    dbr_note_init(&stream->finished, DBR_SWARM_STREAM_FINISHED);
    dbr_note_init(&stream->writable, DBR_SWARM_STREAM_WRITABLE);
    dbr_note_init(&stream->closed, DBR_SWARM_STREAM_CLOSED);
    HASH_ADD(in_conn, conn->streams, raw, sizeof(stream->raw), stream);
    HASH_FIND(in_conn, conn->streams, &raw, sizeof(raw), found);
    if (found != stream) {
        dbr_free(stream);
        return NULL;
    }
    if (kind != DBR_STREAM_MESSAGES) {
        return stream;
    }
    stream->id = swarm->next_stream++;
    HASH_ADD(hh, swarm->streams, id, sizeof(stream->id), stream);
    if (!dbr_hash_added(stream)) {
        HASH_DELETE(in_conn, conn->streams, stream);
        dbr_free(stream);
        return NULL;
    }
    conn->n_messages++;
    return stream;
}

static void free_stream(struct dbr_stream *stream)
{
    dbr_note_cancel(&stream->opened);
    dbr_note_cancel(&stream->message);
    dbr_note_cancel(&stream->finished);
    dbr_note_cancel(&stream->writable);
    dbr_note_cancel(&stream->closed);
    dbr_buf_finish(&stream->in);
    dbr_buf_finish(&stream->out);
    dbr_free(stream);
}

/* ---- Memory ---------------------------------------------------------------- */

/* Only what a peer can make us hold: not the answers that we asked for, nor what members
 * alone may send. */
static bool is_counted(const struct dbr_swarm *swarm, const struct dbr_stream *stream)
{
    return stream->kind == DBR_STREAM_MESSAGES &&
           swarm->protocols[stream->protocol].min_class != DBR_PEER_MEMBER;
}

/* The part of limits.memory that this one may fill up: strangers leave half of it to
 * peers that matter. */
static size_t memory_for(const struct dbr_swarm *swarm, const struct dbr_stream *stream)
{
    const struct dbr_peer *peer = stream->conn->peer;
    size_t all = swarm->limits.memory;
    return peer->cls == DBR_PEER_STRANGER && !peer->keep ? all - all / 2 : all;
}

/* Streams that were refused look again whether there is room. */
static void wake_choked(struct dbr_swarm *swarm)
{
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    swarm->memory_wanted = 0;
    HASH_ITER(hh, swarm->conns, conn, tmp)
    {
        if (conn->n_choked > 0) {
            dbr_conn_touch(swarm, conn);
        }
    }
}

/* So much of a counted stream waits from now on. */
static void hold(struct dbr_swarm *swarm, struct dbr_stream *stream, size_t queued,
                 size_t partial)
{
    struct dbr_conn *conn = stream->conn;
    swarm->held = swarm->held - stream->queued - stream->partial + queued + partial;
    conn->queued = conn->queued - stream->queued + queued;
    conn->partial = conn->partial - stream->partial + partial;
    stream->queued = queued;
    stream->partial = partial;
    if (swarm->held < swarm->memory_wanted) {
        wake_choked(swarm);
    }
}

/* The counter of the limit that forbids one more message, or NULL. A stream that is told
 * so looks again when limits.memory has room for it. */
static uint64_t *met_limit(struct dbr_swarm *swarm, const struct dbr_stream *stream)
{
    if (!is_counted(swarm, stream)) {
        return NULL;
    }
    if (stream->conn->queued >= swarm->limits.peer_memory) {
        return &swarm->stats.peer_memory;
    }
    size_t most = memory_for(swarm, stream);
    if (swarm->held < most) {
        return NULL;
    }
    if (swarm->memory_wanted < most) {
        swarm->memory_wanted = most;
    }
    return &swarm->stats.memory;
}

/* The counter of the limit that forbids to wait for the rest of a message, or NULL. */
static uint64_t *met_limit_in(struct dbr_swarm *swarm, const struct dbr_stream *stream)
{
    if (stream->partial == 0) {
        return NULL; /* not counted */
    }
    if (stream->conn->partial > swarm->limits.peer_memory) {
        return &swarm->stats.peer_memory;
    }
    return swarm->held > memory_for(swarm, stream) ? &swarm->stats.memory : NULL;
}

/* ---- The end --------------------------------------------------------------- */

/* Out of the tables: nobody can name it any more. */
static void unlink_stream(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    struct dbr_conn *conn = stream->conn;
    if (conn == NULL) {
        return;
    }
    HASH_DELETE(in_conn, conn->streams, stream);
    if (stream->kind == DBR_STREAM_MESSAGES) {
        HASH_DELETE(hh, swarm->streams, stream);
        conn->n_messages--;
    }
    conn->n_choked -= stream->choked ? 1 : 0;
    stream->choked = false;
    conn->n_waiting -= stream->waits;
    hold(swarm, stream, 0, 0);
    conn->n_in[dbr_stream_slot(stream->kind, stream->protocol)] -= stream->inbound;
    stream->conn = NULL;
}

void dbr_stream_destroy(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    unlink_stream(swarm, stream);
    free_stream(stream);
}

void dbr_stream_drop(struct dbr_swarm *swarm, struct dbr_stream *stream, int status)
{
    struct dbr_conn *conn = stream->conn;
    if (stream->kind != DBR_STREAM_MESSAGES) {
        dbr_stream_destroy(swarm, stream);
    } else {
        unlink_stream(swarm, stream);
        dbr_buf_finish(&stream->out);
        dbr_note_cancel(&stream->writable);
        stream->status = status;
        dbr_note_push(&swarm->notes, &stream->closed);
    }
    dbr_conn_touch(swarm, conn); /* it may be idle now */
}

void dbr_stream_abort(struct dbr_swarm *swarm, struct dbr_stream *stream, int status)
{
    dbr_stack_reset(stream->conn->stack, stream->raw);
    dbr_stream_drop(swarm, stream, status);
}

/* Call after `in` or `out` changed. */
static void account(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    struct dbr_conn *conn = stream->conn;
    if (conn == NULL) {
        return;
    }
    bool waits = stream->out_pos < stream->out.len;
    conn->n_waiting = conn->n_waiting - stream->waits + waits;
    stream->waits = waits;
    if (is_counted(swarm, stream)) {
        hold(swarm, stream, stream->out.len - stream->out_pos,
             stream->inbound ? stream->in.len - stream->in_pos : 0);
    }
}

/* ---- Out ------------------------------------------------------------------- */

static void clear(struct dbr_buf *buf, size_t *pos)
{
    *pos = 0;
    if (buf->cap > DBR_STREAM_KEEP_SIZE) {
        dbr_buf_finish(buf);
        dbr_buf_init(buf);
    } else {
        dbr_buf_clear(buf);
    }
}

/* Bytes that wait here and in the stack. */
static size_t waiting(const struct dbr_stream *stream)
{
    return stream->out.len - stream->out_pos +
           dbr_stack_queued(stream->conn->stack, stream->raw);
}

/* Hands on what the stack takes. False: the stream is broken. */
static bool pump_all(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    struct dbr_stack *stack = stream->conn->stack;
    while (stream->out_pos < stream->out.len) {
        size_t left = stream->out.len - stream->out_pos;
        size_t len = left < DBR_STREAM_CHUNK ? left : DBR_STREAM_CHUNK;
        int err = dbr_stack_send(stack, stream->raw,
                                 dbr_bytes(stream->out.data + stream->out_pos, len));
        if (err == DEBROS_EBUSY) {
            return true;
        }
        if (err != 0) {
            return false;
        }
        stream->out_pos += len;
        stream->moved_at = swarm->now;
    }
    clear(&stream->out, &stream->out_pos);
    if (stream->finish_asked && !stream->finish_told) {
        stream->finish_told = true;
        dbr_stack_finish(stack, stream->raw);
    }
    return true;
}

static bool pump(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    bool whole = pump_all(swarm, stream);
    account(swarm, stream);
    return whole;
}

static int choke(struct dbr_stream *stream)
{
    stream->conn->n_choked += stream->choked ? 0 : 1;
    stream->choked = true;
    return DEBROS_EBUSY;
}

int dbr_stream_send(struct dbr_swarm *swarm, struct dbr_stream *stream,
                    debros_bytes message)
{
    const struct dbr_swarm_protocol *protocol = &swarm->protocols[stream->protocol];
    size_t size = dbr_uvarint_size(message.len) + message.len;
    if (stream->finish_asked) {
        return DEBROS_ENOTFOUND;
    }
    if (message.len > protocol->max_message) {
        return DEBROS_ELIMIT;
    }
    size_t before = waiting(stream);
    /* One message always finds room, whatever the queue's size. */
    if (before > 0 && before + size > protocol->send_queue) {
        return choke(stream);
    }
    uint64_t *met = met_limit(swarm, stream);
    if (met != NULL) {
        (*met)++;
        return choke(stream);
    }
    if (before == 0) {
        stream->moved_at = swarm->now;
    }
    if (stream->out_pos > DBR_STREAM_CHUNK) {
        dbr_buf_consume(&stream->out, stream->out_pos);
        stream->out_pos = 0;
    }
    if (dbr_buf_reserve(&stream->out, size) == NULL) {
        stream->out.failed = false; /* what it holds is whole */
        return DEBROS_ENOMEM;
    }
    dbr_buf_uvarint(&stream->out, message.len);
    dbr_buf_add(&stream->out, message.data, message.len);
    dbr_conn_touch(swarm, stream->conn);
    if (!pump(swarm, stream)) {
        dbr_stream_abort(swarm, stream, DEBROS_ECANCELED);
        return DEBROS_ENOTFOUND;
    }
    return 0;
}

void dbr_stream_finish(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    stream->finish_asked = true;
    dbr_conn_touch(swarm, stream->conn);
    if (!pump(swarm, stream)) {
        dbr_stream_abort(swarm, stream, DEBROS_ECANCELED);
    }
}

void dbr_stream_check_writable(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    if (stream->choked &&
        waiting(stream) <= swarm->protocols[stream->protocol].send_queue / 2 &&
        met_limit(swarm, stream) == NULL) {
        stream->choked = false;
        stream->conn->n_choked--;
        dbr_note_push(&swarm->notes, &stream->writable);
    }
}

void dbr_stream_check_unread(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    if (stream->kind != DBR_STREAM_MESSAGES || waiting(stream) <= swarm->limits.unread ||
        swarm->now - stream->moved_at < swarm->limits.stall_ms) {
        return;
    }
    swarm->stats.unread++;
    dbr_peer_id_text(&stream->peer, text);
    dbr_log_peer(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE, text,
                 "stream of %s to %s reset: the peer reads none of its %zu waiting bytes",
                 swarm->protocols[stream->protocol].id, text, waiting(stream));
    dbr_stream_abort(swarm, stream, DEBROS_ELIMIT);
}

/* ---- In -------------------------------------------------------------------- */

static int next_frame(const struct dbr_swarm *swarm, const struct dbr_stream *stream,
                      debros_bytes *body, size_t *used)
{
    return dbr_frame_decode(
        dbr_bytes(stream->in.data + stream->in_pos, stream->in.len - stream->in_pos),
        swarm->protocols[stream->protocol].max_message, body, used);
}

static void bad_frame(struct dbr_swarm *swarm, struct dbr_stream *stream, int err)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    if (stream->conn == NULL) {
        return; /* CLOSED waits already */
    }
    swarm->stats.bad_frames++;
    dbr_peer_id_text(&stream->peer, text);
    dbr_log_peer(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE, text,
                 "stream of %s from %s reset: %s", swarm->protocols[stream->protocol].id,
                 text,
                 err == DEBROS_ELIMIT ? "its message is above the limit"
                                      : "malformed frame");
    dbr_stream_abort(swarm, stream, err);
}

bool dbr_stream_take_message(struct dbr_swarm *swarm, struct dbr_stream *stream,
                             debros_bytes *message)
{
    debros_bytes following;
    size_t used;
    if (next_frame(swarm, stream, message, &used) <= 0) {
        return false;
    }
    stream->in_pos += used;
    account(swarm, stream);
    int err = next_frame(swarm, stream, &following, &used);
    if (err > 0) {
        dbr_note_push_front(&swarm->notes, &stream->message);
    } else if (err < 0) {
        bad_frame(swarm, stream, err);
    }
    return true;
}

/* The length in front of a frame is checked as soon as it is here, and the buffer only
 * ever grows by bytes that have arrived. */
static void message_data(struct dbr_swarm *swarm, struct dbr_stream *stream,
                         debros_bytes data)
{
    debros_bytes body;
    size_t used;
    if (stream->in_pos == stream->in.len) {
        clear(&stream->in, &stream->in_pos);
    } else if (stream->in_pos > 0) {
        dbr_buf_consume(&stream->in, stream->in_pos);
        stream->in_pos = 0;
    }
    dbr_buf_add(&stream->in, data.data, data.len);
    account(swarm, stream);
    int err = stream->in.failed ? DEBROS_ENOMEM : next_frame(swarm, stream, &body, &used);
    uint64_t *met = err == 0 ? met_limit_in(swarm, stream) : NULL;
    if (met != NULL) {
        (*met)++;
        err = DEBROS_ELIMIT;
    }
    if (err > 0) {
        dbr_note_push(&swarm->notes, &stream->message);
    } else if (err < 0) {
        bad_frame(swarm, stream, err);
    }
}

static void message_end(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    if (stream->in_pos < stream->in.len) {
        bad_frame(swarm, stream, DEBROS_EPROTO);
        return;
    }
    dbr_note_push(&swarm->notes, &stream->finished);
}

/* ---- Events of the stack --------------------------------------------------- */

static void data(struct dbr_swarm *swarm, struct dbr_stream *stream, debros_bytes bytes)
{
    /* Before the handlers, which may end the stream or the connection. */
    struct dbr_stack *stack = stream->conn->stack;
    uint32_t raw = stream->raw;
    struct dbr_conn *conn = stream->conn;
    size_t len = bytes.len;
    switch (stream->kind) {
    case DBR_STREAM_MESSAGES:
        message_data(swarm, stream, bytes);
        break;
    case DBR_STREAM_IDENTIFY_ASK:
    case DBR_STREAM_IDENTIFY_PUSHED:
        dbr_introduce_data(swarm, stream, bytes);
        break;
    case DBR_STREAM_PING_ASK:
        dbr_ping_answered(swarm, stream, bytes);
        break;
    case DBR_STREAM_PING_ECHO:
        dbr_ping_echo(swarm, stream, bytes);
        break;
    case DBR_STREAM_IDENTIFY_ANSWER:
    case DBR_STREAM_IDENTIFY_PUSH:
        break; /* nothing is said to us there */
    }
    if (conn->state == DBR_CONN_SECURED) {
        dbr_stack_consume(stack, raw, len);
    }
}

static void end(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    switch (stream->kind) {
    case DBR_STREAM_MESSAGES:
        message_end(swarm, stream);
        break;
    case DBR_STREAM_IDENTIFY_ASK:
    case DBR_STREAM_IDENTIFY_PUSHED:
        dbr_introduce_end(swarm, stream);
        break;
    case DBR_STREAM_PING_ASK:
        dbr_stream_finish(swarm, stream);
        dbr_ping_lost(swarm, stream, false);
        break;
    case DBR_STREAM_PING_ECHO:
        dbr_stream_finish(swarm, stream);
        break;
    case DBR_STREAM_IDENTIFY_ANSWER:
    case DBR_STREAM_IDENTIFY_PUSH:
        break; /* the asker may end its side at once */
    }
}

/* The stack has forgotten it. */
static void gone(struct dbr_swarm *swarm, struct dbr_stream *stream,
                 enum dbr_stack_event_type type, int status, const char *why)
{
    if (stream->kind == DBR_STREAM_IDENTIFY_ASK ||
        stream->kind == DBR_STREAM_IDENTIFY_PUSHED) {
        dbr_introduce_lost(swarm, stream, why);
    } else if (stream->kind == DBR_STREAM_IDENTIFY_PUSH) {
        dbr_announce_pushed(swarm, stream);
    } else if (stream->kind == DBR_STREAM_PING_ASK) {
        dbr_ping_lost(swarm, stream, type == DBR_STACK_REFUSED);
    }
    dbr_stream_drop(swarm, stream, status);
}

void dbr_stream_event(struct dbr_swarm *swarm, struct dbr_stream *stream,
                      const struct dbr_stack_event *event)
{
    switch (event->type) {
    case DBR_STACK_DATA:
        data(swarm, stream, event->data);
        break;
    case DBR_STACK_WRITABLE:
        if (!pump(swarm, stream)) {
            dbr_stream_abort(swarm, stream, DEBROS_ECANCELED);
        }
        break;
    case DBR_STACK_FINISHED:
        end(swarm, stream);
        break;
    case DBR_STACK_OPENED:
        stream->confirmed = true;
        break;
    case DBR_STACK_REFUSED:
        gone(swarm, stream, event->type, DEBROS_EPROTO, "the peer does not speak it");
        break;
    case DBR_STACK_RESET:
        /* Many reset a stream as soon as they see data behind a proposal that they
         * refuse: then the refusal itself may be lost. */
        gone(swarm, stream, event->type,
             stream->confirmed ? DEBROS_ECANCELED : DEBROS_EPROTO,
             "the peer reset the stream");
        break;
    case DBR_STACK_CLOSED:
        gone(swarm, stream, event->type, 0, "the stream ended");
        break;
    default:
        break;
    }
}
