/* Consensus messages over streams of /debros/raft/1.0.0: each node sends on streams that
 * it opened, one for each peer, and every stream begins with the cluster's id. */
#include "base/alloc.h"
#include "base/failpoint.h"
#include "inner.h"

static struct dbr_raft_link *link_get(struct dbr_core *core, uint64_t server,
                                      const char *address)
{
    struct dbr_raft_link *link;
    HASH_FIND(hh, core->links, &server, sizeof(server), link);
    if (link != NULL) {
        return link;
    }
    link = dbr_calloc(1, sizeof(*link));
    if (link == NULL || dbr_peer_id_parse(&link->peer, address, strlen(address)) != 0) {
        dbr_free(link);
        return NULL;
    }
    link->server = server;
    HASH_ADD(hh, core->links, server, sizeof(link->server), link);
    if (!dbr_hash_added(link)) {
        dbr_free(link);
        return NULL;
    }
    return link;
}

static int link_open(struct dbr_core *core, struct dbr_raft_link *link, dbr_time now)
{
    DBR_FAILPOINT("core.raft_link.link_open");
    int err =
        dbr_swarm_open(core->swarm, &link->stream, &link->peer, DBR_PROTOCOL_RAFT, now);
    if (err != 0) {
        link->stream = 0;
        return err;
    }
    return dbr_swarm_send(core->swarm, link->stream,
                          dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE), now);
}

/* What cannot be sent now is dropped: raft sends again. */
void dbr_raft_send(struct dbr_core *core, uint64_t server, const char *address,
                   debros_bytes message, dbr_time now)
{
    struct dbr_raft_link *link = link_get(core, server, address);
    if (link == NULL || !dbr_swarm_is_connected(core->swarm, &link->peer)) {
        return;
    }
    if (link->stream == 0 && link_open(core, link, now) != 0) {
        return;
    }
    int err = dbr_swarm_send(core->swarm, link->stream, message, now);
    if (err != 0 && err != DEBROS_EBUSY) {
        dbr_log_peer(core->config.logger, DEBROS_LOG_WARN, "raft", address,
                     "a message of %zu bytes for %s cannot be sent: %s", message.len,
                     address, debros_strerror(err));
    }
}

static void greet(struct dbr_core *core, const struct dbr_swarm_event *event,
                  dbr_time now)
{
    DBR_FAILPOINT("core.raft_link.greet");
    char peer[DBR_PEER_ID_TEXT_SIZE];
    debros_bytes ours = dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE);
    struct dbr_raft_inbound *inbound = NULL;
    if (dbr_bytes_equal(event->message, ours)) {
        inbound = dbr_calloc(1, sizeof(*inbound));
    } else {
        dbr_peer_id_text(&event->peer, peer);
        dbr_log_peer(core->config.logger, DEBROS_LOG_WARN, "raft", peer,
                     "%s speaks for another cluster: refused", peer);
    }
    if (inbound != NULL) {
        inbound->stream = event->stream;
        inbound->server = dbr_server_id(&event->peer);
        dbr_peer_id_text(&event->peer, inbound->peer);
        HASH_ADD(hh, core->inbound, stream, sizeof(inbound->stream), inbound);
    }
    if (inbound == NULL || !dbr_hash_added(inbound)) {
        dbr_free(inbound);
        dbr_swarm_reset(core->swarm, event->stream, now);
    }
}

/* Contact, for the checks of health. */
static void heard(struct dbr_core *core, uint64_t server, const char *address,
                  dbr_time now)
{
    DBR_FAILPOINT("core.raft_link.heard");
    struct dbr_consensus_status status;
    struct dbr_raft_link *link = link_get(core, server, address);
    if (link != NULL) {
        link->heard_at = now;
    }
    dbr_consensus_status(core->consensus, &status);
    if (status.leader == server || status.role == DBR_CONSENSUS_LEADER) {
        core->leader_heard_at = now;
    }
}

void dbr_raft_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                   dbr_time now)
{
    struct dbr_raft_inbound *inbound;
    if (core->consensus == NULL) {
        dbr_swarm_reset(core->swarm, event->stream, now);
        return;
    }
    HASH_FIND(hh, core->inbound, &event->stream, sizeof(event->stream), inbound);
    if (inbound == NULL) {
        greet(core, event, now);
        return;
    }
    int err = dbr_consensus_recv(core->consensus, inbound->server, event->message, now);
    heard(core, inbound->server, inbound->peer, now);
    if (err != 0) {
        dbr_log_peer(core->config.logger, DEBROS_LOG_WARN, "raft", inbound->peer,
                     "malformed message of %s", inbound->peer);
        dbr_swarm_reset(core->swarm, event->stream, now);
    }
}

void dbr_raft_stream_closed(struct dbr_core *core, uint64_t stream)
{
    struct dbr_raft_inbound *inbound;
    HASH_FIND(hh, core->inbound, &stream, sizeof(stream), inbound);
    if (inbound != NULL) {
        HASH_DELETE(hh, core->inbound, inbound);
        dbr_free(inbound);
        return;
    }
    struct dbr_raft_link *link;
    struct dbr_raft_link *tmp;
    HASH_ITER(hh, core->links, link, tmp)
    {
        if (link->stream == stream) {
            link->stream = 0;
        }
    }
}

void dbr_raft_links_finish(struct dbr_core *core)
{
    struct dbr_raft_link *link;
    struct dbr_raft_link *link_tmp;
    struct dbr_raft_inbound *inbound;
    struct dbr_raft_inbound *inbound_tmp;
    HASH_ITER(hh, core->links, link, link_tmp)
    {
        HASH_DELETE(hh, core->links, link);
        dbr_free(link);
    }
    HASH_ITER(hh, core->inbound, inbound, inbound_tmp)
    {
        HASH_DELETE(hh, core->inbound, inbound);
        dbr_free(inbound);
    }
}
