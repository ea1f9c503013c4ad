#include "world.h"

static uint64_t pick(struct sim_world *w, uint64_t n)
{
    return dbr_rng_below(&w->nemesis_rng, n);
}

void sim_crash_and_return(struct sim_world *w, int i)
{
    if (w->nodes[i].core == NULL) {
        return;
    }
    sim_crash_node(w, i, pick(w, 2) == 0);
    sim_push(w, (struct sim_event){.at = w->now + 50 + pick(w, 2500),
                                   .type = SIM_RESTART,
                                   .node = i,
                                   .incarnation = w->nodes[i].incarnation});
}

void sim_nemesis_votes(struct sim_world *w, int node)
{
    if (w->faults && pick(w, 8) == 0) {
        w->result->n.vote_crashes++;
        sim_push(w, (struct sim_event){.at = w->now + pick(w, 15),
                                       .type = SIM_CRASH,
                                       .node = node,
                                       .incarnation = w->nodes[node].incarnation});
    }
}

static void part(struct sim_world *w)
{
    w->result->n.partitions++;
    for (int i = 0; i < w->n_nodes; i++) {
        w->group[i] = (int)pick(w, 2);
    }
    sim_trace(w, "partition");
}

static void unpart(struct sim_world *w)
{
    for (int i = 0; i < w->n_nodes; i++) {
        w->group[i] = 0;
    }
    sim_trace(w, "partition ends");
}

static void cut_one(struct sim_world *w)
{
    struct sim_link *link = w->links;
    for (uint64_t n = pick(w, 8); link != NULL && n > 0; n--) {
        link = link->next;
    }
    if (link != NULL) {
        w->result->n.cuts++;
        sim_trace(w, "cut n%d n%d", link->node[0], link->node[1]);
        sim_cut(w, link);
    }
}

/* Leaves politely, and comes back. */
static void stop_one(struct sim_world *w)
{
    int i = (int)pick(w, (uint64_t)w->n_nodes);
    struct sim_node *node = &w->nodes[i];
    if (node->phase == SIM_MEMBER && !node->is_stopping) {
        node->is_stopping = true;
        w->result->n.stops++;
        sim_trace(w, "n%d stop", i);
        dbr_core_stop(node->core, w->now);
        sim_drain(w, i);
    }
}

static void trouble_disk(struct sim_world *w)
{
    struct sim_node *node = &w->nodes[pick(w, (uint64_t)w->n_nodes)];
    uint64_t kind = pick(w, 3);
    if (node->disk == NULL) {
        return;
    }
    if (kind == 0) {
        node->disk_slow_until = w->now + pick(w, 3000);
    } else if (kind == 1) {
        w->result->n.full_disks++;
        node->disk_full_until = w->now + pick(w, 2000);
        sim_disk_set_full(node->disk, true);
    } else {
        w->result->n.bad_disks++;
        sim_disk_fail_after(node->disk, pick(w, 30), DEBROS_EIO);
    }
    sim_trace(w, "disk trouble %llu", (unsigned long long)kind);
}

static void empty_disks(struct sim_world *w)
{
    for (int i = 0; i < w->n_nodes; i++) {
        struct sim_node *node = &w->nodes[i];
        if (node->disk != NULL && node->disk_full_until != 0 &&
            node->disk_full_until <= w->now) {
            node->disk_full_until = 0;
            sim_disk_set_full(node->disk, false);
        }
    }
}

void sim_nemesis(struct sim_world *w)
{
    empty_disks(w);
    if (!w->faults) {
        return;
    }
    switch (pick(w, 12)) {
    case 0:
    case 1:
    case 2:
        sim_crash_and_return(w, (int)pick(w, (uint64_t)w->n_nodes));
        break;
    case 3:
    case 4:
        part(w);
        break;
    case 5:
    case 6:
        unpart(w);
        break;
    case 7:
    case 8:
        cut_one(w);
        break;
    case 9:
        stop_one(w);
        break;
    default:
        trouble_disk(w);
        break;
    }
    sim_push(w, (struct sim_event){
                    .at = w->now + 50 + pick(w, 900), .type = SIM_NEMESIS, .node = -1});
}

void sim_heal(struct sim_world *w)
{
    w->faults = false;
    unpart(w);
    for (int i = 0; i < w->n_nodes; i++) {
        struct sim_node *node = &w->nodes[i];
        node->disk_slow_until = 0;
        node->disk_full_until = 0;
        if (node->disk != NULL) {
            sim_disk_set_full(node->disk, false);
            sim_disk_fail_after(node->disk, UINT64_MAX, 0);
        }
    }
    sim_trace(w, "heal");
}
