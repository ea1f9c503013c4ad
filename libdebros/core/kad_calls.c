/* Requests of ours on their way: a stream for each, or a ping. */
#include "core/kad_inner.h"

#include "base/alloc.h"
#include "base/failpoint.h"

/* ---- Tables ---------------------------------------------------------------------- */

static struct dbr_kad_call *find_call(const struct dbr_kad_link *link, uint64_t request)
{
    struct dbr_kad_call *call;
    HASH_FIND(hh, link->calls, &request, sizeof(request), call);
    return call;
}

static struct dbr_kad_call *create_call(struct dbr_kad_link *link,
                                        struct dbr_kad_peer *peer,
                                        const struct dbr_dht_event *event)
{
    struct dbr_kad_call *call = dbr_calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->request = event->request;
    call->peer = peer;
    call->is_ping = event->type == DBR_DHT_EVENT_PING;
    call->one_way = event->one_way;
    dbr_buf_add(&call->data, event->data.data, event->data.len);
    HASH_ADD(hh, link->calls, request, sizeof(call->request), call);
    if (call->data.failed || !dbr_hash_added(call)) {
        if (dbr_hash_added(call)) {
            HASH_DEL(link->calls, call);
        }
        dbr_buf_finish(&call->data);
        dbr_free(call);
        return NULL;
    }
    link->waiting += call->data.len;
    dbr_list_push_back(&peer->calls, &call->node);
    return call;
}

static void drop_data(struct dbr_kad_link *link, struct dbr_kad_call *call)
{
    link->waiting -= call->data.len;
    dbr_buf_finish(&call->data);
    call->data = (struct dbr_buf){0};
}

/* Its stream, if it has one, belongs to nobody then. */
static void free_call(struct dbr_kad_link *link, struct dbr_kad_call *call)
{
    if (call->stream != NULL) {
        call->stream->call = NULL;
    }
    drop_data(link, call);
    HASH_DEL(link->calls, call);
    dbr_list_remove(&call->node);
    dbr_free(call);
}

static struct dbr_kad_stream *create_stream(struct dbr_kad_link *link, uint64_t id,
                                            struct dbr_kad_call *call)
{
    struct dbr_kad_stream *stream = dbr_calloc(1, sizeof(*stream));
    if (stream == NULL) {
        return NULL;
    }
    stream->id = id;
    stream->call = call;
    dbr_list_init(&stream->node);
    HASH_ADD(hh, link->streams, id, sizeof(stream->id), stream);
    if (!dbr_hash_added(stream)) {
        dbr_free(stream);
        return NULL;
    }
    call->stream = stream;
    return stream;
}

static void free_stream(struct dbr_kad_link *link, struct dbr_kad_stream *stream)
{
    HASH_DEL(link->streams, stream);
    dbr_list_remove(&stream->node);
    dbr_free(stream);
}

static void reset_stream(struct dbr_kad_link *link, struct dbr_kad_stream *stream,
                         dbr_time now)
{
    uint64_t id = stream->id;
    free_stream(link, stream);
    dbr_swarm_reset(link->config.swarm, id, now);
}

/* ---- The end of a call ------------------------------------------------------------ */

/* Forgets the call; a stream that is still open is reset. */
static void drop_call(struct dbr_kad_link *link, struct dbr_kad_call *call, dbr_time now)
{
    struct dbr_kad_peer *peer = call->peer;
    struct dbr_kad_stream *stream = call->stream;
    free_call(link, call);
    if (stream != NULL) {
        reset_stream(link, stream, now);
    }
    dbr_kad_peer_release(link, peer, now);
}

void dbr_kad_call_fail(struct dbr_kad_link *link, struct dbr_kad_call *call, dbr_time now)
{
    DBR_FAILPOINT("core.kad_calls.fail");
    uint64_t request = call->request;
    drop_call(link, call, now);
    dbr_dht_failed(link->dht, request, now);
}

/* The other end has linger_ms to close the stream as well. */
static void linger(struct dbr_kad_link *link, struct dbr_kad_stream *stream, dbr_time now)
{
    stream->until = dbr_time_add(now, link->config.limits.linger_ms);
    dbr_list_push_back(&link->lingering, &stream->node);
    dbr_swarm_finish(link->config.swarm, stream->id, now);
}

static void succeed(struct dbr_kad_link *link, struct dbr_kad_call *call,
                    debros_bytes message, dbr_time now)
{
    DBR_FAILPOINT("core.kad_calls.succeed");
    struct dbr_kad_peer *peer = call->peer;
    struct dbr_kad_stream *stream = call->stream;
    uint64_t request = call->request;
    free_call(link, call);
    dbr_dht_answered(link->dht, request, message, now); /* which is still the swarm's */
    if (stream != NULL) {
        linger(link, stream, now);
    }
    dbr_kad_peer_release(link, peer, now);
}

/* ---- Sending ---------------------------------------------------------------------- */

static int send_request(struct dbr_kad_link *link, struct dbr_kad_call *call,
                        dbr_time now)
{
    struct dbr_swarm *swarm = link->config.swarm;
    uint64_t id = 0;
    int err = dbr_swarm_open(swarm, &id, &call->peer->id, link->config.protocol, now);
    if (err != 0) {
        return err;
    }
    if (create_stream(link, id, call) == NULL) {
        dbr_swarm_reset(swarm, id, now);
        return DEBROS_ENOMEM;
    }
    err = dbr_swarm_send(swarm, id, dbr_bytes(call->data.data, call->data.len), now);
    if (err == 0 && call->one_way) {
        dbr_swarm_finish(swarm, id, now); /* its end is the answer */
    }
    drop_data(link, call);
    return err;
}

void dbr_kad_call_send(struct dbr_kad_link *link, struct dbr_kad_call *call, dbr_time now)
{
    call->sent = true;
    if (call->is_ping) {
        dbr_swarm_ping(link->config.swarm, &call->peer->id, DBR_KAD_TOKEN | call->request,
                       now);
    } else if (send_request(link, call, now) != 0) {
        dbr_kad_call_fail(link, call, now);
    }
}

/* ---- Requests and answers ---------------------------------------------------------- */

void dbr_kad_call_begin(struct dbr_kad_link *link, const struct dbr_dht_event *event,
                        dbr_time now)
{
    struct dbr_kad_peer *peer = dbr_kad_peer_get(link, &event->peer);
    struct dbr_kad_call *call = peer != NULL ? create_call(link, peer, event) : NULL;
    if (call == NULL) {
        if (peer != NULL) {
            dbr_kad_peer_release(link, peer, now);
        }
        dbr_dht_failed(link->dht, event->request, now);
    } else if (dbr_swarm_is_connected(link->config.swarm, &peer->id)) {
        dbr_kad_call_send(link, call, now);
    } else if (event->n_addrs == 0 || link->waiting > link->config.limits.waiting ||
               !dbr_kad_may_dial(link, &peer->id)) {
        dbr_kad_call_fail(link, call, now);
    } else {
        dbr_kad_dial_queue(link, peer, event, now);
    }
}

void dbr_kad_call_cancel(struct dbr_kad_link *link, uint64_t request, dbr_time now)
{
    struct dbr_kad_call *call = find_call(link, request);
    if (call != NULL) {
        drop_call(link, call, now);
    }
}

void dbr_kad_call_pinged(struct dbr_kad_link *link, uint64_t token, int status,
                         dbr_time now)
{
    struct dbr_kad_call *call = find_call(link, token & ~DBR_KAD_TOKEN);
    if (call == NULL) {
        return;
    }
    if (status == 0) {
        succeed(link, call, dbr_bytes(NULL, 0), now);
    } else {
        dbr_kad_call_fail(link, call, now);
    }
}

/* What was sent one way has arrived when the other end closes after it. */
static void stream_closed(struct dbr_kad_link *link, struct dbr_kad_stream *stream,
                          int status, dbr_time now)
{
    DBR_FAILPOINT("core.kad_calls.stream_closed");
    struct dbr_kad_call *call = stream->call;
    free_stream(link, stream);
    if (call == NULL) {
        return;
    }
    call->stream = NULL;
    if (call->one_way && status == 0) {
        succeed(link, call, dbr_bytes(NULL, 0), now);
    } else {
        dbr_kad_call_fail(link, call, now);
    }
}

bool dbr_kad_call_stream(struct dbr_kad_link *link, const struct dbr_swarm_event *event,
                         dbr_time now)
{
    struct dbr_kad_stream *stream;
    HASH_FIND(hh, link->streams, &event->stream, sizeof(event->stream), stream);
    if (stream == NULL) {
        return false;
    }
    struct dbr_kad_call *call = stream->call;
    if (event->type == DBR_SWARM_STREAM_CLOSED) {
        stream_closed(link, stream, event->status, now);
    } else if (event->type == DBR_SWARM_STREAM_MESSAGE && call != NULL) {
        succeed(link, call, event->message, now);
    } else if (event->type == DBR_SWARM_STREAM_MESSAGE) {
        reset_stream(link, stream, now); /* it was answered */
    } else if (event->type == DBR_SWARM_STREAM_FINISHED && call != NULL &&
               !call->one_way) {
        dbr_kad_call_fail(link, call, now);
    }
    return true;
}

/* ---- Time ------------------------------------------------------------------------- */

static dbr_time linger_deadline(const struct dbr_kad_link *link)
{
    return dbr_list_is_empty(&link->lingering)
               ? DBR_TIME_NEVER
               : DBR_LIST_ENTRY(link->lingering.next, struct dbr_kad_stream, node)->until;
}

dbr_time dbr_kad_calls_deadline(const struct dbr_kad_link *link)
{
    return dbr_time_min(link->idle_at, linger_deadline(link));
}

void dbr_kad_calls_expire(struct dbr_kad_link *link, dbr_time now)
{
    while (linger_deadline(link) <= now) {
        reset_stream(
            link, DBR_LIST_ENTRY(link->lingering.next, struct dbr_kad_stream, node), now);
    }
    dbr_kad_peers_expire(link, now);
}

void dbr_kad_calls_finish(struct dbr_kad_link *link)
{
    struct dbr_kad_call *call;
    struct dbr_kad_call *call_tmp;
    struct dbr_kad_stream *stream;
    struct dbr_kad_stream *stream_tmp;
    struct dbr_kad_peer *peer;
    struct dbr_kad_peer *peer_tmp;
    HASH_ITER(hh, link->calls, call, call_tmp)
    {
        free_call(link, call);
    }
    HASH_ITER(hh, link->streams, stream, stream_tmp)
    {
        free_stream(link, stream);
    }
    HASH_ITER(hh, link->peers, peer, peer_tmp)
    {
        dbr_kad_peer_free(link, peer);
    }
}
