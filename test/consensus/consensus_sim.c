#include "consensus_sim.h"

#include <stdarg.h>

#include "consensus_sim_inner.h"

#define SETTLE_MS 25000 /* after the faults */

static char wrong_text[256];

/* ---- Small things ----------------------------------------------------------- */

uint64_t sim_below(struct sim *s, uint64_t bound)
{
    return dbr_rng_below(&s->rng, bound);
}

void sim_mix(struct sim *s, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        s->counts.hash = (s->counts.hash ^ (value & 0xff)) * 0x100000001b3u;
        value >>= 8;
    }
}

void sim_fail(struct sim *s, const char *format, ...)
{
    if (s->bad) {
        return;
    }
    va_list args;
    va_start(args, format);
    int n = snprintf(wrong_text, sizeof(wrong_text),
                     "at %llu ms: ", (unsigned long long)s->now);
    vsnprintf(wrong_text + n, sizeof(wrong_text) - (size_t)n, format, args);
    va_end(args);
    s->bad = true;
    if (s->config.verbose) {
        printf("WRONG %s\n", wrong_text);
    }
}

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

struct event *sim_schedule(struct sim *s, dbr_time at, enum action action, int node)
{
    struct event *e = dbr_calloc(1, sizeof(*e));
    if (s->n_heap == s->heap_cap) {
        s->heap_cap = s->heap_cap == 0 ? 1024 : s->heap_cap * 2;
        s->heap = dbr_realloc_array(s->heap, s->heap_cap, sizeof(*s->heap));
    }
    dbr_assert(e != NULL && s->heap != NULL);
    e->at = at;
    e->order = s->order++;
    e->action = action;
    e->node = node;
    e->life = node >= 0 ? s->nodes[node].life : 0;
    size_t i = s->n_heap++;
    for (; i > 0 && earlier(e, s->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        s->heap[i] = s->heap[(i - 1) / 2];
    }
    s->heap[i] = e;
    return e;
}

static struct event *next_event(struct sim *s)
{
    struct event *top = s->heap[0];
    struct event *last = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < s->n_heap; i = child) {
        if (child + 1 < s->n_heap && earlier(s->heap[child + 1], s->heap[child])) {
            child++;
        }
        if (earlier(last, s->heap[child])) {
            break;
        }
        s->heap[i] = s->heap[child];
    }
    s->heap[i] = last;
    return top;
}

/* ---- Clients and faults ----------------------------------------------------- */

static bool is_ready(const struct sim *s, int i)
{
    struct dbr_consensus_status st;
    if (s->nodes[i].c == NULL) {
        return false;
    }
    dbr_consensus_status(s->nodes[i].c, &st);
    return st.ready;
}

int sim_propose(struct sim *s, int i, size_t size)
{
    uint8_t data[8192] = {0};
    uint64_t id = s->counts.proposed + 1;
    struct pending p = {.node = i, .life = s->nodes[i].life, .open = true};
    dbr_assert(size >= sizeof(id) && size <= sizeof(data) && id < COMMANDS_MAX);
    memcpy(data, &id, sizeof(id));
    sim_short(s);
    int rv = dbr_consensus_propose(s->nodes[i].c, dbr_bytes(data, size), &p.index,
                                   &p.term, s->now);
    if (sim_enough(s) && rv != 0) {
        s->counts.proposed = id; /* it may come to be all the same */
    }
    if (rv == 0) {
        s->counts.proposed = id;
        s->pending[id] = p;
    }
    sim_drain(s, i);
    return rv;
}

static void read_at(struct sim *s, int i)
{
    if (s->n_reads < COMMANDS_MAX) {
        s->read_needs[s->n_reads] = s->acked_index;
        sim_short(s);
        dbr_consensus_read(s->nodes[i].c, s->n_reads++, s->now);
        sim_enough(s);
        sim_drain(s, i);
    }
}

static void client(struct sim *s)
{
    for (int k = 0; k < 3; k++) {
        int i = (int)sim_below(s, s->config.n);
        size_t size =
            8 + (size_t)(sim_below(s, 20) == 0 ? sim_below(s, 3000) : sim_below(s, 60));
        if (!is_ready(s, i) || s->counts.proposed + 1 >= COMMANDS_MAX) {
            continue;
        }
        if (sim_below(s, 4) == 0) {
            read_at(s, i);
        } else {
            sim_propose(s, i, size);
        }
    }
    if (!s->quiet) {
        sim_schedule(s, s->now + 1 + sim_below(s, s->healed ? 200 : 40), A_CLIENT, -1);
    }
}

/* A leader without judgement: any role for anyone. */
static void change_roles(struct sim *s)
{
    for (int i = 0; i < (int)s->config.n; i++) {
        if (!is_ready(s, i)) {
            continue;
        }
        uint64_t id = 1 + sim_below(s, s->config.n);
        uint64_t dice = sim_below(s, 10);
        sim_short(s);
        if (dice == 0) {
            dbr_consensus_remove(s->nodes[i].c, id, s->now);
        } else {
            dbr_consensus_assign(s->nodes[i].c, id,
                                 dice < 7 ? DBR_SERVER_VOTER : DBR_SERVER_STANDBY,
                                 s->now);
        }
        sim_enough(s);
        sim_drain(s, i);
    }
}

static void transfer(struct sim *s)
{
    int i = (int)sim_below(s, s->config.n);
    if (is_ready(s, i)) {
        uint64_t to = sim_below(s, 2) == 0 ? 0 : 1 + sim_below(s, s->config.n);
        sim_short(s);
        dbr_consensus_transfer(s->nodes[i].c, to, s->now);
        sim_enough(s);
        sim_drain(s, i);
    }
}

static void fault(struct sim *s)
{
    uint64_t w = sim_below(s, s->config.change ? 16 : 12);
    if (w < 4) {
        for (size_t i = 0; i < s->config.n; i++) {
            s->nodes[i].side = (int)sim_below(s, 2);
        }
    } else if (w < 6) {
        for (size_t i = 0; i < s->config.n; i++) {
            s->nodes[i].side = 0;
        }
    } else if (w < 9) {
        int i = (int)sim_below(s, s->config.n);
        if (s->nodes[i].c != NULL) {
            sim_crash(s, i);
            sim_schedule(s, s->now + 50 + sim_below(s, 2500), A_RESTART, i);
        }
    } else if (w < 12) {
        transfer(s);
    } else {
        change_roles(s);
    }
    sim_schedule(s, s->now + 100 + sim_below(s, s->config.hasty ? 500 : 1500), A_FAULT,
                 -1);
}

/* A leader with a goal: takes in who is missing, makes voters of them. */
static void grow(struct sim *s)
{
    sim_schedule(s, s->now + 300, A_GROW, -1);
    int i = sim_leader(s);
    struct dbr_consensus_status st;
    if (i < 0) {
        return;
    }
    dbr_consensus_status(s->nodes[i].c, &st);
    for (uint64_t id = 1; id <= s->config.n && !st.changing; id++) {
        const struct dbr_server *known = NULL;
        for (size_t k = 0; k < st.n_servers; k++) {
            known = st.servers[k].id == id ? &st.servers[k] : known;
        }
        if (known != NULL && known->role == DBR_SERVER_VOTER) {
            continue;
        }
        char name[32];
        snprintf(name, sizeof(name), "n%llu", (unsigned long long)id);
        sim_short(s);
        if (known == NULL || known->role == DBR_SERVER_SPARE) {
            dbr_consensus_add(s->nodes[i].c, id, name, s->now);
        } else {
            dbr_consensus_assign(s->nodes[i].c, id, DBR_SERVER_VOTER, s->now);
        }
        sim_enough(s);
        sim_drain(s, i);
        return;
    }
}

/* ---- The loop --------------------------------------------------------------- */

static void deliver(struct sim *s, struct event *e)
{
    struct node *node = &s->nodes[e->node];
    if (node->c == NULL || node->side != s->nodes[e->from].side) {
        return;
    }
    sim_short(s);
    int rv = dbr_consensus_recv(node->c, (uint64_t)e->from + 1,
                                dbr_bytes(e->data.data, e->data.len), s->now);
    if (!sim_enough(s) && rv != 0) {
        s->counts.refused++;
        sim_fail(s, "node %d refuses a message of node %d", e->node + 1, e->from + 1);
    }
    sim_drain(s, e->node);
}

static void act_on_node(struct sim *s, struct event *e)
{
    switch (e->action) {
    case A_TIMER:
        sim_short(s);
        dbr_consensus_expire(s->nodes[e->node].c, s->now);
        sim_enough(s);
        sim_drain(s, e->node);
        break;
    case A_DISK:
        sim_disk_done(s, e->node, e->value);
        break;
    case A_CRASH:
        if (!s->healed || e->value != 0) {
            sim_crash(s, e->node);
            sim_schedule(s, s->now + 5 + sim_below(s, 400), A_RESTART, e->node);
        }
        break;
    case A_CHECKPOINT:
        sim_finish_checkpoint(s, e->node, e->value);
        break;
    case A_FETCH:
        sim_finish_fetch(s, e->node, dbr_bytes(e->data.data, e->data.len));
        break;
    default:
        sim_finish_offer(s, e->node);
        break;
    }
}

static void act(struct sim *s, struct event *e)
{
    switch (e->action) {
    case A_MESSAGE:
        deliver(s, e);
        break;
    case A_CLIENT:
        client(s);
        break;
    case A_FAULT:
        if (!s->healed) {
            fault(s);
        }
        break;
    case A_GROW:
        grow(s);
        break;
    case A_RESTART:
        if (s->nodes[e->node].c == NULL && s->nodes[e->node].life == e->life) {
            sim_restart(s, e->node);
        }
        break;
    default:
        if (s->nodes[e->node].c != NULL && s->nodes[e->node].life == e->life) {
            act_on_node(s, e);
        }
        break;
    }
}

void sim_run_for(struct sim *s, uint32_t ms)
{
    dbr_time end = s->now + ms;
    while (!s->bad && s->n_heap > 0 && s->heap[0]->at <= end) {
        struct event *e = next_event(s);
        s->now = e->at;
        act(s, e);
        dbr_buf_finish(&e->data);
        dbr_free(e);
    }
    s->now = end;
}

struct sim *sim_create(const struct sim_config *config)
{
    struct sim *s = dbr_calloc(1, sizeof(*s));
    dbr_assert(s != NULL && config->n <= SIM_NODES_MAX);
    s->config = *config;
    s->now = 1000;
    s->counts.hash = 0xcbf29ce484222325u;
    dbr_rng_seed(&s->rng, config->seed);
    s->truth = dbr_calloc(INDEX_MAX, sizeof(*s->truth));
    s->truth_term = dbr_calloc(INDEX_MAX, sizeof(*s->truth_term));
    s->pending = dbr_calloc(COMMANDS_MAX, sizeof(*s->pending));
    s->read_needs = dbr_calloc(COMMANDS_MAX, sizeof(*s->read_needs));
    s->leaders = dbr_calloc(TERM_MAX, 1);
    for (int i = 0; i < (int)config->n; i++) {
        struct node *node = &s->nodes[i];
        dbr_rng_seed(&node->rng, dbr_rng_u64(&s->rng));
        node->db = dbr_calloc(COMMANDS_MAX, sizeof(*node->db));
        node->votes = dbr_calloc(TERM_MAX, 1);
        memset(node->took, 1, sizeof(node->took));
        sim_bootstrap(s, i);
        sim_restart(s, i);
    }
    if (config->grow) {
        sim_schedule(s, s->now + 500, A_GROW, -1);
    }
    return s;
}

void sim_destroy(struct sim *s)
{
    if (s == NULL) {
        return;
    }
    while (s->n_heap > 0) {
        struct event *e = next_event(s);
        dbr_buf_finish(&e->data);
        dbr_free(e);
    }
    for (size_t i = 0; i < s->config.n; i++) {
        struct node *node = &s->nodes[i];
        dbr_consensus_destroy(node->c);
        sim_disk_finish(&node->disk);
        dbr_free(node->db);
        dbr_free(node->votes);
    }
    dbr_free(s->heap);
    dbr_free(s->truth);
    dbr_free(s->truth_term);
    dbr_free(s->pending);
    dbr_free(s->read_needs);
    dbr_free(s->leaders);
    dbr_free(s);
}

/* ---- The whole run ---------------------------------------------------------- */

static void heal(struct sim *s)
{
    s->healed = true;
    sim_say(s, "healed\n");
    for (int i = 0; i < (int)s->config.n; i++) {
        s->nodes[i].side = 0;
        if (s->nodes[i].c == NULL) {
            sim_restart(s, i);
        }
    }
}

static void check_databases(struct sim *s, int i)
{
    const struct node *node = &s->nodes[i];
    size_t k = 0;
    for (uint64_t index = 1; index <= s->last_truth; index++) {
        if (s->truth[index].id == 0) {
            continue;
        }
        if (k >= node->n_db || node->db[k].index != index ||
            node->db[k].id != s->truth[index].id) {
            sim_fail(s, "node %d has not got command %llu at %llu", i + 1,
                     (unsigned long long)s->truth[index].id, (unsigned long long)index);
            return;
        }
        k++;
    }
    if (k != node->n_db) {
        sim_fail(s, "node %d holds %zu commands, %zu are known", i + 1, node->n_db, k);
    }
}

static void check_end(struct sim *s, uint64_t acked_before)
{
    int leader = sim_leader(s);
    struct dbr_consensus_status st;
    if (leader < 0 || s->counts.acked == acked_before) {
        sim_fail(s, "no leader that works after healing");
        return;
    }
    dbr_consensus_status(s->nodes[leader].c, &st);
    for (size_t k = 0; k < st.n_servers; k++) {
        if (st.servers[k].role != DBR_SERVER_SPARE) {
            check_databases(s, (int)st.servers[k].id - 1);
        }
    }
}

static void say_status(struct sim *s, int i)
{
    struct dbr_consensus_status st;
    if (s->nodes[i].c == NULL) {
        sim_say(s, "n%d is down\n", i + 1);
        return;
    }
    dbr_consensus_status(s->nodes[i].c, &st);
    sim_say(
        s,
        "n%d role %d ready %d term %llu leader %llu commit %llu last %llu snapshot %llu,"
        " %zu ops, servers",
        i + 1, (int)st.role, st.ready, (unsigned long long)st.term,
        (unsigned long long)st.leader, (unsigned long long)st.commit_index,
        (unsigned long long)st.last_index, (unsigned long long)st.snapshot_index,
        s->nodes[i].queued);
    for (size_t k = 0; k < st.n_servers && s->config.verbose; k++) {
        printf(" %llu:%d@%llu", (unsigned long long)st.servers[k].id,
               (int)st.servers[k].role,
               (unsigned long long)dbr_consensus_match_index(s->nodes[i].c,
                                                             st.servers[k].id));
    }
    if (s->config.verbose) {
        printf("\n");
    }
}

const char *sim_run(const struct sim_config *config, struct sim_counts *counts)
{
    struct sim *s = sim_create(config);
    sim_schedule(s, s->now + 500, A_CLIENT, -1);
    sim_schedule(s, s->now + 3000, A_FAULT, -1);
    sim_run_for(s, config->faults_ms);
    if (!s->bad) {
        heal(s);
        uint64_t acked = s->counts.acked;
        sim_run_for(s, SETTLE_MS);
        s->quiet = true;
        sim_run_for(s, 5000);
        if (!s->bad) {
            check_end(s, acked);
        }
    }
    for (int i = 0; i < (int)config->n; i++) {
        say_status(s, i);
    }
    *counts = s->counts;
    bool bad = s->bad;
    sim_destroy(s);
    return bad ? wrong_text : NULL;
}

void sim_config_of(struct sim_config *config, uint64_t seed)
{
    struct dbr_rng rng;
    dbr_rng_seed(&rng, ~seed);
    uint64_t bits = dbr_rng_u64(&rng);
    *config = (struct sim_config){.seed = seed,
                                  .n = (bits & 1) == 0 ? 3 : 5,
                                  .aim = (bits & 2) != 0,
                                  .change = (bits & 4) != 0,
                                  .grow = (bits & 8) != 0,
                                  .hasty = (bits & 16) != 0,
                                  .slow_disk = (bits & 32) != 0,
                                  .faults_ms = 30000,
                                  .threshold = (bits & 192) == 0 ? 0 : 40,
                                  .max_message = 4096};
}

/* ---- By hand ---------------------------------------------------------------- */

const char *sim_wrong(const struct sim *s)
{
    return s->bad ? wrong_text : NULL;
}

const struct sim_counts *sim_counts(const struct sim *s)
{
    return &s->counts;
}

dbr_time sim_now(const struct sim *s)
{
    return s->now;
}

int sim_leader(const struct sim *s)
{
    int best = -1;
    uint64_t best_term = 0;
    for (int i = 0; i < (int)s->config.n; i++) {
        struct dbr_consensus_status st;
        if (is_ready(s, i)) {
            dbr_consensus_status(s->nodes[i].c, &st);
            best = st.term > best_term ? i : best;
            best_term = st.term > best_term ? st.term : best_term;
        }
    }
    return best;
}

int sim_wait_leader(struct sim *s)
{
    for (int k = 0; k < 100 && sim_leader(s) < 0 && !s->bad; k++) {
        sim_run_for(s, 100);
    }
    return sim_leader(s);
}

struct dbr_consensus *sim_machine(struct sim *s, int i)
{
    return s->nodes[i].c;
}

void sim_set_side(struct sim *s, int i, int side)
{
    s->nodes[i].side = side;
}

size_t sim_applied(const struct sim *s, int i)
{
    return s->nodes[i].n_db;
}

uint64_t sim_max_message(const struct sim *s)
{
    return s->max_message;
}

int sim_took(struct sim *s, int i, enum dbr_consensus_event_type type)
{
    int status = s->nodes[i].took[type];
    s->nodes[i].took[type] = 1;
    return status;
}
