/* Beyond the repairs: messages that libraft must not see. */
#include "consensus/machine.h"

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
    if (dbr_repair_is_off(c)) {
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
