/* Events of the machines below go where they belong, until all are quiet. */
#include "inner.h"

#include "base/failpoint.h"

#define PUMP_ROUNDS_MAX 64 /* the rest waits for the next poll */

/* ---- swarm ---------------------------------------------------------------------- */

static void stream_message(struct dbr_core *core, const struct dbr_swarm_event *event,
                           dbr_time now)
{
    struct dbr_peer_info info;
    switch (event->protocol) {
    case DBR_PROTOCOL_RAFT:
        dbr_raft_recv(core, event, now);
        break;
    case DBR_PROTOCOL_SQL:
        if (core->sql != NULL && dbr_swarm_peer_info(core->swarm, &event->peer, &info)) {
            dbr_sql_recv(core->sql, event->stream, info.cls, event->message, now);
        }
        break;
    case DBR_PROTOCOL_SNAPSHOT:
        dbr_snapshots_recv(core, event, now);
        break;
    default:
        dbr_calls_recv(core, event, now);
        break;
    }
}

/* A peer that sends no more gets its answers and then our end. */
static void stream_finished(struct dbr_core *core, const struct dbr_swarm_event *event,
                            dbr_time now)
{
    if (event->protocol == DBR_PROTOCOL_RAFT ||
        event->protocol == DBR_PROTOCOL_SNAPSHOT) {
        dbr_swarm_finish(core->swarm, event->stream, now);
    }
}

static void stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                          dbr_time now)
{
    switch (event->protocol) {
    case DBR_PROTOCOL_RAFT:
        dbr_raft_stream_closed(core, event->stream);
        break;
    case DBR_PROTOCOL_SQL:
        if (core->sql != NULL) {
            dbr_sql_stream_closed(core->sql, event->stream, event->status, now);
        }
        break;
    case DBR_PROTOCOL_SNAPSHOT:
        if (core->transfer != NULL) {
            dbr_transfer_stream_closed(core->transfer, event->stream, now);
        }
        break;
    default:
        dbr_calls_stream_closed(core, event, now);
        break;
    }
}

static void driver_effect(struct dbr_core *core, const struct dbr_swarm_event *event,
                          dbr_time now)
{
    struct dbr_effect effect = {.conn = event->conn};
    if (event->type == DBR_SWARM_DIAL) {
        effect.type = DBR_CORE_DIAL;
        effect.by_name = !dbr_multiaddr_endpoint(&event->addr, &effect.endpoint);
        if (!dbr_multiaddr_is_dialable(&event->addr)) {
            dbr_swarm_dial_failed(core->swarm, event->conn,
                                  "only /ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT can be "
                                  "dialed",
                                  now);
            return;
        }
    } else {
        effect.type = event->type == DBR_SWARM_WRITE ? DBR_CORE_WRITE : DBR_CORE_CLOSE;
    }
    dbr_core_effect(core, &effect);
}

static void connect_done(struct dbr_core *core, const struct dbr_swarm_event *event,
                         dbr_time now)
{
    struct dbr_ticket *ticket = dbr_ticket_find(core, event->token);
    if (ticket == NULL) {
        return;
    }
    if (ticket->kind == DBR_TICKET_REACH) {
        struct dbr_peer_id peer = ticket->peer;
        dbr_ticket_destroy(core, ticket);
        dbr_client_reached(core, &peer, event, now);
    } else if (ticket->kind == DBR_TICKET_DISCOVERY) {
        dbr_discovery_dialed(core, ticket, event, now);
    } else {
        dbr_request_connected(core, ticket, event, now);
    }
}

/* True: the event is of the hash table alone. */
static bool kad_event(struct dbr_core *core, const struct dbr_swarm_event *event,
                      dbr_time now)
{
    if (core->kad == NULL || !dbr_kad_link_swarm(core->kad, event, now)) {
        return false;
    }
    dbr_core_pump_kad(core, now);
    return true;
}

static void swarm_event(struct dbr_core *core, const struct dbr_swarm_event *event,
                        dbr_time now)
{
    struct dbr_ticket *ticket;
    if (kad_event(core, event, now)) {
        return;
    }
    switch (event->type) {
    case DBR_SWARM_DIAL:
    case DBR_SWARM_CLOSE:
    case DBR_SWARM_WRITE:
        driver_effect(core, event, now);
        break;
    case DBR_SWARM_CONNECTED:
        dbr_story_connection(core, &event->peer, true);
        dbr_client_connected(core, &event->peer, now);
        break;
    case DBR_SWARM_DISCONNECTED:
        dbr_story_connection(core, &event->peer, false);
        if (core->consensus != NULL) {
            dbr_consensus_lost(core->consensus, dbr_server_id(&event->peer), now);
        }
        dbr_client_disconnected(core, &event->peer, now);
        dbr_mdns_link_lost(core, &event->peer, now);
        break;
    case DBR_SWARM_MOVED:
        dbr_membership_moved(core, now);
        break;
    case DBR_SWARM_IDENTIFIED:
        dbr_request_identified(core, &event->peer, now);
        dbr_calls_changed(core, now); /* what a member offers, perhaps */
        break;
    case DBR_SWARM_STREAM_OPENED:
    case DBR_SWARM_STREAM_WRITABLE:
        break;
    case DBR_SWARM_STREAM_MESSAGE:
        stream_message(core, event, now);
        break;
    case DBR_SWARM_STREAM_FINISHED:
        stream_finished(core, event, now);
        break;
    case DBR_SWARM_STREAM_CLOSED:
        stream_closed(core, event, now);
        break;
    case DBR_SWARM_CONNECT_DONE:
        connect_done(core, event, now);
        break;
    case DBR_SWARM_PING_DONE:
        ticket = dbr_ticket_find(core, event->token);
        if (ticket != NULL) {
            dbr_request_pinged(core, ticket, event, now);
        }
        break;
    }
}

/* ---- consensus -------------------------------------------------------------------- */

static void apply_effect(struct dbr_core *core, struct dbr_apply_job *job)
{
    struct dbr_effect effect = {.type = DBR_CORE_APPLY, .apply = job};
    dbr_core_effect(core, &effect);
}

/* The entries gathered so far go to the applier. */
static void flush_entries(struct dbr_core *core)
{
    DBR_FAILPOINT("core.pump.flush_entries");
    if (core->entries != NULL) {
        apply_effect(core, core->entries);
        core->entries = NULL;
    }
}

static void commit(struct dbr_core *core, const struct dbr_consensus_event *event,
                   dbr_time now)
{
    DBR_FAILPOINT("core.pump.commit");
    bool wanted = dbr_sql_committed(core->sql, event->index, event->term, now);
    if (core->entries == NULL &&
        (core->entries = dbr_apply_job_create(DBR_APPLY_ENTRIES)) != NULL) {
        core->entries_tail = &core->entries->entries;
    }
    struct dbr_apply_entry *entry =
        core->entries == NULL
            ? NULL
            : dbr_apply_entry_create(event->index, event->term, wanted, event->data);
    if (entry == NULL) {
        dbr_core_fatal(core, DEBROS_ENOMEM, "out of memory for a committed entry");
        return;
    }
    if (core->applied >= core->handed_over) {
        core->apply_moved_at = now;
    }
    *core->entries_tail = entry;
    core->entries_tail = &entry->next;
    core->handed_over = event->index;
}

void dbr_core_apply_job(struct dbr_core *core, enum dbr_apply_job_type type,
                        uint64_t index, uint64_t freeze)
{
    DBR_FAILPOINT("core.pump.apply_job");
    struct dbr_apply_job *job = dbr_apply_job_create(type);
    if (job == NULL) {
        dbr_core_fatal(core, DEBROS_ENOMEM, "out of memory for a job of the databases");
        return;
    }
    job->index = index;
    job->freeze = freeze;
    flush_entries(core);
    apply_effect(core, job);
}

static void consensus_event(struct dbr_core *core,
                            const struct dbr_consensus_event *event, dbr_time now)
{
    struct dbr_effect effect = {.type = DBR_CORE_LOG, .op = event->op};
    switch (event->type) {
    case DBR_CONSENSUS_SEND:
        dbr_raft_send(core, event->to, event->address, event->data, now);
        break;
    case DBR_CONSENSUS_LOG:
        dbr_core_effect(core, &effect);
        break;
    case DBR_CONSENSUS_APPLY:
        commit(core, event, now);
        break;
    case DBR_CONSENSUS_ROLE:
        dbr_story_role(core);
        core->roles_at = now;
        dbr_calls_changed(core, now);
        break;
    case DBR_CONSENSUS_CHANGED:
        core->roles_at = now;
        dbr_calls_changed(core, now);
        break;
    case DBR_CONSENSUS_READ:
        dbr_sql_read_ready(core->sql, event->token, event->status, event->index, now);
        break;
    case DBR_CONSENSUS_TRANSFERRED:
        core->stop_at = core->is_stopping ? now : core->stop_at;
        break;
    case DBR_CONSENSUS_CHECKPOINT:
        dbr_core_apply_job(core, DBR_APPLY_CHECKPOINT, event->index, 0);
        break;
    case DBR_CONSENSUS_OFFER:
        dbr_transfer_ask(core->transfer, event->index, now);
        break;
    case DBR_CONSENSUS_FETCH:
        dbr_snapshots_fetch(core, event, now);
        break;
    case DBR_CONSENSUS_RESTORE:
        dbr_core_apply_job(core, DBR_APPLY_RESTORE, event->index, 0);
        break;
    case DBR_CONSENSUS_FAILED:
        dbr_core_fatal(core, event->status, "consensus stopped: %s; restart the node",
                       event->detail);
        break;
    }
}

/* ---- sql ----------------------------------------------------------------------------
 */

static void sql_done(struct dbr_core *core, const struct dbr_sql_event *event,
                     dbr_time now)
{
    struct dbr_ticket *ticket = dbr_ticket_find(core, event->token);
    struct dbr_sql_reply *reply = event->reply;
    int status = reply != NULL ? reply->status : DEBROS_ENOMEM;
    if (ticket == NULL) {
        dbr_sql_reply_destroy(reply);
        return;
    }
    switch (ticket->kind) {
    case DBR_TICKET_REQUEST:
        dbr_request_sql_done(core, ticket, reply, now);
        return;
    case DBR_TICKET_MEMBERS:
        dbr_membership_loaded(core, reply, now);
        break;
    case DBR_TICKET_ANNOUNCE:
        dbr_membership_announced(core, status, now);
        break;
    case DBR_TICKET_JOIN:
        dbr_calls_join_done(core, ticket, reply, now);
        break;
    case DBR_TICKET_HELLO:
    case DBR_TICKET_REACH:
    case DBR_TICKET_DISCOVERY:
    case DBR_TICKET_SEARCH:
    case DBR_TICKET_SERVICE:
        break;
    }
    dbr_sql_reply_destroy(reply);
    dbr_ticket_destroy(core, ticket);
}

static void sql_event(struct dbr_core *core, const struct dbr_sql_event *event,
                      dbr_time now)
{
    if (event->type == DBR_SQL_DONE) {
        sql_done(core, event, now);
        return;
    }
    if (event->type == DBR_SQL_REDIRECT) {
        dbr_client_redirected(core, &event->leader, event->addrs, event->n_addrs, now);
        return;
    }
    struct dbr_effect effect = {.type = DBR_CORE_QUERY, .query = event->job};
    dbr_core_effect(core, &effect);
}

/* ---- the hash table ------------------------------------------------------------------
 */

bool dbr_core_pump_kad(struct dbr_core *core, dbr_time now)
{
    struct dbr_dht_event event;
    bool busy = false;
    if (core->kad != NULL && core->kad_wall_is_old) {
        core->kad_wall_is_old = false;
        dbr_dht_set_wall(core->kad->dht, (uint64_t)core->wall_ms, now);
    }
    while (core->kad != NULL && dbr_kad_link_poll(core->kad, &event, now)) {
        busy = true;
        if (event.type == DBR_DHT_EVENT_DONE) {
            dbr_kad_request_done(core, &event, now);
        }
    }
    return busy;
}

/* ---- the pump ------------------------------------------------------------------------
 */

static bool pump_consensus(struct dbr_core *core, dbr_time now)
{
    bool busy = false;
    struct dbr_consensus_event event;
    while (core->consensus != NULL && dbr_consensus_poll(core->consensus, &event)) {
        consensus_event(core, &event, now);
        busy = true;
    }
    flush_entries(core);
    return busy;
}

static bool pump_sql(struct dbr_core *core, dbr_time now)
{
    bool busy = false;
    struct dbr_sql_event event;
    while (core->sql != NULL && dbr_sql_poll(core->sql, &event)) {
        sql_event(core, &event, now);
        busy = true;
    }
    return busy;
}

static bool pump_swarm(struct dbr_core *core, dbr_time now)
{
    bool busy = false;
    struct dbr_swarm_event event;
    while (dbr_swarm_poll(core->swarm, &event)) {
        swarm_event(core, &event, now);
        busy = true;
    }
    return busy;
}

/* What waits goes out first: all that it stirs up is polled in the same round. True:
 * something happened. */
static bool round_once(struct dbr_core *core, dbr_time now)
{
    if (core->sql != NULL && !core->is_fatal) {
        dbr_membership_route(core, now);
        dbr_sql_flush(core->sql, now);
    }
    bool busy = pump_consensus(core, now);
    busy = pump_sql(core, now) || busy;
    busy = dbr_snapshots_pump(core, now) || busy;
    busy = dbr_core_pump_kad(core, now) || busy;
    busy = dbr_network_pump(core, now) || busy;
    return pump_swarm(core, now) || busy;
}

void dbr_core_pump(struct dbr_core *core, dbr_time now)
{
    core->now = now;
    for (int i = 0; i < PUMP_ROUNDS_MAX && round_once(core, now); i++) {
    }
}
