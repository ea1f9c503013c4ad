/* What a leader knows of how far each server has come. */
#include "consensus/machine.h"

struct raft_progress *dbr_consensus_progress(const struct dbr_consensus *c, uint64_t id)
{
    const struct raft *r = &c->raft;
    const struct raft_server *s = dbr_configuration_find(&r->configuration, id);
    if (!dbr_consensus_leads(c) || s == NULL) {
        return NULL;
    }
    return &r->leader_state.progress[s - r->configuration.servers];
}
