#include "store/rows.h"

#include "db_fixture.h"

static void collect(struct db_fixture *f, const char *sql, size_t max, debros_result *out,
                    struct dbr_rows *rows, struct dbr_arena *arena)
{
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    dbr_arena_init(arena, 0);
    dbr_rows_init(rows, arena, max);
    memset(out, 0, sizeof(*out));
    assert_int_equal(dbr_db_prepare(f->db, sql, &stmt, &more), SQLITE_OK);
    int rc = sqlite3_step(stmt);
    dbr_rows_begin(rows, stmt);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(stmt)) {
        dbr_rows_add(rows, stmt);
    }
    (void)sqlite3_reset(stmt);
    dbr_rows_end(rows, out);
}

static void finish(struct dbr_rows *rows, struct dbr_arena *arena)
{
    dbr_rows_finish(rows);
    dbr_arena_finish(arena);
}

static void rows_and_names(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_rows rows;
    struct dbr_arena arena;
    debros_result result;
    db_open(&f);
    collect(&f, "VALUES(1, 'a'), (2, x''), (NULL, 2.5)", 1 << 20, &result, &rows, &arena);
    assert_int_equal(result.n_rows, 3);
    assert_int_equal(result.n_columns, 2);
    assert_string_equal(result.columns[1], "column2");
    assert_string_equal(result.types[1], "");
    assert_int_equal(result.cells[2].as.integer, 2);
    assert_int_equal(result.cells[3].type, DEBROS_BLOB);
    assert_int_equal(result.cells[3].as.bytes.len, 0);
    assert_int_equal(result.cells[4].type, DEBROS_NULL);
    assert_true(result.cells[5].as.real == 2.5);
    finish(&rows, &arena);
    db_close(&f);
}

static void the_cap_counts_what_lies_in_memory(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_rows rows;
    struct dbr_arena arena;
    debros_result result;
    const char *sql =
        "WITH c(x) AS (VALUES(1), (2), (3)) SELECT zeroblob(1000) AS b FROM c";
    size_t needed = 3 * (1000 + sizeof(debros_value)) + 2 * sizeof(char *) + 1;
    db_open(&f);
    collect(&f, sql, needed, &result, &rows, &arena);
    assert_false(rows.too_large);
    assert_int_equal(result.n_rows, 3);
    finish(&rows, &arena);
    collect(&f, sql, needed - 1, &result, &rows, &arena);
    assert_true(rows.too_large);
    assert_int_equal(result.n_rows, 2);
    finish(&rows, &arena);
    collect(&f, sql, 0, &result, &rows, &arena);
    assert_true(rows.too_large);
    assert_int_equal(result.n_rows, 0);
    finish(&rows, &arena);
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_names),
        cmocka_unit_test(the_cap_counts_what_lies_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
