/* A client's calls: which member they go to, what becomes of them when it is lost, and
 * their answers. The other side is calls.c. */
#include "inner.h"

/* What may be asked twice: what changes nothing, or the second time nothing more. */
static bool may_repeat(const struct dbr_request *request)
{
    return request->type == DBR_REQUEST_STATUS || request->type == DBR_REQUEST_PEERS ||
           request->type == DBR_REQUEST_NS_LIST ||
           request->type == DBR_REQUEST_CONNECT ||
           (dbr_kad_request_is(request->type) &&
            request->type != DBR_REQUEST_DHT_REMOVE &&
            request->type != DBR_REQUEST_DHT_UNPROVIDE);
}

void dbr_client_take_calls_back(struct dbr_core *core, const struct dbr_peer_id *peer,
                                dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->state != DBR_TICKET_FORWARDED ||
            !dbr_peer_id_equal(&ticket->peer, peer)) {
            continue;
        }
        if (may_repeat(ticket->request) && ticket->sends < core->config.attempts) {
            ticket->state = DBR_TICKET_WAITING;
        } else {
            dbr_ticket_done(core, ticket, DEBROS_EUNREACHABLE,
                            "the connection to the member was lost", now);
        }
    }
}

static void send_call(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    const struct dbr_contact *contact = dbr_contacts_find(&core->contacts, &core->route);
    const struct dbr_request *request = ticket->request;
    struct dbr_cluster_frame frame = {
        .id = ticket->token,
        .kind = DBR_CLUSTER_CALL,
        .call = (uint32_t)request->type,
        .target = request->target,
        .ttl_s = request->ttl_s,
        .service = request->service,
        .key = request->full_key,
        .envelope = request->envelope,
        .want = request->want,
        .timeout_ms = ticket->deadline > now ? (uint32_t)(ticket->deadline - now) : 1};
    ticket->state = DBR_TICKET_FORWARDED;
    ticket->peer = core->route;
    ticket->sends++;
    int err = contact == NULL ? DEBROS_EUNREACHABLE
                              : dbr_calls_send(core, contact->stream, &frame, now);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, "the call cannot be sent", now);
    }
}

void dbr_client_forward(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    ticket->state = DBR_TICKET_WAITING;
    if (!dbr_peer_id_is_none(&core->route)) {
        send_call(core, ticket, now);
    } else if (core->contacts.n == 0) {
        dbr_ticket_done(core, ticket, DEBROS_ESTATE,
                        "this client knows no member: give it an address", now);
    }
}

void dbr_client_send_waiting(struct dbr_core *core, dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    if (dbr_peer_id_is_none(&core->route)) {
        return;
    }
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->kind == DBR_TICKET_REQUEST && ticket->state == DBR_TICKET_WAITING) {
            send_call(core, ticket, now);
        }
    }
}

static void take_result(struct dbr_request *request, const struct dbr_call_result *result)
{
    request->node_status = (debros_status *)(uintptr_t)result->node;
    request->peers = (debros_peer *)(uintptr_t)result->peers;
    request->n_peers = result->n_peers;
    request->names = (const char **)(uintptr_t)result->names;
    request->n_names = result->n_names;
    request->text = result->text;
    request->rtt_us = result->rtt_us;
    request->health = (debros_health *)(uintptr_t)result->health;
    request->stored = result->stored;
    request->table = result->table;
}

/* The answer is decoded into the request's own arena. */
void dbr_client_recv_reply(struct dbr_core *core, struct dbr_ticket *ticket,
                           debros_bytes message, dbr_time now)
{
    struct dbr_cluster_frame frame;
    struct dbr_request *request = ticket->request;
    int err = dbr_cluster_frame_decode(&frame, &request->arena, message);
    if (err != 0) {
        dbr_ticket_done(core, ticket, err, "the member's answer is malformed", now);
        return;
    }
    take_result(request, &frame.result);
    if (frame.result.status == 0) {
        debros_detail detail = {{0}};
        err = dbr_kad_request_answered(core, request, frame.result.envelope, &detail);
        if (err != 0) {
            dbr_ticket_done(core, ticket, err, detail.text, now);
            return;
        }
    }
    dbr_ticket_done(core, ticket, frame.result.status, frame.result.detail, now);
}
