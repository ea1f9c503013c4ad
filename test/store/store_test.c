#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

/* ---- Crashes ---------------------------------------------------------------------- */

#define RUN_ENTRIES 24
#define CHECKPOINTS 7 /* after every so many */

static struct dbr_apply_entry *run_entry(uint64_t index)
{
    char sql[256];
    debros_statement list[2] = {
        {.sql = sql}, {.sql = "INSERT INTO namespaces VALUES('n', debros_index())"}};
    struct dbr_sql_transaction t = {.ns = index % 3 == 0 ? "n" : "_system",
                                    .statements = list,
                                    .n_statements = index == 1 ? 2 : 1};
    memcpy(t.key.client, "client of a test", DBR_SQL_CLIENT_SIZE);
    t.key.seq = index;
    if (index == 1) {
        (void)snprintf(sql, sizeof(sql),
                       "CREATE TABLE namespaces(name TEXT PRIMARY KEY, created INTEGER)");
    } else if (index < 4) {
        (void)snprintf(sql, sizeof(sql), "CREATE TABLE t(id INTEGER PRIMARY KEY, r, b)");
    } else {
        (void)snprintf(
            sql, sizeof(sql),
            "INSERT INTO t(r, b) SELECT random(), zeroblob(%d) || max(id) FROM t",
            (int)(index % 5) * 900);
    }
    return fixture_entry(index, &t, 1);
}

static int write_entry(struct fixture *f, uint64_t index)
{
    struct dbr_apply_entry *entry = run_entry(index);
    struct dbr_log_entry data = {
        .term = 1, .type = DBR_ENTRY_COMMAND, .data = entry->data};
    struct dbr_log_op op = {
        .type = DBR_LOG_APPEND, .index = index, .entries = &data, .n_entries = 1};
    int err = dbr_store_write_log(f->store, &op, false, &f->detail);
    dbr_free(entry);
    return err;
}

static int snapshot(struct fixture *f, uint64_t index)
{
    struct dbr_log_op op = {.type = DBR_LOG_SNAPSHOT,
                            .index = index,
                            .term = 1,
                            .keep_from = index > 2 ? index - 2 : 1};
    int err = fixture_job(f, DBR_APPLY_CHECKPOINT, 0);
    return err != 0 ? err : dbr_store_write_log(f->store, &op, false, &f->detail);
}

/* Logs and applies until the disk fails: how many entries were acknowledged. */
static uint64_t run(struct fixture *f)
{
    for (uint64_t index = 1; index <= RUN_ENTRIES; index++) {
        if (write_entry(f, index) != 0) {
            return index - 1;
        }
        if (fixture_apply(f, run_entry(index)) != 0 ||
            (index % CHECKPOINTS == 0 && snapshot(f, index) != 0)) {
            return index;
        }
    }
    return RUN_ENTRIES;
}

/* Gives everything that the log holds to the applier, as a node does that starts alone.
 */
static uint64_t replay(struct fixture *f)
{
    const struct dbr_log_state *state = dbr_store_log_state(f->store);
    uint64_t last = state->first_index + state->n_entries - 1;
    assert_true(dbr_store_applied(f->store) >= state->snapshot_index);
    assert_true(dbr_store_applied(f->store) <= last);
    assert_true(state->first_index <= dbr_store_applied(f->store) + 1);
    for (size_t i = 0; i < state->n_entries; i++) {
        uint64_t index = state->first_index + i;
        if (index > dbr_store_applied(f->store)) {
            struct dbr_apply_entry *entry =
                dbr_apply_entry_create(index, 1, false, state->entries[i].data);
            assert_int_equal(fixture_apply(f, entry), 0);
        }
    }
    return last;
}

/* What both namespaces hold. */
static void dump(struct fixture *f, char *out, size_t size, uint64_t last)
{
    const char *sql =
        "SELECT group_concat(id || ',' || r || ',' || length(b), ';') FROM t";
    size_t len = 0;
    out[0] = '\0';
    if (last >= 2) {
        len = (size_t)snprintf(out, size, "%s", fixture_rows(f, "_system", sql));
    }
    if (last >= 3) {
        (void)snprintf(out + len, size - len, "#%s", fixture_rows(f, "n", sql));
    }
}

static void init_run(struct fixture *f)
{
    fixture_init(f);
    f->config.segment_size = 8192;
    fixture_reopen(f);
}

static void a_crash_at_any_operation_loses_nothing_acknowledged(void **state)
{
    (void)state;
    static char expected[RUN_ENTRIES + 1][8192];
    static char found[8192];
    struct fixture f;
    init_run(&f);
    for (uint64_t index = 1; index <= RUN_ENTRIES; index++) {
        assert_int_equal(fixture_apply(&f, run_entry(index)), 0);
        dump(&f, expected[index], sizeof(expected[index]), index);
    }
    fixture_finish(&f);
    uint64_t acknowledged = 0;
    for (uint64_t n = 0; acknowledged < RUN_ENTRIES; n++) {
        init_run(&f);
        sim_disk_crash_after(f.disk, n);
        acknowledged = run(&f);
        if (acknowledged == RUN_ENTRIES) {
            fixture_finish(&f);
            break;
        }
        fixture_crash(&f);
        uint64_t last = replay(&f);
        assert_true(last >= acknowledged && last <= acknowledged + 1);
        dump(&f, found, sizeof(found), last);
        assert_string_equal(found, expected[last]);
        fixture_crash(&f); /* and once more, with the replay unsynced */
        last = replay(&f);
        dump(&f, found, sizeof(found), last);
        assert_string_equal(found, expected[last]);
        fixture_finish(&f);
    }
}

/* ---- Threads ---------------------------------------------------------------------- */

#define WRITES 200

struct reader {
    struct fixture *f;
    size_t number;
    uint64_t base;
    uint64_t n_queries;
    const char *error;
};

static bool check_rows(struct reader *r, const struct dbr_sql_reply *reply,
                       uint64_t *seen)
{
    if (reply->status != 0) {
        r->error = "a query failed";
        return false;
    }
    const debros_value *cells = reply->results[0].cells;
    uint64_t rows = (uint64_t)cells[0].as.integer;
    if ((uint64_t)cells[1].as.integer != rows * (rows + 1) / 2) {
        r->error = "a query saw half a transaction";
    } else if (reply->index < *seen || r->base + rows < reply->index) {
        r->error = "a query claims more than it saw";
    }
    *seen = reply->index;
    return r->error == NULL && rows < WRITES;
}

static void *read_along(void *data)
{
    struct reader *r = data;
    const debros_statement statement = {.sql =
                                            "SELECT count(*), ifnull(sum(a), 0) FROM t"};
    uint64_t seen = 0;
    bool more = true;
    while (more) {
        struct dbr_query_job *job = dbr_query_job_create(1, "default", &statement);
        dbr_store_query(r->f->store, job, r->number);
        more = check_rows(r, job->reply, &seen);
        r->n_queries++;
        dbr_query_job_destroy(job);
    }
    return NULL;
}

static void *log_along(void *data)
{
    struct fixture *f = data;
    struct dbr_log_entry entry = {
        .term = 1, .type = DBR_ENTRY_COMMAND, .data = dbr_bytes("some bytes", 10)};
    for (uint64_t index = 1; index <= WRITES; index++) {
        struct dbr_log_op op = {
            .type = DBR_LOG_APPEND, .index = index, .entries = &entry, .n_entries = 1};
        if (dbr_store_write_log(f->store, &op, false, NULL) != 0) {
            return (void *)"the log failed";
        }
    }
    return NULL;
}

static void readers_log_and_applier_run_side_by_side(void **state)
{
    (void)state;
    struct fixture f;
    struct reader readers[2];
    pthread_t threads[3];
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a INTEGER PRIMARY KEY)");
    for (size_t i = 0; i < 2; i++) {
        readers[i] = (struct reader){.f = &f, .number = i, .base = f.index};
        assert_int_equal(pthread_create(&threads[i], NULL, read_along, &readers[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[2], NULL, log_along, &f), 0);
    for (int i = 0; i < WRITES; i++) {
        fixture_must(&f, "default", "INSERT INTO t DEFAULT VALUES");
        if (i % 50 == 10) {
            assert_int_equal(fixture_job(&f, DBR_APPLY_CHECKPOINT, 0), 0);
        }
    }
    void *error = NULL;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (readers[i].error != NULL) {
            fail_msg("%s", readers[i].error);
        }
    }
    assert_int_equal(pthread_join(threads[2], &error), 0);
    assert_null(error);
    fixture_finish(&f);
}

/* ---- Life ------------------------------------------------------------------------- */

static void one_process_holds_the_folder(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_store *second = NULL;
    fixture_init(&f);
    assert_int_equal(dbr_store_open(&second, &f.config, &f.detail), DEBROS_EBUSY);
    assert_string_equal(f.detail.text, "data folder 'sim' is in use by another node");
    fixture_finish(&f);
}

static void everything_is_there_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t AS SELECT 5 AS a");
    for (int i = 0; i < 3; i++) {
        fixture_reopen(&f);
        assert_string_equal(fixture_rows(&f, "default", "SELECT a FROM t"), "5");
        assert_string_equal(fixture_rows(&f, "_system", "SELECT name FROM namespaces"),
                            "default");
    }
    assert_true(dbr_store_applied(f.store) >= 1);
    fixture_finish(&f);
}

static void a_damaged_database_is_named(void **state)
{
    (void)state;
    struct fixture f;
    size_t len = 0;
    fixture_init_default(&f);
    fixture_close(&f);
    sim_disk_revive(f.disk);
    memset(sim_disk_data(f.disk, "db/default.db", &len), 'x', 4096);
    assert_int_equal(fixture_try_open(&f), DEBROS_EIO);
    assert_string_equal(f.detail.text,
                        "db/default.db: cannot be opened: db/default.db is damaged at "
                        "offset 0: restore this node from the others (a new folder, "
                        "then join)");
    fixture_finish(&f);
}

static void defaults_are_set(void **state)
{
    (void)state;
    struct dbr_store_config config;
    dbr_store_config_default(&config);
    assert_int_equal(config.segment_size, 16u << 20);
    assert_int_equal(config.n_readers, 2);
    assert_int_equal(config.request_horizon, 100000);
    assert_int_equal(config.max_steps, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_at_any_operation_loses_nothing_acknowledged),
        cmocka_unit_test(readers_log_and_applier_run_side_by_side),
        cmocka_unit_test(one_process_holds_the_folder),
        cmocka_unit_test(everything_is_there_again),
        cmocka_unit_test(a_damaged_database_is_named),
        cmocka_unit_test(defaults_are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
