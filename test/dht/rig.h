/* One DHT machine, its events kept in order, and answers put into its mouth. Peers are
 * numbers (peers.h); the directory knows those of rig->known; now is 1,000 at first. */
#ifndef DBR_TEST_DHT_RIG_H
#define DBR_TEST_DHT_RIG_H

#include "test.h"

#include "base/alloc.h"
#include "dht/dht.h"
#include "peers.h"

#define RIG_SELF   0
#define RIG_PEERS  256
#define RIG_EVENTS 2048
#define RIG_WALL   1800000000000u

struct rig_event {
    struct dbr_dht_event event; /* its pointers are into the following */
    struct dbr_buf data;
    struct dbr_multiaddr addrs[DBR_DHT_PEER_ADDRS_MAX];
    struct dbr_peer_id peers[DBR_DHT_FOUND_MAX];
};

struct rig {
    struct dbr_dht *dht;
    struct dbr_dht_config config;
    struct dbr_dht_signer signer;
    struct dbr_keypair pair;
    struct dbr_rng rng;
    dbr_time now;
    bool known[RIG_PEERS];
    struct rig_event *events[RIG_EVENTS];
    size_t n_events;
    size_t read; /* events that rig_next() has given */
};

/* ---- Addresses -----------------------------------------------------------------------
 */

static inline struct dbr_multiaddr rig_addr(uint64_t number)
{
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint = {
        .ip = {(uint8_t)(20 + number / 250), (uint8_t)(number % 250), 0, 1},
        .port = 4001};
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return addr;
}

static inline uint64_t rig_number(const struct dbr_peer_id *id)
{
    for (uint64_t i = 0; i < RIG_PEERS; i++) {
        struct dbr_peer_id peer = peer_of(i);
        if (dbr_peer_id_equal(&peer, id)) {
            return i;
        }
    }
    return UINT64_MAX;
}

static inline size_t rig_addrs(void *user, const struct dbr_peer_id *peer,
                               struct dbr_multiaddr *out, size_t max)
{
    const struct rig *rig = user;
    uint64_t number = rig_number(peer);
    if (number >= RIG_PEERS || !rig->known[number] || max == 0) {
        return 0;
    }
    out[0] = rig_addr(number);
    return 1;
}

/* ---- Life ----------------------------------------------------------------------------
 */

static inline void rig_prepare(struct rig *rig)
{
    uint8_t seed[32] = {9};
    memset(rig, 0, sizeof(*rig));
    rig->now = 1000;
    dbr_rng_seed(&rig->rng, 1);
    dbr_keypair_from_seed(&rig->pair, seed);
    dbr_dht_signer_init(&rig->signer, &rig->pair);
    rig->config = (struct dbr_dht_config){.self = peer_of(RIG_SELF),
                                          .wall_ms = RIG_WALL,
                                          .server = true,
                                          .directory = {rig, rig_addrs},
                                          .rules = {.kinds = dbr_dht_kinds,
                                                    .n_kinds = DBR_DHT_KINDS,
                                                    .signer = &rig->signer}};
    dbr_dht_limits_default(&rig->config.limits);
}

static inline void rig_open(struct rig *rig)
{
    struct dbr_multiaddr addr = rig_addr(RIG_SELF);
    assert_int_equal(dbr_dht_create(&rig->dht, &rig->config, &rig->rng, rig->now), 0);
    dbr_dht_set_addrs(rig->dht, &addr, 1);
}

static inline void rig_begin(struct rig *rig)
{
    rig_prepare(rig);
    rig_open(rig);
}

static inline void rig_forget(struct rig *rig)
{
    for (size_t i = 0; i < rig->n_events; i++) {
        dbr_buf_finish(&rig->events[i]->data);
        free(rig->events[i]);
    }
    rig->n_events = rig->read = 0;
}

static inline void rig_end(struct rig *rig)
{
    dbr_dht_destroy(rig->dht);
    rig_forget(rig);
}

/* ---- Events --------------------------------------------------------------------------
 */

static inline void rig_poll(struct rig *rig)
{
    struct dbr_dht_event event;
    while (dbr_dht_poll(rig->dht, &event)) {
        struct rig_event *kept = calloc(1, sizeof(*kept));
        assert_true(kept != NULL && rig->n_events < RIG_EVENTS);
        rig->events[rig->n_events++] = kept;
        kept->event = event;
        dbr_buf_add(&kept->data, event.data.data, event.data.len);
        if (event.n_addrs > 0) {
            memcpy(kept->addrs, event.addrs, event.n_addrs * sizeof(kept->addrs[0]));
        }
        if (event.n_peers > 0) {
            memcpy(kept->peers, event.peers, event.n_peers * sizeof(kept->peers[0]));
        }
        kept->event.data = dbr_bytes(kept->data.data, kept->data.len);
        kept->event.addrs = kept->addrs;
        kept->event.peers = kept->peers;
    }
}

/* The next event of that type since the last one that was given, or NULL. */
static inline const struct dbr_dht_event *rig_next(struct rig *rig,
                                                   enum dbr_dht_event_type type)
{
    rig_poll(rig);
    while (rig->read < rig->n_events) {
        const struct dbr_dht_event *event = &rig->events[rig->read++]->event;
        if (event->type == type) {
            return event;
        }
    }
    return NULL;
}

static inline size_t rig_count(struct rig *rig, enum dbr_dht_event_type type)
{
    size_t n = 0;
    rig_poll(rig);
    for (size_t i = 0; i < rig->n_events; i++) {
        n += rig->events[i]->event.type == type;
    }
    return n;
}

static inline void rig_wait(struct rig *rig, uint64_t ms)
{
    dbr_time end = rig->now + ms;
    for (int i = 0; i < 10000 && dbr_dht_deadline(rig->dht) <= end; i++) {
        dbr_time at = dbr_dht_deadline(rig->dht);
        rig->now = at > rig->now ? at : rig->now;
        dbr_dht_expire(rig->dht, rig->now);
        rig_poll(rig);
    }
    rig->now = end;
}

/* ---- Messages ------------------------------------------------------------------------
 */

/* Free with dbr_arena_finish(). */
static inline struct dbr_dht_message rig_decode(debros_bytes data,
                                                struct dbr_arena *arena)
{
    struct dbr_dht_message message;
    dbr_arena_init(arena, DBR_DHT_UNPACKED_MAX);
    assert_int_equal(dbr_dht_message_decode(&message, arena, data), 0);
    return message;
}

static inline enum dbr_dht_type rig_type(const struct dbr_dht_event *event)
{
    struct dbr_arena arena;
    struct dbr_dht_message message = rig_decode(event->data, &arena);
    dbr_arena_finish(&arena);
    return message.type;
}

/* A list of peers with their addresses. */
struct rig_list {
    struct dbr_dht_peer peers[DBR_DHT_MESSAGE_PEERS_MAX];
    struct dbr_multiaddr addrs[DBR_DHT_MESSAGE_PEERS_MAX];
    size_t n;
};

static inline void rig_list_add(struct rig_list *list, uint64_t number)
{
    list->addrs[list->n] = rig_addr(number);
    list->peers[list->n] = (struct dbr_dht_peer){
        .id = peer_of(number), .addrs = &list->addrs[list->n], .n_addrs = 1};
    list->n++;
}

static inline void rig_reply(struct rig *rig, uint64_t request,
                             const struct dbr_dht_message *message)
{
    struct dbr_buf data = {0};
    assert_int_equal(dbr_dht_message_encode(&data, message), 0);
    dbr_dht_answered(rig->dht, request, dbr_bytes(data.data, data.len), rig->now);
    dbr_buf_finish(&data);
    rig_poll(rig);
}

/* The peers `first` to `first + n - 1` are closer. */
static inline void rig_answer(struct rig *rig, const struct dbr_dht_event *send,
                              uint64_t first, size_t n)
{
    struct rig_list list = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        rig_list_add(&list, first + i);
    }
    struct dbr_dht_message message = {
        .type = rig_type(send), .closer = list.peers, .n_closer = list.n};
    rig_reply(rig, send->request, &message);
}

/* Everything that is asked is answered with nothing new, until nothing is asked. */
static inline void rig_settle(struct rig *rig)
{
    const struct dbr_dht_event *send;
    while ((send = rig_next(rig, DBR_DHT_EVENT_SEND)) != NULL) {
        if (send->one_way) {
            dbr_dht_answered(rig->dht, send->request, dbr_bytes(NULL, 0), rig->now);
            rig_poll(rig);
        } else if (rig_type(send) == DBR_DHT_PUT_VALUE) {
            dbr_dht_answered(rig->dht, send->request, send->data, rig->now);
            rig_poll(rig);
        } else {
            rig_answer(rig, send, 0, 0);
        }
    }
}

/* Time passes, and whoever is asked answers. */
static inline void rig_live(struct rig *rig, uint64_t ms)
{
    dbr_time end = rig->now + ms;
    while (dbr_dht_deadline(rig->dht) <= end) {
        rig_wait(rig, dbr_dht_deadline(rig->dht) - rig->now);
        rig_settle(rig);
    }
    rig->now = end;
}

static inline void rig_connect(struct rig *rig, uint64_t number, bool serves)
{
    struct dbr_peer_id peer = peer_of(number);
    struct dbr_multiaddr addr = rig_addr(number);
    rig->known[number] = true;
    dbr_dht_identified(rig->dht, &peer, &addr, true, serves, rig->now);
    rig_poll(rig);
}

/* The peers `first` to `first + n - 1` come into the table, and all is quiet. */
static inline void rig_join(struct rig *rig, uint64_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rig_connect(rig, first + i, true);
        rig_settle(rig);
    }
    dbr_dht_expire(rig->dht, rig->now);
    rig_settle(rig);
    assert_true(dbr_dht_table(rig->dht)->n > 0);
    rig_forget(rig);
}

static inline void rig_request(struct rig *rig, uint64_t from,
                               const struct dbr_dht_message *message)
{
    struct dbr_peer_id peer = peer_of(from);
    struct dbr_buf data = {0};
    assert_int_equal(dbr_dht_message_encode(&data, message), 0);
    assert_int_equal(dbr_dht_request(rig->dht, 77, &peer, dbr_bytes(data.data, data.len),
                                     rig->now),
                     0);
    dbr_buf_finish(&data);
    rig_poll(rig);
}

/* An envelope for /debros/app/OURSELVES/x, and that key. */
static inline struct dbr_buf rig_envelope(const struct rig *rig, char key[128],
                                          uint64_t version)
{
    struct dbr_buf envelope = {0};
    struct dbr_peer_id writer;
    char text[DBR_PEER_ID_TEXT_SIZE];
    dbr_peer_id_from_key(&writer, rig->pair.public_key);
    strcpy(key, "/debros/app/");
    strcat(key, dbr_peer_id_text(&writer, text));
    strcat(key, "/x");
    assert_int_equal(dbr_dht_envelope_seal(&envelope, &rig->signer, dbr_bytes_str(key),
                                           version, RIG_WALL + 864000000,
                                           dbr_bytes_str("value")),
                     0);
    return envelope;
}

#endif
