#include "workload.h"

#include <stdio.h>

#include "base/alloc.h"
#include "store/store_private.h"

#define DOOMED_TERM_BIT 1 /* terms of entries that are taken back are odd */

/* ---- Entries -------------------------------------------------------------------------
 */

static const char *ns_of(uint64_t index)
{
    return index == 1 || index == 2 || index == 20 ? "_system"
           : index > 20 && index % 3 == 0          ? "late"
                                                   : "early";
}

static void sql_of(uint64_t index, char out[256])
{
    if (index == 1) {
        (void)snprintf(out, 256,
                       "CREATE TABLE namespaces(name TEXT PRIMARY KEY, created INTEGER)");
    } else if (index == 2 || index == 20) {
        (void)snprintf(out, 256, "INSERT INTO namespaces VALUES('%s', debros_index())",
                       index == 2 ? "early" : "late");
    } else if (index == 3 || index == 21) {
        (void)snprintf(out, 256, "CREATE TABLE t(id INTEGER PRIMARY KEY, r, b)");
    } else if (index % 5 == 0) {
        (void)snprintf(out, 256, "DELETE FROM t WHERE id < ?1 - 12 + 0 * ?2");
    } else {
        (void)snprintf(out, 256,
                       "INSERT OR REPLACE INTO t VALUES(?1, random(), zeroblob(?2))");
    }
}

static struct dbr_apply_entry *entry_of(uint64_t index)
{
    char sql[256];
    debros_value params[2] = {
        {.type = DEBROS_INTEGER, .as.integer = (int64_t)index},
        {.type = DEBROS_INTEGER, .as.integer = (int64_t)(index % 7) * 700}};
    debros_statement statement = {.sql = sql, .params = params};
    struct dbr_sql_transaction t = {
        .ns = ns_of(index), .statements = &statement, .n_statements = 1};
    sql_of(index, sql);
    statement.n_params = strchr(sql, '?') != NULL ? 2 : 0;
    memcpy(t.key.client, "client of a test", DBR_SQL_CLIENT_SIZE);
    t.key.seq = index;
    return fixture_entry(index, &t, 1);
}

/* ---- Steps
 * ----------------------------------------------------------------------------- */

static int log_write(struct fixture *f, struct dbr_log_op *op)
{
    op->seq = ++f->log_seq;
    return dbr_store_write_log(f->store, op, true, &f->detail);
}

static int new_term(struct fixture *f, struct workload *w)
{
    struct dbr_log_op vote = {.type = DBR_LOG_VOTE, .value = w->term + 1000};
    struct dbr_log_op term = {.type = DBR_LOG_TERM, .value = w->term + 2, .next = &vote};
    w->tried_term = term.value;
    w->tried_vote = vote.value;
    int err = log_write(f, &term);
    if (err == 0) {
        w->term = w->tried_term;
        w->vote = w->tried_vote;
    }
    return err;
}

/* `n` entries in one batch, applied as one job. One that is alone may run while the log
 * writes it. */
static int append(struct fixture *f, struct workload *w, size_t n)
{
    struct dbr_apply_entry *given[4];
    struct dbr_log_entry entries[4];
    struct dbr_log_op op = {.type = DBR_LOG_APPEND,
                            .index = w->acked + 1,
                            .entries = entries,
                            .n_entries = n,
                            .is_next = n == 1};
    for (size_t i = 0; i < n; i++) {
        given[i] = entry_of(w->acked + 1 + i);
        given[i]->term = w->term;
        entries[i] = (struct dbr_log_entry){
            .term = w->term, .type = DBR_ENTRY_COMMAND, .data = given[i]->data};
        if (i > 0) {
            given[i - 1]->next = given[i];
        }
    }
    w->tried = w->acked + n;
    int err = log_write(f, &op);
    if (err == 0) {
        w->acked = w->tried;
        return fixture_apply(f, given[0]);
    }
    for (size_t i = 0; i < n; i++) {
        dbr_free(given[i]);
    }
    return err;
}

/* Entries of another leader, and their end. */
static int append_and_take_back(struct fixture *f, struct workload *w)
{
    uint8_t data[900];
    struct dbr_log_entry doomed[2];
    memset(data, 'd', sizeof(data));
    for (size_t i = 0; i < 2; i++) {
        doomed[i] = (struct dbr_log_entry){.term = w->term | DOOMED_TERM_BIT,
                                           .type = DBR_ENTRY_COMMAND,
                                           .data = dbr_bytes(data, sizeof(data))};
    }
    struct dbr_log_op op = {
        .type = DBR_LOG_APPEND, .index = w->acked + 1, .entries = doomed, .n_entries = 2};
    struct dbr_log_op truncate = {.type = DBR_LOG_TRUNCATE, .index = w->acked + 1};
    int err = log_write(f, &op);
    return err == 0 ? log_write(f, &truncate) : err;
}

static int snapshot(struct fixture *f, const struct workload *w)
{
    struct dbr_log_op op = {.type = DBR_LOG_SNAPSHOT,
                            .index = w->acked,
                            .term = w->term,
                            .keep_from = w->acked > 3 ? w->acked - 2 : 1};
    int err = fixture_job(f, DBR_APPLY_CHECKPOINT, 0);
    return err == 0 ? log_write(f, &op) : err;
}

/* And another one while a reader is in its transaction: pages stay in the WAL, SQLite
 * has no reason to sync. */
static int snapshot_beside_a_reader(struct fixture *f, struct workload *w)
{
    struct dbr_namespace *ns = dbr_namespace_find(f->store, "early");
    int first = snapshot(f, w);
    if (ns == NULL || ns->readers[0] == NULL || first != 0) {
        return first;
    }
    sqlite3 *sql = ns->readers[0]->sql;
    ns->readers[0]->trusted = true;
    int rc = sqlite3_exec(sql, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL);
    int err = append(f, w, 2);
    err = err == 0 ? snapshot(f, w) : err;
    if (rc == SQLITE_OK) {
        (void)sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL);
    } else if (sqlite3_get_autocommit(sql) == 0) {
        (void)sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
    }
    ns->readers[0]->trusted = false;
    return err;
}

static int read_something(struct fixture *f)
{
    const struct dbr_sql_reply *reply =
        fixture_query(f, "early", "SELECT count(*), sum(length(b)) FROM t");
    if (reply == NULL) {
        return DEBROS_ENOMEM;
    }
    (void)snprintf(f->detail.text, sizeof(f->detail.text), "%s", reply->detail);
    return reply->status == DEBROS_ENOTFOUND || reply->status == DEBROS_ESQL
               ? 0
               : reply->status;
}

static int one_step(struct fixture *f, struct workload *w)
{
    if (w->step == 0) {
        return new_term(f, w);
    }
    switch (w->step % 9) {
    case 1:
        return append(f, w, 1);
    case 2:
    case 7:
        return append(f, w, 3);
    case 3:
        return read_something(f);
    case 4:
        return append_and_take_back(f, w);
    case 5:
        return append(f, w, 2);
    case 6:
        return w->step % 18 == 6 ? snapshot(f, w) : snapshot_beside_a_reader(f, w);
    case 8:
        return append(f, w, 1);
    default:
        return new_term(f, w);
    }
}

void workload_init(struct fixture *f)
{
    fixture_init(f);
    fixture_close(f);
    sim_disk_destroy(f->disk);
    f->disk = sim_disk_create(1);
    f->config.fs = sim_disk_fs(f->disk);
    f->config.segment_size = 8192;
}

int workload_run(struct fixture *f, struct workload *w, size_t n_steps)
{
    int err = 0;
    while (err == 0 && w->step < n_steps) {
        err = one_step(f, w);
        w->step += err == 0;
    }
    return err;
}

/* ---- What must be there
 * ------------------------------------------------------------------ */

uint64_t workload_replay(struct fixture *f)
{
    const struct dbr_log_state *state = dbr_store_log_state(f->store);
    uint64_t applied = dbr_store_applied(f->store);
    uint64_t last = state->first_index - 1;
    for (size_t i = 0; i < state->n_entries; i++) {
        uint64_t index = state->first_index + i;
        if ((state->entries[i].term & DOOMED_TERM_BIT) != 0) {
            break; /* never committed */
        }
        last = index;
        /* Those that a database may hold already are given again, as a node does. */
        if (index > applied) {
            struct dbr_apply_entry *entry =
                dbr_apply_entry_create(index, 1, false, state->entries[i].data);
            if (entry == NULL || fixture_apply(f, entry) != 0) {
                f->detail = f->job->detail;
                return 0;
            }
        }
    }
    return last > state->snapshot_index ? last : state->snapshot_index;
}

/* 0, or what SQLite said, in words. */
static int append_rows(struct dbr_db *db, const char *sql, char *out, size_t size,
                       debros_detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    size_t len = strlen(out);
    char words[DBR_VFS_DAMAGE];
    db->trusted = true;
    int rc = sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        len += (size_t)snprintf(out + len, size - len, "%s;", text == NULL ? "" : text);
        rc = len < size ? SQLITE_OK : SQLITE_TOOBIG;
    }
    if (rc != SQLITE_DONE) {
        (void)snprintf(detail->text, sizeof(detail->text), "%s",
                       dbr_db_message(db, words));
    }
    (void)sqlite3_finalize(stmt);
    db->trusted = false;
    return rc == SQLITE_DONE ? 0 : DEBROS_EIO;
}

/* What integrity_check finds is a row of its answer. */
static int check_integrity(struct dbr_db *db, debros_detail *detail)
{
    char words[DBR_VFS_DAMAGE] = "";
    char answer[512] = "";
    int err =
        append_rows(db, "PRAGMA integrity_check(1)", answer, sizeof(answer), detail);
    if (err == 0 && strcmp(answer, "ok;") != 0) {
        (void)dbr_vfs_damage(db->vfs, words);
        (void)snprintf(detail->text, sizeof(detail->text), "%s",
                       words[0] == '\0' ? answer : words);
        err = DEBROS_EIO;
    }
    return err;
}

int workload_state_of(struct fixture *f, uint64_t last, char out[WORKLOAD_DUMP])
{
    static const char *const names[] = {"_system", "early", "late"};
    static const uint64_t from[] = {2, 3, 21};
    int err = 0;
    out[0] = '\0';
    for (size_t i = 0; err == 0 && i < DBR_COUNT(names) && from[i] <= last; i++) {
        struct dbr_namespace *ns = dbr_namespace_find(f->store, names[i]);
        if (ns == NULL) {
            (void)snprintf(f->detail.text, sizeof(f->detail.text), "no %s", names[i]);
            return DEBROS_ENOTFOUND;
        }
        size_t len = strlen(out);
        (void)snprintf(out + len, WORKLOAD_DUMP - len, "[%s]", names[i]);
        err = check_integrity(ns->db, &f->detail);
        if (err == 0) {
            err = append_rows(ns->db,
                              i == 0 ? "SELECT name || created FROM namespaces"
                                     : "SELECT id || ',' || r || ',' || hex(substr(b, 1,"
                                       " 4)) || length(b) FROM t",
                              out, WORKLOAD_DUMP, &f->detail);
        }
        /* What is remembered of the requests, too. */
        if (err == 0) {
            err = append_rows(ns->db,
                              "SELECT count(*) || ',' || max(id) FROM _debros_requests",
                              out, WORKLOAD_DUMP, &f->detail);
        }
    }
    return err;
}

const char *workload_expected(uint64_t last)
{
    static char dumps[WORKLOAD_ENTRIES][WORKLOAD_DUMP];
    static uint64_t known;
    if (known == 0) {
        struct fixture f;
        workload_init(&f);
        fixture_open(&f);
        for (known = 1; known < WORKLOAD_ENTRIES; known++) {
            assert_int_equal(fixture_apply(&f, entry_of(known)), 0);
            assert_int_equal(workload_state_of(&f, known, dumps[known]), 0);
        }
        fixture_finish(&f);
    }
    assert_true(last < WORKLOAD_ENTRIES);
    return dumps[last];
}

const char *workload_check(struct fixture *f, const struct workload *w, uint64_t last)
{
    static char found[WORKLOAD_DUMP];
    const struct dbr_log_state *state = dbr_store_log_state(f->store);
    bool old = state->term == w->term && state->vote == w->vote;
    bool new = state->term == w->tried_term && state->vote == w->tried_vote;
    bool between = state->term == w->tried_term && state->vote == 0;
    if (!old && !new && !(between && w->tried_term != w->term)) {
        return "term or vote are not what was promised";
    }
    if (last < w->acked) {
        return "an acknowledged entry is gone";
    }
    if (last > w->tried) {
        return "an entry is there that nobody gave";
    }
    if (workload_state_of(f, last, found) != 0) {
        return f->detail.text;
    }
    return strcmp(found, workload_expected(last)) == 0 ? NULL
                                                       : "the state is another one";
}
