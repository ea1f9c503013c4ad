/* What the machines above ask of the swarm. */
#include "state.h"

static void end_conns(struct dbr_swarm *swarm, struct dbr_peer *peer, int status,
                      const char *why)
{
    while (dbr_peer_is_connected(peer)) {
        dbr_conn_end(swarm, dbr_conn_of(peer), DBR_CONN_POLITELY, status, "%s", why);
    }
}

/* In an open swarm the connection stays, but not what it may no longer do. */
static void end_forbidden_streams(struct dbr_swarm *swarm, struct dbr_peer *peer)
{
    struct dbr_list *item;
    struct dbr_list *next;
    DBR_LIST_FOREACH(item, next, &peer->conns)
    {
        struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_peer);
        struct dbr_stream *stream;
        struct dbr_stream *tmp;
        HASH_ITER(in_conn, conn->streams, stream, tmp)
        {
            if (stream->kind == DBR_STREAM_MESSAGES &&
                swarm->protocols[stream->protocol].min_class > peer->cls) {
                dbr_stream_abort(swarm, stream, DEBROS_ECANCELED);
            }
        }
    }
}

void dbr_swarm_set_class(struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                         enum dbr_peer_class cls, dbr_time now)
{
    dbr_swarm_set_now(swarm, now);
    struct dbr_peer *peer = cls == DBR_PEER_STRANGER ? dbr_peers_find(&swarm->peers, id)
                                                     : dbr_peers_get(&swarm->peers, id);
    if (peer == NULL) {
        return;
    }
    bool lowered = cls < peer->cls;
    bool is_new = peer->cls == DBR_PEER_STRANGER && cls != DBR_PEER_STRANGER;
    peer->cls = cls;
    if (is_new) {
        dbr_entry_welcome(swarm, peer);
    }
    for (struct dbr_list *item = peer->conns.next; item != &peer->conns;
         item = item->next) {
        struct dbr_conn *conn = DBR_LIST_ENTRY(item, struct dbr_conn, in_peer);
        if (cls != DBR_PEER_STRANGER) {
            dbr_gate_trust(&swarm->gate, &swarm->limits, &conn->pass);
        }
        dbr_conn_touch(swarm, conn);
    }
    if (lowered && swarm->open) {
        end_forbidden_streams(swarm, peer);
    } else if (lowered) {
        end_conns(swarm, peer, DEBROS_EACCES, "the peer may do less than before");
    }
    if (cls == DBR_PEER_STRANGER) {
        dbr_peers_release(&swarm->peers, peer);
    }
}

void dbr_swarm_keep(struct dbr_swarm *swarm, const struct dbr_peer_id *id, bool keep,
                    dbr_time now)
{
    dbr_swarm_set_now(swarm, now);
    if (dbr_peer_id_equal(id, &swarm->self)) {
        return;
    }
    struct dbr_peer *peer =
        keep ? dbr_peers_get(&swarm->peers, id) : dbr_peers_find(&swarm->peers, id);
    if (peer != NULL) {
        dbr_dialer_keep(swarm, peer, keep);
        dbr_peers_release(&swarm->peers, peer);
    }
}

/* A waiter, or NULL when the completion has to do without memory. */
static struct dbr_waiter *create_waiter(struct dbr_swarm *swarm,
                                        enum dbr_swarm_event_type type, uint64_t token)
{
    struct dbr_waiter *waiter = dbr_waiter_create(type, token);
    if (waiter == NULL && swarm->n_lost < DBR_SWARM_LOST_MAX) {
        swarm->lost[swarm->n_lost++] = (struct dbr_lost){.type = type, .token = token};
    }
    return waiter;
}

void dbr_swarm_connect(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr,
                       uint64_t token, dbr_time now)
{
    dbr_swarm_set_now(swarm, now);
    struct dbr_waiter *waiter = create_waiter(swarm, DBR_SWARM_CONNECT_DONE, token);
    if (waiter != NULL) {
        dbr_dialer_connect(swarm, addr, waiter);
    }
}

void dbr_swarm_disconnect(struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                          dbr_time now)
{
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    dbr_swarm_set_now(swarm, now);
    if (peer == NULL) {
        return;
    }
    end_conns(swarm, peer, 0, "closed by this node");
    if (peer->attempt != NULL) {
        dbr_conn_end(swarm, peer->attempt, DBR_CONN_DEAD, DEBROS_ECANCELED,
                     "canceled by this node");
    }
}

void dbr_swarm_ping(struct dbr_swarm *swarm, const struct dbr_peer_id *id, uint64_t token,
                    dbr_time now)
{
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    dbr_swarm_set_now(swarm, now);
    struct dbr_waiter *waiter = create_waiter(swarm, DBR_SWARM_PING_DONE, token);
    if (waiter == NULL) {
        return;
    }
    if (peer == NULL || !dbr_peer_is_connected(peer)) {
        char text[DBR_PEER_ID_TEXT_SIZE];
        waiter->peer = *id;
        dbr_waiter_done(swarm, waiter, DEBROS_EUNREACHABLE, "%s is not connected",
                        dbr_peer_id_text(id, text));
        return;
    }
    dbr_ping_request(swarm, dbr_conn_of(peer), waiter);
}

int dbr_swarm_open(struct dbr_swarm *swarm, uint64_t *out, const struct dbr_peer_id *id,
                   uint32_t protocol, dbr_time now)
{
    struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    uint32_t raw;
    dbr_swarm_set_now(swarm, now);
    dbr_assert(protocol < swarm->n_protocols);
    struct dbr_conn *conn = peer != NULL ? dbr_conn_of(peer) : NULL;
    if (conn == NULL || conn->stopping || conn->gone) {
        return DEBROS_EUNREACHABLE;
    }
    int err = dbr_stack_open(conn->stack, &raw,
                             dbr_bytes_str(swarm->protocols[protocol].id), swarm->now);
    if (err != 0) {
        return err;
    }
    struct dbr_stream *stream =
        dbr_stream_create(swarm, conn, raw, DBR_STREAM_MESSAGES, protocol);
    dbr_conn_touch(swarm, conn);
    if (stream == NULL) {
        dbr_stack_reset(conn->stack, raw);
        return DEBROS_ENOMEM;
    }
    *out = stream->id;
    return 0;
}

static struct dbr_stream *find_stream(struct dbr_swarm *swarm, uint64_t id)
{
    struct dbr_stream *stream;
    HASH_FIND(hh, swarm->streams, &id, sizeof(id), stream);
    return stream;
}

int dbr_swarm_send(struct dbr_swarm *swarm, uint64_t id, debros_bytes message,
                   dbr_time now)
{
    struct dbr_stream *stream = find_stream(swarm, id);
    dbr_swarm_set_now(swarm, now);
    return stream == NULL ? DEBROS_ENOTFOUND : dbr_stream_send(swarm, stream, message);
}

void dbr_swarm_finish(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_stream *stream = find_stream(swarm, id);
    dbr_swarm_set_now(swarm, now);
    if (stream != NULL && !stream->finish_asked) {
        dbr_stream_finish(swarm, stream);
    }
}

void dbr_swarm_reset(struct dbr_swarm *swarm, uint64_t id, dbr_time now)
{
    struct dbr_stream *stream = find_stream(swarm, id);
    dbr_swarm_set_now(swarm, now);
    if (stream != NULL) {
        /* Who resets wants to hear no more of it than its end. */
        dbr_note_cancel(&stream->message);
        dbr_note_cancel(&stream->finished);
        dbr_stream_abort(swarm, stream, DEBROS_ECANCELED);
    }
}
