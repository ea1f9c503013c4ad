#include "dht/job.h"

#include "test.h"

static struct dbr_dht_row row_of(const char *key, const char *value)
{
    return (struct dbr_dht_row){.type = DBR_DHT_ROW_PUT,
                                .key = dbr_bytes_str(key),
                                .value = dbr_bytes_str(value),
                                .received_ms = 7,
                                .own = true};
}

/* Rows live on when what they were made of has gone, in the order of their coming. */
static void rows_are_copied_in_order(void **state)
{
    (void)state;
    struct dbr_network_job *job = dbr_network_job_create();
    char key[] = "key";
    char value[] = "value";
    struct dbr_dht_row row = row_of(key, value);
    assert_int_equal(dbr_network_batch_add(&job->changes, DBR_NETWORK_VALUES, &row), 0);
    key[0] = value[0] = '-';
    row = row_of("other", "");
    row.type = DBR_DHT_ROW_DELETE;
    row.peer.len = 3;
    assert_int_equal(dbr_network_batch_add(&job->changes, DBR_NETWORK_PROVIDERS, &row),
                     0);
    assert_int_equal(job->changes.n, 2);
    assert_int_equal(job->changes.bytes, 3 + 5 + 5);
    const struct dbr_network_row *first = job->changes.first;
    assert_int_equal(first->table, DBR_NETWORK_VALUES);
    assert_true(dbr_bytes_equal(first->row.key, dbr_bytes_str("key")));
    assert_true(dbr_bytes_equal(first->row.value, dbr_bytes_str("value")));
    assert_true(first->row.own && first->row.received_ms == 7);
    assert_ptr_equal(first->next, job->changes.last);
    assert_int_equal(first->next->table, DBR_NETWORK_PROVIDERS);
    assert_int_equal(first->next->row.type, DBR_DHT_ROW_DELETE);
    assert_int_equal(first->next->row.peer.len, 3);
    assert_int_equal(first->next->row.value.len, 0);
    assert_null(first->next->next);
    dbr_buf_str(&job->changes.book, "a book");
    dbr_network_job_destroy(job);
    dbr_network_job_destroy(NULL);
}

/* Whichever allocation fails, the batch has the row or is as before. */
static void memory_may_end(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t n = 0; n < 12; n++) {
        struct dbr_network_batch batch = {.n = 0};
        struct dbr_dht_row row = row_of("key", "value");
        batch.arena.cap = 40 * n + 1;
        int err = dbr_network_batch_add(&batch, DBR_NETWORK_VALUES, &row);
        assert_true(err == 0 || err == DEBROS_ENOMEM);
        assert_int_equal(batch.n, err == 0 ? 1 : 0);
        assert_true((batch.first == NULL) == (err != 0));
        failures += err != 0;
        dbr_network_batch_finish(&batch);
        assert_null(batch.first);
    }
    assert_in_range(failures, 1, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_copied_in_order),
        cmocka_unit_test(memory_may_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
