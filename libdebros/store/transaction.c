#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "apply_private.h"
#include "base/check.h"
#include "base/detail.h"
#include "base/failpoint.h"

#define QUICK_STATEMENTS 4

/* ---- Answers ---------------------------------------------------------------------- */

static int out_of_memory(struct dbr_apply *a)
{
    return dbr_detail_set(&a->job->detail, DEBROS_ENOMEM, "apply: out of memory");
}

static bool same_key(const struct dbr_sql_key *x, const struct dbr_sql_key *y)
{
    return x->seq == y->seq && memcmp(x->client, y->client, DBR_SQL_CLIENT_SIZE) == 0;
}

/* Whether an earlier attempt at this job has answered. */
static bool has_outcome(const struct dbr_apply *a, const struct dbr_apply_item *item)
{
    for (const struct dbr_apply_outcome *o = a->job->outcomes; o != NULL; o = o->next) {
        if (same_key(&o->key, &item->transaction->key) &&
            o->reply->index == item->index) {
            return true;
        }
    }
    return false;
}

static int add_outcome(struct dbr_apply *a, const struct dbr_apply_item *item,
                       const struct dbr_namespace *ns, struct dbr_sql_reply **out)
{
    struct dbr_apply_pending *pending = dbr_calloc(1, sizeof(*pending));
    struct dbr_apply_outcome *outcome = dbr_calloc(1, sizeof(*outcome));
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    if (pending == NULL || outcome == NULL || reply == NULL) {
        dbr_free(pending);
        dbr_free(outcome);
        dbr_sql_reply_destroy(reply);
        return out_of_memory(a);
    }
    reply->index = item->index;
    *outcome = (struct dbr_apply_outcome){.key = item->transaction->key, .reply = reply};
    *pending =
        (struct dbr_apply_pending){.next = a->pending, .outcome = outcome, .ns = ns};
    a->pending = pending;
    *out = reply;
    return 0;
}

void dbr_apply_keep_outcomes(struct dbr_apply *a, const struct dbr_namespace *ns)
{
    struct dbr_apply_outcome **end = &a->job->outcomes;
    struct dbr_apply_outcome *kept = NULL; /* in order again */
    struct dbr_apply_pending **at = &a->pending;
    while (*at != NULL) {
        struct dbr_apply_pending *pending = *at;
        if (pending->ns != ns) {
            at = &pending->next;
            continue;
        }
        *at = pending->next;
        pending->outcome->next = kept;
        kept = pending->outcome;
        dbr_free(pending);
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = kept;
}

void dbr_apply_drop_outcomes(struct dbr_apply *a)
{
    while (a->pending != NULL) {
        struct dbr_apply_pending *next = a->pending->next;
        dbr_sql_reply_destroy(a->pending->outcome->reply);
        dbr_free(a->pending->outcome);
        dbr_free(a->pending);
        a->pending = next;
    }
}

/* ---- Statements ---------------------------------------------------------------------
 */

/* What became of the statements, before it is remembered. */
struct attempt {
    struct dbr_apply *a;
    const struct dbr_apply_item *item;
    struct dbr_namespace *ns;
    struct dbr_sql_reply *reply; /* NULL: nobody waits */
    struct dbr_rows rows;
    debros_result *results;
    int err;
    size_t failed;
    bool saved;  /* inside a savepoint of its own */
    bool undone; /* SQLite has rolled back the whole batch */
    char detail[450];
    struct dbr_buf pairs; /* rows affected and last id of each statement */
};

static int attempt_fail(struct attempt *t, int err, size_t failed, const char *words)
{
    t->err = err;
    t->failed = failed;
    (void)snprintf(t->detail, sizeof(t->detail), "statement %zu: %s", failed, words);
    return 0;
}

/* 0, also when the statement failed: see t->err; or a trouble. */
static int run_one(struct attempt *t, size_t i)
{
    const struct dbr_sql_transaction *transaction = t->item->transaction;
    struct dbr_run run;
    dbr_run(&run, t->ns->db, t->a->store->vfs, &transaction->statements[i],
            t->reply == NULL ? NULL : &t->rows);
    if (run.trouble) {
        return dbr_detail_set(&t->a->job->detail, run.err, "%s/db/%s.db: %s",
                              t->a->store->fs->root, t->ns->name, run.detail);
    }
    if (run.err != 0) {
        t->undone = run.undone;
        return attempt_fail(t, run.err, i + 1, run.detail);
    }
    dbr_buf_le64(&t->pairs, (uint64_t)run.rows_affected);
    dbr_buf_le64(&t->pairs, (uint64_t)run.last_insert_id);
    if (t->reply != NULL) {
        dbr_rows_end(&t->rows, &t->results[i]);
        t->results[i].rows_affected = run.rows_affected;
        t->results[i].last_insert_id = run.last_insert_id;
    }
    if (transaction->expect != NULL && transaction->expect[i] >= 0 &&
        run.rows_affected != transaction->expect[i]) {
        char words[80];
        (void)snprintf(words, sizeof(words), "%lld rows affected, %d expected",
                       (long long)run.rows_affected, transaction->expect[i]);
        return attempt_fail(t, DEBROS_ECONFLICT, i + 1, words);
    }
    return 0;
}

static int run_all(struct attempt *t)
{
    size_t count = t->item->transaction->n_statements;
    if (t->reply != NULL) {
        t->results = dbr_arena_calloc(&t->reply->arena, count, sizeof(*t->results));
        if (t->results == NULL) {
            return out_of_memory(t->a);
        }
        dbr_rows_init(&t->rows, &t->reply->arena, DBR_SQL_MAX_REPLY);
    }
    for (size_t i = 0; i < count && t->err == 0; i++) {
        int err = run_one(t, i);
        if (err != 0) {
            return err;
        }
    }
    /* Deferred foreign keys would stop the commit of the whole batch. */
    int open = 0;
    int unused = 0;
    (void)sqlite3_db_status(t->ns->db->sql, SQLITE_DBSTATUS_DEFERRED_FKS, &open, &unused,
                            0);
    if (t->err == 0 && open != 0) {
        return attempt_fail(t, DEBROS_ESQL, count, "FOREIGN KEY constraint failed");
    }
    return t->pairs.failed ? out_of_memory(t->a) : 0;
}

/* ---- A transaction --------------------------------------------------------------------
 */

static void fill_reply(const struct attempt *t)
{
    DBR_FAILPOINT("store.transaction.fill_reply");
    struct dbr_sql_reply *reply = t->reply;
    if (reply == NULL) {
        return;
    }
    if (t->err != 0) {
        (void)dbr_sql_reply_fail(reply, t->err, "%s", t->detail);
        reply->failed = t->failed;
    } else if (t->rows.too_large) {
        (void)dbr_sql_reply_fail(
            reply, DEBROS_ELIMIT,
            "the transaction is applied, but its results are larger than "
            "%u bytes: read them in parts",
            DBR_SQL_MAX_REPLY);
    } else if (t->rows.failed) {
        (void)dbr_sql_reply_fail(
            reply, DEBROS_ENOMEM,
            "the transaction is applied, but memory was short for its "
            "results");
    } else {
        reply->results = t->results;
        reply->n_results = t->item->transaction->n_statements;
    }
}

/* The lowest index whose requests are remembered. */
static uint64_t oldest(const struct dbr_apply *a, const struct dbr_apply_item *item)
{
    uint64_t span = a->store->config.request_horizon;
    return item->index > span ? item->index - span : 0;
}

/* The lowest index whose requests stay in the file. Those of _system for longer: it may
 * be ahead of a file that a crash has left behind, whose entries ask it once more. The
 * log does not go back so far. */
static uint64_t oldest_kept(const struct dbr_apply *a, const struct dbr_apply_item *item,
                            const struct dbr_namespace *ns)
{
    uint64_t last = oldest(a, item);
    uint64_t span = a->store->config.request_horizon;
    return ns != a->store->system ? last : last > span ? last - span : 0;
}

/* Undoes what a failed attempt has done. */
static int undo(struct attempt *t)
{
    struct dbr_namespace *ns = t->ns;
    if (t->undone) {
        if (!t->a->alone) {
            return DBR_APPLY_ALONE;
        }
        ns->begun = false;
        return dbr_apply_begin(t->a, ns);
    }
    if (!t->saved) {
        bool changed = sqlite3_total_changes64(ns->db->sql) != ns->db->changes_base;
        return changed ? DBR_APPLY_CAREFUL : 0;
    }
    int rc = dbr_internal_run(ns->db, DBR_INTERNAL_ROLLBACK_TO);
    return rc == SQLITE_OK ? 0 : dbr_apply_trouble(t->a, ns, rc);
}

/* Ends the attempt, remembers what became of it. */
static int settle(struct attempt *t)
{
    struct dbr_namespace *ns = t->ns;
    if (ns->db->stopped) {
        return DBR_APPLY_LATER;
    }
    int err = t->err == 0 ? 0 : undo(t);
    if (err != 0) {
        return err;
    }
    int rc = SQLITE_OK;
    if (t->saved && !t->undone) {
        rc = dbr_internal_run(ns->db, DBR_INTERNAL_RELEASE);
    }
    if (t->err != 0 && ns->db->schema_changed) {
        dbr_db_clear_cache(ns->db);
    }
    struct dbr_request request = {.index = t->item->index,
                                  .status = t->err,
                                  .failed = t->failed,
                                  .detail = dbr_bytes(t->detail, strlen(t->detail))};
    if (t->err == 0) {
        request.results = dbr_bytes(t->pairs.data, t->pairs.len);
    }
    if (rc == SQLITE_OK) {
        rc = dbr_memory_add(ns->db, &t->item->transaction->key, &request,
                            oldest_kept(t->a, t->item, ns));
    }
    return rc == SQLITE_OK ? 0 : dbr_apply_trouble(t->a, ns, rc);
}

/* SQLite itself undoes a single statement that fails, unless it was told not to (OR FAIL,
 * RAISE(FAIL)): undo() sees that, and the batch runs again carefully. A savepoint costs
 * as much as the statement. */
static bool needs_savepoint(const struct dbr_apply *a,
                            const struct dbr_sql_transaction *transaction)
{
    static const char *const plain[] = {"INSERT", "UPDATE", "DELETE", "REPLACE"};
    if (a->careful || transaction->n_statements != 1 || transaction->expect != NULL) {
        return true;
    }
    const char *word = dbr_db_first_word(transaction->statements[0].sql);
    for (size_t i = 0; i < DBR_COUNT(plain); i++) {
        if (strncasecmp(word, plain[i], strlen(plain[i])) == 0) {
            return false;
        }
    }
    return true;
}

static int attempt_run(struct dbr_apply *a, const struct dbr_apply_item *item,
                       struct dbr_namespace *ns)
{
    DBR_FAILPOINT("store.transaction.attempt_run");
    struct attempt t = {.a = a, .item = item, .ns = ns};
    int err = item->wanted ? add_outcome(a, item, ns, &t.reply) : 0;
    if (err != 0) {
        return err;
    }
    dbr_buf_init(&t.pairs);
    t.saved = needs_savepoint(a, item->transaction);
    int rc = t.saved ? dbr_internal_run(ns->db, DBR_INTERNAL_SAVEPOINT) : SQLITE_OK;
    if (rc != SQLITE_OK) {
        err = dbr_apply_trouble(a, ns, rc);
    } else {
        dbr_db_begin_transaction(ns->db, item->seed, item->index);
        ns->db->quick = a->quick;
        err = run_all(&t);
        ns->db->quick = false;
    }
    if (err == 0) {
        err = settle(&t);
    }
    if (err == 0) {
        fill_reply(&t);
    }
    if (ns == a->store->system) {
        a->store->registry_stale = true;
        a->system_ran = true;
    }
    dbr_rows_finish(&t.rows);
    dbr_buf_finish(&t.pairs);
    return err;
}

/* Answers with what `ns` remembers of indexes up to `max`. *known is false when that is
 * nothing. */
static int recall(struct dbr_apply *a, const struct dbr_apply_item *item,
                  struct dbr_namespace *ns, uint64_t max, bool *known)
{
    DBR_FAILPOINT("store.transaction.recall");
    struct dbr_request request = {0};
    sqlite3_stmt *stmt = NULL;
    int err = 0;
    int rc = dbr_memory_find(ns->db, &item->transaction->key, oldest(a, item), max,
                             &request, &stmt);
    *known = rc == SQLITE_ROW;
    if (*known && item->wanted) {
        struct dbr_sql_reply *reply = NULL;
        err = add_outcome(a, item, ns->begun ? ns : NULL, &reply);
        if (err == 0) {
            dbr_memory_reply(reply, &request);
        }
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        err = dbr_apply_trouble(a, ns, rc);
    }
    (void)sqlite3_reset(stmt);
    return err;
}

/* The file holds the entry already: only an answer may be missing. */
static int answer_skipped(struct dbr_apply *a, const struct dbr_apply_item *item,
                          struct dbr_namespace *ns)
{
    bool known = false;
    if (!item->wanted || has_outcome(a, item)) {
        return 0;
    }
    int err = recall(a, item, ns, item->index, &known);
    if (err == 0 && !known) {
        struct dbr_sql_reply *reply = NULL;
        err = add_outcome(a, item, NULL, &reply);
        if (err == 0) {
            (void)dbr_sql_reply_fail(reply, DEBROS_ETIMEDOUT,
                                     "applied long ago: what became of it is forgotten");
        }
    }
    return err;
}

/* ---- Namespaces that do not exist -----------------------------------------------------
 *
 * The answer is remembered as any other, in _system's file, which gave it: whoever was
 * told that there is no such namespace must not find that a late copy of the request was
 * applied after all, once somebody had made it. */

static const char no_namespace[] = "there is no namespace '%s'";

static int answer_unknown(struct dbr_apply *a, const struct dbr_apply_item *item,
                          const struct dbr_namespace *pending)
{
    struct dbr_sql_reply *reply = NULL;
    if (!item->wanted || has_outcome(a, item)) {
        return 0;
    }
    int err = add_outcome(a, item, pending, &reply);
    if (err == 0) {
        (void)dbr_sql_reply_fail(reply, DEBROS_ENOTFOUND, no_namespace,
                                 item->transaction->ns);
    }
    return err;
}

static int apply_unknown(struct dbr_apply *a, const struct dbr_apply_item *item)
{
    struct dbr_namespace *system = a->store->system;
    char detail[sizeof(no_namespace) + DBR_SQL_MAX_NAME];
    bool known = false;
    if (item->index <= system->applied) {
        return answer_unknown(a, item, NULL);
    }
    if (a->quick) {
        return DBR_APPLY_LATER;
    }
    int err = dbr_apply_begin(a, system);
    if (err == 0) {
        err = recall(a, item, system, item->index, &known);
    }
    if (err != 0 || known) {
        return err;
    }
    (void)snprintf(detail, sizeof(detail), no_namespace, item->transaction->ns);
    struct dbr_request request = {.index = item->index,
                                  .status = DEBROS_ENOTFOUND,
                                  .detail = dbr_bytes(detail, strlen(detail))};
    a->store->last_unknown = item->index;
    int rc = dbr_memory_add(system->db, &item->transaction->key, &request,
                            oldest_kept(a, item, system));
    return rc != SQLITE_OK ? dbr_apply_trouble(a, system, rc)
                           : answer_unknown(a, item, system);
}

/* Whether a request that was answered before `ns` was made may be the same. */
static bool may_have_been_unknown(const struct dbr_apply *a,
                                  const struct dbr_apply_item *item,
                                  const struct dbr_namespace *ns)
{
    uint64_t from = oldest(a, item);
    return a->store->last_unknown != 0 && a->store->last_unknown >= from &&
           ns->created >= from && ns != a->store->system;
}

/* Short statements that were short before, on a file with nothing else to do. */
static bool is_quick(const struct dbr_apply *a, const struct dbr_apply_item *item,
                     struct dbr_namespace *ns)
{
    const struct dbr_sql_transaction *transaction = item->transaction;
    bool quick = ns != a->store->system &&
                 transaction->n_statements <= QUICK_STATEMENTS &&
                 ns->db->wal_pages < DBR_APPLY_WAL_PAGES;
    for (size_t i = 0; quick && i < transaction->n_statements; i++) {
        quick = dbr_db_was_quick(ns->db, transaction->statements[i].sql);
    }
    return quick;
}

int dbr_apply_transaction(struct dbr_apply *a, const struct dbr_apply_item *item)
{
    struct dbr_namespace *ns = NULL;
    int err = dbr_namespace_for(a->store, item->transaction->ns, item->index, &ns,
                                &a->job->detail);
    if (err != 0) {
        return err;
    }
    if (ns == NULL) {
        return apply_unknown(a, item);
    }
    if (a->quick && !is_quick(a, item, ns)) {
        return DBR_APPLY_LATER;
    }
    if (item->index <= ns->applied) {
        return answer_skipped(a, item, ns);
    }
    err = dbr_apply_begin(a, ns);
    bool known = false;
    if (err == 0) {
        err = recall(a, item, ns, item->index, &known);
    }
    if (err == 0 && !known && may_have_been_unknown(a, item, ns)) {
        err = recall(a, item, a->store->system, ns->created, &known);
    }
    return err != 0 || known ? err : attempt_run(a, item, ns);
}
