#include "sql/job.h"

#include "base/alloc.h"
#include "lib/fault.h"
#include "lib/test.h"

static void an_entry_has_its_own_bytes(void **state)
{
    (void)state;
    char bytes[] = "payload";
    struct dbr_apply_entry *entry =
        dbr_apply_entry_create(7, 3, true, dbr_bytes(bytes, strlen(bytes)));
    bytes[0] = 'x';
    assert_int_equal(entry->index, 7);
    assert_int_equal(entry->term, 3);
    assert_true(entry->wanted);
    assert_memory_equal(entry->data.data, "payload", 7);
    dbr_free(entry);
    entry = dbr_apply_entry_create(8, 3, false, dbr_bytes(NULL, 0));
    assert_int_equal(entry->data.len, 0);
    dbr_free(entry);
    assert_null(dbr_apply_entry_create(1, 1, false, dbr_bytes("", SIZE_MAX)));
}

static void a_job_frees_all_that_it_owns(void **state)
{
    (void)state;
    struct dbr_apply_job *job = dbr_apply_job_create(DBR_APPLY_CHECKPOINT);
    assert_int_equal(job->type, DBR_APPLY_CHECKPOINT);
    job->entries = dbr_apply_entry_create(1, 1, true, dbr_bytes("a", 1));
    job->entries->next = dbr_apply_entry_create(2, 1, true, dbr_bytes("b", 1));
    job->outcomes = dbr_calloc(1, sizeof(*job->outcomes));
    job->outcomes->reply = dbr_sql_reply_create();
    dbr_apply_job_destroy(job);
    dbr_apply_job_destroy(NULL);
}

static void a_query_has_its_own_statement(void **state)
{
    (void)state;
    char sql[] = "SELECT ?, ?";
    char text[] = "text";
    debros_value params[] = {
        {.type = DEBROS_TEXT, .as.bytes = dbr_bytes(text, 4)},
        {.type = DEBROS_INTEGER, .as.integer = INT64_MIN},
        {.type = DEBROS_BLOB, .as.bytes = dbr_bytes(NULL, 0)},
    };
    debros_statement statement = {sql, params, 3};
    struct dbr_query_job *job = dbr_query_job_create(5, "default", &statement);
    memset(sql, 'x', strlen(sql));
    memset(text, 'x', 4);
    memset(params, 0, sizeof(params));
    assert_int_equal(job->token, 5);
    assert_string_equal(job->ns, "default");
    assert_string_equal(job->statement.sql, "SELECT ?, ?");
    assert_memory_equal(job->statement.params[0].as.bytes.data, "text", 4);
    assert_true(job->statement.params[1].as.integer == INT64_MIN);
    assert_int_equal(job->statement.params[2].as.bytes.len, 0);
    job->reply = dbr_sql_reply_create();
    dbr_query_job_destroy(job);
    dbr_query_job_destroy(NULL);
}

static void short_memory_is_no_job(void **state)
{
    (void)state;
    debros_value params[] = {{.type = DEBROS_TEXT, .as.bytes = dbr_bytes("text", 4)}};
    debros_statement statement = {"SELECT ?", params, 1};
    for (size_t n = 0;; n++) {
        fault_after(n);
        struct dbr_query_job *job = dbr_query_job_create(5, "default", &statement);
        bool failed = fault_off();
        assert_true((job == NULL) == failed);
        dbr_query_job_destroy(job);
        if (!failed) {
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_has_its_own_bytes),
        cmocka_unit_test(a_job_frees_all_that_it_owns),
        cmocka_unit_test(a_query_has_its_own_statement),
        cmocka_unit_test(short_memory_is_no_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
