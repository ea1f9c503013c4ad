#include "api/start.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/addresses.h"
#include "api/identity.h"
#include "api/life.h"
#include "api/node.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "driver/multicast.h"
#include "driver/tcp.h"

#define MODULE         "node"
#define OPERATOR_FILE  "operator.key"
#define PATH_SIZE      4096
#define START_GRACE_MS 1000

void dbr_start_publish_peer_id(debros_node *node, const struct dbr_keypair *identity)
{
    struct dbr_peer_id id;
    if (atomic_load(&node->has_peer_id)) {
        return;
    }
    dbr_peer_id_from_key(&id, identity->public_key);
    dbr_peer_id_text(&id, node->peer_id);
    atomic_store(&node->has_peer_id, true);
}

/* ---- Folder and keys
 * --------------------------------------------------------------------- */

static bool file_exists(const char *folder, const char *name)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof(path), "%s/%s", folder, name);
    return len < (int)sizeof(path) && access(path, F_OK) == 0;
}

/* Before anything is made: a folder is entered by init or join only. */
static int check_folder(const debros_node *node, debros_detail *detail)
{
    const debros_config *c = &node->config.c;
    bool is_member = file_exists(c->data_dir, DBR_CLUSTER_FILE);
    if (!is_member && c->invite == NULL) {
        return dbr_detail_set(
            detail, DEBROS_ESTATE,
            "%s belongs to no cluster: run debros init or debros join INVITE",
            c->data_dir);
    }
    if (is_member && c->invite != NULL) {
        return dbr_detail_set(
            detail, DEBROS_EEXISTS,
            "%s belongs to a cluster already: start it without an invite", c->data_dir);
    }
    return 0;
}

static int64_t store_wall_ms(void *data)
{
    (void)data;
    return dbr_loop_wall_ms();
}

static int64_t store_now_ms(void *data)
{
    (void)data;
    return (int64_t)dbr_loop_now();
}

static int open_store(debros_node *node, debros_detail *detail)
{
    DBR_FAILPOINT("api.start.open_store");
    int err = dbr_fs_posix_create(&node->fs, node->config.c.data_dir, detail);
    if (err != 0) {
        return err;
    }
    struct dbr_store_config config;
    dbr_store_config_default(&config);
    config.fs = node->fs;
    config.n_readers = DBR_LANES_READERS;
    config.wall_ms = store_wall_ms;
    config.now_ms = store_now_ms;
    config.logger = &node->logger;
    return dbr_store_open(&node->store, &config, detail);
}

/* A member's key is made once, by init or join: a missing one is a loss. */
static int load_identity(debros_node *node, bool may_create, debros_detail *detail)
{
    const char *path = node->config.identity_path;
    int err;
    if (path == NULL) {
        err = 0; /* made by create, lives in memory */
    } else if (may_create) {
        err = dbr_identity_load_or_create(&node->identity, path, &node->rng, detail);
    } else {
        err = dbr_identity_load(&node->identity, path, detail);
        if (err == DEBROS_ENOTFOUND) {
            err = dbr_detail_set(detail, DEBROS_ESTATE,
                                 "key file '%s' is missing: without it this folder is no "
                                 "member any more; restore it from a copy",
                                 path);
        }
    }
    if (err == 0) {
        dbr_start_publish_peer_id(node, &node->identity);
    }
    return err;
}

/* ---- The core
 * ---------------------------------------------------------------------------- */

/* More than max_connections there cannot be. */
static struct dbr_discovery_limits discovery_of(const debros_config *c)
{
    uint32_t max = c->max_connections;
    return (struct dbr_discovery_limits){
        .interval_ms = c->discovery_interval,
        .dials = c->discovery_dials,
        .low_water = c->low_water < max ? c->low_water : max,
        .high_water = c->high_water < max ? c->high_water : max,
    };
}

static struct dbr_core_config core_config(debros_node *node, enum dbr_core_mode mode)
{
    const debros_config *c = &node->config.c;
    return (struct dbr_core_config){
        .mode = mode,
        .identity = &node->identity,
        .open = c->open,
        .bootstrap = node->config.bootstrap,
        .n_bootstrap = c->n_bootstrap,
        .advertise = node->config.advertise,
        .n_advertise = c->n_advertise,
        .discovery = discovery_of(c),
        .max_connections = c->max_connections,
        .max_memory = dbr_config_memory(c),
        .snapshot_rate = c->snapshot_rate,
        .snapshot_chunk = c->snapshot_chunk,
        .election_ms = c->election_timeout,
        .connect_ms = c->connect_timeout,
        .attempts = c->retry_attempts + 1,
        .retry_delay_ms = c->retry_delay,
        .pool = c->client_connections,
        .kad_protocol = c->kad_protocol,
        .mdns = c->mdns,
        .logger = &node->logger,
    };
}

/* Once: the core that follows a JOINER's finds it open. */
static int open_multicast(debros_node *node)
{
    struct dbr_multicast_config config;
    if (!node->config.c.mdns) {
        return 0;
    }
    dbr_multicast_config_default(&config);
    config.logger = &node->logger;
    return dbr_multicast_open(node->loop, &config);
}

static int create_core(debros_node *node, const struct dbr_core_config *config,
                       debros_detail *detail)
{
    int err = dbr_core_create(&node->core, config, &node->rng, dbr_loop_now(),
                              dbr_loop_wall_ms(), detail);
    if (err == 0) {
        dbr_addresses_tell(node);
    }
    return err;
}

/* The configuration's addresses and those that were known when the node joined. */
static size_t all_bootstrap(const debros_node *node, struct dbr_multiaddr *out)
{
    size_t n = node->config.c.n_bootstrap;
    memcpy(out, node->config.bootstrap, n * sizeof(*out));
    for (size_t i = 0; i < node->cluster.n_members; i++) {
        out[n++] = node->cluster.members[i];
    }
    return n;
}

static int open_member(debros_node *node, debros_detail *detail)
{
    struct dbr_multiaddr
        bootstrap[DBR_CONFIG_MAX_BOOTSTRAP + DBR_CLUSTER_FILE_MAX_MEMBERS];
    struct dbr_core_config config = core_config(node, DBR_CORE_MEMBER);
    memcpy(config.cluster_id, node->cluster.cluster_id, sizeof(config.cluster_id));
    config.bootstrap = bootstrap;
    config.n_bootstrap = all_bootstrap(node, bootstrap);
    config.log_state = dbr_store_log_state(node->store);
    config.applied = dbr_store_applied(node->store);
    config.network = dbr_store_network(node->store);
    int err = create_core(node, &config, detail);
    if (err == 0) {
        dbr_store_forget_log_state(node->store);
        dbr_store_forget_network(node->store);
        err = dbr_lanes_start(node);
    }
    node->phase = DBR_PHASE_WAITING;
    node->start_deadline = DBR_TIME_NEVER;
    return err;
}

/* The core ends a vain start in time, since it knows why nobody answered. */
static void bound_connect(debros_node *node, struct dbr_core_config *config)
{
    dbr_time now = dbr_loop_now();
    dbr_time deadline = node->start_call->request.deadline;
    if (deadline < dbr_time_add(now, config->connect_ms)) {
        config->connect_ms = deadline > now ? (uint32_t)(deadline - now) : 1;
    }
    node->start_deadline = dbr_time_add(deadline, START_GRACE_MS);
}

static int open_joiner(debros_node *node, debros_detail *detail)
{
    struct dbr_core_config config = core_config(node, DBR_CORE_JOINER);
    dbr_keypair_generate(&node->operator_key, &node->rng);
    config.operator_key = &node->operator_key;
    config.invite = node->config.c.invite;
    bound_connect(node, &config);
    node->phase = DBR_PHASE_JOINING;
    return create_core(node, &config, detail);
}

static int open_client(debros_node *node, debros_detail *detail)
{
    int err = 0;
    if (node->config.c.data_dir != NULL) {
        err = dbr_fs_posix_create(&node->fs, node->config.c.data_dir, detail);
    }
    if (err == 0) {
        err = load_identity(node, true, detail);
    }
    if (err != 0) {
        return err;
    }
    struct dbr_core_config config = core_config(node, DBR_CORE_CLIENT);
    bound_connect(node, &config);
    node->phase = DBR_PHASE_WAITING;
    return create_core(node, &config, detail);
}

static void log_start(const debros_node *node)
{
    const debros_config *c = &node->config.c;
    dbr_log(&node->logger, DEBROS_LOG_INFO, MODULE, "starts: version %s, %s '%s'",
            debros_version(), c->invite != NULL ? "joins with folder" : "folder",
            c->data_dir);
}

int dbr_start_open(debros_node *node, debros_detail *detail)
{
    const debros_config *c = &node->config.c;
    node->start_deadline = node->start_call->request.deadline;
    if (c->client) {
        int failed = open_client(node, detail);
        return failed != 0 ? failed : open_multicast(node);
    }
    log_start(node);
    int err = check_folder(node, detail);
    if (err == 0) {
        err = open_store(node, detail); /* from here the folder is ours alone */
    }
    if (err == 0 && c->invite == NULL) {
        err = dbr_cluster_file_read(&node->cluster, node->fs, detail);
    }
    if (err == 0) {
        err = load_identity(node, c->invite != NULL, detail);
    }
    /* Before an invite is used up: a port that is taken would waste it. */
    if (err == 0) {
        err = dbr_addresses_listen(node, detail);
    }
    if (err == 0) {
        err = c->invite == NULL ? open_member(node, detail) : open_joiner(node, detail);
    }
    return err != 0 ? err : open_multicast(node);
}

/* ---- Joining
 * ----------------------------------------------------------------------------- */

void dbr_start_joined(debros_node *node, const struct dbr_joined *joined)
{
    debros_detail detail = {.text = ""};
    char path[PATH_SIZE];
    if (node->phase != DBR_PHASE_JOINING) {
        return;
    }
    struct dbr_cluster_file *file = &node->cluster;
    memcpy(file->cluster_id, joined->cluster_id, sizeof(file->cluster_id));
    for (size_t i = 0; i < joined->n_members && i < DBR_CLUSTER_FILE_MAX_MEMBERS; i++) {
        file->members[file->n_members++] = joined->members[i];
    }
    snprintf(path, sizeof(path), "%s/%s", node->config.c.data_dir, OPERATOR_FILE);
    int err = dbr_identity_save(&node->operator_key, path, &detail);
    if (err == 0) {
        err = dbr_cluster_file_write(file, node->fs, &detail);
    }
    dbr_keypair_wipe(&node->operator_key);
    if (err != 0) {
        dbr_life_fail(node, err, detail.text);
        return;
    }
    node->joined = true;
    dbr_log(&node->logger, DEBROS_LOG_INFO, MODULE, "joined the cluster");
}

void dbr_start_as_member(debros_node *node)
{
    debros_detail detail = {.text = ""};
    /* The new core numbers its connections from the beginning: none of the old one's is
     * known any more. */
    dbr_tcp_close_all(node->loop);
    dbr_core_destroy(node->core);
    node->core = NULL;
    int err = open_member(node, &detail);
    if (err != 0) {
        dbr_life_fail(node, err, detail.text);
    }
}

void dbr_start_close_store(debros_node *node)
{
    dbr_store_close(node->store);
    dbr_fs_posix_destroy(node->fs);
    node->store = NULL;
    node->fs = NULL;
}
