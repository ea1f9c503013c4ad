/* The repairs of a follower that takes a leader's entries: what it reports as stored,
 * what it commits, and which entries it gives to libraft. */
#include <string.h>

#include "consensus/machine.h"

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
    if (dbr_repair_is_off(c)) {
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
    return dbr_repair_is_off(c) || append->leader_commit < end ? append->leader_commit
                                                               : end;
}

/* ---- 7 ----------------------------------------------------------------------
 * Entries at or below the own snapshot make libraft crash: it does not know their terms
 * and appends them again. They are committed, so they are the same: off they go. */

void dbr_repair_7_strip(struct dbr_consensus *c, struct raft_append_entries *append)
{
    uint64_t snapshot = c->raft.log.snapshot.last_index;
    if (dbr_repair_is_off(c) || append->term < c->raft.current_term ||
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

/* ---- Beyond the repairs ----------------------------------------------------- */

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
    if (dbr_repair_is_off(c)) {
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
