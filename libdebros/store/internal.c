#include "internal.h"

#include <string.h>

#include "base/check.h"
#include "db.h"

static const char *const texts[DBR_INTERNAL_COUNT] = {
    [DBR_INTERNAL_BEGIN] = "BEGIN IMMEDIATE",
    [DBR_INTERNAL_COMMIT] = "COMMIT",
    [DBR_INTERNAL_ROLLBACK] = "ROLLBACK",
    [DBR_INTERNAL_SAVEPOINT] = "SAVEPOINT debros",
    [DBR_INTERNAL_RELEASE] = "RELEASE debros",
    [DBR_INTERNAL_ROLLBACK_TO] = "ROLLBACK TO debros",
    [DBR_INTERNAL_META_GET] =
        "SELECT format, CASE WHEN applied < 0 THEN -1 - applied ELSE max(applied, ifnull("
        "(SELECT idx FROM _debros_requests ORDER BY id DESC LIMIT 1), 0)) END"
        " FROM _debros_meta WHERE id = 1",
    [DBR_INTERNAL_META_SET] = "UPDATE _debros_meta SET applied = ?1 WHERE id = 1",
    [DBR_INTERNAL_REQUEST_LAST] = "SELECT seq + count - 1 FROM _debros_requests WHERE "
                                  "client = ?1 ORDER BY seq DESC LIMIT 1",
    [DBR_INTERNAL_REQUEST_FIND] =
        "SELECT seq, count, idx, outcomes FROM _debros_requests"
        " WHERE client = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 8",
    [DBR_INTERNAL_REQUEST_ADD] = "INSERT OR REPLACE INTO _debros_requests(client, seq, "
                                 "count, idx, outcomes) VALUES(?1, ?2, ?3, ?4, ?5)",
    [DBR_INTERNAL_REQUEST_GROW] =
        "UPDATE _debros_requests SET count = ?2, idx = ?3, outcomes = ?4 WHERE id = ?1",
    [DBR_INTERNAL_REQUEST_NEWEST] =
        "SELECT id, client, seq, count, idx, outcomes FROM _debros_requests"
        " ORDER BY id DESC LIMIT 1",
    [DBR_INTERNAL_REQUEST_PRUNE] =
        "DELETE FROM _debros_requests WHERE id IN"
        " (SELECT id FROM _debros_requests ORDER BY id LIMIT ?1) AND idx < ?2",
    [DBR_INTERNAL_NAMESPACES] = "SELECT name, created FROM namespaces",
};

int dbr_internal_get(struct dbr_db *db, enum dbr_internal which,
                     struct sqlite3_stmt **out)
{
    dbr_assert(which < DBR_INTERNAL_COUNT);
    int rc = SQLITE_OK;
    if (db->internal[which] == NULL) {
        db->trusted = true;
        rc = sqlite3_prepare_v3(db->sql, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                &db->internal[which], NULL);
        db->trusted = false;
    }
    *out = db->internal[which];
    return rc;
}

int dbr_internal_step(struct dbr_db *db, struct sqlite3_stmt *stmt)
{
    /* A step prepares anew when the schema has changed. */
    db->trusted = true;
    int rc = sqlite3_step(stmt);
    db->trusted = false;
    return rc;
}

int dbr_internal_run(struct dbr_db *db, enum dbr_internal which)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = dbr_internal_get(db, which, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = dbr_internal_step(db, stmt);
    (void)sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int dbr_internal_exec(struct dbr_db *db, const char *text)
{
    db->trusted = true;
    int rc = sqlite3_exec(db->sql, text, NULL, NULL, NULL);
    db->trusted = false;
    return rc;
}
