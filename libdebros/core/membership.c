/* Who belongs to the cluster, as its tables say; what follows for peers, for addresses,
 * for the raft group's places, and for the way of SQL requests. */
#include "base/alloc.h"
#include "base/failpoint.h"
#include "inner.h"

#define CANDIDATES_MAX 256

/* ---- What the raft group says ------------------------------------------------------ */

static const struct dbr_server *find_server(const struct dbr_consensus_status *status,
                                            uint64_t id)
{
    for (size_t i = 0; i < status->n_servers; i++) {
        if (status->servers[i].id == id) {
            return &status->servers[i];
        }
    }
    return NULL;
}

bool dbr_membership_has_place(const struct dbr_core *core)
{
    struct dbr_consensus_status status;
    dbr_consensus_status(core->consensus, &status);
    return find_server(&status, core->server) != NULL;
}

static bool votes(const struct dbr_core *core, const struct dbr_consensus_status *status)
{
    const struct dbr_server *self = find_server(status, core->server);
    return self != NULL && self->role == DBR_SERVER_VOTER;
}

bool dbr_membership_has_replica(const struct dbr_core *core)
{
    bool has_rows = core->applied > 0 || core->config.applied > 0;
    return core->consensus != NULL && has_rows && dbr_membership_has_place(core);
}

/* Asked in every pump: base58 only for a new one. */
static bool find_leader(struct dbr_core *core, const struct dbr_consensus_status *status,
                        struct dbr_peer_id *peer)
{
    const char *address = status->leader_address;
    if (core->leader_server != status->leader) {
        if (dbr_peer_id_parse(&core->leader_peer, address, strlen(address)) != 0) {
            return false;
        }
        core->leader_server = status->leader;
    }
    *peer = core->leader_peer;
    return true;
}

/* Followers hear of a new configuration by an entry like any other. */
static void notice_group(struct dbr_core *core, const struct dbr_consensus_status *status,
                         dbr_time now)
{
    uint64_t group = 0;
    for (size_t i = 0; i < status->n_servers; i++) {
        group += status->servers[i].id * (1 + (uint64_t)status->servers[i].role);
    }
    if (group != core->group) {
        core->group = group;
        dbr_membership_keep(core, now);
    }
}

static void route_member(struct dbr_core *core, dbr_time now)
{
    struct dbr_consensus_status status;
    struct dbr_peer_id peer = {0};
    enum dbr_sql_route route = DBR_SQL_ROUTE_NONE;
    bool has_replica = dbr_membership_has_replica(core);
    dbr_consensus_status(core->consensus, &status);
    notice_group(core, &status, now);
    if (status.role == DBR_CONSENSUS_LEADER) {
        route = status.ready ? DBR_SQL_ROUTE_SELF : DBR_SQL_ROUTE_NONE;
    } else if (status.leader != 0) {
        if (find_leader(core, &status, &peer) &&
            dbr_swarm_is_connected(core->swarm, &peer)) {
            route = DBR_SQL_ROUTE_PEER;
        }
    } else if (find_server(&status, core->server) == NULL &&
               dbr_learner_route(core, &peer)) {
        route = DBR_SQL_ROUTE_PEER;
    }
    dbr_sql_set_replica(core->sql, has_replica, votes(core, &status));
    dbr_sql_set_fresh(core->sql, status.fresh_at, status.fresh_index);
    dbr_sql_set_route(core->sql, route, &peer, now);
}

void dbr_membership_route(struct dbr_core *core, dbr_time now)
{
    if (core->consensus != NULL) {
        route_member(core, now);
    } else if (dbr_peer_id_is_none(&core->route)) {
        dbr_sql_set_route(core->sql, DBR_SQL_ROUTE_NONE, NULL, now);
    } else {
        dbr_sql_set_route(core->sql, DBR_SQL_ROUTE_PEER, &core->route, now);
    }
}

/* ---- The table ------------------------------------------------------------------------
 */

/* The raft group's servers are members, and needed, whatever has become of the table: one
 * that has lost it, or has not got it yet, gets it from them. */
static void keep_servers(struct dbr_core *core, const struct dbr_consensus_status *status,
                         dbr_time now)
{
    for (size_t i = 0; i < status->n_servers; i++) {
        struct dbr_peer_id peer;
        const char *address = status->servers[i].address;
        if (dbr_peer_id_parse(&peer, address, strlen(address)) == 0 &&
            !dbr_peer_id_equal(&peer, &core->self)) {
            dbr_swarm_set_class(core->swarm, &peer, DBR_PEER_MEMBER, now);
            dbr_swarm_keep(core->swarm, &peer, true, now);
        }
    }
}

/* The i-th bootstrap address is this peer's. */
static bool is_bootstrap_of(const struct dbr_core *core, size_t i,
                            const struct dbr_peer_id *peer)
{
    struct dbr_peer_id named;
    return dbr_multiaddr_peer(&core->bootstrap[i], &named) &&
           dbr_peer_id_equal(&named, peer);
}

/* Where a peer is, as the table says, `member`, which may be NULL, and the operator. */
static void give_addrs(struct dbr_core *core, const struct dbr_peer_id *peer,
                       const struct dbr_member *member, dbr_time now)
{
    struct dbr_multiaddr addrs[2 * DBR_MEMBER_ADDRS];
    size_t n = member != NULL ? member->n_addrs : 0;
    if (n > 0) {
        memcpy(addrs, member->addrs, n * sizeof(addrs[0]));
    }
    for (size_t i = 0; i < core->n_bootstrap && n < DBR_COUNT(addrs); i++) {
        if (is_bootstrap_of(core, i, peer)) {
            addrs[n++] = core->bootstrap[i];
        }
    }
    dbr_swarm_give_addrs(core->swarm, peer, addrs, n, now);
}

static bool is_bootstrap(const struct dbr_core *core, const struct dbr_peer_id *peer)
{
    for (size_t i = 0; i < core->n_bootstrap; i++) {
        if (is_bootstrap_of(core, i, peer)) {
            return true;
        }
    }
    return false;
}

/* Until the table is known, the addresses that the operator gave stand for members. */
void dbr_membership_start(struct dbr_core *core, dbr_time now)
{
    struct dbr_consensus_status status;
    dbr_consensus_status(core->consensus, &status);
    keep_servers(core, &status, now);
    for (size_t i = 0; i < core->n_bootstrap; i++) {
        struct dbr_peer_id peer;
        dbr_multiaddr_peer(&core->bootstrap[i], &peer);
        if (dbr_peer_id_equal(&peer, &core->self)) {
            continue;
        }
        dbr_swarm_set_class(core->swarm, &peer, DBR_PEER_MEMBER, now);
        give_addrs(core, &peer, NULL, now);
        dbr_swarm_keep(core->swarm, &peer, true, now);
    }
    dbr_discovery_start(core, now);
    core->learner.ask_at = now;
    /* Those without a place ask others, and many may start at one time. */
    core->members_at =
        dbr_membership_has_place(core)
            ? now
            : dbr_time_add(now, dbr_rng_below(core->rng, DBR_MEMBERS_FIRST_MS));
    core->roles_at = now;
    core->is_ready = true;
    struct dbr_effect effect = {.type = DBR_CORE_READY};
    dbr_core_effect(core, &effect);
}

void dbr_membership_changed(struct dbr_core *core, dbr_time now)
{
    core->members_at = now;
}

static void look(struct dbr_core *core, dbr_time now)
{
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_MEMBERS, DBR_TIME_NEVER);
    bool is_local = dbr_membership_has_place(core);
    debros_statement statement = {.sql = dbr_members_query};
    int err =
        ticket == NULL
            ? DEBROS_ENOMEM
            : dbr_sql_query(core->sql, ticket->token, DBR_SQL_SYSTEM_NAMESPACE,
                            &statement, is_local ? DEBROS_NONE : DEBROS_LINEARIZABLE, 0,
                            true, dbr_time_add(now, DBR_INTERNAL_TIMEOUT_MS), now);
    core->members_running = err == 0;
    core->members_at =
        err == 0 ? DBR_TIME_NEVER : dbr_time_add(now, DBR_MEMBERS_RETRY_MS);
    if (err != 0) {
        dbr_ticket_destroy(core, ticket);
    }
}

static void welcome(struct dbr_core *core, const struct dbr_member *member, dbr_time now)
{
    if (!dbr_peer_id_equal(&member->peer, &core->self)) {
        dbr_swarm_set_class(core->swarm, &member->peer,
                            member->is_client ? DBR_PEER_CLIENT : DBR_PEER_MEMBER, now);
        give_addrs(core, &member->peer, member, now);
    }
}

/* All keep connections with the raft group, as far as they know it, and with the
 * bootstrap peers; others come and go: see discovery.h. */
static bool is_kept(const struct dbr_core *core,
                    const struct dbr_consensus_status *status,
                    const struct dbr_member *member)
{
    return !member->is_client &&
           (find_server(status, dbr_server_id(&member->peer)) != NULL ||
            dbr_learner_knows_voter(core, &member->peer) ||
            is_bootstrap(core, &member->peer));
}

void dbr_membership_keep(struct dbr_core *core, dbr_time now)
{
    struct dbr_consensus_status status;
    dbr_consensus_status(core->consensus, &status);
    keep_servers(core, &status, now);
    for (size_t i = 0; i < core->members.n; i++) {
        const struct dbr_member *member = &core->members.items[i];
        dbr_swarm_keep(core->swarm, &member->peer, is_kept(core, &status, member), now);
    }
    dbr_discovery_soon(core, now);
}

/* In an open network a bootstrap peer need not belong to the cluster. */
static void dismiss(struct dbr_core *core, const struct dbr_peer_id *peer, dbr_time now)
{
    if (dbr_members_find(&core->members, peer) != NULL) {
        return;
    }
    if (!core->config.open || !is_bootstrap(core, peer)) {
        dbr_swarm_keep(core->swarm, peer, false, now);
        dbr_swarm_give_addrs(core->swarm, peer, NULL, 0, now);
    }
    dbr_swarm_set_class(core->swarm, peer, DBR_PEER_STRANGER, now);
}

static void take_members(struct dbr_core *core, const debros_result *rows, dbr_time now)
{
    DBR_FAILPOINT("core.membership.take_members");
    struct dbr_members old = core->members;
    core->members = (struct dbr_members){0};
    if (dbr_members_take(&core->members, rows) != 0) {
        dbr_log(core->config.logger, DEBROS_LOG_ERROR, "core",
                "the members' table makes no sense: the old view stays");
        core->members = old;
        return;
    }
    dbr_story_members(core, &old);
    for (size_t i = 0; i < core->members.n; i++) {
        welcome(core, &core->members.items[i], now);
    }
    for (size_t i = 0; i < old.n; i++) {
        dismiss(core, &old.items[i].peer, now);
    }
    for (size_t i = 0; !core->members_known && i < core->n_bootstrap; i++) {
        struct dbr_peer_id peer;
        dbr_multiaddr_peer(&core->bootstrap[i], &peer);
        dismiss(core, &peer, now);
    }
    dbr_membership_keep(core, now);
    for (size_t i = 0; i < core->members.n; i++) {
        dbr_kad_link_identified(core->kad, &core->members.items[i].peer, now);
    }
    dbr_members_finish(&old);
    core->members_known = true;
    dbr_calls_members_changed(core, now);
    dbr_calls_changed(core, now);
    core->announce_at = dbr_time_min(core->announce_at, now);
    core->roles_at = now;
}

void dbr_membership_loaded(struct dbr_core *core, const struct dbr_sql_reply *reply,
                           dbr_time now)
{
    bool changed_meanwhile = core->members_at != DBR_TIME_NEVER;
    core->members_running = false;
    if (reply == NULL || reply->status != 0 || reply->n_results != 1) {
        core->members_at = dbr_time_add(now, DBR_MEMBERS_RETRY_MS);
        return;
    }
    take_members(core, &reply->results[0], now);
    if (!changed_meanwhile && !dbr_membership_has_replica(core)) {
        bool is_told = core->learner.ask_at == DBR_TIME_NEVER;
        core->members_at = dbr_time_add(now, is_told ? DBR_MEMBERS_TOLD_MS
                                                     : DBR_MEMBERS_REFRESH_MS);
    }
}

/* ---- Our addresses
 * ------------------------------------------------------------------------ */

size_t dbr_membership_addrs(const struct dbr_core *core, struct dbr_multiaddr *out,
                            size_t max)
{
    size_t n = dbr_swarm_own_addrs(core->swarm, out, max);
    for (size_t i = 0; i < n; i++) {
        dbr_multiaddr_set_peer(&out[i], &core->self);
    }
    return n;
}

void dbr_membership_moved(struct dbr_core *core, dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_DHT_PEER_ADDRS_MAX];
    core->announce_at = now;
    if (core->kad != NULL) {
        dbr_kad_link_set_addrs(core->kad, addrs,
                               dbr_swarm_own_addrs(core->swarm, addrs, DBR_COUNT(addrs)));
    }
    dbr_mdns_link_tell(core, now);
}

static bool is_announced(const struct dbr_member *me, const struct dbr_multiaddr *addrs,
                         size_t n)
{
    if (me->n_addrs != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!dbr_multiaddr_equal(&me->addrs[i], &addrs[i])) {
            return false;
        }
    }
    return true;
}

static void announce(struct dbr_core *core, dbr_time now)
{
    DBR_FAILPOINT("core.membership.announce");
    struct dbr_multiaddr addrs[DBR_MEMBER_ADDRS];
    size_t n = dbr_membership_addrs(core, addrs, DBR_MEMBER_ADDRS);
    const struct dbr_member *me = dbr_members_find(&core->members, &core->self);
    core->announce_at = DBR_TIME_NEVER;
    if (me == NULL || n == 0 || is_announced(me, addrs, n)) {
        return;
    }
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_ANNOUNCE, DBR_TIME_NEVER);
    struct dbr_commands commands;
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    dbr_commands_init(&commands, &arena);
    dbr_commands_announce(&commands, &core->self, addrs, n);
    int err = ticket == NULL || commands.failed
                  ? DEBROS_ENOMEM
                  : dbr_sql_exec(core->sql, ticket->token, DBR_SQL_SYSTEM_NAMESPACE,
                                 commands.statements, commands.n, commands.expect, true,
                                 dbr_time_add(now, DBR_INTERNAL_TIMEOUT_MS), now);
    dbr_arena_finish(&arena);
    core->announce_running = err == 0;
    if (err != 0) {
        dbr_ticket_destroy(core, ticket);
        core->announce_at = dbr_time_add(now, DBR_ANNOUNCE_RETRY_MS);
    }
}

void dbr_membership_announced(struct dbr_core *core, int status, dbr_time now)
{
    core->announce_running = false;
    if (status != 0) {
        core->announce_at = dbr_time_add(now, DBR_ANNOUNCE_RETRY_MS);
    } else if (!dbr_membership_has_replica(core)) {
        core->members_at = dbr_time_min(core->members_at, now);
    }
}

/* ---- Places in the raft group
 * ---------------------------------------------------------------- */

static enum dbr_place place_of(const struct dbr_server *server)
{
    if (server == NULL) {
        return DBR_PLACE_NONE;
    }
    switch (server->role) {
    case DBR_SERVER_VOTER:
        return DBR_PLACE_VOTER;
    case DBR_SERVER_STANDBY:
        return DBR_PLACE_STANDBY;
    default:
        return DBR_PLACE_SPARE;
    }
}

static size_t candidates(const struct dbr_core *core,
                         const struct dbr_consensus_status *status,
                         struct dbr_candidate *out)
{
    size_t n = 0;
    for (size_t i = 0; i < core->members.n && n < CANDIDATES_MAX; i++) {
        const struct dbr_member *member = &core->members.items[i];
        if (member->is_client) {
            continue;
        }
        out[n].peer = member->peer;
        out[n].place = place_of(find_server(status, dbr_server_id(&member->peer)));
        out[n].is_online = dbr_peer_id_equal(&member->peer, &core->self) ||
                           dbr_swarm_is_connected(core->swarm, &member->peer);
        n++;
    }
    return n;
}

static int change_place(struct dbr_core *core, enum dbr_role_change change,
                        const struct dbr_peer_id *peer, dbr_time now)
{
    DBR_FAILPOINT("core.membership.change_place");
    char address[DBR_PEER_ID_TEXT_SIZE];
    uint64_t id = dbr_server_id(peer);
    switch (change) {
    case DBR_CHANGE_ADD:
        return dbr_consensus_add(core->consensus, id, dbr_peer_id_text(peer, address),
                                 now);
    case DBR_CHANGE_STANDBY:
        return dbr_consensus_assign(core->consensus, id, DBR_SERVER_STANDBY, now);
    case DBR_CHANGE_VOTER:
        return dbr_consensus_assign(core->consensus, id, DBR_SERVER_VOTER, now);
    default:
        return 0;
    }
}

static void look_at_places(struct dbr_core *core, dbr_time now)
{
    struct dbr_consensus_status status;
    struct dbr_candidate all[CANDIDATES_MAX];
    size_t which = 0;
    dbr_consensus_status(core->consensus, &status);
    if (status.role != DBR_CONSENSUS_LEADER) {
        core->roles_at = DBR_TIME_NEVER;
        return;
    }
    core->roles_at = dbr_time_add(now, DBR_ROLES_MS);
    if (!status.ready || status.changing || !core->members_known || core->is_stopping) {
        return;
    }
    size_t n = candidates(core, &status, all);
    enum dbr_role_change change = dbr_roles_next(all, n, &which);
    if (change == DBR_CHANGE_NOTHING) {
        return;
    }
    int err = change_place(core, change, &all[which].peer, now);
    char peer[DBR_PEER_ID_TEXT_SIZE];
    dbr_peer_id_text(&all[which].peer, peer);
    dbr_log_peer(core->config.logger, err == 0 ? DEBROS_LOG_INFO : DEBROS_LOG_WARN,
                 "cluster", peer, "%s %s: %s", peer,
                 change == DBR_CHANGE_VOTER ? "becomes a voter" : "becomes a standby",
                 err == 0 ? "under way" : debros_strerror(err));
}

/* ---- Time
 * ---------------------------------------------------------------------------------------
 */

dbr_time dbr_membership_deadline(const struct dbr_core *core)
{
    dbr_time at = dbr_time_min(core->roles_at, core->tell_at);
    if (!core->members_running) {
        at = dbr_time_min(at, core->members_at);
    }
    if (!core->announce_running && core->members_known) {
        at = dbr_time_min(at, core->announce_at);
    }
    return at;
}

void dbr_membership_expire(struct dbr_core *core, dbr_time now)
{
    if (!core->members_running && core->members_at <= now) {
        look(core, now);
    }
    if (!core->announce_running && core->members_known && core->announce_at <= now) {
        announce(core, now);
    }
    if (core->roles_at <= now) {
        look_at_places(core, now);
    }
    if (core->tell_at <= now) {
        dbr_calls_tell(core, now);
    }
}
