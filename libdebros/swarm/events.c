/* What the swarm tells: notes become events, stacks are drained, output is written. */
#include "state.h"

static void tell_waiter(struct dbr_swarm *swarm, struct dbr_waiter *waiter,
                        struct dbr_swarm_event *event)
{
    event->token = waiter->token;
    event->status = waiter->status;
    event->peer = waiter->peer;
    event->addr = waiter->addr;
    event->rtt_ms = waiter->rtt_ms;
    event->detail = waiter->detail.text;
    swarm->told = waiter;
}

static bool tell_stream(struct dbr_swarm *swarm, struct dbr_stream *stream,
                        struct dbr_swarm_event *event)
{
    event->stream = stream->id;
    event->protocol = stream->protocol;
    event->peer = stream->peer;
    event->conn = stream->conn != NULL ? stream->conn->id : 0;
    if (event->type == DBR_SWARM_STREAM_MESSAGE) {
        return dbr_stream_take_message(swarm, stream, &event->message);
    }
    if (event->type == DBR_SWARM_STREAM_CLOSED) {
        event->status = stream->status;
        dbr_stream_destroy(swarm, stream);
    }
    return true;
}

static void tell_conn(struct dbr_swarm *swarm, struct dbr_conn *conn,
                      struct dbr_swarm_event *event)
{
    event->conn = conn->id;
    event->addr = conn->remote;
    event->peer = conn->expected;
    if (event->type == DBR_SWARM_DIAL) {
        conn->dial_told = true;
    } else if (event->type == DBR_SWARM_CLOSE) {
        dbr_conn_destroy(swarm, conn);
    }
}

static void tell_peer(struct dbr_swarm *swarm, struct dbr_peer *peer,
                      struct dbr_swarm_event *event)
{
    event->peer = peer->id;
    event->inbound = peer->inbound;
    if (event->type == DBR_SWARM_DISCONNECTED) {
        dbr_peers_release(&swarm->peers, peer);
    }
}

/* Turns a note into its event. False: it has nothing to tell any more. */
static bool tell(struct dbr_swarm *swarm, struct dbr_note *note,
                 struct dbr_swarm_event *event)
{
    event->type = note->type;
    switch (note->type) {
    case DBR_SWARM_DIAL:
        tell_conn(swarm, DBR_CONTAINER_OF(note, struct dbr_conn, dial), event);
        return true;
    case DBR_SWARM_WRITE:
        tell_conn(swarm, DBR_CONTAINER_OF(note, struct dbr_conn, write), event);
        return true;
    case DBR_SWARM_CLOSE:
        tell_conn(swarm, DBR_CONTAINER_OF(note, struct dbr_conn, close), event);
        return true;
    case DBR_SWARM_CONNECTED:
        tell_peer(swarm, DBR_CONTAINER_OF(note, struct dbr_peer, connected), event);
        return true;
    case DBR_SWARM_DISCONNECTED:
        tell_peer(swarm, DBR_CONTAINER_OF(note, struct dbr_peer, disconnected), event);
        return true;
    case DBR_SWARM_MOVED:
        return true;
    case DBR_SWARM_IDENTIFIED:
        tell_peer(swarm, DBR_CONTAINER_OF(note, struct dbr_peer, identified), event);
        return true;
    case DBR_SWARM_STREAM_OPENED:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, opened),
                           event);
    case DBR_SWARM_STREAM_MESSAGE:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, message),
                           event);
    case DBR_SWARM_STREAM_FINISHED:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, finished),
                           event);
    case DBR_SWARM_STREAM_WRITABLE:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, writable),
                           event);
    case DBR_SWARM_STREAM_CLOSED:
        return tell_stream(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, closed),
                           event);
    case DBR_SWARM_CONNECT_DONE:
    case DBR_SWARM_PING_DONE:
        tell_waiter(swarm, DBR_CONTAINER_OF(note, struct dbr_waiter, note), event);
        return true;
    }
    dbr_unreachable();
}

static bool tell_lost(struct dbr_swarm *swarm, struct dbr_swarm_event *event)
{
    if (swarm->n_lost == 0) {
        return false;
    }
    swarm->n_lost--;
    event->type = swarm->lost[swarm->n_lost].type;
    event->token = swarm->lost[swarm->n_lost].token;
    event->status = DEBROS_ENOMEM;
    event->detail = "out of memory";
    return true;
}

/* One event of one stack, the connections in turn. False: all are quiet. */
static bool work(struct dbr_swarm *swarm)
{
    struct dbr_list *item = dbr_list_pop_front(&swarm->ready);
    if (item == NULL) {
        return false;
    }
    struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_ready);
    if (dbr_conn_step(swarm, conn)) {
        dbr_conn_touch(swarm, conn);
    } else if (dbr_list_is_empty(&conn->in_dirty)) {
        dbr_list_push_back(&swarm->dirty, &conn->in_dirty);
    }
    return true;
}

/* Once all stacks are quiet: many small messages make one WRITE. */
static bool flush(struct dbr_swarm *swarm)
{
    struct dbr_list *item = dbr_list_pop_front(&swarm->dirty);
    if (item == NULL) {
        return false;
    }
    struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_dirty);
    conn->stale = true;
    dbr_conn_flush(swarm, conn);
    return true;
}

/* Events of stacks are taken only when all that waits has been told: what is not polled
 * stays in the stacks, whose windows then hold back the peers. */
bool dbr_swarm_poll(struct dbr_swarm *swarm, struct dbr_swarm_event *event)
{
    dbr_free(swarm->told);
    swarm->told = NULL;
    for (;;) {
        struct dbr_list *item = dbr_list_pop_front(&swarm->notes);
        *event = (struct dbr_swarm_event){.detail = ""};
        if (item != NULL) {
            if (tell(swarm, DBR_LIST_ENTRY(item, struct dbr_note, node), event)) {
                return true;
            }
            continue;
        }
        if (tell_lost(swarm, event)) {
            return true;
        }
        if (!work(swarm) && !flush(swarm)) {
            return false;
        }
    }
}
