/* Packets of multicast DNS to a node that listens somewhere. Whatever it sends is read
 * again by another one. */
#include "fuzz.h"
#include "swarm/mdns.h"

static void init(struct dbr_mdns *mdns, struct dbr_rng *rng, uint8_t number)
{
    struct dbr_mdns_limits limits;
    struct dbr_peer_id self = {.len = 3, .bytes = {0, 1, number}};
    struct dbr_multiaddr addr;
    dbr_mdns_limits_default(&limits);
    limits.events = 16;
    dbr_rng_seed(rng, number);
    dbr_assert(dbr_mdns_init(mdns, &self, NULL, &limits, rng, 0) == 0);
    dbr_assert(dbr_multiaddr_parse(&addr, "/ip4/10.0.0.1/tcp/1", NULL) == 0);
    dbr_mdns_set_addrs(mdns, &addr, 1, 0);
}

static void check_found(const struct dbr_mdns *mdns, const struct dbr_mdns_event *event)
{
    struct dbr_peer_id peer;
    struct dbr_endpoint endpoint;
    dbr_assert(!dbr_peer_id_is_none(&event->peer));
    dbr_assert(!dbr_peer_id_equal(&event->peer, &mdns->self));
    dbr_assert(dbr_multiaddr_endpoint(&event->addr, &endpoint));
    dbr_assert(endpoint.port != 0 && !dbr_endpoint_is_wildcard(&endpoint));
    dbr_assert(!dbr_multiaddr_peer(&event->addr, &peer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_mdns mdns;
    struct dbr_mdns other;
    struct dbr_rng rngs[2];
    struct dbr_mdns_event event;
    init(&mdns, &rngs[0], 7);
    init(&other, &rngs[1], 8);
    dbr_mdns_recv(&mdns, dbr_bytes(data, size), size % 2 == 0, 0);
    dbr_mdns_expire(&mdns, 5000);
    size_t n = 0;
    while (dbr_mdns_poll(&mdns, &event)) {
        if (event.type == DBR_MDNS_SEND) {
            dbr_mdns_recv(&other, event.packet, event.same_host, 0);
        } else {
            check_found(&mdns, &event);
        }
        n++;
    }
    dbr_assert(n <= 16 + 2 && other.stats.malformed == 0 && other.stats.found == 1);
    dbr_mdns_finish(&mdns);
    dbr_mdns_finish(&other);
    return 0;
}
