#include "core.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "inner.h"
#include "swarm/identify.h"
#include "swarm/ping.h"

#define EFFECTS_MAX      (1u << 20)
#define MESSAGE_MAX      (20u << 20) /* SQL frames: the largest reply and its wrapping */
#define INSTALL_MS       10000       /* a snapshot that went astray is sent again */
#define CLIENT_PING_MS         2000 /* a member that hangs is left after both */
#define CLIENT_PING_TIMEOUT_MS 3000
#define CLIENT_RETRY_MS        200 /* before a refused request's first repetition */
#define RAFT_MESSAGE_MAX (16u << 20) /* entries, or what describes a snapshot */

static const struct dbr_swarm_protocol protocols[DBR_PROTOCOLS] = {
    [DBR_PROTOCOL_RAFT] = {"/debros/raft/1.0.0", DBR_PEER_MEMBER, RAFT_MESSAGE_MAX,
                           2 * RAFT_MESSAGE_MAX},
    [DBR_PROTOCOL_SQL] = {DBR_PROTOCOL_SQL_ID, DBR_PEER_CLIENT, MESSAGE_MAX,
                          2 * MESSAGE_MAX},
    [DBR_PROTOCOL_CLUSTER] = {"/debros/cluster/1.0.0", DBR_PEER_STRANGER,
                              DBR_CLUSTER_MAX_MESSAGE, 2 * DBR_CLUSTER_MAX_MESSAGE},
    [DBR_PROTOCOL_SNAPSHOT] = {"/debros/snapshot/1.0.0", DBR_PEER_MEMBER,
                               DBR_TRANSFER_MESSAGE, 8 * DBR_TRANSFER_MESSAGE},
    /* Its id is the config's. */
    [DBR_PROTOCOL_KAD] = {DBR_DHT_PROTOCOL, DBR_PEER_CLIENT, DBR_DHT_MESSAGE_MAX,
                          DBR_KAD_SEND_QUEUE},
};

bool dbr_core_speaks(const char *protocol)
{
    static const char *const others[] = {"/multistream/1.0.0", DBR_IDENTIFY_ID,
                                         DBR_IDENTIFY_PUSH_ID, DBR_PING_ID};
    for (size_t i = 0; i < DBR_COUNT(others); i++) {
        if (strcmp(protocol, others[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < DBR_PROTOCOLS; i++) {
        if (i != DBR_PROTOCOL_KAD && strcmp(protocol, protocols[i].id) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- Life ------------------------------------------------------------------------ */

static int create_swarm(struct dbr_core *core, dbr_time now)
{
    struct dbr_swarm_protocol all[DBR_PROTOCOLS];
    struct dbr_swarm_config config = {
        .identity = core->config.identity,
        .agent = "debros/" DEBROS_VERSION,
        .open = core->config.open,
        .protocols = all,
        .n_protocols = DBR_PROTOCOLS,
        .logger = core->config.logger,
    };
    memcpy(all, protocols, sizeof(all));
    all[DBR_PROTOCOL_KAD].id = core->config.kad_protocol;
    all[DBR_PROTOCOL_KAD].min_class =
        core->config.open ? DBR_PEER_STRANGER : DBR_PEER_CLIENT;
    dbr_swarm_limits_default(&config.limits);
    if (core->config.mode == DBR_CORE_CLIENT) {
        config.limits.idle_ping_ms = CLIENT_PING_MS;
        config.limits.ping_timeout_ms = CLIENT_PING_TIMEOUT_MS;
    }
    if (core->config.max_connections != 0) {
        config.limits.connections = core->config.max_connections;
    }
    if (core->config.max_memory != 0) {
        config.limits.memory = core->config.max_memory;
    }
    int err = dbr_swarm_create(&core->swarm, &config, core->rng, now);
    if (err != 0) {
        return err;
    }
    for (uint32_t i = 0; i < DBR_PROTOCOLS; i++) {
        if (i == DBR_PROTOCOL_KAD || core->config.mode != DBR_CORE_MEMBER) {
            dbr_swarm_offer(core->swarm, i, false); /* nobody serves it, or not yet */
        }
    }
    for (size_t i = 0; i < core->config.n_advertise; i++) {
        dbr_swarm_advertise(core->swarm, &core->config.advertise[i]);
    }
    return 0;
}

size_t dbr_core_offered(const struct dbr_core *core, const char *out[DBR_PROTOCOLS])
{
    size_t n = 0;
    for (uint32_t i = 0; i < DBR_PROTOCOLS; i++) {
        if (dbr_swarm_is_offered(core->swarm, i)) {
            out[n++] =
                i == DBR_PROTOCOL_KAD ? core->config.kad_protocol : protocols[i].id;
        }
    }
    return n;
}

static int create_kad(struct dbr_core *core, dbr_time now)
{
    struct dbr_kad_config config = {
        .swarm = core->swarm,
        .protocol = DBR_PROTOCOL_KAD,
        .protocol_id = core->config.kad_protocol,
        .open = core->config.open,
        .identity = core->config.identity,
        .wall_ms = (uint64_t)core->wall_ms,
        .logger = core->config.logger,
    };
    dbr_kad_limits_default(&config.limits);
    dbr_dht_limits_default(&config.dht);
    if (!core->config.open) {
        /* Members are known by their keys; they may well share one network. */
        config.dht.table.per_group = 0;
        config.dht.table.per_group_bucket = 0;
    }
    return dbr_kad_link_create(&core->kad, &config, core->rng, now);
}

uint32_t dbr_core_election_ms(const struct dbr_core *core)
{
    struct dbr_consensus_config config;
    dbr_consensus_config_default(&config);
    return core->config.election_ms != 0 ? core->config.election_ms : config.election_ms;
}

static int create_consensus(struct dbr_core *core, dbr_time now)
{
    struct dbr_consensus_config config;
    char address[DBR_PEER_ID_TEXT_SIZE];
    dbr_consensus_config_default(&config);
    config.id = core->server;
    config.address = dbr_peer_id_text(&core->self, address);
    config.logger = core->config.logger;
    config.bare = core->config.bare;
    config.install_ms = INSTALL_MS;
    if (core->config.election_ms != 0) {
        config.election_ms = core->config.election_ms;
        config.heartbeat_ms = config.election_ms / 10;
    }
    if (core->config.snapshot_threshold != 0) {
        config.snapshot_threshold = core->config.snapshot_threshold;
    }
    if (core->config.snapshot_trailing != 0) {
        config.snapshot_trailing = core->config.snapshot_trailing;
    }
    if (core->config.snapshot_bytes != 0) {
        config.snapshot_bytes = core->config.snapshot_bytes;
        config.trailing_bytes = core->config.snapshot_bytes / 2;
    }
    return dbr_consensus_create(&core->consensus, &config, core->config.log_state,
                                core->rng, now);
}

static int create_sql(struct dbr_core *core)
{
    struct dbr_sql_config config = {.swarm = core->swarm,
                                    .consensus = core->consensus,
                                    .protocol = DBR_PROTOCOL_SQL,
                                    .rng = core->rng,
                                    .logger = core->config.logger};
    if (core->config.mode == DBR_CORE_CLIENT) {
        config.limits.retry_ms = CLIENT_RETRY_MS;
        config.limits.attempts = core->config.attempts;
        config.limits.retry_max_ms = core->config.retry_delay_ms;
    }
    return dbr_sql_create(&core->sql, &config);
}

static int copy_bootstrap(struct dbr_core *core, debros_detail *detail)
{
    const struct dbr_core_config *config = &core->config;
    size_t n =
        config->mode == DBR_CORE_JOINER ? core->invite.n_members : config->n_bootstrap;
    const struct dbr_multiaddr *from =
        config->mode == DBR_CORE_JOINER ? core->invite.members : config->bootstrap;
    core->bootstrap = dbr_calloc(n + 1, sizeof(*core->bootstrap));
    if (core->bootstrap == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        struct dbr_peer_id peer;
        if (!dbr_multiaddr_peer(&from[i], &peer)) {
            char text[DBR_MULTIADDR_TEXT_SIZE];
            return dbr_detail_set(detail, DEBROS_EINVAL,
                                  "bootstrap address %s must end in /p2p/PEER-ID",
                                  dbr_multiaddr_text(&from[i], text));
        }
        core->bootstrap[i] = from[i];
    }
    core->n_bootstrap = n;
    return 0;
}

static void defaults(struct dbr_core_config *config)
{
    config->kad_protocol =
        config->kad_protocol != NULL ? config->kad_protocol : DBR_DHT_PROTOCOL;
    config->connect_ms = config->connect_ms != 0 ? config->connect_ms : 30000;
    config->attempts = config->attempts != 0 ? config->attempts : 4;
    config->retry_delay_ms = config->retry_delay_ms != 0 ? config->retry_delay_ms : 5000;
    config->pool = config->pool != 0 ? config->pool : 3;
}

static int create_parts(struct dbr_core *core, dbr_time now, debros_detail *detail)
{
    int err = 0;
    if (core->config.mode == DBR_CORE_JOINER) {
        err = dbr_invite_decode(&core->invite, core->config.invite, detail);
    }
    if (err == 0) {
        err = copy_bootstrap(core, detail);
    }
    if (err == 0) {
        err = create_swarm(core, now);
    }
    if (err == 0 && core->config.mode == DBR_CORE_MEMBER) {
        err = create_consensus(core, now);
    }
    if (err == 0 && core->config.mode == DBR_CORE_MEMBER) {
        err = dbr_snapshots_create(core, now);
    }
    if (err == 0 && core->config.mode == DBR_CORE_MEMBER) {
        err = create_kad(core, now);
    }
    if (err == 0 && core->config.mode != DBR_CORE_JOINER) {
        err = create_sql(core);
    }
    if (err == 0 && core->config.mdns) {
        err = dbr_mdns_link_create(core, now);
    }
    return err;
}

int dbr_core_create(struct dbr_core **out, const struct dbr_core_config *config,
                    struct dbr_rng *rng, dbr_time now, int64_t wall_ms,
                    debros_detail *detail)
{
    struct dbr_core *core = dbr_calloc(1, sizeof(*core));
    if (core == NULL) {
        return DEBROS_ENOMEM;
    }
    core->config = *config;
    defaults(&core->config);
    core->rng = rng;
    core->started = core->now = now;
    core->leader_heard_at = core->apply_moved_at = now;
    dbr_health_limits_default(&core->health_limits);
    core->wall_ms = wall_ms;
    /* The log comes again from the snapshot on: until then no file is sure to hold more.
     */
    core->applied = config->log_state != NULL ? config->log_state->snapshot_index : 0;
    core->members_at = core->announce_at = core->roles_at = DBR_TIME_NEVER;
    core->services.register_at = DBR_TIME_NEVER;
    core->stop_at = core->tickets_at = core->tell_at = DBR_TIME_NEVER;
    dbr_ring_init(&core->effects, sizeof(struct dbr_effect), EFFECTS_MAX);
    dbr_peer_id_from_key(&core->self, config->identity->public_key);
    core->server = dbr_server_id(&core->self);
    int err = create_parts(core, now, detail);
    if (err != 0 && detail != NULL && detail->text[0] == '\0') {
        (void)dbr_detail_set(detail, err, "the node cannot begin: %s",
                             debros_strerror(err));
    }
    if (err != 0) {
        dbr_core_destroy(core);
        return err;
    }
    core->config.log_state = NULL;
    core->config.advertise = NULL;
    core->config.network = NULL;
    dbr_swarm_wall(core->swarm, wall_ms);
    if (core->sql != NULL) {
        dbr_sql_wall(core->sql, wall_ms);
        dbr_sql_applied(core->sql, NULL, core->applied, now);
    }
    if (config->mode == DBR_CORE_MEMBER) {
        dbr_network_start(core, config->network, now);
        dbr_membership_start(core, now);
        dbr_services_start(core, now);
    } else {
        dbr_client_start(core, now);
    }
    *out = core;
    return 0;
}

void dbr_core_destroy(struct dbr_core *core)
{
    if (core == NULL) {
        return;
    }
    dbr_tickets_finish(core);
    dbr_raft_links_finish(core);
    dbr_calls_finish(core);
    dbr_contacts_finish(&core->contacts);
    dbr_apply_job_destroy(core->entries);
    dbr_sql_destroy(core->sql);
    dbr_transfer_destroy(core->transfer);
    dbr_network_finish(core);
    dbr_kad_link_destroy(core->kad);
    dbr_mdns_link_destroy(core);
    dbr_consensus_destroy(core->consensus);
    dbr_swarm_destroy(core->swarm);
    dbr_members_finish(&core->members);
    struct dbr_effect effect;
    while (dbr_ring_pop(&core->effects, &effect)) {
        if (effect.type == DBR_CORE_APPLY) {
            dbr_apply_job_destroy(effect.apply);
        } else if (effect.type == DBR_CORE_QUERY) {
            dbr_query_job_destroy(effect.query);
        } else if (effect.type == DBR_CORE_BULK) {
            dbr_bulk_job_destroy(effect.bulk);
        } else if (effect.type == DBR_CORE_NETWORK) {
            dbr_network_job_destroy(effect.network);
        }
    }
    dbr_ring_finish(&core->effects);
    dbr_free(core->bootstrap);
    dbr_free(core);
}

void dbr_core_effect(struct dbr_core *core, const struct dbr_effect *effect)
{
    struct dbr_effect full = *effect;
    if (full.detail == NULL) {
        full.detail = "";
    }
    /* Ops, jobs and requests must not be lost: the ring's limit is far above what the
     * tables below allow, and only memory can end it. */
    if (!dbr_ring_push(&core->effects, &full)) {
        dbr_core_fatal(core, DEBROS_ENOMEM, "out of memory");
    }
}

void dbr_core_fatal(struct dbr_core *core, int status, const char *format, ...)
{
    if (core->is_fatal) {
        return;
    }
    core->is_fatal = true;
    va_list args;
    va_start(args, format);
    vsnprintf(core->detail.text, sizeof(core->detail.text), format, args);
    va_end(args);
    dbr_log(core->config.logger, DEBROS_LOG_ERROR, "core", "%s", core->detail.text);
    struct dbr_effect effect = {
        .type = DBR_CORE_FATAL, .status = status, .detail = core->detail.text};
    dbr_ring_push(&core->effects, &effect);
}

/* ---- In: time ---------------------------------------------------------------------- */

void dbr_core_wall(struct dbr_core *core, int64_t wall_ms)
{
    core->wall_ms = wall_ms;
    dbr_swarm_wall(core->swarm, wall_ms);
    if (core->sql != NULL) {
        dbr_sql_wall(core->sql, wall_ms);
    }
    core->kad_wall_is_old = core->kad != NULL;
}

/* When a stop ends. */
static dbr_time ends_at(const struct dbr_core *core)
{
    bool may_end = core->stop_at == DBR_TIME_NEVER || dbr_network_is_saved(core);
    return may_end ? core->stop_at : core->stop_by;
}

dbr_time dbr_core_deadline(const struct dbr_core *core)
{
    dbr_time at = dbr_time_min(dbr_swarm_deadline(core->swarm), core->tickets_at);
    if (core->sql != NULL && !core->is_fatal) { /* which flushes no more */
        at = dbr_time_min(at, dbr_sql_deadline(core->sql));
    }
    if (core->consensus != NULL) {
        at = dbr_time_min(at, dbr_consensus_deadline(core->consensus));
        at = dbr_time_min(at, dbr_membership_deadline(core));
        at = dbr_time_min(at, dbr_transfer_deadline(core->transfer));
        at = dbr_time_min(at, dbr_kad_link_deadline(core->kad));
        at = dbr_time_min(at, dbr_learner_deadline(core));
        at = dbr_time_min(at, dbr_discovery_deadline(core));
        at = dbr_time_min(at, dbr_network_deadline(core));
        at = dbr_time_min(at, dbr_services_deadline(core));
    } else {
        at = dbr_time_min(at, dbr_client_deadline(core));
    }
    at = dbr_time_min(at, dbr_mdns_link_deadline(core));
    return dbr_time_min(at, ends_at(core));
}

static void stopped(struct dbr_core *core)
{
    DBR_FAILPOINT("core.core.stopped");
    core->stop_at = DBR_TIME_NEVER;
    struct dbr_effect effect = {.type = DBR_CORE_STOPPED};
    dbr_core_effect(core, &effect);
}

void dbr_core_expire(struct dbr_core *core, dbr_time now)
{
    if (dbr_swarm_deadline(core->swarm) <= now) {
        dbr_swarm_expire(core->swarm, now);
    }
    if (core->consensus != NULL) {
        if (dbr_consensus_deadline(core->consensus) <= now) {
            dbr_consensus_expire(core->consensus, now);
        }
        dbr_membership_expire(core, now);
        if (dbr_transfer_deadline(core->transfer) <= now) {
            dbr_transfer_expire(core->transfer, now);
        }
        dbr_kad_link_expire(core->kad, now);
        dbr_learner_expire(core, now);
        dbr_discovery_expire(core, now);
        dbr_services_expire(core, now);
    } else if (dbr_client_deadline(core) <= now) {
        dbr_client_expire(core, now);
    }
    if (core->sql != NULL) {
        dbr_sql_expire(core->sql, now);
    }
    dbr_tickets_expire(core, now);
    dbr_mdns_link_expire(core, now);
    if (ends_at(core) <= now) {
        stopped(core);
    }
}

/* ---- In: the network ------------------------------------------------------------------
 */

void dbr_core_listening(struct dbr_core *core, const struct dbr_multiaddr *addr,
                        dbr_time now)
{
    (void)now;
    dbr_swarm_listening(core->swarm, addr);
}

void dbr_core_not_listening(struct dbr_core *core, const struct dbr_multiaddr *addr,
                            dbr_time now)
{
    (void)now;
    dbr_swarm_not_listening(core->swarm, addr);
}

void dbr_core_accepted(struct dbr_core *core, uint64_t conn,
                       const struct dbr_multiaddr *remote, dbr_time now)
{
    dbr_swarm_accepted(core->swarm, conn, remote, now);
}

void dbr_core_dialed(struct dbr_core *core, uint64_t conn, dbr_time now)
{
    dbr_swarm_dialed(core->swarm, conn, now);
}

void dbr_core_dial_failed(struct dbr_core *core, uint64_t conn, const char *detail,
                          dbr_time now)
{
    dbr_swarm_dial_failed(core->swarm, conn, detail, now);
}

void dbr_core_recv(struct dbr_core *core, uint64_t conn, debros_bytes bytes, dbr_time now)
{
    dbr_swarm_recv(core->swarm, conn, bytes, now);
}

void dbr_core_closed(struct dbr_core *core, uint64_t conn, dbr_time now)
{
    dbr_swarm_closed(core->swarm, conn, now);
}

void dbr_core_written(struct dbr_core *core, uint64_t conn, size_t len, dbr_time now)
{
    dbr_swarm_written(core->swarm, conn, len, now);
}

bool dbr_core_dial_name(const struct dbr_core *core, uint64_t conn, struct dbr_name *name)
{
    struct dbr_multiaddr remote;
    return dbr_swarm_remote(core->swarm, conn, &remote) &&
           dbr_multiaddr_name(&remote, name);
}

struct dbr_buf dbr_core_take_output(struct dbr_core *core, uint64_t conn)
{
    return dbr_swarm_take_output(core->swarm, conn);
}

/* ---- In: the store
 * --------------------------------------------------------------------- */

void dbr_core_log_done(struct dbr_core *core, uint64_t seq, dbr_time now)
{
    DBR_FAILPOINT("core.core.log_done");
    dbr_consensus_log_done(core->consensus, seq, now);
}

static void entries_done(struct dbr_core *core, struct dbr_apply_job *job, dbr_time now)
{
    DBR_FAILPOINT("core.core.entries_done");
    core->applied = job->applied;
    core->apply_moved_at = now;
    core->database_size = job->database_size;
    dbr_sql_applied(core->sql, job->outcomes, job->applied, now);
    job->outcomes = NULL;
    if (job->system_changed) {
        dbr_membership_changed(core, now);
    }
}

void dbr_core_apply_done(struct dbr_core *core, struct dbr_apply_job *job, dbr_time now)
{
    /* A checkpoint that the disk failed is no matter of trying again: a second fsync
     * may say that all is well when it is not. */
    bool may_fail = job->type == DBR_APPLY_FREEZE ||
                    (job->type == DBR_APPLY_CHECKPOINT && job->status != DEBROS_EIO);
    if (job->status != 0 && !may_fail) {
        dbr_core_fatal(core, job->status, "the database cannot go on: %s",
                       job->detail.text);
    } else if (job->type == DBR_APPLY_CHECKPOINT) {
        dbr_consensus_checkpointed(core->consensus, job->status, now);
    } else if (job->type == DBR_APPLY_FREEZE) {
        dbr_transfer_frozen(core->transfer, job->freeze, job->status, now);
    } else {
        if (job->type == DBR_APPLY_RESTORE) {
            job->system_changed = true;
        }
        entries_done(core, job, now);
    }
    if (job->status != 0) {
        dbr_log(core->config.logger, DEBROS_LOG_WARN, "core", "%s", job->detail.text);
    }
    dbr_story_applied(core, job);
    dbr_apply_job_destroy(job);
}

void dbr_core_query_done(struct dbr_core *core, struct dbr_query_job *job, dbr_time now)
{
    dbr_sql_query_done(core->sql, job, now);
}

void dbr_core_bulk_done(struct dbr_core *core, struct dbr_bulk_job *job, dbr_time now)
{
    dbr_transfer_job_done(core->transfer, job, now);
}

void dbr_core_network_done(struct dbr_core *core, struct dbr_network_job *job,
                           dbr_time now)
{
    dbr_network_done(core, job, now);
}

/* ---- In: the application
 * ------------------------------------------------------------------ */

void dbr_core_request(struct dbr_core *core, struct dbr_request *request, dbr_time now)
{
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_REQUEST, request->deadline);
    if (ticket == NULL || core->is_stopping || core->is_fatal || core->sql == NULL) {
        request->status = ticket == NULL ? DEBROS_ENOMEM : DEBROS_ECANCELED;
        struct dbr_effect effect = {.type = DBR_CORE_DONE, .request = request};
        dbr_ticket_destroy(core, ticket);
        dbr_core_effect(core, &effect);
        return;
    }
    ticket->request = request;
    request->token = ticket->token;
    dbr_request_run(core, ticket, now);
}

void dbr_core_cancel(struct dbr_core *core, struct dbr_request *request, dbr_time now)
{
    struct dbr_ticket *ticket = dbr_ticket_find(core, request->token);
    if (ticket == NULL || ticket->request != request) {
        return;
    }
    if (request->type == DBR_REQUEST_EXEC || request->type == DBR_REQUEST_QUERY) {
        dbr_sql_cancel(core->sql, ticket->token);
    } else {
        dbr_ticket_done(core, ticket, DEBROS_ECANCELED, "canceled", now);
    }
}

/* True: another voter is on its way to lead. */
static bool hand_over(struct dbr_core *core, dbr_time now)
{
    struct dbr_consensus_status status;
    if (core->consensus == NULL) {
        return false;
    }
    dbr_consensus_status(core->consensus, &status);
    return status.role == DBR_CONSENSUS_LEADER &&
           dbr_consensus_transfer(core->consensus, 0, now) == 0;
}

void dbr_core_disk_full(struct dbr_core *core, bool is_full, dbr_time now)
{
    if (core->sql != NULL) {
        dbr_sql_set_full(core->sql, is_full);
    }
    if (is_full) {
        (void)hand_over(core, now);
    }
}

void dbr_core_stop(struct dbr_core *core, dbr_time now)
{
    core->is_stopping = true;
    core->stop_by = dbr_time_add(now, DBR_STOP_MS);
    core->stop_at = hand_over(core, now) ? core->stop_by : now;
    dbr_network_stop(core, now);
}

void dbr_core_abort(struct dbr_core *core, int status)
{
    struct dbr_ticket *ticket;
    struct dbr_ticket *tmp;
    if (core->sql != NULL) {
        dbr_sql_abort(core->sql, status);
    }
    dbr_core_pump(core, core->now);
    HASH_ITER(hh, core->tickets, ticket, tmp)
    {
        if (ticket->kind == DBR_TICKET_REQUEST && ticket->stream == 0) {
            dbr_ticket_done(core, ticket, status, "the node stopped", core->now);
        }
    }
}

/* ---- Out
 * --------------------------------------------------------------------------------------
 */

bool dbr_core_poll(struct dbr_core *core, struct dbr_effect *effect, dbr_time now)
{
    if (dbr_ring_pop(&core->effects, effect)) {
        return true;
    }
    dbr_core_pump(core, now);
    return dbr_ring_pop(&core->effects, effect) || dbr_mdns_link_poll(core, effect, now);
}
