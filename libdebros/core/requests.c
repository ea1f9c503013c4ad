/* The requests of the public API, and of peers that call. A client sends what concerns
 * the cluster to its member; the rest runs here. */
#include <stdio.h>

#include "base/detail.h"
#include "inner.h"

#define INVITE_TTL_S     3600
#define INVITE_TTL_MAX_S 604800
#define TOO_MANY         "too many requests are pending: try again later"

static void refuse(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now,
                   int err, const char *detail)
{
    dbr_ticket_done(core, ticket, err, detail, now);
}

/* ---- SQL ------------------------------------------------------------------------------
 */

static void run_sql(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    int err;
    if (!dbr_namespace_is_valid(request->ns)) {
        debros_detail detail;
        dbr_detail_set(&detail, DEBROS_EINVAL,
                       "\"%.64s\" is no namespace's name: a-z, 0-9, _ and -, at most 63, "
                       "a letter or digit first",
                       request->ns);
        refuse(core, ticket, now, DEBROS_EINVAL, detail.text);
        return;
    }
    ticket->state = DBR_TICKET_RUNNING;
    if (request->type == DBR_REQUEST_EXEC) {
        err = dbr_sql_exec(core->sql, ticket->token, request->ns, request->statements,
                           request->n_statements, NULL, false, request->deadline, now);
    } else {
        err = dbr_sql_query(core->sql, ticket->token, request->ns, request->statements,
                            request->level, request->freshness_ms, false,
                            request->deadline, now);
    }
    if (err != 0) {
        refuse(core, ticket, now, err, TOO_MANY);
    }
}

/* ---- The cluster's own commands
 * ------------------------------------------------------------ */

static void run_commands(struct dbr_core *core, struct dbr_ticket *ticket,
                         const struct dbr_commands *commands, dbr_time now)
{
    ticket->state = DBR_TICKET_RUNNING;
    int err = commands->failed
                  ? DEBROS_ENOMEM
                  : dbr_sql_exec(core->sql, ticket->token, DBR_SQL_SYSTEM_NAMESPACE,
                                 commands->statements, commands->n, commands->expect,
                                 true, ticket->deadline, now);
    if (err != 0) {
        refuse(core, ticket, now, err, TOO_MANY);
    }
}

static void run_ns_create(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_commands commands;
    struct dbr_arena arena;
    if (!dbr_namespace_is_valid(ticket->request->target)) {
        refuse(core, ticket, now, DEBROS_EINVAL,
               "a namespace's name has a-z, 0-9, _ and -, at most 63, a letter or digit "
               "first");
        return;
    }
    dbr_arena_init(&arena, 0);
    dbr_commands_init(&commands, &arena);
    dbr_commands_ns_create(&commands, ticket->request->target);
    run_commands(core, ticket, &commands, now);
    dbr_arena_finish(&arena);
}

static void run_ns_list(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    debros_statement statement = {.sql = dbr_commands_ns_list};
    ticket->state = DBR_TICKET_RUNNING;
    int err = dbr_sql_query(core->sql, ticket->token, DBR_SQL_SYSTEM_NAMESPACE,
                            &statement, DEBROS_LINEARIZABLE, 0, true, ticket->deadline,
                            now);
    if (err != 0) {
        refuse(core, ticket, now, err, TOO_MANY);
    }
}

static void run_invite(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_commands commands;
    struct dbr_arena arena;
    struct dbr_keypair key;
    struct dbr_multiaddr addrs[1];
    uint32_t ttl = ticket->request->ttl_s != 0 ? ticket->request->ttl_s : INVITE_TTL_S;
    if (ttl > INVITE_TTL_MAX_S) {
        refuse(core, ticket, now, DEBROS_EINVAL, "an invite lives at most 604,800 s");
        return;
    }
    if (dbr_membership_addrs(core, addrs, 1) == 0) {
        refuse(core, ticket, now, DEBROS_ESTATE,
               "this node listens nowhere, so nobody could join through it");
        return;
    }
    dbr_rng_fill(core->rng, ticket->seed, sizeof(ticket->seed));
    ticket->expires = (uint64_t)(core->wall_ms / 1000) + ttl;
    dbr_keypair_from_seed(&key, ticket->seed);
    dbr_arena_init(&arena, 0);
    dbr_commands_init(&commands, &arena);
    dbr_commands_invite(&commands, key.public_key, ticket->expires);
    run_commands(core, ticket, &commands, now);
    dbr_arena_finish(&arena);
    dbr_keypair_wipe(&key);
}

/* Our own addresses, then those of other members. */
static void fill_invite(const struct dbr_core *core, const struct dbr_ticket *ticket,
                        struct dbr_invite *invite)
{
    *invite = (struct dbr_invite){.expires = ticket->expires};
    memcpy(invite->cluster_id, core->config.cluster_id, sizeof(invite->cluster_id));
    memcpy(invite->seed, ticket->seed, sizeof(invite->seed));
    invite->n_members =
        dbr_membership_addrs(core, invite->members, DBR_INVITE_MAX_MEMBERS / 2);
    for (size_t i = 0; i < core->members.n && invite->n_members < DBR_INVITE_MAX_MEMBERS;
         i++) {
        const struct dbr_member *member = &core->members.items[i];
        if (!member->is_client && member->n_addrs > 0 &&
            !dbr_peer_id_equal(&member->peer, &core->self)) {
            invite->members[invite->n_members++] = member->addrs[0];
        }
    }
}

static void invite_done(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_invite invite;
    struct dbr_buf text = {0};
    struct dbr_request *request = ticket->request;
    fill_invite(core, ticket, &invite);
    int err = dbr_invite_encode(&text, &invite);
    if (err == 0) {
        request->text = dbr_arena_strdup(&request->arena, (const char *)text.data);
    }
    dbr_buf_finish_secret(&text);
    dbr_ticket_done(core, ticket, err, NULL, now);
}

static void ns_list_done(struct dbr_core *core, struct dbr_ticket *ticket,
                         const struct dbr_sql_reply *reply, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    const debros_result *rows = &reply->results[0];
    const char **names =
        dbr_arena_calloc(&request->arena, rows->n_rows + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < rows->n_rows; i++) {
        debros_bytes name = rows->cells[i].as.bytes;
        names[i] = dbr_arena_strndup(&request->arena, (const char *)name.data, name.len);
    }
    request->names = names;
    request->n_names = names != NULL ? rows->n_rows : 0;
    dbr_ticket_done(core, ticket, names != NULL ? 0 : DEBROS_ENOMEM, NULL, now);
}

static void command_done(struct dbr_core *core, struct dbr_ticket *ticket,
                         const struct dbr_sql_reply *reply, dbr_time now)
{
    enum dbr_request_type type = ticket->request->type;
    if (reply->status == DEBROS_ECONFLICT && type == DBR_REQUEST_NS_CREATE) {
        dbr_ticket_done(core, ticket, DEBROS_EEXISTS, "the namespace exists already",
                        now);
    } else if (reply->status != 0) {
        dbr_ticket_done(core, ticket, reply->status, reply->detail, now);
    } else if (type == DBR_REQUEST_INVITE) {
        invite_done(core, ticket, now);
    } else if (type == DBR_REQUEST_NS_LIST && reply->n_results == 1) {
        ns_list_done(core, ticket, reply, now);
    } else {
        dbr_ticket_done(core, ticket, 0, NULL, now);
    }
}

/* A client says which members it tried. */
static void sql_answered(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    const struct dbr_sql_reply *reply = ticket->request->sql;
    char text[600];
    char why[400] = "";
    bool is_lost =
        reply->status == DEBROS_EUNREACHABLE || reply->status == DEBROS_ETIMEDOUT;
    if (core->config.mode == DBR_CORE_CLIENT && is_lost) {
        dbr_client_explain(core, why, sizeof(why));
    }
    snprintf(text, sizeof(text), "%s: %s", reply->detail, why);
    dbr_ticket_done(core, ticket, reply->status, why[0] != '\0' ? text : reply->detail,
                    now);
}

void dbr_request_sql_done(struct dbr_core *core, struct dbr_ticket *ticket,
                          struct dbr_sql_reply *reply, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    if (reply == NULL) {
        dbr_ticket_done(core, ticket, DEBROS_ENOMEM, "out of memory", now);
    } else if (request->type == DBR_REQUEST_EXEC || request->type == DBR_REQUEST_QUERY) {
        request->sql = reply;
        sql_answered(core, ticket, now);
    } else {
        command_done(core, ticket, reply, now);
        dbr_sql_reply_destroy(reply);
    }
}

/* ---- Peers
 * ---------------------------------------------------------------------------------- */

static void run_dial(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_multiaddr addr;
    struct dbr_peer_id peer;
    debros_detail detail;
    if (dbr_multiaddr_parse(&addr, ticket->request->target, &detail) != 0) {
        refuse(core, ticket, now, DEBROS_EINVAL, detail.text);
        return;
    }
    if (ticket->request->type == DBR_REQUEST_CONNECT &&
        !dbr_multiaddr_peer(&addr, &peer)) {
        refuse(core, ticket, now, DEBROS_EINVAL,
               "an address to connect to ends in /p2p/PEER-ID");
        return;
    }
    ticket->state = DBR_TICKET_RUNNING;
    dbr_swarm_connect(core->swarm, &addr, ticket->token, now);
}

int dbr_request_peer(struct dbr_peer_id *out, const char *text, debros_detail *detail)
{
    struct dbr_multiaddr addr;
    if (text[0] != '/') {
        return dbr_peer_id_parse(out, text, strlen(text)) == 0
                   ? 0
                   : dbr_detail_set(detail, DEBROS_EINVAL, "\"%.100s\" is no peer id",
                                    text);
    }
    int err = dbr_multiaddr_parse(&addr, text, detail);
    if (err == 0 && !dbr_multiaddr_peer(&addr, out)) {
        err = dbr_detail_set(detail, DEBROS_EINVAL,
                             "the address %.200s does not end in /p2p/PEER-ID", text);
    }
    return err != 0 ? DEBROS_EINVAL : 0;
}

/* The answer goes out first: it may be for the very peer. */
static void run_disconnect(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_peer_id peer;
    debros_detail detail;
    struct dbr_request *request = ticket->request;
    int err = dbr_request_peer(&peer, request->target, &detail);
    if (err != 0) {
        refuse(core, ticket, now, err, detail.text);
        return;
    }
    dbr_peer_id_text(&peer, text);
    if (!dbr_swarm_is_connected(core->swarm, &peer)) {
        dbr_detail_set(&detail, DEBROS_ENOTFOUND, "%s is not connected", text);
        refuse(core, ticket, now, DEBROS_ENOTFOUND, detail.text);
        return;
    }
    request->text = dbr_arena_strdup(&request->arena, text);
    dbr_ticket_done(core, ticket, request->text != NULL ? 0 : DEBROS_ENOMEM, NULL, now);
    dbr_swarm_disconnect(core->swarm, &peer, now);
}

static void run_peers(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    if (ticket->request->service != NULL) {
        dbr_services_ask(core, ticket, now);
    } else {
        dbr_ticket_done(core, ticket, dbr_view_peers(core, ticket->request), NULL, now);
    }
}

static void identify_done(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    int err = dbr_view_peer(core, ticket->request, &ticket->peer);
    dbr_ticket_done(core, ticket, err, NULL, now);
}

void dbr_request_connected(struct dbr_core *core, struct dbr_ticket *ticket,
                           const struct dbr_swarm_event *event, dbr_time now)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_request *request = ticket->request;
    struct dbr_peer_info info;
    if (event->status != 0) {
        dbr_ticket_done(core, ticket, event->status, event->detail, now);
        return;
    }
    ticket->peer = event->peer;
    if (core->kad != NULL) {
        dbr_kad_link_claim(core->kad, &event->peer);
    }
    switch (request->type) {
    case DBR_REQUEST_PING:
        dbr_swarm_ping(core->swarm, &event->peer, ticket->token, now);
        break;
    case DBR_REQUEST_IDENTIFY:
        ticket->state = DBR_TICKET_IDENTIFYING;
        if (dbr_swarm_peer_info(core->swarm, &event->peer, &info) &&
            info.n_protocols > 0) {
            identify_done(core, ticket, now);
        }
        break;
    default:
        request->text =
            dbr_arena_strdup(&request->arena, dbr_peer_id_text(&event->peer, id));
        dbr_ticket_done(core, ticket, 0, NULL, now);
        break;
    }
}

void dbr_request_pinged(struct dbr_core *core, struct dbr_ticket *ticket,
                        const struct dbr_swarm_event *event, dbr_time now)
{
    ticket->request->rtt_us = event->rtt_ms * 1000;
    dbr_ticket_done(core, ticket, event->status, event->detail, now);
}

void dbr_request_identified(struct dbr_core *core, const struct dbr_peer_id *peer,
                            dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->state == DBR_TICKET_IDENTIFYING &&
            dbr_peer_id_equal(&ticket->peer, peer)) {
            identify_done(core, ticket, now);
        }
    }
}

/* ---- All
 * --------------------------------------------------------------------------------------
 */

static bool is_for_a_member(enum dbr_request_type type)
{
    return type == DBR_REQUEST_STATUS || type == DBR_REQUEST_PEERS ||
           type == DBR_REQUEST_CONNECT || type == DBR_REQUEST_NS_CREATE ||
           type == DBR_REQUEST_NS_LIST || type == DBR_REQUEST_INVITE ||
           type == DBR_REQUEST_HEALTH || type == DBR_REQUEST_DISCONNECT ||
           dbr_kad_request_is(type);
}

/* Health, and the status with it, needs what the outside measures: one answer serves all
 * who wait. */
static void measure(struct dbr_core *core, struct dbr_ticket *ticket)
{
    struct dbr_effect effect = {.type = DBR_CORE_MEASURE};
    ticket->state = DBR_TICKET_MEASURING;
    if (!core->is_measuring) {
        core->is_measuring = true;
        dbr_core_effect(core, &effect);
    }
}

void dbr_core_measured(struct dbr_core *core, const struct dbr_host *host, dbr_time now)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    core->is_measuring = false;
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->state != DBR_TICKET_MEASURING) {
            continue;
        }
        struct dbr_request *request = ticket->request;
        int err = dbr_health_view(core, request, host, now);
        if (err == 0 && request->type == DBR_REQUEST_STATUS) {
            err = dbr_view_status(core, request, now);
            request->health = NULL;
        }
        dbr_ticket_done(core, ticket, err, NULL, now);
    }
}

void dbr_request_run(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now)
{
    struct dbr_request *request = ticket->request;
    if (core->config.mode == DBR_CORE_CLIENT && is_for_a_member(request->type)) {
        if (!dbr_kad_request_is(request->type) ||
            dbr_kad_request_prepare(core, ticket, now)) {
            dbr_client_forward(core, ticket, now);
        }
        return;
    }
    if (dbr_kad_request_is(request->type)) {
        dbr_kad_request_run(core, ticket, now);
        return;
    }
    switch (request->type) {
    case DBR_REQUEST_EXEC:
    case DBR_REQUEST_QUERY:
        run_sql(core, ticket, now);
        break;
    case DBR_REQUEST_STATUS:
    case DBR_REQUEST_HEALTH:
        measure(core, ticket);
        break;
    case DBR_REQUEST_PEERS:
        run_peers(core, ticket, now);
        break;
    case DBR_REQUEST_DISCONNECT:
        run_disconnect(core, ticket, now);
        break;
    case DBR_REQUEST_CONNECT:
    case DBR_REQUEST_PING:
    case DBR_REQUEST_IDENTIFY:
        run_dial(core, ticket, now);
        break;
    case DBR_REQUEST_NS_CREATE:
        run_ns_create(core, ticket, now);
        break;
    case DBR_REQUEST_NS_LIST:
        run_ns_list(core, ticket, now);
        break;
    case DBR_REQUEST_INVITE:
        run_invite(core, ticket, now);
        break;
    default: /* of the hash table: see above */
        break;
    }
}
