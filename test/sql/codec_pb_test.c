/* What a peer may not say: each is one change of a good message. */
#include "sql/codec_pb.h"

#include "base/proto.h"
#include "lib/test.h"
#include "sql/codec.h"

/* A message of each kind that decodes. */
struct good {
    DbrPb__Value value;
    DbrPb__Value *values[4];
    DbrPb__Statement statement;
    DbrPb__Statement *statements[2];
    DbrPb__Transaction transaction;
    ProtobufCBinaryData texts[2];
    DbrPb__Result result;
    DbrPb__Result *results[1];
    DbrPb__Reply reply;
    int32_t expect[2];
};

static ProtobufCBinaryData text(const char *chars)
{
    return dbr_proto_bytes(dbr_bytes_str(chars));
}

static void good_init(struct good *g)
{
    memset(g, 0, sizeof(*g));
    dbr_pb__value__init(&g->value);
    for (size_t i = 0; i < 4; i++) {
        g->values[i] = &g->value;
    }
    dbr_pb__statement__init(&g->statement);
    g->statement.sql = text("SELECT 1");
    g->statements[0] = &g->statement;
    g->statements[1] = &g->statement;
    dbr_pb__transaction__init(&g->transaction);
    g->transaction.client = text("0123456789abcdef");
    g->transaction.ns = text("ns");
    g->transaction.statements = g->statements;
    g->transaction.n_statements = 2;
    g->transaction.expect = g->expect;
    g->texts[0] = text("a");
    g->texts[1] = text("b");
    dbr_pb__result__init(&g->result);
    g->result.columns = g->texts;
    g->result.n_columns = 2;
    g->result.types = g->texts;
    g->result.n_types = 2;
    g->result.cells = g->values;
    g->result.n_cells = 4;
    g->result.n_rows = 2;
    g->results[0] = &g->result;
    dbr_pb__reply__init(&g->reply);
    g->reply.results = g->results;
    g->reply.n_results = 1;
}

static int read_transaction(const struct good *g)
{
    struct dbr_arena arena;
    struct dbr_sql_transaction out;
    dbr_arena_init(&arena, 0);
    int err = dbr_sql_pb_read_transaction(&out, &arena, &g->transaction);
    dbr_arena_finish(&arena);
    return err;
}

static int read_reply(const struct good *g)
{
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    int err = dbr_sql_pb_read_reply(reply, &g->reply);
    dbr_sql_reply_destroy(reply);
    return err;
}

#define expect_bad(read, change)                                                         \
    do {                                                                                 \
        struct good g;                                                                   \
        good_init(&g);                                                                   \
        assert_int_equal(read(&g), 0);                                                   \
        change;                                                                          \
        assert_int_equal(read(&g), DEBROS_EPROTO);                                       \
    } while (0)

static void transactions(void **state)
{
    (void)state;
    expect_bad(read_transaction, g.transaction.client.len = 15);
    expect_bad(read_transaction, g.transaction.client.len = 0);
    expect_bad(read_transaction, g.transaction.n_statements = 0);
    expect_bad(read_transaction, g.transaction.n_statements = DBR_SQL_MAX_STATEMENTS + 1);
    expect_bad(read_transaction, g.transaction.n_expect = 1);
    expect_bad(read_transaction,
               (g.transaction.ns = text("n"), g.transaction.ns.len = 2));
    expect_bad(read_transaction, g.statement.n_params = DBR_SQL_MAX_PARAMS + 1);
    expect_bad(read_transaction,
               (g.statement.sql = text("SELECT"), g.statement.sql.len = 7));
    static char name[DBR_SQL_MAX_NAME + 2];
    memset(name, 'n', sizeof(name) - 1);
    expect_bad(read_transaction, g.transaction.ns = text(name));
}

static void replies(void **state)
{
    (void)state;
    expect_bad(read_reply, g.reply.status = 1);
    expect_bad(read_reply, g.reply.failed = DBR_SQL_MAX_STATEMENTS + 1);
    expect_bad(read_reply, g.reply.n_results = DBR_SQL_MAX_STATEMENTS + 1);
    expect_bad(read_reply, (g.reply.detail = text("x"), g.reply.detail.len = 2));
    expect_bad(read_reply, g.result.n_types = 1);
    expect_bad(read_reply, g.result.n_cells = 3);
    expect_bad(read_reply, g.result.n_rows = 3);
    expect_bad(read_reply, g.result.n_rows = UINT64_MAX);
    expect_bad(read_reply, (g.result.n_columns = 0, g.result.n_types = 0));
    expect_bad(read_reply, (g.texts[1].len = 2));
}

static void what_is_no_message_at_all(void **state)
{
    (void)state;
    struct dbr_arena arena;
    void *out = NULL;
    dbr_arena_init(&arena, 64);
    assert_int_equal(dbr_sql_pb_unpack(&out, &dbr_pb__entry__descriptor, &arena,
                                       dbr_bytes("\xff\xff", 2)),
                     DEBROS_EPROTO);
    assert_int_equal(dbr_sql_pb_unpack(&out, &dbr_pb__reply__descriptor, &arena,
                                       dbr_bytes("\x12\x01x", 3)),
                     DEBROS_ENOMEM); /* the arena's cap */
    dbr_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions),
        cmocka_unit_test(replies),
        cmocka_unit_test(what_is_no_message_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
