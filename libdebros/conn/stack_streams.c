#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "stack_session.h"

/* ---- Negotiations -------------------------------------------------------------- */

static struct dbr_stack_negotiation *negotiation_of(struct dbr_yamux_stream *s)
{
    return *dbr_yamux_user(s);
}

static struct dbr_stack_negotiation *begin(struct dbr_stack *stack,
                                           struct dbr_yamux_stream *s, bool ours)
{
    struct dbr_stack_negotiation *n = dbr_calloc(1, sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    n->stream = s;
    n->ours = ours;
    n->deadline = dbr_time_add(stack->now, stack->config.limits.negotiate_ms);
    dbr_list_push_back(&stack->negotiating, &n->item);
    *dbr_yamux_user(s) = n;
    return n;
}

static void end(struct dbr_stack *stack, struct dbr_stack_negotiation *n)
{
    if (n == NULL) {
        return;
    }
    if (stack->asked == n) {
        stack->asked = NULL;
    }
    *dbr_yamux_user(n->stream) = NULL;
    dbr_list_remove(&n->item);
    dbr_free(n);
}

/* Ends the stream without a word to the owner. */
static void drop(struct dbr_stack *stack, struct dbr_yamux_stream *s)
{
    end(stack, negotiation_of(s));
    dbr_yamux_reset(stack->yamux, s);
}

static int send_extra(struct dbr_stack *stack, struct dbr_yamux_stream *s,
                      struct dbr_buf *buf)
{
    int err = buf->failed ? DEBROS_ENOMEM : 0;
    if (err == 0 && buf->len > 0) {
        err = dbr_yamux_send_extra(stack->yamux, s, dbr_bytes(buf->data, buf->len));
    }
    dbr_buf_finish(buf);
    return err;
}

void dbr_stack_streams_finish(struct dbr_stack *stack)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&stack->negotiating)) != NULL) {
        dbr_free(DBR_LIST_ENTRY(item, struct dbr_stack_negotiation, item));
    }
}

/* ---- From yamux events to ours ------------------------------------------------- */

static bool give(struct dbr_stack_event *event, enum dbr_stack_event_type type,
                 uint32_t id)
{
    *event = (struct dbr_stack_event){.type = type, .stream = id};
    return true;
}

/* A negotiation failed: the owner hears of streams that it opened. */
static bool give_up(struct dbr_stack *stack, struct dbr_yamux_stream *s,
                    struct dbr_stack_event *event, enum dbr_stack_event_type type)
{
    bool ours = negotiation_of(s)->ours;
    uint32_t id = dbr_yamux_id(s);
    drop(stack, s);
    return ours && give(event, type, id);
}

/* Takes from stack->current up to the next decision. */
static bool negotiate(struct dbr_stack *stack, struct dbr_yamux_stream *s,
                      struct dbr_stack_event *event)
{
    struct dbr_stack_negotiation *n = negotiation_of(s);
    debros_bytes *data = &stack->current.data;
    debros_bytes protocol = {NULL, 0};
    struct dbr_buf answer = {0};
    size_t used = 0;

    int step = dbr_multistream_recv(&n->ms, *data, &used, &protocol, &answer);
    *data = dbr_bytes(data->data + used, data->len - used);
    dbr_yamux_consume(stack->yamux, s, used);
    if (send_extra(stack, s, &answer) != 0) {
        step = DEBROS_ENOMEM;
    }
    switch (step) {
    case DBR_MULTISTREAM_MORE:
        return false;
    case DBR_MULTISTREAM_AGREED:
        end(stack, n);
        return give(event, DBR_STACK_OPENED, dbr_yamux_id(s));
    case DBR_MULTISTREAM_REFUSED:
        return give_up(stack, s, event, DBR_STACK_REFUSED);
    case DBR_MULTISTREAM_PROPOSED:
        n->asked = true;
        stack->asked = n;
        give(event, DBR_STACK_INCOMING, dbr_yamux_id(s));
        event->peer = stack->noise.peer;
        event->protocol = protocol;
        return true;
    default: /* this stream's peer code is broken, the connection is not */
        return give_up(stack, s, event, DBR_STACK_RESET);
    }
}

static bool take_data(struct dbr_stack *stack, struct dbr_stack_event *event)
{
    debros_bytes *data = &stack->current.data;
    struct dbr_yamux_stream *s = dbr_yamux_event_stream(stack->yamux, &stack->current);

    if (s == NULL) { /* reset by the owner meanwhile */
        *data = dbr_bytes(NULL, 0);
        return false;
    }
    if (negotiation_of(s) != NULL) {
        return negotiate(stack, s, event);
    }
    give(event, DBR_STACK_DATA, dbr_yamux_id(s));
    event->data = *data;
    stack->current.data = dbr_bytes(NULL, 0);
    return true;
}

static bool take_last(struct dbr_stack *stack, struct dbr_yamux_stream *s,
                      struct dbr_stack_event *event, enum dbr_stack_event_type type)
{
    struct dbr_stack_negotiation *n = negotiation_of(s);
    bool known = n == NULL || n->ours;
    uint32_t id = dbr_yamux_id(s);
    end(stack, n);
    dbr_yamux_forget(stack->yamux, s);
    return known && give(event, type, id);
}

/* False: the owner has nothing to learn from stack->current. */
static bool take(struct dbr_stack *stack, struct dbr_stack_event *event)
{
    const struct dbr_yamux_event *current = &stack->current;
    if (current->type == DBR_YAMUX_GOAWAY) {
        return give(event, DBR_STACK_GOAWAY, 0);
    }
    struct dbr_yamux_stream *s = dbr_yamux_event_stream(stack->yamux, current);
    dbr_assert(s != NULL);
    switch (current->type) {
    case DBR_YAMUX_OPENED: {
        struct dbr_stack_negotiation *n = begin(stack, s, false);
        if (n == NULL) {
            drop(stack, s);
        } else {
            dbr_multistream_listen(&n->ms);
        }
        return false;
    }
    case DBR_YAMUX_DATA:
        return take_data(stack, event);
    case DBR_YAMUX_WRITABLE:
        return give(event, DBR_STACK_WRITABLE, current->id);
    case DBR_YAMUX_FINISHED:
        /* Before the protocol is agreed there is nothing more to hope for. */
        return negotiation_of(s) != NULL ? give_up(stack, s, event, DBR_STACK_RESET)
                                         : give(event, DBR_STACK_FINISHED, current->id);
    case DBR_YAMUX_RESET:
        return take_last(stack, s, event, DBR_STACK_RESET);
    case DBR_YAMUX_CLOSED:
        return take_last(stack, s, event, DBR_STACK_CLOSED);
    default:
        dbr_unreachable();
    }
}

bool dbr_stack_poll(struct dbr_stack *stack, struct dbr_stack_event *event)
{
    dbr_assert(stack->asked == NULL); /* INCOMING wants its answer first */
    if (dbr_ring_pop(&stack->events, event)) {
        return true;
    }
    if (stack->yamux == NULL) {
        return false;
    }
    for (;;) {
        bool found = false;
        if (stack->current.data.len > 0) {
            found = take_data(stack, event);
        } else if (dbr_yamux_poll(stack->yamux, &stack->current)) {
            found = take(stack, event);
        } else {
            dbr_stack_release_input(stack);
            return false;
        }
        if (found) {
            return true;
        }
    }
}

/* ---- The owner's streams ------------------------------------------------------- */

static struct dbr_yamux_stream *find(const struct dbr_stack *stack, uint32_t stream)
{
    return stack->yamux == NULL ? NULL : dbr_yamux_find(stack->yamux, stream);
}

/* Errors of functions that return nothing come out of the next recv or expire. That the
 * owner finished the stream before it answered is no error. */
static void note_error(struct dbr_stack *stack, int err)
{
    if (err == DEBROS_ENOMEM) {
        dbr_stack_fail(stack, err, "out of memory");
    }
}

int dbr_stack_open(struct dbr_stack *stack, uint32_t *stream, debros_bytes protocol,
                   dbr_time now)
{
    struct dbr_yamux_stream *s;
    struct dbr_buf proposal = {0};

    if (stack->yamux == NULL || stack->err != 0) {
        return DEBROS_ESTATE;
    }
    if (protocol.len == 0 || protocol.len > DBR_MULTISTREAM_PROTOCOL_MAX) {
        return DEBROS_EINVAL;
    }
    stack->now = now;
    int err = dbr_yamux_open(stack->yamux, &s, now);
    if (err != 0) {
        return err;
    }
    struct dbr_stack_negotiation *n = begin(stack, s, true);
    if (n == NULL) {
        drop(stack, s);
        return DEBROS_ENOMEM;
    }
    dbr_multistream_dial(&n->ms, protocol, &proposal);
    err = send_extra(stack, s, &proposal);
    if (err != 0) {
        drop(stack, s);
        return err;
    }
    *stream = dbr_yamux_id(s);
    return 0;
}

/* The negotiation to answer, or NULL when the stream was reset meanwhile. */
static struct dbr_stack_negotiation *answered(struct dbr_stack *stack, uint32_t stream)
{
    struct dbr_stack_negotiation *n = stack->asked;
    if (n != NULL) {
        dbr_assert(dbr_yamux_id(n->stream) == stream);
        n->asked = false;
        stack->asked = NULL;
    }
    return n;
}

void dbr_stack_accept(struct dbr_stack *stack, uint32_t stream)
{
    struct dbr_stack_negotiation *n = answered(stack, stream);
    struct dbr_buf echo = {0};
    if (n != NULL) {
        dbr_multistream_accept(&n->ms, &echo);
        note_error(stack, send_extra(stack, n->stream, &echo));
        end(stack, n);
    }
}

void dbr_stack_refuse(struct dbr_stack *stack, uint32_t stream)
{
    struct dbr_stack_negotiation *n = answered(stack, stream);
    struct dbr_buf na = {0};
    if (n != NULL) {
        dbr_multistream_refuse(&n->ms, &na);
        note_error(stack, send_extra(stack, n->stream, &na));
    }
}

int dbr_stack_send(struct dbr_stack *stack, uint32_t stream, debros_bytes data)
{
    struct dbr_yamux_stream *s = find(stack, stream);
    const struct dbr_stack_negotiation *n = s == NULL ? NULL : negotiation_of(s);
    if (s == NULL || (n != NULL && !n->ours)) {
        return DEBROS_ENOTFOUND;
    }
    return dbr_yamux_send(stack->yamux, s, data);
}

void dbr_stack_consume(struct dbr_stack *stack, uint32_t stream, size_t len)
{
    struct dbr_yamux_stream *s = find(stack, stream);
    if (s != NULL) {
        dbr_yamux_consume(stack->yamux, s, len);
    }
}

void dbr_stack_finish(struct dbr_stack *stack, uint32_t stream)
{
    struct dbr_yamux_stream *s = find(stack, stream);
    if (s != NULL) {
        dbr_yamux_finish(stack->yamux, s);
    }
}

void dbr_stack_reset(struct dbr_stack *stack, uint32_t stream)
{
    struct dbr_yamux_stream *s = find(stack, stream);
    if (s != NULL) {
        drop(stack, s);
    }
}

void dbr_stack_goaway(struct dbr_stack *stack)
{
    if (stack->yamux != NULL) {
        dbr_yamux_goaway(stack->yamux);
    }
}

void dbr_stack_urge(struct dbr_stack *stack, uint32_t stream)
{
    struct dbr_yamux_stream *s = find(stack, stream);
    if (s != NULL) {
        dbr_yamux_urge(stack->yamux, s);
    }
}

size_t dbr_stack_queued(const struct dbr_stack *stack, uint32_t stream)
{
    const struct dbr_yamux_stream *s = find(stack, stream);
    return s == NULL ? 0 : dbr_yamux_queued(s);
}

/* ---- Time ---------------------------------------------------------------------- */

static struct dbr_stack_negotiation *oldest(const struct dbr_stack *stack)
{
    return dbr_list_is_empty(&stack->negotiating)
               ? NULL
               : DBR_LIST_ENTRY(stack->negotiating.next, struct dbr_stack_negotiation,
                                item);
}

dbr_time dbr_stack_streams_deadline(const struct dbr_stack *stack)
{
    const struct dbr_stack_negotiation *n = oldest(stack);
    return n == NULL ? DBR_TIME_NEVER : n->deadline;
}

void dbr_stack_streams_expire(struct dbr_stack *stack)
{
    struct dbr_stack_negotiation *n;
    while ((n = oldest(stack)) != NULL && n->deadline <= stack->now) {
        struct dbr_stack_event event = {.type = DBR_STACK_RESET,
                                        .stream = dbr_yamux_id(n->stream)};
        if (n->ours && !dbr_ring_push(&stack->events, &event)) {
            dbr_stack_fail(stack, DEBROS_ENOMEM, "out of memory");
        }
        drop(stack, n->stream);
    }
}
