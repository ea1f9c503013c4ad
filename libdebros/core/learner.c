/* A member without a place in the raft group. It holds nothing of the log, so it asks a
 * member that is connected who votes, keeps connections with those, and sends its
 * requests to their leader; it hears of changes on the same stream. */
#include "base/failpoint.h"
#include "inner.h"

#define ASK_MS  1000 /* until somebody else is asked, or nobody was there */
#define LOOK_MS 2000 /* until a look at the members' table, at most twice as long: so that
                         not all look at once, and not after each of many joins */

static bool is_learner(const struct dbr_core *core)
{
    return core->consensus != NULL && !dbr_membership_has_place(core);
}

/* A voter where one is connected: other learners know only what they were told. */
static bool choose(struct dbr_core *core, struct dbr_peer_id *peer)
{
    struct dbr_peer_info info;
    bool found_voter = false;
    uint32_t n = 0;
    for (size_t i = 0; dbr_swarm_peer_at(core->swarm, i, &info) && info.connected; i++) {
        bool votes = dbr_learner_knows_voter(core, &info.id);
        if (info.cls != DBR_PEER_MEMBER || (found_voter && !votes)) {
            continue;
        }
        n = votes && !found_voter ? 1 : n + 1;
        found_voter = votes;
        if (dbr_rng_below(core->rng, n) == 0) {
            *peer = info.id;
        }
    }
    return n > 0;
}

static void ask(struct dbr_core *core, dbr_time now)
{
    DBR_FAILPOINT("core.learner.ask");
    struct dbr_learner *learner = &core->learner;
    struct dbr_cluster_frame hello = {.id = 1, .kind = DBR_CLUSTER_HELLO};
    struct dbr_peer_id peer;
    learner->ask_at = dbr_time_add(now, ASK_MS);
    learner->stream = 0;
    if (choose(core, &peer) && dbr_swarm_open(core->swarm, &learner->stream, &peer,
                                                  DBR_PROTOCOL_CLUSTER, now) == 0) {
        learner->host = peer;
        (void)dbr_calls_send(core, learner->stream, &hello, now);
    }
}

/* What it was told is of no use any more. */
static void graduate(struct dbr_core *core, dbr_time now)
{
    uint64_t stream = core->learner.stream;
    core->learner = (struct dbr_learner){.ask_at = now};
    if (stream != 0) {
        dbr_swarm_reset(core->swarm, stream, now);
    }
}

dbr_time dbr_learner_deadline(const struct dbr_core *core)
{
    return is_learner(core) && !core->is_stopping ? core->learner.ask_at : DBR_TIME_NEVER;
}

void dbr_learner_expire(struct dbr_core *core, dbr_time now)
{
    struct dbr_learner *learner = &core->learner;
    if (!is_learner(core)) {
        if (learner->stream != 0) {
            graduate(core, now);
        }
    } else if (learner->ask_at <= now && !core->is_stopping) {
        uint64_t silent = learner->stream;
        ask(core, now);
        if (silent != 0) {
            dbr_swarm_reset(core->swarm, silent, now);
        }
    }
}

bool dbr_learner_knows_voter(const struct dbr_core *core, const struct dbr_peer_id *peer)
{
    for (size_t i = 0; i < core->learner.n_voters; i++) {
        if (dbr_peer_id_equal(&core->learner.voters[i], peer)) {
            return true;
        }
    }
    return false;
}

static void take_group(struct dbr_learner *learner, const struct dbr_cluster_frame *frame)
{
    learner->term = frame->term;
    learner->leader = frame->leader;
    learner->n_voters = 0;
    for (size_t i = 0; i < frame->n_listed; i++) {
        if (frame->listed[i].votes && learner->n_voters < DBR_LEARNER_VOTERS) {
            learner->voters[learner->n_voters++] = frame->listed[i].peer;
        }
    }
}

bool dbr_learner_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                      const struct dbr_cluster_frame *frame, dbr_time now)
{
    struct dbr_learner *learner = &core->learner;
    if (learner->stream == 0 || event->stream != learner->stream ||
        frame->kind != DBR_CLUSTER_HELLO_REPLY) {
        return false;
    }
    if (frame->cls == DBR_PEER_STRANGER ||
        !dbr_bytes_equal(frame->cluster_id,
                         dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE))) {
        return true; /* it may not know us yet: somebody else is asked soon */
    }
    if (frame->term >= learner->term) {
        take_group(learner, frame);
        dbr_membership_keep(core, now);
    }
    if (dbr_learner_knows_voter(core, &learner->host)) {
        learner->ask_at = DBR_TIME_NEVER;
    }
    uint64_t look = LOOK_MS + dbr_rng_below(core->rng, LOOK_MS);
    core->members_at = dbr_time_min(core->members_at, dbr_time_add(now, look));
    return true;
}

bool dbr_learner_stream_closed(struct dbr_core *core, uint64_t stream, dbr_time now)
{
    if (core->learner.stream == 0 || core->learner.stream != stream) {
        return false;
    }
    core->learner.stream = 0;
    core->learner.ask_at = dbr_time_add(now, ASK_MS);
    return true;
}

bool dbr_learner_route(const struct dbr_core *core, struct dbr_peer_id *peer)
{
    struct dbr_peer_info info;
    *peer = core->learner.leader;
    if (!dbr_peer_id_is_none(peer) && dbr_swarm_is_connected(core->swarm, peer)) {
        return true;
    }
    *peer = core->learner.host;
    if (core->learner.stream != 0) {
        return true;
    }
    for (size_t i = 0; dbr_swarm_peer_at(core->swarm, i, &info) && info.connected; i++) {
        if (info.cls == DBR_PEER_MEMBER) {
            *peer = info.id;
            return true;
        }
    }
    return false;
}
