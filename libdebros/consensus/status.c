/* What the machine tells of itself: its role, its term, its members. */
#include <string.h>

#include "base/alloc.h"
#include "consensus/machine.h"

static bool servers_differ(const struct dbr_consensus *c)
{
    const struct raft_configuration *now = &c->raft.configuration;
    if (now->n != c->n_servers) {
        return true;
    }
    for (unsigned i = 0; i < now->n; i++) {
        if (now->servers[i].id != c->servers[i].id ||
            now->servers[i].role != (int)c->servers[i].role ||
            strcmp(now->servers[i].address, c->servers[i].address) != 0) {
            return true;
        }
    }
    return false;
}

static void copy_servers(struct dbr_consensus *c)
{
    const struct raft_configuration *now = &c->raft.configuration;
    struct dbr_server *servers = dbr_calloc(now->n, sizeof(*servers));
    if (servers == NULL) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return;
    }
    for (unsigned i = 0; i < now->n; i++) {
        servers[i].id = now->servers[i].id;
        servers[i].role = (enum dbr_server_role)now->servers[i].role;
        dbr_configuration_address_copy(servers[i].address, now->servers[i].address);
    }
    dbr_free(c->servers);
    c->servers = servers;
    c->n_servers = now->n;
}

static bool is_changing(const struct dbr_consensus *c)
{
    const struct raft *r = &c->raft;
    return c->requests.step != DBR_CHANGE_NONE ||
           r->configuration_uncommitted_index != 0 ||
           (r->state == RAFT_LEADER && r->leader_state.promotee_id != 0);
}

void dbr_status_note(struct dbr_consensus *c)
{
    raft_id leader;
    const char *address;
    raft_leader(&c->raft, &leader, &address);
    struct dbr_role_told now = {.state = c->raft.state,
                                .ready = dbr_repair_4_may_change(c),
                                .changing = is_changing(c),
                                .term = c->raft.current_term,
                                .leader = leader};
    const struct dbr_role_told *told = &c->told;
    if (servers_differ(c)) {
        copy_servers(c);
        c->role_changed = true;
    }
    if (now.state != told->state || now.ready != told->ready || now.term != told->term ||
        now.changing != told->changing || now.leader != told->leader) {
        c->told = now;
        c->role_changed = true;
    }
}

void dbr_consensus_status(const struct dbr_consensus *c, struct dbr_consensus_status *out)
{
    struct raft *r = (struct raft *)&c->raft; /* libraft's getters take it so */
    static const enum dbr_consensus_role roles[] = {
        [RAFT_UNAVAILABLE] = DBR_CONSENSUS_UNAVAILABLE,
        [RAFT_FOLLOWER] = DBR_CONSENSUS_FOLLOWER,
        [RAFT_CANDIDATE] = DBR_CONSENSUS_CANDIDATE,
        [RAFT_LEADER] = DBR_CONSENSUS_LEADER};
    raft_id leader;
    const char *address;
    raft_leader(r, &leader, &address);
    *out = (struct dbr_consensus_status){
        .role = c->failed != 0 ? DBR_CONSENSUS_UNAVAILABLE : roles[r->state],
        .ready = c->failed == 0 && dbr_repair_4_may_change(c) && r->transfer == NULL,
        .term = r->current_term,
        .leader = leader,
        .leader_address = leader != 0 && address != NULL ? address : "",
        .commit_index = r->commit_index,
        .last_index = raft_last_index(r),
        .snapshot_index = r->log.snapshot.last_index,
        .last_command = c->last_command,
        .fresh_at = c->reads.fresh_at,
        .fresh_index = c->reads.fresh_index,
        .servers = c->servers,
        .n_servers = c->n_servers,
        .changing = is_changing(c)};
}

uint64_t dbr_consensus_match_index(const struct dbr_consensus *c, uint64_t id)
{
    const struct raft_progress *progress = dbr_consensus_progress(c, id);
    return progress != NULL ? progress->match_index : 0;
}
