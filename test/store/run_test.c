#include "fixture.h"

#include <float.h>
#include <stdio.h>

static void values_come_back_as_they_went(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE v(k INTEGER PRIMARY KEY, v)");
    static const uint8_t blob[] = {0, 255, 0, 1};
    const debros_value values[] = {
        {.type = DEBROS_INTEGER, .as.integer = INT64_MAX},
        {.type = DEBROS_INTEGER, .as.integer = INT64_MIN},
        {.type = DEBROS_INTEGER, .as.integer = 0},
        {.type = DEBROS_REAL, .as.real = 0.1},
        {.type = DEBROS_REAL, .as.real = -DBL_MAX},
        {.type = DEBROS_REAL, .as.real = 5e-324},
        {.type = DEBROS_NULL},
        {.type = DEBROS_TEXT, .as.bytes = dbr_bytes(NULL, 0)},
        {.type = DEBROS_TEXT,
         .as.bytes = dbr_bytes("z\xc3\xbcrich \xf0\x9f\x98\x80", 12)},
        {.type = DEBROS_TEXT, .as.bytes = dbr_bytes("a\0b", 3)},
        {.type = DEBROS_BLOB, .as.bytes = dbr_bytes(NULL, 0)},
        {.type = DEBROS_BLOB, .as.bytes = dbr_bytes(blob, sizeof(blob))},
    };
    for (size_t i = 0; i < DBR_COUNT(values); i++) {
        debros_value params[] = {{.type = DEBROS_INTEGER, .as.integer = (int64_t)i},
                                 values[i]};
        debros_statement insert = {"INSERT INTO v VALUES(?, ?) RETURNING v", params, 2};
        const struct dbr_sql_reply *reply = fixture_exec_list(&f, "default", &insert, 1);
        assert_reply(reply, 0, "");
        assert_int_equal(reply->results[0].cells[0].type, values[i].type);
    }
    const struct dbr_sql_reply *reply =
        fixture_query(&f, "default", "SELECT v FROM v ORDER BY k");
    assert_int_equal(reply->results[0].n_rows, DBR_COUNT(values));
    for (size_t i = 0; i < DBR_COUNT(values); i++) {
        const debros_value *cell = &reply->results[0].cells[i];
        assert_int_equal(cell->type, values[i].type);
        if (cell->type == DEBROS_INTEGER) {
            assert_true(cell->as.integer == values[i].as.integer);
        } else if (cell->type == DEBROS_REAL) {
            assert_true(cell->as.real == values[i].as.real);
        } else if (cell->type != DEBROS_NULL) {
            assert_non_null(cell->as.bytes.data);
            assert_true(dbr_bytes_equal(cell->as.bytes, values[i].as.bytes));
        }
    }
    fixture_finish(&f);
}

static void columns_have_names_and_types(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default",
                 "CREATE TABLE t(id INTEGER PRIMARY KEY, name VARCHAR(10))");
    const struct dbr_sql_reply *reply =
        fixture_query(&f, "default", "SELECT name, id, 1 + 1 AS two FROM t");
    assert_int_equal(reply->results[0].n_columns, 3);
    assert_int_equal(reply->results[0].n_rows, 0);
    assert_string_equal(reply->results[0].columns[0], "name");
    assert_string_equal(reply->results[0].types[0], "VARCHAR(10)");
    assert_string_equal(reply->results[0].types[1], "INTEGER");
    assert_string_equal(reply->results[0].columns[2], "two");
    assert_string_equal(reply->results[0].types[2], "");
    fixture_finish(&f);
}

static void kept_statements_see_a_new_schema(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    fixture_must(&f, "default", "CREATE TABLE t(a)");
    fixture_must(&f, "default", "INSERT INTO t VALUES(1)");
    assert_string_equal(fixture_rows(&f, "default", "SELECT * FROM t"), "1");
    fixture_must(&f, "default", "ALTER TABLE t ADD COLUMN b DEFAULT 2");
    assert_string_equal(fixture_rows(&f, "default", "SELECT * FROM t"), "1|2");
    fixture_must(&f, "default", "DROP TABLE t");
    assert_reply(fixture_query(&f, "default", "SELECT * FROM t"), DEBROS_ESQL,
                 "statement 1: no such table: t");
    fixture_finish(&f);
}

static void more_statements_than_are_kept(void **state)
{
    (void)state;
    struct fixture f;
    char sql[64];
    fixture_init_default(&f);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 80; i++) {
            (void)snprintf(sql, sizeof(sql), "SELECT %d", i);
            assert_string_equal(fixture_rows(&f, "default", sql), sql + 7);
        }
    }
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_went),
        cmocka_unit_test(columns_have_names_and_types),
        cmocka_unit_test(kept_statements_see_a_new_schema),
        cmocka_unit_test(more_statements_than_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
