#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "crypto/hash.h"
#include "peers.h"

#define DIAL_GIVE_UP_MS 5000
#define FLOOD_REQUESTS  12
#define WALL_MS         1800000000000u /* unix time at 0 */
#define LIFE_MS         864000000u     /* of a value */
#define FNV_PRIME       0x100000001b3u

enum item_type {
    ITEM_DIALLED, /* the connection is there, and data is sent on it */
    ITEM_REQUEST,
    ITEM_ANSWER,
    ITEM_FAILED,
    ITEM_GONE, /* a connection */
    ITEM_JOIN,
    ITEM_TIMER
};

struct world_item {
    dbr_time at;
    uint64_t seq;
    enum item_type type;
    uint32_t from; /* numbers */
    uint32_t to;
    uint64_t request; /* of `from`; of an answer of `to` */
    bool one_way;
    struct dbr_buf data;
};

/* ---- The heap of what is to come -----------------------------------------------------
 */

static bool is_before(const struct world_item *a, const struct world_item *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void push(struct world *world, struct world_item *item, dbr_time at)
{
    item->at = at;
    item->seq = world->next_seq++;
    if (world->n_heap == world->cap_heap) {
        world->cap_heap = world->cap_heap == 0 ? 1024 : 2 * world->cap_heap;
        world->heap = realloc(world->heap, world->cap_heap * sizeof(*item));
        dbr_assert(world->heap != NULL);
    }
    size_t at_place = world->n_heap++;
    while (at_place > 0 && is_before(item, &world->heap[(at_place - 1) / 2])) {
        world->heap[at_place] = world->heap[(at_place - 1) / 2];
        at_place = (at_place - 1) / 2;
    }
    world->heap[at_place] = *item;
}

static struct world_item pop(struct world *world)
{
    struct world_item top = world->heap[0];
    struct world_item last = world->heap[--world->n_heap];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->n_heap) {
            break;
        }
        if (child + 1 < world->n_heap &&
            is_before(&world->heap[child + 1], &world->heap[child])) {
            child++;
        }
        if (!is_before(&world->heap[child], &last)) {
            break;
        }
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return top;
}

/* ---- Who is who ----------------------------------------------------------------------
 */

static uint32_t number_of(const struct dbr_peer_id *id)
{
    const uint8_t *key = id->bytes + 6; /* 00 24 08 01 12 20 */
    return (uint32_t)key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 |
           (uint32_t)key[3] << 24;
}

static struct world_node *living(const struct world *world, uint32_t number)
{
    uint32_t slot = number < world->config.numbers ? world->slots[number] : 0;
    return slot == 0 ? NULL : &world->nodes[slot - 1];
}

enum world_character world_character(const struct world *world, uint32_t number)
{
    /* Number 0, where all join, is honest. */
    if (number == 0 || number * 7919u % 1000 >= world->config.hostile_per_1000) {
        return WORLD_HONEST;
    }
    return (enum world_character)(1 + number % (WORLD_CHARACTERS - 1));
}

struct dbr_multiaddr world_addr(const struct world *world, uint32_t number)
{
    uint32_t net = number * 2654435761u >> 16;
    bool grouped = world_character(world, number) == WORLD_GROUP;
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint = {
        .ip = {(uint8_t)(grouped ? 66 : 11 + (net >> 8) % 100),
               (uint8_t)(grouped ? 6 : net), (uint8_t)(number >> 8), (uint8_t)number},
        .port = (uint16_t)(1000 + (number >> 16))};
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return addr;
}

static bool bit(const uint8_t *bits, uint32_t number)
{
    return (bits[number / 8] >> number % 8 & 1) != 0;
}

bool world_is_connected(const struct world_node *node, uint32_t number)
{
    return bit(node->connected, number);
}

static void set_bit(uint8_t *bits, uint32_t number, bool to)
{
    uint8_t mask = (uint8_t)(1u << number % 8);
    bits[number / 8] = (uint8_t)(to ? bits[number / 8] | mask : bits[number / 8] & ~mask);
}

static size_t book_addrs(void *user, const struct dbr_peer_id *peer,
                         struct dbr_multiaddr *out, size_t max)
{
    const struct world_node *node = user;
    uint32_t number = number_of(peer);
    bool is_ours = peer->len == 38 && number < node->world->config.numbers &&
                   bit(node->known, number);
    if (!is_ours || max == 0) {
        return 0;
    }
    out[0] = world_addr(node->world, number);
    return 1;
}

/* ---- The toy that signs --------------------------------------------------------------
 */

static void toy_hash(uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text,
                     const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    memset(signature, 7, DBR_SIGNATURE_SIZE);
    dbr_sha256_two(signature, dbr_bytes(public_key, DBR_PUBLIC_KEY_SIZE), text);
}

static void toy_sign(const struct dbr_dht_signer *signer,
                     uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text)
{
    toy_hash(signature, text, signer->identity->public_key);
}

static bool toy_verify(const struct dbr_dht_signer *signer,
                       const uint8_t signature[DBR_SIGNATURE_SIZE], debros_bytes text,
                       const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    uint8_t right[DBR_SIGNATURE_SIZE];
    (void)signer;
    toy_hash(right, text, public_key);
    return memcmp(right, signature, sizeof(right)) == 0;
}

/* ---- Nodes ---------------------------------------------------------------------------
 */

static void birth(struct world *world, uint32_t slot)
{
    struct world_node *node = &world->nodes[slot];
    size_t bytes = world->config.numbers / 8 + 1;
    uint32_t number = world->next_number++;
    struct dbr_dht_config config = {.server = true,
                                    .directory = {.user = node, .addrs = book_addrs}};
    struct dbr_multiaddr addr = world_addr(world, number);
    dbr_assert(number < world->config.numbers);
    *node = (struct world_node){.number = number,
                                .born = world->now,
                                .timer = DBR_TIME_NEVER,
                                .world = world,
                                .known = calloc(1, bytes),
                                .connected = calloc(1, bytes)};
    dbr_assert(node->known != NULL && node->connected != NULL);
    node->id = config.self = peer_of(number);
    node->key = key_of(number);
    node->character = world_character(world, number);
    dbr_rng_seed(&node->rng, dbr_rng_u64(&world->rng));
    memcpy(node->pair.public_key, node->id.bytes + 6, sizeof(node->pair.public_key));
    node->signer = (struct dbr_dht_signer){
        .sign = toy_sign, .verify = toy_verify, .identity = &node->pair};
    config.rules = (struct dbr_dht_rules){
        .kinds = dbr_dht_kinds, .n_kinds = DBR_DHT_KINDS, .signer = &node->signer};
    config.wall_ms = WALL_MS + world->now;
    dbr_dht_limits_default(&config.limits);
    config.limits.query.paths = world->config.paths;
    if (world->config.records != 0) {
        struct dbr_dht_records_limits *records = &config.limits.records;
        records->values.values = records->providers.keys = world->config.records;
        records->values.per_writer = world->config.records / 4;
        records->providers.per_peer = world->config.records / 4;
    }
    config.limits.contacts = world->config.numbers; /* nobody closes a connection here */
    dbr_assert(dbr_dht_create(&node->dht, &config, &node->rng, world->now) == 0);
    dbr_dht_set_addrs(node->dht, &addr, 1);
    world->slots[number] = slot + 1;
}

static void bury(struct world_node *node)
{
    dbr_dht_destroy(node->dht);
    free(node->known);
    free(node->connected);
    node->dht = NULL;
}

static dbr_time later(struct world *world, uint32_t hops)
{
    const struct world_config *c = &world->config;
    dbr_time at = world->now;
    for (uint32_t i = 0; i < hops; i++) {
        at += c->delay_min_ms +
              dbr_rng_below(&world->rng, c->delay_max_ms - c->delay_min_ms + 1);
    }
    return at;
}

static bool is_lost(struct world *world)
{
    return dbr_rng_below(&world->rng, 1000) < world->config.loss_per_1000;
}

static void join(struct world *world, uint32_t from, uint32_t to, dbr_time at)
{
    struct world_item item = {.type = ITEM_JOIN, .from = from, .to = to};
    push(world, &item, at);
}

struct world *world_create(const struct world_config *config, uint32_t join_ms)
{
    struct world *world = calloc(1, sizeof(*world));
    dbr_assert(world != NULL);
    world->config = *config;
    if (config->numbers == 0) {
        world->config.numbers = config->n_nodes;
    }
    world->now = 1000;
    world->nodes = calloc(config->n_nodes, sizeof(*world->nodes));
    world->slots = calloc(world->config.numbers, sizeof(*world->slots));
    dbr_assert(world->nodes != NULL && world->slots != NULL);
    dbr_rng_seed(&world->rng, config->seed);
    for (uint32_t slot = 0; slot < config->n_nodes; slot++) {
        birth(world, slot);
        if (slot > 0) {
            join(world, slot, 0, world->now + dbr_rng_below(&world->rng, join_ms + 1));
        }
    }
    return world;
}

void world_destroy(struct world *world)
{
    for (uint32_t slot = 0; slot < world->config.n_nodes; slot++) {
        bury(&world->nodes[slot]);
    }
    for (size_t i = 0; i < world->n_heap; i++) {
        dbr_buf_finish(&world->heap[i].data);
    }
    free(world->heap);
    for (size_t i = 0; i < world->n_firsts; i++) {
        dbr_buf_finish(&world->firsts[i].envelope);
    }
    free(world->firsts);
    free(world->lookups);
    free(world->slots);
    free(world->nodes);
    free(world);
}

void world_replace(struct world *world, uint32_t slot)
{
    struct world_node *node = &world->nodes[slot];
    uint32_t number = node->number;
    for (uint32_t i = 0; i < world->next_number; i++) {
        if (bit(node->connected, i)) {
            struct world_item item = {.type = ITEM_GONE, .from = number, .to = i};
            push(world, &item, later(world, 1));
        }
    }
    bury(node);
    world->slots[number] = 0;
    birth(world, slot);
    uint32_t to = world_honest(world);
    if (to == slot) {
        to = slot == 0 ? 1 : slot - 1;
    }
    join(world, node->number, world->nodes[to].number, world->now);
}

/* ---- What a node wants ---------------------------------------------------------------
 */

static void fail_later(struct world *world, const struct world_node *node,
                       const struct dbr_dht_event *event, dbr_time at)
{
    struct world_item item = {
        .type = ITEM_FAILED, .from = node->number, .request = event->request};
    push(world, &item, at);
}

static bool is_at(const struct world *world, uint32_t number,
                  const struct dbr_dht_event *event)
{
    struct dbr_multiaddr addr = world_addr(world, number);
    for (size_t i = 0; i < event->n_addrs; i++) {
        if (dbr_multiaddr_equal(&addr, &event->addrs[i])) {
            return true;
        }
    }
    return false;
}

static void send(struct world *world, struct world_node *node,
                 const struct dbr_dht_event *event)
{
    uint32_t number = number_of(&event->peer);
    struct world_node *to = living(world, number);
    to = to != NULL && dbr_peer_id_equal(&to->id, &event->peer) ? to : NULL;
    struct world_item item = {.type = ITEM_REQUEST,
                              .from = node->number,
                              .to = number,
                              .request = event->request,
                              .one_way = event->one_way};
    bool connected = to != NULL && bit(node->connected, number);
    if (!connected && (to == NULL || !is_at(world, number, event))) {
        /* Refused by whoever is there now, or nobody at all. */
        bool refused = dbr_rng_below(&world->rng, 2) == 0;
        fail_later(world, node, event,
                   refused ? later(world, 2) : world->now + DIAL_GIVE_UP_MS);
        return;
    }
    item.type = connected ? ITEM_REQUEST : ITEM_DIALLED;
    if (connected && is_lost(world)) {
        return;
    }
    if (event->type == DBR_DHT_EVENT_SEND) {
        dbr_buf_add(&item.data, event->data.data, event->data.len);
        world->n_bytes += event->data.len;
    }
    world->n_messages++;
    push(world, &item, later(world, connected ? 1 : 3));
}

static void finish_lookup(struct world *world, const struct dbr_dht_event *event)
{
    struct world_lookup *lookup = &world->lookups[event->token - 1];
    dbr_assert(event->token <= world->n_lookups && lookup->ended == 0);
    lookup->ended = world->now;
    lookup->status = event->status;
    lookup->stats = event->stats;
    lookup->stored = event->stored;
    lookup->n_data = event->data.len;
    lookup->crc = dbr_crc32c(0, event->data.data, event->data.len);
    lookup->n_found = event->n_peers < DBR_DHT_MESSAGE_PEERS_MAX
                          ? event->n_peers
                          : DBR_DHT_MESSAGE_PEERS_MAX;
    if (lookup->n_found > 0) {
        memcpy(lookup->found, event->peers, lookup->n_found * sizeof(lookup->found[0]));
    }
}

static void answer(struct world *world, const struct world_node *node, uint32_t to,
                   uint64_t request, debros_bytes data)
{
    struct world_item item = {
        .type = ITEM_ANSWER, .from = node->number, .to = to, .request = request};
    if (is_lost(world)) {
        return;
    }
    dbr_buf_add(&item.data, data.data, data.len);
    world->n_messages++;
    world->n_bytes += data.len;
    push(world, &item, later(world, 1));
}

/* `asker` and `request`: whose message the machine has just been given. */
static void drain(struct world *world, struct world_node *node, uint32_t asker,
                  uint64_t request)
{
    struct dbr_dht_event event;
    while (dbr_dht_poll(node->dht, &event)) {
        world->trace ^= event.type ^ event.data.len ^ world->now;
        world->trace *= FNV_PRIME;
        if (event.type == DBR_DHT_EVENT_SEND || event.type == DBR_DHT_EVENT_PING) {
            send(world, node, &event);
        } else if (event.type == DBR_DHT_EVENT_ANSWER) {
            answer(world, node, asker, request, event.data);
        } else if (event.type == DBR_DHT_EVENT_RESET) {
            struct world_item item = {
                .type = ITEM_FAILED, .from = asker, .request = request};
            push(world, &item, later(world, 1));
        } else if (event.type == DBR_DHT_EVENT_DONE) {
            finish_lookup(world, &event);
        }
    }
    dbr_time at = dbr_dht_deadline(node->dht);
    if (at < node->timer) {
        struct world_item item = {.type = ITEM_TIMER, .from = node->number};
        node->timer = at > world->now ? at : world->now;
        push(world, &item, node->timer);
    }
}

/* ---- What happens --------------------------------------------------------------------
 */

static void connect_nodes(struct world *world, struct world_node *from,
                          struct world_node *to)
{
    struct dbr_multiaddr at_from = world_addr(world, from->number);
    struct dbr_multiaddr at_to = world_addr(world, to->number);
    if (bit(from->connected, to->number)) {
        return;
    }
    set_bit(from->connected, to->number, true);
    set_bit(from->known, to->number, true);
    set_bit(to->connected, from->number, true);
    set_bit(to->known, from->number, true);
    dbr_dht_identified(from->dht, &to->id, &at_to, true, true, world->now);
    dbr_dht_identified(to->dht, &from->id, &at_from, false, true, world->now);
    drain(world, from, 0, 0);
    drain(world, to, 0, 0);
}

/* All at once, to whoever asked. */
static void flood(struct world *world, const struct world_node *node,
                  struct world_node *victim)
{
    for (size_t i = 0; i < FLOOD_REQUESTS; i++) {
        struct dbr_buf request = {0};
        world_flood(world, node, victim, i, &request);
        (void)dbr_dht_request(victim->dht, world->next_seq++, &node->id,
                              dbr_bytes(request.data, request.len), world->now);
        dbr_buf_finish(&request);
    }
    drain(world, victim, node->number, 0);
}

static void lie(struct world *world, struct world_node *node,
                const struct world_item *item)
{
    struct dbr_dht_message request;
    struct dbr_arena arena;
    struct dbr_buf data = {0};
    dbr_arena_init(&arena, DBR_DHT_UNPACKED_MAX);
    if (dbr_dht_message_decode(&request, &arena,
                               dbr_bytes(item->data.data, item->data.len)) == 0 &&
        world_lie(world, node, &request, &data)) {
        answer(world, node, item->from, item->request, dbr_bytes(data.data, data.len));
    }
    dbr_buf_finish(&data);
    dbr_arena_finish(&arena);
}

static void take_request(struct world *world, struct world_node *node,
                         const struct world_item *item)
{
    struct world_node *from = living(world, item->from);
    node->messages++;
    if (from == NULL) {
        return;
    }
    if (item->data.len == 0) { /* a ping */
        answer(world, node, item->from, item->request, dbr_bytes(NULL, 0));
    } else if (node->character != WORLD_HONEST) {
        lie(world, node, item);
        if (node->character == WORLD_FLOODS) {
            flood(world, node, from);
        }
    } else if (dbr_dht_request(node->dht, item->seq, &from->id,
                               dbr_bytes(item->data.data, item->data.len),
                               world->now) == 0) {
        drain(world, node, item->from, item->request);
    }
    if (item->one_way) {
        answer(world, node, item->from, item->request, dbr_bytes(NULL, 0));
    }
}

static void dialled(struct world *world, struct world_item *item)
{
    struct world_node *from = living(world, item->from);
    struct world_node *to = living(world, item->to);
    struct world_item next = *item;
    if (from != NULL && to == NULL) { /* it died meanwhile */
        next = (struct world_item){
            .type = ITEM_FAILED, .from = item->from, .request = item->request};
        push(world, &next, later(world, 1));
    } else if (from != NULL) {
        next.data = dbr_buf_take(&item->data);
        next.type = ITEM_REQUEST;
        push(world, &next, later(world, 1));
        connect_nodes(world, from, to);
    }
}

static void happen_to(struct world *world, struct world_node *node,
                      const struct world_item *item)
{
    if (item->type == ITEM_ANSWER) {
        node->messages++;
        dbr_dht_answered(node->dht, item->request,
                         dbr_bytes(item->data.data, item->data.len), world->now);
    } else if (item->type == ITEM_FAILED) {
        dbr_dht_failed(node->dht, item->request, world->now);
    } else if (item->type == ITEM_GONE) {
        struct dbr_peer_id gone = peer_of(item->from);
        set_bit(node->connected, item->from, false);
        dbr_dht_disconnected(node->dht, &gone, world->now);
    } else if (item->type == ITEM_TIMER) {
        node->timer = DBR_TIME_NEVER;
        dbr_dht_expire(node->dht, world->now);
    }
    drain(world, node, 0, 0);
}

static void happen(struct world *world, struct world_item *item)
{
    bool to_sender = item->type == ITEM_FAILED || item->type == ITEM_TIMER;
    struct world_node *node = living(world, to_sender ? item->from : item->to);
    struct world_node *from = living(world, item->from);
    world->trace = (world->trace ^ item->type ^ (uint64_t)item->from << 8 ^
                    (uint64_t)item->to << 32) *
                   FNV_PRIME;
    if (item->type == ITEM_DIALLED) {
        dialled(world, item);
    } else if (item->type == ITEM_JOIN && node != NULL && from != NULL) {
        connect_nodes(world, from, node);
    } else if (item->type == ITEM_REQUEST && node != NULL) {
        take_request(world, node, item);
    } else if (item->type == ITEM_REQUEST && from != NULL) {
        struct world_item failed = {
            .type = ITEM_FAILED, .from = item->from, .request = item->request};
        push(world, &failed, later(world, 1));
    } else if (node != NULL && item->type != ITEM_JOIN) {
        happen_to(world, node, item);
    }
    dbr_buf_finish(&item->data);
}

void world_run(struct world *world, dbr_time until)
{
    while (world->n_heap > 0 && world->heap[0].at <= until) {
        struct world_item item = pop(world);
        world->now = item.at;
        happen(world, &item);
    }
    world->now = until;
}

/* ---- Lookups -------------------------------------------------------------------------
 */

uint32_t world_honest(struct world *world)
{
    for (;;) {
        uint32_t slot = (uint32_t)dbr_rng_below(&world->rng, world->config.n_nodes);
        if (world->nodes[slot].character == WORLD_HONEST) {
            return slot;
        }
    }
}

static struct world_lookup *add_lookup(struct world *world, uint32_t slot,
                                       debros_bytes key)
{
    if (world->n_lookups == world->cap_lookups) {
        world->cap_lookups = world->cap_lookups == 0 ? 64 : 2 * world->cap_lookups;
        world->lookups =
            realloc(world->lookups, world->cap_lookups * sizeof(*world->lookups));
        dbr_assert(world->lookups != NULL);
    }
    struct world_lookup *lookup = &world->lookups[world->n_lookups++];
    *lookup = (struct world_lookup){.token = world->n_lookups,
                                    .node = slot,
                                    .number = world->nodes[slot].number,
                                    .begun = world->now};
    dbr_dht_key_of(&lookup->target, key);
    return lookup;
}

void world_look(struct world *world, uint32_t slot, debros_bytes key)
{
    struct world_node *node = &world->nodes[slot];
    uint64_t token = add_lookup(world, slot, key)->token;
    dbr_assert(dbr_dht_find_closest(node->dht, token, key, world->now) == 0);
    drain(world, node, 0, 0);
}

static debros_bytes name_key(const struct world *world, uint32_t writer, unsigned name,
                             char out[WORLD_KEY_SIZE])
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    int len = snprintf(out, WORLD_KEY_SIZE, "/debros/app/%s/%u",
                       dbr_peer_id_text(&world->nodes[writer].id, text), name);
    return dbr_bytes(out, (size_t)len);
}

uint64_t world_end_of_life(const struct world *world)
{
    return WALL_MS + world->now + LIFE_MS;
}

static void keep_first(struct world *world, debros_bytes key,
                       const struct dbr_buf *envelope)
{
    world->firsts =
        realloc(world->firsts, (world->n_firsts + 1) * sizeof(*world->firsts));
    dbr_assert(world->firsts != NULL);
    struct world_first *first = &world->firsts[world->n_firsts++];
    *first = (struct world_first){.len = key.len};
    memcpy(first->key, key.data, key.len);
    dbr_buf_add(&first->envelope, envelope->data, envelope->len);
}

uint32_t world_put(struct world *world, uint32_t slot, unsigned name, uint64_t version)
{
    struct world_node *node = &world->nodes[slot];
    char text[WORLD_KEY_SIZE];
    debros_bytes key = name_key(world, slot, name, text);
    struct dbr_buf envelope = {0};
    dbr_assert(dbr_dht_envelope_seal(&envelope, &node->signer, key, version,
                                     world_end_of_life(world),
                                     dbr_bytes_str("value")) == 0);
    if (version == 1) {
        keep_first(world, key, &envelope);
    }
    uint64_t token = add_lookup(world, slot, key)->token;
    uint32_t crc = dbr_crc32c(0, envelope.data, envelope.len);
    dbr_assert(dbr_dht_put(node->dht, token, key, dbr_bytes(envelope.data, envelope.len),
                           world->now) == 0);
    dbr_buf_finish(&envelope);
    drain(world, node, 0, 0);
    return crc;
}

void world_get(struct world *world, uint32_t slot, uint32_t writer, unsigned name)
{
    struct world_node *node = &world->nodes[slot];
    char text[WORLD_KEY_SIZE];
    debros_bytes key = name_key(world, writer, name, text);
    uint64_t token = add_lookup(world, slot, key)->token;
    dbr_assert(dbr_dht_get(node->dht, token, key, 0, world->now) == 0);
    drain(world, node, 0, 0);
}

void world_provide(struct world *world, uint32_t slot, debros_bytes key)
{
    struct world_node *node = &world->nodes[slot];
    uint64_t token = add_lookup(world, slot, key)->token;
    dbr_assert(dbr_dht_provide(node->dht, token, key, world->now) == 0);
    drain(world, node, 0, 0);
}

void world_find_providers(struct world *world, uint32_t slot, debros_bytes key)
{
    struct world_node *node = &world->nodes[slot];
    uint64_t token = add_lookup(world, slot, key)->token;
    dbr_assert(dbr_dht_find_providers(node->dht, token, key, 0, world->now) == 0);
    drain(world, node, 0, 0);
}

size_t world_closest(const struct world *world, uint32_t *out, size_t n,
                     const struct dbr_dht_key *target, bool honest, uint32_t except,
                     dbr_time born)
{
    size_t found = 0;
    for (uint32_t slot = 0; slot < world->config.n_nodes; slot++) {
        const struct world_node *node = &world->nodes[slot];
        if (slot == except || node->born > born ||
            (honest && node->character != WORLD_HONEST)) {
            continue;
        }
        size_t at = found;
        while (at > 0 && dbr_dht_key_compare(target, &node->key,
                                             &world->nodes[out[at - 1]].key) < 0) {
            at--;
        }
        if (at < n) {
            found += found < n;
            memmove(&out[at + 1], &out[at], (found - at - 1) * sizeof(out[0]));
            out[at] = slot;
        }
    }
    return found;
}
