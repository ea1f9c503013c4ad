/* What the simulated nodes know of the network: the load lets members provide keys, and
 * their stores keep that, one job at a time, at a pace of its own. */
#include "core/inner.h"
#include "store/network.h"
#include "world.h"

#define PROVIDE_ODDS 8 /* of an operation of the load */
#define KEYS         16
#define TOKEN        (UINT64_C(1) << 60) /* of nobody else's questions */

void sim_network_add(struct sim_world *w, int i, struct dbr_network_job *job)
{
    struct sim_node *node = &w->nodes[i];
    uint64_t spread = w->now < node->disk_slow_until ? 400 : 20;
    if (node->network != NULL) {
        sim_fail(w, "node %d: two jobs of the network at one time", i);
    }
    node->network = job;
    sim_push(w, (struct sim_event){.at = w->now + 1 + dbr_rng_below(&w->disk_rng, spread),
                                   .type = SIM_NETWORK,
                                   .node = i,
                                   .incarnation = node->incarnation});
}

void sim_network_drop(struct sim_world *w, int i)
{
    (void)w;
    dbr_network_job_destroy(w->nodes[i].network);
    w->nodes[i].network = NULL;
}

void sim_network_done(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_network_job *job = node->network;
    dbr_store_write_network(node->store, job);
    if (node->is_doomed) {
        sim_crash_and_return(w, i);
        return;
    }
    sim_trace(w, "n%d network %zu rows: %s", i, job->changes.n,
              debros_err_name(job->status));
    sim_seen(w, job->status == 0 ? SIM_SEEN_NETWORK : SIM_SEEN_NETWORK_FULL);
    node->network = NULL;
    dbr_core_network_done(node->core, job, w->now);
    sim_drain(w, i);
}

void sim_network_crash(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    sim_seen(w, SIM_SEEN_CRASH_NETWORK);
    sim_disk_crash_after(node->disk, dbr_rng_below(&w->aim_rng, 12));
    dbr_store_write_network(node->store, node->network);
}

void sim_network_opened(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    const struct dbr_network_batch *found = dbr_store_network(node->store);
    struct dbr_fs *fs = sim_disk_fs(node->disk);
    if (fs->ops->exists(fs, DBR_NETWORK_OLD)) {
        sim_fail(w, "node %d: no byte was turned, but " DBR_NETWORK_FILE " is damaged",
                 i);
    }
    if (found->n > 0) {
        sim_seen(w, SIM_SEEN_NETWORK_FOUND);
        sim_trace(w, "n%d found %zu rows", i, found->n);
    }
}

void sim_network_load(struct sim_world *w)
{
    if (dbr_rng_below(&w->load_rng, PROVIDE_ODDS) != 0) {
        return;
    }
    int i = (int)dbr_rng_below(&w->load_rng, (uint64_t)w->n_nodes - 1);
    uint8_t key = (uint8_t)dbr_rng_below(&w->load_rng, KEYS);
    struct sim_node *node = &w->nodes[i];
    if (node->phase != SIM_MEMBER || node->core == NULL || node->paused_until > w->now) {
        return;
    }
    sim_act(w, i);
    if (!dbr_dht_unprovide(node->core->kad->dht, dbr_bytes(&key, 1))) {
        (void)dbr_dht_provide(node->core->kad->dht, TOKEN + w->now, dbr_bytes(&key, 1),
                              w->now);
    }
    sim_drain(w, i);
}
