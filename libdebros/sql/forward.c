/* The wire's part: requests to the route's peer, requests of peers, answers both ways. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/failpoint.h"
#include "inner.h"

#define DEFAULT_TIMEOUT_MS 30000
#define MAX_TIMEOUT_MS     600000
#define MESSAGE_ARENA_MAX  (64u << 20) /* decoded form of one frame */

static uint32_t time_left(const struct dbr_pending *p, dbr_time now)
{
    return p->deadline > now ? (uint32_t)(p->deadline - now) : 1;
}

static int send_request(struct dbr_sql *sql, const struct dbr_pending *p, dbr_time now)
{
    struct dbr_buf frame = {0};
    uint32_t left = time_left(p, now);
    const struct dbr_sql_transaction *t = &p->transaction;
    if (p->is_query) {
        dbr_sql_frame_query(&frame, p->id, left, p->hops + 1, t->ns, &t->statements[0],
                            p->level, p->freshness_ms);
    } else {
        dbr_sql_frame_exec(&frame, p->id, left, p->hops + 1, t);
    }
    int err = frame.failed ? DEBROS_ENOMEM
                           : dbr_swarm_send(sql->config.swarm, sql->upstream,
                                            dbr_bytes(frame.data, frame.len), now);
    dbr_buf_finish(&frame);
    return err;
}

/* This node has no vote: whoever asked can reach the leader without it. */
static void redirect(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_SQL_MAX_LEADER_ADDRS];
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    if (reply == NULL) {
        dbr_sql_finish(sql, p, NULL, now);
        return;
    }
    dbr_sql_reply_fail(reply, DEBROS_ENOTLEADER,
                       "this member does not vote: ask the leader");
    reply->n_leader_addrs = dbr_swarm_known_addrs(sql->config.swarm, &sql->route_peer,
                                                  addrs, DBR_SQL_MAX_LEADER_ADDRS);
    for (size_t i = 0; i < reply->n_leader_addrs; i++) {
        dbr_multiaddr_set_peer(&addrs[i], &sql->route_peer);
    }
    reply->leader = sql->route_peer;
    reply->leader_addrs = addrs;
    dbr_sql_finish(sql, p, reply, now); /* a client's: it is encoded at once */
}

static void give_up(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now)
{
    if (p->is_query) {
        dbr_sql_fail(sql, p, now, DEBROS_EUNREACHABLE,
                     "sent %u times, and each time no answer came", p->attempts);
    } else {
        dbr_sql_fail(sql, p, now, DEBROS_ETIMEDOUT,
                     "sent %u times, and each time no answer came: the write may have "
                     "happened or may still happen",
                     p->attempts);
    }
}

static bool has_attempts(const struct dbr_sql *sql, const struct dbr_pending *p)
{
    return sql->config.limits.attempts == 0 || p->attempts < sql->config.limits.attempts;
}

void dbr_sql_forward(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now)
{
    DBR_FAILPOINT("sql.forward.forward");
    int err = 0;
    if (p->from_client && !sql->votes) {
        redirect(sql, p, now);
        return;
    }
    if (!has_attempts(sql, p)) {
        give_up(sql, p, now);
        return;
    }
    if (sql->upstream == 0) {
        err = dbr_swarm_open(sql->config.swarm, &sql->upstream, &sql->route_peer,
                             sql->config.protocol, now);
    }
    if (err == 0) {
        err = send_request(sql, p, now);
    } else {
        sql->upstream = 0;
    }
    if (err == DEBROS_ELIMIT) {
        dbr_sql_fail(sql, p, now, DEBROS_ELIMIT, "the request is too large to be sent");
    } else if (err != 0) {
        p->retry_at = now + sql->config.limits.retry_ms;
    } else {
        p->sent = true;
        p->attempts++;
        p->sent_at = now;
        dbr_sql_set_busy(sql, p, DBR_PENDING_FORWARDED);
    }
}

dbr_time dbr_sql_waits_since(const struct dbr_sql *sql)
{
    const struct dbr_list *item; /* the longest busy come first */
    for (item = sql->busy.next; item != &sql->busy; item = item->next) {
        const struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        if (p->state == DBR_PENDING_FORWARDED && has_attempts(sql, p)) {
            return p->sent_at;
        }
    }
    return DBR_TIME_NEVER;
}

/* Whatever the old upstream had begins again. */
static void retry_forwarded(struct dbr_sql *sql, dbr_time retry_at)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->busy)
    {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        if (p->state == DBR_PENDING_FORWARDED) {
            dbr_sql_wait(sql, p, retry_at);
        }
    }
}

void dbr_sql_leave_upstream(struct dbr_sql *sql, dbr_time now)
{
    uint64_t stream = sql->upstream;
    sql->upstream = 0;
    if (stream != 0) {
        dbr_swarm_reset(sql->config.swarm, stream, now);
    }
    retry_forwarded(sql, now);
}

void dbr_sql_stream_closed(struct dbr_sql *sql, uint64_t stream, int status, dbr_time now)
{
    if (stream == sql->upstream) {
        sql->upstream = 0;
        if (status == DEBROS_EPROTO) {
            dbr_log(sql->config.logger, DEBROS_LOG_WARN, "sql",
                    "the peer refuses SQL requests of this key");
        }
        retry_forwarded(sql, now + sql->config.limits.retry_ms);
        return;
    }
    struct dbr_pending *p;
    struct dbr_pending *tmp;
    HASH_ITER(hh, sql->table, p, tmp)
    {
        if (p->is_local || p->stream != stream) {
            continue;
        }
        p->stream = 0; /* nobody to tell */
        if (p->state == DBR_PENDING_WAITING && !p->sent) {
            dbr_sql_finish(sql, p, NULL, now);
        }
    }
}

void dbr_sql_answer(struct dbr_sql *sql, uint64_t stream, uint64_t id,
                    const struct dbr_sql_reply *reply, dbr_time now)
{
    if (stream == 0) {
        return;
    }
    struct dbr_buf frame = {0};
    dbr_sql_frame_reply(&frame, id, reply);
    int err = frame.failed ? DEBROS_ENOMEM
                           : dbr_swarm_send(sql->config.swarm, stream,
                                            dbr_bytes(frame.data, frame.len), now);
    dbr_buf_finish(&frame);
    if (err != 0 && err != DEBROS_ENOTFOUND) {
        dbr_swarm_reset(sql->config.swarm, stream, now); /* never leave it waiting */
    }
}

static void answer_failure(struct dbr_sql *sql, uint64_t stream, uint64_t id, int err,
                           const char *text, dbr_time now)
{
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    if (reply != NULL) {
        dbr_sql_reply_fail(reply, err, "%s", text);
        dbr_sql_answer(sql, stream, id, reply, now);
        dbr_sql_reply_destroy(reply);
    }
}

/* ---- Requests of peers --------------------------------------------------------------
 */

static void recv_request(struct dbr_sql *sql, uint64_t stream, enum dbr_peer_class cls,
                         const struct dbr_sql_frame *frame, dbr_time now)
{
    DBR_FAILPOINT("sql.forward.recv_request");
    bool is_query = frame->kind == DBR_SQL_FRAME_QUERY;
    struct dbr_sql_transaction query = {
        .ns = frame->query.ns, .statements = &frame->query.statement, .n_statements = 1};
    const struct dbr_sql_transaction *t = is_query ? &query : &frame->transaction;
    if (t->ns[0] == '_' && cls != DBR_PEER_MEMBER) {
        answer_failure(sql, stream, frame->id, DEBROS_EACCES,
                       "this namespace is the cluster's own", now);
        return;
    }
    if (frame->hops > sql->config.limits.hops && sql->route != DBR_SQL_ROUTE_SELF) {
        answer_failure(sql, stream, frame->id, DEBROS_ENOTLEADER, "not the leader", now);
        return;
    }
    uint32_t timeout = frame->timeout_ms != 0 ? frame->timeout_ms : DEFAULT_TIMEOUT_MS;
    timeout = timeout > MAX_TIMEOUT_MS ? MAX_TIMEOUT_MS : timeout;
    struct dbr_pending *p = dbr_sql_admit(sql, t, dbr_time_add(now, timeout));
    if (p == NULL) {
        answer_failure(sql, stream, frame->id, DEBROS_EBUSY,
                       "too many requests are pending", now);
        return;
    }
    p->is_query = is_query;
    p->level = frame->query.level;
    p->freshness_ms = frame->query.freshness_ms;
    p->internal = cls == DBR_PEER_MEMBER;
    p->stream = stream;
    p->remote_id = frame->id;
    p->hops = frame->hops;
    p->from_client = cls == DBR_PEER_CLIENT;
}

/* ---- Answers of the route's peer ------------------------------------------------------
 */

static bool is_retriable(int status)
{
    return status == DEBROS_ENOTLEADER || status == DEBROS_EBUSY ||
           status == DEBROS_ECANCELED || status == DEBROS_EUNREACHABLE;
}

/* True of this attempt, which says nothing about those before: a member whose disk is
 * full does not know what became of them. */
static bool is_not_sent(int status)
{
    return is_retriable(status) || status == DEBROS_EQUORUM ||
           status == DEBROS_ENOSPC || status == DEBROS_ENOMEM;
}

/* Members try again until the request's deadline, clients a few times, ever later. */
static uint32_t pause_before_retry(const struct dbr_sql *sql, const struct dbr_pending *p)
{
    const struct dbr_sql_limits *limits = &sql->config.limits;
    uint64_t pause = limits->retry_ms;
    for (uint32_t i = 1; limits->attempts != 0 && i < p->attempts; i++) {
        pause = pause * 5 < limits->retry_max_ms ? pause * 5 : limits->retry_max_ms;
    }
    return (uint32_t)pause;
}

/* The member has done nothing with it. It goes to the leader as soon as the route does.
 */
static void follow_redirect(struct dbr_sql *sql, struct dbr_pending *p,
                            struct dbr_sql_reply *reply, dbr_time now)
{
    p->attempts--;
    p->redirects++;
    dbr_sql_reply_destroy(sql->redirect);
    sql->redirect = reply;
    dbr_sql_wait(sql, p, now + sql->config.limits.retry_ms * p->redirects);
}

/* Takes the reply, or leaves it to be the answer. */
static bool tries_again(struct dbr_sql *sql, struct dbr_pending *p,
                        struct dbr_sql_reply *reply, dbr_time now)
{
    if (!is_retriable(reply->status) || p->deadline <= now) {
        return false;
    }
    if (reply->leader.len > 0 && sql->config.consensus == NULL) {
        if (p->redirects >= sql->config.limits.redirects) {
            return false;
        }
        follow_redirect(sql, p, reply, now);
        return true;
    }
    if (!has_attempts(sql, p)) {
        return false;
    }
    dbr_sql_reply_destroy(reply);
    dbr_sql_wait(sql, p, now + pause_before_retry(sql, p));
    return true;
}

static void recv_reply(struct dbr_sql *sql, uint64_t stream, struct dbr_sql_frame *frame,
                       dbr_time now)
{
    DBR_FAILPOINT("sql.forward.recv_reply");
    struct dbr_pending *p;
    HASH_FIND(hh, sql->table, &frame->id, sizeof(frame->id), p);
    if (stream != sql->upstream || p == NULL || p->state != DBR_PENDING_FORWARDED) {
        dbr_sql_reply_destroy(frame->reply); /* late: it was sent again or gave up */
        return;
    }
    if (tries_again(sql, p, frame->reply, now)) {
        return;
    }
    if (p->attempts > 1 && !p->is_query && is_not_sent(frame->reply->status)) {
        dbr_sql_reply_fail(
            frame->reply, DEBROS_ETIMEDOUT,
            "no answer in time: the write may have happened or may still happen");
    }
    dbr_sql_finish(sql, p, frame->reply, now);
}

void dbr_sql_recv(struct dbr_sql *sql, uint64_t stream, enum dbr_peer_class cls,
                  debros_bytes message, dbr_time now)
{
    struct dbr_arena arena;
    struct dbr_sql_frame frame;
    dbr_arena_init(&arena, MESSAGE_ARENA_MAX);
    int err = dbr_sql_frame_decode(&frame, &arena, message);
    bool is_ours = stream == sql->upstream;
    if (err != 0 || (is_ours != (frame.kind == DBR_SQL_FRAME_REPLY))) {
        if (err == 0 && frame.kind == DBR_SQL_FRAME_REPLY) {
            dbr_sql_reply_destroy(frame.reply); /* of a stream that we have left */
        } else {
            dbr_log(sql->config.logger, DEBROS_LOG_WARN, "sql",
                    "malformed frame of a peer");
            dbr_swarm_reset(sql->config.swarm, stream, now);
        }
    } else if (is_ours) {
        recv_reply(sql, stream, &frame, now);
    } else {
        recv_request(sql, stream, cls, &frame, now);
    }
    dbr_arena_finish(&arena);
}
