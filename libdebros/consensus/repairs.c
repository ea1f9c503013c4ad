#include "consensus/repairs.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "consensus/machine.h"

#define PROGRESS_SNAPSHOT 2 /* libraft's progress.h */

/* Every function is empty in a bare machine. */
static bool is_off(const struct dbr_consensus *c)
{
    return c->config.bare;
}

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
    DBR_FAILPOINT("consensus.repairs.append_barrier");
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
    if (is_off(c)) {
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
    if (is_off(c) || !x->holding || message->type != RAFT_IO_APPEND_ENTRIES_RESULT ||
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

/* ---- 2 ----------------------------------------------------------------------
 * A follower's success reports last_stored, which may reach beyond what the leader's
 * message was compared with; and an append that ends after a change of term or role is
 * still reported to whoever leads by then. So results are cut to what this term's leader
 * has verified, and those of older appends are not sent. */

static uint64_t verified(const struct dbr_consensus *c)
{
    const struct dbr_repairs *x = &c->repairs;
    return x->verified_term == c->raft.current_term ? x->verified : 0;
}

static void verify_delivered(struct dbr_consensus *c)
{
    struct dbr_repairs *x = &c->repairs;
    if (x->delivered_term != c->raft.current_term) {
        return; /* an old leader's message says nothing about this term's log */
    }
    uint64_t before = verified(c);
    x->verified_term = c->raft.current_term;
    x->verified = x->delivered_end > before ? x->delivered_end : before;
}

void dbr_repair_2_begin(struct dbr_consensus *c, uint64_t term, uint64_t end)
{
    struct dbr_repairs *x = &c->repairs;
    x->delivering = true;
    x->appended = false;
    x->delivered_term = term;
    x->delivered_end = end;
}

void dbr_repair_2_end(struct dbr_consensus *c)
{
    if (c->repairs.appended) {
        verify_delivered(c);
    }
    c->repairs.delivering = false;
}

bool dbr_repair_2_is_false(struct dbr_consensus *c,
                           struct raft_append_entries_result *result)
{
    struct dbr_repairs *x = &c->repairs;
    if (is_off(c)) {
        return false;
    }
    if (x->completing &&
        (x->completing_begun != c->raft.current_term || c->raft.state != RAFT_FOLLOWER)) {
        return true;
    }
    if (result->rejected == 0) {
        if (x->delivering) {
            verify_delivered(c);
        }
        if (result->last_log_index > verified(c)) {
            result->last_log_index = verified(c);
        }
    }
    return false;
}

/* The other side of it: the follower commits up to min(leader's commit, last_stored),
 * where Raft has the last entry of the message. */
uint64_t dbr_repair_2_commit(const struct dbr_consensus *c,
                             const struct raft_append_entries *append)
{
    uint64_t end = append->prev_log_index + append->n_entries;
    return is_off(c) || append->leader_commit < end ? append->leader_commit : end;
}

/* ---- 3 ----------------------------------------------------------------------
 * An election while own entries are on their way to the disk counts them as stored. So a
 * follower's clock stands still, and TimeoutNow is not delivered, until they are. The
 * same holds while a leader's snapshot is being installed. */

bool dbr_repair_3_waits(const struct dbr_consensus *c)
{
    return !is_off(c) && c->log.changes > 0;
}

/* ---- 4 ----------------------------------------------------------------------
 * A change of the members before an entry of the own term has committed can commit
 * beside another leader's change. So it waits for the barrier of repair 1. */

bool dbr_repair_4_may_change(const struct dbr_consensus *c)
{
    return dbr_consensus_leads(c) &&
           (is_off(c) || c->repairs.ready_term == c->raft.current_term);
}

/* ---- 5 ----------------------------------------------------------------------
 * libraft takes the newest configuration for committed after a restart, and rolls one
 * back to an entry that the log may not hold any more (and crashes). So the committed
 * ones are kept here, and rolled back to before libraft sees the conflict. */

static uint64_t newest_change(const struct dbr_consensus *c, uint64_t below)
{
    for (uint64_t i = below; i > 1; i--) {
        const struct raft_entry *entry = dbr_consensus_entry(c, i - 1);
        if (entry == NULL) {
            break;
        }
        if (entry->type == RAFT_CHANGE) {
            return i - 1;
        }
    }
    return 0;
}

void dbr_repair_5_start(struct dbr_consensus *c)
{
    struct raft *r = &c->raft;
    const struct dbr_configuration_at *committed = dbr_history_newest(&c->committed);
    uint64_t newest = newest_change(c, raft_last_index(r) + 1);
    if (is_off(c) || committed == NULL || newest <= committed->index ||
        newest <= r->last_applied) {
        return;
    }
    r->configuration_uncommitted_index = newest;
    r->configuration_index = committed->index;
}

/* The first index at which the message and the log differ; 0: none, or the message will
 * be refused as a whole. */
static uint64_t first_conflict(const struct dbr_consensus *c,
                               const struct raft_append_entries *a)
{
    if (a->prev_log_index > 0 &&
        dbr_consensus_term_of(c, a->prev_log_index) != a->prev_log_term) {
        return 0;
    }
    for (unsigned i = 0; i < a->n_entries; i++) {
        uint64_t index = a->prev_log_index + 1 + i;
        uint64_t term = dbr_consensus_term_of(c, index);
        if (term == 0) {
            return 0;
        }
        if (term != a->entries[i].term) {
            return index;
        }
    }
    return 0;
}

static int go_back_to(struct dbr_consensus *c, uint64_t change)
{
    struct raft *r = &c->raft;
    const struct dbr_configuration_at *committed = dbr_history_newest(&c->committed);
    struct raft_configuration configuration;
    dbr_assert(committed != NULL);
    int rv;
    if (change > committed->index) {
        const struct raft_buffer *buf = &dbr_consensus_entry(c, change)->buf;
        rv = dbr_configuration_decode(&configuration, dbr_bytes(buf->base, buf->len));
    } else {
        change = committed->index;
        rv = dbr_configuration_copy(&configuration, &committed->configuration);
    }
    if (rv != 0) {
        return rv;
    }
    raft_configuration_close(&r->configuration);
    r->configuration = configuration;
    if (change > r->last_applied) {
        r->configuration_uncommitted_index = change;
    } else {
        r->configuration_index = change;
        r->configuration_uncommitted_index = 0;
    }
    return 0;
}

int dbr_repair_5_roll_back(struct dbr_consensus *c,
                           const struct raft_append_entries *append)
{
    struct raft *r = &c->raft;
    bool installing = r->last_stored == 0 && r->snapshot.put.data != NULL;
    if (is_off(c) || r->configuration_uncommitted_index == 0 || installing ||
        append->term < r->current_term) {
        return 0;
    }
    uint64_t conflict = first_conflict(c, append);
    if (conflict == 0 || conflict > r->configuration_uncommitted_index) {
        return 0;
    }
    return go_back_to(c, newest_change(c, conflict));
}

/* libraft keeps the mark of a change that the snapshot has swept away. */
void dbr_repair_5_installed(struct dbr_consensus *c)
{
    struct raft *r = &c->raft;
    if (!is_off(c)) {
        r->configuration_uncommitted_index = 0;
    }
    dbr_history_clear(&c->committed);
    if (dbr_history_add(&c->committed, r->configuration_index, &r->configuration) != 0) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
    }
    c->scanned_index = r->last_applied;
}

/* ---- 6 ----------------------------------------------------------------------
 * A sole voter elects itself again without a new term: the same index and term with
 * another content on those that followed it before. So its term is raised first, at the
 * start and before the tick that would elect it. */

static bool is_sole_voter_in(const struct dbr_log_state *state, uint64_t id)
{
    debros_bytes bytes = state->configuration;
    for (size_t i = 0; i < state->n_entries; i++) {
        if (state->entries[i].type == DBR_ENTRY_CHANGE) {
            bytes = state->entries[i].data;
        }
    }
    struct raft_configuration configuration;
    if (bytes.len == 0 || dbr_configuration_decode(&configuration, bytes) != 0) {
        return false;
    }
    bool is = dbr_configuration_is_sole_voter(&configuration, id);
    raft_configuration_close(&configuration);
    return is;
}

/* Returns the term to start with; a raised one is the first op of the queue. */
uint64_t dbr_repair_6_load(struct dbr_consensus *c)
{
    const struct dbr_log_state *state = c->seam.state;
    if (is_off(c) || !is_sole_voter_in(state, c->config.id)) {
        return state->term;
    }
    c->io.set_term(&c->io, state->term + 1);
    return state->term + 1;
}

void dbr_repair_6_tick(struct dbr_consensus *c)
{
    DBR_FAILPOINT("consensus.repairs.repair_6_tick");
    struct raft *r = &c->raft;
    if (is_off(c) || r->state != RAFT_FOLLOWER ||
        !dbr_configuration_is_sole_voter(&r->configuration, c->config.id) ||
        c->now - r->election_timer_start <
            r->follower_state.randomized_election_timeout) {
        return;
    }
    c->io.set_term(&c->io, r->current_term + 1);
    r->current_term++;
    r->voted_for = 0;
}

/* A leader that is no voter any more hands over to the only one that is left: that one
 * would lead the same term. It elects itself by its clock instead. */
bool dbr_repair_6_refuses_timeout(const struct dbr_consensus *c)
{
    return !is_off(c) &&
           dbr_configuration_is_sole_voter(&c->raft.configuration, c->config.id);
}

/* ---- 7 ----------------------------------------------------------------------
 * Entries at or below the own snapshot make libraft crash: it does not know their terms
 * and appends them again. They are committed, so they are the same: off they go. */

void dbr_repair_7_strip(struct dbr_consensus *c, struct raft_append_entries *append)
{
    uint64_t snapshot = c->raft.log.snapshot.last_index;
    if (is_off(c) || append->term < c->raft.current_term ||
        append->prev_log_index >= snapshot) {
        return;
    }
    uint64_t n = snapshot - append->prev_log_index;
    if (n >= append->n_entries) {
        if (append->n_entries > 0) {
            raft_free(append->entries[0].batch);
            raft_free(append->entries);
        }
        append->entries = NULL;
        append->n_entries = 0;
    } else {
        append->n_entries -= (unsigned)n;
        memmove(append->entries, append->entries + n,
                append->n_entries * sizeof(*append->entries));
    }
    append->prev_log_index = snapshot;
    append->prev_log_term = c->raft.log.snapshot.last_term;
}

/* ---- 8 ----------------------------------------------------------------------
 * libraft lets only voters of their own newest configuration vote and stand. That stops a
 * cluster for ever in two cases: a server that was made a voter does not know it yet, and
 * is needed for the election of the only one that knows; a voter that was made less holds
 * that entry, and others that do not, so that it must not vote for anyone else. Raft
 * (dissertation, 4.2.1 and 4.2.2) lets everyone vote and leaves the count to the
 * candidate, and lets the second one stand, without a voice of its own. */

/* Shows libraft a configuration in which this server is a voter. It looks at nothing else
 * of it meanwhile. */
void dbr_repair_8_begin(struct dbr_consensus *c, struct dbr_repair_guest *guest)
{
    struct raft *r = &c->raft;
    const struct raft_server *self =
        dbr_configuration_find(&r->configuration, c->config.id);
    guest->swapped = !is_off(c) && (self == NULL || self->role != RAFT_VOTER);
    if (!guest->swapped) {
        return;
    }
    unsigned n = r->configuration.n;
    unsigned at = self != NULL ? (unsigned)(self - r->configuration.servers) : n;
    dbr_assert(n <= DBR_CONFIGURATION_SERVERS_MAX);
    if (n > 0) {
        memcpy(guest->servers, r->configuration.servers, n * sizeof(*guest->servers));
    }
    guest->servers[at] = (struct raft_server){
        .id = c->config.id, .address = c->address, .role = RAFT_VOTER};
    guest->own = r->configuration;
    r->configuration =
        (struct raft_configuration){.servers = guest->servers, .n = at == n ? n + 1 : n};
}

void dbr_repair_8_end(struct dbr_consensus *c, struct dbr_repair_guest *guest)
{
    if (guest->swapped) {
        c->raft.configuration = guest->own;
    }
}

static bool votes_in(const struct raft_configuration *configuration, uint64_t id)
{
    const struct raft_server *server = dbr_configuration_find(configuration, id);
    return server != NULL && server->role == RAFT_VOTER;
}

/* Is this server a voter no more by an entry that is not committed? */
bool dbr_repair_8_stands(const struct dbr_consensus *c)
{
    const struct raft *r = &c->raft;
    const struct dbr_configuration_at *committed = dbr_history_newest(&c->committed);
    return !is_off(c) && (r->state == RAFT_FOLLOWER || r->state == RAFT_CANDIDATE) &&
           !votes_in(&r->configuration, c->config.id) && committed != NULL &&
           (r->state == RAFT_CANDIDATE ||
            (r->configuration_uncommitted_index != 0 &&
             votes_in(&committed->configuration, c->config.id)));
}

/* libraft counts the guest's own voice. With an odd number of voters that makes no
 * difference; with an even number it would win with half of them, so the first vote that
 * is granted is kept from it. Returns whether to drop this one. */
bool dbr_repair_8_keeps(struct dbr_consensus *c, const struct raft_message *message)
{
    struct dbr_repairs *x = &c->repairs;
    const struct raft_request_vote_result *v = &message->request_vote_result;
    bool pre_vote = v->pre_vote == raft_tribool_true;
    if (!v->vote_granted || dbr_configuration_voters(&c->raft.configuration) % 2 == 1) {
        return false;
    }
    if (x->kept_from == 0 || x->kept_term != v->term || x->kept_pre_vote != pre_vote) {
        x->kept_from = message->server_id;
        x->kept_term = v->term;
        x->kept_pre_vote = pre_vote;
    }
    return x->kept_from == message->server_id;
}

/* A non-voter never stands for election and so never forgets a leader that has gone, for
 * whose sake it refuses its vote to all others. */
void dbr_repair_8_forget_leader(struct dbr_consensus *c)
{
    struct raft *r = &c->raft;
    if (!is_off(c) && r->state == RAFT_FOLLOWER &&
        c->now - r->election_timer_start >= r->election_timeout) {
        r->follower_state.current_leader.id = 0;
    }
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
    if (!is_off(c) && dbr_consensus_leads(c) && result->term == r->current_term &&
        result->rejected == 0) {
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

/* ---- 10 ---------------------------------------------------------------------
 * A pre-vote that is refused because its term is old is answered with that old term. A
 * server whose log is needed for the next election may so never hear of the newer term
 * that keeps it out, while its log keeps out the others: they go on asking each other for
 * ever. So the refusal tells the own term, and the candidate takes it over. */

void dbr_repair_10_tell_term(const struct dbr_consensus *c,
                             struct raft_request_vote_result *result)
{
    if (!is_off(c) && result->pre_vote == raft_tribool_true && !result->vote_granted &&
        result->term < c->raft.current_term) {
        result->term = c->raft.current_term;
    }
}

/* ---- 11 ---------------------------------------------------------------------
 * While a snapshot is on its way the leader's heartbeats name the end of its log, and are
 * refused. When that is also the snapshot's index, libraft takes the refusal for one of
 * the snapshot and sends it again with every heartbeat. A snapshot itself is never
 * refused in the own term, so the refusal is made to look like the stale one that it is.
 */

static void part_refusals(struct dbr_consensus *c, struct raft_message *m)
{
    const struct raft *r = &c->raft;
    const struct raft_server *s = dbr_configuration_find(&r->configuration, m->server_id);
    if (is_off(c) || !dbr_consensus_leads(c) || s == NULL) {
        return;
    }
    const struct raft_progress *p =
        &r->leader_state.progress[s - r->configuration.servers];
    struct raft_append_entries_result *result = &m->append_entries_result;
    if (p->state == PROGRESS_SNAPSHOT && result->rejected == p->snapshot_index &&
        result->rejected > 0) {
        result->rejected++;
    }
}

void dbr_repair_recv_result(struct dbr_consensus *c, struct raft_message *m)
{
    part_refusals(c, m);
    commit_by_majority(c, m);
}

/* ---- Beyond the repairs ----------------------------------------------------- */

/* Does the message contradict a committed entry? libraft would give up for good. */
static bool contradicts(const struct dbr_consensus *c, uint64_t index, uint64_t term)
{
    uint64_t own = index <= c->raft.commit_index ? dbr_consensus_term_of(c, index) : 0;
    return own != 0 && own != term;
}

static bool refuses_append(const struct dbr_consensus *c,
                           const struct raft_append_entries *a)
{
    if (a->term == c->raft.current_term && dbr_consensus_leads(c)) {
        return true;
    }
    if (a->term < c->raft.current_term) {
        return false; /* libraft answers with its term */
    }
    if (a->prev_log_index > 0 && contradicts(c, a->prev_log_index, a->prev_log_term)) {
        return true;
    }
    for (unsigned i = 0; i < a->n_entries; i++) {
        uint64_t index = a->prev_log_index + 1 + i;
        if (index > c->raft.commit_index) {
            break;
        }
        if (contradicts(c, index, a->entries[i].term)) {
            return true;
        }
    }
    return false;
}

static bool refuses_vote_result(const struct dbr_consensus *c,
                                const struct raft_request_vote_result *v)
{
    const struct raft *r = &c->raft;
    return r->state == RAFT_CANDIDATE && r->candidate_state.in_pre_vote &&
           v->vote_granted && v->pre_vote == raft_tribool_true &&
           v->term > r->current_term + 1;
}

/* What no honest server sends, and libraft asserts or gives up on: a second leader of the
 * own term, a log that contradicts what is committed, a vote from the future. */
bool dbr_repair_refuses(struct dbr_consensus *c, const struct raft_message *message)
{
    const struct raft_install_snapshot *s = &message->install_snapshot;
    bool refuses = false;
    if (is_off(c)) {
        return false;
    }
    switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES:
        refuses = refuses_append(c, &message->append_entries);
        break;
    case RAFT_IO_INSTALL_SNAPSHOT:
        refuses = (s->term == c->raft.current_term && dbr_consensus_leads(c)) ||
                  (s->term >= c->raft.current_term &&
                   contradicts(c, s->last_index, s->last_term));
        break;
    case RAFT_IO_REQUEST_VOTE_RESULT:
        refuses = refuses_vote_result(c, &message->request_vote_result);
        break;
    default:
        break;
    }
    if (refuses) {
        dbr_log(c->config.logger, DEBROS_LOG_ERROR, "consensus",
                "server %llu sent a message of type %d that contradicts the log",
                message->server_id, (int)message->type);
    }
    return refuses;
}

static bool is_referenced(const struct raft_log *log, uint64_t index, uint64_t term)
{
    if (log->refs_size == 0) {
        return false;
    }
    const struct raft_entry_ref *slot = &log->refs[(index - 1) % log->refs_size];
    if (slot->count == 0 || slot->index != index) {
        return false;
    }
    for (; slot != NULL; slot = slot->next) {
        if (slot->term == term && slot->count > 0) {
            return true;
        }
    }
    return false;
}

/* An entry that was cut off the log and comes again while its first write is still under
 * way: libraft mixes up the two memories. The leader will repeat the message. */
bool dbr_repair_postpones(struct dbr_consensus *c,
                          const struct raft_append_entries *append)
{
    bool is_new = false;
    if (is_off(c)) {
        return false;
    }
    for (unsigned i = 0; i < append->n_entries; i++) {
        uint64_t index = append->prev_log_index + 1 + i;
        uint64_t term = append->entries[i].term;
        is_new = is_new || dbr_consensus_term_of(c, index) != term;
        if (is_new && is_referenced(&c->raft.log, index, term)) {
            return true;
        }
    }
    return false;
}
