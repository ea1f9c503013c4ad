#include "fixture.h"

#include <stdio.h>

#include "base/alloc.h"

void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->disk = sim_disk_create(1);
    dbr_store_config_default(&f->config);
    f->config.fs = sim_disk_fs(f->disk);
    f->config.segment_size = 16384;
    f->config.max_steps = 2;
    f->config.bulk_step = 16384;
    f->config.bulk_sync = 8192;
    fixture_open(f);
}

void fixture_init_default(struct fixture *f)
{
    fixture_init(f);
    fixture_must(f, "_system",
                 "CREATE TABLE namespaces(name TEXT PRIMARY KEY, created INTEGER)");
    fixture_must(f, "_system",
                 "INSERT INTO namespaces VALUES('default', debros_index())");
}

int fixture_try_open(struct fixture *f)
{
    return dbr_store_open(&f->store, &f->config, &f->detail);
}

void fixture_open(struct fixture *f)
{
    int err = fixture_try_open(f);
    if (err != 0) {
        fail_msg("open: %s", f->detail.text);
    }
}

void fixture_close(struct fixture *f)
{
    dbr_store_close(f->store);
    f->store = NULL;
}

void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    sim_disk_revive(f->disk); /* the lock */
    fixture_open(f);
}

void fixture_crash(struct fixture *f)
{
    sim_disk_crash(f->disk);
    fixture_close(f);
    sim_disk_revive(f->disk);
    fixture_open(f);
}

void fixture_finish(struct fixture *f)
{
    dbr_apply_job_destroy(f->job);
    dbr_query_job_destroy(f->query);
    dbr_bulk_job_destroy(f->bulk);
    dbr_store_close(f->store);
    sim_disk_destroy(f->disk);
}

struct dbr_sql_transaction fixture_transaction(struct fixture *f, const char *ns,
                                               const debros_statement *list, size_t count)
{
    struct dbr_sql_transaction t = {.ns = ns, .statements = list, .n_statements = count};
    memcpy(t.key.client, "client of a test", DBR_SQL_CLIENT_SIZE);
    t.key.seq = ++f->seq;
    return t;
}

struct dbr_apply_entry *
fixture_entry(uint64_t index, const struct dbr_sql_transaction *list, size_t count)
{
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    dbr_sql_entry_head(&buf, FIXTURE_TIME + (int64_t)index, FIXTURE_SEED + index);
    for (size_t i = 0; i < count; i++) {
        dbr_sql_entry_add(&buf, &list[i]);
    }
    struct dbr_apply_entry *entry =
        dbr_apply_entry_create(index, 1, true, dbr_bytes(buf.data, buf.len));
    dbr_buf_finish(&buf);
    assert_non_null(entry);
    return entry;
}

int fixture_apply(struct fixture *f, struct dbr_apply_entry *entries)
{
    dbr_apply_job_destroy(f->job);
    f->job = dbr_apply_job_create(DBR_APPLY_ENTRIES);
    f->job->entries = entries;
    dbr_store_apply(f->store, f->job);
    return f->job->status;
}

int fixture_job(struct fixture *f, enum dbr_apply_job_type type, uint64_t index)
{
    dbr_apply_job_destroy(f->job);
    f->job = dbr_apply_job_create(type);
    f->job->index = index;
    f->job->freeze = ++f->freeze;
    dbr_store_apply(f->store, f->job);
    return f->job->status;
}

int fixture_bulk(struct fixture *f, enum dbr_bulk_job_type type, uint64_t offset,
                 debros_bytes data)
{
    dbr_bulk_job_destroy(f->bulk);
    f->bulk = dbr_bulk_job_create(type);
    f->bulk->freeze = f->freeze;
    f->bulk->offset = offset;
    f->bulk->len = 4096;
    dbr_buf_add(&f->bulk->data, data.data, data.len);
    dbr_store_bulk(f->store, f->bulk);
    return f->bulk->status;
}

int fixture_copy(struct fixture *f)
{
    int err = fixture_job(f, DBR_APPLY_FREEZE, 0);
    bool done = false;
    while (err == 0 && !done) {
        err = fixture_bulk(f, DBR_BULK_COPY, 0, dbr_bytes(NULL, 0));
        done = f->bulk->done;
    }
    return err;
}

int fixture_verify(struct fixture *f)
{
    int err = 0;
    bool done = false;
    while (err == 0 && !done) {
        err = fixture_bulk(f, DBR_BULK_VERIFY, 0, dbr_bytes(NULL, 0));
        done = f->bulk->done;
    }
    return err;
}

/* The other store's copy, `max` bytes of it, from where this store's stage ends. */
int fixture_receive(struct fixture *f, struct fixture *from, debros_bytes descriptor,
                    uint64_t max)
{
    int err = fixture_bulk(f, DBR_BULK_STAGE, 0, descriptor);
    uint64_t offset = f->bulk->offset;
    while (err == 0 && max > 0 &&
           fixture_bulk(from, DBR_BULK_READ, offset, dbr_bytes(NULL, 0)) == 0) {
        debros_bytes chunk = test_view(from->bulk->data);
        chunk.len = chunk.len < max ? chunk.len : (size_t)max;
        err = fixture_bulk(f, DBR_BULK_WRITE, offset, chunk);
        offset += chunk.len;
        max -= chunk.len;
    }
    return err;
}

const struct dbr_sql_reply *fixture_exec_list(struct fixture *f, const char *ns,
                                              const debros_statement *list, size_t count)
{
    struct dbr_sql_transaction t = fixture_transaction(f, ns, list, count);
    int err = fixture_apply(f, fixture_entry(++f->index, &t, 1));
    if (err != 0) {
        fail_msg("apply: %s", f->job->detail.text);
    }
    assert_non_null(f->job->outcomes);
    return f->job->outcomes->reply;
}

const struct dbr_sql_reply *fixture_exec(struct fixture *f, const char *ns,
                                         const char *sql)
{
    debros_statement statement = {.sql = sql};
    return fixture_exec_list(f, ns, &statement, 1);
}

void fixture_must(struct fixture *f, const char *ns, const char *sql)
{
    const struct dbr_sql_reply *reply = fixture_exec(f, ns, sql);
    if (reply->status != 0) {
        fail_msg("%s: %s", sql, reply->detail);
    }
}

const struct dbr_sql_reply *fixture_query(struct fixture *f, const char *ns,
                                          const char *sql)
{
    debros_statement statement = {.sql = sql};
    dbr_query_job_destroy(f->query);
    f->query = dbr_query_job_create(1, ns, &statement);
    f->query->internal = strcmp(ns, "_system") == 0;
    dbr_store_query(f->store, f->query, 0);
    return f->query->reply;
}

static size_t cell_text(char *out, size_t cap, const debros_value *cell)
{
    switch (cell->type) {
    case DEBROS_INTEGER:
        return (size_t)snprintf(out, cap, "%lld", (long long)cell->as.integer);
    case DEBROS_REAL:
        return (size_t)snprintf(out, cap, "%.17g", cell->as.real);
    case DEBROS_TEXT:
        return (size_t)snprintf(out, cap, "%.*s", (int)cell->as.bytes.len,
                                (const char *)cell->as.bytes.data);
    case DEBROS_BLOB:
        for (size_t i = 0; i < cell->as.bytes.len && 2 * i + 3 < cap; i++) {
            (void)snprintf(out + 2 * i, cap - 2 * i, "%02x", cell->as.bytes.data[i]);
        }
        return 2 * cell->as.bytes.len;
    case DEBROS_NULL:
    default:
        return (size_t)snprintf(out, cap, "NULL");
    }
}

const char *fixture_result_text(struct fixture *f, const debros_result *result)
{
    size_t at = 0;
    f->text[0] = '\0';
    for (size_t i = 0; i < result->n_rows * result->n_columns; i++) {
        if (i > 0) {
            f->text[at++] = i % result->n_columns == 0 ? ';' : '|';
            f->text[at] = '\0';
        }
        at += cell_text(f->text + at, sizeof(f->text) - at, &result->cells[i]);
        assert_true(at + 2 < sizeof(f->text));
    }
    return f->text;
}

const char *fixture_rows(struct fixture *f, const char *ns, const char *sql)
{
    const struct dbr_sql_reply *reply = fixture_query(f, ns, sql);
    if (reply->status != 0) {
        fail_msg("%s: %s", sql, reply->detail);
    }
    assert_int_equal(reply->n_results, 1);
    return fixture_result_text(f, &reply->results[0]);
}
