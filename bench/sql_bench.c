/* The whole way of a request in one process: debros.h, node thread, log, applier and
 * back, on a cluster of one. Durable writes beside fdatasync of as many bytes in the same
 * run; reads beside SQLite's prepared statement on a file of the same rows. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "debros.h"
#include "limits.h"

#define SECONDS    1.0
#define ROWS       1000
#define MAX_FLIGHT 64

static char folder[] = "sql-bench-XXXXXX";

static void report(const char *what, double figure, const char *limit_name, double limit)
{
    printf("%-34s %9.0f /s   %-26s %9.0f /s  %5.2f\n", what, figure, limit_name, limit,
           figure / limit);
}

/* ---- Limits ------------------------------------------------------------------------ */

static double sqlite_reads(void)
{
    char path[64];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    snprintf(path, sizeof(path), "%s/direct.db", folder);
    dbr_assert(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_exec(
        db,
        "PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 1000)"
        "INSERT INTO t SELECT i, 'some text of a row' FROM n",
        NULL, NULL, NULL);
    dbr_assert(sqlite3_prepare_v2(db, "SELECT v FROM t WHERE id = ?", -1, &stmt, NULL) ==
               0);
    double begin = now_s();
    int n = 0;
    for (; now_s() - begin < SECONDS; n++) {
        sqlite3_bind_int(stmt, 1, n % ROWS + 1);
        dbr_assert(sqlite3_step(stmt) == SQLITE_ROW);
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n / (now_s() - begin);
}

/* ---- Ours -------------------------------------------------------------------------- */

struct slot {
    debros_sql sql;
    debros_statement statement;
    debros_value params[2];
};

static void submit(debros_node *node, struct slot *slot, bool is_write,
                   enum debros_level level, int i)
{
    static const char text[] = "some text of a row";
    slot->sql =
        (debros_sql){.statements = &slot->statement, .n_statements = 1, .level = level};
    slot->params[0] = (debros_value){.type = DEBROS_INTEGER, .as.integer = i % ROWS + 1};
    slot->params[1] = (debros_value){
        .type = DEBROS_TEXT, .as.bytes = {(const uint8_t *)text, sizeof(text) - 1}};
    slot->statement =
        (debros_statement){.sql = is_write ? "INSERT INTO t(k, v) VALUES(?, ?)"
                                           : "SELECT v FROM t WHERE id = ?",
                           .params = slot->params,
                           .n_params = is_write ? 2 : 1};
    int err = is_write ? debros_sql_exec(node, &slot->sql, NULL)
                       : debros_sql_query(node, &slot->sql, NULL);
    dbr_assert(err == 0);
}

/* Requests a second with `flight` of them under way. */
static double rate(debros_node *node, bool is_write, enum debros_level level, int flight)
{
    static struct slot slots[MAX_FLIGHT];
    for (int i = 0; i < flight; i++) {
        submit(node, &slots[i], is_write, level, i);
    }
    double begin = now_s();
    int n = 0;
    for (; now_s() - begin < SECONDS; n++) {
        struct slot *slot = &slots[n % flight];
        dbr_assert(debros_wait(node, &slot->sql.base) == 0);
        debros_release(node, &slot->sql.base);
        submit(node, slot, is_write, level, n);
    }
    double took = now_s() - begin;
    for (int i = 0; i < flight; i++) {
        debros_wait(node, &slots[i].sql.base);
        debros_release(node, &slots[i].sql.base);
    }
    return n / took;
}

static debros_node *start(void)
{
    debros_config config;
    debros_node *node;
    debros_req req = {0};
    char data[64];
    snprintf(data, sizeof(data), "%s/node", folder);
    debros_config_default(&config);
    config.data_dir = data;
    dbr_assert(debros_init(&config, NULL) == 0);
    dbr_assert(debros_node_create(&node, &config, NULL) == 0);
    dbr_assert(debros_start(node, &req, NULL) == 0 && debros_wait(node, &req) == 0);
    debros_statement table = {.sql = "CREATE TABLE t(id INTEGER PRIMARY KEY, k, v TEXT)"};
    debros_sql sql = {.statements = &table, .n_statements = 1};
    dbr_assert(debros_sql_exec(node, &sql, NULL) == 0 &&
               debros_wait(node, &sql.base) == 0);
    return node;
}

int main(void)
{
    dbr_assert(mkdtemp(folder) != NULL);
    debros_node *node = start();
    double sync = fdatasyncs(folder, SECONDS);
    report("durable write, 1 in flight", rate(node, true, 0, 1), "fdatasync of 256 B",
           sync);
    report("durable write, 64 in flight", rate(node, true, 0, 64), "fdatasync of 256 B",
           sync);
    double direct = sqlite_reads();
    report("read none, 1 in flight", rate(node, false, DEBROS_NONE, 1),
           "SQLite, prepared", direct);
    report("read none, 64 in flight", rate(node, false, DEBROS_NONE, 64),
           "SQLite, prepared", direct);
    report("read linearizable, 1 in flight", rate(node, false, DEBROS_LINEARIZABLE, 1),
           "fdatasync of 256 B", sync);
    report("read linearizable, 64 in flight", rate(node, false, DEBROS_LINEARIZABLE, 64),
           "SQLite, prepared", direct);
    debros_node_destroy(node);
    return remove_folder(folder);
}
