#include "network.h"

#include <sqlite3.h>

#include "base/check.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "page.h"
#include "vfs.h"

#define MODULE "store"

/* ---- The connection ---------------------------------------------------------------- */

static void disconnect(struct dbr_network *network)
{
    for (size_t i = 0; i < DBR_NETWORK_STATEMENTS; i++) {
        (void)sqlite3_finalize(network->statements[i]);
        network->statements[i] = NULL;
    }
    int rc = sqlite3_close(network->sql);
    dbr_assert(rc == SQLITE_OK);
    network->sql = NULL;
    dbr_vfs_destroy(network->vfs);
    network->vfs = NULL;
}

/* A file system of its own for SQLite: its errors are never taken for the databases'. */
static int connect_file(struct dbr_network *network)
{
    struct dbr_vfs_clock clock = {.wall_ms = NULL};
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_READWRITE |
                SQLITE_OPEN_CREATE;
    int reserved = DBR_PAGE_RESERVED;
    int err = dbr_vfs_create(&network->vfs, network->fs, &clock);
    if (err != 0) {
        return dbr_detail_set(&network->detail, err, "out of memory");
    }
    int rc = sqlite3_open_v2(DBR_NETWORK_FILE, &network->sql, flags,
                             dbr_vfs_applier(network->vfs));
    if (rc == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(network->sql, 1);
        (void)sqlite3_db_config(network->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(network->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_db_config(network->sql, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0,
                                NULL);
        (void)sqlite3_limit(network->sql, SQLITE_LIMIT_ATTACHED, 0);
        (void)sqlite3_limit(network->sql, SQLITE_LIMIT_LENGTH, DBR_NETWORK_READ_BYTES);
        /* Room for the checksum of each page: counts when the file is made. */
        rc = sqlite3_file_control(network->sql, "main", SQLITE_FCNTL_RESERVE_BYTES,
                                  &reserved);
    }
    return rc == SQLITE_OK ? dbr_network_prepare(network)
                           : dbr_network_failed(network, rc);
}

static int connect_or_close(struct dbr_network *network)
{
    int err = connect_file(network);
    if (err != 0) {
        disconnect(network);
    }
    return err;
}

/* ---- A file that is of no use ------------------------------------------------------ */

static int set_aside(struct dbr_network *network)
{
    const struct dbr_fs_ops *ops = network->fs->ops;
    disconnect(network);
    network->is_known = false;
    int err = ops->remove(network->fs, DBR_NETWORK_FILE "-wal");
    if (err == 0 || err == DEBROS_ENOTFOUND) {
        err = ops->remove(network->fs, DBR_NETWORK_FILE "-journal");
    }
    if (err == 0 || err == DEBROS_ENOTFOUND) {
        err = ops->rename(network->fs, DBR_NETWORK_FILE, DBR_NETWORK_OLD);
    }
    if (err != 0) {
        return dbr_detail_set(&network->detail, err,
                              DBR_NETWORK_FILE " cannot be moved aside: %s",
                              debros_strerror(err));
    }
    dbr_log(network->logger, DEBROS_LOG_WARN, MODULE,
            "%s: begins anew, the old file is " DBR_NETWORK_OLD
            " (no data of the cluster is lost)",
            network->detail.text);
    return 0;
}

/* ---- Life -------------------------------------------------------------------------- */

static int read_file(struct dbr_network *network, struct dbr_network_batch *found)
{
    int err = connect_or_close(network);
    if (err == 0) {
        err = dbr_network_read(network, found);
    }
    if (err != 0) { /* part of it is of no use: the rest would be deleted */
        dbr_network_batch_finish(found);
        found->is_partial = true;
    }
    if (err == DEBROS_EPROTO) {
        return set_aside(network);
    }
    if (err != 0) {
        disconnect(network);
    }
    return err;
}

void dbr_network_open(struct dbr_network *network, struct dbr_fs *fs,
                      const struct dbr_logger *logger, struct dbr_network_batch *found)
{
    *network = (struct dbr_network){.fs = fs, .logger = logger, .is_known = true};
    if (!fs->ops->exists(fs, DBR_NETWORK_FILE)) {
        return;
    }
    if (read_file(network, found) != 0) {
        dbr_log(logger, DEBROS_LOG_WARN, MODULE,
                "%s: the node learns anew what it knew of the network",
                network->detail.text);
    }
    network->is_known = true; /* found->is_partial says the rest */
}

void dbr_network_close(struct dbr_network *network)
{
    if (network->fs != NULL) {
        disconnect(network); /* which moves the WAL's pages to the file */
    }
}

/* ---- Jobs -------------------------------------------------------------------------- */

static int change(struct dbr_network *network, const struct dbr_network_job *job)
{
    int err = network->sql != NULL ? 0 : connect_or_close(network);
    return err != 0 ? err : dbr_network_change(network, &job->changes);
}

void dbr_network_write(struct dbr_network *network, struct dbr_network_job *job)
{
    DBR_FAILPOINT("store.network.write");
    int err = change(network, job);
    if (err == DEBROS_EPROTO) {
        err = set_aside(network);
        err = err != 0 ? err : change(network, job);
    }
    if (err == DEBROS_EPROTO || err == DEBROS_EIO) {
        disconnect(network); /* the next try opens it anew */
        err = DEBROS_EIO;
    }
    job->is_lost = !network->is_known;
    network->is_known = true;
    job->status = err;
    job->detail = err == 0 ? (debros_detail){.text = ""} : network->detail;
}
