/* The repairs of a leader that counts its followers' results: what is committed, and when
 * a snapshot is sent again. */
#include "base/alloc.h"
#include "base/failpoint.h"
#include "consensus/machine.h"

void dbr_repairs_finish(struct dbr_repairs *repairs)
{
    dbr_free(repairs->held);
    repairs->held = NULL;
    repairs->n_held = 0;
}

/* ---- 1 ----------------------------------------------------------------------
 * libraft commits entries of older terms by counting replicas (Raft, figure 8), and a
 * new leader writes nothing of its own. So a barrier is appended at once, and the
 * followers' results wait until it is durable: commit moves to last_stored only, which
 * is of the own term from then on. */

static void on_barrier(struct raft_barrier *req, int status)
{
    struct dbr_consensus *c = req->data;
    if (status == 0) {
        c->repairs.ready_term = c->raft.current_term;
    }
    dbr_free(req);
}

static void append_barrier(struct dbr_consensus *c)
{
    DBR_FAILPOINT("consensus.repair_commit.append_barrier");
    struct dbr_repairs *x = &c->repairs;
    struct raft_barrier *req = dbr_calloc(1, sizeof(*req));
    x->holding = true;
    x->barrier_index = raft_last_index(&c->raft) + 1;
    if (req == NULL) {
        return; /* tried again at the next turn; nothing commits before */
    }
    req->data = c;
    x->lead_term = c->raft.current_term;
    if (raft_barrier(&c->raft, req, on_barrier) != 0) {
        x->lead_term = 0;
        dbr_free(req);
    }
    dbr_raft_io_mend_cuts(c);
}

void dbr_repair_1_barrier(struct dbr_consensus *c)
{
    struct dbr_repairs *x = &c->repairs;
    if (dbr_repair_is_off(c)) {
        return;
    }
    if (!dbr_consensus_leads(c)) {
        x->holding = false;
        x->lead_term = 0;
        return;
    }
    if (x->lead_term != c->raft.current_term) {
        append_barrier(c);
    }
}

bool dbr_repair_1_hold(struct dbr_consensus *c, const struct raft_message *message)
{
    struct dbr_repairs *x = &c->repairs;
    if (dbr_repair_is_off(c) || !x->holding ||
        message->type != RAFT_IO_APPEND_ENTRIES_RESULT ||
        message->append_entries_result.term > c->raft.current_term) {
        return false;
    }
    if (x->held == NULL) {
        x->held = dbr_calloc(DBR_REPAIR_HELD_MAX, sizeof(*x->held));
    }
    if (x->held != NULL && x->n_held < DBR_REPAIR_HELD_MAX) {
        x->held[x->n_held++] =
            (struct dbr_held_result){message->server_id, message->append_entries_result};
    }
    return true; /* one too many is lost: the next heartbeat brings another */
}

void dbr_repair_1_stored(struct dbr_consensus *c, const struct dbr_log_item *item)
{
    struct dbr_repairs *x = &c->repairs;
    if (x->holding && x->lead_term != 0 && item->op.type == DBR_LOG_APPEND &&
        item->op.index <= x->barrier_index &&
        x->barrier_index < item->op.index + item->op.n_entries) {
        x->holding = false;
    }
}

bool dbr_repair_1_release(struct dbr_consensus *c)
{
    struct dbr_repairs *x = &c->repairs;
    if (x->holding || x->n_held == 0) {
        return false;
    }
    size_t n = x->n_held;
    x->n_held = 0;
    for (size_t i = 0; i < n && dbr_consensus_leads(c); i++) {
        struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES_RESULT,
                                 .server_id = x->held[i].from,
                                 .server_address = ""};
        m.append_entries_result = x->held[i].result;
        dbr_repair_recv_result(c, &m);
    }
    return true;
}

/* ---- 9 ----------------------------------------------------------------------
 * libraft asks only whether a majority holds everything that the leader itself has
 * stored. Under steady load the leader is always a little ahead, and nothing commits
 * until there is a pause. So while a result is delivered, last_stored stands at the
 * highest entry of the own term that the result may complete. libraft still counts by
 * itself. */

static uint64_t match_after(const struct dbr_consensus *c, unsigned i,
                            const struct raft_message *m)
{
    const struct raft *r = &c->raft;
    uint64_t match = r->leader_state.progress[i].match_index;
    uint64_t told = m->append_entries_result.last_log_index;
    return r->configuration.servers[i].id == m->server_id && told > match ? told : match;
}

/* The highest index that a majority of the voters holds. */
static uint64_t majority_index(const struct dbr_consensus *c,
                               const struct raft_message *m)
{
    const struct raft_configuration *servers = &c->raft.configuration;
    unsigned half = dbr_configuration_voters(servers) / 2;
    uint64_t best = 0;
    for (unsigned i = 0; i < servers->n; i++) {
        uint64_t index = match_after(c, i, m);
        unsigned holders = 0;
        for (unsigned k = 0; k < servers->n; k++) {
            holders +=
                servers->servers[k].role == RAFT_VOTER && match_after(c, k, m) >= index;
        }
        if (servers->servers[i].role == RAFT_VOTER && holders > half && index > best) {
            best = index;
        }
    }
    return best;
}

static void commit_by_majority(struct dbr_consensus *c, struct raft_message *m)
{
    struct raft *r = &c->raft;
    const struct raft_append_entries_result *result = &m->append_entries_result;
    uint64_t stored = r->last_stored;
    if (!dbr_repair_is_off(c) && dbr_consensus_leads(c) &&
        result->term == r->current_term && result->rejected == 0) {
        uint64_t index = majority_index(c, m);
        if (index > r->commit_index && index < stored &&
            dbr_consensus_term_of(c, index) == r->current_term) {
            r->last_stored = index;
        }
    }
    c->seam.recv(&c->io, m);
    r->last_stored = stored;
    dbr_raft_io_mend_cuts(c);
}

/* ---- 11 ---------------------------------------------------------------------
 * While a snapshot is on its way the leader's heartbeats name the end of its log, and are
 * refused. When that is also the snapshot's index, libraft takes the refusal for one of
 * the snapshot and sends it again with every heartbeat. A snapshot itself is never
 * refused in the own term, so the refusal is made to look like the stale one that it is.
 */

static void part_refusals(struct dbr_consensus *c, struct raft_message *m)
{
    const struct raft_progress *p = dbr_consensus_progress(c, m->server_id);
    if (dbr_repair_is_off(c) || p == NULL) {
        return;
    }
    struct raft_append_entries_result *result = &m->append_entries_result;
    if (p->state == DBR_PROGRESS_SNAPSHOT && result->rejected == p->snapshot_index &&
        result->rejected > 0) {
        result->rejected++;
    }
}

void dbr_repair_recv_result(struct dbr_consensus *c, struct raft_message *m)
{
    part_refusals(c, m);
    commit_by_majority(c, m);
}
