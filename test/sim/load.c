/* The load, and what its answers promise at once: a row that was refused is nowhere, and
 * the order of the log indexes respects real time. The rest is history.c's. */
#include <stdlib.h>

#include "world.h"

struct sim_answer sim_answer[SIM_NODES_MAX];

static struct sim_record *record_of(struct sim_world *w, const struct sim_op *op)
{
    return &w->records[op->id];
}

static void new_record(struct sim_world *w, struct sim_op *op, bool is_read)
{
    if (w->next_id >= w->cap_records) {
        w->cap_records = 2 * w->cap_records + 256;
        w->records = realloc(w->records, (size_t)w->cap_records * sizeof(*w->records));
    }
    op->id = w->next_id++;
    w->records[op->id] =
        (struct sim_record){.is_read = is_read, .level = op->request.level};
    op->floor = w->floor;
    op->began_at = w->floor;
}

/* A leader that was cut off believes in itself for two of its election timeouts (500 ms)
 * at most. What it or others send waits as long as a partition or a pause takes. */
#define DEPOSED_MS   1000
#define UNDER_WAY_MS 5000

/* The index that had been acknowledged `age` ms ago. */
static uint64_t floor_before(const struct sim_world *w, uint32_t age)
{
    size_t n = w->n_acks;
    while (n > 0 && w->acks[n - 1].at + age > w->now) {
        n--;
    }
    return n > 0 ? w->acks[n - 1].floor : 0;
}

static bool is_exact(enum debros_level level)
{
    return level == DEBROS_LINEARIZABLE || level == DEBROS_STRONG;
}

/* A client mixes levels. */
static void fill_read(struct sim_world *w, struct sim_op *op)
{
    static const enum debros_level levels[] = {
        DEBROS_LINEARIZABLE, DEBROS_LINEARIZABLE, DEBROS_LINEARIZABLE, DEBROS_WEAK,
        DEBROS_STRONG,       DEBROS_NONE,         DEBROS_NONE,         DEBROS_AUTO};
    struct dbr_request *r = &op->request;
    r->type = DBR_REQUEST_QUERY;
    r->level = w->faults ? levels[dbr_rng_below(&w->load_rng, 8)] : DEBROS_LINEARIZABLE;
    op->statements[0].sql =
        "SELECT (SELECT count(*) FROM t), (SELECT group_concat(k || '=' || v, ';') "
        "FROM (SELECT k, v FROM s ORDER BY k))";
    new_record(w, op, true);
    bool may_be_old = r->level == DEBROS_NONE || r->level == DEBROS_AUTO;
    if (may_be_old && dbr_rng_below(&w->load_rng, 2) == 0) {
        r->freshness_ms = 60 + (uint32_t)dbr_rng_below(&w->load_rng, 2000);
    }
    if (may_be_old && r->freshness_ms == 0) {
        op->floor = 0; /* any age */
    } else if (!is_exact(r->level)) {
        op->floor = floor_before(w, r->freshness_ms + DEPOSED_MS + UNDER_WAY_MS);
    }
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
        sim_work_setup(w, op);
        break;
    case SIM_OP_WRITE:
        new_record(w, op, false);
        sim_work_write(w, op, record_of(w, op));
        break;
    case SIM_OP_COUNT:
        fill_read(w, op);
        break;
    default:
        r->type = DBR_REQUEST_QUERY;
        r->level = DEBROS_NONE;
        op->statements[0].sql =
            "SELECT id, v, at, r, (SELECT n FROM c), (SELECT group_concat(v) FROM "
            "(SELECT v FROM s ORDER BY k)) FROM t ORDER BY rowid";
        break;
    }
}

struct sim_op *sim_submit(struct sim_world *w, int i, int kind, uint32_t timeout_ms)
{
    struct sim_node *node = &w->nodes[i];
    if (node->core == NULL || node->paused_until > w->now ||
        (node->phase != SIM_MEMBER && node->phase != SIM_CLIENT)) {
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
    op->began_deserted = w->nodes[0].core == NULL;
    dbr_list_push_back(&node->ops, &op->link);
    sim_act(w, i);
    sim_short(w);
    dbr_core_request(node->core, &op->request, w->now);
    sim_enough(w);
    sim_drain(w, i);
    return op; /* it may be gone already: only for NULL or not */
}

/* ---- The final tables ----------------------------------------------------------------
 */

static uint64_t mix(uint64_t hash, const debros_value *value)
{
    hash = sim_hash(hash, &value->type, sizeof(value->type));
    if (value->type == DEBROS_INTEGER) {
        return sim_hash(hash, &value->as.integer, sizeof(value->as.integer));
    }
    return value->type == DEBROS_TEXT
               ? sim_hash(hash, value->as.bytes.data, value->as.bytes.len)
               : hash;
}

/* What is wrong about the row; NULL: nothing. */
static const char *row_wrong(const struct sim_world *w, const uint8_t *seen, int64_t id)
{
    if (id <= 0 || id >= w->next_id || w->records[id].is_read) {
        return "was never written";
    }
    if (seen[id]) {
        return "is there twice";
    }
    return w->records[id].outcome == SIM_REFUSED ? "was refused" : NULL;
}

bool sim_check_dump(struct sim_world *w, int node, const debros_result *rows)
{
    struct sim_answer *answer = &sim_answer[node];
    uint8_t *seen = calloc((size_t)w->next_id, 1);
    bool ok = true;
    answer->hash = SIM_HASH_START;
    answer->rows = rows->n_rows;
    for (size_t i = 0; i < rows->n_rows && ok; i++) {
        const debros_value *row = &rows->cells[i * rows->n_columns];
        int64_t id = row[0].as.integer;
        const char *wrong = row_wrong(w, seen, id);
        for (size_t c = 0; c < rows->n_columns; c++) {
            answer->hash = mix(answer->hash, &row[c]);
        }
        answer->counter = (uint64_t)row[4].as.integer;
        if (wrong != NULL) {
            sim_fail(w, "node %d: row %lld %s", node, (long long)id, wrong);
            ok = false;
        } else {
            seen[id] = 1;
        }
    }
    answer->done = true;
    free(seen);
    return ok;
}

/* ---- Answers -------------------------------------------------------------------------
 */

static bool is_unknown(int status)
{
    return status == DEBROS_ETIMEDOUT || status == DEBROS_ECANCELED ||
           status == DEBROS_EUNREACHABLE || status == DEBROS_ENOMEM;
}

/* Real time: what was answered before this began has no larger index. */
static void check_floor(struct sim_world *w, const struct sim_op *op)
{
    const struct sim_record *r = record_of(w, op);
    if (r->index < op->floor || (!r->is_read && r->index == op->floor)) {
        sim_fail(w,
                 "%s %lld on node %d (level %d, freshness %u) is at %llu, but %llu was "
                 "answered before it began",
                 r->is_read ? "stale read" : "write", (long long)op->id, op->node,
                 (int)op->request.level, op->request.freshness_ms,
                 (unsigned long long)r->index, (unsigned long long)op->floor);
    }
}

static void raise_floor(struct sim_world *w, uint64_t index)
{
    if (index <= w->floor) {
        return;
    }
    if (w->n_acks == w->cap_acks) {
        w->cap_acks = 2 * w->cap_acks + 256;
        w->acks = realloc(w->acks, w->cap_acks * sizeof(*w->acks));
    }
    w->floor = index;
    w->acks[w->n_acks++] = (struct sim_ack){.at = w->now, .floor = index};
}

static void write_acked(struct sim_world *w, struct sim_op *op)
{
    const struct dbr_sql_reply *reply = op->request.sql;
    struct sim_record *r = record_of(w, op);
    for (size_t i = 2; i < reply->n_results; i++) {
        r->changes += reply->results[i].rows_affected;
    }
    w->n_acked_rows++;
    w->guess[r->key] = r->a;
    r->index = reply->index;
    check_floor(w, op);
    raise_floor(w, r->index);
    sim_seen(w, SIM_SEEN_ACKED);
    if (!w->nodes[op->node].leads) {
        sim_seen(w, SIM_SEEN_FORWARDED);
    }
    if (op->began_deserted && w->nodes[op->node].phase == SIM_CLIENT) {
        sim_seen(w, SIM_SEEN_CLIENT_FAILOVER);
    }
}

static void set_outcome(struct sim_world *w, struct sim_op *op)
{
    struct sim_record *r = record_of(w, op);
    r->status = op->request.status;
    r->outcome = r->status == 0          ? SIM_ACKED
                 : is_unknown(r->status) ? SIM_UNKNOWN
                                         : SIM_REFUSED;
    if (r->status == DEBROS_ETIMEDOUT) {
        sim_seen(w, SIM_SEEN_EXPIRED);
    } else if (r->status == DEBROS_ECANCELED) {
        sim_seen(w, SIM_SEEN_CANCELLED);
    }
}

static void write_done(struct sim_world *w, struct sim_op *op)
{
    set_outcome(w, op);
    if (record_of(w, op)->outcome == SIM_ACKED) {
        write_acked(w, op);
    } else {
        sim_seen(w, record_of(w, op)->outcome == SIM_UNKNOWN ? SIM_SEEN_UNKNOWN
                                                             : SIM_SEEN_REFUSED);
    }
}

static void note_read(struct sim_world *w, const struct sim_op *op)
{
    static const enum sim_seen seen[] = {[DEBROS_LINEARIZABLE] = SIM_SEEN_READS,
                                         [DEBROS_NONE] = SIM_SEEN_LOCAL_READS,
                                         [DEBROS_WEAK] = SIM_SEEN_WEAK_READS,
                                         [DEBROS_STRONG] = SIM_SEEN_STRONG_READS,
                                         [DEBROS_AUTO] = SIM_SEEN_AUTO_READS};
    const struct sim_record *r = record_of(w, op);
    sim_seen(w, seen[r->level]);
    if (op->outlived && is_exact(r->level)) {
        sim_seen(w, SIM_SEEN_RETRIED_READS);
    }
    if (r->index < op->began_at) {
        sim_seen(w, SIM_SEEN_OLD_READS);
    }
}

static void read_done(struct sim_world *w, struct sim_op *op)
{
    struct sim_record *r = record_of(w, op);
    set_outcome(w, op);
    if (op->request.status == DEBROS_ESTATE) {
        sim_seen(w, SIM_SEEN_STALE_REFUSED);
    }
    if (op->request.status != 0) {
        return;
    }
    const debros_value *cells = op->request.sql->results[0].cells;
    r->rows = (uint64_t)cells[0].as.integer;
    r->hash = sim_hash(SIM_HASH_START, cells[1].as.bytes.data, cells[1].as.bytes.len);
    r->index = op->request.sql->index;
    check_floor(w, op);
    if (is_exact(r->level)) {
        raise_floor(w, r->index);
    }
    note_read(w, op);
}

static void invite_done(struct sim_world *w, struct sim_op *op)
{
    if (op->request.status != 0) {
        return;
    }
    int n = w->config.n_nodes - (w->is_up ? 0 : w->config.n_late);
    for (int i = 0; i < n; i++) {
        struct sim_node *node = &w->nodes[i];
        if (!node->has_cluster && node->invite == NULL) {
            node->invite = strdup(op->request.text);
            sim_restart_in(w, i, 1);
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
    case SIM_OP_WRITE:
        write_done(w, op);
        break;
    case SIM_OP_COUNT:
        read_done(w, op);
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
        if (op->kind == SIM_OP_WRITE) {
            record_of(w, op)->outcome = SIM_UNKNOWN;
            sim_seen(w, SIM_SEEN_UNKNOWN);
        }
        if (op->kind == SIM_OP_TEST) {
            dbr_list_remove(&op->link);
        } else {
            sim_op_free(op);
        }
    }
}

void sim_ops_outlive(struct sim_world *w, int i)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &w->nodes[i].ops)
    {
        DBR_LIST_ENTRY(item, struct sim_op, link)->outlived = true;
    }
}

void sim_cancel(struct sim_world *w, int i, int64_t id)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &w->nodes[i].ops)
    {
        struct sim_op *op = DBR_LIST_ENTRY(item, struct sim_op, link);
        if (op->id == id && op->kind != SIM_OP_TEST) {
            dbr_core_cancel(w->nodes[i].core, &op->request, w->now);
            sim_drain(w, i);
            return;
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
    sim_act(w, op->node);
    sim_short(w);
    dbr_core_request(node->core, &op->request, w->now);
    sim_enough(w);
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
    uint32_t timeout_ms = 2000 + (uint32_t)dbr_rng_below(&w->load_rng, 4000);
    int kind = dbr_rng_below(&w->load_rng, 16) < 6 ? SIM_OP_COUNT : SIM_OP_WRITE;
    uint64_t cancel = dbr_rng_below(&w->load_rng, 32);
    sim_submit(w, node, kind, timeout_ms);
    if (cancel == 0) {
        sim_push(w, (struct sim_event){.at = w->now + dbr_rng_below(&w->load_rng, 20),
                                       .type = SIM_CANCEL,
                                       .node = node,
                                       .incarnation = w->nodes[node].incarnation,
                                       .len = (size_t)(w->next_id - 1)});
    }
    sim_push(w, (struct sim_event){.at = w->now + 1 + dbr_rng_below(&w->load_rng, 60),
                                   .type = SIM_LOAD,
                                   .node = -1});
    sim_network_load(w);
}
