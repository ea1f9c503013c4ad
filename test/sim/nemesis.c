/* Faults. Each has a number and draws from a random source of its own, so that a run in
 * which some of them do not happen keeps the others as they were. */
#include <stdarg.h>
#include <stdio.h>

#include "world.h"

const char *const sim_nemesis_names[SIM_NEMESIS_COUNT] = {
    "mixed", "none",      "halves", "isolate",   "ring",      "one-way",
    "crash", "crash-all", "pause",  "slow-disk", "full-disk", "bad-disk",
    "clock", "flap",      "cut",    "members"};

static uint64_t pick(struct sim_world *w, uint64_t n)
{
    return dbr_rng_below(&w->nemesis_rng, n);
}

static int pick_node(struct sim_world *w)
{
    return (int)pick(w, (uint64_t)w->n_nodes);
}

static bool sleeps(const struct sim_world *w, int i)
{
    return w->nodes[i].paused_until > w->now;
}

static void relieve_in(struct sim_world *w, size_t number, dbr_time ms)
{
    sim_push(w, (struct sim_event){
                    .at = w->now + ms, .type = SIM_RELIEF, .node = -1, .len = number});
}

__attribute__((format(printf, 2, 3))) static void tell(struct sim_world *w,
                                                       const char *format, ...)
{
    struct sim_result *result = w->result;
    struct sim_fault *fault = &result->faults[result->n_faults];
    va_list args;
    va_start(args, format);
    vsnprintf(fault->text, sizeof(fault->text), format, args);
    va_end(args);
    sim_trace(w, "fault %d: %s", result->n_faults, fault->text);
}

int sim_leader(const struct sim_world *w)
{
    int leader = -1;
    for (int i = 0; i < w->n_nodes; i++) {
        const struct sim_node *node = &w->nodes[i];
        if (node->leads && (leader < 0 || node->led_term > w->nodes[leader].led_term)) {
            leader = i;
        }
    }
    return leader;
}

/* ---- Crashes -------------------------------------------------------------------------
 */

static void crash_for(struct sim_world *w, int i, bool torn, dbr_time down)
{
    if (w->nodes[i].core != NULL) {
        sim_crash_node(w, i, torn);
        sim_restart_in(w, i, down);
    }
}

void sim_crash_and_return(struct sim_world *w, int i)
{
    bool torn = dbr_rng_below(&w->aim_rng, 2) == 0 && !w->nodes[i].is_doomed;
    crash_for(w, i, torn, 50 + dbr_rng_below(&w->aim_rng, 2500));
}

void sim_nemesis_aim(struct sim_world *w, int node, const struct dbr_log_op *op)
{
    bool is_vote = op->type == DBR_LOG_TERM || op->type == DBR_LOG_VOTE;
    bool aims =
        w->config.nemesis == SIM_NEMESIS_MIXED || w->config.nemesis == SIM_NEMESIS_CRASH;
    if (!w->faults || !aims || (!is_vote && op->type != DBR_LOG_INSTALL) ||
        dbr_rng_below(&w->aim_rng, is_vote ? 8 : 3) != 0) {
        return;
    }
    dbr_time delay = dbr_rng_below(&w->aim_rng, 15);
    if (w->config.skip != NULL && w->config.skip[0]) {
        return;
    }
    if (is_vote) {
        sim_seen(w, SIM_SEEN_CRASH_VOTE);
    }
    sim_push(w, (struct sim_event){.at = w->now + delay,
                                   .type = SIM_CRASH,
                                   .node = node,
                                   .incarnation = w->nodes[node].incarnation});
}

static void crash(struct sim_world *w, size_t number)
{
    int i = pick_node(w);
    bool torn = pick(w, 2) == 0;
    dbr_time down = 50 + pick(w, 2500);
    (void)number;
    tell(w, "crash of node %d for %u ms%s", i, (unsigned)down, torn ? ", torn" : "");
    crash_for(w, i, torn, down);
}

static void crash_all(struct sim_world *w, size_t number)
{
    (void)number;
    tell(w, "crash of all nodes");
    sim_seen(w, SIM_SEEN_CRASH_ALL);
    for (int i = 0; i < w->n_nodes; i++) {
        crash_for(w, i, pick(w, 2) == 0, 50 + pick(w, 1000));
    }
}

/* ---- The network ---------------------------------------------------------------------
 */

static void unpart(struct sim_world *w)
{
    memset(w->blocked, 0, sizeof(w->blocked));
    w->parted_by = 0;
}

static void begin_partition(struct sim_world *w, size_t number)
{
    unpart(w);
    sim_seen(w, SIM_SEEN_PARTITION);
    w->parted_by = number;
    relieve_in(w, number, 200 + pick(w, 3000));
}

static void block(struct sim_world *w, int a, int b)
{
    w->blocked[a][b] = true;
    w->blocked[b][a] = true;
}

static void halves(struct sim_world *w, size_t number)
{
    int group[SIM_NODES_MAX];
    char text[SIM_NODES_MAX + 1] = "";
    begin_partition(w, number);
    for (int i = 0; i < w->n_nodes; i++) {
        group[i] = (int)pick(w, 2);
        text[i] = (char)('a' + group[i]);
        for (int k = 0; k < i; k++) {
            if (group[i] != group[k]) {
                block(w, i, k);
            }
        }
    }
    tell(w, "partition %s", text);
}

static void isolate(struct sim_world *w, size_t number)
{
    int leader = sim_leader(w);
    int i = leader >= 0 ? leader : pick_node(w);
    begin_partition(w, number);
    if (leader >= 0) {
        sim_seen(w, SIM_SEEN_LEADER_ISOLATED);
    }
    bool with_client = pick(w, 2) == 0;
    for (int k = 0; k < w->n_nodes - (with_client ? 1 : 0); k++) {
        if (k != i) {
            block(w, i, k);
        }
    }
    tell(w, "node %d alone%s", i, with_client ? " with the client" : "");
}

/* Of the members each sees two others; three of them stand in a line. */
static void ring(struct sim_world *w, size_t number)
{
    int n = w->config.n_nodes;
    int order[SIM_NODES_MAX];
    begin_partition(w, number);
    for (int i = 0; i < n; i++) {
        int k = (int)pick(w, (uint64_t)i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            bool neighbours = i - k == 1 || (n > 3 && i - k == n - 1);
            if (!neighbours) {
                block(w, order[i], order[k]);
            }
        }
    }
    tell(w, "a ring, its first node is %d", order[0]);
}

static void one_way(struct sim_world *w, size_t number)
{
    int from = pick_node(w);
    int to = pick_node(w);
    bool all = pick(w, 2) == 0;
    bool inbound = pick(w, 2) == 0;
    begin_partition(w, number);
    sim_seen(w, SIM_SEEN_ONE_WAY);
    for (int k = 0; k < w->n_nodes; k++) {
        if (k != from && (all || k == to)) {
            w->blocked[inbound ? k : from][inbound ? from : k] = true;
        }
    }
    tell(w, "nothing gets %s node %d%s", inbound ? "to" : "from", from,
         all ? "" : ", but for some");
}

static void flap(struct sim_world *w, size_t number)
{
    int a = pick_node(w);
    int b = pick_node(w);
    begin_partition(w, number);
    sim_seen(w, SIM_SEEN_FLAP);
    for (uint64_t i = 0; i < 6 && a != b; i++) {
        relieve_in(w, number, 60 * i + pick(w, 60));
    }
    block(w, a, b);
    w->result->faults[number].a = a;
    w->result->faults[number].b = b;
    tell(w, "the link of %d and %d flaps", a, b);
}

static void cut(struct sim_world *w, size_t number)
{
    struct sim_link *link = w->links;
    (void)number;
    for (uint64_t n = pick(w, 8); link != NULL && n > 0; n--) {
        link = link->next;
    }
    if (link != NULL && !sleeps(w, link->node[0]) && !sleeps(w, link->node[1])) {
        tell(w, "cut of a connection from %d to %d", link->node[0], link->node[1]);
        sim_seen(w, SIM_SEEN_CUT);
        sim_cut(w, link);
    }
}

/* ---- Time ----------------------------------------------------------------------------
 */

static void pause_node(struct sim_world *w, size_t number)
{
    int i = pick_node(w);
    dbr_time ms = 100 + pick(w, pick(w, 2) == 0 ? 600 : 4000);
    tell(w, "pause of node %d for %u ms", i, (unsigned)ms);
    sim_seen(w, SIM_SEEN_PAUSE);
    w->nodes[i].paused_until = w->now + ms;
    w->nodes[i].not_before = w->now + ms;
    w->nodes[i].slept_leading = w->nodes[i].leads;
    (void)number;
}

static void clock_jump(struct sim_world *w, size_t number)
{
    int i = pick_node(w);
    int64_t ms = (int64_t)pick(w, pick(w, 2) == 0 ? 2000 : 600000);
    bool back = pick(w, 2) == 0;
    (void)number;
    tell(w, "the clock of node %d is %lld ms %s", i, (long long)ms,
         back ? "slow" : "fast");
    sim_seen(w, back ? SIM_SEEN_CLOCK_BACK : SIM_SEEN_CLOCK_FORWARD);
    w->nodes[i].clock_ms = back ? -ms : ms;
}

/* ---- Disks ---------------------------------------------------------------------------
 */

static int pick_disk(struct sim_world *w)
{
    return (int)pick(w, (uint64_t)w->config.n_nodes);
}

static void slow_disk(struct sim_world *w, size_t number)
{
    int i = pick_disk(w);
    (void)number;
    w->nodes[i].disk_slow_until = w->now + pick(w, 3000);
    sim_seen(w, SIM_SEEN_SLOW_DISK);
    tell(w, "the disk of node %d is slow", i);
}

static void full_disk(struct sim_world *w, size_t number)
{
    int i = pick_disk(w);
    w->result->faults[number].a = i;
    sim_disk_set_full(w->nodes[i].disk, true);
    relieve_in(w, number, 100 + pick(w, 3000));
    tell(w, "the disk of node %d is full", i);
}

static void bad_disk(struct sim_world *w, size_t number)
{
    int i = pick_disk(w);
    (void)number;
    sim_disk_fail_after(w->nodes[i].disk, pick(w, 30), DEBROS_EIO);
    tell(w, "the disk of node %d fails once", i);
}

/* ---- Members -------------------------------------------------------------------------
 */

/* Leaves politely, and comes back. */
static void stop_one(struct sim_world *w, size_t number)
{
    int leader = sim_leader(w);
    int i = pick(w, 2) == 0 && leader >= 0 ? leader : pick_node(w);
    struct sim_node *node = &w->nodes[i];
    (void)number;
    if (node->phase == SIM_MEMBER && !node->is_stopping && !sleeps(w, i)) {
        node->is_stopping = true;
        node->stopped_as_leader = i == leader;
        tell(w, "stop of node %d", i);
        sim_seen(w, SIM_SEEN_STOP);
        sim_act(w, i);
        dbr_core_stop(node->core, w->now);
        sim_drain(w, i);
    }
}

/* One that has not joined yet is invited by any member; else one stops. */
static void members(struct sim_world *w, size_t number)
{
    int host = pick_node(w);
    for (int i = 0; i < w->config.n_nodes; i++) {
        if (!w->nodes[i].has_cluster && w->nodes[i].invite == NULL) {
            tell(w, "an invite by node %d", host);
            sim_submit(w, host, SIM_OP_INVITE, 5000);
            return;
        }
    }
    if (pick(w, 3) == 0) {
        crash(w, number);
    } else {
        stop_one(w, number);
    }
}

/* ---- The choice ----------------------------------------------------------------------
 */

typedef void (*fault_fn)(struct sim_world *w, size_t number);

static const fault_fn faults[SIM_NEMESIS_COUNT] = {
    [SIM_NEMESIS_HALVES] = halves,
    [SIM_NEMESIS_ISOLATE] = isolate,
    [SIM_NEMESIS_RING] = ring,
    [SIM_NEMESIS_ONE_WAY] = one_way,
    [SIM_NEMESIS_CRASH] = crash,
    [SIM_NEMESIS_CRASH_ALL] = crash_all,
    [SIM_NEMESIS_PAUSE] = pause_node,
    [SIM_NEMESIS_SLOW_DISK] = slow_disk,
    [SIM_NEMESIS_FULL_DISK] = full_disk,
    [SIM_NEMESIS_BAD_DISK] = bad_disk,
    [SIM_NEMESIS_CLOCK] = clock_jump,
    [SIM_NEMESIS_FLAP] = flap,
    [SIM_NEMESIS_CUT] = cut,
    [SIM_NEMESIS_MEMBERS] = members,
};

/* How often, of the mixed ones. */
static const uint8_t weights[SIM_NEMESIS_COUNT] = {
    [SIM_NEMESIS_HALVES] = 3,   [SIM_NEMESIS_ISOLATE] = 2,   [SIM_NEMESIS_RING] = 1,
    [SIM_NEMESIS_ONE_WAY] = 2,  [SIM_NEMESIS_CRASH] = 6,     [SIM_NEMESIS_CRASH_ALL] = 1,
    [SIM_NEMESIS_PAUSE] = 2,    [SIM_NEMESIS_SLOW_DISK] = 1, [SIM_NEMESIS_FULL_DISK] = 4,
    [SIM_NEMESIS_BAD_DISK] = 2, [SIM_NEMESIS_CLOCK] = 1,     [SIM_NEMESIS_FLAP] = 1,
    [SIM_NEMESIS_CUT] = 3,      [SIM_NEMESIS_MEMBERS] = 2,
};

static enum sim_nemesis choose(struct sim_world *w)
{
    if (w->config.nemesis != SIM_NEMESIS_MIXED) {
        return w->config.nemesis;
    }
    uint64_t sum = 0;
    for (int i = 0; i < SIM_NEMESIS_COUNT; i++) {
        sum += weights[i];
    }
    uint64_t at = pick(w, sum);
    int i = 0;
    while (at >= weights[i]) {
        at -= weights[i++];
    }
    return (enum sim_nemesis)i;
}

void sim_nemesis(struct sim_world *w, size_t number)
{
    if (!w->faults || number >= SIM_FAULTS_MAX) {
        return;
    }
    dbr_rng_seed(&w->nemesis_rng, w->config.seed * SIM_FAULTS_MAX + number);
    dbr_time pause = 50 + pick(w, 900);
    enum sim_nemesis kind = choose(w);
    w->result->n_faults = (int)number;
    w->result->faults[number] = (struct sim_fault){.at = w->now, .kind = kind};
    if (faults[kind] != NULL && (w->config.skip == NULL || !w->config.skip[number])) {
        faults[kind](w, number);
    }
    sim_push(
        w, (struct sim_event){
               .at = w->now + pause, .type = SIM_NEMESIS, .node = -1, .len = number + 1});
}

/* A flapping link changes sides, a partition ends, a disk has room. */
void sim_relief(struct sim_world *w, size_t number)
{
    const struct sim_fault *f = &w->result->faults[number];
    if (f->kind == SIM_NEMESIS_FULL_DISK) {
        sim_disk_set_full(w->nodes[f->a].disk, false);
    } else if (w->parted_by == number && f->kind == SIM_NEMESIS_FLAP) {
        w->blocked[f->a][f->b] = !w->blocked[f->a][f->b];
        w->blocked[f->b][f->a] = w->blocked[f->a][f->b];
    } else if (w->parted_by == number) {
        unpart(w);
        sim_trace(w, "partition %zu ends", number);
    }
}

void sim_heal(struct sim_world *w)
{
    w->faults = false;
    unpart(w);
    for (int i = 0; i < w->n_nodes; i++) {
        struct sim_node *node = &w->nodes[i];
        node->disk_slow_until = 0;
        node->paused_until = 0;
        node->not_before = 0;
        if (node->disk != NULL) {
            sim_disk_set_full(node->disk, false);
            sim_disk_fail_after(node->disk, UINT64_MAX, 0);
        }
    }
    sim_trace(w, "heal");
}
