/* The streams that a peer opens. */
#include "state.h"

#include "base/failpoint.h"

static bool is_named(debros_bytes protocol, const char *id)
{
    return dbr_bytes_equal(protocol, dbr_bytes_str(id));
}

/* What the peer may open. False: refuse. */
static bool find_protocol(const struct dbr_swarm *swarm, const struct dbr_conn *conn,
                          debros_bytes name, enum dbr_stream_kind *kind, uint32_t *index)
{
    static const struct {
        const char *id;
        enum dbr_stream_kind kind;
    } stock[DBR_IDENTIFY_STOCK] = {
        {DBR_IDENTIFY_ID, DBR_STREAM_IDENTIFY_ANSWER},
        {DBR_PING_ID, DBR_STREAM_PING_ECHO},
        {DBR_IDENTIFY_PUSH_ID, DBR_STREAM_IDENTIFY_PUSHED},
    };
    *index = 0;
    for (size_t i = 0; i < DBR_COUNT(stock); i++) {
        if (is_named(name, stock[i].id)) {
            *kind = stock[i].kind;
            return true;
        }
    }
    *kind = DBR_STREAM_MESSAGES;
    while (*index < swarm->n_protocols && !is_named(name, swarm->protocols[*index].id)) {
        (*index)++;
    }
    return *index < swarm->n_protocols && !swarm->hidden[*index] &&
           conn->peer->cls >= swarm->protocols[*index].min_class;
}

/* A peer's streams are limited over all its connections. */
static bool have_room(const struct dbr_swarm *swarm, const struct dbr_conn *conn,
                      uint32_t slot)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    uint32_t same = 0;
    uint32_t all = 0;
    DBR_LIST_FOREACH(item, tmp, &conn->peer->conns)
    {
        const struct dbr_conn *other = DBR_LIST_ENTRY(item, struct dbr_conn, in_peer);
        same += other->n_in[slot];
        for (size_t i = 0; i < DBR_COUNT(other->n_in); i++) {
            all += other->n_in[i];
        }
    }
    return same < swarm->limits.streams_per_protocol &&
           all < swarm->limits.stack.streams_in;
}

void dbr_conn_incoming(struct dbr_swarm *swarm, struct dbr_conn *conn,
                       const struct dbr_stack_event *event)
{
    DBR_FAILPOINT("swarm.incoming.conn_incoming");
    enum dbr_stream_kind kind;
    uint32_t protocol;
    if (!find_protocol(swarm, conn, event->protocol, &kind, &protocol)) {
        dbr_stack_refuse(conn->stack, event->stream);
        return;
    }
    uint32_t slot = dbr_stream_slot(kind, protocol);
    if (!have_room(swarm, conn, slot)) {
        swarm->stats.streams_refused++;
        dbr_stack_reset(conn->stack, event->stream);
        return;
    }
    if (kind == DBR_STREAM_IDENTIFY_PUSHED && !dbr_introduce_may_push(swarm, conn)) {
        dbr_stack_reset(conn->stack, event->stream);
        return;
    }
    struct dbr_stream *stream =
        dbr_stream_create(swarm, conn, event->stream, kind, protocol);
    if (stream == NULL) {
        dbr_stack_refuse(conn->stack, event->stream);
        return;
    }
    dbr_stack_accept(conn->stack, event->stream);
    stream->inbound = true;
    conn->n_in[slot]++;
    stream->confirmed = true;
    if (kind == DBR_STREAM_PING_ECHO) {
        dbr_stack_urge(conn->stack, event->stream);
    } else if (kind == DBR_STREAM_IDENTIFY_ANSWER) {
        dbr_announce_answer(swarm, stream);
    } else if (kind == DBR_STREAM_IDENTIFY_PUSHED) {
        dbr_introduce_pushed(swarm, stream);
    } else if (kind == DBR_STREAM_MESSAGES) {
        dbr_note_push(&swarm->notes, &stream->opened);
    }
}
