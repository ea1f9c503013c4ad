#include "test.h"

#include "sql/pending.h"

static void a_request_is_copied_whole(void **state)
{
    char sql[] = "INSERT INTO t VALUES(?, ?)";
    char text[] = "abc";
    int32_t expect[] = {1};
    debros_value params[] = {{.type = DEBROS_INTEGER, .as.integer = INT64_MIN},
                             {.type = DEBROS_TEXT, .as.bytes = dbr_bytes(text, 3)}};
    debros_statement statement = {.sql = sql, .params = params, .n_params = 2};
    struct dbr_sql_transaction in = {.ns = "default",
                                     .statements = &statement,
                                     .n_statements = 1,
                                     .expect = expect,
                                     .key = {.seq = 7}};
    (void)state;
    struct dbr_pending *p = dbr_pending_create(3, &in);
    assert_non_null(p);
    sql[0] = text[0] = 'X'; /* the caller's memory is the caller's again */
    expect[0] = 9;
    assert_true(p->id == 3);
    assert_true(p->transaction.key.seq == 7);
    assert_string_equal(p->transaction.statements[0].sql, "INSERT INTO t VALUES(?, ?)");
    assert_true(p->transaction.statements[0].params[0].as.integer == INT64_MIN);
    assert_memory_equal(p->transaction.statements[0].params[1].as.bytes.data, "abc", 3);
    assert_int_equal(p->transaction.expect[0], 1);
    dbr_pending_destroy(p);
    dbr_pending_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_copied_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
