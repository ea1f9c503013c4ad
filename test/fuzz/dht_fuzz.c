/* A DHT machine and whatever its peers and its application do, as a sequence of
 * operations: byte 0 of each says what, byte 1 which peer or request; messages take a
 * length in eights and bytes. The limits are small, so that they are reached. */
#include "fuzz.h"

#include "base/reader.h"
#include "dht/dht.h"

enum operation { CONNECT, LEAVE, REQUEST, ANSWER, FAIL, WAIT, LOOK, PEERS, OPERATIONS };

#define ASKED  32
#define EVENTS 20000

struct fuzz {
    struct dbr_dht *dht;
    struct dbr_dht_signer signer;
    struct dbr_keypair pair;
    struct dbr_rng rng;
    dbr_time now;
    uint64_t asked[ASKED]; /* the last ones */
    size_t n_asked;
    uint64_t n_events;
    uint64_t begun; /* operations with a token, and how many were told */
    uint64_t told;
};

static struct dbr_peer_id peer_of(uint8_t number)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE] = {number};
    struct dbr_peer_id peer;
    dbr_peer_id_from_key(&peer, key);
    return peer;
}

static struct dbr_multiaddr addr_of(uint8_t number)
{
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint = {.ip = {(uint8_t)(number % 5 + 20), 1, 1, number},
                                    .port = 1};
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return addr;
}

static size_t addrs(void *user, const struct dbr_peer_id *peer, struct dbr_multiaddr *out,
                    size_t max)
{
    (void)user;
    if (max > 0) {
        out[0] = addr_of(peer->bytes[6]);
    }
    return peer->bytes[6] % 3 != 0 && max > 0;
}

static void create(struct fuzz *f)
{
    uint8_t seed[32] = {1};
    struct dbr_dht_config config = {.self = peer_of(0),
                                    .server = true,
                                    .wall_ms = 1800000000000u,
                                    .directory = {.addrs = addrs}};
    dbr_rng_seed(&f->rng, 1);
    dbr_keypair_from_seed(&f->pair, seed);
    dbr_dht_signer_init(&f->signer, &f->pair);
    config.rules = (struct dbr_dht_rules){
        .kinds = dbr_dht_kinds, .n_kinds = DBR_DHT_KINDS, .signer = &f->signer};
    dbr_dht_limits_default(&config.limits);
    config.limits.table.bucket = 3;
    config.limits.table.peers = 12;
    config.limits.query.paths = 2;
    config.limits.query.candidates = 16;
    config.limits.contacts = 20;
    config.limits.lookups = 3;
    config.limits.background = 2;
    config.limits.requests = 12;
    config.limits.probes = 3;
    config.limits.hint_bytes = 300;
    dbr_assert(dbr_dht_create(&f->dht, &config, &f->rng, f->now) == 0);
}

static void drain(struct fuzz *f)
{
    struct dbr_dht_event event;
    while (dbr_dht_poll(f->dht, &event)) {
        dbr_assert(f->n_events++ < EVENTS * OPERATIONS);
        dbr_assert(event.n_addrs <= DBR_DHT_PEER_ADDRS_MAX);
        if (event.type == DBR_DHT_EVENT_SEND || event.type == DBR_DHT_EVENT_PING) {
            f->asked[f->n_asked++ % ASKED] = event.request;
        } else if (event.type == DBR_DHT_EVENT_DONE) {
            f->told++;
        } else if (event.type == DBR_DHT_EVENT_ANSWER) {
            dbr_assert(event.data.len <= DBR_DHT_MESSAGE_MAX);
        }
    }
    const struct dbr_dht_table *table = dbr_dht_table(f->dht);
    dbr_assert(table->n <= 12 && table->n_spares <= DBR_DHT_SPARES_MAX);
    for (size_t i = 1; i < table->n; i++) {
        dbr_assert(memcmp(&table->entries[i - 1].key, &table->entries[i].key, 32) < 0);
    }
}

static debros_bytes take(struct dbr_reader *in)
{
    size_t len = dbr_reader_left(in) > 0 ? dbr_reader_u8(in) * 8u : 0;
    return dbr_reader_bytes(in, len < dbr_reader_left(in) ? len : dbr_reader_left(in));
}

static void look(struct fuzz *f, uint8_t n, struct dbr_reader *in)
{
    uint64_t token = f->begun + 1;
    struct dbr_peer_id peer = peer_of(n);
    debros_bytes key = take(in);
    int err = n % 6 == 0   ? dbr_dht_find_peer(f->dht, token, &peer, n % 12 == 0, f->now)
              : n % 6 == 1 ? dbr_dht_find_closest(f->dht, token, key, f->now)
              : n % 6 == 2 ? dbr_dht_get(f->dht, token, key, n % 5, f->now)
              : n % 6 == 3 ? dbr_dht_provide(f->dht, token, key, f->now)
              : n % 6 == 4 ? dbr_dht_find_providers(f->dht, token, key, n % 7, f->now)
                           : dbr_dht_put(f->dht, token, key, take(in), f->now);
    f->begun += err == 0;
}

static void operate(struct fuzz *f, enum operation what, uint8_t n, struct dbr_reader *in)
{
    struct dbr_peer_id peer = peer_of(n);
    struct dbr_multiaddr addr = addr_of(n);
    uint64_t request = f->asked[n % ASKED];
    switch (what) {
    case CONNECT:
        dbr_dht_identified(f->dht, &peer, &addr, n % 2 == 0, n % 7 != 0, f->now);
        break;
    case LEAVE:
        dbr_dht_disconnected(f->dht, &peer, f->now);
        break;
    case REQUEST:
        dbr_assert(dbr_dht_request(f->dht, n, &peer, take(in), f->now) == 0);
        break;
    case ANSWER:
        dbr_dht_answered(f->dht, request, take(in), f->now);
        break;
    case FAIL:
        dbr_dht_failed(f->dht, request, f->now);
        break;
    case WAIT:
        f->now += (uint64_t)n * n * 20;
        dbr_dht_expire(f->dht, f->now);
        break;
    case LOOK:
        look(f, n, in);
        break;
    default: /* answers that are well formed: nobody closer */
        dbr_dht_answered(f->dht, request, dbr_bytes("\x08\x04", 2), f->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {.now = 1000};
    struct dbr_reader in;
    create(&f);
    dbr_reader_init(&in, dbr_bytes(data, size < 4096 ? size : 4096));
    while (dbr_reader_left(&in) > 1) {
        enum operation what = (enum operation)(dbr_reader_u8(&in) % OPERATIONS);
        operate(&f, what, dbr_reader_u8(&in), &in);
        drain(&f);
    }
    /* Silence: what was begun comes to its end. */
    for (int i = 0; i < 300; i++) {
        f.now += 1000;
        dbr_dht_expire(f.dht, f.now);
        drain(&f);
    }
    dbr_assert(f.told == f.begun);
    dbr_dht_destroy(f.dht);
    return 0;
}
