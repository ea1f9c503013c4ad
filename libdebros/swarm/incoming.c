/* The streams that a peer opens. */
#include "state.h"

static bool is_named(debros_bytes protocol, const char *id)
{
    return dbr_bytes_equal(protocol, dbr_bytes_str(id));
}

/* What the peer may open. False: refuse. */
static bool find_protocol(const struct dbr_swarm *swarm, const struct dbr_conn *conn,
                          debros_bytes name, enum dbr_stream_kind *kind, uint32_t *index)
{
    *index = 0;
    if (is_named(name, DBR_IDENTIFY_ID) || is_named(name, DBR_PING_ID)) {
        *kind = is_named(name, DBR_PING_ID) ? DBR_STREAM_PING_ECHO
                                            : DBR_STREAM_IDENTIFY_ANSWER;
        return true;
    }
    *kind = DBR_STREAM_MESSAGES;
    while (*index < swarm->n_protocols && !is_named(name, swarm->protocols[*index].id)) {
        (*index)++;
    }
    return *index < swarm->n_protocols &&
           conn->peer->cls >= swarm->protocols[*index].min_class;
}

void dbr_conn_incoming(struct dbr_swarm *swarm, struct dbr_conn *conn,
                     const struct dbr_stack_event *event)
{
    enum dbr_stream_kind kind;
    uint32_t protocol;
    if (!find_protocol(swarm, conn, event->protocol, &kind, &protocol)) {
        dbr_stack_refuse(conn->stack, event->stream);
        return;
    }
    struct dbr_stream *stream =
        dbr_stream_create(swarm, conn, event->stream, kind, protocol);
    if (stream == NULL) {
        dbr_stack_refuse(conn->stack, event->stream);
        return;
    }
    dbr_stack_accept(conn->stack, event->stream);
    stream->confirmed = true;
    if (kind == DBR_STREAM_IDENTIFY_ANSWER) {
        dbr_identify_serve(swarm, stream);
    } else if (kind == DBR_STREAM_MESSAGES) {
        dbr_note_push(&swarm->notes, &stream->opened);
    }
}
