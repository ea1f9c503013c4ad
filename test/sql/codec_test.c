#include "sql/codec.h"

#include "lib/fault.h"
#include "lib/test.h"

static const debros_value params[] = {
    {.type = DEBROS_INTEGER, .as.integer = INT64_MIN},
    {.type = DEBROS_INTEGER, .as.integer = 0},
    {.type = DEBROS_REAL, .as.real = -0.5},
    {.type = DEBROS_NULL},
    {.type = DEBROS_TEXT, .as.bytes = {(const uint8_t *)"a\0b", 3}},
    {.type = DEBROS_TEXT, .as.bytes = {NULL, 0}},
    {.type = DEBROS_BLOB, .as.bytes = {(const uint8_t *)"\xff\0", 2}},
    {.type = DEBROS_BLOB, .as.bytes = {NULL, 0}},
};
static const debros_statement statements[] = {
    {.sql = "INSERT INTO t VALUES(?, ?)",
     .params = params,
     .n_params = DBR_COUNT(params)},
    {.sql = "DELETE FROM t"},
};
static const int32_t expect[] = {-1, 2147483647};

static struct dbr_sql_transaction sample(void)
{
    return (struct dbr_sql_transaction){.key = {.client = "0123456789abcde", .seq = 9},
                                        .ns = "default",
                                        .statements = statements,
                                        .n_statements = 2,
                                        .expect = expect};
}

static void assert_statement(const debros_statement *a, const debros_statement *b)
{
    assert_string_equal(a->sql, b->sql);
    assert_int_equal(a->n_params, b->n_params);
    for (size_t i = 0; i < a->n_params; i++) {
        assert_int_equal(a->params[i].type, b->params[i].type);
        if (a->params[i].type == DEBROS_INTEGER) {
            assert_true(a->params[i].as.integer == b->params[i].as.integer);
        } else if (a->params[i].type == DEBROS_REAL) {
            assert_true(a->params[i].as.real == b->params[i].as.real);
        } else if (a->params[i].type != DEBROS_NULL) {
            assert_true(dbr_bytes_equal(a->params[i].as.bytes, b->params[i].as.bytes));
        }
    }
}

static void assert_sample(const struct dbr_sql_transaction *t)
{
    struct dbr_sql_transaction want = sample();
    assert_memory_equal(t->key.client, want.key.client, DBR_SQL_CLIENT_SIZE);
    assert_int_equal(t->key.seq, 9);
    assert_string_equal(t->ns, "default");
    assert_int_equal(t->n_statements, 2);
    assert_statement(&t->statements[0], &statements[0]);
    assert_statement(&t->statements[1], &statements[1]);
    assert_int_equal(t->expect[0], -1);
    assert_int_equal(t->expect[1], 2147483647);
}

static void entries_are_put_together(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    struct dbr_arena arena;
    struct dbr_sql_entry entry;
    struct dbr_sql_transaction t = sample();
    dbr_arena_init(&arena, 0);
    dbr_sql_entry_head(&buf, -5, UINT64_MAX);
    dbr_sql_entry_add(&buf, &t);
    t.expect = NULL;
    t.n_statements = 1;
    dbr_sql_entry_add(&buf, &t);
    assert_int_equal(dbr_sql_entry_decode(&entry, &arena, dbr_bytes(buf.data, buf.len)),
                     0);
    assert_int_equal(entry.time_ms, -5);
    assert_true(entry.seed == UINT64_MAX);
    assert_int_equal(entry.n_transactions, 2);
    assert_sample(&entry.transactions[0]);
    assert_null(entry.transactions[1].expect);
    assert_int_equal(entry.transactions[1].n_statements, 1);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&buf);
}

static int decode_frame(const struct dbr_buf *buf, struct dbr_sql_frame *frame,
                        struct dbr_arena *arena)
{
    dbr_arena_init(arena, 1 << 20);
    return dbr_sql_frame_decode(frame, arena, dbr_bytes(buf->data, buf->len));
}

static void a_write_travels(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    struct dbr_arena arena;
    struct dbr_sql_frame frame;
    struct dbr_sql_transaction t = sample();
    dbr_sql_frame_exec(&buf, 77, 5000, 1, &t);
    assert_int_equal(decode_frame(&buf, &frame, &arena), 0);
    assert_int_equal(frame.id, 77);
    assert_int_equal(frame.kind, DBR_SQL_FRAME_EXEC);
    assert_int_equal(frame.timeout_ms, 5000);
    assert_int_equal(frame.hops, 1);
    assert_sample(&frame.transaction);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&buf);
}

static void a_query_travels(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    struct dbr_arena arena;
    struct dbr_sql_frame frame;
    dbr_sql_frame_query(&buf, 78, 1, 0, "ns", &statements[0], DEBROS_AUTO, 250);
    assert_int_equal(decode_frame(&buf, &frame, &arena), 0);
    assert_int_equal(frame.kind, DBR_SQL_FRAME_QUERY);
    assert_string_equal(frame.query.ns, "ns");
    assert_int_equal(frame.query.level, DEBROS_AUTO);
    assert_int_equal(frame.query.freshness_ms, 250);
    assert_statement(&frame.query.statement, &statements[0]);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&buf);
}

static void an_answer_travels(void **state)
{
    (void)state;
    static const char *const columns[] = {"a", ""};
    static const char *const types[] = {"TEXT", ""};
    debros_result results[] = {{.columns = columns,
                                .types = types,
                                .cells = params,
                                .n_columns = 2,
                                .n_rows = 4,
                                .rows_affected = INT64_MAX,
                                .last_insert_id = INT64_MIN},
                               {.rows_affected = 3}};
    struct dbr_sql_reply reply = {
        .detail = "", .index = 12, .results = results, .n_results = 2};
    struct dbr_buf buf = {0};
    struct dbr_arena arena;
    struct dbr_sql_frame frame;
    dbr_sql_frame_reply(&buf, 79, &reply);
    assert_int_equal(decode_frame(&buf, &frame, &arena), 0);
    dbr_arena_finish(&arena); /* the reply has its own memory */
    assert_int_equal(frame.kind, DBR_SQL_FRAME_REPLY);
    assert_int_equal(frame.reply->index, 12);
    assert_int_equal(frame.reply->n_results, 2);
    const debros_result *r = &frame.reply->results[0];
    assert_string_equal(r->columns[0], "a");
    assert_string_equal(r->types[0], "TEXT");
    assert_int_equal(r->n_rows, 4);
    assert_true(r->rows_affected == INT64_MAX && r->last_insert_id == INT64_MIN);
    debros_statement got = {"", r->cells, 8};
    debros_statement want = {"", params, 8};
    assert_statement(&got, &want);
    assert_int_equal(frame.reply->results[1].n_columns, 0);
    dbr_sql_reply_destroy(frame.reply);
    dbr_buf_finish(&buf);
}

static void a_failure_travels(void **state)
{
    (void)state;
    struct dbr_sql_reply reply = {.status = DEBROS_ESQL, .detail = "words", .failed = 2};
    struct dbr_buf buf = {0};
    struct dbr_arena arena;
    struct dbr_sql_frame frame;
    dbr_sql_frame_reply(&buf, 1, &reply);
    assert_int_equal(decode_frame(&buf, &frame, &arena), 0);
    assert_int_equal(frame.reply->status, DEBROS_ESQL);
    assert_string_equal(frame.reply->detail, "words");
    assert_int_equal(frame.reply->failed, 2);
    dbr_sql_reply_destroy(frame.reply);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&buf);
}

/* Short memory is never taken for a malformed entry: another replica has more. */
static void short_memory_is_told_from_malformed(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    struct dbr_sql_transaction t = sample();
    dbr_sql_entry_head(&buf, 1, 2);
    dbr_sql_entry_add(&buf, &t);
    for (size_t n = 0;; n++) {
        struct dbr_arena arena;
        struct dbr_sql_entry entry;
        dbr_arena_init(&arena, 0);
        fault_after(n);
        int err = dbr_sql_entry_decode(&entry, &arena, dbr_bytes(buf.data, buf.len));
        bool failed = fault_off();
        assert_int_equal(err, failed ? DEBROS_ENOMEM : 0);
        dbr_arena_finish(&arena);
        if (!failed) {
            break;
        }
    }
    struct dbr_buf out = {0};
    fault_after(0);
    dbr_sql_entry_add(&out, &t);
    (void)fault_off();
    assert_true(out.failed);
    dbr_buf_finish(&out);
    dbr_buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_put_together),
        cmocka_unit_test(a_write_travels),
        cmocka_unit_test(a_query_travels),
        cmocka_unit_test(an_answer_travels),
        cmocka_unit_test(a_failure_travels),
        cmocka_unit_test(short_memory_is_told_from_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
