#include "dates.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/check.h"

#define MAX_ARGS  10
#define N_KINDS   6
#define TEXT_SIZE 96

static const char *const names[N_KINDS] = {"date",      "time",     "datetime",
                                           "julianday", "strftime", "unixepoch"};

struct dates;

struct date_kind {
    struct dates *dates;
    size_t number;
    sqlite3_stmt *stmts[MAX_ARGS + 1]; /* by the number of arguments */
};

struct dates {
    sqlite3 *sql; /* in memory; opened when it is needed */
    const char *vfs;
    size_t refs; /* functions that still exist */
    struct date_kind kinds[N_KINDS];
};

static int prepare(struct date_kind *kind, int argc)
{
    struct dates *dates = kind->dates;
    int rc = SQLITE_OK;
    if (dates->sql == NULL) {
        rc = sqlite3_open_v2(":memory:", &dates->sql,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, dates->vfs);
    }
    if (rc == SQLITE_OK && kind->stmts[argc] == NULL) {
        char text[TEXT_SIZE];
        int len = snprintf(text, sizeof(text), "SELECT %s(", names[kind->number]);
        for (int i = 0; i < argc; i++) {
            len += snprintf(text + len, sizeof(text) - (size_t)len, "%s?%d",
                            i == 0 ? "" : ",", i + 1);
        }
        (void)snprintf(text + len, sizeof(text) - (size_t)len, ")");
        rc = sqlite3_prepare_v3(dates->sql, text, -1, SQLITE_PREPARE_PERSISTENT,
                                &kind->stmts[argc], NULL);
    }
    return rc;
}

/* A modifier that means this machine's time zone. */
static const char *local_modifier(const struct date_kind *kind, int argc,
                                  sqlite3_value **argv)
{
    int first = strcmp(names[kind->number], "strftime") == 0 ? 2 : 1;
    for (int i = first; i < argc; i++) {
        const char *text = (const char *)sqlite3_value_text(argv[i]);
        if (text != NULL &&
            (strcasecmp(text, "localtime") == 0 || strcasecmp(text, "utc") == 0)) {
            return text;
        }
    }
    return NULL;
}

static void answer(sqlite3_context *context, sqlite3_stmt *stmt)
{
    switch (sqlite3_column_type(stmt, 0)) {
    case SQLITE_INTEGER:
        sqlite3_result_int64(context, sqlite3_column_int64(stmt, 0));
        break;
    case SQLITE_FLOAT:
        sqlite3_result_double(context, sqlite3_column_double(stmt, 0));
        break;
    case SQLITE_TEXT:
        sqlite3_result_text(context, (const char *)sqlite3_column_text(stmt, 0),
                            sqlite3_column_bytes(stmt, 0), SQLITE_TRANSIENT);
        break;
    default:
        sqlite3_result_null(context);
        break;
    }
}

static void refuse(sqlite3_context *context, const char *modifier)
{
    char text[160];
    (void)snprintf(text, sizeof(text),
                   "the modifier '%.10s' is not allowed in a write: replicas may live in "
                   "different time zones",
                   modifier);
    sqlite3_result_error(context, text, -1);
}

static void date_function(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct date_kind *kind = sqlite3_user_data(context);
    const char *modifier = local_modifier(kind, argc, argv);
    if (modifier != NULL) {
        refuse(context, modifier);
        return;
    }
    if (argc > MAX_ARGS) {
        sqlite3_result_error(context, "too many modifiers of a date", -1);
        return;
    }
    int rc = prepare(kind, argc);
    sqlite3_stmt *stmt = rc == SQLITE_OK ? kind->stmts[argc] : NULL;
    for (int i = 0; rc == SQLITE_OK && i < argc; i++) {
        rc = sqlite3_bind_value(stmt, i + 1, argv[i]);
    }
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        answer(context, stmt);
    } else if (rc == SQLITE_ERROR) {
        sqlite3_result_error(context, sqlite3_errmsg(kind->dates->sql), -1);
    } else {
        sqlite3_result_error_nomem(context);
    }
    if (stmt != NULL) {
        (void)sqlite3_reset(stmt);
        (void)sqlite3_clear_bindings(stmt);
    }
}

/* Called for each function when the connection goes. */
static void drop(void *data)
{
    struct date_kind *kind = data;
    struct dates *dates = kind->dates;
    for (size_t i = 0; i <= MAX_ARGS; i++) {
        (void)sqlite3_finalize(kind->stmts[i]);
        kind->stmts[i] = NULL;
    }
    dbr_assert(dates->refs > 0);
    if (--dates->refs == 0) {
        (void)sqlite3_close(dates->sql);
        dbr_free(dates);
    }
}

int dbr_dates_add(sqlite3 *sql, const char *vfs)
{
    struct dates *dates = dbr_calloc(1, sizeof(*dates));
    if (dates == NULL) {
        return SQLITE_NOMEM;
    }
    dates->vfs = vfs;
    dates->refs = N_KINDS;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < N_KINDS; i++) {
        struct date_kind *kind = &dates->kinds[i];
        *kind = (struct date_kind){.dates = dates, .number = i};
        if (rc != SQLITE_OK) {
            drop(kind);
            continue;
        }
        /* As SQLite's own they may stand in indexes. On failure SQLite drops it. */
        rc = sqlite3_create_function_v2(
            sql, names[i], -1, SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_DETERMINISTIC,
            kind, date_function, NULL, NULL, drop);
    }
    return rc;
}
