#include "sql/types.h"

#include "lib/test.h"

static void a_failure_has_words_and_no_results(void **state)
{
    (void)state;
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    assert_string_equal(reply->detail, "");
    reply->results = dbr_arena_calloc(&reply->arena, 1, sizeof(*reply->results));
    reply->n_results = 1;
    assert_int_equal(dbr_sql_reply_fail(reply, DEBROS_ESQL, "statement %d: no", 3),
                     DEBROS_ESQL);
    assert_int_equal(reply->status, DEBROS_ESQL);
    assert_string_equal(reply->detail, "statement 3: no");
    assert_null(reply->results);
    assert_int_equal(reply->n_results, 0);
    dbr_sql_reply_destroy(reply);
    dbr_sql_reply_destroy(NULL);
}

static void long_words_are_cut(void **state)
{
    (void)state;
    static char text[5000];
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    memset(text, 'x', sizeof(text) - 1);
    (void)dbr_sql_reply_fail(reply, DEBROS_ESQL, "%s", text);
    assert_int_equal(strlen(reply->detail), 1023);
    dbr_sql_reply_destroy(reply);
}

static void a_value_is_kept_in_the_arena(void **state)
{
    (void)state;
    struct dbr_arena arena = {0};
    char text[] = "ab";
    debros_value number = {.type = DEBROS_INTEGER, .as.integer = 7};
    debros_value value = {.type = DEBROS_TEXT, .as.bytes = dbr_bytes(text, 2)};
    assert_true(dbr_sql_value_keep(&arena, &number));
    assert_int_equal(number.as.integer, 7);
    assert_true(dbr_sql_value_keep(&arena, &value));
    text[0] = 'x';
    assert_memory_equal(value.as.bytes.data, "ab", 2);
    dbr_arena_finish(&arena);
    arena.cap = 1;
    value.as.bytes = dbr_bytes(text, 2);
    assert_false(dbr_sql_value_keep(&arena, &value));
    dbr_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_has_words_and_no_results),
        cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(a_value_is_kept_in_the_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
