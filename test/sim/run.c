#include <stdio.h>
#include <stdlib.h>

#include "core/inner.h"
#include "crypto/system.h"
#include "world.h"

#define BRING_UP_MS 60000
#define CONVERGE_MS 90000

void sim_step_until(struct sim_world *w, dbr_time until)
{
    while (sim_step(w, until)) {
    }
    if (w->now < until) {
        w->now = until;
    }
}

/* ---- Set-up ----------------------------------------------------------------------- */

static void log_line(void *data, const debros_log_record *record, const char *site)
{
    (void)site;
    sim_trace(data, "log %s: %s", record->module, record->message);
    if (strstr(record->message, "of an unfinished write") != NULL) {
        sim_seen(data, SIM_SEEN_TORN_TAIL);
    }
}

static void init_node(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_endpoint endpoint = {.ip = {10, 0, 0, (uint8_t)(i + 1)}, .port = 4001};
    dbr_rng_seed(&node->rng, w->config.seed * 1000 + (uint64_t)i + 1);
    dbr_list_init(&node->ops);
    node->log_tail = &node->log_head;
    node->apply_tail = &node->apply_head;
    node->bulk_tail = &node->bulk_head;
    node->bulk_tail = &node->bulk_head;
    node->next_conn = 1;
    dbr_keypair_generate(&node->key, &node->rng);
    if (i == w->n_nodes - 1) {
        node->key = w->operator_key;
    } else {
        node->disk = sim_disk_create(w->config.seed * 77 + (uint64_t)i);
    }
    dbr_peer_id_from_key(&node->id, node->key.public_key);
    dbr_multiaddr_from_endpoint(&node->addr, &endpoint);
    dbr_multiaddr_set_peer(&node->addr, &node->id);
}

void sim_init(struct sim_world *w, const struct sim_config *config,
              struct sim_result *result)
{
    *w = (struct sim_world){
        .config = *config, .result = result, .now = 1000, .next_id = 1};
    w->tail = calloc(SIM_TRACE_KEPT, sizeof(*w->tail));
    w->workload = config->workload < SIM_WORK_COUNT
                      ? config->workload
                      : (enum sim_workload)(config->seed % SIM_WORK_COUNT);
    w->n_nodes = config->n_nodes + 1;
    w->logger = (struct dbr_logger){config->verbose ? DEBROS_LOG_DEBUG : DEBROS_LOG_INFO,
                                    log_line, w};
    dbr_rng_seed(&w->net_rng, config->seed * 4 + 1);
    dbr_rng_seed(&w->load_rng, config->seed * 4 + 2);
    dbr_rng_seed(&w->aim_rng, config->seed * 4 + 3);
    dbr_rng_seed(&w->disk_rng, config->seed * 4 + 4);
    dbr_rng_seed(&w->poor_rng, config->seed * 4 + 5);
    dbr_rng_fill(&w->net_rng, w->cluster_id, sizeof(w->cluster_id));
    dbr_keypair_generate(&w->operator_key, &w->net_rng);
    w->leader_of = calloc(SIM_TERMS_MAX, sizeof(int));
    w->stood_in = calloc(SIM_TERMS_MAX, sizeof(int));
    memset(sim_answer, 0, sizeof(sim_answer));
    dbr_crypto_init();
    for (int i = 0; i < w->n_nodes; i++) {
        init_node(w, i);
    }
}

void sim_finish(struct sim_world *w)
{
    if (w->result->why[0] != '\0' && w->result->tail == NULL) {
        w->result->tail = w->tail;
        w->result->n_tail = w->n_tail;
        w->tail = calloc(SIM_TRACE_KEPT, sizeof(*w->tail));
    }
    w->logger.sink = NULL;
    for (int i = 0; i < w->n_nodes; i++) {
        struct sim_node *node = &w->nodes[i];
        if (node->core != NULL) {
            sim_crash_node(w, i, false);
        }
        sim_disk_destroy(node->disk);
        free(node->invite);
    }
    for (size_t i = 0; i < w->n_heap; i++) {
        dbr_query_job_destroy(w->heap[i].query);
    }
    sim_links_finish(w);
    sim_history_finish(w);
    free(w->heap);
    free(w->records);
    free(w->acks);
    free(w->leader_of);
    free(w->stood_in);
    free(w->tail);
}

void sim_result_finish(struct sim_result *result)
{
    free(result->tail);
    result->tail = NULL;
}

/* ---- Phases ---------------------------------------------------------------------------
 */

static int count_roles(struct sim_world *w, enum debros_role a, enum debros_role b)
{
    int n = 0;
    for (int i = 0; i < w->n_nodes - 1; i++) {
        n += sim_answer[i].role == a || sim_answer[i].role == b;
    }
    return n;
}

/* All of the first `n` are members, and the group's places are taken. */
static bool is_up(struct sim_world *w, int n)
{
    int voters = n < 3 ? n : 3;
    int standbys = n - voters < 2 ? n - voters : 2;
    for (int i = 0; i < n; i++) {
        sim_submit(w, i, SIM_OP_STATUS, 1000);
        if (w->nodes[i].phase != SIM_MEMBER) {
            sim_submit(w, 0, SIM_OP_INVITE, 1000);
            return false;
        }
    }
    return count_roles(w, DEBROS_ROLE_LEADER, DEBROS_ROLE_FOLLOWER) == voters &&
           count_roles(w, DEBROS_ROLE_STANDBY, DEBROS_ROLE_STANDBY) == standbys;
}

static void set_up_tables(struct sim_world *w)
{
    sim_answer[0] = (struct sim_answer){0};
    for (int i = 0; i < 50 && !sim_answer[0].done; i++) {
        sim_submit(w, 0, SIM_OP_SETUP, 5000);
        sim_step_until(w, w->now + 1000);
    }
}

/* Node 0 begins, the others join by invites, the client knows two members. */
void sim_bring_up(struct sim_world *w)
{
    int n = w->config.n_nodes - w->config.n_late;
    struct sim_node *client = &w->nodes[w->n_nodes - 1];
    sim_start_node(w, 0);
    do {
        sim_step_until(w, w->now + 200);
        if (w->now >= BRING_UP_MS) {
            sim_fail(w, "the cluster did not come up");
        }
    } while (w->result->why[0] == '\0' && !is_up(w, n));
    client->n_members = 2;
    client->members[0] = w->nodes[0].addr;
    client->members[1] = w->nodes[1].addr;
    sim_start_node(w, w->n_nodes - 1);
    set_up_tables(w);
    w->is_up = true;
}

static bool has_joined(const struct sim_world *w, int i)
{
    return w->nodes[i].has_cluster;
}

static bool all_joined(const struct sim_world *w)
{
    bool all = true;
    for (int i = 0; i < w->config.n_nodes; i++) {
        all = all && has_joined(w, i);
    }
    return all;
}

/* Until the last member has an invite; some are lost. */
static void invite_late(struct sim_world *w, uint32_t timeout_ms)
{
    for (int i = 0; i < w->config.n_nodes; i++) {
        if (!has_joined(w, i) && w->nodes[i].invite == NULL) {
            sim_submit(w, 0, SIM_OP_INVITE, timeout_ms);
        }
    }
}

static void torment(struct sim_world *w)
{
    w->faults = true;
    invite_late(w, 5000);
    sim_push(w, (struct sim_event){.at = w->now + 10, .type = SIM_LOAD, .node = -1});
    sim_push(w, (struct sim_event){
                    .at = w->now + 500, .type = SIM_NEMESIS, .node = -1, .len = 1});
    sim_points_begin(w);
    sim_step_until(w, w->now + w->config.fault_ms);
    sim_points_end(w);
    sim_heal(w);
    for (int i = 0; i < w->n_nodes; i++) {
        if (w->nodes[i].core == NULL) {
            sim_start_node(w, i);
        }
    }
    sim_step_until(w, w->now + 2000);
    w->stop_load = true;
    sim_step_until(w, w->now + 8000); /* the last request has met its deadline */
}

/* All members hold the same rows. */
static bool is_converged(struct sim_world *w)
{
    if (!all_joined(w)) {
        invite_late(w, 1000);
        sim_step_until(w, w->now + 1000);
        return false;
    }
    for (int i = 0; i < w->n_nodes - 1; i++) {
        sim_answer[i] = (struct sim_answer){0};
        sim_submit(w, i, SIM_OP_DUMP, 1000);
    }
    sim_step_until(w, w->now + 1500);
    for (int i = 0; i < w->n_nodes - 1; i++) {
        if (!sim_answer[i].done || sim_answer[i].hash != sim_answer[0].hash) {
            return false;
        }
    }
    return true;
}

static void trace_state(struct sim_world *w, int i)
{
    struct dbr_consensus_status s = {0};
    const struct sim_node *node = &w->nodes[i];
    if (node->phase == SIM_MEMBER) {
        dbr_consensus_status(node->core->consensus, &s);
    }
    sim_trace(
        w,
        "n%d: phase %d rows %llu hash %llx; role %d term %llu leader %llx commit %llu "
        "last %llu snapshot %llu; %s%s",
        i, (int)node->phase, (unsigned long long)sim_answer[i].rows,
        (unsigned long long)sim_answer[i].hash, (int)s.role, (unsigned long long)s.term,
        (unsigned long long)s.leader, (unsigned long long)s.commit_index,
        (unsigned long long)s.last_index, (unsigned long long)s.snapshot_index,
        node->log_batch != NULL ? "the log works " : "",
        node->apply_running ? "the applier works" : "");
}

static void check(struct sim_world *w)
{
    dbr_time end = w->now + CONVERGE_MS;
    while (!is_converged(w) && w->result->why[0] == '\0') {
        if (w->now > end) {
            for (int i = 0; i < w->n_nodes - 1; i++) {
                trace_state(w, i);
            }
            sim_history_check(w); /* what it says is nearer to the cause */
            sim_fail(
                w, "no convergence: node 0 has %llu rows, node 1 %llu, %llu acknowledged",
                (unsigned long long)sim_answer[0].rows,
                (unsigned long long)sim_answer[1].rows,
                (unsigned long long)w->n_acked_rows);
        }
    }
    if (w->result->why[0] != '\0') {
        return;
    }
    if (sim_answer[0].rows < w->n_acked_rows) {
        sim_fail(w, "%llu rows were acknowledged, %llu are there",
                 (unsigned long long)w->n_acked_rows,
                 (unsigned long long)sim_answer[0].rows);
    }
    if (sim_answer[0].rows > 0 && sim_answer[0].counter != sim_answer[0].rows) {
        sim_fail(w, "the counter says %llu, %llu rows are there: half a transaction",
                 (unsigned long long)sim_answer[0].counter,
                 (unsigned long long)sim_answer[0].rows);
    }
    sim_submit(w, w->n_nodes - 1, SIM_OP_COUNT, 5000);
    sim_step_until(w, w->now + 5000);
    sim_history_check(w);
}

bool sim_run(const struct sim_config *config, struct sim_result *result)
{
    struct sim_world *w = calloc(1, sizeof(*w));
    *result = (struct sim_result){.trace = config->seed};
    sim_init(w, config, result);
    sim_bring_up(w);
    if (result->why[0] == '\0') {
        torment(w);
    }
    if (result->why[0] == '\0') {
        check(w);
    }
    result->took = w->now;
    result->ok = result->why[0] == '\0';
    sim_finish(w);
    free(w);
    return result->ok;
}
