#include "announce.h"

#include <string.h>

#include "base/logger.h"
#include "peer_record.h"
#include "state.h"

void dbr_announce_init(struct dbr_announcement *announcement)
{
    *announcement = (struct dbr_announcement){.version = 1, .push_at = DBR_TIME_NEVER};
}

void dbr_announce_finish(struct dbr_announcement *announcement)
{
    dbr_buf_finish(&announcement->record);
}

void dbr_announce_changed(struct dbr_swarm *swarm)
{
    struct dbr_announcement *ours = &swarm->announcement;
    ours->version++;
    if (ours->push_at == DBR_TIME_NEVER && swarm->n_secured > 0) {
        ours->push_at = dbr_time_add(swarm->now, DBR_ANNOUNCE_DELAY_MS);
    }
}

/* ---- What changes ---------------------------------------------------------- */

void dbr_swarm_wall(struct dbr_swarm *swarm, int64_t wall_ms)
{
    swarm->announcement.wall_ms = wall_ms;
}

static size_t find_listen(const struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    size_t i = 0;
    while (i < swarm->n_listen && !dbr_multiaddr_equal(&swarm->listen[i], addr)) {
        i++;
    }
    return i;
}

void dbr_swarm_listening(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    struct dbr_multiaddr plain = *addr;
    struct dbr_endpoint endpoint;
    dbr_multiaddr_cut_peer(&plain);
    if (dbr_multiaddr_endpoint(&plain, &endpoint) &&
        dbr_endpoint_is_wildcard(&endpoint)) {
        return;
    }
    if (find_listen(swarm, &plain) == swarm->n_listen &&
        swarm->n_listen < DBR_SWARM_LISTEN_MAX) {
        swarm->listen[swarm->n_listen++] = plain;
        dbr_announce_changed(swarm);
    }
}

void dbr_swarm_not_listening(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    struct dbr_multiaddr plain = *addr;
    dbr_multiaddr_cut_peer(&plain);
    size_t i = find_listen(swarm, &plain);
    if (i < swarm->n_listen) {
        swarm->n_listen--;
        memmove(&swarm->listen[i], &swarm->listen[i + 1],
                (swarm->n_listen - i) * sizeof(swarm->listen[0]));
        dbr_announce_changed(swarm);
    }
}

void dbr_swarm_offer(struct dbr_swarm *swarm, uint32_t protocol, bool offered)
{
    dbr_assert(protocol < swarm->n_protocols);
    if (swarm->hidden[protocol] == offered) {
        swarm->hidden[protocol] = !offered;
        dbr_announce_changed(swarm);
    }
}

/* ---- The message ----------------------------------------------------------- */

/* Listen addresses, then those under which others have seen us. */
static size_t gather_addrs(const struct dbr_swarm *swarm,
                           struct dbr_multiaddr out[DBR_SWARM_LISTEN_MAX])
{
    size_t n = swarm->n_listen;
    memcpy(out, swarm->listen, n * sizeof(out[0]));
    for (size_t i = 0; i < swarm->observed.n && n < DBR_SWARM_LISTEN_MAX; i++) {
        const struct dbr_observed_addr *seen = &swarm->observed.addrs[i];
        if (dbr_observed_is_confirmed(seen) &&
            find_listen(swarm, &seen->addr) == swarm->n_listen) {
            out[n++] = seen->addr;
        }
    }
    return n;
}

/* Signed anew after each change. A later record has a larger number, also after a restart
 * as long as the system's clock does not go back. */
static debros_bytes record_of(struct dbr_swarm *swarm, const struct dbr_multiaddr *addrs,
                              size_t n_addrs)
{
    struct dbr_announcement *ours = &swarm->announcement;
    if (ours->signed_version != ours->version) {
        uint64_t wall_ns =
            ours->wall_ms > 0 ? (uint64_t)ours->wall_ms * 1000000 : ours->seq + 1;
        ours->seq = wall_ns > ours->seq ? wall_ns : ours->seq + 1;
        dbr_buf_finish(&ours->record);
        dbr_buf_init(&ours->record);
        if (dbr_peer_record_seal(&ours->record, swarm->identity, ours->seq, addrs,
                                 n_addrs) != 0) {
            return dbr_bytes(NULL, 0); /* the answer does without */
        }
        ours->signed_version = ours->version;
    }
    return dbr_bytes(ours->record.data, ours->record.len);
}

static int encode(struct dbr_swarm *swarm, const struct dbr_conn *conn,
                  struct dbr_buf *out)
{
    const char *protocols[DBR_SWARM_PROTOCOLS_MAX + DBR_IDENTIFY_STOCK] = {
        DBR_IDENTIFY_ID, DBR_PING_ID, DBR_IDENTIFY_PUSH_ID};
    struct dbr_multiaddr addrs[DBR_SWARM_LISTEN_MAX];
    struct dbr_identify_answer answer = {
        .identity = swarm->identity,
        .agent = swarm->agent,
        .protocols = protocols,
        .n_protocols = DBR_IDENTIFY_STOCK,
        .addrs = addrs,
        .n_addrs = gather_addrs(swarm, addrs),
        .observed = conn->remote,
    };
    for (size_t i = 0; i < swarm->n_protocols; i++) {
        if (!swarm->hidden[i]) {
            protocols[answer.n_protocols++] = swarm->protocols[i].id;
        }
    }
    answer.record = record_of(swarm, addrs, answer.n_addrs);
    return dbr_identify_encode(out, &answer);
}

/* Sends all of it and ends our side. False: the stream is gone. */
static bool tell(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    struct dbr_conn *conn = stream->conn;
    struct dbr_buf out;
    dbr_buf_init(&out);
    int err = encode(swarm, conn, &out);
    if (err == 0) {
        err = dbr_stack_send(conn->stack, stream->raw, dbr_bytes(out.data, out.len));
    }
    dbr_buf_finish(&out);
    if (err != 0) {
        dbr_stream_abort(swarm, stream, err);
        return false;
    }
    conn->told_version = swarm->announcement.version;
    dbr_stream_finish(swarm, stream);
    return true;
}

void dbr_announce_answer(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    (void)tell(swarm, stream);
}

/* ---- Pushes ---------------------------------------------------------------- */

static bool speaks_push(const struct dbr_peer *peer)
{
    for (size_t i = 0; i < peer->info.n_protocols; i++) {
        if (strcmp(peer->info.protocols[i], DBR_IDENTIFY_PUSH_ID) == 0) {
            return true;
        }
    }
    return false;
}

/* A peer that has not asked yet will hear the newest. js takes one push at a time. */
static void push(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    uint32_t raw;
    if (conn->state != DBR_CONN_SECURED || conn->gone || conn->stopping ||
        conn->told_version == 0 || conn->told_version == swarm->announcement.version ||
        conn->push != NULL || !speaks_push(conn->peer) ||
        dbr_stack_open(conn->stack, &raw, dbr_bytes_str(DBR_IDENTIFY_PUSH_ID),
                       swarm->now) != 0) {
        return;
    }
    conn->push = dbr_stream_create(swarm, conn, raw, DBR_STREAM_IDENTIFY_PUSH, 0);
    dbr_conn_touch(swarm, conn);
    if (conn->push == NULL) {
        dbr_stack_reset(conn->stack, raw);
    } else if (!tell(swarm, conn->push)) {
        conn->push = NULL;
    }
}

void dbr_announce_identified(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    if (swarm->announcement.push_at == DBR_TIME_NEVER) {
        push(swarm, conn);
    }
}

void dbr_announce_pushed(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    struct dbr_conn *conn = stream->conn;
    if (conn->push == stream) {
        conn->push = NULL;
        if (conn->told_version != swarm->announcement.version) {
            dbr_announce_identified(swarm, conn);
        }
    }
}

dbr_time dbr_announce_deadline(const struct dbr_swarm *swarm)
{
    return swarm->announcement.push_at;
}

void dbr_announce_expire(struct dbr_swarm *swarm)
{
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    if (swarm->now < swarm->announcement.push_at) {
        return;
    }
    swarm->announcement.push_at = DBR_TIME_NEVER;
    HASH_ITER(hh, swarm->conns, conn, tmp)
    {
        push(swarm, conn);
    }
}
