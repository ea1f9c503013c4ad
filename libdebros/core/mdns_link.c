/* Multicast DNS and the node: it tells the local network where this node listens, and
 * takes what others tell as one more place to dial somebody at who is known already. The
 * network proves nothing: who is there shows in the handshake. Where the cluster is open,
 * strangers count too. */
#include "inner.h"

#include "base/alloc.h"

int dbr_mdns_link_create(struct dbr_core *core, dbr_time now)
{
    struct dbr_mdns_limits limits;
    struct dbr_mdns *mdns = dbr_calloc(1, sizeof(*mdns));
    if (mdns == NULL) {
        return DEBROS_ENOMEM;
    }
    dbr_mdns_limits_default(&limits);
    int err = dbr_mdns_init(mdns, &core->self, NULL, &limits, core->rng, now);
    if (err != 0) {
        dbr_free(mdns);
        return err;
    }
    core->mdns = mdns;
    core->mdns_again_at = dbr_time_add(now, DBR_MDNS_AGAIN_MS);
    return 0;
}

void dbr_mdns_link_destroy(struct dbr_core *core)
{
    if (core->mdns != NULL) {
        dbr_mdns_finish(core->mdns);
        dbr_free(core->mdns);
        core->mdns = NULL;
    }
}

/* Clients listen nowhere, and who joins serves nobody yet. */
void dbr_mdns_link_tell(struct dbr_core *core, dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_MDNS_ADDRS_MAX];
    if (core->mdns != NULL && core->config.mode == DBR_CORE_MEMBER) {
        dbr_mdns_set_addrs(core->mdns, addrs,
                           dbr_membership_addrs(core, addrs, DBR_COUNT(addrs)), now);
    }
}

static bool is_quiet(const struct dbr_core *core)
{
    return core->mdns == NULL || core->is_stopping || core->is_fatal || core->is_joined;
}

/* It matters where `peer` is. */
static bool is_wanted(const struct dbr_core *core, const struct dbr_peer_id *peer)
{
    struct dbr_peer_info info;
    if (core->config.mode != DBR_CORE_MEMBER) {
        return dbr_contacts_find(&core->contacts, peer) != NULL;
    }
    return core->config.open || (dbr_swarm_peer_info(core->swarm, peer, &info) &&
                                 info.cls == DBR_PEER_MEMBER);
}

void dbr_mdns_link_lost(struct dbr_core *core, const struct dbr_peer_id *peer,
                        dbr_time now)
{
    if (!is_quiet(core) && core->mdns_again_at <= now && is_wanted(core, peer)) {
        core->mdns_again_at = dbr_time_add(now, DBR_MDNS_AGAIN_MS);
        dbr_mdns_restart(core->mdns, now);
    }
}

void dbr_core_network_changed(struct dbr_core *core, dbr_time now)
{
    if (!is_quiet(core)) {
        dbr_mdns_restart(core->mdns, now);
    }
}

void dbr_core_multicast(struct dbr_core *core, debros_bytes packet, bool same_host,
                        dbr_time now)
{
    if (!is_quiet(core)) {
        dbr_mdns_recv(core->mdns, packet, same_host, now);
    }
}

static void hint_contact(struct dbr_core *core, const struct dbr_peer_id *peer,
                         const struct dbr_multiaddr *addr, dbr_time now)
{
    dbr_contacts_hint(&core->contacts, peer, addr, now);
    if (dbr_contact_should_leave(dbr_contacts_find(&core->contacts, peer), now)) {
        dbr_swarm_disconnect(core->swarm, peer, now);
    }
}

/* A peer that is connected tells by itself where else it is, and is believed. */
static void found(struct dbr_core *core, const struct dbr_peer_id *peer,
                  const struct dbr_multiaddr *addr, dbr_time now)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    char text[DBR_MULTIADDR_TEXT_SIZE];
    if (!is_wanted(core, peer) || dbr_swarm_is_connected(core->swarm, peer)) {
        return;
    }
    dbr_peer_id_text(peer, id);
    dbr_log_peer(core->config.logger, DEBROS_LOG_DEBUG, "core", id,
                 "%s may be at %s, the local network says", id,
                 dbr_multiaddr_text(addr, text));
    if (core->config.mode == DBR_CORE_MEMBER) {
        dbr_swarm_hint(core->swarm, peer, addr, 1, now);
        dbr_discovery_soon(core, now);
    } else {
        hint_contact(core, peer, addr, now);
    }
}

bool dbr_mdns_link_poll(struct dbr_core *core, struct dbr_effect *effect, dbr_time now)
{
    struct dbr_mdns_event event;
    while (!is_quiet(core) && dbr_mdns_poll(core->mdns, &event)) {
        if (event.type == DBR_MDNS_SEND) {
            *effect = (struct dbr_effect){.type = DBR_CORE_MULTICAST,
                                          .packet = event.packet,
                                          .same_host = event.same_host,
                                          .detail = ""};
            return true;
        }
        found(core, &event.peer, &event.addr, now);
    }
    return false;
}

/* ---- Time -------------------------------------------------------------------- */

dbr_time dbr_mdns_link_deadline(const struct dbr_core *core)
{
    return is_quiet(core) ? DBR_TIME_NEVER : dbr_mdns_deadline(core->mdns);
}

void dbr_mdns_link_expire(struct dbr_core *core, dbr_time now)
{
    if (dbr_mdns_link_deadline(core) <= now) {
        dbr_mdns_expire(core->mdns, now);
    }
}
