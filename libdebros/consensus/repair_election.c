/* The repairs of elections: who may stand, who votes, and in which term. */
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "consensus/machine.h"

/* ---- 3 ----------------------------------------------------------------------
 * An election while own entries are on their way to the disk counts them as stored. So a
 * follower's clock stands still, and TimeoutNow is not delivered, until they are. The
 * same holds while a leader's snapshot is being installed. */

bool dbr_repair_3_waits(const struct dbr_consensus *c)
{
    return !dbr_repair_is_off(c) && c->log.changes > 0;
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
    if (dbr_repair_is_off(c) || !is_sole_voter_in(state, c->config.id)) {
        return state->term;
    }
    c->io.set_term(&c->io, state->term + 1);
    return state->term + 1;
}

void dbr_repair_6_tick(struct dbr_consensus *c)
{
    DBR_FAILPOINT("consensus.repair_election.repair_6_tick");
    struct raft *r = &c->raft;
    if (dbr_repair_is_off(c) || r->state != RAFT_FOLLOWER ||
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
    return !dbr_repair_is_off(c) &&
           dbr_configuration_is_sole_voter(&c->raft.configuration, c->config.id);
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
    guest->swapped = !dbr_repair_is_off(c) && (self == NULL || self->role != RAFT_VOTER);
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
    return !dbr_repair_is_off(c) &&
           (r->state == RAFT_FOLLOWER || r->state == RAFT_CANDIDATE) &&
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
    if (!dbr_repair_is_off(c) && r->state == RAFT_FOLLOWER &&
        c->now - r->election_timer_start >= r->election_timeout) {
        r->follower_state.current_leader.id = 0;
    }
}

/* ---- 10 ---------------------------------------------------------------------
 * A pre-vote that is refused because its term is old is answered with that old term. A
 * server whose log is needed for the next election may so never hear of the newer term
 * that keeps it out, while its log keeps out the others: they go on asking each other for
 * ever. So the refusal tells the own term, and the candidate takes it over. */

void dbr_repair_10_tell_term(const struct dbr_consensus *c,
                             struct raft_request_vote_result *result)
{
    if (!dbr_repair_is_off(c) && result->pre_vote == raft_tribool_true &&
        !result->vote_granted && result->term < c->raft.current_term) {
        result->term = c->raft.current_term;
    }
}

/* ---- 12 ---------------------------------------------------------------------
 * Where there is no memory for a new leader's table of followers, libraft steps back and
 * frees what stands in the table's place: the timeout of the follower that it was. It
 * asks for the time between becoming leader and making the table. */

void dbr_repair_12_time(struct dbr_consensus *c)
{
    bool leads = c->raft.state == RAFT_LEADER;
    if (leads && !c->repairs.leads && !dbr_repair_is_off(c)) {
        c->raft.leader_state.progress = NULL;
    }
    c->repairs.leads = leads;
}
