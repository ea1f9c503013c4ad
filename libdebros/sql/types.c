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
