#include <stdio.h>

#include "base/alloc.h"
#include "crypto/hash.h"
#include "inner.h"

struct dbr_ticket *dbr_ticket_create(struct dbr_core *core, enum dbr_ticket_kind kind,
                                     dbr_time deadline)
{
    struct dbr_ticket *ticket = dbr_calloc(1, sizeof(*ticket));
    if (ticket == NULL) {
        return NULL;
    }
    ticket->token = ++core->next_token;
    ticket->kind = kind;
    ticket->deadline = deadline;
    HASH_ADD(hh, core->tickets, token, sizeof(ticket->token), ticket);
    if (!dbr_hash_added(ticket)) {
        dbr_free(ticket);
        return NULL;
    }
    core->tickets_at = dbr_time_min(core->tickets_at, deadline);
    return ticket;
}

struct dbr_ticket *dbr_ticket_find(const struct dbr_core *core, uint64_t token)
{
    struct dbr_ticket *ticket;
    HASH_FIND(hh, core->tickets, &token, sizeof(token), ticket);
    return ticket;
}

void dbr_ticket_destroy(struct dbr_core *core, struct dbr_ticket *ticket)
{
    if (ticket == NULL) {
        return;
    }
    if (ticket->state == DBR_TICKET_LOOKING) { /* canceled, or too late */
        dbr_dht_cancel(core->kad->dht, ticket->token);
    }
    HASH_DELETE(hh, core->tickets, ticket);
    dbr_wipe(ticket->seed, sizeof(ticket->seed));
    dbr_free(ticket);
}

/* The request of a peer's call is ours. */
static void free_called(struct dbr_request *request)
{
    if (request != NULL) {
        dbr_sql_reply_destroy(request->sql);
        dbr_arena_finish(&request->arena);
        dbr_free(request);
    }
}

void dbr_ticket_done(struct dbr_core *core, struct dbr_ticket *ticket, int status,
                     const char *detail, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    request->status = status;
    if (detail != NULL && detail[0] != '\0') {
        request->detail = dbr_arena_strdup(&request->arena, detail);
    }
    if (ticket->stream != 0) {
        dbr_calls_answer(core, ticket, now);
        free_called(request);
    } else {
        struct dbr_effect effect = {.type = DBR_CORE_DONE, .request = request};
        dbr_core_effect(core, &effect);
    }
    dbr_ticket_destroy(core, ticket);
}

static void time_out(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    bool is_waiting = ticket->state == DBR_TICKET_WAITING;
    if (ticket->kind == DBR_TICKET_HELLO) {
        dbr_calls_hello_due(core, ticket, now);
    } else if (ticket->kind != DBR_TICKET_REQUEST) {
        dbr_ticket_destroy(core, ticket);
    } else {
        char text[600] = "no answer in time";
        char why[400];
        if (is_waiting) {
            dbr_client_explain(core, why, sizeof(why));
            snprintf(text, sizeof(text),
                     "no member of the cluster could be reached in time%s%s",
                     why[0] != '\0' ? ": " : "", why);
        }
        dbr_ticket_done(core, ticket, is_waiting ? DEBROS_EUNREACHABLE : DEBROS_ETIMEDOUT,
                        text, now);
    }
}

/* Those that sql holds have its deadline: it answers in time. */
static bool is_in_sql(const struct dbr_ticket *ticket)
{
    enum dbr_request_type type =
        ticket->request != NULL ? ticket->request->type : DBR_REQUEST_STATUS;
    return ticket->kind == DBR_TICKET_REQUEST && ticket->state == DBR_TICKET_RUNNING &&
           type != DBR_REQUEST_CONNECT && type != DBR_REQUEST_PING &&
           type != DBR_REQUEST_IDENTIFY;
}

void dbr_tickets_expire(struct dbr_core *core, dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    if (now < core->tickets_at) {
        return;
    }
    core->tickets_at = DBR_TIME_NEVER;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (is_in_sql(ticket)) {
            continue;
        }
        if (ticket->deadline <= now) {
            time_out(core, ticket, now);
        } else {
            core->tickets_at = dbr_time_min(core->tickets_at, ticket->deadline);
        }
    }
}

void dbr_tickets_finish(struct dbr_core *core)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->stream != 0) {
            free_called(ticket->request);
        }
        dbr_ticket_destroy(core, ticket);
    }
}
