#include "consensus_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/rng.h"
#include "consensus/configuration.h"
#include "consensus/message.h"

#define INDEX_MAX    100000 /* of the log */
#define TERM_MAX     50000
#define COMMANDS_MAX INDEX_MAX
#define SETTLE_MS    25000 /* after the faults */
#define TRAILING     10

struct entry {
    uint64_t term;
    enum dbr_entry_type type;
    struct dbr_buf data;
};

/* What survives a crash. */
struct disk {
    uint64_t term, vote;
    uint64_t first;
    struct entry *entries;
    size_t n, cap;
    uint64_t snapshot_index, snapshot_term, configuration_index;
    struct dbr_buf configuration;
    struct dbr_buf image; /* of the last INSTALL */
    uint64_t image_index;
};

struct command {
    uint64_t index, id;
};

struct node {
    struct dbr_consensus *c;
    struct dbr_rng rng;
    unsigned life;
    struct disk disk;
    struct dbr_log_op *first, *last; /* the disk's queue */
    size_t queued;
    bool writing, stopped;
    struct command *db; /* the databases */
    size_t n_db;
    uint64_t db_index;      /* the databases are at this entry */
    uint64_t durable_index; /* and would be after a crash, at least */
    uint64_t handed_index;  /* by APPLY in this life */
    dbr_time timer;
    int side;
    dbr_time link_free[SIM_NODES_MAX];
    uint64_t wire_term;
    uint8_t *votes; /* by term: for whom, on the wire */
    int took[DBR_CONSENSUS_FAILED + 1];
    uint64_t led_term;
};

enum action {
    A_TIMER,
    A_MESSAGE,
    A_DISK,
    A_CLIENT,
    A_FAULT,
    A_RESTART,
    A_CRASH,
    A_CHECKPOINT,
    A_IMAGE,
    A_GROW
};

struct event {
    dbr_time at;
    uint64_t order;
    enum action action;
    int node, from;
    unsigned life;
    uint64_t value;
    struct dbr_buf data;
};

struct pending {
    uint64_t index, term;
    unsigned life;
    int node;
    bool open;
};

struct sim {
    struct sim_config config;
    struct sim_counts counts;
    struct dbr_rng rng;
    dbr_time now;
    bool healed;
    bool quiet; /* no more clients */
    struct node nodes[SIM_NODES_MAX];
    struct event **heap;
    size_t n_heap, heap_cap;
    uint64_t order;
    struct command *truth; /* by index */
    uint64_t *truth_term;
    uint64_t last_truth;
    struct pending *pending; /* by command id */
    uint64_t acked_index;
    uint64_t *read_needs; /* by token */
    uint64_t n_reads;
    uint8_t *leaders; /* by term: who, on the wire */
    uint64_t max_message;
    bool bad;
};

static char wrong_text[256];

/* ---- Small things ----------------------------------------------------------- */

static uint64_t below(struct sim *s, uint64_t bound)
{
    return dbr_rng_below(&s->rng, bound);
}

static void mix(struct sim *s, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        s->counts.hash = (s->counts.hash ^ (value & 0xff)) * 0x100000001b3u;
        value >>= 8;
    }
}

__attribute__((format(printf, 2, 3))) static void wrong(struct sim *s, const char *format,
                                                        ...)
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

#define say(s, ...)                                                                      \
    do {                                                                                 \
        if ((s)->config.verbose) {                                                       \
            printf("%8llu ", (unsigned long long)(s)->now);                              \
            printf(__VA_ARGS__);                                                         \
        }                                                                                \
    } while (0)

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static struct event *schedule(struct sim *s, dbr_time at, enum action action, int node)
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

/* ---- Disk ------------------------------------------------------------------- */

static void copy_bytes(struct dbr_buf *to, debros_bytes from)
{
    dbr_buf_clear(to);
    dbr_buf_add(to, from.data, from.len);
    dbr_assert(!to->failed);
}

static void disk_append(struct sim *s, struct disk *d, const struct dbr_log_op *op)
{
    if (op->index != d->first + d->n) {
        wrong(s, "append at %llu, the log ends before %llu",
              (unsigned long long)op->index, (unsigned long long)(d->first + d->n));
        return;
    }
    for (size_t i = 0; i < op->n_entries; i++) {
        if (d->n == d->cap) {
            size_t cap = d->cap == 0 ? 256 : d->cap * 2;
            d->entries = dbr_realloc_array(d->entries, cap, sizeof(*d->entries));
            dbr_assert(d->entries != NULL);
            memset(d->entries + d->cap, 0, (cap - d->cap) * sizeof(*d->entries));
            d->cap = cap;
        }
        struct entry *e = &d->entries[d->n++];
        e->term = op->entries[i].term;
        e->type = op->entries[i].type;
        copy_bytes(&e->data, op->entries[i].data);
        if (e->term > d->term) {
            wrong(s, "an entry of term %llu is durable before its term",
                  (unsigned long long)e->term);
        }
    }
}

static void disk_drop_front(struct disk *d, uint64_t keep_from)
{
    size_t drop = keep_from > d->first ? (size_t)(keep_from - d->first) : 0;
    drop = drop > d->n ? d->n : drop;
    for (size_t i = 0; i < drop; i++) {
        dbr_buf_finish(&d->entries[i].data);
    }
    memmove(d->entries, d->entries + drop, (d->cap - drop) * sizeof(*d->entries));
    memset(d->entries + d->cap - drop, 0, drop * sizeof(*d->entries));
    d->n -= drop;
    d->first += drop;
}

static void disk_snapshot(struct sim *s, struct node *node, const struct dbr_log_op *op)
{
    struct disk *d = &node->disk;
    d->snapshot_index = op->index;
    d->snapshot_term = op->term;
    d->configuration_index = op->configuration_index;
    copy_bytes(&d->configuration, op->configuration);
    if (op->type == DBR_LOG_INSTALL) {
        copy_bytes(&d->image, op->image);
        d->image_index = op->index;
        d->n = 0;
        d->first = op->index + 1;
        s->counts.installs++;
        return;
    }
    if (op->index > node->durable_index || op->index >= d->first + d->n) {
        wrong(s, "snapshot %llu of databases at %llu and a log up to %llu",
              (unsigned long long)op->index, (unsigned long long)node->durable_index,
              (unsigned long long)(d->first + d->n - 1));
        return;
    }
    disk_drop_front(d, op->keep_from);
    s->counts.snapshots++;
}

static void disk_apply(struct sim *s, struct node *node, const struct dbr_log_op *op)
{
    struct disk *d = &node->disk;
    switch (op->type) {
    case DBR_LOG_TERM:
        if (op->value <= d->term) {
            wrong(s, "the durable term goes back");
        }
        d->term = op->value;
        d->vote = 0;
        break;
    case DBR_LOG_VOTE:
        d->vote = op->value;
        break;
    case DBR_LOG_APPEND:
        disk_append(s, d, op);
        break;
    case DBR_LOG_TRUNCATE:
        if (op->index < d->first + d->n) {
            d->n = op->index > d->first ? (size_t)(op->index - d->first) : 0;
        }
        break;
    case DBR_LOG_SNAPSHOT:
    case DBR_LOG_INSTALL:
        disk_snapshot(s, node, op);
        break;
    }
}

static uint32_t disk_latency(struct sim *s)
{
    if (s->config.quiet_disk) {
        return 2;
    }
    if (s->config.slow_disk && !s->healed && below(s, 40) == 0) {
        return (uint32_t)(500 + below(s, 4000));
    }
    return (uint32_t)(!s->healed && below(s, 30) == 0 ? below(s, 400) : below(s, 12));
}

static void disk_start(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    if (node->first == NULL || node->writing || node->stopped) {
        return;
    }
    node->writing = true;
    struct event *e = schedule(s, s->now + disk_latency(s), A_DISK, i);
    e->value = below(s, 2) == 0 ? 1 : node->queued; /* ops that share the flush */
}

static void disk_queue(struct sim *s, int i, struct dbr_log_op *op)
{
    struct node *node = &s->nodes[i];
    op->next = NULL;
    if (node->first == NULL) {
        node->first = op;
    } else {
        node->last->next = op;
    }
    node->last = op;
    node->queued++;
    bool meta = op->type == DBR_LOG_TERM || op->type == DBR_LOG_VOTE;
    if (meta && s->config.aim && !s->healed && s->now > 3000 && below(s, 100) < 20) {
        schedule(s, s->now + below(s, 15), A_CRASH, i);
    }
    disk_start(s, i);
}

static struct dbr_log_op *disk_take(struct node *node)
{
    struct dbr_log_op *op = node->first;
    node->first = op->next;
    node->queued--;
    return op;
}

static void disk_done(struct sim *s, int i, uint64_t n)
{
    struct node *node = &s->nodes[i];
    uint64_t seq = 0;
    node->writing = false;
    for (; n > 0 && node->first != NULL; n--) {
        struct dbr_log_op *op = disk_take(node);
        disk_apply(s, node, op);
        seq = op->seq;
    }
    mix(s, seq);
    dbr_consensus_log_done(node->c, seq, s->now);
    sim_drain(s, i);
    disk_start(s, i);
}

/* ---- Databases -------------------------------------------------------------- */

static void db_cut(struct node *node, uint64_t index)
{
    while (node->n_db > 0 && node->db[node->n_db - 1].index > index) {
        node->n_db--;
    }
    node->db_index = index;
}

static void db_load_image(struct node *node)
{
    const struct dbr_buf *image = &node->disk.image;
    dbr_assert(image->len % sizeof(*node->db) == 0);
    node->n_db = image->len / sizeof(*node->db);
    if (node->n_db > 0) {
        memcpy(node->db, image->data, image->len);
    }
    node->db_index = node->disk.image_index;
    node->durable_index = node->db_index;
}

static void acknowledge(struct sim *s, int i, const struct dbr_consensus_event *e,
                        uint64_t id)
{
    struct pending *p = &s->pending[id];
    if (p->open && p->node == i && p->life == s->nodes[i].life && p->index == e->index &&
        p->term == e->term) {
        p->open = false;
        s->counts.acked++;
        s->acked_index = e->index > s->acked_index ? e->index : s->acked_index;
    }
}

static void on_apply(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct node *node = &s->nodes[i];
    uint64_t id;
    if (e->data.len < sizeof(id) || e->index >= INDEX_MAX) {
        wrong(s, "node %d: a command of %zu bytes at %llu", i + 1, e->data.len,
              (unsigned long long)e->index);
        return;
    }
    memcpy(&id, e->data.data, sizeof(id));
    struct command *truth = &s->truth[e->index];
    if (truth->id != 0 && (truth->id != id || s->truth_term[e->index] != e->term)) {
        wrong(s, "node %d applies command %llu of term %llu at %llu, others %llu of %llu",
              i + 1, (unsigned long long)id, (unsigned long long)e->term,
              (unsigned long long)e->index, (unsigned long long)truth->id,
              (unsigned long long)s->truth_term[e->index]);
        return;
    }
    *truth = (struct command){e->index, id};
    s->truth_term[e->index] = e->term;
    s->last_truth = e->index > s->last_truth ? e->index : s->last_truth;
    if (e->index <= node->handed_index) {
        wrong(s, "node %d is handed %llu after %llu", i + 1, (unsigned long long)e->index,
              (unsigned long long)node->handed_index);
    }
    node->handed_index = e->index;
    if (e->index > node->db_index) {
        node->db[node->n_db++] = *truth;
        node->db_index = e->index;
    }
    acknowledge(s, i, e, id);
}

static void on_restore(struct sim *s, int i, uint64_t index)
{
    struct node *node = &s->nodes[i];
    if (node->disk.image_index != index || index < node->db_index) {
        wrong(s, "node %d: RESTORE %llu, staged is %llu, the databases are at %llu",
              i + 1, (unsigned long long)index,
              (unsigned long long)node->disk.image_index,
              (unsigned long long)node->db_index);
        return;
    }
    db_load_image(node);
    node->handed_index = index;
}

/* ---- Wire ------------------------------------------------------------------- */

static void check_vote(struct sim *s, int i, uint64_t term, uint64_t vote)
{
    uint8_t *slot = &s->nodes[i].votes[term];
    if (*slot != 0 && *slot != vote) {
        wrong(s, "node %d votes for %d and %d in term %llu", i + 1, (int)*slot, (int)vote,
              (unsigned long long)term);
    }
    *slot = (uint8_t)vote;
}

static void check_leader(struct sim *s, int i, uint64_t term)
{
    uint8_t *slot = &s->leaders[term];
    if (*slot != 0 && *slot != i + 1) {
        wrong(s, "nodes %d and %d lead term %llu", (int)*slot, i + 1,
              (unsigned long long)term);
    }
    *slot = (uint8_t)(i + 1);
}

/* The term of a message, 0 for a pre-vote, which promises nothing. */
static uint64_t checked_term(struct sim *s, int i, const struct raft_message *m)
{
    switch (m->type) {
    case RAFT_IO_APPEND_ENTRIES:
        check_leader(s, i, m->append_entries.term);
        return m->append_entries.term;
    case RAFT_IO_INSTALL_SNAPSHOT:
        check_leader(s, i, m->install_snapshot.term);
        return m->install_snapshot.term;
    case RAFT_IO_TIMEOUT_NOW:
        check_leader(s, i, m->timeout_now.term);
        return m->timeout_now.term;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        return m->append_entries_result.term;
    case RAFT_IO_REQUEST_VOTE:
        if (m->request_vote.pre_vote) {
            return 0;
        }
        check_vote(s, i, m->request_vote.term, (uint64_t)i + 1);
        return m->request_vote.term;
    default:
        if (m->request_vote_result.pre_vote == raft_tribool_true) {
            return 0;
        }
        if (m->request_vote_result.vote_granted) {
            check_vote(s, i, m->request_vote_result.term, m->server_id);
        }
        return m->request_vote_result.term;
    }
}

static void check_wire(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct raft_message m;
    char address[DBR_SERVER_ADDRESS_MAX];
    struct dbr_message_limits limits = {1 << 26, 1 << 26};
    if (dbr_message_decode(&m, address, e->to, e->data, &limits) != 0) {
        wrong(s, "node %d sends what cannot be decoded", i + 1);
        return;
    }
    uint64_t term = checked_term(s, i, &m);
    if (term >= TERM_MAX) {
        wrong(s, "too many terms");
    } else if (term > 0 && term < s->nodes[i].wire_term) {
        wrong(s, "node %d sends term %llu after %llu", i + 1, (unsigned long long)term,
              (unsigned long long)s->nodes[i].wire_term);
    } else if (term > 0) {
        s->nodes[i].wire_term = term;
    }
    say(s, "n%d -> n%llu type %d term %llu\n", i + 1, (unsigned long long)e->to,
        (int)m.type, (unsigned long long)term);
    dbr_message_finish(&m);
}

static void on_send(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct node *node = &s->nodes[i];
    size_t to = (size_t)e->to - 1;
    char name[DBR_SERVER_ADDRESS_MAX];
    snprintf(name, sizeof(name), "n%d", (int)e->to);
    if (e->to == 0 || to >= s->config.n ||
        (e->address[0] != '\0' && strcmp(name, e->address) != 0)) {
        wrong(s, "node %d sends to server %llu at '%s'", i + 1, (unsigned long long)e->to,
              e->address);
        return;
    }
    check_wire(s, i, e);
    mix(s, e->data.len);
    s->counts.messages++;
    s->max_message = e->data.len > s->max_message ? e->data.len : s->max_message;
    bool lossy = !s->config.quiet_disk && below(s, 100) < 2;
    if (s->bad || lossy || node->side != s->nodes[to].side) {
        return;
    }
    uint64_t delay = 1;
    if (!s->config.quiet_disk) {
        delay += !s->healed && below(s, 20) == 0 ? below(s, 300) : below(s, 15);
    }
    dbr_time at = s->now + delay;
    if (at < node->link_free[to]) {
        at = node->link_free[to];
    }
    node->link_free[to] = at;
    struct event *m = schedule(s, at, A_MESSAGE, (int)to);
    m->from = i;
    copy_bytes(&m->data, e->data);
}

/* ---- Events of a machine ---------------------------------------------------- */

static void on_role(struct sim *s, int i)
{
    struct dbr_consensus_status st;
    struct node *node = &s->nodes[i];
    dbr_consensus_status(node->c, &st);
    mix(s, st.term * 8 + (uint64_t)st.role);
    if (st.role == DBR_CONSENSUS_LEADER && node->led_term != st.term) {
        node->led_term = st.term;
        s->counts.leaders++;
    }
    say(s, "n%d role %d term %llu leader %llu ready %d changing %d\n", i + 1,
        (int)st.role, (unsigned long long)st.term, (unsigned long long)st.leader,
        st.ready, st.changing);
}

static void on_read(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    if (e->status != 0) {
        return;
    }
    s->counts.reads++;
    if (e->index < s->read_needs[e->token] || e->index > s->nodes[i].handed_index) {
        wrong(s, "node %d reads at %llu, acknowledged before it %llu, handed out %llu",
              i + 1, (unsigned long long)e->index,
              (unsigned long long)s->read_needs[e->token],
              (unsigned long long)s->nodes[i].handed_index);
    }
}

static void on_event(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct node *node = &s->nodes[i];
    mix(s, s->now * 64 + (uint64_t)i * 16 + (uint64_t)e->type);
    mix(s, e->index);
    node->took[e->type] = e->status;
    switch (e->type) {
    case DBR_CONSENSUS_SEND:
        on_send(s, i, e);
        break;
    case DBR_CONSENSUS_LOG:
        disk_queue(s, i, e->op);
        break;
    case DBR_CONSENSUS_APPLY:
        on_apply(s, i, e);
        break;
    case DBR_CONSENSUS_ROLE:
        on_role(s, i);
        break;
    case DBR_CONSENSUS_READ:
        on_read(s, i, e);
        break;
    case DBR_CONSENSUS_CHANGED:
        s->counts.changes += e->status == 0;
        break;
    case DBR_CONSENSUS_TRANSFERRED:
        s->counts.transfers += e->status == 0;
        break;
    case DBR_CONSENSUS_CHECKPOINT:
        schedule(s, s->now + below(s, 60), A_CHECKPOINT, i)->value = e->index;
        break;
    case DBR_CONSENSUS_IMAGE:
        schedule(s, s->now + below(s, 60), A_IMAGE, i)->value = e->index;
        break;
    case DBR_CONSENSUS_RESTORE:
        on_restore(s, i, e->index);
        break;
    case DBR_CONSENSUS_FAILED:
        wrong(s, "node %d failed: %s", i + 1, e->detail);
        break;
    }
}

void sim_drain(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    struct dbr_consensus_event e;
    while (!s->bad && dbr_consensus_poll(node->c, &e)) {
        on_event(s, i, &e);
    }
    dbr_time deadline = dbr_consensus_deadline(node->c);
    if (deadline != node->timer && deadline != DBR_TIME_NEVER) {
        node->timer = deadline;
        schedule(s, deadline, A_TIMER, i);
    }
}

/* ---- Life of a node --------------------------------------------------------- */

void sim_crash(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    uint64_t done = node->queued > 0 && below(s, 2) == 0 ? below(s, node->queued + 1) : 0;
    say(s, "n%d crashes, %llu of %zu ops done\n", i + 1, (unsigned long long)done,
        node->queued);
    while (node->first != NULL) {
        struct dbr_log_op *op = disk_take(node);
        if (done > 0) {
            disk_apply(s, node, op);
            done--;
        }
    }
    dbr_consensus_destroy(node->c);
    node->c = NULL;
    node->life++;
    node->writing = false;
    if (node->db_index > node->durable_index) {
        db_cut(node,
               node->durable_index + below(s, node->db_index - node->durable_index + 1));
    }
    s->counts.crashes++;
}

static void load_state(const struct disk *d, struct dbr_log_state *state,
                       struct dbr_log_entry **entries)
{
    *entries = dbr_calloc(d->n, sizeof(**entries));
    dbr_assert(*entries != NULL);
    for (size_t k = 0; k < d->n; k++) {
        const struct entry *e = &d->entries[k];
        (*entries)[k] = (struct dbr_log_entry){e->term, e->type,
                                               dbr_bytes(e->data.data, e->data.len)};
    }
    *state = (struct dbr_log_state){
        .term = d->term,
        .vote = d->vote,
        .snapshot_index = d->snapshot_index,
        .snapshot_term = d->snapshot_term,
        .configuration_index = d->configuration_index,
        .configuration = dbr_bytes(d->configuration.data, d->configuration.len),
        .first_index = d->first,
        .entries = *entries,
        .n_entries = d->n};
}

void sim_restart(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    struct dbr_consensus_config config;
    struct dbr_log_state state;
    struct dbr_log_entry *entries;
    char address[DBR_SERVER_ADDRESS_MAX];
    dbr_consensus_config_default(&config);
    snprintf(address, sizeof(address), "n%d", i + 1);
    config.id = (uint64_t)i + 1;
    config.address = address;
    config.install_ms = 3000;
    config.bare = s->config.bare;
    if (s->config.hasty) {
        config.election_ms = 150;
        config.heartbeat_ms = 30;
    }
    if (s->config.threshold > 0) {
        config.snapshot_threshold = s->config.threshold;
        config.snapshot_trailing = TRAILING;
    }
    if (s->config.max_message > 0) {
        config.max_message = s->config.max_message;
    }
    if (node->disk.image_index > node->db_index) {
        db_load_image(node); /* staged before the crash */
    }
    node->handed_index = node->disk.snapshot_index;
    load_state(&node->disk, &state, &entries);
    if (state.term < node->wire_term) {
        wrong(s, "node %d wakes up in term %llu and has sent %llu", i + 1,
              (unsigned long long)state.term, (unsigned long long)node->wire_term);
    }
    int rv = dbr_consensus_create(&node->c, &config, &state, &node->rng, s->now);
    dbr_free(entries);
    if (rv != 0) {
        wrong(s, "node %d cannot start: %d", i + 1, rv);
        return;
    }
    say(s, "n%d starts\n", i + 1);
    node->timer = 0;
    sim_drain(s, i);
}

static void bootstrap(struct sim *s, int i)
{
    struct disk *d = &s->nodes[i].disk;
    struct raft_configuration configuration;
    struct dbr_buf bytes = {0};
    char name[32];
    d->first = 1;
    if (s->config.grow && i > 0) {
        return;
    }
    raft_configuration_init(&configuration);
    for (size_t k = 0; k < (s->config.grow ? 1 : s->config.n); k++) {
        snprintf(name, sizeof(name), "n%zu", k + 1);
        raft_configuration_add(&configuration, k + 1, name, RAFT_VOTER);
    }
    dbr_configuration_encode(&configuration, &bytes);
    raft_configuration_close(&configuration);
    struct dbr_log_entry entry = {1, DBR_ENTRY_CHANGE, dbr_bytes(bytes.data, bytes.len)};
    struct dbr_log_op op = {
        .type = DBR_LOG_APPEND, .index = 1, .entries = &entry, .n_entries = 1};
    d->term = 1;
    disk_append(s, d, &op);
    dbr_buf_finish(&bytes);
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
    int rv = dbr_consensus_propose(s->nodes[i].c, dbr_bytes(data, size), &p.index,
                                   &p.term, s->now);
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
        dbr_consensus_read(s->nodes[i].c, s->n_reads++, s->now);
        sim_drain(s, i);
    }
}

static void client(struct sim *s)
{
    for (int k = 0; k < 3; k++) {
        int i = (int)below(s, s->config.n);
        size_t size = 8 + (size_t)(below(s, 20) == 0 ? below(s, 3000) : below(s, 60));
        if (!is_ready(s, i) || s->counts.proposed + 1 >= COMMANDS_MAX) {
            continue;
        }
        if (below(s, 4) == 0) {
            read_at(s, i);
        } else {
            sim_propose(s, i, size);
        }
    }
    if (!s->quiet) {
        schedule(s, s->now + 1 + below(s, s->healed ? 200 : 40), A_CLIENT, -1);
    }
}

/* A leader without judgement: any role for anyone. */
static void change_roles(struct sim *s)
{
    for (int i = 0; i < (int)s->config.n; i++) {
        if (!is_ready(s, i)) {
            continue;
        }
        uint64_t id = 1 + below(s, s->config.n);
        uint64_t dice = below(s, 10);
        if (dice == 0) {
            dbr_consensus_remove(s->nodes[i].c, id, s->now);
        } else {
            dbr_consensus_assign(s->nodes[i].c, id,
                                 dice < 7 ? DBR_SERVER_VOTER : DBR_SERVER_STANDBY,
                                 s->now);
        }
        sim_drain(s, i);
    }
}

static void transfer(struct sim *s)
{
    int i = (int)below(s, s->config.n);
    if (is_ready(s, i)) {
        uint64_t to = below(s, 2) == 0 ? 0 : 1 + below(s, s->config.n);
        dbr_consensus_transfer(s->nodes[i].c, to, s->now);
        sim_drain(s, i);
    }
}

static void fault(struct sim *s)
{
    uint64_t w = below(s, s->config.change ? 16 : 12);
    if (w < 4) {
        for (size_t i = 0; i < s->config.n; i++) {
            s->nodes[i].side = (int)below(s, 2);
        }
    } else if (w < 6) {
        for (size_t i = 0; i < s->config.n; i++) {
            s->nodes[i].side = 0;
        }
    } else if (w < 9) {
        int i = (int)below(s, s->config.n);
        if (s->nodes[i].c != NULL) {
            sim_crash(s, i);
            schedule(s, s->now + 50 + below(s, 2500), A_RESTART, i);
        }
    } else if (w < 12) {
        transfer(s);
    } else {
        change_roles(s);
    }
    schedule(s, s->now + 100 + below(s, s->config.hasty ? 500 : 1500), A_FAULT, -1);
}

/* A leader with a goal: takes in who is missing, makes voters of them. */
static void grow(struct sim *s)
{
    schedule(s, s->now + 300, A_GROW, -1);
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
        if (known == NULL || known->role == DBR_SERVER_SPARE) {
            dbr_consensus_add(s->nodes[i].c, id, name, s->now);
        } else {
            dbr_consensus_assign(s->nodes[i].c, id, DBR_SERVER_VOTER, s->now);
        }
        sim_drain(s, i);
        return;
    }
}

/* ---- The loop --------------------------------------------------------------- */

static void finish_checkpoint(struct sim *s, int i, uint64_t asked)
{
    struct node *node = &s->nodes[i];
    int status =
        !s->healed && !s->config.quiet_disk && below(s, 20) == 0 ? DEBROS_EIO : 0;
    if (status == 0) {
        node->db_index = node->db_index > asked ? node->db_index : asked;
        node->durable_index = node->db_index;
    }
    dbr_consensus_checkpointed(node->c, status, s->now);
    sim_drain(s, i);
}

static void finish_image(struct sim *s, int i, uint64_t asked)
{
    struct node *node = &s->nodes[i];
    struct dbr_buf image = {0};
    uint64_t index = node->n_db > 0 ? node->db[node->n_db - 1].index : 0;
    (void)asked; /* the store names the last command, which may be older */
    int status =
        !s->healed && !s->config.quiet_disk && below(s, 20) == 0 ? DEBROS_EIO : 0;
    dbr_buf_add(&image, node->db, node->n_db * sizeof(*node->db));
    dbr_consensus_image(node->c, status, index, &image, s->now);
    dbr_buf_finish(&image);
    sim_drain(s, i);
}

static void deliver(struct sim *s, struct event *e)
{
    struct node *node = &s->nodes[e->node];
    if (node->c == NULL || node->side != s->nodes[e->from].side) {
        return;
    }
    int rv = dbr_consensus_recv(node->c, (uint64_t)e->from + 1,
                                dbr_bytes(e->data.data, e->data.len), s->now);
    if (rv != 0) {
        s->counts.refused++;
        wrong(s, "node %d refuses a message of node %d", e->node + 1, e->from + 1);
    }
    sim_drain(s, e->node);
}

static void act_on_node(struct sim *s, struct event *e)
{
    switch (e->action) {
    case A_TIMER:
        dbr_consensus_expire(s->nodes[e->node].c, s->now);
        sim_drain(s, e->node);
        break;
    case A_DISK:
        disk_done(s, e->node, e->value);
        break;
    case A_CRASH:
        if (!s->healed) {
            sim_crash(s, e->node);
            schedule(s, s->now + 5 + below(s, 400), A_RESTART, e->node);
        }
        break;
    case A_CHECKPOINT:
        finish_checkpoint(s, e->node, e->value);
        break;
    default:
        finish_image(s, e->node, e->value);
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
        bootstrap(s, i);
        sim_restart(s, i);
    }
    if (config->grow) {
        schedule(s, s->now + 500, A_GROW, -1);
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
        for (size_t k = 0; k < node->disk.cap; k++) {
            dbr_buf_finish(&node->disk.entries[k].data);
        }
        dbr_free(node->disk.entries);
        dbr_buf_finish(&node->disk.configuration);
        dbr_buf_finish(&node->disk.image);
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
    say(s, "healed\n");
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
            wrong(s, "node %d has not got command %llu at %llu", i + 1,
                  (unsigned long long)s->truth[index].id, (unsigned long long)index);
            return;
        }
        k++;
    }
    if (k != node->n_db) {
        wrong(s, "node %d holds %zu commands, %zu are known", i + 1, node->n_db, k);
    }
}

static void check_end(struct sim *s, uint64_t acked_before)
{
    int leader = sim_leader(s);
    struct dbr_consensus_status st;
    if (leader < 0 || s->counts.acked == acked_before) {
        wrong(s, "no leader that works after healing");
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
        say(s, "n%d is down\n", i + 1);
        return;
    }
    dbr_consensus_status(s->nodes[i].c, &st);
    say(s,
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
    schedule(s, s->now + 500, A_CLIENT, -1);
    schedule(s, s->now + 3000, A_FAULT, -1);
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

void sim_stop_disk(struct sim *s, int i, bool stopped)
{
    s->nodes[i].stopped = stopped;
    disk_start(s, i);
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
