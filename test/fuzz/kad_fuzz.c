/* Messages of Kademlia: what was read keeps to the limits, and written it is read again
 * as the same, but for what an answer has no room for. */
#include "dht/message.h"
#include "fuzz.h"

static void check_peers(const struct dbr_dht_peer *peers, size_t n)
{
    dbr_assert(n <= DBR_DHT_MESSAGE_PEERS_MAX);
    for (size_t i = 0; i < n; i++) {
        dbr_assert(!dbr_peer_id_is_none(&peers[i].id));
        dbr_assert(peers[i].n_addrs <= DBR_DHT_PEER_ADDRS_MAX);
        for (size_t j = 0; j < peers[i].n_addrs; j++) {
            dbr_assert(peers[i].addrs[j].len > 0);
        }
    }
}

/* `again` are the first of `peers`. */
static void compare(const struct dbr_dht_peer *peers, size_t n,
                    const struct dbr_dht_peer *again, size_t n_again)
{
    dbr_assert(n_again <= n);
    for (size_t i = 0; i < n_again; i++) {
        dbr_assert(dbr_peer_id_equal(&peers[i].id, &again[i].id));
        dbr_assert(peers[i].connection == again[i].connection);
        dbr_assert(peers[i].n_addrs >= again[i].n_addrs);
        for (size_t j = 0; j < again[i].n_addrs; j++) {
            dbr_assert(dbr_multiaddr_equal(&peers[i].addrs[j], &again[i].addrs[j]));
        }
    }
}

static void write_again(const struct dbr_dht_message *m)
{
    struct dbr_dht_message again;
    struct dbr_arena arena;
    struct dbr_buf out = {0};
    dbr_assert(dbr_dht_message_encode(&out, m) == 0);
    dbr_arena_init(&arena, DBR_DHT_UNPACKED_MAX);
    dbr_assert(dbr_dht_message_decode(&again, &arena, dbr_bytes(out.data, out.len)) == 0);
    dbr_assert(again.type == m->type && again.has_record == m->has_record);
    dbr_assert(dbr_bytes_equal(again.key, m->key));
    dbr_assert(dbr_bytes_equal(again.record.key, m->record.key));
    dbr_assert(dbr_bytes_equal(again.record.value, m->record.value));
    dbr_assert(dbr_bytes_equal(again.record.received, m->record.received));
    compare(m->closer, m->n_closer, again.closer, again.n_closer);
    compare(m->providers, m->n_providers, again.providers, again.n_providers);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_dht_message m;
    struct dbr_arena arena;
    dbr_arena_init(&arena, DBR_DHT_UNPACKED_MAX);
    if (dbr_dht_message_decode(&m, &arena, dbr_bytes(data, size)) == 0) {
        check_peers(m.closer, m.n_closer);
        check_peers(m.providers, m.n_providers);
        dbr_assert(m.key.len <= DBR_DHT_RECORD_KEY_MAX);
        dbr_assert(m.record.value.len <= DBR_DHT_VALUE_MAX);
        write_again(&m);
    }
    dbr_arena_finish(&arena);
    return 0;
}
