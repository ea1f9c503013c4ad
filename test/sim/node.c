#include "world.h"

int64_t sim_wall(const struct sim_world *w, int i)
{
    return SIM_WALL_MS + (int64_t)w->now + w->nodes[i].clock_ms;
}

void sim_restart_in(struct sim_world *w, int i, dbr_time delay)
{
    sim_push(w, (struct sim_event){.at = w->now + delay,
                                   .type = SIM_RESTART,
                                   .node = i,
                                   .incarnation = w->nodes[i].incarnation});
}

/* Effects that were never polled belong to the core; what it lent is back here. */
static void end_node(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    node->incarnation++;
    sim_node_links_die(w, i);
    sim_drop_jobs(w, i);
    dbr_core_destroy(node->core);
    node->core = NULL;
    sim_ops_lost(w, i);
    dbr_store_close(node->store);
    node->store = NULL;
    node->phase = SIM_DOWN;
    node->is_stopping = false;
    node->restart_planned = false;
    node->is_doomed = false;
    node->was_full = false;
    node->leads = false;
    node->term = 0;
    node->n_voters = 0;
    node->slept_leading = false;
    node->paused_until = 0;
    node->not_before = 0;
}

/* What of it is remembered as rare. */
static void note_crash(struct sim_world *w, const struct sim_node *node)
{
    bool installs = node->apply_running && node->apply_head->type == DBR_APPLY_RESTORE;
    for (const struct dbr_log_op *op = node->log_batch; op != NULL; op = op->next) {
        installs = installs || op->type == DBR_LOG_INSTALL;
    }
    sim_seen(w, SIM_SEEN_CRASH);
    if (installs) {
        sim_seen(w, SIM_SEEN_CRASH_INSTALL);
    }
    if (node->apply_running && node->apply_head->type == DBR_APPLY_ENTRIES) {
        sim_seen(w, SIM_SEEN_CRASH_UNAPPLIED);
    }
}

/* As a power cut: a running batch may be half done, what was not synced may be gone. */
void sim_crash_node(struct sim_world *w, int i, bool torn)
{
    struct sim_node *node = &w->nodes[i];
    debros_detail detail;
    note_crash(w, node);
    sim_act(w, -1);
    if (node->disk != NULL) {
        if (torn && node->bulk_running && dbr_rng_below(&w->aim_rng, 2) == 0) {
            sim_seen(w, SIM_SEEN_CRASH_TORN);
            sim_bulk_crash(w, i);
        } else if (torn && node->log_batch != NULL) {
            sim_seen(w, SIM_SEEN_CRASH_TORN);
            sim_disk_crash_after(node->disk, dbr_rng_below(&w->disk_rng, 4));
            dbr_store_write_log(node->store, node->log_batch, true, &detail);
        } else if (torn && node->apply_running) {
            sim_seen(w, SIM_SEEN_CRASH_TORN);
            sim_disk_crash_after(node->disk, dbr_rng_below(&w->disk_rng, 12));
            dbr_store_apply(node->store, node->apply_head);
        } else if (torn && node->network != NULL) {
            sim_network_crash(w, i);
        }
        sim_disk_crash(node->disk);
    }
    sim_trace(w, "n%d crash", i);
    end_node(w, i);
}

static int open_store(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_store_config config;
    debros_detail detail;
    dbr_store_config_default(&config);
    config.fs = sim_disk_fs(node->disk);
    config.segment_size = 64 * 1024;
    config.bulk_step = 64 * 1024;
    config.bulk_sync = 8 * 1024;
    config.n_readers = 1;
    config.logger = &w->logger;
    int err = dbr_store_open(&node->store, &config, &detail);
    if ((err == DEBROS_EIO || err == DEBROS_EINTERNAL) && !node->is_doomed) {
        sim_fail(w, "node %d: the store does not open: %s", i, detail.text);
    }
    return err;
}

/* Node 0 begins the cluster. */
static void bootstrap_node(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_log_op *ops;
    struct dbr_arena arena;
    debros_detail detail;
    dbr_arena_init(&arena, 0);
    int err = dbr_core_bootstrap(&ops, &arena, w->cluster_id, node->key.public_key,
                                 w->operator_key.public_key, &node->rng, SIM_WALL_MS);
    if (err != 0 || open_store(w, i) != 0 ||
        dbr_store_write_log(node->store, ops, false, &detail) != 0) {
        sim_fail(w, "bootstrap: %s", debros_err_name(err));
    }
    dbr_arena_finish(&arena);
    dbr_store_close(node->store);
    node->store = NULL;
    node->has_cluster = true;
}

static int create_core(struct sim_world *w, int i, struct dbr_core_config *config)
{
    struct sim_node *node = &w->nodes[i];
    debros_detail detail = {{0}};
    config->identity = &node->key;
    config->election_ms = 500;
    config->snapshot_threshold = 40;
    config->snapshot_trailing = 10;
    config->snapshot_chunk = 1024;
    config->snapshot_rate = 400 * 1024;
    config->logger = &w->logger;
    config->bare = w->config.bare;
    config->mdns = w->config.mdns;
    int err =
        dbr_core_create(&node->core, config, &node->rng, w->now, sim_wall(w, i), &detail);
    if (err != 0) {
        sim_fail(w, "node %d: core: %s %s", i, debros_err_name(err), detail.text);
    }
    return err;
}

static void start_member(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_core_config config = {.mode = DBR_CORE_MEMBER,
                                     .bootstrap = node->members,
                                     .n_bootstrap = node->n_members};
    int err = open_store(w, i);
    if (err != 0 || node->is_doomed) {
        if (node->is_doomed) {
            sim_crash_node(w, i, false);
        }
        sim_restart_in(w, i, 500);
        return;
    }
    memcpy(config.cluster_id, w->cluster_id, sizeof(w->cluster_id));
    config.log_state = dbr_store_log_state(node->store);
    config.applied = dbr_store_applied(node->store);
    config.network = dbr_store_network(node->store);
    sim_network_opened(w, i);
    if (create_core(w, i, &config) != 0) {
        return;
    }
    dbr_store_forget_log_state(node->store);
    dbr_store_forget_network(node->store);
    struct dbr_multiaddr listen = node->addr;
    dbr_multiaddr_cut_peer(&listen);
    dbr_core_listening(node->core, &listen, w->now);
    node->phase = SIM_MEMBER;
}

static void start_other(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_core_config config = {0};
    if (i == w->n_nodes - 1) {
        config.mode = DBR_CORE_CLIENT;
        config.retry_delay_ms = 1500;
        config.bootstrap = node->members;
        config.n_bootstrap = node->n_members;
        node->phase = SIM_CLIENT;
    } else {
        config.mode = DBR_CORE_JOINER;
        config.invite = node->invite;
        node->phase = SIM_JOINING;
    }
    create_core(w, i, &config);
}

void sim_start_node(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    if (node->core != NULL) {
        end_node(w, i);
    }
    if (node->disk != NULL) {
        sim_disk_revive(node->disk); /* the old process's lock is gone */
    }
    sim_trace(w, "n%d start", i);
    sim_act(w, i);
    if (i == 0 && !node->has_cluster) {
        bootstrap_node(w, i);
    }
    if (node->has_cluster) {
        start_member(w, i);
    } else if (i == w->n_nodes - 1 || node->invite != NULL) {
        start_other(w, i);
    }
    sim_drain(w, i);
}
