/* The repairs of changes of the members: when one may begin, and how one that was not
 * committed is rolled back. */
#include "base/check.h"
#include "consensus/machine.h"

/* ---- 4 ----------------------------------------------------------------------
 * A change of the members before an entry of the own term has committed can commit
 * beside another leader's change. So it waits for the barrier of repair 1. */

bool dbr_repair_4_may_change(const struct dbr_consensus *c)
{
    return dbr_consensus_leads(c) &&
           (dbr_repair_is_off(c) || c->repairs.ready_term == c->raft.current_term);
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
    if (dbr_repair_is_off(c) || committed == NULL || newest <= committed->index ||
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
    if (dbr_repair_is_off(c) || r->configuration_uncommitted_index == 0 || installing ||
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
    if (!dbr_repair_is_off(c)) {
        r->configuration_uncommitted_index = 0;
    }
    dbr_history_clear(&c->committed);
    if (dbr_history_add(&c->committed, r->configuration_index, &r->configuration) != 0) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
    }
    c->scanned_index = r->last_applied;
}
