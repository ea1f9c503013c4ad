/* The store beside what it stands on, in turns in one run: log batches beside bare
 * fdatasync of as many bytes in a zeroed file, applied rows and point reads beside
 * SQLite's prepared statements. Rows and reads in processor time: others may share the
 * machine. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "sql/codec.h"
#include "store/store.h"
#include "limits.h"

#define ROUNDS  5
#define SECONDS 0.4
#define RAW_MAX (16u << 20)

/* ---- The log -------------------------------------------------------------------------
 */

struct log_bench {
    struct dbr_store *store;
    uint64_t next;
    int raw_fd;
    size_t raw_at;
};

static double log_round(struct log_bench *b, size_t n_entries, size_t size)
{
    static uint8_t data[65536];
    static struct dbr_log_entry entries[256];
    size_t batches = 0;
    memset(data, 'x', sizeof(data));
    for (size_t i = 0; i < n_entries; i++) {
        entries[i] = (struct dbr_log_entry){
            .term = 1, .type = DBR_ENTRY_COMMAND, .data = dbr_bytes(data, size)};
    }
    double start = now_s();
    while (now_s() - start < SECONDS) {
        struct dbr_log_op snapshot = {
            .type = DBR_LOG_SNAPSHOT, .index = b->next - 1, .keep_from = b->next};
        struct dbr_log_op op = {.type = DBR_LOG_APPEND,
                                .index = b->next,
                                .entries = entries,
                                .n_entries = n_entries};
        op.next = batches % 1024 == 1023 ? &snapshot : NULL; /* old segments go */
        snapshot.index = b->next + n_entries - 1;
        snapshot.keep_from = b->next + n_entries;
        dbr_assert(dbr_store_write_log(b->store, &op, false, NULL) == 0);
        b->next += n_entries;
        batches++;
    }
    return (double)batches / (now_s() - start);
}

static double raw_round(struct log_bench *b, size_t bytes)
{
    static uint8_t data[1 << 20];
    size_t batches = 0;
    memset(data, 'y', sizeof(data));
    double start = now_s();
    while (now_s() - start < SECONDS) {
        b->raw_at = b->raw_at + bytes > RAW_MAX ? 0 : b->raw_at;
        dbr_assert(pwrite(b->raw_fd, data, bytes, (off_t)b->raw_at) == (ssize_t)bytes);
        dbr_assert(fdatasync(b->raw_fd) == 0);
        b->raw_at += bytes;
        batches++;
    }
    return (double)batches / (now_s() - start);
}

static void bench_log(struct dbr_store *store, const char *folder)
{
    static const size_t shapes[][2] = {
        {1, 128}, {16, 128}, {64, 128}, {256, 128}, {16, 4096}};
    struct log_bench b = {.store = store, .next = 1};
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/raw", folder);
    b.raw_fd = open(path, O_RDWR | O_CREAT, 0600);
    uint8_t *zeroes = calloc(1, RAW_MAX);
    dbr_assert(b.raw_fd >= 0 && zeroes != NULL);
    dbr_assert(pwrite(b.raw_fd, zeroes, RAW_MAX, 0) == RAW_MAX && fsync(b.raw_fd) == 0);
    free(zeroes);
    for (size_t i = 0; i < DBR_COUNT(shapes); i++) {
        double ours[ROUNDS];
        double raw[ROUNDS];
        char what[64];
        for (size_t round = 0; round < ROUNDS; round++) {
            ours[round] = log_round(&b, shapes[i][0], shapes[i][1]);
            raw[round] = raw_round(&b, shapes[i][0] * (shapes[i][1] + 48));
        }
        double figure = median(ours, ROUNDS);
        (void)snprintf(what, sizeof(what), "log, %zu x %zu bytes: batches", shapes[i][0],
                       shapes[i][1]);
        report_limit(what, figure, median(raw, ROUNDS), "batches/s");
        printf("%-36s %10.0f entries/s\n", "", figure * (double)shapes[i][0]);
    }
    (void)close(b.raw_fd);
}

/* ---- Rows ----------------------------------------------------------------------------
 */

#define ROWS_PER_ENTRY  64
#define ENTRIES_PER_JOB 8
#define SCHEMA          "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INTEGER)"
#define INDEX           "CREATE INDEX i ON t(n)"
#define INSERT          "INSERT INTO t(name, n) VALUES(?, ?)"
#define SELECT          "SELECT name, n FROM t WHERE id = ?"

static const char name48[] = "a name of forty-eight characters, more or less..";

struct rows_bench {
    struct dbr_store *store;
    uint64_t index;
    uint64_t seq;
    uint64_t n_rows;
    sqlite3 *sql;
    uint64_t n_raw_rows;
};

static struct dbr_apply_entry *make_entry(struct rows_bench *b, const char *ns,
                                          const debros_statement *list,
                                          size_t n_transactions, size_t n_statements)
{
    struct dbr_buf buf = {0};
    dbr_sql_entry_head(&buf, 1700000000000, b->index);
    for (size_t i = 0; i < n_transactions; i++) {
        struct dbr_sql_transaction t = {.key = {.client = "a client", .seq = ++b->seq},
                                        .ns = ns,
                                        .statements = list + i * n_statements,
                                        .n_statements = n_statements};
        dbr_sql_entry_add(&buf, &t);
    }
    struct dbr_apply_entry *entry =
        dbr_apply_entry_create(++b->index, 1, true, dbr_bytes(buf.data, buf.len));
    dbr_buf_finish(&buf);
    return entry;
}

static void apply(struct rows_bench *b, struct dbr_apply_entry *entries)
{
    struct dbr_apply_job *job = dbr_apply_job_create(DBR_APPLY_ENTRIES);
    job->entries = entries;
    dbr_store_apply(b->store, job);
    dbr_assert(job->status == 0);
    for (const struct dbr_apply_outcome *o = job->outcomes; o != NULL; o = o->next) {
        dbr_assert(o->reply->status == 0);
    }
    dbr_apply_job_destroy(job);
}

static void apply_text(struct rows_bench *b, const char *ns, const char *sql)
{
    debros_statement statement = {.sql = sql};
    apply(b, make_entry(b, ns, &statement, 1, 1));
}

/* Rows of one job, each its own transaction or `n_statements` of them in one. */
static void apply_rows(struct rows_bench *b, size_t n_statements)
{
    debros_value params[ROWS_PER_ENTRY][2];
    debros_statement list[ROWS_PER_ENTRY];
    struct dbr_apply_entry *head = NULL;
    struct dbr_apply_entry **end = &head;
    for (size_t e = 0; e < ENTRIES_PER_JOB; e++) {
        for (size_t i = 0; i < ROWS_PER_ENTRY; i++) {
            params[i][0] = (debros_value){
                .type = DEBROS_TEXT, .as.bytes = dbr_bytes(name48, sizeof(name48) - 1)};
            params[i][1] =
                (debros_value){.type = DEBROS_INTEGER,
                               .as.integer = (int64_t)(b->n_rows++ * 7919 % 100003)};
            list[i] = (debros_statement){INSERT, params[i], 2};
        }
        *end =
            make_entry(b, "default", list, ROWS_PER_ENTRY / n_statements, n_statements);
        end = &(*end)->next;
    }
    apply(b, head);
}

static void direct_rows(struct rows_bench *b, sqlite3_stmt *stmt)
{
    dbr_assert(sqlite3_exec(b->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    for (size_t i = 0; i < ROWS_PER_ENTRY * ENTRIES_PER_JOB; i++) {
        (void)sqlite3_bind_text(stmt, 1, name48, sizeof(name48) - 1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 2,
                                 (sqlite3_int64)(b->n_raw_rows++ * 7919 % 100003));
        dbr_assert(sqlite3_step(stmt) == SQLITE_DONE);
        (void)sqlite3_reset(stmt);
    }
    dbr_assert(sqlite3_exec(b->sql, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
}

static double timed_rows(struct rows_bench *b, size_t n_statements, sqlite3_stmt *direct)
{
    double start = process_cpu_s();
    double rows = 0;
    while (process_cpu_s() - start < SECONDS) {
        if (direct != NULL) {
            direct_rows(b, direct);
        } else {
            apply_rows(b, n_statements);
        }
        rows += ROWS_PER_ENTRY * ENTRIES_PER_JOB;
    }
    return rows / (process_cpu_s() - start);
}

static void bench_rows(struct rows_bench *b)
{
    sqlite3_stmt *stmt = NULL;
    double single[ROUNDS];
    double joined[ROUNDS];
    double direct[ROUNDS];
    dbr_assert(sqlite3_prepare_v2(b->sql, INSERT, -1, &stmt, NULL) == SQLITE_OK);
    for (size_t round = 0; round < ROUNDS; round++) {
        single[round] = timed_rows(b, 1, NULL);
        joined[round] = timed_rows(b, ROWS_PER_ENTRY, NULL);
        direct[round] = timed_rows(b, 0, stmt);
    }
    double limit = median(direct, ROUNDS);
    report_limit("apply, a transaction for each row", median(single, ROUNDS), limit,
                 "rows/s");
    report_limit("apply, a transaction of 64 rows", median(joined, ROUNDS), limit,
                 "rows/s");
    (void)sqlite3_finalize(stmt);
}

/* ---- Reads ---------------------------------------------------------------------------
 */

static double store_reads(struct rows_bench *b)
{
    double start = process_cpu_s();
    double count = 0;
    for (uint64_t i = 0; process_cpu_s() - start < SECONDS; i++) {
        debros_value id = {.type = DEBROS_INTEGER,
                           .as.integer = (int64_t)(i * 31 % 10000 + 1)};
        debros_statement statement = {SELECT, &id, 1};
        struct dbr_query_job *job = dbr_query_job_create(i, "default", &statement);
        dbr_store_query(b->store, job, 0);
        dbr_assert(job->reply->status == 0 && job->reply->results[0].n_rows == 1);
        dbr_query_job_destroy(job);
        count++;
    }
    return count / (process_cpu_s() - start);
}

static double direct_reads(sqlite3_stmt *stmt)
{
    double start = process_cpu_s();
    double count = 0;
    for (uint64_t i = 0; process_cpu_s() - start < SECONDS; i++) {
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)(i * 31 % 10000 + 1));
        dbr_assert(sqlite3_step(stmt) == SQLITE_ROW);
        (void)sqlite3_column_text(stmt, 0);
        (void)sqlite3_reset(stmt);
        count++;
    }
    return count / (process_cpu_s() - start);
}

static void bench_reads(struct rows_bench *b)
{
    sqlite3_stmt *stmt = NULL;
    double ours[ROUNDS];
    double direct[ROUNDS];
    dbr_assert(sqlite3_prepare_v2(b->sql, SELECT, -1, &stmt, NULL) == SQLITE_OK);
    for (size_t round = 0; round < ROUNDS; round++) {
        ours[round] = store_reads(b);
        direct[round] = direct_reads(stmt);
    }
    report_limit("reads of one row", median(ours, ROUNDS), median(direct, ROUNDS),
                 "reads/s");
    (void)sqlite3_finalize(stmt);
}

/* ---- The run -------------------------------------------------------------------------
 */

static sqlite3 *open_direct(const char *folder)
{
    sqlite3 *sql = NULL;
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/direct.db", folder);
    dbr_assert(sqlite3_open(path, &sql) == SQLITE_OK);
    dbr_assert(sqlite3_exec(sql,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                            "PRAGMA wal_autocheckpoint = 2048;" SCHEMA ";" INDEX,
                            NULL, NULL, NULL) == SQLITE_OK);
    return sql;
}

int main(int argc, char **argv)
{
    char folder[256];
    char command[300];
    struct dbr_fs *fs = NULL;
    struct dbr_store_config config;
    struct rows_bench b = {0};
    (void)snprintf(folder, sizeof(folder), "%s/store-bench-XXXXXX",
                   argc > 1 ? argv[1] : ".");
    dbr_assert(mkdtemp(folder) != NULL);
    dbr_assert(dbr_fs_posix_create(&fs, folder, NULL) == 0);
    dbr_store_config_default(&config);
    config.fs = fs;
    dbr_assert(dbr_store_open(&b.store, &config, NULL) == 0);
    apply_text(&b, "_system",
               "CREATE TABLE namespaces(name TEXT PRIMARY KEY, created INTEGER)");
    apply_text(&b, "_system", "INSERT INTO namespaces VALUES('default', debros_index())");
    apply_text(&b, "default", SCHEMA);
    apply_text(&b, "default", INDEX);
    b.sql = open_direct(folder);
    bench_log(b.store, folder);
    bench_rows(&b);
    bench_reads(&b);
    (void)sqlite3_close(b.sql);
    dbr_store_close(b.store);
    dbr_fs_posix_destroy(fs);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}
