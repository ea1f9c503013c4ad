/* What an operator wants to read in the log: who leads, which members come, go and are
 * lost, snapshots. A line for each event of the cluster's life, none for a request. */
#include <inttypes.h>

#include "core/inner.h"

#define CLUSTER "cluster"
#define RAFT    "raft"

void dbr_story_role(struct dbr_core *core)
{
    const struct dbr_logger *logger = core->config.logger;
    struct dbr_consensus_status status;
    dbr_consensus_status(core->consensus, &status);
    bool leads = status.role == DBR_CONSENSUS_LEADER;
    uint64_t leader = leads ? core->server : status.leader;
    if (leader == core->told_leader) {
        return;
    }
    core->told_leader = leader;
    if (leads) {
        dbr_log(logger, DEBROS_LOG_INFO, RAFT, "leads the cluster in term %" PRIu64,
                status.term);
    } else if (leader != 0) {
        dbr_log_peer(logger, DEBROS_LOG_INFO, RAFT, status.leader_address,
                     "follows %s, the leader of term %" PRIu64, status.leader_address,
                     status.term);
    } else {
        dbr_log(logger, DEBROS_LOG_INFO, RAFT,
                "no leader is known in term %" PRIu64 ": writes wait for an election",
                status.term);
    }
}

void dbr_story_connection(const struct dbr_core *core, const struct dbr_peer_id *peer,
                          bool is_open)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_peer_info info = {0};
    bool is_member = dbr_swarm_peer_info(core->swarm, peer, &info) &&
                     info.cls == DBR_PEER_MEMBER && core->config.mode == DBR_CORE_MEMBER;
    /* Two connections with one peer are one. */
    if (!is_member || info.connected != is_open) {
        return;
    }
    dbr_log_peer(core->config.logger, DEBROS_LOG_INFO, CLUSTER,
                 dbr_peer_id_text(peer, id),
                 is_open ? "member %s is connected"
                         : "member %s is lost: it is dialed "
                           "until it answers",
                 id);
}

static void compare(const struct dbr_core *core, const struct dbr_members *a,
                    const struct dbr_members *b, const char *word)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct dbr_member *member = &a->items[i];
        char id[DBR_PEER_ID_TEXT_SIZE];
        if (dbr_members_find(b, &member->peer) == NULL) {
            dbr_log_peer(core->config.logger, DEBROS_LOG_INFO, CLUSTER,
                         dbr_peer_id_text(&member->peer, id), "%s %s %s",
                         member->is_client ? "client" : "member", id, word);
        }
    }
}

void dbr_story_members(const struct dbr_core *core, const struct dbr_members *old)
{
    if (core->members_known) {
        compare(core, &core->members, old, "belongs to the cluster now");
        compare(core, old, &core->members, "belongs to the cluster no more");
    }
}

void dbr_story_applied(const struct dbr_core *core, const struct dbr_apply_job *job)
{
    if (job->status != 0) {
        return;
    }
    if (job->type == DBR_APPLY_CHECKPOINT) {
        dbr_log(core->config.logger, DEBROS_LOG_INFO, RAFT,
                "the databases are durable up to entry %" PRIu64
                ": older entries leave the log",
                job->index);
    } else if (job->type == DBR_APPLY_RESTORE) {
        dbr_log(core->config.logger, DEBROS_LOG_INFO, RAFT,
                "a snapshot of the leader is the state now, up to entry %" PRIu64,
                job->applied);
    }
}
