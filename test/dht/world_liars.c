/* What nodes that are not honest answer. */
#include "base/check.h"
#include "peers.h"
#include "world.h"

#define FLOOD 4

struct lie {
    struct dbr_dht_peer peers[DBR_DHT_MESSAGE_PEERS_MAX];
    struct dbr_multiaddr addrs[DBR_DHT_MESSAGE_PEERS_MAX];
    size_t n;
};

static void add(struct lie *lie, const struct dbr_peer_id *id, struct dbr_multiaddr addr)
{
    lie->addrs[lie->n] = addr;
    lie->peers[lie->n] =
        (struct dbr_dht_peer){.id = *id, .addrs = &lie->addrs[lie->n], .n_addrs = 1};
    lie->n++;
}

/* Its like that are closest to what is asked. */
static void name_friends(const struct world *world, struct lie *lie,
                         const struct dbr_dht_key *target, enum world_character character)
{
    const struct world_node *closest[DBR_DHT_MESSAGE_PEERS_MAX];
    size_t n = 0;
    for (uint32_t slot = 0; slot < world->config.n_nodes; slot++) {
        const struct world_node *node = &world->nodes[slot];
        size_t at = n;
        if (node->character != character) {
            continue;
        }
        while (at > 0 &&
               dbr_dht_key_compare(target, &node->key, &closest[at - 1]->key) < 0) {
            at--;
        }
        if (at < DBR_DHT_MESSAGE_PEERS_MAX) {
            n += n < DBR_DHT_MESSAGE_PEERS_MAX;
            memmove(&closest[at + 1], &closest[at], (n - at - 1) * sizeof(closest[0]));
            closest[at] = node;
        }
    }
    for (size_t i = 0; i < n; i++) {
        add(lie, &closest[i]->id, world_addr(world, closest[i]->number));
    }
}

static struct dbr_multiaddr nowhere(struct dbr_rng *rng)
{
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint = {.port = 9};
    dbr_rng_fill(rng, endpoint.ip, 4);
    endpoint.ip[0] = 200;
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return addr;
}

/* Next to what is asked: closer than any that lives. */
static void invent(struct lie *lie, const struct dbr_dht_key *target, struct dbr_rng *rng)
{
    while (lie->n < DBR_DHT_MESSAGE_PEERS_MAX) {
        struct dbr_peer_id id = {.len = 34, .bytes = {0x12, 32}};
        struct dbr_dht_key key;
        for (int tries = 0; tries < 32; tries++) {
            dbr_rng_fill(rng, id.bytes + 2, 32);
            dbr_dht_key_of_peer(&key, &id);
            if (dbr_dht_key_prefix(&key, target) >= 4) {
                break;
            }
        }
        add(lie, &id, nowhere(rng));
    }
}

static void slander(const struct world *world, struct lie *lie,
                    const struct dbr_dht_key *target, struct dbr_rng *rng)
{
    uint32_t slots[DBR_DHT_MESSAGE_PEERS_MAX + 1];
    size_t n = world_closest(world, slots, DBR_DHT_MESSAGE_PEERS_MAX, target, true,
                             UINT32_MAX, world->now);
    for (size_t i = 0; i < n; i++) {
        add(lie, &world->nodes[slots[i]].id, nowhere(rng));
    }
}

bool world_lie(struct world *world, const struct world_node *node,
               const struct dbr_dht_message *request, struct dbr_buf *answer)
{
    struct lie lie = {.n = 0};
    struct dbr_dht_key target;
    dbr_dht_key_of(&target, request->key);
    if (node->character == WORLD_FRIENDS || node->character == WORLD_GROUP) {
        name_friends(world, &lie, &target, node->character);
    } else if (node->character == WORLD_INVENTS || node->character == WORLD_FLOODS) {
        invent(&lie, &target, &world->rng);
    } else if (node->character == WORLD_SLANDER) {
        slander(world, &lie, &target, &world->rng);
    }
    struct dbr_dht_message message = {
        .type = request->type, .closer = lie.peers, .n_closer = lie.n};
    size_t times = node->character == WORLD_FLOODS ? FLOOD : 1;
    bool ok = node->character != WORLD_SILENT;
    for (size_t i = 0; ok && i < times; i++) { /* one message: its lists are joined */
        ok = dbr_dht_message_encode(answer, &message) == 0;
    }
    return ok;
}
