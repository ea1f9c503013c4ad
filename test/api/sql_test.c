#include <poll.h>
#include <stdlib.h>

#include "harness.h"

static struct harness_folder folder;
static debros_node *node;

static int set_up(void **state)
{
    (void)state;
    harness_folder_make(&folder);
    node = harness_lead(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    debros_node_destroy(node);
    harness_folder_remove(&folder);
    return 0;
}

static void assert_invalid(debros_sql *req, const char *why)
{
    assert_int_equal(debros_sql_exec(node, req, NULL), DEBROS_EINVAL);
    assert_string_equal(req->base.detail, why);
}

static void arguments_are_checked_before_anything_happens(void **state)
{
    (void)state;
    debros_value value = {.type = (enum debros_value_type)99};
    debros_statement statements[2] = {{.sql = "SELECT 1"}, {.sql = "SELECT 2"}};
    debros_sql req = {.statements = statements};
    assert_invalid(&req, "exec takes 1 to 1,000 statements");
    req.n_statements = 1001;
    assert_invalid(&req, "exec takes 1 to 1,000 statements");
    req.n_statements = 2;
    assert_int_equal(debros_sql_query(node, &req, NULL), DEBROS_EINVAL);
    assert_string_equal(req.base.detail, "a query takes 1 statement");
    statements[1].sql = NULL;
    assert_invalid(&req, "a statement has no SQL");
    statements[1].sql = "SELECT ?";
    statements[1].n_params = 1;
    assert_invalid(&req, "a statement counts parameters and has none");
    statements[1].params = &value;
    assert_invalid(&req, "a parameter has no known type");
    value = (debros_value){.type = DEBROS_BLOB, .as.bytes = {NULL, 1}};
    assert_invalid(&req, "a parameter has a length and no bytes");
    req.n_statements = 1;
    req.level = (enum debros_level)7;
    assert_int_equal(debros_sql_query(node, &req, NULL), DEBROS_EINVAL);
    assert_string_equal(req.base.detail, "the query has no known level");
    req.level = DEBROS_WEAK;
    req.freshness = 100;
    assert_int_equal(debros_sql_query(node, &req, NULL), DEBROS_EINVAL);
    assert_non_null(strstr(req.base.detail, "freshness is for queries of level none"));
    req.freshness = 0;
    char *longest = malloc((1 << 20) + 2);
    memset(longest, ' ', (1 << 20) + 1);
    longest[(1 << 20) + 1] = '\0';
    statements[0].sql = longest;
    assert_invalid(&req, "a statement is longer than 1 MiB");
    free(longest);
}

static void values_of_every_type_go_in_and_come_out(void **state)
{
    (void)state;
    const debros_value in[] = {
        {.type = DEBROS_NULL},
        {.type = DEBROS_INTEGER, .as.integer = INT64_MIN},
        {.type = DEBROS_REAL, .as.real = 0.5},
        {.type = DEBROS_TEXT, .as.bytes = {(const uint8_t *)"text", 4}},
        {.type = DEBROS_BLOB, .as.bytes = {(const uint8_t *)"\0\1", 2}},
    };
    const debros_statement statements[] = {
        {.sql = "CREATE TABLE t (a, b INTEGER, c REAL, d TEXT, e BLOB)"},
        {.sql = "INSERT INTO t VALUES (?, ?, ?, ?, ?)", .params = in, .n_params = 5},
    };
    const debros_statement select = {.sql = "SELECT * FROM t"};
    debros_sql req = {.statements = statements, .n_statements = 2};
    assert_int_equal(debros_sql_exec(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    assert_int_equal(req.n_results, 2);
    assert_int_equal(req.results[1].rows_affected, 1);
    assert_true(req.index > 0);
    req.statements = &select;
    req.n_statements = 1;
    assert_int_equal(debros_sql_query(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), 0);
    const debros_result *r = &req.results[0];
    assert_int_equal(r->n_columns, 5);
    assert_int_equal(r->n_rows, 1);
    assert_string_equal(r->columns[3], "d");
    assert_int_equal(r->cells[0].type, DEBROS_NULL);
    assert_true(r->cells[1].as.integer == INT64_MIN);
    assert_true(r->cells[2].as.real == 0.5);
    assert_memory_equal(r->cells[3].as.bytes.data, "text", 4);
    assert_memory_equal(r->cells[4].as.bytes.data, "\0\1", 2);
    debros_release(node, &req.base);
}

static void a_rejected_statement_is_named(void **state)
{
    (void)state;
    const debros_statement statements[] = {{.sql = "CREATE TABLE t (a)"},
                                           {.sql = "INSERT INTO missing VALUES (1)"}};
    debros_sql req = {.statements = statements, .n_statements = 2};
    assert_int_equal(debros_sql_exec(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_ESQL);
    assert_int_equal(req.failed, 2);
    assert_non_null(req.base.detail);
    assert_non_null(strstr(req.base.detail, "no such table"));
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a)"), 0); /* nothing of it ran */
    debros_release(node, &req.base);
}

static void an_unknown_namespace_is_not_found(void **state)
{
    (void)state;
    const debros_statement select = {.sql = "SELECT 1"};
    debros_sql req = {.ns = "nothing", .statements = &select, .n_statements = 1};
    assert_int_equal(debros_sql_query(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_ENOTFOUND);
    assert_int_equal(debros_sql_exec(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_ENOTFOUND);
    debros_release(node, &req.base);
}

static void on_done(debros_sql *req, int status)
{
    int *n = req->base.data;
    assert_true(status == 0 || status == DEBROS_ECANCELED);
    ++*n;
}

static void cancel_still_calls_back(void **state)
{
    (void)state;
    const debros_statement select = {.sql = "SELECT 1"};
    debros_sql reqs[20] = {0};
    int n = 0;
    for (int i = 0; i < 20; i++) {
        reqs[i].base.data = &n;
        reqs[i].statements = &select;
        reqs[i].n_statements = 1;
        assert_int_equal(debros_sql_query(node, &reqs[i], on_done), 0);
        debros_cancel(node, &reqs[i].base);
        debros_cancel(node, &reqs[i].base);
    }
    harness_dispatch_until(node, &n, 20);
    for (int i = 0; i < 20; i++) {
        debros_cancel(node, &reqs[i].base);
    }
}

static void on_late(debros_sql *req, int status)
{
    assert_int_equal(status, DEBROS_ETIMEDOUT);
    ++*(int *)req->base.data;
}

/* The node thread answers short queries itself. One that has become long must not keep it
 * from the others. */
static void a_query_that_grows_does_not_stop_the_node(void **state)
{
    (void)state;
    static const char wide[] = "SELECT count(*) FROM t AS a, t AS b, t AS c, t AS d";
    assert_int_equal(harness_exec(node, "CREATE TABLE t (i INTEGER PRIMARY KEY)"), 0);
    for (int i = 0; i < 20; i++) { /* until it is known that it and all are short */
        assert_int_equal(harness_count(node, wide), 0);
    }
    assert_int_equal(
        harness_exec(node, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                           " FROM n LIMIT 10000) INSERT INTO t SELECT i FROM n"),
        0);
    int n = 0;
    const debros_statement endless = {.sql = wide};
    debros_sql req = {.base = {.timeout = 4000, .data = &n},
                      .statements = &endless,
                      .n_statements = 1};
    assert_int_equal(debros_sql_query(node, &req, on_late), 0);
    poll(NULL, 0, 100); /* it is tried alone */
    assert_int_equal(harness_count(node, "SELECT count(*) FROM t"), 10000);
    assert_int_equal(harness_exec(node, "INSERT INTO t VALUES (0)"), 0);
    assert_int_equal(n, 0);
    harness_dispatch_until(node, &n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(arguments_are_checked_before_anything_happens,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_of_every_type_go_in_and_come_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rejected_statement_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_namespace_is_not_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(cancel_still_calls_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_that_grows_does_not_stop_the_node, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
