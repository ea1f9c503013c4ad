/* Status and peers, for people and programs. */
#include "inner.h"
#include "multi/base58.h"

static enum debros_role role_in_group(const struct dbr_core *core,
                                      const struct dbr_consensus_status *status)
{
    uint64_t self = dbr_server_id(&core->self);
    enum debros_role role = DEBROS_ROLE_LEARNER;
    for (size_t i = 0; i < status->n_servers; i++) {
        if (status->servers[i].id == self) {
            role = status->servers[i].role == DBR_SERVER_VOTER     ? DEBROS_ROLE_FOLLOWER
                   : status->servers[i].role == DBR_SERVER_STANDBY ? DEBROS_ROLE_STANDBY
                                                                   : DEBROS_ROLE_LEARNER;
        }
    }
    if (status->role == DBR_CONSENSUS_LEADER) {
        return DEBROS_ROLE_LEADER;
    }
    if (status->role == DBR_CONSENSUS_CANDIDATE && role == DEBROS_ROLE_FOLLOWER) {
        return DEBROS_ROLE_CANDIDATE;
    }
    return role;
}

static const char *peer_text(struct dbr_arena *arena, const struct dbr_peer_id *peer)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    return dbr_arena_strdup(arena, dbr_peer_id_text(peer, text));
}

static void count_places(const struct dbr_core *core,
                         const struct dbr_consensus_status *raft, debros_status *status)
{
    for (size_t i = 0; i < core->members.n; i++) {
        status->members += !core->members.items[i].is_client;
    }
    for (size_t i = 0; i < raft->n_servers; i++) {
        status->voters += raft->servers[i].role == DBR_SERVER_VOTER;
        status->standbys += raft->servers[i].role == DBR_SERVER_STANDBY;
    }
}

int dbr_view_status(const struct dbr_core *core, struct dbr_request *request,
                    dbr_time now)
{
    struct dbr_arena *arena = &request->arena;
    struct dbr_consensus_status raft;
    struct dbr_transfer_progress progress;
    char cluster[2 * DBR_CLUSTER_ID_SIZE + 1];
    debros_status *status = dbr_arena_calloc(arena, 1, sizeof(*status));
    if (status == NULL) {
        return DEBROS_ENOMEM;
    }
    dbr_consensus_status(core->consensus, &raft);
    dbr_hex_encode(cluster, dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE));
    status->node_id = peer_text(arena, &core->self);
    status->cluster_id = dbr_arena_strdup(arena, cluster);
    status->leader = dbr_arena_strdup(arena, raft.leader_address);
    status->role = role_in_group(core, &raft);
    status->term = raft.term;
    status->commit_index = raft.commit_index;
    /* What is committed beyond the last entry of ours changes no database. */
    status->applied_index =
        core->applied >= core->handed_over ? raft.commit_index : core->applied;
    status->peer_count = (uint32_t)dbr_swarm_connected_count(core->swarm);
    status->database_size = core->database_size;
    status->uptime_ms = now - core->started;
    dbr_transfer_progress(core->transfer, &progress);
    status->receiving_bytes = progress.in_done;
    status->receiving_total = progress.in_total;
    status->sending_bytes = progress.out_done;
    status->sending_total = progress.out_total;
    status->health = request->health->state;
    status->known_peers = (uint32_t)dbr_swarm_known_count(core->swarm);
    count_places(core, &raft, status);
    request->node_status = status;
    if (dbr_view_kad_status(core, arena, status) != 0) {
        return DEBROS_ENOMEM;
    }
    return status->node_id == NULL || status->cluster_id == NULL || status->leader == NULL
               ? DEBROS_ENOMEM
               : 0;
}

static const char **copy_texts(struct dbr_arena *arena, const char *const *from, size_t n)
{
    const char **out = dbr_arena_calloc(arena, n + 1, sizeof(*out));
    for (size_t i = 0; out != NULL && i < n; i++) {
        out[i] = dbr_arena_strdup(arena, from[i]);
        if (out[i] == NULL) {
            return NULL;
        }
    }
    return out;
}

static const char *addr_text(struct dbr_arena *arena, const struct dbr_multiaddr *addr)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    return dbr_arena_strdup(arena, addr->len > 0 ? dbr_multiaddr_text(addr, text) : "");
}

static const char **service_names(const struct dbr_core *core, struct dbr_arena *arena,
                                  const struct dbr_peer_info *info, size_t *n)
{
    enum dbr_service services[DBR_SERVICES];
    const char **names = dbr_arena_calloc(arena, DBR_SERVICES, sizeof(*names));
    *n = dbr_services_of(core, info->protocols, info->n_protocols, services);
    for (size_t i = 0; names != NULL && i < *n; i++) {
        names[i] = dbr_service_name(services[i]);
    }
    return names;
}

static const char **addr_texts(struct dbr_arena *arena, const struct dbr_multiaddr *from,
                               size_t n)
{
    const char **out = dbr_arena_calloc(arena, n + 1, sizeof(*out));
    for (size_t i = 0; out != NULL && i < n; i++) {
        out[i] = addr_text(arena, &from[i]);
        if (out[i] == NULL) {
            return NULL;
        }
    }
    return out;
}

static int fill_peer(const struct dbr_core *core, struct dbr_arena *arena,
                     const struct dbr_peer_info *info, const struct dbr_multiaddr *addrs,
                     size_t n_addrs, debros_peer *out)
{
    out->addrs = addr_texts(arena, addrs, n_addrs);
    out->n_addrs = n_addrs;
    out->id = peer_text(arena, &info->id);
    out->agent = dbr_arena_strdup(arena, info->agent != NULL ? info->agent : "");
    out->protocols = copy_texts(arena, info->protocols, info->n_protocols);
    out->n_protocols = info->n_protocols;
    out->observed = addr_text(arena, &info->observed);
    out->rtt_us = info->rtt_us;
    out->connected = info->connected;
    out->inbound = info->inbound;
    out->member = info->cls == DBR_PEER_MEMBER;
    out->client = info->cls == DBR_PEER_CLIENT;
    out->since = info->connected ? core->wall_ms - (int64_t)(core->now - info->since) : 0;
    out->services = service_names(core, arena, info, &out->n_services);
    return out->addrs == NULL || out->id == NULL || out->agent == NULL ||
                   out->protocols == NULL || out->observed == NULL ||
                   out->services == NULL
               ? DEBROS_ENOMEM
               : 0;
}

int dbr_view_fill(const struct dbr_core *core, struct dbr_arena *arena,
                  const struct dbr_peer_info *info, debros_peer *out)
{
    struct dbr_multiaddr addrs[DBR_MEMBER_ADDRS];
    size_t n = dbr_swarm_dial_addrs(core->swarm, &info->id, addrs, DBR_MEMBER_ADDRS);
    return fill_peer(core, arena, info, addrs, n, out);
}

struct peers_view {
    const struct dbr_core *core;
    struct dbr_arena *arena;
    debros_peer *peers;
    size_t n;
    int err;
};

static void view_one(void *user, const struct dbr_peer_info *info)
{
    struct peers_view *view = user;
    if (view->err == 0) {
        view->err = dbr_view_fill(view->core, view->arena, info, &view->peers[view->n++]);
    }
}

int dbr_view_peers(const struct dbr_core *core, struct dbr_request *request)
{
    struct peers_view view = {.core = core, .arena = &request->arena};
    size_t n = dbr_swarm_known_count(core->swarm);
    view.peers = dbr_arena_calloc(&request->arena, n + 1, sizeof(*view.peers));
    if (view.peers == NULL) {
        return DEBROS_ENOMEM;
    }
    dbr_swarm_each_known(core->swarm, view_one, &view);
    request->peers = view.peers;
    request->n_peers = view.n;
    return view.err;
}

int dbr_view_peer(const struct dbr_core *core, struct dbr_request *request,
                  const struct dbr_peer_id *peer)
{
    struct dbr_peer_info info;
    debros_peer *out = dbr_arena_calloc(&request->arena, 1, sizeof(*out));
    if (out == NULL || !dbr_swarm_peer_info(core->swarm, peer, &info)) {
        return out == NULL ? DEBROS_ENOMEM : DEBROS_EUNREACHABLE;
    }
    request->peers = out;
    request->n_peers = 1;
    return fill_peer(core, &request->arena, &info, info.told, info.n_told, out);
}
