#include "types.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"

#define DETAIL_MAX 1024

struct dbr_sql_reply *dbr_sql_reply_create(void)
{
    struct dbr_sql_reply *reply = dbr_calloc(1, sizeof(*reply));
    if (reply != NULL) {
        dbr_arena_init(&reply->arena, 0);
        reply->detail = "";
    }
    return reply;
}

void dbr_sql_reply_destroy(struct dbr_sql_reply *reply)
{
    if (reply != NULL) {
        dbr_arena_finish(&reply->arena);
        dbr_free(reply);
    }
}

int dbr_sql_reply_fail(struct dbr_sql_reply *reply, int err, const char *format, ...)
{
    char text[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    size_t len = dbr_text_format(text, sizeof(text), format, args);
    va_end(args);
    const char *detail = dbr_arena_strndup(&reply->arena, text, len);
    reply->status = err;
    reply->detail = detail == NULL ? "" : detail;
    reply->results = NULL;
    reply->n_results = 0;
    return err;
}

bool dbr_sql_value_keep(struct dbr_arena *arena, debros_value *value)
{
    if (value->type != DEBROS_TEXT && value->type != DEBROS_BLOB) {
        return true;
    }
    debros_bytes *bytes = &value->as.bytes;
    bytes->data = dbr_arena_memdup(arena, bytes->data, bytes->len);
    return bytes->data != NULL;
}

static bool copy_params(struct dbr_arena *arena, debros_statement *to,
                        const debros_statement *from)
{
    to->n_params = from->n_params;
    if (from->n_params == 0) {
        return true;
    }
    debros_value *params = dbr_arena_calloc(arena, from->n_params, sizeof(*params));
    if (params == NULL) {
        return false;
    }
    for (size_t i = 0; i < from->n_params; i++) {
        params[i] = from->params[i];
        if (!dbr_sql_value_keep(arena, &params[i])) {
            return false;
        }
    }
    to->params = params;
    return true;
}

bool dbr_sql_statement_copy(struct dbr_arena *arena, debros_statement *to,
                            const debros_statement *from)
{
    to->sql = dbr_arena_strdup(arena, from->sql);
    return to->sql != NULL && copy_params(arena, to, from);
}
