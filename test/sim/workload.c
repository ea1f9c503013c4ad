/* What the load writes. Every write adds a row with its number to t and counts in c; the
 * workload adds changes of a small table s(k, v) whose outcome depends on what was there
 * before. The model does the same in plain C. */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define ACCOUNT 100 /* of each account at the beginning */

const char *const sim_workload_names[SIM_WORK_COUNT] = {"set", "append", "bank",
                                                        "register"};

uint64_t sim_hash(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    }
    return hash;
}

/* ---- Statements ----------------------------------------------------------------------
 */

void sim_work_setup(struct sim_world *w, struct sim_op *op)
{
    static const char *const tables[SIM_WORK_COUNT] = {
        "CREATE TABLE IF NOT EXISTS s(k INTEGER PRIMARY KEY, v INTEGER)",
        "CREATE TABLE IF NOT EXISTS s(k INTEGER PRIMARY KEY, v TEXT)",
        "CREATE TABLE IF NOT EXISTS s(k INTEGER PRIMARY KEY, v INTEGER CHECK(v >= 0))",
        "CREATE TABLE IF NOT EXISTS s(k INTEGER PRIMARY KEY, v INTEGER)"};
    static const char *const rows[SIM_WORK_COUNT] = {
        "INSERT OR IGNORE INTO s VALUES(0, 0), (1, 0), (2, 0), (3, 0)",
        "INSERT OR IGNORE INTO s VALUES(0, ''), (1, ''), (2, ''), (3, '')",
        "INSERT OR IGNORE INTO s VALUES(0, 100), (1, 100), (2, 100), (3, 100)",
        "INSERT OR IGNORE INTO s VALUES(0, 0), (1, 0), (2, 0), (3, 0)"};
    op->statements[0].sql = "CREATE TABLE IF NOT EXISTS t(id INTEGER, v TEXT, at TEXT "
                            "DEFAULT CURRENT_TIMESTAMP, r INTEGER DEFAULT (random()))";
    op->statements[1].sql = "CREATE TABLE IF NOT EXISTS c AS SELECT 0 AS n";
    op->statements[2].sql = tables[w->workload];
    op->statements[3].sql = rows[w->workload];
    op->request.n_statements = 4;
}

static debros_value integer(int64_t value)
{
    return (debros_value){.type = DEBROS_INTEGER, .as.integer = value};
}

static void add(struct sim_op *op, const char *sql, const debros_value *params, size_t n)
{
    op->statements[op->request.n_statements++] =
        (debros_statement){.sql = sql, .params = params, .n_params = n};
}

static void write_append(struct sim_op *op, const struct sim_record *r)
{
    snprintf(op->text, sizeof(op->text), "%lld,", (long long)op->id);
    op->params[2] =
        (debros_value){.type = DEBROS_TEXT, .as.bytes = dbr_bytes_str(op->text)};
    op->params[3] = integer(r->key);
    op->params[4] = op->params[2];
    op->params[5] = integer(r->other);
    add(op, "UPDATE s SET v = v || ? WHERE k = ?", &op->params[2], 2);
    add(op, "UPDATE s SET v = v || ? WHERE k = ?", &op->params[4], 2);
}

static void write_bank(struct sim_op *op, const struct sim_record *r)
{
    op->params[2] = integer(r->a);
    op->params[3] = integer(r->key);
    op->params[4] = integer(r->a);
    op->params[5] = integer(r->other);
    add(op, "UPDATE s SET v = v - ? WHERE k = ?", &op->params[2], 2);
    add(op, "UPDATE s SET v = v + ? WHERE k = ?", &op->params[4], 2);
}

static void write_register(struct sim_op *op, const struct sim_record *r)
{
    op->params[2] = integer(r->a);
    op->params[3] = integer(r->key);
    op->params[4] = integer(r->b);
    add(op, "UPDATE s SET v = ? WHERE k = ? AND v = ?", &op->params[2], 3);
}

void sim_work_write(struct sim_world *w, struct sim_op *op, struct sim_record *r)
{
    static const char value[] = "w\xc3\xa4hrend"; /* UTF-8 */
    struct dbr_rng *rng = &w->load_rng;
    op->params[0] = integer(op->id);
    op->params[1] = (debros_value){.type = DEBROS_TEXT, .as.bytes = dbr_bytes_str(value)};
    op->request.n_statements = 0;
    add(op, "INSERT INTO t(id, v) VALUES(?, ?)", &op->params[0], 2);
    add(op, "UPDATE c SET n = n + 1", NULL, 0);
    r->key = (int)dbr_rng_below(rng, SIM_KEYS);
    r->other = (r->key + 1 + (int)dbr_rng_below(rng, SIM_KEYS - 1)) % SIM_KEYS;
    if (w->workload == SIM_WORK_APPEND) {
        write_append(op, r);
    } else if (w->workload == SIM_WORK_BANK) {
        r->a = 1 + (int64_t)dbr_rng_below(rng, ACCOUNT);
        write_bank(op, r);
    } else if (w->workload == SIM_WORK_REGISTER) {
        r->a = op->id;
        r->b = w->guess[r->key];
        write_register(op, r);
    }
}

/* ---- The model -----------------------------------------------------------------------
 */

void sim_model_init(struct sim_model *model, enum sim_workload workload)
{
    *model = (struct sim_model){.workload = workload};
    for (int k = 0; k < SIM_KEYS; k++) {
        model->number[k] = workload == SIM_WORK_BANK ? ACCOUNT : 0;
    }
}

void sim_model_finish(struct sim_model *model)
{
    for (int k = 0; k < SIM_KEYS; k++) {
        dbr_buf_finish(&model->text[k]);
    }
}

int sim_model_write(struct sim_model *m, const struct sim_record *r, int64_t id,
                    int64_t *changes)
{
    char text[24];
    *changes = 0;
    switch (m->workload) {
    case SIM_WORK_APPEND:
        snprintf(text, sizeof(text), "%lld,", (long long)id);
        dbr_buf_add(&m->text[r->key], text, strlen(text));
        dbr_buf_add(&m->text[r->other], text, strlen(text));
        *changes = 2;
        break;
    case SIM_WORK_BANK:
        if (m->number[r->key] < r->a) {
            return DEBROS_ESQL;
        }
        m->number[r->key] -= r->a;
        m->number[r->other] += r->a;
        *changes = 2;
        break;
    case SIM_WORK_REGISTER:
        if (m->number[r->key] == r->b) {
            m->number[r->key] = r->a;
            *changes = 1;
        }
        break;
    default:
        break;
    }
    m->rows++;
    return 0;
}

/* As the reads' SELECT tells the table: "0=...;1=...". */
uint64_t sim_model_hash(const struct sim_model *m)
{
    uint64_t hash = SIM_HASH_START;
    for (int k = 0; k < SIM_KEYS; k++) {
        char text[32];
        snprintf(text, sizeof(text), "%s%d=", k > 0 ? ";" : "", k);
        hash = sim_hash(hash, text, strlen(text));
        if (m->workload == SIM_WORK_APPEND) {
            hash = sim_hash(hash, m->text[k].data, m->text[k].len);
        } else {
            snprintf(text, sizeof(text), "%lld", (long long)m->number[k]);
            hash = sim_hash(hash, text, strlen(text));
        }
    }
    return hash;
}
