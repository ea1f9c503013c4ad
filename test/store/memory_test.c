#include "store/memory.h"

#include "memory_fixture.h"

static const struct dbr_sql_key key = {.client = "client of a tes", .seq = INT64_MAX};

static void add(struct dbr_db *db, uint64_t seq, uint64_t index)
{
    struct dbr_sql_key k = {.client = "client of a tes", .seq = seq};
    struct dbr_request request = {.index = index};
    assert_int_equal(dbr_memory_add(db, &k, &request, 0), SQLITE_OK);
}

static void an_index_is_kept(void **state)
{
    (void)state;
    struct db_fixture f;
    uint64_t applied = 1;
    sqlite3_stmt *stmt = NULL;
    db_open(&f);
    assert_int_equal(dbr_memory_open(f.db, 33, &applied, NULL), 0);
    assert_int_equal(applied, 33);
    assert_int_equal(dbr_memory_set_applied(f.db, 44, false), SQLITE_OK);
    assert_int_equal(dbr_memory_open(f.db, 1, &applied, NULL), 0); /* is there already */
    assert_int_equal(applied, 44);
    assert_int_equal(dbr_memory_applied(f.db, &stmt, &applied), SQLITE_OK);
    assert_int_equal(applied, 44);
    (void)sqlite3_reset(stmt);
    db_close(&f);
}

static void what_became_of_a_request_is_kept(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_request found = {0};
    struct dbr_request request = {
        .index = 7, .status = DEBROS_ESQL, .failed = 3, .detail = dbr_bytes("words", 5)};
    memory_begin(&f);
    assert_int_equal(memory_find(f.db, &key, 0, 100, &found), SQLITE_DONE);
    assert_int_equal(dbr_memory_add(f.db, &key, &request, 0), SQLITE_OK);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(dbr_memory_find(f.db, &key, 0, 100, &found, &stmt), SQLITE_ROW);
    assert_int_equal(found.status, DEBROS_ESQL);
    assert_int_equal(found.failed, 3);
    assert_true(dbr_bytes_equal(found.detail, request.detail));
    (void)sqlite3_reset(stmt);
    /* Too old, and from the future. */
    assert_int_equal(memory_find(f.db, &key, 8, 100, &found), SQLITE_DONE);
    assert_int_equal(memory_find(f.db, &key, 0, 6, &found), SQLITE_DONE);
    db_close(&f);
}

static void requests_in_a_row_share_one(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_request found = {0};
    memory_begin(&f);
    for (uint64_t i = 1; i <= 100; i++) {
        struct dbr_sql_key k = {.client = "client of a tes", .seq = i};
        uint64_t results[2] = {i, 1000 + i};
        struct dbr_request request = {.index = i <= 60 ? 5 : 6,
                                      .results = dbr_bytes(results, sizeof(results))};
        assert_int_equal(dbr_memory_add(f.db, &k, &request, 0), SQLITE_OK);
    }
    assert_int_equal(dbr_memory_flush(f.db), SQLITE_OK);
    assert_int_equal(memory_rows(f.db), 2); /* one for each entry */
    memory_restart(&f);
    for (uint64_t i = 1; i <= 101; i++) {
        struct dbr_sql_key k = {.client = "client of a tes", .seq = i};
        sqlite3_stmt *stmt = NULL;
        int rc = dbr_memory_find(f.db, &k, 0, 100, &found, &stmt);
        assert_int_equal(rc, i <= 100 ? SQLITE_ROW : SQLITE_DONE);
        if (rc == SQLITE_ROW) {
            assert_int_equal(found.index, i <= 60 ? 5 : 6);
            assert_int_equal(found.results.len, 16);
            assert_memory_equal(found.results.data, &i, 8);
        }
        (void)sqlite3_reset(stmt);
    }
    db_close(&f);
}

static void a_gap_is_no_request(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_request found = {0};
    struct dbr_sql_key four = {.client = "client of a tes", .seq = 4};
    struct dbr_sql_key other = {.client = "another of them", .seq = 2};
    memory_begin(&f);
    add(f.db, 2, 9);
    add(f.db, 3, 9);
    add(f.db, 5, 9);
    assert_int_equal(memory_find(f.db, &four, 0, 100, &found), SQLITE_DONE);
    assert_int_equal(memory_find(f.db, &other, 0, 100, &found), SQLITE_DONE);
    add(f.db, 4, 10); /* late, in an entry of its own */
    for (uint64_t i = 1; i <= 6; i++) {
        struct dbr_sql_key k = {.client = "client of a tes", .seq = i};
        assert_int_equal(memory_find(f.db, &k, 0, 100, &found),
                         i >= 2 && i <= 5 ? SQLITE_ROW : SQLITE_DONE);
    }
    db_close(&f);
}

static void what_was_rolled_back_is_dropped(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_request found = {0};
    struct dbr_sql_key one = {.client = "client of a tes", .seq = 1};
    memory_begin(&f);
    add(f.db, 1, 9);
    dbr_memory_drop(f.db);
    assert_int_equal(memory_find(f.db, &one, 0, 100, &found), SQLITE_DONE);
    add(f.db, 1, 9); /* again */
    assert_int_equal(memory_find(f.db, &one, 0, 100, &found), SQLITE_ROW);
    db_close(&f);
}

static uint64_t applied_of(struct db_fixture *f)
{
    uint64_t applied = 0;
    memory_restart(f);
    assert_int_equal(dbr_memory_open(f->db, 0, &applied, NULL), 0);
    return applied;
}

static void the_newest_request_tells_the_index(void **state)
{
    (void)state;
    struct db_fixture f;
    memory_begin(&f);
    assert_int_equal(applied_of(&f), 0);
    memory_add_alone(f.db, memory_one, 5);
    assert_int_equal(dbr_memory_set_applied(f.db, 15, false), SQLITE_OK);
    uint64_t before = sim_disk_ops(f.disk);
    assert_int_equal(dbr_memory_set_applied(f.db, 15, false), SQLITE_OK);
    assert_int_equal(sim_disk_ops(f.disk), before); /* the row says it */
    assert_int_equal(applied_of(&f), 15);
    assert_int_equal(dbr_memory_set_applied(f.db, 17, false), SQLITE_OK);
    assert_int_equal(applied_of(&f), 17);
    memory_add_alone(f.db, memory_one, 6);
    assert_int_equal(dbr_memory_set_applied(f.db, 18, false), SQLITE_OK);
    assert_int_equal(applied_of(&f), 18);
    db_close(&f);
}

static void an_entry_that_is_there_in_part_does_not_count(void **state)
{
    (void)state;
    struct db_fixture f;
    memory_begin(&f);
    memory_add_alone(f.db, memory_one, 5);
    assert_int_equal(dbr_memory_set_applied(f.db, 14, true), SQLITE_OK);
    assert_int_equal(applied_of(&f), 14);
    memory_add_alone(f.db, memory_one, 6);
    assert_int_equal(dbr_memory_set_applied(f.db, 0, true), SQLITE_OK);
    assert_int_equal(applied_of(&f), 0);
    assert_int_equal(dbr_memory_set_applied(f.db, 18, false), SQLITE_OK);
    assert_int_equal(applied_of(&f), 18);
    db_close(&f);
}

/* One that was forgotten and ran again has a row inside the run: the rest is known. */
static void a_row_inside_a_run_hides_nothing(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_sql_key again = {.seq = 3};
    struct dbr_request request = {.index = 90};
    memory_begin(&f);
    for (uint64_t i = 1; i <= 6; i++) {
        memory_add_alone(f.db, memory_one, i);
    }
    memcpy(again.client, memory_one, sizeof(again.client));
    assert_int_equal(dbr_memory_add(f.db, &again, &request, 0), SQLITE_OK);
    memory_check(f.db, memory_one, 2, 6);
    memory_check(f.db, memory_one, 3, 90);
    memory_check(f.db, memory_one, 6, 18);
    db_close(&f);
}

static void the_oldest_are_forgotten(void **state)
{
    (void)state;
    struct db_fixture f;
    memory_begin(&f);
    for (uint64_t i = 1; i <= 10; i++) {
        struct dbr_sql_key k = {.client = "client of a tes", .seq = 2 * i};
        struct dbr_request request = {.index = i * 10};
        /* With each row, the oldest three go that are below 45. */
        assert_int_equal(dbr_memory_add(f.db, &k, &request, i < 8 ? 0 : 45), SQLITE_OK);
    }
    assert_int_equal(dbr_memory_flush(f.db), SQLITE_OK);
    assert_int_equal(memory_rows(f.db), 6);
    db_close(&f);
}

static void many_clients_are_bounded(void **state)
{
    (void)state;
    struct db_fixture f;
    struct dbr_request found = {0};
    memory_begin(&f);
    for (uint32_t i = 0; i < 2 * DBR_MEMORY_MAX_CLIENTS; i++) {
        struct dbr_sql_key k = {.seq = 1};
        struct dbr_request request = {.index = 5};
        memcpy(k.client, &i, sizeof(i));
        assert_int_equal(dbr_memory_add(f.db, &k, &request, 0), SQLITE_OK);
        assert_true(HASH_COUNT(f.db->memory->clients) <= DBR_MEMORY_MAX_CLIENTS);
    }
    struct dbr_sql_key first = {.seq = 1};
    assert_int_equal(memory_find(f.db, &first, 0, 100, &found), SQLITE_ROW);
    db_close(&f);
}

static void another_format_is_refused(void **state)
{
    (void)state;
    struct db_fixture f;
    uint64_t applied = 0;
    debros_detail detail = {{0}};
    db_open(&f);
    assert_int_equal(dbr_memory_open(f.db, 0, &applied, NULL), 0);
    assert_int_equal(dbr_internal_exec(f.db, "UPDATE _debros_meta SET format = 1"),
                     SQLITE_OK);
    assert_int_equal(dbr_memory_open(f.db, 0, &applied, &detail), DEBROS_EIO);
    assert_string_equal(detail.text, "db/x.db: made by another version (format 1)");
    db_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_is_kept),
        cmocka_unit_test(what_became_of_a_request_is_kept),
        cmocka_unit_test(requests_in_a_row_share_one),
        cmocka_unit_test(a_gap_is_no_request),
        cmocka_unit_test(what_was_rolled_back_is_dropped),
        cmocka_unit_test(the_newest_request_tells_the_index),
        cmocka_unit_test(an_entry_that_is_there_in_part_does_not_count),
        cmocka_unit_test(a_row_inside_a_run_hides_nothing),
        cmocka_unit_test(the_oldest_are_forgotten),
        cmocka_unit_test(many_clients_are_bounded),
        cmocka_unit_test(another_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
