/* Requests of ours on their way: dials, streams, pings, and connections that are no
 * longer needed.
 *
 * What the swarm keeps a connection with is never dialed from here, and what others use
 * is never closed. */
#include "core/kad_link.h"

#include <string.h>

#include "base/alloc.h"

#define DIAL_BIT (UINT64_C(1) << 62) /* of a token: a dial, not a ping */

/* ---- Tables ---------------------------------------------------------------------- */

static struct dbr_kad_peer *find_peer(const struct dbr_kad_link *link,
                                      const struct dbr_peer_id *id)
{
    struct dbr_kad_peer *peer;
    HASH_FIND(hh, link->peers, id, sizeof(*id), peer);
    return peer;
}

static struct dbr_kad_peer *get_peer(struct dbr_kad_link *link,
                                     const struct dbr_peer_id *id)
{
    struct dbr_kad_peer *peer = find_peer(link, id);
    if (peer != NULL) {
        return peer;
    }
    peer = dbr_calloc(1, sizeof(*peer));
    if (peer == NULL) {
        return NULL;
    }
    peer->id = *id;
    peer->idle_at = DBR_TIME_NEVER;
    dbr_list_init(&peer->calls);
    dbr_list_init(&peer->node);
    HASH_ADD(hh, link->peers, id, sizeof(peer->id), peer);
    if (!dbr_hash_added(peer)) {
        dbr_free(peer);
        return NULL;
    }
    return peer;
}

static void free_peer(struct dbr_kad_link *link, struct dbr_kad_peer *peer)
{
    HASH_DEL(link->peers, peer);
    dbr_list_remove(&peer->node);
    dbr_free(peer);
}

static void set_idle(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    peer->idle_at = dbr_time_add(now, link->config.limits.idle_ms);
    link->idle_at = dbr_time_min(link->idle_at, peer->idle_at);
}

/* Nothing is asked of it any more. */
static void release_peer(struct dbr_kad_link *link, struct dbr_kad_peer *peer,
                         dbr_time now)
{
    if (!dbr_list_is_empty(&peer->calls) || peer->dial == DBR_KAD_DIALING) {
        return;
    }
    if (peer->dial == DBR_KAD_QUEUED) {
        peer->dial = DBR_KAD_NO_DIAL;
        dbr_list_remove(&peer->node);
    }
    if (peer->ours) {
        set_idle(link, peer, now);
    } else {
        free_peer(link, peer);
    }
}

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
    release_peer(link, peer, now);
}

static void fail(struct dbr_kad_link *link, struct dbr_kad_call *call, dbr_time now)
{
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
    struct dbr_kad_peer *peer = call->peer;
    struct dbr_kad_stream *stream = call->stream;
    uint64_t request = call->request;
    free_call(link, call);
    dbr_dht_answered(link->dht, request, message, now); /* which is still the swarm's */
    if (stream != NULL) {
        linger(link, stream, now);
    }
    release_peer(link, peer, now);
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

static void send_call(struct dbr_kad_link *link, struct dbr_kad_call *call, dbr_time now)
{
    call->sent = true;
    if (call->is_ping) {
        dbr_swarm_ping(link->config.swarm, &call->peer->id, DBR_KAD_TOKEN | call->request,
                       now);
    } else if (send_request(link, call, now) != 0) {
        fail(link, call, now);
    }
}

/* ---- Dials ------------------------------------------------------------------------ */

/* Wherever the book says that it is. */
static void dial(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    struct dbr_multiaddr addr = {0};
    dbr_multiaddr_set_peer(&addr, &peer->id);
    peer->token = DBR_KAD_TOKEN | DIAL_BIT | ++link->next_token;
    dbr_swarm_connect(link->config.swarm, &addr, peer->token, now);
}

/* What waits for the peer's connection goes out, or fails where there is none. */
static void end_dial(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    bool connected = dbr_swarm_is_connected(link->config.swarm, &peer->id);
    link->n_dials -= peer->dial == DBR_KAD_DIALING;
    peer->dial = DBR_KAD_DIALING; /* so that the last call's end does not free it */
    DBR_LIST_FOREACH(item, tmp, &peer->calls)
    {
        struct dbr_kad_call *call = DBR_LIST_ENTRY(item, struct dbr_kad_call, node);
        if (!call->sent && connected) {
            send_call(link, call, now);
        } else if (!call->sent) {
            fail(link, call, now);
        }
    }
    peer->dial = DBR_KAD_NO_DIAL;
    dbr_list_remove(&peer->node);
    release_peer(link, peer, now);
}

static void dial_queued(struct dbr_kad_link *link, dbr_time now)
{
    while (link->n_dials < link->config.limits.dials &&
           !dbr_list_is_empty(&link->queued)) {
        struct dbr_kad_peer *peer =
            DBR_LIST_ENTRY(link->queued.next, struct dbr_kad_peer, node);
        dbr_list_remove(&peer->node);
        dbr_list_push_back(&link->dialing, &peer->node);
        peer->dial = DBR_KAD_DIALING;
        link->n_dials++;
        dial(link, peer, now);
    }
}

/* Whom the swarm keeps it dials with a back-off of its own. */
static bool may_dial(const struct dbr_kad_link *link, const struct dbr_peer_id *peer)
{
    struct dbr_peer_info info = {.cls = DBR_PEER_STRANGER};
    bool known = dbr_swarm_peer_info(link->config.swarm, peer, &info);
    return !(known && info.kept) &&
           (link->config.open || info.cls == DBR_PEER_MEMBER);
}

static void queue_dial(struct dbr_kad_link *link, struct dbr_kad_peer *peer,
                       const struct dbr_dht_event *event, dbr_time now)
{
    if (peer->dial != DBR_KAD_NO_DIAL) {
        return;
    }
    dbr_swarm_hint(link->config.swarm, &peer->id, event->addrs, event->n_addrs, now);
    peer->dial = DBR_KAD_QUEUED;
    dbr_list_push_back(&link->queued, &peer->node);
    dial_queued(link, now);
}

void dbr_kad_call_dialed(struct dbr_kad_link *link, uint64_t token, int status,
                         dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &link->dialing)
    {
        struct dbr_kad_peer *peer = DBR_LIST_ENTRY(item, struct dbr_kad_peer, node);
        struct dbr_peer_info info;
        if (peer->token != token) {
            continue;
        }
        peer->ours = status == 0 &&
                     dbr_swarm_peer_info(link->config.swarm, &peer->id, &info) &&
                     info.connected && !info.inbound;
        end_dial(link, peer, now);
        break;
    }
    dial_queued(link, now);
}

void dbr_kad_call_connected(struct dbr_kad_link *link, const struct dbr_peer_id *id,
                            dbr_time now)
{
    struct dbr_kad_peer *peer = find_peer(link, id);
    if (peer != NULL && peer->dial == DBR_KAD_QUEUED) {
        end_dial(link, peer, now);
    }
}

void dbr_kad_call_disconnected(struct dbr_kad_link *link, const struct dbr_peer_id *id)
{
    struct dbr_kad_peer *peer = find_peer(link, id);
    if (peer == NULL) {
        return;
    }
    peer->ours = peer->claimed = false;
    if (dbr_list_is_empty(&peer->calls) && peer->dial == DBR_KAD_NO_DIAL) {
        free_peer(link, peer);
    }
}

/* ---- Requests and answers ---------------------------------------------------------- */

void dbr_kad_call_begin(struct dbr_kad_link *link, const struct dbr_dht_event *event,
                        dbr_time now)
{
    struct dbr_kad_peer *peer = get_peer(link, &event->peer);
    struct dbr_kad_call *call = peer != NULL ? create_call(link, peer, event) : NULL;
    if (call == NULL) {
        if (peer != NULL) {
            release_peer(link, peer, now);
        }
        dbr_dht_failed(link->dht, event->request, now);
    } else if (dbr_swarm_is_connected(link->config.swarm, &peer->id)) {
        send_call(link, call, now);
    } else if (event->n_addrs == 0 || link->waiting > link->config.limits.waiting ||
               !may_dial(link, &peer->id)) {
        fail(link, call, now);
    } else {
        queue_dial(link, peer, event, now);
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
        fail(link, call, now);
    }
}

/* What was sent one way has arrived when the other end closes after it. */
static void stream_closed(struct dbr_kad_link *link, struct dbr_kad_stream *stream,
                          int status, dbr_time now)
{
    struct dbr_kad_call *call = stream->call;
    free_stream(link, stream);
    if (call == NULL) {
        return;
    }
    call->stream = NULL;
    if (call->one_way && status == 0) {
        succeed(link, call, dbr_bytes(NULL, 0), now);
    } else {
        fail(link, call, now);
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
        fail(link, call, now);
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

static void close_idle(struct dbr_kad_link *link, struct dbr_kad_peer *peer, dbr_time now)
{
    struct dbr_peer_info info;
    struct dbr_peer_id id = peer->id;
    bool known = dbr_swarm_peer_info(link->config.swarm, &id, &info);
    bool lonely = known && info.connected && !info.kept && !peer->claimed;
    if (lonely && info.n_streams > 0) {
        set_idle(link, peer, now);
        return;
    }
    free_peer(link, peer);
    if (lonely) {
        dbr_swarm_disconnect(link->config.swarm, &id, now);
    }
}

static bool is_idle(const struct dbr_kad_peer *peer)
{
    return peer->ours && peer->dial == DBR_KAD_NO_DIAL && dbr_list_is_empty(&peer->calls);
}

static void expire_idle(struct dbr_kad_link *link, dbr_time now)
{
    struct dbr_kad_peer *peer;
    struct dbr_kad_peer *tmp;
    if (link->idle_at > now) {
        return;
    }
    link->idle_at = DBR_TIME_NEVER;
    HASH_ITER(hh, link->peers, peer, tmp)
    {
        if (is_idle(peer) && peer->idle_at <= now) {
            close_idle(link, peer, now);
        } else if (is_idle(peer)) {
            link->idle_at = dbr_time_min(link->idle_at, peer->idle_at);
        }
    }
}

void dbr_kad_calls_expire(struct dbr_kad_link *link, dbr_time now)
{
    while (linger_deadline(link) <= now) {
        reset_stream(
            link, DBR_LIST_ENTRY(link->lingering.next, struct dbr_kad_stream, node), now);
    }
    expire_idle(link, now);
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
        free_peer(link, peer);
    }
}
