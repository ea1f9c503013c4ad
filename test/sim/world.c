#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "core/inner.h"
#include "crypto/hash.h"

void sim_fail(struct sim_world *w, const char *format, ...)
{
    if (w->result->why[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(w->result->why, sizeof(w->result->why), format, args);
    va_end(args);
}

/* Every fact goes into the hash: two runs of one seed must agree. */
void sim_trace(struct sim_world *w, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    uint64_t hash = w->result->trace ^ w->now;
    for (const char *c = line; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
    }
    w->result->trace = hash;
    if (w->config.verbose) {
        printf("%8llu %s\n", (unsigned long long)w->now, line);
    }
}

/* ---- Events -------------------------------------------------------------------------
 */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void sim_push(struct sim_world *w, struct sim_event event)
{
    if (w->n_heap == w->cap_heap) {
        w->cap_heap = w->cap_heap == 0 ? 1024 : 2 * w->cap_heap;
        w->heap = realloc(w->heap, w->cap_heap * sizeof(*w->heap));
    }
    event.seq = ++w->seq;
    size_t i = w->n_heap++;
    while (i > 0 && before(&event, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = event;
}

static struct sim_event pop(struct sim_world *w)
{
    struct sim_event first = w->heap[0];
    struct sim_event last = w->heap[--w->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->n_heap) {
            break;
        }
        if (child + 1 < w->n_heap && before(&w->heap[child + 1], &w->heap[child])) {
            child++;
        }
        if (before(&last, &w->heap[child])) {
            break;
        }
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

/* ---- The store's lanes
 * ------------------------------------------------------------------ */

static dbr_time disk_delay(struct sim_world *w, const struct sim_node *node)
{
    uint64_t spread = w->now < node->disk_slow_until ? 400 : 10;
    return 1 + dbr_rng_below(&w->disk_rng, spread);
}

static void push_job(struct sim_world *w, int i, enum sim_event_type type,
                     struct dbr_query_job *query, dbr_time delay)
{
    sim_push(w, (struct sim_event){.at = w->now + delay,
                                   .type = type,
                                   .node = i,
                                   .incarnation = w->nodes[i].incarnation,
                                   .query = query});
}

/* Everything that is queued goes in one batch, as the log thread does it. */
static void start_log(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    if (node->log_batch == NULL && node->log_head != NULL) {
        node->log_batch = node->log_head;
        node->log_head = NULL;
        node->log_tail = &node->log_head;
        push_job(w, i, SIM_LOG, NULL, disk_delay(w, node));
    }
}

static void start_apply(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    if (!node->apply_running && node->apply_head != NULL) {
        node->apply_running = true;
        push_job(w, i, SIM_APPLY, NULL, dbr_rng_below(&w->disk_rng, 6));
    }
}

static void log_done(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_log_op *op = node->log_batch;
    debros_detail detail;
    int err = dbr_store_write_log(node->store, op, &detail);
    if (err == DEBROS_ENOSPC) {
        push_job(w, i, SIM_LOG, NULL, 500);
        return;
    }
    if (err != 0) {
        sim_trace(w, "n%d fail-stop: %s", i, detail.text);
        sim_crash_node(w, i, false);
        sim_push(w, (struct sim_event){.at = w->now + 300,
                                       .type = SIM_RESTART,
                                       .node = i,
                                       .incarnation = node->incarnation});
        return;
    }
    while (op->next != NULL) {
        op = op->next;
    }
    node->log_batch = NULL;
    dbr_core_log_done(node->core, op->seq, w->now);
    start_log(w, i);
    sim_drain(w, i);
}

static void apply_done(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_apply_job *job = node->apply_head;
    /* In life the node thread tries small ones itself. */
    if (w->now % 2 == 0 || !dbr_store_apply_quick(node->store, job)) {
        dbr_store_apply(node->store, job);
    }
    uint64_t first = job->entries != NULL ? job->entries->index : job->index;
    sim_trace(w, "n%d apply type %d from %llu: applied %llu, %s", i, (int)job->type,
              (unsigned long long)first, (unsigned long long)job->applied,
              debros_err_name(job->status));
    if (job->status == DEBROS_ENOSPC && job->type != DBR_APPLY_IMAGE) {
        job->status = 0;
        push_job(w, i, SIM_APPLY, NULL, 500);
        return;
    }
    node->apply_head = job->next;
    if (node->apply_head == NULL) {
        node->apply_tail = &node->apply_head;
    }
    job->next = NULL;
    node->apply_running = false;
    w->result->n.images += job->type == DBR_APPLY_IMAGE;
    w->result->n.restores += job->type == DBR_APPLY_RESTORE;
    dbr_core_apply_done(node->core, job, w->now);
    start_apply(w, i);
    sim_drain(w, i);
}

/* ---- Effects
 * ---------------------------------------------------------------------------- */

static void joined(struct sim_world *w, int i, const struct dbr_joined *joined)
{
    struct sim_node *node = &w->nodes[i];
    node->has_cluster = true;
    node->n_members = joined->n_members < 8 ? joined->n_members : 8;
    memcpy(node->members, joined->members, node->n_members * sizeof(*joined->members));
    sim_trace(w, "n%d joined", i);
    node->restart_planned = true;
    sim_push(w, (struct sim_event){.at = w->now,
                                   .type = SIM_RESTART,
                                   .node = i,
                                   .incarnation = node->incarnation});
}

static void end_of_life(struct sim_world *w, int i, const struct dbr_effect *effect)
{
    sim_trace(w, "n%d %s %s", i, effect->type == DBR_CORE_FATAL ? "fatal:" : "stopped",
              effect->detail);
    if (effect->type == DBR_CORE_FATAL && effect->status == DEBROS_EINTERNAL) {
        sim_fail(w, "node %d: %s", i, effect->detail);
    }
    w->nodes[i].is_stopping = true;
    dbr_time pause = effect->type == DBR_CORE_FATAL ? 300 : 1;
    sim_push(w, (struct sim_event){.at = w->now + pause,
                                   .type = SIM_RESTART,
                                   .node = i,
                                   .incarnation = w->nodes[i].incarnation});
}

/* A full disk is seen once a batch of the log waits for it. */
static void measure(struct sim_world *w, int i)
{
    const struct sim_node *node = &w->nodes[i];
    struct dbr_host host = {
        .folder = "sim", .disk_free = UINT64_MAX, .apply_detail = "", .max_pending = 4096};
    if (node->log_batch != NULL && w->now < node->disk_full_until) {
        host.log_waits_ms = 1;
        host.disk_free = 0;
    }
    dbr_core_measured(node->core, &host, w->now);
}

static void run_effect(struct sim_world *w, int i, struct dbr_effect *effect)
{
    struct sim_node *node = &w->nodes[i];
    switch (effect->type) {
    case DBR_CORE_DIAL:
        sim_dial(w, i, effect);
        break;
    case DBR_CORE_WRITE:
        sim_write(w, i, effect->conn);
        break;
    case DBR_CORE_CLOSE:
        sim_close(w, i, effect->conn);
        break;
    case DBR_CORE_LOG:
        if (effect->op->type == DBR_LOG_TERM || effect->op->type == DBR_LOG_VOTE) {
            sim_nemesis_votes(w, i);
        }
        effect->op->next = NULL;
        *node->log_tail = effect->op;
        node->log_tail = &effect->op->next;
        break;
    case DBR_CORE_APPLY:
        effect->apply->next = NULL;
        *node->apply_tail = effect->apply;
        node->apply_tail = &effect->apply->next;
        break;
    case DBR_CORE_QUERY:
        push_job(w, i, SIM_QUERY, effect->query, dbr_rng_below(&w->disk_rng, 4));
        break;
    case DBR_CORE_DONE:
        sim_op_done(w, DBR_CONTAINER_OF(effect->request, struct sim_op, request));
        break;
    case DBR_CORE_JOINED:
        joined(w, i, effect->joined);
        break;
    case DBR_CORE_STOPPED:
    case DBR_CORE_FATAL:
        end_of_life(w, i, effect);
        break;
    case DBR_CORE_MEASURE:
        measure(w, i);
        break;
    case DBR_CORE_READY:
        break;
    }
}

/* Election safety: at most one node leads a term. */
static void check_leader(struct sim_world *w, int i)
{
    struct dbr_consensus_status status;
    if (w->nodes[i].phase != SIM_MEMBER) {
        return;
    }
    dbr_consensus_status(w->nodes[i].core->consensus, &status);
    if (status.role != DBR_CONSENSUS_LEADER || status.term >= SIM_TERMS_MAX) {
        return;
    }
    int *leader = &w->leader_of[status.term];
    if (*leader != 0 && *leader != i + 1) {
        sim_fail(w, "nodes %d and %d both lead term %llu", *leader - 1, i,
                 (unsigned long long)status.term);
    }
    *leader = i + 1;
}

void sim_drain(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_effect effect;
    uint64_t incarnation = node->incarnation;
    while (node->core != NULL && node->incarnation == incarnation &&
           dbr_core_poll(node->core, &effect, w->now)) {
        sim_trace(w, "n%d effect %d conn %llu", i, (int)effect.type,
                  (unsigned long long)effect.conn);
        run_effect(w, i, &effect);
    }
    if (node->incarnation == incarnation && node->core != NULL) {
        check_leader(w, i);
        start_log(w, i);
        start_apply(w, i);
    }
}

/* ---- Nodes
 * ---------------------------------------------------------------------------------- */

static void drop_jobs(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    while (node->apply_head != NULL) {
        struct dbr_apply_job *next = node->apply_head->next;
        dbr_apply_job_destroy(node->apply_head);
        node->apply_head = next;
    }
    for (size_t k = 0; k < w->n_heap; k++) {
        if (w->heap[k].type == SIM_QUERY && w->heap[k].node == i) {
            dbr_query_job_destroy(w->heap[k].query);
            w->heap[k].query = NULL;
        }
    }
    node->apply_tail = &node->apply_head;
    node->apply_running = false;
    node->log_head = NULL;
    node->log_batch = NULL;
    node->log_tail = &node->log_head;
}

/* Effects that were never polled belong to the core; what it lent is back here. */
static void end_node(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    node->incarnation++;
    sim_node_links_die(w, i);
    drop_jobs(w, i);
    dbr_core_destroy(node->core);
    node->core = NULL;
    sim_ops_lost(w, i);
    dbr_store_close(node->store);
    node->store = NULL;
    node->phase = SIM_DOWN;
    node->is_stopping = false;
    node->restart_planned = false;
}

/* As a power cut: a running batch may be half done, what was not synced may be gone. */
void sim_crash_node(struct sim_world *w, int i, bool torn)
{
    struct sim_node *node = &w->nodes[i];
    debros_detail detail;
    w->result->n.crashes++;
    if (node->store != NULL) {
        uint64_t ops = 0;
        if (torn && node->log_batch != NULL) {
            w->result->n.torn_crashes++;
            ops = dbr_rng_below(&w->nemesis_rng, 4);
            sim_disk_crash_after(node->disk, ops);
            dbr_store_write_log(node->store, node->log_batch, &detail);
        } else if (torn && node->apply_running) {
            w->result->n.torn_crashes++;
            ops = dbr_rng_below(&w->nemesis_rng, 12);
            sim_disk_crash_after(node->disk, ops);
            dbr_store_apply(node->store, node->apply_head);
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
    config.n_readers = 1;
    int err = dbr_store_open(&node->store, &config, &detail);
    if (err == DEBROS_EIO || err == DEBROS_EINTERNAL) {
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
        dbr_store_write_log(node->store, ops, &detail) != 0) {
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
    config->logger = &w->logger;
    config->bare = w->config.bare;
    int err = dbr_core_create(&node->core, config, &node->rng, w->now,
                              SIM_WALL_MS + (int64_t)w->now, &detail);
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
    if (open_store(w, i) != 0) {
        sim_push(w, (struct sim_event){.at = w->now + 500,
                                       .type = SIM_RESTART,
                                       .node = i,
                                       .incarnation = node->incarnation});
        return;
    }
    memcpy(config.cluster_id, w->cluster_id, sizeof(w->cluster_id));
    config.log_state = dbr_store_log_state(node->store);
    config.applied = dbr_store_applied(node->store);
    if (create_core(w, i, &config) != 0) {
        return;
    }
    dbr_store_forget_log_state(node->store);
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

int sim_leader(const struct sim_world *w)
{
    for (int i = 0; i < w->n_nodes; i++) {
        if (w->nodes[i].phase == SIM_MEMBER && sim_answer[i].role == DEBROS_ROLE_LEADER) {
            return i;
        }
    }
    return -1;
}

/* ---- One step
 * --------------------------------------------------------------------------------- */

static void node_event(struct sim_world *w, struct sim_event *event)
{
    struct sim_node *node = &w->nodes[event->node];
    if (event->incarnation != node->incarnation) {
        dbr_query_job_destroy(event->query);
        return;
    }
    switch (event->type) {
    case SIM_LOG:
        log_done(w, event->node);
        break;
    case SIM_APPLY:
        apply_done(w, event->node);
        break;
    case SIM_QUERY:
        dbr_store_query(node->store, event->query, 0);
        dbr_core_query_done(node->core, event->query, w->now);
        sim_drain(w, event->node);
        break;
    case SIM_CRASH:
        sim_crash_and_return(w, event->node);
        break;
    default:
        sim_start_node(w, event->node);
        break;
    }
}

/* The earliest deadline of a core, and whose. */
static dbr_time next_deadline(const struct sim_world *w, int *which)
{
    dbr_time at = DBR_TIME_NEVER;
    for (int i = 0; i < w->n_nodes; i++) {
        dbr_time d = w->nodes[i].core != NULL ? dbr_core_deadline(w->nodes[i].core)
                                              : DBR_TIME_NEVER;
        if (d < at) {
            at = d;
            *which = i;
        }
    }
    return at;
}

static void expire_node(struct sim_world *w, int i, dbr_time at)
{
    w->now =
        at > w->now ? at : w->now + 1; /* a machine that is never satisfied moves on */
    dbr_core_wall(w->nodes[i].core, SIM_WALL_MS + (int64_t)w->now);
    dbr_core_expire(w->nodes[i].core, w->now);
    sim_drain(w, i);
}

bool sim_step(struct sim_world *w, dbr_time until)
{
    int which = 0;
    dbr_time deadline = next_deadline(w, &which);
    dbr_time at = w->n_heap > 0 ? w->heap[0].at : DBR_TIME_NEVER;
    if ((deadline < at ? deadline : at) > until || w->result->why[0] != '\0') {
        return false;
    }
    if (deadline < at) {
        expire_node(w, which, deadline);
        return true;
    }
    struct sim_event event = pop(w);
    w->now = event.at > w->now ? event.at : w->now;
    sim_trace(w, "event %d n%d", (int)event.type, event.node);
    if (event.node >= 0 && w->nodes[event.node].core != NULL) {
        dbr_core_wall(w->nodes[event.node].core, SIM_WALL_MS + (int64_t)w->now);
    }
    if (event.link != NULL) {
        sim_net_event(w, &event);
    } else if (event.type == SIM_LOAD) {
        sim_load(w);
    } else if (event.type == SIM_NEMESIS) {
        sim_nemesis(w);
    } else {
        node_event(w, &event);
    }
    return true;
}
