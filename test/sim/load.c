/* The load, and what its answers promise: each acknowledged row is on every node, once;
 * each refused one on none; a read sees what its level promises of the rows that were
 * acknowledged before it began. */
#include <stdlib.h>

#include "world.h"

enum { ROW_NONE, ROW_IN_FLIGHT, ROW_ACKED, ROW_UNKNOWN, ROW_FAILED };

/* A leader that was cut off believes in itself for two of its election timeouts (500 ms)
 * at most, and what it or others send is under way for a while. */
#define DEPOSED_MS   1000
#define UNDER_WAY_MS 200

struct sim_answer sim_answer[SIM_NODES_MAX];

static void set_row(struct sim_world *w, int64_t id, uint8_t state)
{
    w->state[id] = state;
    if (state == ROW_ACKED) {
        w->acked_at[w->n_acked_rows++] = w->now;
    }
}

/* Rows that were acknowledged `age` ms ago. */
static uint64_t acked_before(const struct sim_world *w, uint32_t age)
{
    uint64_t n = w->n_acked_rows;
    while (n > 0 && w->acked_at[n - 1] + age > w->now) {
        n--;
    }
    return n;
}

/* A client mixes levels. */
static void fill_count(struct sim_world *w, struct sim_op *op)
{
    static const enum debros_level levels[] = {
        DEBROS_LINEARIZABLE, DEBROS_LINEARIZABLE, DEBROS_LINEARIZABLE, DEBROS_WEAK,
        DEBROS_STRONG,       DEBROS_NONE,         DEBROS_NONE,         DEBROS_AUTO};
    struct dbr_request *r = &op->request;
    r->type = DBR_REQUEST_QUERY;
    op->statements[0].sql = "SELECT count(*) FROM t";
    r->level = w->faults ? levels[dbr_rng_below(&w->load_rng, 8)] : DEBROS_LINEARIZABLE;
    bool may_be_old = r->level == DEBROS_NONE || r->level == DEBROS_AUTO;
    if (may_be_old && dbr_rng_below(&w->load_rng, 2) == 0) {
        r->freshness_ms = 60 + (uint32_t)dbr_rng_below(&w->load_rng, 2000);
    }
    if (may_be_old && r->freshness_ms == 0) {
        return; /* any age */
    }
    bool is_exact = r->level == DEBROS_LINEARIZABLE || r->level == DEBROS_STRONG;
    op->floor = is_exact ? w->n_acked_rows
                         : acked_before(w, r->freshness_ms + DEPOSED_MS + UNDER_WAY_MS);
}

static void fill_insert(struct sim_world *w, struct sim_op *op)
{
    static const char value[] = "w\xc3\xa4hrend"; /* UTF-8 */
    op->id = w->next_id++;
    set_row(w, op->id, ROW_IN_FLIGHT);
    op->params[0] = (debros_value){.type = DEBROS_INTEGER, .as.integer = op->id};
    op->params[1] = (debros_value){.type = DEBROS_TEXT, .as.bytes = dbr_bytes_str(value)};
    op->statements[0] = (debros_statement){
        .sql = "INSERT INTO t(id, v) VALUES(?, ?)", .params = op->params, .n_params = 2};
    op->statements[1] = (debros_statement){.sql = "UPDATE c SET n = n + 1"};
    op->request.n_statements = 2;
}

static void fill(struct sim_world *w, struct sim_op *op)
{
    struct dbr_request *r = &op->request;
    r->ns = "default";
    r->statements = op->statements;
    r->n_statements = 1;
    r->type = DBR_REQUEST_EXEC;
    switch (op->kind) {
    case SIM_OP_INVITE:
        r->type = DBR_REQUEST_INVITE;
        break;
    case SIM_OP_STATUS:
        r->type = DBR_REQUEST_STATUS;
        break;
    case SIM_OP_SETUP:
        op->statements[0].sql =
            "CREATE TABLE IF NOT EXISTS t(id INTEGER, v TEXT, at TEXT "
            "DEFAULT CURRENT_TIMESTAMP, r INTEGER DEFAULT (random()))";
        op->statements[1].sql = "CREATE TABLE IF NOT EXISTS c AS SELECT 0 AS n";
        r->n_statements = 2;
        break;
    case SIM_OP_INSERT:
        fill_insert(w, op);
        break;
    case SIM_OP_COUNT:
        fill_count(w, op);
        break;
    default:
        r->type = DBR_REQUEST_QUERY;
        r->level = DEBROS_NONE;
        op->statements[0].sql =
            "SELECT id, v, at, r, (SELECT n FROM c) FROM t ORDER BY rowid";
        break;
    }
}

struct sim_op *sim_submit(struct sim_world *w, int i, int kind, uint32_t timeout_ms)
{
    struct sim_node *node = &w->nodes[i];
    if (node->core == NULL || (node->phase != SIM_MEMBER && node->phase != SIM_CLIENT)) {
        return NULL;
    }
    struct sim_op *op = calloc(1, sizeof(*op));
    op->kind = kind;
    op->node = i;
    dbr_list_init(&op->link);
    dbr_list_init(&op->request.link);
    dbr_arena_init(&op->request.arena, 0);
    fill(w, op);
    op->request.deadline = w->now + timeout_ms;
    dbr_list_push_back(&node->ops, &op->link);
    dbr_core_request(node->core, &op->request, w->now);
    sim_drain(w, i);
    return op;
}

/* ---- Checks -------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t hash, const debros_value *value)
{
    hash = (hash ^ (uint64_t)value->type) * 0x100000001b3;
    if (value->type == DEBROS_INTEGER) {
        return (hash ^ (uint64_t)value->as.integer) * 0x100000001b3;
    }
    for (size_t i = 0; value->type == DEBROS_TEXT && i < value->as.bytes.len; i++) {
        hash = (hash ^ value->as.bytes.data[i]) * 0x100000001b3;
    }
    return hash;
}

bool sim_check_dump(struct sim_world *w, int node, const debros_result *rows)
{
    struct sim_answer *answer = &sim_answer[node];
    uint8_t *seen = calloc((size_t)w->next_id + 1, 1);
    bool ok = true;
    answer->hash = 0xcbf29ce484222325;
    answer->rows = rows->n_rows;
    for (size_t i = 0; i < rows->n_rows; i++) {
        const debros_value *row = &rows->cells[i * rows->n_columns];
        int64_t id = row[0].as.integer;
        sim_trace(w, "n%d holds row %lld", node, (long long)id);
        for (size_t c = 0; c < rows->n_columns; c++) {
            answer->hash = mix(answer->hash, &row[c]);
        }
        answer->counter = (uint64_t)row[4].as.integer;
        if (id < 0 || id >= w->next_id || seen[id] || w->state[id] == ROW_FAILED) {
            sim_fail(w, "node %d: row %lld %s", node, (long long)id,
                     id >= 0 && id < w->next_id && seen[id] ? "is there twice"
                                                            : "was never accepted");
            ok = false;
        } else {
            seen[id] = 1;
        }
    }
    answer->done = true;
    free(seen);
    return ok;
}

/* ---- Answers
 * --------------------------------------------------------------------------- */

static bool is_unknown(int status)
{
    return status == DEBROS_ETIMEDOUT || status == DEBROS_ECANCELED ||
           status == DEBROS_EUNREACHABLE;
}

static void insert_done(struct sim_world *w, struct sim_op *op)
{
    int status = op->request.status;
    if (status == 0) {
        set_row(w, op->id, ROW_ACKED);
        w->result->n.acked++;
    } else if (is_unknown(status)) {
        set_row(w, op->id, ROW_UNKNOWN);
        w->result->n.unknown++;
    } else {
        set_row(w, op->id, ROW_FAILED);
        w->result->n.failed++;
    }
}

static void count_done(struct sim_world *w, struct sim_op *op)
{
    const struct dbr_sql_reply *reply = op->request.sql;
    w->result->n.stale_refusals += op->request.status == DEBROS_ESTATE;
    if (op->request.status != 0 || reply == NULL) {
        return;
    }
    w->result->n.reads_of[op->request.level]++;
    int64_t rows = reply->results[0].cells[0].as.integer;
    w->result->n.reads++;
    if (rows < (int64_t)op->floor) {
        sim_fail(w,
                 "stale read of level %d, freshness %u, on node %d: %lld rows, %llu were "
                 "acknowledged",
                 (int)op->request.level, op->request.freshness_ms, op->node,
                 (long long)rows, (unsigned long long)op->floor);
    }
}

static void invite_done(struct sim_world *w, struct sim_op *op)
{
    if (op->request.status != 0) {
        return;
    }
    for (int i = 0; i < w->n_nodes - 1; i++) {
        struct sim_node *node = &w->nodes[i];
        if (!node->has_cluster && node->invite == NULL) {
            node->invite = strdup(op->request.text);
            sim_push(w, (struct sim_event){.at = w->now + 1,
                                           .type = SIM_RESTART,
                                           .node = i,
                                           .incarnation = node->incarnation});
            return;
        }
    }
}

static void answer_done(struct sim_world *w, struct sim_op *op)
{
    struct sim_answer *answer = &sim_answer[op->node];
    answer->status = op->request.status;
    if (op->request.status != 0) {
        return;
    }
    if (op->kind == SIM_OP_STATUS) {
        answer->applied = op->request.node_status->applied_index;
        answer->role = op->request.node_status->role;
    } else if (op->kind == SIM_OP_DUMP) {
        sim_check_dump(w, op->node, &op->request.sql->results[0]);
    }
    answer->done = true;
}

void sim_op_free(struct sim_op *op)
{
    dbr_list_remove(&op->link);
    dbr_sql_reply_destroy(op->request.sql);
    dbr_arena_finish(&op->request.arena);
    free(op);
}

void sim_op_done(struct sim_world *w, struct sim_op *op)
{
    sim_trace(w, "n%d op %d id %lld: %s", op->node, op->kind, (long long)op->id,
              debros_err_name(op->request.status));
    switch (op->kind) {
    case SIM_OP_TEST:
        op->done = true;
        dbr_list_remove(&op->link);
        return;
    case SIM_OP_INSERT:
        insert_done(w, op);
        break;
    case SIM_OP_COUNT:
        count_done(w, op);
        break;
    case SIM_OP_INVITE:
        invite_done(w, op);
        break;
    default:
        answer_done(w, op);
        break;
    }
    sim_op_free(op);
}

/* The node is gone: nobody knows what became of its requests. */
void sim_ops_lost(struct sim_world *w, int i)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &w->nodes[i].ops)
    {
        struct sim_op *op = DBR_LIST_ENTRY(item, struct sim_op, link);
        if (op->kind == SIM_OP_INSERT) {
            set_row(w, op->id, ROW_UNKNOWN);
            w->result->n.unknown++;
        }
        if (op->kind == SIM_OP_TEST) {
            dbr_list_remove(&op->link);
        } else {
            sim_op_free(op);
        }
    }
}

struct sim_op *sim_test_op(struct sim_world *w, int node, enum dbr_request_type type)
{
    struct sim_op *op = calloc(1, sizeof(*op));
    (void)w;
    op->kind = SIM_OP_TEST;
    op->node = node;
    op->request.type = type;
    op->request.ns = "default";
    op->request.statements = op->statements;
    op->request.n_statements = 1;
    dbr_list_init(&op->link);
    dbr_list_init(&op->request.link);
    dbr_arena_init(&op->request.arena, 0);
    return op;
}

int sim_test_run(struct sim_world *w, struct sim_op *op, uint32_t timeout_ms)
{
    struct sim_node *node = &w->nodes[op->node];
    op->request.deadline = w->now + timeout_ms;
    dbr_list_push_back(&node->ops, &op->link);
    dbr_core_request(node->core, &op->request, w->now);
    sim_drain(w, op->node);
    for (uint32_t t = 0; !op->done && t < timeout_ms + 1000; t += 10) {
        sim_step_until(w, w->now + 10);
    }
    return op->done ? op->request.status : DEBROS_EINTERNAL;
}

void sim_load(struct sim_world *w)
{
    if (w->stop_load) {
        return;
    }
    int node = (int)dbr_rng_below(&w->load_rng, (uint64_t)w->n_nodes);
    int kind = dbr_rng_below(&w->load_rng, 4) == 0 ? SIM_OP_COUNT : SIM_OP_INSERT;
    sim_submit(w, node, kind, 2000 + (uint32_t)dbr_rng_below(&w->load_rng, 4000));
    sim_push(w, (struct sim_event){.at = w->now + 1 + dbr_rng_below(&w->load_rng, 60),
                                   .type = SIM_LOAD,
                                   .node = -1});
}
