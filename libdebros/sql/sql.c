#include "sql.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "inner.h"

static void limits_default(struct dbr_sql_limits *limits)
{
    limits->pending = limits->pending != 0 ? limits->pending : 8192;
    limits->retry_ms = limits->retry_ms != 0 ? limits->retry_ms : 50;
    limits->batch = limits->batch != 0 ? limits->batch : 1024;
    limits->hops = limits->hops != 0 ? limits->hops : 3;
    limits->retry_max_ms = limits->retry_max_ms != 0 ? limits->retry_max_ms : 5000;
    limits->redirects = limits->redirects != 0 ? limits->redirects : 8;
}

int dbr_sql_create(struct dbr_sql **out, const struct dbr_sql_config *config)
{
    struct dbr_sql *sql = dbr_calloc(1, sizeof(*sql));
    if (sql == NULL) {
        return DEBROS_ENOMEM;
    }
    sql->config = *config;
    limits_default(&sql->config.limits);
    dbr_rng_fill(config->rng, sql->client, sizeof(sql->client));
    dbr_list_init(&sql->waiting);
    dbr_list_init(&sql->busy);
    dbr_list_init(&sql->done);
    dbr_list_init(&sql->entries);
    dbr_list_init(&sql->reads);
    sql->jobs_tail = &sql->jobs;
    sql->next_deadline = DBR_TIME_NEVER;
    *out = sql;
    return 0;
}

static void destroy_pendings(struct dbr_list *list)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(list)) != NULL) {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        dbr_sql_reply_destroy(p->reply);
        dbr_pending_destroy(p);
    }
}

static void destroy_batches(struct dbr_list *list)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(list)) != NULL) {
        dbr_free(DBR_LIST_ENTRY(item, struct dbr_sql_batch, link));
    }
}

void dbr_sql_destroy(struct dbr_sql *sql)
{
    if (sql == NULL) {
        return;
    }
    HASH_CLEAR(hh, sql->table);
    destroy_pendings(&sql->waiting);
    destroy_pendings(&sql->busy);
    destroy_pendings(&sql->done);
    destroy_batches(&sql->entries);
    destroy_batches(&sql->reads);
    dbr_sql_reply_destroy(sql->redirect);
    dbr_sql_reply_destroy(sql->told);
    while (sql->jobs != NULL) {
        struct dbr_query_job *next = sql->jobs->next;
        dbr_query_job_destroy(sql->jobs);
        sql->jobs = next;
    }
    dbr_free(sql);
}

/* ---- Life of a request -------------------------------------------------------- */

struct dbr_pending *dbr_sql_admit(struct dbr_sql *sql,
                                  const struct dbr_sql_transaction *transaction,
                                  dbr_time deadline)
{
    if (HASH_COUNT(sql->table) >= sql->config.limits.pending) {
        return NULL;
    }
    struct dbr_pending *p = dbr_pending_create(++sql->next_id, transaction);
    if (p == NULL) {
        return NULL;
    }
    HASH_ADD(hh, sql->table, id, sizeof(p->id), p);
    if (!dbr_hash_added(p)) {
        dbr_pending_destroy(p);
        return NULL;
    }
    p->deadline = deadline;
    p->state = DBR_PENDING_WAITING;
    dbr_list_push_back(&sql->waiting, &p->link);
    sql->next_deadline = dbr_time_min(sql->next_deadline, deadline);
    return p;
}

void dbr_sql_wait(struct dbr_sql *sql, struct dbr_pending *p, dbr_time retry_at)
{
    dbr_list_remove(&p->batch);
    dbr_list_remove(&p->link);
    dbr_list_push_back(&sql->waiting, &p->link);
    p->state = DBR_PENDING_WAITING;
    p->retry_at = retry_at;
}

void dbr_sql_set_busy(struct dbr_sql *sql, struct dbr_pending *p,
                      enum dbr_pending_state state)
{
    dbr_list_remove(&p->link);
    dbr_list_push_back(&sql->busy, &p->link);
    p->state = state;
}

void dbr_sql_finish(struct dbr_sql *sql, struct dbr_pending *p,
                    struct dbr_sql_reply *reply, dbr_time now)
{
    HASH_DELETE(hh, sql->table, p);
    dbr_list_remove(&p->batch);
    dbr_list_remove(&p->link);
    if (p->is_local) {
        p->reply = reply;
        dbr_list_push_back(&sql->done, &p->link);
        return;
    }
    if (reply != NULL) {
        dbr_sql_answer(sql, p->stream, p->remote_id, reply, now);
        dbr_sql_reply_destroy(reply);
    }
    dbr_pending_destroy(p);
}

void dbr_sql_fail(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now, int err,
                  const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    if (reply != NULL) {
        dbr_sql_reply_fail(reply, err, "%s", text);
    }
    dbr_sql_finish(sql, p, reply, now);
}

/* ---- Local requests ------------------------------------------------------------ */

static bool is_user_namespace(const char *ns)
{
    return ns[0] != '_';
}

/* Answers a request that may not be. */
static bool refuse(struct dbr_sql *sql, struct dbr_pending *p, bool may_be_internal,
                   dbr_time now)
{
    if (may_be_internal || is_user_namespace(p->transaction.ns)) {
        return false;
    }
    dbr_sql_fail(sql, p, now, DEBROS_EACCES, "namespace %s is the cluster's own",
                 p->transaction.ns);
    return true;
}

int dbr_sql_exec(struct dbr_sql *sql, uint64_t token, const char *ns,
                 const debros_statement *statements, size_t n_statements,
                 const int32_t *expect, bool internal, dbr_time deadline, dbr_time now)
{
    struct dbr_sql_transaction transaction = {.ns = ns,
                                              .statements = statements,
                                              .n_statements = n_statements,
                                              .expect = expect};
    memcpy(transaction.key.client, sql->client, sizeof(sql->client));
    transaction.key.seq = ++sql->next_seq;
    struct dbr_pending *p = dbr_sql_admit(sql, &transaction, deadline);
    if (p == NULL) {
        return DEBROS_EBUSY;
    }
    p->is_local = true;
    p->token = token;
    p->internal = internal;
    refuse(sql, p, internal, now);
    return 0;
}

int dbr_sql_query(struct dbr_sql *sql, uint64_t token, const char *ns,
                  const debros_statement *statement, enum debros_level level,
                  uint32_t freshness_ms, bool internal, dbr_time deadline, dbr_time now)
{
    struct dbr_sql_transaction transaction = {
        .ns = ns, .statements = statement, .n_statements = 1};
    struct dbr_pending *p = dbr_sql_admit(sql, &transaction, deadline);
    if (p == NULL) {
        return DEBROS_EBUSY;
    }
    p->is_local = true;
    p->is_query = true;
    p->token = token;
    p->level = level;
    p->freshness_ms = freshness_ms;
    p->internal = internal;
    refuse(sql, p, internal, now);
    return 0;
}

void dbr_sql_cancel(struct dbr_sql *sql, uint64_t token)
{
    struct dbr_pending *p;
    struct dbr_pending *tmp;
    HASH_ITER(hh, sql->table, p, tmp)
    {
        if (p->is_local && p->token == token) {
            dbr_sql_fail(sql, p, 0, DEBROS_ECANCELED, "%s",
                         p->sent && !p->is_query ? "canceled; the write may still happen"
                                                 : "canceled");
            return;
        }
    }
}

void dbr_sql_abort(struct dbr_sql *sql, int status)
{
    struct dbr_pending *p;
    struct dbr_pending *tmp;
    HASH_ITER(hh, sql->table, p, tmp)
    {
        if (p->is_local) {
            dbr_sql_fail(sql, p, 0, status, "the node stopped%s",
                         p->sent && !p->is_query ? "; the write may have happened" : "");
        }
    }
}

/* ---- Routes ---------------------------------------------------------------------- */

void dbr_sql_set_route(struct dbr_sql *sql, enum dbr_sql_route route,
                       const struct dbr_peer_id *peer, dbr_time now)
{
    bool same_peer =
        route != DBR_SQL_ROUTE_PEER || dbr_peer_id_equal(peer, &sql->route_peer);
    if (route == sql->route && same_peer) {
        return;
    }
    enum dbr_sql_route old = sql->route;
    sql->route = route;
    sql->route_peer = route == DBR_SQL_ROUTE_PEER ? *peer : (struct dbr_peer_id){0};
    if (old == DBR_SQL_ROUTE_SELF) {
        dbr_sql_leave_log(sql, now);
    } else if (old == DBR_SQL_ROUTE_PEER) {
        dbr_sql_leave_upstream(sql, now);
    }
}

void dbr_sql_set_replica(struct dbr_sql *sql, bool has_replica, bool votes)
{
    sql->has_replica = has_replica;
    sql->votes = votes;
}

void dbr_sql_set_full(struct dbr_sql *sql, bool is_full)
{
    sql->is_full = is_full;
}

void dbr_sql_wall(struct dbr_sql *sql, int64_t wall_ms)
{
    sql->wall_ms = wall_ms;
}

/* ---- Out --------------------------------------------------------------------------- */

/* Whoever holds the databases decides what AUTO means; others send it on. */
static void settle_auto(const struct dbr_sql *sql, struct dbr_pending *p)
{
    if (p->is_query && p->level == DEBROS_AUTO && sql->has_replica) {
        p->level = sql->votes ? DEBROS_WEAK : DEBROS_NONE;
    }
}

void dbr_sql_flush(struct dbr_sql *sql, dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->waiting)
    {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        settle_auto(sql, p);
        /* Our own look at our own file is always possible. */
        bool may_be_here = sql->has_replica || (p->is_local && p->internal);
        if (p->is_query && p->level == DEBROS_NONE && may_be_here) {
            dbr_sql_read_here(sql, p, now);
        } else if (sql->route == DBR_SQL_ROUTE_PEER && p->retry_at <= now) {
            dbr_sql_forward(sql, p, now);
        }
    }
    if (sql->route == DBR_SQL_ROUTE_SELF) {
        dbr_sql_propose(sql, now);
        dbr_sql_start_reads(sql, now);
    }
}

static void tell_redirect(struct dbr_sql *sql, struct dbr_sql_event *event)
{
    dbr_sql_reply_destroy(sql->told);
    sql->told = sql->redirect;
    sql->redirect = NULL;
    *event = (struct dbr_sql_event){.type = DBR_SQL_REDIRECT,
                                    .leader = sql->told->leader,
                                    .addrs = sql->told->leader_addrs,
                                    .n_addrs = sql->told->n_leader_addrs};
}

bool dbr_sql_poll(struct dbr_sql *sql, struct dbr_sql_event *event)
{
    struct dbr_query_job *job = sql->jobs;
    if (job != NULL) {
        sql->jobs = job->next;
        if (sql->jobs == NULL) {
            sql->jobs_tail = &sql->jobs;
        }
        job->next = NULL;
        *event = (struct dbr_sql_event){.type = DBR_SQL_QUERY, .job = job};
        return true;
    }
    if (sql->redirect != NULL) {
        tell_redirect(sql, event);
        return true;
    }
    struct dbr_list *item = dbr_list_pop_front(&sql->done);
    if (item == NULL) {
        return false;
    }
    struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
    *event = (struct dbr_sql_event){
        .type = DBR_SQL_DONE, .token = p->token, .reply = p->reply};
    dbr_pending_destroy(p);
    return true;
}

/* ---- Time ----------------------------------------------------------------------------
 */

dbr_time dbr_sql_deadline(const struct dbr_sql *sql)
{
    dbr_time at = sql->next_deadline;
    if (sql->route != DBR_SQL_ROUTE_NONE) {
        const struct dbr_list *item;
        for (item = sql->waiting.next; item != &sql->waiting; item = item->next) {
            const struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
            at = dbr_time_min(at, p->retry_at);
        }
    }
    return at;
}

static void time_out(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now)
{
    if (p->sent && !p->is_query) {
        dbr_sql_fail(
            sql, p, now, DEBROS_ETIMEDOUT,
            "no answer in time: the write may have happened or may still happen");
    } else if (p->sent) {
        dbr_sql_fail(sql, p, now, DEBROS_ETIMEDOUT, "no answer in time");
    } else if (sql->config.consensus == NULL) {
        dbr_sql_fail(sql, p, now, DEBROS_EUNREACHABLE,
                     "no member of the cluster could be reached in time");
    } else {
        dbr_sql_fail(sql, p, now, DEBROS_EQUORUM,
                     "no leader was found in time: do most of the voters run?");
    }
}

void dbr_sql_expire(struct dbr_sql *sql, dbr_time now)
{
    if (now < sql->next_deadline) {
        return;
    }
    struct dbr_pending *p;
    struct dbr_pending *tmp;
    sql->next_deadline = DBR_TIME_NEVER;
    HASH_ITER(hh, sql->table, p, tmp)
    {
        if (p->deadline <= now) {
            time_out(sql, p, now);
        } else {
            sql->next_deadline = dbr_time_min(sql->next_deadline, p->deadline);
        }
    }
}
