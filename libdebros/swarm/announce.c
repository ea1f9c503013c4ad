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

static size_t find(const struct dbr_multiaddr *addrs, size_t n,
                   const struct dbr_multiaddr *addr)
{
    size_t i = 0;
    while (i < n && !dbr_multiaddr_equal(&addrs[i], addr)) {
        i++;
    }
    return i;
}

static bool is_loopback(const struct dbr_multiaddr *addr)
{
    struct dbr_endpoint endpoint;
    return dbr_multiaddr_endpoint(addr, &endpoint) && dbr_endpoint_is_loopback(&endpoint);
}

/* An address of our own that the whole world could dial. */
static bool is_public(const struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    struct dbr_fit_rules rules = {0};
    struct dbr_multiaddr copy = *addr;
    return dbr_fit_addr(&copy, &swarm->self, rules) == DBR_FIT;
}

void dbr_announce_moved(struct dbr_swarm *swarm)
{
    struct dbr_multiaddr own[DBR_SWARM_LISTEN_MAX];
    size_t n = dbr_swarm_own_addrs(swarm, own, DBR_SWARM_LISTEN_MAX);
    bool loopback = true;
    bool has_public = false;
    for (size_t i = 0; i < n; i++) {
        loopback = loopback && is_loopback(&own[i]);
        has_public = has_public || is_public(swarm, &own[i]);
    }
    /* Who is on the open network has no business with strangers' private addresses. */
    dbr_book_set_reach(&swarm->book, loopback, swarm->open && has_public);
    dbr_announce_changed(swarm);
    dbr_note_push(&swarm->notes, &swarm->moved);
}

static void add(struct dbr_swarm *swarm, struct dbr_multiaddr *list, size_t *n,
                const struct dbr_multiaddr *addr)
{
    struct dbr_multiaddr plain = *addr;
    struct dbr_endpoint endpoint;
    dbr_multiaddr_cut_peer(&plain);
    bool is_wildcard = dbr_multiaddr_endpoint(&plain, &endpoint) &&
                       dbr_endpoint_is_wildcard(&endpoint);
    if (!is_wildcard && *n < DBR_SWARM_LISTEN_MAX && find(list, *n, &plain) == *n) {
        list[(*n)++] = plain;
        dbr_announce_moved(swarm);
    }
}

void dbr_swarm_listening(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    add(swarm, swarm->listen, &swarm->n_listen, addr);
}

void dbr_swarm_advertise(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    add(swarm, swarm->advertised, &swarm->n_advertised, addr);
}

void dbr_swarm_not_listening(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr)
{
    struct dbr_multiaddr plain = *addr;
    dbr_multiaddr_cut_peer(&plain);
    size_t i = find(swarm->listen, swarm->n_listen, &plain);
    if (i < swarm->n_listen) {
        swarm->n_listen--;
        memmove(&swarm->listen[i], &swarm->listen[i + 1],
                (swarm->n_listen - i) * sizeof(swarm->listen[0]));
        dbr_announce_moved(swarm);
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

bool dbr_swarm_is_offered(const struct dbr_swarm *swarm, uint32_t protocol)
{
    dbr_assert(protocol < swarm->n_protocols);
    return !swarm->hidden[protocol];
}

/* ---- The message ----------------------------------------------------------- */

struct own_addrs {
    struct dbr_multiaddr *out;
    size_t n;
    size_t max;
};

static void own(struct own_addrs *list, const struct dbr_multiaddr *addr, bool loopback)
{
    if (list->n < list->max && is_loopback(addr) == loopback &&
        find(list->out, list->n, addr) == list->n) {
        list->out[list->n++] = *addr;
    }
}

/* Listen addresses, then those under which others have seen us. */
static void own_all(const struct dbr_swarm *swarm, struct own_addrs *list, bool loopback)
{
    for (size_t i = 0; i < swarm->n_listen; i++) {
        own(list, &swarm->listen[i], loopback);
    }
    for (size_t i = 0; i < swarm->observed.n; i++) {
        const struct dbr_observed_addr *seen = &swarm->observed.addrs[i];
        if (dbr_observed_is_confirmed(seen)) {
            own(list, &seen->addr, loopback);
        }
    }
}

size_t dbr_swarm_own_addrs(const struct dbr_swarm *swarm, struct dbr_multiaddr *out,
                           size_t n)
{
    struct own_addrs list = {.out = out, .max = n};
    if (swarm->n_advertised > 0) {
        n = swarm->n_advertised < n ? swarm->n_advertised : n;
        memcpy(out, swarm->advertised, n * sizeof(out[0]));
        return n;
    }
    own_all(swarm, &list, false);
    if (list.n == 0) {
        own_all(swarm, &list, true);
    }
    return list.n;
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
        .n_addrs = dbr_swarm_own_addrs(swarm, addrs, DBR_SWARM_LISTEN_MAX),
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
    if (dbr_observed_expire(&swarm->observed, swarm->now)) {
        dbr_announce_moved(swarm);
    }
    if (swarm->now < swarm->announcement.push_at) {
        return;
    }
    swarm->announcement.push_at = DBR_TIME_NEVER;
    HASH_ITER(hh, swarm->conns, conn, tmp)
    {
        push(swarm, conn);
    }
}
