#include "core/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "core/inner.h"

#define CHECKS       9u
#define REASON_SIZE  320
#define NAMES_MAX    4 /* peers that a reason names; the rest is counted */
#define SHORT_ID_LEN DBR_LOG_PEER_LEN

void dbr_health_limits_default(struct dbr_health_limits *limits)
{
    *limits = (struct dbr_health_limits){.loop_lag_percent = 50,
                                         .flush_us = 500000,
                                         .flush_stuck_us = 5000000,
                                         .disk_free = 256u << 20,
                                         .contact_elections = 1,
                                         .contact_lost = 3,
                                         .apply_lag = 10000,
                                         .apply_stuck_ms = 10000,
                                         .queue_percent = 80};
}

/* ---- The list of checks --------------------------------------------------------- */

struct view {
    const struct dbr_core *core;
    const struct dbr_health_limits *limits;
    const struct dbr_host *host;
    struct dbr_arena *arena;
    struct dbr_consensus_status raft;
    dbr_time now;
    uint64_t election_ms;
    debros_check checks[CHECKS];
    size_t n;
    bool failed; /* out of memory */
};

#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
static void
judge(struct view *v, enum debros_health_state state, const char *reason, ...)
{
    char text[REASON_SIZE];
    va_list args;
    va_start(args, reason);
    dbr_text_format(text, sizeof(text), reason, args);
    va_end(args);
    debros_check *check = &v->checks[v->n - 1];
    check->state = state;
    check->reason = dbr_arena_strdup(v->arena, text);
    v->failed = v->failed || check->reason == NULL;
}

/* Healthy until judged. */
static void add(struct view *v, const char *name, const char *unit, uint64_t value,
                uint64_t limit)
{
    v->checks[v->n++] = (debros_check){
        .name = name, .unit = unit, .value = value, .limit = limit, .reason = ""};
}

/* The same where less than the limit is too little. */
static void add_floor(struct view *v, const char *name, const char *unit, uint64_t value,
                      uint64_t limit)
{
    add(v, name, unit, value, limit);
    v->checks[v->n - 1].is_floor = true;
}

/* ---- Outside: loop, disk, requests ---------------------------------------------------
 */

static void check_loop(struct view *v)
{
    uint64_t limit = v->election_ms * 1000 * v->limits->loop_lag_percent / 100;
    uint64_t lag = v->host->loop_lag_us;
    add(v, "loop_lag", "us", lag, limit);
    if (lag > limit) {
        judge(v, DEBROS_DEGRADED,
              "the node stood still for %" PRIu64 " ms within the last minute: the "
              "machine is overloaded, or the process was stopped",
              lag / 1000);
    }
}

static void check_flush(struct view *v)
{
    const struct dbr_host *host = v->host;
    uint64_t running = host->flush_running_us;
    uint64_t value = running > v->limits->flush_us ? running : host->flush_p99_us;
    add(v, "disk_flush", "us", value, v->limits->flush_us);
    if (running > v->limits->flush_stuck_us) {
        judge(v, DEBROS_UNHEALTHY,
              "the disk of '%s' has not finished a write for %" PRIu64
              " ms: writes wait for it",
              host->folder, running / 1000);
    } else if (value > v->limits->flush_us) {
        judge(v, DEBROS_DEGRADED,
              "the disk of '%s' is slow: 1 of 100 writes took %" PRIu64 " ms or longer",
              host->folder, value / 1000);
    }
}

static void check_disk(struct view *v)
{
    const struct dbr_host *host = v->host;
    add_floor(v, "disk_free", "bytes", host->disk_free, v->limits->disk_free);
    if (host->disk_free < v->limits->disk_free) {
        judge(v, DEBROS_DEGRADED, "only %" PRIu64 " MiB are free in '%s': make room",
              host->disk_free >> 20, host->folder);
    }
    uint64_t waits = host->log_waits_ms > host->apply_waits_ms ? host->log_waits_ms
                                                               : host->apply_waits_ms;
    add(v, "disk_writes", "ms", waits, 0);
    if (host->log_waits_ms > 0) {
        judge(v, DEBROS_UNHEALTHY,
              "no space left in '%s' for %" PRIu64 " ms: writes wait until there is room",
              host->folder, host->log_waits_ms);
    } else if (host->apply_waits_ms > 0) {
        judge(v, DEBROS_UNHEALTHY,
              "the databases in '%s' could not be written for %" PRIu64 " ms: %s",
              host->folder, host->apply_waits_ms, host->apply_detail);
    }
}

static void check_queue(struct view *v)
{
    uint64_t limit = (uint64_t)v->host->max_pending * v->limits->queue_percent / 100;
    add(v, "queue", "requests", v->host->pending, limit);
    if (v->host->pending > limit) {
        judge(v, DEBROS_DEGRADED,
              "%" PRIu32 " of %" PRIu32
              " requests are pending: above it they are refused "
              "(EBUSY)",
              v->host->pending, v->host->max_pending);
    }
}

/* ---- Inside: the raft group
 * ------------------------------------------------------------
 */

/* "abcd1234, efgh5678 and 3 more". */
struct names {
    char text[NAMES_MAX * (SHORT_ID_LEN + 2) + 32];
    size_t len;
    size_t n;
};

static void name(struct names *names, const char *id)
{
    size_t len = strlen(id);
    if (names->n++ < NAMES_MAX) {
        names->len += (size_t)snprintf(
            names->text + names->len, sizeof(names->text) - names->len, "%s%s",
            names->n > 1 ? ", " : "", len > SHORT_ID_LEN ? id + len - SHORT_ID_LEN : id);
    }
}

static const char *names_end(struct names *names)
{
    if (names->n > NAMES_MAX) {
        snprintf(names->text + names->len, sizeof(names->text) - names->len,
                 " and %zu more", names->n - NAMES_MAX);
    }
    return names->text;
}

static dbr_time heard_at(const struct dbr_core *core, uint64_t server)
{
    struct dbr_raft_link *link;
    HASH_FIND(hh, core->links, &server, sizeof(server), link);
    return link != NULL ? link->heard_at : 0;
}

/* A leader hears each of its servers with every heartbeat: a connection that is open and
 * silent is none. Others hear the leader only. */
static bool is_reachable(const struct view *v, const struct dbr_server *server)
{
    const struct dbr_core *core = v->core;
    struct dbr_peer_id peer;
    if (server->id == core->server) {
        return true;
    }
    if (dbr_peer_id_parse(&peer, server->address, strlen(server->address)) != 0 ||
        !dbr_swarm_is_connected(core->swarm, &peer)) {
        return false;
    }
    return v->raft.role != DBR_CONSENSUS_LEADER ||
           dbr_time_add(heard_at(core, server->id), v->election_ms) >= v->now;
}

static void check_quorum(struct view *v)
{
    struct names lost = {.text = ""};
    uint64_t voters = 0;
    for (size_t i = 0; i < v->raft.n_servers; i++) {
        const struct dbr_server *server = &v->raft.servers[i];
        if (server->role != DBR_SERVER_VOTER) {
            continue;
        }
        voters++;
        if (!is_reachable(v, server)) {
            name(&lost, server->address);
        }
    }
    uint64_t reachable = voters - lost.n;
    uint64_t majority = voters / 2 + 1;
    add_floor(v, "quorum", "voters", reachable, voters);
    if (voters > 0 && reachable < majority) {
        judge(v, DEBROS_UNHEALTHY,
              "%" PRIu64 " of %" PRIu64 " voters can be reached: writes and linearizable "
              "reads wait until %" PRIu64 " can; out of reach: %s",
              reachable, voters, majority, names_end(&lost));
    } else if (lost.n > 0) {
        judge(v, DEBROS_DEGRADED,
              "%" PRIu64 " of %" PRIu64 " voters can be reached: if %" PRIu64
              " more are lost, writes wait; out of reach: %s",
              reachable, voters, reachable - majority + 1, names_end(&lost));
    }
}

/* Members without a place in the raft group hear no leader: they ask any member. */
static bool has_place(const struct view *v)
{
    for (size_t i = 0; i < v->raft.n_servers; i++) {
        if (v->raft.servers[i].id == v->core->server) {
            return true;
        }
    }
    return false;
}

static void check_leader(struct view *v)
{
    uint64_t limit = v->election_ms * v->limits->contact_elections;
    uint64_t lost = v->election_ms * v->limits->contact_lost;
    bool leads = v->raft.role == DBR_CONSENSUS_LEADER;
    uint64_t ms = leads || !has_place(v) ? 0 : v->now - v->core->leader_heard_at;
    add(v, "leader_contact", "ms", ms, limit);
    if (ms > lost) {
        judge(v, DEBROS_UNHEALTHY,
              "no leader was heard for %" PRIu64
              " ms: writes and linearizable reads wait",
              ms);
    } else if (ms > limit) {
        judge(v, DEBROS_DEGRADED,
              "no leader was heard for %" PRIu64 " ms: an election may be under way", ms);
    }
}

static void check_peers(struct view *v)
{
    const struct dbr_core *core = v->core;
    struct names lost = {.text = ""};
    uint64_t known = 0;
    for (size_t i = 0; i < core->members.n; i++) {
        const struct dbr_member *member = &core->members.items[i];
        char id[DBR_PEER_ID_TEXT_SIZE];
        struct dbr_peer_info info = {0};
        dbr_swarm_peer_info(core->swarm, &member->peer, &info);
        if (member->is_client || !info.kept) {
            continue;
        }
        known++;
        if (!info.connected) {
            name(&lost, dbr_peer_id_text(&member->peer, id));
        }
    }
    uint64_t connected = known - lost.n;
    add_floor(v, "peers", "members", connected, known);
    if (connected == 0 && known > 0 && !has_place(v)) {
        judge(v, DEBROS_UNHEALTHY,
              "no member of the cluster is connected: requests wait; missing: %s",
              names_end(&lost));
    } else if (lost.n > 0) {
        judge(v, DEBROS_DEGRADED,
              "%" PRIu64 " of %" PRIu64 " other members are connected; missing: %s",
              connected, known, names_end(&lost));
    }
}

static void check_apply(struct view *v)
{
    const struct dbr_core *core = v->core;
    bool waits = core->applied < core->handed_over;
    uint64_t lag = waits && v->raft.commit_index > core->applied
                       ? v->raft.commit_index - core->applied
                       : 0;
    uint64_t still_ms = waits ? v->now - core->apply_moved_at : 0;
    add(v, "apply_lag", "entries", lag, v->limits->apply_lag);
    if (still_ms > v->limits->apply_stuck_ms) {
        judge(v, DEBROS_UNHEALTHY,
              "%" PRIu64 " committed entries wait for the databases, none was applied "
              "for %" PRIu64 " ms",
              lag, still_ms);
    } else if (lag > v->limits->apply_lag) {
        judge(v, DEBROS_DEGRADED,
              "the databases are %" PRIu64 " entries behind: this node reads old rows",
              lag);
    }
}

/* ---- All
 * -------------------------------------------------------------------------------
 */

static enum debros_health_state worst(const struct view *v)
{
    enum debros_health_state state = DEBROS_HEALTHY;
    for (size_t i = 0; i < v->n; i++) {
        state = v->checks[i].state > state ? v->checks[i].state : state;
    }
    return state;
}

int dbr_health_view(const struct dbr_core *core, struct dbr_request *request,
                    const struct dbr_host *host, dbr_time now)
{
    struct view v = {.core = core,
                     .limits = &core->health_limits,
                     .host = host,
                     .arena = &request->arena,
                     .now = now,
                     .election_ms = dbr_core_election_ms(core)};
    char id[DBR_PEER_ID_TEXT_SIZE];
    dbr_consensus_status(core->consensus, &v.raft);
    check_loop(&v);
    check_flush(&v);
    check_disk(&v);
    check_quorum(&v);
    check_leader(&v);
    check_peers(&v);
    check_apply(&v);
    check_queue(&v);
    debros_health *health = dbr_arena_calloc(v.arena, 1, sizeof(*health));
    debros_check *checks = dbr_arena_calloc(v.arena, v.n, sizeof(*checks));
    if (health == NULL || checks == NULL || v.failed) {
        return DEBROS_ENOMEM;
    }
    memcpy(checks, v.checks, v.n * sizeof(*checks));
    *health = (debros_health){
        .state = worst(&v),
        .node_id = dbr_arena_strdup(v.arena, dbr_peer_id_text(&core->self, id)),
        .checks = checks,
        .n_checks = v.n};
    request->health = health;
    return health->node_id == NULL ? DEBROS_ENOMEM : 0;
}
