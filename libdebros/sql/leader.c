/* The leader's part: transactions of one tick become one entry, reads of one tick share
 * one read index. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/failpoint.h"
#include "inner.h"

static struct dbr_sql_batch *batch_create(struct dbr_list *list)
{
    struct dbr_sql_batch *batch = dbr_calloc(1, sizeof(*batch));
    if (batch != NULL) {
        dbr_list_init(&batch->items);
        dbr_list_push_back(list, &batch->link);
    }
    return batch;
}

/* Frees the batch and gives its requests back to the queue. */
static void batch_retry(struct dbr_sql *sql, struct dbr_sql_batch *batch,
                        dbr_time retry_at)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&batch->items)) != NULL) {
        dbr_sql_wait(sql, DBR_LIST_ENTRY(item, struct dbr_pending, batch), retry_at);
    }
    dbr_list_remove(&batch->link);
    dbr_free(batch);
}

/* ---- Writes ---------------------------------------------------------------------- */

/* Takes writes from the queue into `batch` until the entry is full. */
static void gather(struct dbr_sql *sql, struct dbr_sql_batch *batch,
                   struct dbr_buf *entry, dbr_time now)
{
    uint32_t count = 0;
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->waiting)
    {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        if (p->is_query || p->retry_at > now) {
            continue;
        }
        if (sql->is_full && !p->internal && !p->sent) {
            dbr_sql_fail(sql, p, now, DEBROS_ENOSPC,
                         "the disk of the leader is full: make room there, writes go on "
                         "then");
            continue;
        }
        size_t before = entry->len;
        dbr_sql_entry_add(entry, &p->transaction);
        if (entry->len > DBR_SQL_MAX_ENTRY) {
            entry->len = before;
            if (count > 0) {
                return;
            }
            dbr_sql_fail(sql, p, now, DEBROS_ELIMIT,
                         "the transaction is larger than %u bytes: split it",
                         DBR_SQL_MAX_ENTRY);
            continue;
        }
        dbr_sql_set_busy(sql, p, DBR_PENDING_PROPOSED);
        dbr_list_push_back(&batch->items, &p->batch);
        if (++count == sql->config.limits.batch) {
            return;
        }
    }
}

/* One entry. True: there may be more. */
static bool propose_one(struct dbr_sql *sql, dbr_time now)
{
    DBR_FAILPOINT("sql.leader.propose_one");
    struct dbr_buf entry = {0};
    struct dbr_sql_batch *batch = batch_create(&sql->entries);
    if (batch == NULL) {
        return false;
    }
    dbr_sql_entry_head(&entry, sql->wall_ms, dbr_rng_u64(sql->config.rng));
    gather(sql, batch, &entry, now);
    int err = DEBROS_EBUSY;
    bool is_empty = dbr_list_is_empty(&batch->items);
    if (!is_empty && !entry.failed) {
        err =
            dbr_consensus_propose(sql->config.consensus, dbr_bytes(entry.data, entry.len),
                                  &batch->index, &batch->term, now);
    }
    dbr_buf_finish(&entry);
    if (err != 0) {
        batch_retry(sql, batch, now + sql->config.limits.retry_ms / 10);
        return false;
    }
    struct dbr_list *item;
    for (item = batch->items.next; item != &batch->items; item = item->next) {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, batch);
        p->sent = true;
        p->attempts++;
    }
    return true;
}

static bool has_write(struct dbr_sql *sql, dbr_time now)
{
    struct dbr_list *item;
    for (item = sql->waiting.next; item != &sql->waiting; item = item->next) {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        if (!p->is_query && p->retry_at <= now) {
            return true;
        }
    }
    return false;
}

void dbr_sql_propose(struct dbr_sql *sql, dbr_time now)
{
    while (has_write(sql, now) && propose_one(sql, now)) {
    }
}

bool dbr_sql_committed(struct dbr_sql *sql, uint64_t index, uint64_t term, dbr_time now)
{
    DBR_FAILPOINT("sql.leader.committed");
    bool wanted = false;
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->entries)
    {
        struct dbr_sql_batch *batch = DBR_LIST_ENTRY(item, struct dbr_sql_batch, link);
        if (batch->index == index && batch->term == term) {
            batch->committed = true;
            wanted = true;
        } else if (batch->index <= index && !batch->committed) {
            batch_retry(sql, batch, now); /* another leader's entry took the place */
        }
    }
    return wanted;
}

static bool key_equal(const struct dbr_sql_key *a, const struct dbr_sql_key *b)
{
    return a->seq == b->seq && memcmp(a->client, b->client, sizeof(a->client)) == 0;
}

/* The request that waits for `key`, in the batches up to `applied`. */
static struct dbr_pending *find_waiter(struct dbr_sql *sql, const struct dbr_sql_key *key,
                                       uint64_t applied)
{
    struct dbr_list *b;
    struct dbr_list *item;
    for (b = sql->entries.next; b != &sql->entries; b = b->next) {
        struct dbr_sql_batch *batch = DBR_LIST_ENTRY(b, struct dbr_sql_batch, link);
        if (batch->index > applied) {
            break;
        }
        for (item = batch->items.next; item != &batch->items; item = item->next) {
            struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, batch);
            if (key_equal(&p->transaction.key, key)) {
                return p;
            }
        }
    }
    return NULL;
}

static void catch_up(struct dbr_sql *sql, dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->busy)
    {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        if (p->state == DBR_PENDING_CATCHING && p->index <= sql->applied) {
            dbr_sql_start_query(sql, p, now);
        }
    }
}

/* Batches that are applied have no waiters left, unless their outcome went missing. */
static void drop_applied(struct dbr_sql *sql, dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->entries)
    {
        struct dbr_sql_batch *batch = DBR_LIST_ENTRY(item, struct dbr_sql_batch, link);
        if (batch->index <= sql->applied) {
            batch_retry(sql, batch, now);
        }
    }
}

static void settle_fresh(struct dbr_sql *sql)
{
    if (sql->next_fresh_at > sql->fresh_at && sql->applied >= sql->next_fresh_index) {
        sql->fresh_at = sql->next_fresh_at;
    }
}

void dbr_sql_set_fresh(struct dbr_sql *sql, dbr_time at, uint64_t index)
{
    /* One mark is waited for at a time: newer ones would put it off for ever. */
    if (at > sql->next_fresh_at && sql->applied >= sql->next_fresh_index) {
        sql->next_fresh_at = at;
        sql->next_fresh_index = index;
        settle_fresh(sql);
    }
}

void dbr_sql_applied(struct dbr_sql *sql, struct dbr_apply_outcome *outcomes,
                     uint64_t applied, dbr_time now)
{
    DBR_FAILPOINT("sql.leader.applied");
    while (outcomes != NULL) {
        struct dbr_apply_outcome *next = outcomes->next;
        struct dbr_pending *p = find_waiter(sql, &outcomes->key, applied);
        if (p != NULL) {
            dbr_sql_finish(sql, p, outcomes->reply, now);
        } else {
            dbr_sql_reply_destroy(outcomes->reply);
        }
        dbr_free(outcomes);
        outcomes = next;
    }
    if (applied > sql->applied) {
        sql->applied = applied;
        settle_fresh(sql);
    }
    drop_applied(sql, now);
    catch_up(sql, now);
}

/* ---- Reads ------------------------------------------------------------------------ */

/* The leader's committed state, without a question to anybody. */
static void read_weak(struct dbr_sql *sql, struct dbr_pending *p)
{
    struct dbr_consensus_status status;
    dbr_consensus_status(sql->config.consensus, &status);
    p->index = status.last_command;
    p->sent = true;
    dbr_sql_set_busy(sql, p, DBR_PENDING_CATCHING);
}

void dbr_sql_read_here(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now)
{
    dbr_time age = now > sql->fresh_at ? now - sql->fresh_at : 0;
    if (p->freshness_ms == 0 || (sql->fresh_at != 0 && age <= p->freshness_ms)) {
        dbr_sql_start_query(sql, p, now);
    } else if (sql->route == DBR_SQL_ROUTE_SELF) {
        read_weak(sql, p); /* the leader's databases may lag behind its log */
        catch_up(sql, now);
    } else if (sql->fresh_at == 0) {
        dbr_sql_fail(sql, p, now, DEBROS_ESTATE,
                     "stale read: this node has not heard from a leader yet");
    } else {
        dbr_sql_fail(sql, p, now, DEBROS_ESTATE,
                     "stale read: this node's state is %llu ms old, more than the %u ms "
                     "that are allowed",
                     (unsigned long long)age, p->freshness_ms);
    }
}

/* One read index for all that wait, through the log or not. */
static void start_batch(struct dbr_sql *sql, bool strong, dbr_time now)
{
    struct dbr_sql_batch *batch = NULL;
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->waiting)
    {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        if (!p->is_query || p->retry_at > now || (p->level == DEBROS_STRONG) != strong) {
            continue;
        }
        if (batch == NULL && (batch = batch_create(&sql->reads)) == NULL) {
            return;
        }
        p->sent = true;
        dbr_sql_set_busy(sql, p, DBR_PENDING_READING);
        dbr_list_push_back(&batch->items, &p->batch);
    }
    if (batch == NULL) {
        return;
    }
    batch->index = ++sql->next_read;
    int err = strong ? dbr_consensus_read_strong(sql->config.consensus, batch->index, now)
                     : dbr_consensus_read(sql->config.consensus, batch->index, now);
    if (err != 0) {
        batch_retry(sql, batch, now + sql->config.limits.retry_ms);
    }
}

void dbr_sql_start_reads(struct dbr_sql *sql, dbr_time now)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    bool weak = false;
    DBR_LIST_FOREACH(item, tmp, &sql->waiting)
    {
        struct dbr_pending *p = DBR_LIST_ENTRY(item, struct dbr_pending, link);
        if (p->is_query && p->retry_at <= now && p->level == DEBROS_WEAK) {
            read_weak(sql, p);
            weak = true;
        }
    }
    if (weak) {
        catch_up(sql, now);
    }
    start_batch(sql, false, now);
    start_batch(sql, true, now);
}

void dbr_sql_read_ready(struct dbr_sql *sql, uint64_t token, int status, uint64_t index,
                        dbr_time now)
{
    struct dbr_list *item;
    for (item = sql->reads.next; item != &sql->reads; item = item->next) {
        struct dbr_sql_batch *batch = DBR_LIST_ENTRY(item, struct dbr_sql_batch, link);
        if (batch->index != token) {
            continue;
        }
        struct dbr_list *q;
        while (status == 0 && (q = dbr_list_pop_front(&batch->items)) != NULL) {
            struct dbr_pending *p = DBR_LIST_ENTRY(q, struct dbr_pending, batch);
            p->index = index;
            p->state = DBR_PENDING_CATCHING;
        }
        batch_retry(sql, batch, now + sql->config.limits.retry_ms);
        break;
    }
    catch_up(sql, now);
}

void dbr_sql_start_query(struct dbr_sql *sql, struct dbr_pending *p, dbr_time now)
{
    struct dbr_query_job *job =
        dbr_query_job_create(p->id, p->transaction.ns, &p->transaction.statements[0]);
    if (job == NULL) {
        dbr_sql_fail(sql, p, now, DEBROS_ENOMEM, "out of memory");
        return;
    }
    job->internal = p->internal;
    job->timeout_ms = p->deadline > now ? (uint32_t)(p->deadline - now) : 1;
    p->sent = true;
    dbr_sql_set_busy(sql, p, DBR_PENDING_QUERYING);
    *sql->jobs_tail = job;
    sql->jobs_tail = &job->next;
}

void dbr_sql_query_done(struct dbr_sql *sql, struct dbr_query_job *job, dbr_time now)
{
    DBR_FAILPOINT("sql.leader.query_done");
    struct dbr_pending *p;
    HASH_FIND(hh, sql->table, &job->token, sizeof(job->token), p);
    if (p != NULL && p->state == DBR_PENDING_QUERYING) {
        struct dbr_sql_reply *reply = job->reply;
        job->reply = NULL;
        dbr_sql_finish(sql, p, reply, now);
    }
    dbr_query_job_destroy(job);
}

void dbr_sql_leave_log(struct dbr_sql *sql, dbr_time now)
{
    DBR_FAILPOINT("sql.leader.leave_log");
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &sql->entries)
    {
        struct dbr_sql_batch *batch = DBR_LIST_ENTRY(item, struct dbr_sql_batch, link);
        if (!batch->committed) {
            batch_retry(sql, batch, now);
        }
    }
    DBR_LIST_FOREACH(item, tmp, &sql->reads)
    {
        batch_retry(sql, DBR_LIST_ENTRY(item, struct dbr_sql_batch, link), now);
    }
}
