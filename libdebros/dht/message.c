#include "dht/message.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/proto.h"
#include "kad.pb-c.h"

#define RECEIVED_MAX 64u /* bytes of a time that are kept: a longer one is none */

/* ---- Decoding -------------------------------------------------------------- */

/* Kinds of address that we do not know are skipped, and one that names another peer. */
static bool take_addr(struct dbr_multiaddr *out, const struct dbr_peer_id *id,
                      ProtobufCBinaryData bytes)
{
    struct dbr_peer_id named;
    if (dbr_multiaddr_from_bytes(out, dbr_proto_view(bytes)) != 0) {
        return false;
    }
    if (dbr_multiaddr_peer(out, &named)) {
        dbr_multiaddr_cut_peer(out);
        return out->len > 0 && dbr_peer_id_equal(&named, id);
    }
    return true;
}

static int take_addrs(struct dbr_dht_peer *out, struct dbr_arena *arena,
                      const DbrPb__KadPeer *peer)
{
    struct dbr_multiaddr others[DBR_DHT_PEER_ADDRS_MAX];
    struct dbr_multiaddr dialable[DBR_DHT_PEER_ADDRS_MAX];
    size_t n = 0;
    size_t n_others = 0;
    for (size_t i = 0; i < peer->n_addrs && i < DBR_DHT_PEER_ADDRS_READ; i++) {
        struct dbr_multiaddr addr;
        if (n == DBR_DHT_PEER_ADDRS_MAX || !take_addr(&addr, &out->id, peer->addrs[i])) {
            continue;
        }
        if (dbr_multiaddr_is_dialable(&addr)) {
            dialable[n++] = addr;
        } else if (n_others < DBR_DHT_PEER_ADDRS_MAX) {
            others[n_others++] = addr;
        }
    }
    for (size_t i = 0; i < n_others && n < DBR_DHT_PEER_ADDRS_MAX; i++) {
        dialable[n++] = others[i];
    }
    out->n_addrs = n;
    out->addrs = dbr_arena_memdup(arena, dialable, n * sizeof(dialable[0]));
    return out->addrs != NULL ? 0 : DEBROS_ENOMEM;
}

static int take_peers(const struct dbr_dht_peer **out, size_t *n_out,
                      struct dbr_arena *arena, DbrPb__KadPeer *const *peers, size_t n)
{
    size_t room = n < DBR_DHT_MESSAGE_PEERS_MAX ? n : DBR_DHT_MESSAGE_PEERS_MAX;
    struct dbr_dht_peer *taken = dbr_arena_calloc(arena, room, sizeof(*taken));
    if (taken == NULL) {
        return DEBROS_ENOMEM;
    }
    *out = taken;
    for (size_t i = 0; i < n && *n_out < room; i++) {
        struct dbr_dht_peer *peer = &taken[*n_out];
        if (dbr_peer_id_from_bytes(&peer->id, dbr_proto_view(peers[i]->id)) != 0) {
            continue;
        }
        int connection = (int)peers[i]->connection;
        if (connection > 0 && connection <= DBR_DHT_CANNOT_CONNECT) {
            peer->connection = (enum dbr_dht_connection)connection;
        }
        if (take_addrs(peer, arena, peers[i]) != 0) {
            return DEBROS_ENOMEM;
        }
        ++*n_out;
    }
    return 0;
}

static int take_record(struct dbr_dht_message *out, const DbrPb__KadRecord *record)
{
    if (record == NULL) {
        return 0;
    }
    if (record->key.len > DBR_DHT_RECORD_KEY_MAX ||
        record->value.len > DBR_DHT_VALUE_MAX) {
        return DEBROS_ELIMIT;
    }
    out->has_record = true;
    out->record.key = dbr_proto_view(record->key);
    out->record.value = dbr_proto_view(record->value);
    if (record->time_received.len <= RECEIVED_MAX) {
        out->record.received = dbr_proto_view(record->time_received);
    }
    return 0;
}

static size_t key_max(enum dbr_dht_type type)
{
    return type == DBR_DHT_ADD_PROVIDER || type == DBR_DHT_GET_PROVIDERS
               ? DBR_DHT_PROVIDER_KEY_MAX
               : DBR_DHT_RECORD_KEY_MAX;
}

static int take(struct dbr_dht_message *out, struct dbr_arena *arena,
                const DbrPb__Kad *kad)
{
    /* protobuf-c takes any number for an enumerator. */
    int type = (int)kad->type;
    if (type < 0 || type > DBR_DHT_PING) {
        return DEBROS_EPROTO;
    }
    out->type = (enum dbr_dht_type)type;
    out->key = dbr_proto_view(kad->key);
    if (out->key.len > key_max(out->type)) {
        return DEBROS_ELIMIT;
    }
    int err = take_record(out, kad->record);
    if (err == 0) {
        err = take_peers(&out->closer, &out->n_closer, arena, kad->closer_peers,
                         kad->n_closer_peers);
    }
    if (err == 0) {
        err = take_peers(&out->providers, &out->n_providers, arena, kad->provider_peers,
                         kad->n_provider_peers);
    }
    return err;
}

int dbr_dht_message_decode(struct dbr_dht_message *out, struct dbr_arena *arena,
                           debros_bytes bytes)
{
    *out = (struct dbr_dht_message){.type = DBR_DHT_PUT_VALUE};
    if (bytes.len > DBR_DHT_MESSAGE_MAX) {
        return DEBROS_ELIMIT;
    }
    const DbrPb__Kad *kad = dbr_proto_unpack(&dbr_pb__kad__descriptor, arena, bytes);
    return kad == NULL ? DEBROS_EPROTO : take(out, arena, kad);
}

/* ---- Encoding -------------------------------------------------------------- */

struct peer_list {
    DbrPb__KadPeer items[DBR_DHT_MESSAGE_PEERS_MAX];
    DbrPb__KadPeer *refs[DBR_DHT_MESSAGE_PEERS_MAX];
    ProtobufCBinaryData addrs[DBR_DHT_MESSAGE_PEERS_MAX][DBR_DHT_PEER_ADDRS_MAX];
    size_t n;
};

static void fill_list(struct peer_list *list, const struct dbr_dht_peer *peers, size_t n)
{
    list->n = n < DBR_DHT_MESSAGE_PEERS_MAX ? n : DBR_DHT_MESSAGE_PEERS_MAX;
    for (size_t i = 0; i < list->n; i++) {
        DbrPb__KadPeer *item = &list->items[i];
        dbr_pb__kad_peer__init(item);
        item->id = dbr_proto_bytes(dbr_bytes(peers[i].id.bytes, peers[i].id.len));
        item->connection = (DbrPb__KadPeer__Connection)peers[i].connection;
        item->addrs = list->addrs[i];
        while (item->n_addrs < peers[i].n_addrs &&
               item->n_addrs < DBR_DHT_PEER_ADDRS_MAX) {
            const struct dbr_multiaddr *addr = &peers[i].addrs[item->n_addrs];
            list->addrs[i][item->n_addrs++] =
                dbr_proto_bytes(dbr_bytes(addr->bytes, addr->len));
        }
        list->refs[i] = item;
    }
}

static void cut_addrs(struct peer_list *list, size_t most)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].n_addrs > most) {
            list->items[i].n_addrs = most;
        }
    }
}

static bool fits(const DbrPb__Kad *kad, size_t limit)
{
    return protobuf_c_message_get_packed_size(&kad->base) <= limit;
}

static void shrink(DbrPb__Kad *kad, struct peer_list *closer, struct peer_list *providers)
{
    kad->n_closer_peers = kad->n_provider_peers = 0;
    size_t limit =
        fits(kad, DBR_DHT_ANSWER_MAX) ? DBR_DHT_ANSWER_MAX : DBR_DHT_MESSAGE_MAX;
    kad->n_closer_peers = closer->n;
    kad->n_provider_peers = providers->n;
    for (size_t most = DBR_DHT_PEER_ADDRS_MAX - 1; most > 0 && !fits(kad, limit);
         most--) {
        cut_addrs(closer, most);
        cut_addrs(providers, most);
    }
    while (kad->n_closer_peers > 0 && !fits(kad, limit)) {
        kad->n_closer_peers--;
    }
    while (kad->n_provider_peers > 0 && !fits(kad, limit)) {
        kad->n_provider_peers--;
    }
}

int dbr_dht_message_encode(struct dbr_buf *out, const struct dbr_dht_message *message)
{
    DbrPb__Kad kad = DBR_PB__KAD__INIT;
    DbrPb__KadRecord record = DBR_PB__KAD_RECORD__INIT;
    struct peer_list closer;
    struct peer_list providers;
    dbr_assert(message->key.len <= key_max(message->type));
    dbr_assert(message->record.value.len <= DBR_DHT_VALUE_MAX);
    kad.type = (DbrPb__Kad__Type)message->type;
    kad.key = dbr_proto_bytes(message->key);
    if (message->has_record) {
        record.key = dbr_proto_bytes(message->record.key);
        record.value = dbr_proto_bytes(message->record.value);
        record.time_received = dbr_proto_bytes(message->record.received);
        kad.record = &record;
    }
    fill_list(&closer, message->closer, message->n_closer);
    fill_list(&providers, message->providers, message->n_providers);
    kad.closer_peers = closer.refs;
    kad.provider_peers = providers.refs;
    shrink(&kad, &closer, &providers);
    dbr_proto_pack(&kad.base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}

/* ---- Time ------------------------------------------------------------------ */

struct date {
    uint32_t year;
    uint32_t month;
    uint32_t day;
};

/* The civil date of a day since 1970-01-01: years begin in March, so that the leap day is
 * their last one (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static struct date date_of(uint64_t days)
{
    uint64_t shifted = days + 719468;
    uint64_t era = shifted / 146097;
    uint64_t day_of_era = shifted % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t from_march = (5 * day_of_year + 2) / 153;
    uint64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    return (struct date){.year =
                             (uint32_t)(era * 400 + year_of_era + (month <= 2 ? 1 : 0)),
                         .month = (uint32_t)month,
                         .day = (uint32_t)(day_of_year - (153 * from_march + 2) / 5 + 1)};
}

const char *dbr_dht_time_text(char out[DBR_DHT_TIME_SIZE], uint64_t unix_ms)
{
    static const uint64_t last = UINT64_C(253402300799999); /* of the year 9999 */
    uint64_t ms = unix_ms < last ? unix_ms : last;
    struct date date = date_of(ms / 86400000);
    uint32_t of_day = (uint32_t)(ms % 86400000);
    int len = snprintf(out, DBR_DHT_TIME_SIZE,
                       "%04" PRIu32 "-%02" PRIu32 "-%02" PRIu32 "T%02" PRIu32
                       ":%02" PRIu32 ":%02" PRIu32 ".%03" PRIu32 "000000Z",
                       date.year, date.month, date.day, of_day / 3600000,
                       of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000);
    dbr_assert(len == (int)DBR_DHT_TIME_SIZE - 1);
    return out;
}
