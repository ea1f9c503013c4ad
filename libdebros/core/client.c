/* The cluster protocol, the side of those who are no members: a client dials a few
 * members and keeps their connections, and one of them serves it; a joiner asks one after
 * the other. Both go on until the connect timeout; a client that serves goes on for ever.
 * The other side is calls.c. */
#include <stdarg.h>
#include <stdio.h>

#include "inner.h"

#define SUSPECT_MS   10000 /* one that was too slow is not asked first for so long */
#define EXPLAIN_SIZE 400

bool dbr_client_is_joiner(const struct dbr_core *core)
{
    return core->config.mode == DBR_CORE_JOINER;
}

static size_t pool_size(const struct dbr_core *core)
{
    /* One member at a time has the invite. */
    return dbr_client_is_joiner(core) ? 1 : core->config.pool;
}

void dbr_client_set_ready(struct dbr_core *core)
{
    struct dbr_effect effect = {.type = DBR_CORE_READY};
    if (!core->is_ready) {
        core->is_ready = true;
        dbr_core_effect(core, &effect);
    }
}

/* ---- Who serves us --------------------------------------------------------- */

void dbr_client_choose_route(struct dbr_core *core, dbr_time now)
{
    struct dbr_contact *best =
        dbr_contacts_best(&core->contacts, &core->leader, &core->route, now);
    core->route = best != NULL ? best->peer : (struct dbr_peer_id){0};
    if (best == NULL) {
        core->grow_at = now;
    }
}

void dbr_client_redirected(struct dbr_core *core, const struct dbr_peer_id *leader,
                           const struct dbr_multiaddr *addrs, size_t n_addrs,
                           dbr_time now)
{
    for (size_t i = 0; i < n_addrs; i++) {
        struct dbr_peer_id peer;
        if (dbr_multiaddr_peer(&addrs[i], &peer) && dbr_peer_id_equal(&peer, leader)) {
            dbr_contacts_add(&core->contacts, &addrs[i]);
        }
    }
    core->leader = *leader;
    core->grow_at = now;
    dbr_client_choose_route(core, now);
}

/* ---- Connections ------------------------------------------------------------ */

static void give_up(struct dbr_core *core)
{
    char why[EXPLAIN_SIZE];
    int status = dbr_contacts_hopeless(&core->contacts);
    if (core->mdns != NULL && status != DEBROS_EACCES) {
        return; /* others are at its old places: the network may say where it is */
    }
    if (status != 0 && !core->is_ready && !core->is_joined) {
        dbr_contacts_explain(&core->contacts, why, sizeof(why));
        dbr_core_fatal(core, status, "%s", why);
    }
}

/* The talk with a member ends, or did not begin. */
static void failed(struct dbr_core *core, struct dbr_contact *contact, int status,
                   const char *why, dbr_time now)
{
    bool was_ready = contact->state == DBR_CONTACT_READY;
    dbr_log(core->config.logger, DEBROS_LOG_INFO, "core", "member: %s", why);
    dbr_contact_failed(contact, status, why, core->config.retry_delay_ms, core->rng, now);
    dbr_client_take_calls_back(core, &contact->peer, now);
    if (was_ready) {
        dbr_client_choose_route(core, now);
        dbr_client_send_waiting(core, now);
    }
    give_up(core);
}

void dbr_client_drop(struct dbr_core *core, struct dbr_contact *contact, int status,
                     dbr_time now, const char *format, ...)
{
    char why[EXPLAIN_SIZE];
    struct dbr_peer_id peer = contact->peer;
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    failed(core, contact, status, why, now);
    dbr_swarm_disconnect(core->swarm, &peer, now);
}

const char *dbr_client_place(const struct dbr_contact *contact,
                             char text[DBR_MULTIADDR_TEXT_SIZE])
{
    return dbr_multiaddr_text(dbr_contact_addr(contact), text);
}

static void dial(struct dbr_core *core, struct dbr_contact *contact, dbr_time now)
{
    struct dbr_ticket *ticket = dbr_ticket_create(core, DBR_TICKET_REACH, DBR_TIME_NEVER);
    if (ticket == NULL) {
        contact->until = dbr_time_add(now, core->config.retry_delay_ms);
        return;
    }
    ticket->peer = contact->peer;
    contact->state = DBR_CONTACT_DIALING;
    contact->dialed_at = now;
    dbr_swarm_set_class(core->swarm, &contact->peer, DBR_PEER_MEMBER, now);
    dbr_swarm_connect(core->swarm, dbr_contact_addr(contact), ticket->token, now);
}

void dbr_client_reached(struct dbr_core *core, const struct dbr_peer_id *peer,
                        const struct dbr_swarm_event *event, dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_find(&core->contacts, peer);
    if (contact == NULL || contact->state != DBR_CONTACT_DIALING) {
        return;
    }
    if (event->status == 0) {
        dbr_client_greet(core, contact, now);
    } else {
        failed(core, contact, event->status, event->detail, now);
    }
}

void dbr_client_connected(struct dbr_core *core, const struct dbr_peer_id *peer,
                          dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_find(&core->contacts, peer);
    if (contact != NULL && contact->state == DBR_CONTACT_DIALING) {
        dbr_client_greet(core, contact, now);
    }
}

static void lost(struct dbr_core *core, struct dbr_contact *contact, int status,
                 dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    char why[EXPLAIN_SIZE];
    snprintf(why, sizeof(why), "%.300s: %s", dbr_client_place(contact, text),
             status == DEBROS_EPROTO ? "no node of a debros cluster"
                                     : "the connection was lost");
    failed(core, contact, status == DEBROS_EPROTO ? status : DEBROS_EUNREACHABLE, why,
           now);
}

void dbr_client_disconnected(struct dbr_core *core, const struct dbr_peer_id *peer,
                             dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_find(&core->contacts, peer);
    if (contact != NULL && contact->stream != 0) {
        lost(core, contact, DEBROS_EUNREACHABLE, now);
    }
}

bool dbr_client_stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                              dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_of_stream(&core->contacts, event->stream);
    if (contact == NULL) {
        return false;
    }
    lost(core, contact, event->status, now);
    return true;
}

bool dbr_client_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                     const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_of_stream(&core->contacts, event->stream);
    struct dbr_ticket *ticket;
    if (contact == NULL) {
        return false;
    }
    switch (frame->kind) {
    case DBR_CLUSTER_HELLO_REPLY:
        dbr_client_recv_hello(core, contact, frame, now);
        break;
    case DBR_CLUSTER_JOIN_REPLY:
        dbr_client_recv_join(core, contact, frame, now);
        break;
    case DBR_CLUSTER_CALL_REPLY:
        ticket = dbr_ticket_find(core, frame->id);
        if (ticket != NULL && ticket->state == DBR_TICKET_FORWARDED &&
            dbr_peer_id_equal(&ticket->peer, &contact->peer)) {
            dbr_client_recv_reply(core, ticket, event->message, now);
        }
        break;
    default:
        dbr_swarm_reset(core->swarm, event->stream, now);
        break;
    }
    return true;
}

/* ---- Time ------------------------------------------------------------------- */

void dbr_client_start(struct dbr_core *core, dbr_time now)
{
    core->connect_by = dbr_time_add(now, core->config.connect_ms);
    core->grow_at = now;
    for (size_t i = 0; i < core->n_bootstrap; i++) {
        struct dbr_contact *contact =
            dbr_contacts_add(&core->contacts, &core->bootstrap[i]);
        if (contact != NULL) {
            contact->given = true;
        }
    }
    if (core->contacts.n == 0) {
        dbr_client_set_ready(core); /* nobody to wait for: ping and identify work */
    }
    dbr_client_expire(core, now);
}

/* Somebody else could serve what the route's member is slow at. */
static bool has_choice(const struct dbr_core *core, dbr_time now)
{
    for (size_t i = 0; i < core->contacts.n; i++) {
        const struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_READY && contact->suspect_until <= now &&
            !dbr_peer_id_equal(&contact->peer, &core->route)) {
            return true;
        }
    }
    return false;
}

static dbr_time stall_at(const struct dbr_core *core, dbr_time now)
{
    dbr_time since = core->sql != NULL ? dbr_sql_waits_since(core->sql) : DBR_TIME_NEVER;
    return since != DBR_TIME_NEVER && has_choice(core, now)
               ? dbr_time_add(since, core->config.retry_delay_ms)
               : DBR_TIME_NEVER;
}

/* A member may live and be of no use, say on the wrong side of a partition. */
static void turn_from_the_slow(struct dbr_core *core, dbr_time now)
{
    struct dbr_contact *slow = dbr_contacts_find(&core->contacts, &core->route);
    if (slow != NULL) {
        slow->suspect_until = dbr_time_add(now, SUSPECT_MS);
        dbr_client_choose_route(core, now);
    }
}

static bool may_grow(const struct dbr_core *core, dbr_time now)
{
    return !core->is_stopping && !core->is_joined && core->grow_at <= now &&
           dbr_contacts_active(&core->contacts) < pool_size(core);
}

/* The leader deserves a connection more than one who only waits. */
static void make_room(struct dbr_core *core, dbr_time now)
{
    const struct dbr_contact *leader = dbr_contacts_find(&core->contacts, &core->leader);
    if (leader == NULL || leader->state != DBR_CONTACT_IDLE || leader->until > now ||
        core->grow_at > now || pool_size(core) < 2 ||
        dbr_contacts_active(&core->contacts) < pool_size(core)) {
        return;
    }
    for (size_t i = 0; i < core->contacts.n; i++) {
        struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_READY &&
            !dbr_peer_id_equal(&contact->peer, &core->route)) {
            contact->state = DBR_CONTACT_IDLE;
            contact->stream = 0;
            contact->until = dbr_time_add(now, core->config.retry_delay_ms);
            dbr_swarm_disconnect(core->swarm, &contact->peer, now);
            return;
        }
    }
}

static void drop_silent(struct dbr_core *core, dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    for (size_t i = 0; i < core->contacts.n; i++) {
        struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_GREETING && contact->until <= now) {
            dbr_client_drop(core, contact, DEBROS_ETIMEDOUT, now,
                            "%.200s: connected, but no answer",
                            dbr_client_place(contact, text));
        }
    }
}

dbr_time dbr_client_deadline(const struct dbr_core *core)
{
    dbr_time at = core->is_ready || core->is_joined ? DBR_TIME_NEVER : core->connect_by;
    dbr_time idle = dbr_contacts_deadline(&core->contacts);
    const struct dbr_contact *leader = dbr_contacts_find(&core->contacts, &core->leader);
    bool wants_leader = leader != NULL && leader->state == DBR_CONTACT_IDLE;
    if (core->is_fatal) {
        return DBR_TIME_NEVER;
    }
    for (size_t i = 0; i < core->contacts.n; i++) {
        const struct dbr_contact *contact = &core->contacts.items[i];
        if (contact->state == DBR_CONTACT_GREETING) {
            at = dbr_time_min(at, contact->until);
        }
    }
    if (core->is_stopping || core->is_joined) {
        return at;
    }
    if (dbr_contacts_active(&core->contacts) < pool_size(core)) {
        at = dbr_time_min(at, idle > core->grow_at ? idle : core->grow_at);
    } else if (wants_leader && pool_size(core) > 1) {
        at = dbr_time_min(at,
                          leader->until > core->grow_at ? leader->until : core->grow_at);
    }
    return dbr_time_min(at, stall_at(core, core->now));
}

void dbr_client_expire(struct dbr_core *core, dbr_time now)
{
    char why[EXPLAIN_SIZE];
    if (!core->is_ready && !core->is_joined && core->connect_by <= now) {
        dbr_contacts_explain(&core->contacts, why, sizeof(why));
        dbr_core_fatal(core, DEBROS_EUNREACHABLE,
                       "no member could be reached in %u ms: %s", core->config.connect_ms,
                       why);
    }
    if (core->is_fatal) {
        return;
    }
    drop_silent(core, now);
    if (stall_at(core, now) <= now) {
        turn_from_the_slow(core, now);
    }
    make_room(core, now);
    struct dbr_contact *next;
    while (may_grow(core, now) &&
           (next = dbr_contacts_next(&core->contacts, &core->leader, now)) != NULL) {
        dial(core, next, now);
    }
}

void dbr_client_explain(const struct dbr_core *core, char *out, size_t size)
{
    dbr_contacts_explain(&core->contacts, out, size);
}
