/* network.db on a simulated disk. */
#ifndef DBR_TEST_STORE_NETWORK_FIXTURE_H
#define DBR_TEST_STORE_NETWORK_FIXTURE_H

#include <stdio.h>

#include "lib/sim_disk.h"
#include "lib/test.h"
#include "store/network.h"

struct network_fixture {
    struct sim_disk *disk;
    struct dbr_network network;
    struct dbr_network_batch found; /* by the last open */
    struct dbr_network_job *job;    /* the one to be written next */
    struct dbr_logger logger;
    int warnings;
    char warning[256]; /* the last one */
};

static inline void network_warned(void *data, const debros_log_record *record,
                                  const char *site)
{
    struct network_fixture *f = data;
    (void)site;
    f->warnings += record->level == DEBROS_LOG_WARN;
    snprintf(f->warning, sizeof(f->warning), "%s", record->message);
}

static inline void network_open(struct network_fixture *f)
{
    f->warnings = 0;
    f->warning[0] = '\0';
    f->logger = (struct dbr_logger){DEBROS_LOG_INFO, network_warned, f};
    dbr_network_open(&f->network, sim_disk_fs(f->disk), &f->logger, &f->found);
}

static inline void network_close(struct network_fixture *f)
{
    dbr_network_close(&f->network);
    dbr_network_batch_finish(&f->found);
    dbr_network_job_destroy(f->job);
    f->job = NULL;
}

static inline void network_reopen(struct network_fixture *f)
{
    network_close(f);
    network_open(f);
}

static inline void network_up(struct network_fixture *f)
{
    *f = (struct network_fixture){.disk = sim_disk_create(1)};
    network_open(f);
}

static inline void network_down(struct network_fixture *f)
{
    network_close(f);
    sim_disk_destroy(f->disk);
}

/* ---- Jobs -------------------------------------------------------------------------- */

static inline void network_add(struct network_fixture *f, enum dbr_network_table table,
                               enum dbr_dht_row_type type, const char *key,
                               const char *value, uint8_t peer)
{
    struct dbr_dht_row row = {.type = type,
                              .key = dbr_bytes_str(key),
                              .value = dbr_bytes_str(value),
                              .received_ms = 1000u + (uint64_t)key[0],
                              .own = key[0] == 'o'};
    if (table == DBR_NETWORK_PROVIDERS) {
        row.peer.len = 2;
        row.peer.bytes[0] = 7;
        row.peer.bytes[1] = peer;
    }
    f->job = f->job != NULL ? f->job : dbr_network_job_create();
    assert_non_null(f->job);
    assert_int_equal(dbr_network_batch_add(&f->job->changes, table, &row), 0);
}

static inline void network_put(struct network_fixture *f, const char *key,
                               const char *value)
{
    network_add(f, DBR_NETWORK_VALUES, DBR_DHT_ROW_PUT, key, value, 0);
}

static inline void network_provide(struct network_fixture *f, const char *key,
                                   uint8_t peer)
{
    network_add(f, DBR_NETWORK_PROVIDERS, DBR_DHT_ROW_PUT, key, "", peer);
}

static inline void network_book(struct network_fixture *f, const char *book)
{
    f->job = f->job != NULL ? f->job : dbr_network_job_create();
    dbr_buf_str(&f->job->changes.book, book);
}

/* Writes the job; when it succeeds, it is done with. */
static inline int network_write(struct network_fixture *f)
{
    dbr_network_write(&f->network, f->job);
    int err = f->job->status;
    assert_true((err != 0) == (f->job->detail.text[0] != '\0'));
    if (err == 0) {
        dbr_network_job_destroy(f->job);
        f->job = NULL;
    }
    return err;
}

/* A value, a provider, a book. */
static inline void network_fill(struct network_fixture *f)
{
    network_put(f, "own key", "value");
    network_put(f, "key", "another value");
    network_provide(f, "thing", 1);
    network_provide(f, "thing", 2);
    network_book(f, "a book");
}

/* ---- What was found ---------------------------------------------------------------- */

/* "key=value;" for values, "key:peer;" for providers, "[book]". */
static inline const char *network_text(const struct dbr_network_batch *batch)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (const struct dbr_network_row *item = batch->first; item != NULL;
         item = item->next) {
        const struct dbr_dht_row *row = &item->row;
        assert_int_equal(row->type, DBR_DHT_ROW_PUT);
        assert_int_equal(row->received_ms, 1000u + row->key.data[0]);
        assert_true(row->own == (row->key.data[0] == 'o'));
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s",
                                (int)row->key.len, (const char *)row->key.data);
        if (item->table == DBR_NETWORK_VALUES) {
            assert_int_equal(row->peer.len, 0);
            len += (size_t)snprintf(text + len, sizeof(text) - len, "=%.*s;",
                                    (int)row->value.len, (const char *)row->value.data);
        } else {
            assert_int_equal(row->peer.len, 2);
            assert_int_equal(row->value.len, 0);
            len += (size_t)snprintf(text + len, sizeof(text) - len, ":%d;",
                                    row->peer.bytes[1]);
        }
    }
    if (batch->book.len > 0) {
        snprintf(text + len, sizeof(text) - len, "[%.*s]", (int)batch->book.len,
                 (const char *)batch->book.data);
    }
    return text;
}

#define NETWORK_FILLED "own key=value;key=another value;thing:1;thing:2;[a book]"

#endif
