#include "core/discovery.h"

#include "base/failpoint.h"
#include "core/inner.h"

void dbr_discovery_limits_default(struct dbr_discovery_limits *limits)
{
    const struct dbr_discovery_limits usual = {.interval_ms = 10000,
                                               .dials = 3,
                                               .low_water = 8,
                                               .high_water = 64,
                                               .grace_ms = 20000};
    limits->interval_ms =
        limits->interval_ms != 0 ? limits->interval_ms : usual.interval_ms;
    limits->dials = limits->dials != 0 ? limits->dials : usual.dials;
    limits->low_water = limits->low_water != 0 ? limits->low_water : usual.low_water;
    limits->high_water = limits->high_water != 0 ? limits->high_water : usual.high_water;
    limits->grace_ms = limits->grace_ms != 0 ? limits->grace_ms : usual.grace_ms;
}

void dbr_discovery_start(struct dbr_core *core, dbr_time now)
{
    core->discovery.limits = core->config.discovery;
    dbr_discovery_limits_default(&core->discovery.limits);
    core->discovery.at = now;
}

void dbr_discovery_soon(struct dbr_core *core, dbr_time now)
{
    struct dbr_discovery *discovery = &core->discovery;
    dbr_time may = dbr_time_add(discovery->looked_at, DBR_DISCOVERY_PAUSE_MS);
    discovery->at = dbr_time_min(discovery->at, may > now ? may : now);
}

/* ---- Too few ---------------------------------------------------------------------- */

static bool is_tried(const struct dbr_discovery *discovery, const struct dbr_peer_id *id)
{
    for (uint32_t i = 0; i < discovery->n_tried; i++) {
        if (dbr_peer_id_equal(&discovery->tried[i], id)) {
            return true;
        }
    }
    return false;
}

struct choice {
    struct dbr_core *core;
    struct dbr_peer_id peer;
    uint32_t failures;
    uint32_t n; /* that are as good */
};

/* Of those that failed least, any: with the same chance. */
static void consider(void *user, const struct dbr_peer_info *info)
{
    struct choice *choice = user;
    struct dbr_core *core = choice->core;
    struct dbr_multiaddr addr;
    bool is_for_us = info->cls == DBR_PEER_MEMBER ||
                     (core->config.open && info->cls == DBR_PEER_STRANGER);
    if (info->connected || info->kept || !is_for_us ||
        is_tried(&core->discovery, &info->id) ||
        dbr_swarm_dial_addrs(core->swarm, &info->id, &addr, 1) == 0 ||
        (choice->n > 0 && info->failures > choice->failures)) {
        return;
    }
    if (choice->n == 0 || info->failures < choice->failures) {
        choice->n = 0;
        choice->failures = info->failures;
    }
    choice->n++;
    if (dbr_rng_below(core->rng, choice->n) == 0) {
        choice->peer = info->id;
    }
}

/* False: there is nobody left to dial. */
static bool dial_one(struct dbr_core *core, dbr_time now)
{
    DBR_FAILPOINT("core.discovery.dial_one");
    struct dbr_discovery *discovery = &core->discovery;
    struct choice choice = {.core = core};
    struct dbr_multiaddr addr = {0};
    if (discovery->n_tried == DBR_DISCOVERY_TRIED_MAX) {
        return false;
    }
    dbr_swarm_each_known(core->swarm, consider, &choice);
    if (choice.n == 0) {
        return false;
    }
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_DISCOVERY, DBR_TIME_NEVER);
    if (ticket == NULL) {
        return false;
    }
    ticket->peer = choice.peer;
    discovery->tried[discovery->n_tried++] = choice.peer;
    discovery->n_dials++;
    dbr_multiaddr_set_peer(&addr, &choice.peer);
    dbr_swarm_connect(core->swarm, &addr, ticket->token, now);
    return true;
}

static void dial_more(struct dbr_core *core, dbr_time now)
{
    const struct dbr_discovery *discovery = &core->discovery;
    while (!core->is_stopping && discovery->n_dials < discovery->limits.dials &&
           dbr_swarm_connected_count(core->swarm) + discovery->n_dials <
               discovery->limits.low_water &&
           dial_one(core, now)) {
    }
}

void dbr_discovery_dialed(struct dbr_core *core, struct dbr_ticket *ticket,
                          const struct dbr_swarm_event *event, dbr_time now)
{
    core->discovery.n_dials--;
    if (event->status == 0) {
        dbr_kad_link_claim(core->kad, &event->peer);
    }
    dbr_ticket_destroy(core, ticket);
    dial_more(core, now);
}

/* ---- Lost -------------------------------------------------------------------------- */

/* Any, with the same chance. */
static void consider_lost(void *user, const struct dbr_peer_info *info)
{
    struct choice *choice = user;
    struct dbr_multiaddr addr;
    bool is_lost =
        info->kept && !info->connected &&
        (info->failures > 0 ||
         dbr_swarm_dial_addrs(choice->core->swarm, &info->id, &addr, 1) == 0);
    if (is_lost && dbr_rng_below(choice->core->rng, ++choice->n) == 0) {
        choice->peer = info->id;
    }
}

static void search(struct dbr_core *core, dbr_time now)
{
    DBR_FAILPOINT("core.discovery.search");
    struct choice choice = {.core = core};
    if (core->kad == NULL || core->is_stopping || core->discovery.is_searching) {
        return;
    }
    dbr_swarm_each_known(core->swarm, consider_lost, &choice);
    struct dbr_ticket *ticket =
        choice.n > 0 ? dbr_ticket_create(core, DBR_TICKET_SEARCH, DBR_TIME_NEVER) : NULL;
    if (ticket == NULL) {
        return;
    }
    if (dbr_dht_find_peer(core->kad->dht, ticket->token, &choice.peer, true, now) != 0) {
        dbr_ticket_destroy(core, ticket);
        return;
    }
    ticket->state = DBR_TICKET_LOOKING;
    core->discovery.is_searching = true;
}

void dbr_discovery_found(struct dbr_core *core, struct dbr_ticket *ticket,
                         const struct dbr_dht_event *event, dbr_time now)
{
    core->discovery.is_searching = false;
    dbr_ticket_destroy(core, ticket);
    if (event->status == 0) {
        dbr_swarm_hint(core->swarm, &event->peer, event->addrs, event->n_addrs, now);
    }
}

/* ---- Too many ---------------------------------------------------------------------- */

struct burden {
    const struct dbr_core *core;
    dbr_time now;
    struct dbr_peer_id peers[DBR_DISCOVERY_TRIED_MAX];
    size_t n;
};

/* Members that dialed us know why; clients are what we are here for. */
static void weigh(void *user, const struct dbr_peer_info *info)
{
    struct burden *burden = user;
    uint32_t grace_ms = burden->core->discovery.limits.grace_ms;
    bool may_go = info->cls == DBR_PEER_STRANGER ||
                  (info->cls == DBR_PEER_MEMBER && !info->inbound);
    if (info->connected && may_go && !info->kept && info->n_streams == 0 &&
        dbr_time_add(info->since, grace_ms) <= burden->now &&
        burden->n < DBR_DISCOVERY_TRIED_MAX) {
        burden->peers[burden->n++] = info->id;
    }
}

static void let_go(struct dbr_core *core, dbr_time now)
{
    DBR_FAILPOINT("core.discovery.let_go");
    const struct dbr_discovery_limits *limits = &core->discovery.limits;
    struct burden burden = {.core = core, .now = now};
    size_t n = dbr_swarm_connected_count(core->swarm);
    if (n <= limits->high_water) {
        return;
    }
    dbr_swarm_each_known(core->swarm, weigh, &burden);
    for (size_t i = 0; i < burden.n && n > limits->low_water; i++, n--) {
        dbr_swarm_disconnect(core->swarm, &burden.peers[i], now);
    }
}

/* ---- Time -------------------------------------------------------------------------- */

dbr_time dbr_discovery_deadline(const struct dbr_core *core)
{
    return core->discovery.at;
}

void dbr_discovery_expire(struct dbr_core *core, dbr_time now)
{
    struct dbr_discovery *discovery = &core->discovery;
    uint32_t pause = discovery->limits.interval_ms;
    if (now < discovery->at) {
        return;
    }
    discovery->n_tried = 0;
    discovery->looked_at = now;
    search(core, now);
    dial_more(core, now);
    let_go(core, now);
    discovery->at =
        dbr_time_add(now, pause - pause / 8 + dbr_rng_below(core->rng, pause / 4 + 1));
}
