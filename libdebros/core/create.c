/* The parts of a node, made and destroyed: which there are depends on what it is. */
#include "base/alloc.h"
#include "base/detail.h"
#include "inner.h"
#include "swarm/identify.h"
#include "swarm/ping.h"

#define EFFECTS_MAX      (1u << 20)
#define MESSAGE_MAX      (20u << 20) /* SQL frames: the largest reply and its wrapping */
#define RAFT_MESSAGE_MAX (16u << 20) /* entries, or what describes a snapshot */
#define INSTALL_MS       10000       /* a snapshot that went astray is sent again */
#define CLIENT_PING_MS         2000 /* a member that hangs is left after both */
#define CLIENT_PING_TIMEOUT_MS 3000
#define CLIENT_RETRY_MS        200 /* before a refused request's first repetition */

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

/* ---- Parts ------------------------------------------------------------------------- */

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

/* ---- The whole --------------------------------------------------------------------- */

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
