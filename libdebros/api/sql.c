/* debros_sql_exec() and debros_sql_query(): arguments checked, then a call. */
#include <string.h>

#include "api/node.h"
#include "base/check.h"

#define DEFAULT_NAMESPACE "default"

/* NULL, or what is wrong. */
static const char *check_value(const debros_value *value)
{
    switch (value->type) {
    case DEBROS_NULL:
    case DEBROS_INTEGER:
    case DEBROS_REAL:
        return NULL;
    case DEBROS_TEXT:
    case DEBROS_BLOB:
        return value->as.bytes.data == NULL && value->as.bytes.len > 0
                   ? "a parameter has a length and no bytes"
                   : NULL;
    }
    return "a parameter has no known type";
}

static const char *check_statement(const debros_statement *statement)
{
    if (statement->sql == NULL) {
        return "a statement has no SQL";
    }
    if (strnlen(statement->sql, DBR_SQL_MAX_TEXT + 1) > DBR_SQL_MAX_TEXT) {
        return "a statement is longer than 1 MiB";
    }
    if (statement->params == NULL && statement->n_params > 0) {
        return "a statement counts parameters and has none";
    }
    for (size_t i = 0; i < statement->n_params; i++) {
        const char *wrong = check_value(&statement->params[i]);
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

static const char *check(const debros_sql *req, enum dbr_request_type type)
{
    bool query = type == DBR_REQUEST_QUERY;
    if (req->statements == NULL || req->n_statements < 1 ||
        req->n_statements > (query ? 1 : DBR_SQL_MAX_STATEMENTS)) {
        return query ? "a query takes 1 statement" : "exec takes 1 to 1,000 statements";
    }
    if (query && (req->level < DEBROS_LINEARIZABLE || req->level > DEBROS_AUTO)) {
        return "the query has no known level";
    }
    if (query && req->freshness != 0 && req->level != DEBROS_NONE &&
        req->level != DEBROS_AUTO) {
        return "a freshness is for queries of level none and auto: the others are fresh";
    }
    for (size_t i = 0; i < req->n_statements; i++) {
        const char *wrong = check_statement(&req->statements[i]);
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

static int submit(debros_node *node, debros_sql *req, debros_sql_cb cb,
                  enum dbr_request_type type)
{
    dbr_assert(node != NULL && req != NULL);
    const char *wrong = check(req, type);
    if (wrong != NULL) {
        return dbr_call_refuse(&req->base, DEBROS_EINVAL, wrong);
    }
    struct dbr_call *call = dbr_call_create(DBR_CALL_SQL, &req->base);
    if (call == NULL) {
        return dbr_call_refuse(&req->base, DEBROS_ENOMEM, "out of memory");
    }
    call->callback.sql = cb;
    call->has_callback = cb != NULL;
    call->request.type = type;
    call->request.ns = req->ns == NULL ? DEFAULT_NAMESPACE : req->ns;
    call->request.statements = req->statements;
    call->request.n_statements = req->n_statements;
    call->request.level = req->level;
    call->request.freshness_ms = req->freshness;
    return dbr_call_submit(node, call);
}

int debros_sql_exec(debros_node *node, debros_sql *req, debros_sql_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_EXEC);
}

int debros_sql_query(debros_node *node, debros_sql *req, debros_sql_cb cb)
{
    return submit(node, req, cb, DBR_REQUEST_QUERY);
}
