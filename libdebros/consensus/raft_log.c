/* What libraft holds in its log, by index. */
#include "consensus/machine.h"

const struct raft_entry *dbr_consensus_entry(const struct dbr_consensus *c,
                                             uint64_t index)
{
    const struct raft_log *l = &c->raft.log;
    size_t n = l->front <= l->back ? l->back - l->front : l->size - l->front + l->back;
    if (index <= l->offset || index - l->offset > n) {
        return NULL;
    }
    return &l->entries[(l->front + (size_t)(index - l->offset - 1)) % l->size];
}

uint64_t dbr_consensus_term_of(const struct dbr_consensus *c, uint64_t index)
{
    const struct raft_entry *entry = dbr_consensus_entry(c, index);
    if (entry != NULL) {
        return entry->term;
    }
    const struct raft_log *l = &c->raft.log;
    return index != 0 && index == l->snapshot.last_index ? l->snapshot.last_term : 0;
}
