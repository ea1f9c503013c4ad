/* The tables of network.db, and their rows on the way to and from the hash table. */
#include <sqlite3.h>
#include <stdlib.h>

#include "base/detail.h"
#include "network.h"
#include "vfs.h"

#define APPLICATION 1145196119 /* "DBNW" */
#define FORMAT      1
#define PAGES_MAX   "24576" /* of the file: 96 MiB */

static const char *const texts[DBR_NETWORK_STATEMENTS] = {
    [DBR_NETWORK_BEGIN] = "BEGIN IMMEDIATE",
    [DBR_NETWORK_COMMIT] = "COMMIT",
    [DBR_NETWORK_ROLLBACK] = "ROLLBACK",
    [DBR_NETWORK_PUT_VALUE] = "INSERT OR REPLACE INTO dht_values(key, envelope, "
                              "received_ms, own) VALUES(?1, ?3, ?4, ?5)",
    [DBR_NETWORK_PUT_PROVIDER] = "INSERT OR REPLACE INTO dht_providers(key, peer, "
                                 "received_ms, own) VALUES(?1, ?2, ?4, ?5)",
    [DBR_NETWORK_DELETE_VALUE] = "DELETE FROM dht_values WHERE key = ?1",
    [DBR_NETWORK_DELETE_PROVIDER] = "DELETE FROM dht_providers WHERE key = ?1 AND peer = "
                                    "?2",
    [DBR_NETWORK_CLEAR_VALUES] = "DELETE FROM dht_values",
    [DBR_NETWORK_CLEAR_PROVIDERS] = "DELETE FROM dht_providers",
    [DBR_NETWORK_PUT_BOOK] = "INSERT OR REPLACE INTO peer_book(id, bytes) VALUES(1, ?3)",
    [DBR_NETWORK_READ_VALUES] =
        "SELECT key, x'', envelope, received_ms, own FROM dht_values",
    [DBR_NETWORK_READ_PROVIDERS] =
        "SELECT key, peer, x'', received_ms, own FROM dht_providers",
    [DBR_NETWORK_READ_BOOK] = "SELECT bytes FROM peer_book WHERE id = 1",
};

/* ---- Errors ------------------------------------------------------------------------ */

/* Whatever the file system did not say is the file's own fault. */
static int error_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return DEBROS_ENOSPC;
    case SQLITE_NOMEM:
        return DEBROS_ENOMEM;
    case SQLITE_IOERR:
        return rc == SQLITE_IOERR_NOMEM  ? DEBROS_ENOMEM
               : rc == SQLITE_IOERR_DATA ? DEBROS_EPROTO
                                         : DEBROS_EIO;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return DEBROS_EIO;
    default:
        return DEBROS_EPROTO;
    }
}

int dbr_network_failed(struct dbr_network *network, int rc)
{
    int err = error_of(rc);
    /* Which of them, SQLite does not always say: the file system knows. */
    int below = network->vfs != NULL ? dbr_vfs_error(network->vfs, true) : 0;
    if (err == DEBROS_EIO && (below == DEBROS_ENOSPC || below == DEBROS_ENOMEM)) {
        err = below;
    }
    return dbr_detail_set(&network->detail, err, "%s/" DBR_NETWORK_FILE " %s: %s",
                          network->fs->root,
                          err == DEBROS_EPROTO ? "is damaged" : "cannot be used",
                          rc == SQLITE_IOERR_DATA ? "a checksum is wrong"
                                                  : sqlite3_errstr(rc));
}

/* ---- The file's format ------------------------------------------------------------- */

static int read_number(struct dbr_network *network, const char *text, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(network->sql, text, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
        *out = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? 0 : dbr_network_failed(network, rc);
}

/* *is_empty: there is nothing in it yet. */
static int check_format(struct dbr_network *network, bool *is_empty)
{
    int64_t application = 0;
    int64_t format = 0;
    int64_t tables = 0;
    int err = read_number(network, "SELECT count(*) FROM sqlite_master", &tables);
    if (err == 0) {
        err = read_number(network, "PRAGMA application_id", &application);
    }
    if (err == 0) {
        err = read_number(network, "PRAGMA user_version", &format);
    }
    if (err != 0) {
        return err;
    }
    *is_empty = application == 0 && format == 0 && tables == 0;
    if (*is_empty || (application == APPLICATION && format == FORMAT)) {
        return 0;
    }
    if (application != APPLICATION) {
        return dbr_detail_set(&network->detail, DEBROS_EPROTO,
                              "%s/" DBR_NETWORK_FILE " is a database of something else",
                              network->fs->root);
    }
    return dbr_detail_set(&network->detail, DEBROS_EPROTO,
                          "%s/" DBR_NETWORK_FILE " has format %lld, this version of "
                          "debros knows %d",
                          network->fs->root, (long long)format, FORMAT);
}

static int exec(struct dbr_network *network, const char *text)
{
    int rc = sqlite3_exec(network->sql, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : dbr_network_failed(network, rc);
}

int dbr_network_prepare(struct dbr_network *network)
{
    static const char settings[] =
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
        "PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 4194304;"
        "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA cache_size = -512;"
        "PRAGMA cell_size_check = ON; PRAGMA max_page_count = " PAGES_MAX;
    static const char schema[] =
        "BEGIN IMMEDIATE; PRAGMA application_id = 1145196119; PRAGMA user_version = 1;"
        "CREATE TABLE dht_values(key BLOB PRIMARY KEY NOT NULL, envelope BLOB NOT NULL, "
        "received_ms INTEGER NOT NULL, own INTEGER NOT NULL);"
        "CREATE TABLE dht_providers(key BLOB NOT NULL, peer BLOB NOT NULL, "
        "received_ms INTEGER NOT NULL, own INTEGER NOT NULL, PRIMARY KEY(key, peer)) "
        "WITHOUT ROWID;"
        "CREATE TABLE peer_book(id INTEGER PRIMARY KEY CHECK(id = 1), bytes BLOB NOT "
        "NULL); COMMIT";
    bool is_empty = false;
    int err = check_format(network, &is_empty);
    err = err != 0 ? err : exec(network, settings);
    err = err != 0 || !is_empty ? err : exec(network, schema);
    for (size_t i = 0; err == 0 && i < DBR_NETWORK_STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(network->sql, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &network->statements[i], NULL);
        err = rc == SQLITE_OK ? 0 : dbr_network_failed(network, rc);
    }
    return err;
}

/* ---- Reading ----------------------------------------------------------------------- */

static debros_bytes column(sqlite3_stmt *stmt, int i)
{
    const void *data = sqlite3_column_blob(stmt, i);
    return dbr_bytes(data, data == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, i));
}

static int add_row(struct dbr_network *network, sqlite3_stmt *stmt,
                   enum dbr_network_table table, struct dbr_network_batch *out)
{
    debros_bytes peer = column(stmt, 1);
    struct dbr_dht_row row = {.type = DBR_DHT_ROW_PUT,
                              .key = column(stmt, 0),
                              .value = column(stmt, 2),
                              .received_ms = (uint64_t)sqlite3_column_int64(stmt, 3),
                              .own = sqlite3_column_int(stmt, 4) != 0};
    if (peer.len > sizeof(row.peer.bytes)) {
        return dbr_network_failed(network, SQLITE_CORRUPT);
    }
    row.peer.len = (uint8_t)peer.len;
    if (peer.len > 0) {
        memcpy(row.peer.bytes, peer.data, peer.len);
    }
    return dbr_network_batch_add(out, table, &row) == 0
               ? 0
               : dbr_network_failed(network, SQLITE_NOMEM);
}

static bool is_enough(const struct dbr_network_batch *batch)
{
    return batch->n >= DBR_NETWORK_READ_ROWS || batch->bytes >= DBR_NETWORK_READ_BYTES;
}

static int read_table(struct dbr_network *network, enum dbr_network_statement which,
                      enum dbr_network_table table, struct dbr_network_batch *out)
{
    sqlite3_stmt *stmt = network->statements[which];
    int err = 0;
    int rc = SQLITE_DONE;
    while (err == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (is_enough(out)) {
            out->is_partial = true;
            rc = SQLITE_DONE;
            break;
        }
        err = add_row(network, stmt, table, out);
    }
    if (err == 0 && rc != SQLITE_DONE) {
        err = dbr_network_failed(network, rc);
    }
    (void)sqlite3_reset(stmt);
    return err;
}

static int read_book(struct dbr_network *network, struct dbr_network_batch *out)
{
    sqlite3_stmt *stmt = network->statements[DBR_NETWORK_READ_BOOK];
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        debros_bytes bytes = column(stmt, 0);
        dbr_buf_add(&out->book, bytes.data, bytes.len);
        rc = out->book.failed ? SQLITE_NOMEM : SQLITE_DONE;
    }
    int err = rc == SQLITE_DONE ? 0 : dbr_network_failed(network, rc);
    (void)sqlite3_reset(stmt);
    return err;
}

int dbr_network_read(struct dbr_network *network, struct dbr_network_batch *out)
{
    int err = read_table(network, DBR_NETWORK_READ_VALUES, DBR_NETWORK_VALUES, out);
    if (err == 0) {
        err = read_table(network, DBR_NETWORK_READ_PROVIDERS, DBR_NETWORK_PROVIDERS, out);
    }
    return err == 0 ? read_book(network, out) : err;
}

/* ---- Writing ----------------------------------------------------------------------- */

static int run(struct dbr_network *network, enum dbr_network_statement which)
{
    int rc = sqlite3_step(network->statements[which]);
    (void)sqlite3_reset(network->statements[which]);
    return rc == SQLITE_DONE ? 0 : dbr_network_failed(network, rc);
}

/* Parameters that the statement has not are ignored. */
static void bind_bytes(sqlite3_stmt *stmt, int at, debros_bytes bytes)
{
    if (bytes.len == 0) {
        (void)sqlite3_bind_zeroblob(stmt, at, 0);
    } else {
        (void)sqlite3_bind_blob64(stmt, at, bytes.data, bytes.len, SQLITE_STATIC);
    }
}

static enum dbr_network_statement statement_of(const struct dbr_network_row *change)
{
    static const enum dbr_network_statement which[DBR_NETWORK_TABLES][3] = {
        [DBR_NETWORK_VALUES] = {[DBR_DHT_ROW_CLEAR] = DBR_NETWORK_CLEAR_VALUES,
                                [DBR_DHT_ROW_DELETE] = DBR_NETWORK_DELETE_VALUE,
                                [DBR_DHT_ROW_PUT] = DBR_NETWORK_PUT_VALUE},
        [DBR_NETWORK_PROVIDERS] = {[DBR_DHT_ROW_CLEAR] = DBR_NETWORK_CLEAR_PROVIDERS,
                                   [DBR_DHT_ROW_DELETE] = DBR_NETWORK_DELETE_PROVIDER,
                                   [DBR_DHT_ROW_PUT] = DBR_NETWORK_PUT_PROVIDER},
    };
    return which[change->table][change->row.type];
}

static int change_row(struct dbr_network *network, const struct dbr_network_row *change)
{
    enum dbr_network_statement which = statement_of(change);
    sqlite3_stmt *stmt = network->statements[which];
    const struct dbr_dht_row *row = &change->row;
    bind_bytes(stmt, 1, row->key);
    bind_bytes(stmt, 2, dbr_bytes(row->peer.bytes, row->peer.len));
    bind_bytes(stmt, 3, row->value);
    (void)sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row->received_ms);
    (void)sqlite3_bind_int(stmt, 5, row->own);
    int err = run(network, which);
    (void)sqlite3_clear_bindings(stmt);
    return err;
}

static int change_book(struct dbr_network *network, debros_bytes book)
{
    sqlite3_stmt *stmt = network->statements[DBR_NETWORK_PUT_BOOK];
    if (book.len == 0) {
        return 0;
    }
    bind_bytes(stmt, 3, book);
    int err = run(network, DBR_NETWORK_PUT_BOOK);
    (void)sqlite3_clear_bindings(stmt);
    return err;
}

int dbr_network_change(struct dbr_network *network,
                       const struct dbr_network_batch *changes)
{
    int err = run(network, DBR_NETWORK_BEGIN);
    for (const struct dbr_network_row *row = changes->first; err == 0 && row != NULL;
         row = row->next) {
        err = change_row(network, row);
    }
    if (err == 0) {
        err = change_book(network, dbr_bytes(changes->book.data, changes->book.len));
    }
    if (err == 0) {
        err = run(network, DBR_NETWORK_COMMIT);
    }
    if (err != 0 && sqlite3_get_autocommit(network->sql) == 0) {
        debros_detail why = network->detail;
        (void)run(network, DBR_NETWORK_ROLLBACK);
        network->detail = why;
    }
    return err;
}
