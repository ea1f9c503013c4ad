#include <sqlite3.h>

#include "network_fixture.h"

static struct network_fixture f;

/* Each of SQLite's codes is somebody's fault. */
static void codes_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        int rc;
        int err;
        const char *words;
    } codes[] = {{SQLITE_FULL, DEBROS_ENOSPC, "cannot be used"},
                 {SQLITE_NOMEM, DEBROS_ENOMEM, "cannot be used"},
                 {SQLITE_IOERR_NOMEM, DEBROS_ENOMEM, "cannot be used"},
                 {SQLITE_IOERR_READ, DEBROS_EIO, "cannot be used"},
                 {SQLITE_CANTOPEN, DEBROS_EIO, "cannot be used"},
                 {SQLITE_READONLY, DEBROS_EIO, "cannot be used"},
                 {SQLITE_IOERR_DATA, DEBROS_EPROTO, "is damaged"},
                 {SQLITE_CORRUPT, DEBROS_EPROTO, "is damaged"},
                 {SQLITE_NOTADB, DEBROS_EPROTO, "is damaged"},
                 {SQLITE_ERROR, DEBROS_EPROTO, "is damaged"},
                 {SQLITE_CONSTRAINT, DEBROS_EPROTO, "is damaged"}};
    network_up(&f);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_int_equal(dbr_network_failed(&f.network, codes[i].rc), codes[i].err);
        assert_non_null(strstr(f.network.detail.text, codes[i].words));
        assert_non_null(strstr(f.network.detail.text, "/" DBR_NETWORK_FILE));
    }
    network_down(&f);
}

/* All of a batch or nothing of it. */
static void a_batch_is_whole(void **state)
{
    (void)state;
    network_up(&f);
    network_fill(&f);
    assert_int_equal(network_write(&f), 0);
    int rc = sqlite3_exec(f.network.sql,
                          "CREATE TRIGGER t BEFORE INSERT ON peer_book BEGIN SELECT "
                          "raise(FAIL, 'no'); END",
                          NULL, NULL, NULL);
    assert_int_equal(rc, SQLITE_OK);
    network_put(&f, "key", "newer");
    network_provide(&f, "thing", 3);
    network_book(&f, "newer");
    int err = dbr_network_change(&f.network, &f.job->changes);
    assert_int_equal(err, DEBROS_EPROTO);
    network_reopen(&f);
    assert_string_equal(network_text(&f.found), NETWORK_FILLED);
    network_down(&f);
}

/* Keys and envelopes are bytes, with zeroes and without an end; none is allowed too. */
static void bytes_are_bytes(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0, 255};
    network_up(&f);
    f.job = dbr_network_job_create();
    for (size_t len = 0; len <= sizeof(bytes); len += 2) {
        struct dbr_dht_row row = {.type = DBR_DHT_ROW_PUT,
                                  .key = dbr_bytes(bytes, len),
                                  .value = dbr_bytes(bytes, len),
                                  .received_ms = UINT64_MAX};
        int err = dbr_network_batch_add(&f.job->changes, DBR_NETWORK_VALUES, &row);
        assert_int_equal(err, 0);
    }
    assert_int_equal(network_write(&f), 0);
    network_reopen(&f);
    assert_int_equal(f.found.n, 3);
    size_t len = 0;
    for (const struct dbr_network_row *item = f.found.first; item != NULL;
         item = item->next, len += 2) {
        assert_true(dbr_bytes_equal(item->row.key, dbr_bytes(bytes, len)));
        assert_true(dbr_bytes_equal(item->row.value, dbr_bytes(bytes, len)));
        assert_true(item->row.received_ms == UINT64_MAX);
    }
    network_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_told_apart),
        cmocka_unit_test(a_batch_is_whole),
        cmocka_unit_test(bytes_are_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
