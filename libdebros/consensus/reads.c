#include "consensus/reads.h"

#include "base/check.h"
#include "base/failpoint.h"
#include "consensus/machine.h"
#include "consensus/message.h"

void dbr_reads_init(struct dbr_consensus *c)
{
    struct dbr_reads *q = &c->reads;
    dbr_ring_init(&q->waiting, sizeof(uint64_t), DBR_READS_MAX);
    dbr_ring_init(&q->asking, sizeof(uint64_t), DBR_READS_MAX);
    dbr_ring_init(&q->strong, sizeof(uint64_t), DBR_READS_MAX);
    for (size_t i = 0; i < DBR_READS_BARRIERS; i++) {
        dbr_ring_init(&q->barriers[i].tokens, sizeof(uint64_t), DBR_READS_MAX);
        q->barriers[i].barrier.data = c;
    }
}

void dbr_reads_finish(struct dbr_consensus *c)
{
    struct dbr_reads *q = &c->reads;
    dbr_ring_finish(&q->waiting);
    dbr_ring_finish(&q->asking);
    dbr_ring_finish(&q->strong);
    for (size_t i = 0; i < DBR_READS_BARRIERS; i++) {
        dbr_ring_finish(&q->barriers[i].tokens);
    }
}

/* Answers all of `tokens`. */
static void answer(struct dbr_consensus *c, struct dbr_ring *tokens, int status,
                   uint64_t index)
{
    struct dbr_event_item item = {.type = DBR_CONSENSUS_READ, .status = status};
    item.index = status == 0 ? index : 0;
    while (dbr_ring_pop(tokens, &item.token)) {
        dbr_consensus_push(c, &item);
    }
}

static void swap(struct dbr_ring *a, struct dbr_ring *b)
{
    struct dbr_ring ring = *a;
    *a = *b;
    *b = ring;
}

static int add(struct dbr_consensus *c, struct dbr_ring *to, uint64_t token)
{
    if (!dbr_consensus_leads(c)) {
        return DEBROS_ENOTLEADER;
    }
    return dbr_ring_push(to, &token) ? 0 : DEBROS_EBUSY;
}

int dbr_reads_add(struct dbr_consensus *c, uint64_t token)
{
    return add(c, &c->reads.waiting, token);
}

int dbr_reads_add_strong(struct dbr_consensus *c, uint64_t token)
{
    return add(c, &c->reads.strong, token);
}

/* ---- By probes -------------------------------------------------------------- */

static bool has_acked(const struct dbr_reads *q, uint64_t id)
{
    for (size_t i = 0; i < q->n_acks; i++) {
        if (q->acks[i] == id) {
            return true;
        }
    }
    return false;
}

static bool is_majority(const struct dbr_consensus *c,
                        const struct raft_configuration *configuration)
{
    unsigned confirmed = 0;
    for (unsigned i = 0; i < configuration->n; i++) {
        const struct raft_server *server = &configuration->servers[i];
        confirmed += server->role == RAFT_VOTER &&
                     (server->id == c->config.id || has_acked(&c->reads, server->id));
    }
    return confirmed > dbr_configuration_voters(configuration) / 2;
}

static bool is_confirmed(const struct dbr_consensus *c)
{
    const struct dbr_configuration_at *committed = dbr_history_newest(&c->committed);
    bool is_changing = c->raft.configuration_uncommitted_index != 0;
    return is_majority(c, &c->raft.configuration) &&
           (!is_changing || committed == NULL ||
            is_majority(c, &committed->configuration));
}

static void post(struct dbr_consensus *c, unsigned short type, uint64_t to,
                 uint64_t round)
{
    struct raft_message m = {.type = type, .server_id = to};
    m.timeout_now.term = c->raft.current_term;
    m.timeout_now.last_log_index = round;
    dbr_raft_io_post(c, &m);
}

static void probe_all(struct dbr_consensus *c)
{
    const struct raft_configuration *servers = &c->raft.configuration;
    c->reads.repeat_at = dbr_time_add(c->now, c->config.heartbeat_ms);
    for (unsigned i = 0; i < servers->n; i++) {
        uint64_t id = servers->servers[i].id;
        if (id != c->config.id && servers->servers[i].role == RAFT_VOTER &&
            !has_acked(&c->reads, id)) {
            post(c, DBR_MESSAGE_READ_PROBE, id, c->reads.round);
        }
    }
}

/* All that is committed has been given to APPLY, so the last command is known. */
static bool may_begin(const struct dbr_consensus *c)
{
    const struct raft *r = &c->raft;
    return dbr_repair_4_may_change(c) && r->last_applied == r->commit_index;
}

static void begin_round(struct dbr_consensus *c)
{
    DBR_FAILPOINT("consensus.reads.begin_round");
    struct dbr_reads *q = &c->reads;
    swap(&q->waiting, &q->asking);
    q->out = true;
    q->term = c->raft.current_term;
    q->round++;
    q->index = c->last_command;
    q->n_acks = 0;
    if (!is_confirmed(c)) {
        probe_all(c);
    }
}

/* The round ends: confirmed, or with the leadership of its term. */
static void settle_round(struct dbr_consensus *c)
{
    struct dbr_reads *q = &c->reads;
    if (!q->out) {
        return;
    }
    bool leads = dbr_consensus_leads(c) && c->raft.current_term == q->term;
    if (leads && !is_confirmed(c)) {
        return;
    }
    q->out = false;
    answer(c, &q->asking, leads ? 0 : DEBROS_ENOTLEADER, q->index);
}

static void recv_probe(struct dbr_consensus *c, const struct raft_message *m)
{
    DBR_FAILPOINT("consensus.reads.recv_probe");
    const struct raft *r = &c->raft;
    if (m->timeout_now.term == r->current_term && r->state == RAFT_FOLLOWER &&
        r->follower_state.current_leader.id == m->server_id) {
        post(c, DBR_MESSAGE_READ_ACK, m->server_id, m->timeout_now.last_log_index);
    }
}

static void recv_ack(struct dbr_consensus *c, const struct raft_message *m)
{
    DBR_FAILPOINT("consensus.reads.recv_ack");
    struct dbr_reads *q = &c->reads;
    if (q->out && m->timeout_now.term == q->term &&
        m->timeout_now.last_log_index == q->round && !has_acked(q, m->server_id) &&
        q->n_acks < DBR_CONFIGURATION_SERVERS_MAX) {
        q->acks[q->n_acks++] = m->server_id;
    }
}

void dbr_reads_recv(struct dbr_consensus *c, const struct raft_message *message)
{
    if (message->type == DBR_MESSAGE_READ_PROBE) {
        recv_probe(c, message);
    } else {
        recv_ack(c, message);
    }
}

void dbr_reads_tick(struct dbr_consensus *c)
{
    if (c->reads.out && dbr_consensus_leads(c) && c->reads.repeat_at <= c->now) {
        probe_all(c);
    }
}

/* ---- Through the log -------------------------------------------------------- */

static void on_barrier(struct raft_barrier *req, int status)
{
    struct dbr_consensus *c = req->data;
    struct dbr_read_barrier *b = DBR_CONTAINER_OF(req, struct dbr_read_barrier, barrier);
    b->in_flight = false;
    answer(c, &b->tokens, status == 0 ? 0 : DEBROS_ENOTLEADER, c->last_command);
}

static void begin_barrier(struct dbr_consensus *c, struct dbr_read_barrier *b)
{
    DBR_FAILPOINT("consensus.reads.begin_barrier");
    swap(&c->reads.strong, &b->tokens);
    b->in_flight = true;
    if (!dbr_consensus_leads(c) || raft_barrier(&c->raft, &b->barrier, on_barrier) != 0) {
        b->in_flight = false;
        answer(c, &b->tokens, DEBROS_ENOTLEADER, 0);
    }
    dbr_raft_io_mend_cuts(c);
}

/* ---- Both ------------------------------------------------------------------- */

bool dbr_reads_flush(struct dbr_consensus *c)
{
    struct dbr_reads *q = &c->reads;
    bool any = false;
    for (size_t i = 0; i < DBR_READS_BARRIERS && q->strong.len > 0; i++) {
        if (!q->barriers[i].in_flight) {
            begin_barrier(c, &q->barriers[i]);
            any = true;
        }
    }
    if (q->waiting.len > 0 && !q->out && may_begin(c)) {
        begin_round(c);
        any = true;
    }
    return any;
}

void dbr_reads_heard(struct dbr_consensus *c, uint64_t commit)
{
    struct dbr_reads *q = &c->reads;
    if (!q->hears) {
        q->hears = true;
        q->heard_at = c->now;
        q->heard_term = c->raft.current_term;
        q->heard_commit = commit;
    }
}

static void settle_freshness(struct dbr_consensus *c)
{
    struct dbr_reads *q = &c->reads;
    if (!q->hears || c->raft.last_applied < q->heard_commit) {
        return;
    }
    q->hears = false;
    /* A leader whose barrier has not committed does not know yet what its predecessors
     * have acknowledged. */
    if (dbr_consensus_term_of(c, q->heard_commit) == q->heard_term) {
        q->fresh_at = q->heard_at;
        q->fresh_index = c->last_command;
    }
}

/* Reads end with the leadership, whether or not libraft says so. */
void dbr_reads_settle(struct dbr_consensus *c)
{
    struct dbr_reads *q = &c->reads;
    settle_round(c);
    settle_freshness(c);
    if (dbr_consensus_leads(c)) {
        return;
    }
    answer(c, &q->waiting, DEBROS_ENOTLEADER, 0);
    answer(c, &q->strong, DEBROS_ENOTLEADER, 0);
    for (size_t i = 0; i < DBR_READS_BARRIERS; i++) {
        answer(c, &q->barriers[i].tokens, DEBROS_ENOTLEADER, 0);
    }
}
