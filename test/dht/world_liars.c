/* What nodes that are not honest answer, and what they send. */
#include <stdio.h>

#include "base/check.h"
#include "peers.h"
#include "world.h"

#define FLOOD   4
#define GRINDS  32                         /* names that are tried for a close one */
#define VERSION (1u + DBR_PUBLIC_KEY_SIZE) /* where an envelope has it */

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

/* ---- Values --------------------------------------------------------------------------
 */

enum untruth {
    UNTRUE_STALE,   /* as it was written first */
    UNTRUE_ALTERED, /* that, with a higher version */
    UNTRUE_WRITER,  /* well signed, by the liar */
    UNTRUE_KEY,     /* another key's */
    UNTRUE_BARE,    /* no envelope */
    UNTRUTHS
};

static const struct world_first *first_of(const struct world *world, debros_bytes key)
{
    for (size_t i = 0; i < world->n_firsts; i++) {
        const struct world_first *first = &world->firsts[i];
        if (dbr_bytes_equal(dbr_bytes(first->key, first->len), key)) {
            return first;
        }
    }
    return NULL;
}

static void seal(const struct world *world, const struct world_node *node,
                 debros_bytes key, uint64_t version, struct dbr_buf *out)
{
    dbr_assert(dbr_dht_envelope_seal(out, &node->signer, key, version,
                                     world_end_of_life(world),
                                     dbr_bytes_str("a lie")) == 0);
}

static void forge(const struct world *world, const struct world_node *node,
                  const struct world_first *first, enum untruth untruth,
                  struct dbr_buf *out)
{
    debros_bytes key = dbr_bytes(first->key, first->len);
    const struct world_first *other =
        &world->firsts[(size_t)(first - world->firsts + 1) % world->n_firsts];
    if (untruth == UNTRUE_WRITER) {
        seal(world, node, key, 99, out);
    } else if (untruth == UNTRUE_BARE) {
        dbr_buf_add(out, "a lie", 5);
    } else if (untruth == UNTRUE_KEY) {
        dbr_buf_add(out, other->envelope.data, other->envelope.len);
    } else {
        dbr_buf_add(out, first->envelope.data, first->envelope.len);
        out->data[VERSION] = untruth == UNTRUE_ALTERED ? 99 : out->data[VERSION];
    }
}

/* A record for `key`, if it is one that was written. */
static bool lie_of_value(const struct world *world, const struct world_node *node,
                         debros_bytes key, struct dbr_buf *value)
{
    const struct world_first *first = first_of(world, key);
    if (first != NULL) {
        forge(world, node, first, (enum untruth)(node->number / 7 % UNTRUTHS), value);
    }
    return first != NULL;
}

/* ---- Answers -------------------------------------------------------------------------
 */

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
    struct dbr_dht_message message = {.type = request->type,
                                      .key = request->key,
                                      .closer = lie.peers,
                                      .n_closer = lie.n};
    struct dbr_buf value = {0};
    if (request->type == DBR_DHT_GET_PROVIDERS) {
        message.providers = lie.peers;
        message.n_providers = lie.n;
    } else if (request->type == DBR_DHT_PUT_VALUE) {
        message.has_record = request->has_record;
        message.record = request->record;
    } else if (request->type == DBR_DHT_GET_VALUE) {
        message.has_record = lie_of_value(world, node, request->key, &value);
        message.record.key = request->key;
        message.record.value = dbr_bytes(value.data, value.len);
    }
    size_t times = node->character == WORLD_FLOODS ? FLOOD : 1;
    bool ok = node->character != WORLD_SILENT;
    for (size_t i = 0; ok && i < times; i++) { /* one message: its lists are joined */
        ok = dbr_dht_message_encode(answer, &message) == 0;
    }
    dbr_buf_finish(&value);
    return ok;
}

/* ---- Floods --------------------------------------------------------------------------
 */

/* A name of the liar's own, or a key to provide, that is close to the victim. */
static debros_bytes grind(struct world *world, const struct world_node *node,
                          const struct world_node *victim, bool is_value,
                          char out[WORLD_KEY_SIZE])
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    char tried[WORLD_KEY_SIZE];
    struct dbr_dht_key best;
    size_t len = 0;
    dbr_peer_id_text(&node->id, text);
    for (int i = 0; i < GRINDS; i++) {
        struct dbr_dht_key place;
        unsigned name = (unsigned)dbr_rng_below(&world->rng, UINT32_MAX);
        int n = is_value ? snprintf(tried, sizeof(tried), "/debros/app/%s/%u", text, name)
                         : snprintf(tried, sizeof(tried), "%u", name);
        dbr_dht_key_of(&place, dbr_bytes(tried, (size_t)n));
        if (len == 0 || dbr_dht_key_compare(&victim->key, &place, &best) < 0) {
            best = place;
            len = (size_t)n;
            memcpy(out, tried, len);
        }
    }
    return dbr_bytes(out, len);
}

static void flood_value(struct world *world, const struct world_node *node,
                        const struct world_node *victim, bool forged,
                        struct dbr_buf *request)
{
    char text[WORLD_KEY_SIZE];
    struct dbr_buf value = {0};
    struct dbr_dht_message put = {.type = DBR_DHT_PUT_VALUE, .has_record = true};
    if (forged && world->n_firsts > 0) {
        const struct world_first *first =
            &world->firsts[dbr_rng_below(&world->rng, world->n_firsts)];
        put.key = dbr_bytes(first->key, first->len);
        forge(world, node, first, (enum untruth)dbr_rng_below(&world->rng, UNTRUTHS),
              &value);
    } else {
        put.key = grind(world, node, victim, true, text);
        seal(world, node, put.key, 1, &value);
    }
    put.record = (struct dbr_dht_record){.key = put.key,
                                         .value = dbr_bytes(value.data, value.len)};
    dbr_assert(dbr_dht_message_encode(request, &put) == 0);
    dbr_buf_finish(&value);
}

static void flood_provider(struct world *world, const struct world_node *node,
                           const struct world_node *victim, struct dbr_buf *request)
{
    char text[WORLD_KEY_SIZE];
    struct dbr_dht_peer self = {.id = node->id};
    struct dbr_dht_message add = {.type = DBR_DHT_ADD_PROVIDER,
                                  .key = grind(world, node, victim, false, text),
                                  .providers = &self,
                                  .n_providers = 1};
    dbr_assert(dbr_dht_message_encode(request, &add) == 0);
}

void world_flood(struct world *world, const struct world_node *node,
                 const struct world_node *victim, size_t i, struct dbr_buf *request)
{
    static const uint8_t find[] = {0x08, 0x04, 0x12, 0x01, 'x'};
    switch (i % 6) {
    case 0:
        dbr_buf_add(request, find, sizeof(find));
        break;
    case 1:
        dbr_buf_add(request, "\xff\xff\xff", 3);
        break;
    case 2:
        flood_value(world, node, victim, true, request);
        break;
    case 3:
        flood_provider(world, node, victim, request);
        break;
    default:
        flood_value(world, node, victim, false, request);
        break;
    }
}
