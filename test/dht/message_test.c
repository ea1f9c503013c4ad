#include "vectors.h"

#include "base/alloc.h"
#include "dht/message.h"
#include "fault.h"
#include "peers.h"

#define ADDRS_MAX 400 /* that a test gives one peer */

static debros_bytes view(const struct dbr_buf *buf)
{
    return dbr_bytes(buf->data, buf->len);
}

static struct dbr_multiaddr addr_of(const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    return addr;
}

static void field(struct dbr_buf *buf, unsigned number, debros_bytes bytes)
{
    dbr_buf_uvarint(buf, number << 3 | 2);
    dbr_buf_uvarint(buf, bytes.len);
    dbr_buf_add(buf, bytes.data, bytes.len);
}

static int decode(struct dbr_dht_message *m, struct dbr_arena *arena, debros_bytes bytes)
{
    dbr_arena_init(arena, DBR_DHT_UNPACKED_MAX);
    return dbr_dht_message_decode(m, arena, bytes);
}

/* What it answers; for those that are refused, or of which nothing else matters. */
static int status_of(debros_bytes bytes)
{
    struct dbr_dht_message m;
    struct dbr_arena arena;
    int err = decode(&m, &arena, bytes);
    dbr_arena_finish(&arena);
    return err;
}

static void assert_peers(const struct dbr_dht_peer *a, size_t n_a,
                         const struct dbr_dht_peer *b, size_t n_b)
{
    assert_int_equal(n_a, n_b);
    for (size_t i = 0; i < n_a; i++) {
        assert_true(dbr_peer_id_equal(&a[i].id, &b[i].id));
        assert_int_equal(a[i].connection, b[i].connection);
        assert_int_equal(a[i].n_addrs, b[i].n_addrs);
        for (size_t j = 0; j < a[i].n_addrs; j++) {
            assert_true(dbr_multiaddr_equal(&a[i].addrs[j], &b[i].addrs[j]));
        }
    }
}

static void assert_same(const struct dbr_dht_message *a, const struct dbr_dht_message *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(dbr_bytes_equal(a->key, b->key));
    assert_int_equal(a->has_record, b->has_record);
    assert_true(dbr_bytes_equal(a->record.key, b->record.key));
    assert_true(dbr_bytes_equal(a->record.value, b->record.value));
    assert_true(dbr_bytes_equal(a->record.received, b->record.received));
    assert_peers(a->closer, a->n_closer, b->closer, b->n_closer);
    assert_peers(a->providers, a->n_providers, b->providers, b->n_providers);
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct dbr_multiaddr addrs[] = {addr_of("/ip4/10.0.0.1/tcp/1"),
                                    addr_of("/dns4/a.example/tcp/2"),
                                    addr_of("/ip4/10.0.0.1/udp/1/quic-v1")};
    struct dbr_dht_peer peers[] = {
        {peer_of(1), DBR_DHT_CONNECTED, addrs, 3},
        {peer_of(2), DBR_DHT_NOT_CONNECTED, addrs + 1, 1},
        {peer_of(3), DBR_DHT_CANNOT_CONNECT, NULL, 0},
    };
    for (int type = DBR_DHT_PUT_VALUE; type <= DBR_DHT_PING; type++) {
        for (size_t shape = 0; shape < 8; shape++) {
            struct dbr_dht_message m = {.type = (enum dbr_dht_type)type,
                                        .key = dbr_bytes_str("/debros/app/x")};
            struct dbr_dht_message again;
            struct dbr_arena arena;
            struct dbr_buf out = {0};
            if (shape & 1) {
                m.has_record = true;
                m.record = (struct dbr_dht_record){
                    m.key, dbr_bytes("v\0w", 3),
                    dbr_bytes_str("2026-11-22T14:00:00.000000000Z")};
            }
            m.closer = peers;
            m.n_closer = shape & 2 ? 3 : 0;
            m.providers = peers + 1;
            m.n_providers = shape & 4 ? 2 : 0;
            assert_int_equal(dbr_dht_message_encode(&out, &m), 0);
            assert_int_equal(decode(&again, &arena, view(&out)), 0);
            assert_same(&m, &again);
            dbr_arena_finish(&arena);
            dbr_buf_finish(&out);
        }
    }
}

/* js-libp2p's bytes are read, and ours for the same message are the same. */
static void js_is_understood(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-kad.json");
    const char *name;
    json_t *item;
    json_object_foreach(root, name, item)
    {
        struct test_bytes bytes = vectors_hex(root, name);
        struct dbr_dht_message m;
        struct dbr_arena arena;
        struct dbr_buf out = {0};
        assert_int_equal(decode(&m, &arena, test_view(bytes)), 0);
        assert_int_equal(dbr_dht_message_encode(&out, &m), 0);
        assert_bytes_hex(out, json_string_value(item));
        dbr_arena_finish(&arena);
        dbr_buf_finish(&out);
    }
    struct test_bytes bytes = vectors_hex(root, "get_value_answer");
    struct dbr_dht_message m;
    struct dbr_arena arena;
    char text[DBR_MULTIADDR_TEXT_SIZE];
    assert_int_equal(decode(&m, &arena, test_view(bytes)), 0);
    assert_int_equal(m.type, DBR_DHT_GET_VALUE);
    assert_true(dbr_bytes_equal(m.key, dbr_bytes_str("/debros/app/name")));
    assert_true(m.has_record);
    assert_true(dbr_bytes_equal(m.record.value, dbr_bytes_str("value")));
    assert_int_equal(m.n_closer, 1);
    assert_int_equal(m.closer[0].n_addrs, 2);
    assert_string_equal(dbr_multiaddr_text(&m.closer[0].addrs[1], text),
                        "/ip4/1.2.3.4/udp/4001/quic-v1");
    dbr_arena_finish(&arena);
    json_decref(root);
}

/* Pitfall 11 of the dossier, and what rust adds to records. */
static void no_type_is_put_value_and_unknown_fields_are_skipped(void **state)
{
    (void)state;
    struct dbr_dht_message m;
    struct dbr_arena arena;
    struct dbr_buf record = {0};
    struct dbr_buf out = {0};
    field(&record, 1, dbr_bytes_str("/debros/a"));
    field(&record, 2, dbr_bytes_str("v"));
    field(&record, 666, dbr_bytes_str("publisher"));
    dbr_buf_uvarint(&record, 777 << 3);
    dbr_buf_uvarint(&record, 3600);
    field(&out, 2, dbr_bytes_str("/debros/a"));
    field(&out, 3, view(&record));
    dbr_buf_uvarint(&out, 10 << 3); /* clusterLevelRaw */
    dbr_buf_uvarint(&out, 1);
    dbr_buf_uvarint(&out, 11 << 3 | 1);
    dbr_buf_le64(&out, 5);
    dbr_buf_uvarint(&out, 12 << 3 | 5);
    dbr_buf_le32(&out, 5);
    assert_int_equal(decode(&m, &arena, view(&out)), 0);
    assert_int_equal(m.type, DBR_DHT_PUT_VALUE);
    assert_true(m.has_record);
    assert_true(dbr_bytes_equal(m.record.value, dbr_bytes_str("v")));
    assert_int_equal(m.record.received.len, 0);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&record);
    dbr_buf_finish(&out);
    assert_int_equal(status_of(dbr_bytes(NULL, 0)), 0);
    assert_int_equal(status_of(dbr_bytes_str("\x08\x06")), DEBROS_EPROTO); /* type 6 */
    assert_int_equal(
        status_of(dbr_bytes("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11)),
        DEBROS_EPROTO); /* type -1 */
    assert_int_equal(status_of(dbr_bytes_str("\x12\x7f")), DEBROS_EPROTO);
}

/* A Peer message: `n` times `addr`, and then `last`. */
static void peer_field(struct dbr_buf *out, debros_bytes id, const char *addr, size_t n,
                       const char *last)
{
    struct dbr_buf peer = {0};
    struct dbr_multiaddr a = addr_of(addr);
    struct dbr_multiaddr b = addr_of(last);
    field(&peer, 1, id);
    for (size_t i = 0; i < n; i++) {
        field(&peer, 2, dbr_bytes(a.bytes, a.len));
    }
    field(&peer, 2, dbr_bytes("\xff\xff\x03", 3)); /* of no kind that we know */
    field(&peer, 2, dbr_bytes(b.bytes, b.len));
    dbr_buf_uvarint(&peer, 3 << 3);
    dbr_buf_uvarint(&peer, 17); /* no connection that we know */
    field(out, 8, view(&peer));
    dbr_buf_finish(&peer);
}

static void what_cannot_be_read_is_skipped_and_the_rest_kept(void **state)
{
    (void)state;
    struct dbr_dht_message m;
    struct dbr_arena arena;
    struct dbr_buf out = {0};
    struct dbr_peer_id id = peer_of(5);
    char text[DBR_MULTIADDR_TEXT_SIZE];
    char with_id[DBR_MULTIADDR_TEXT_SIZE] = "/ip4/10.0.0.7/tcp/7/p2p/";
    char id_text[DBR_PEER_ID_TEXT_SIZE];
    strcat(with_id, dbr_peer_id_text(&id, id_text));
    peer_field(&out, dbr_bytes_str("junk"), "/ip4/10.0.0.1/tcp/1", 1, with_id);
    peer_field(&out, dbr_bytes(id.bytes, id.len), "/ip4/10.0.0.1/udp/1/quic-v1", 20,
               with_id);
    id = peer_of(6); /* that somebody else's id is at an address is not its business */
    peer_field(&out, dbr_bytes(id.bytes, id.len), "/ip4/10.0.0.2/tcp/1", 1, with_id);
    assert_int_equal(decode(&m, &arena, view(&out)), 0);
    assert_int_equal(m.n_closer, 2);
    assert_int_equal(m.closer[0].connection, DBR_DHT_NOT_CONNECTED);
    assert_int_equal(m.closer[0].n_addrs, DBR_DHT_PEER_ADDRS_MAX);
    assert_string_equal(dbr_multiaddr_text(&m.closer[0].addrs[0], text),
                        "/ip4/10.0.0.7/tcp/7"); /* the one that can be dialed */
    assert_int_equal(m.closer[1].n_addrs, 1);
    assert_string_equal(dbr_multiaddr_text(&m.closer[1].addrs[0], text),
                        "/ip4/10.0.0.2/tcp/1");
    dbr_arena_finish(&arena);
    dbr_buf_finish(&out);
}

static void peers_and_addresses_have_limits(void **state)
{
    (void)state;
    struct dbr_dht_message m;
    struct dbr_arena arena;
    struct dbr_buf out = {0};
    for (uint64_t i = 0; i < 30; i++) {
        struct dbr_peer_id id = peer_of(i);
        peer_field(&out, dbr_bytes(id.bytes, id.len), "/ip4/10.0.0.1/tcp/1", 200,
                   "/ip4/10.0.0.1/tcp/2");
    }
    assert_int_equal(decode(&m, &arena, view(&out)), 0);
    assert_int_equal(m.n_closer, DBR_DHT_MESSAGE_PEERS_MAX);
    assert_int_equal(m.closer[19].n_addrs, DBR_DHT_PEER_ADDRS_MAX);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&out);
}

/* Two bytes that cost a structure each: the cap of the arena ends it. */
static void a_message_that_is_dear_to_unpack_is_refused(void **state)
{
    (void)state;
    struct dbr_dht_message m;
    struct dbr_arena arena;
    struct dbr_buf out = {0};
    while (out.len < DBR_DHT_MESSAGE_MAX) {
        dbr_buf_add(&out, "\x42\x00", 2);
    }
    assert_int_equal(decode(&m, &arena, view(&out)), DEBROS_EPROTO);
    assert_true(arena.used <= DBR_DHT_UNPACKED_MAX);
    dbr_arena_finish(&arena);
    dbr_buf_add(&out, "\x42\x00", 2);
    assert_int_equal(status_of(view(&out)), DEBROS_ELIMIT);
    dbr_buf_finish(&out);
}

static int status_with(enum dbr_dht_type type, size_t key, size_t record_key,
                       size_t value)
{
    static uint8_t zeroes[DBR_DHT_VALUE_MAX + 1];
    struct dbr_buf record = {0};
    struct dbr_buf out = {0};
    dbr_buf_uvarint(&out, 1 << 3);
    dbr_buf_uvarint(&out, type);
    field(&out, 2, dbr_bytes(zeroes, key));
    field(&record, 1, dbr_bytes(zeroes, record_key));
    field(&record, 2, dbr_bytes(zeroes, value));
    field(&record, 5, dbr_bytes(zeroes, 65)); /* no time is so long: there is none */
    field(&out, 3, view(&record));
    int err = status_of(view(&out));
    dbr_buf_finish(&record);
    dbr_buf_finish(&out);
    return err;
}

static void keys_and_values_have_limits(void **state)
{
    (void)state;
    assert_int_equal(status_with(DBR_DHT_PUT_VALUE, 1024, 1024, DBR_DHT_VALUE_MAX), 0);
    assert_int_equal(status_with(DBR_DHT_PUT_VALUE, 1025, 0, 0), DEBROS_ELIMIT);
    assert_int_equal(status_with(DBR_DHT_PUT_VALUE, 0, 1025, 0), DEBROS_ELIMIT);
    assert_int_equal(status_with(DBR_DHT_PUT_VALUE, 0, 0, DBR_DHT_VALUE_MAX + 1),
                     DEBROS_ELIMIT);
    assert_int_equal(status_with(DBR_DHT_ADD_PROVIDER, 80, 0, 0), 0);
    assert_int_equal(status_with(DBR_DHT_ADD_PROVIDER, 81, 0, 0), DEBROS_ELIMIT);
    assert_int_equal(status_with(DBR_DHT_GET_PROVIDERS, 81, 0, 0), DEBROS_ELIMIT);
    assert_int_equal(status_with(DBR_DHT_FIND_NODE, 1024, 0, 0), 0);
}

/* An answer of 25 providers and 25 closer peers with `n` long addresses each. */
static void encode_much(struct dbr_dht_message *m, struct dbr_arena *arena,
                        struct dbr_buf *out, size_t n, size_t value)
{
    static uint8_t zeroes[DBR_DHT_VALUE_MAX];
    static struct dbr_multiaddr addrs[ADDRS_MAX];
    static struct dbr_dht_peer peers[25];
    char text[DBR_MULTIADDR_TEXT_SIZE] = "/dns4/";
    memset(text + 6, 'a', 200);
    strcpy(text + 206, "/tcp/1");
    assert_true(n <= ADDRS_MAX);
    for (size_t i = 0; i < n; i++) {
        addrs[i] = addr_of(text);
    }
    for (size_t i = 0; i < 25; i++) {
        peers[i] = (struct dbr_dht_peer){peer_of(i), DBR_DHT_CONNECTED, addrs, n};
    }
    struct dbr_dht_message answer = {.type = DBR_DHT_GET_VALUE,
                                     .key = dbr_bytes_str("k"),
                                     .has_record = value > 0,
                                     .record.value = dbr_bytes(zeroes, value),
                                     .closer = peers,
                                     .n_closer = 25,
                                     .providers = peers,
                                     .n_providers = 25};
    dbr_buf_clear(out);
    assert_int_equal(dbr_dht_message_encode(out, &answer), 0);
    assert_int_equal(decode(m, arena, view(out)), 0);
}

static void an_answer_drops_addresses_then_peers(void **state)
{
    (void)state;
    struct dbr_dht_message m;
    struct dbr_arena arena;
    struct dbr_buf out = {0};
    encode_much(&m, &arena, &out, 1, 0);
    assert_int_equal(m.n_closer, 20);
    assert_int_equal(m.n_providers, 20);
    dbr_arena_finish(&arena);
    encode_much(&m, &arena, &out, ADDRS_MAX, 0);
    assert_true(out.len <= DBR_DHT_ANSWER_MAX);
    assert_int_equal(m.n_closer, 20);
    assert_int_equal(m.closer[19].n_addrs, 1);
    dbr_arena_finish(&arena);
    encode_much(&m, &arena, &out, 8, 8000); /* providers are what was asked for */
    assert_true(out.len <= DBR_DHT_ANSWER_MAX);
    assert_int_equal(m.n_providers, 20);
    assert_in_range(m.n_closer, 5, 15);
    dbr_arena_finish(&arena);
    encode_much(&m, &arena, &out, 8, DBR_DHT_ANSWER_MAX - 1000);
    assert_true(out.len <= DBR_DHT_ANSWER_MAX);
    assert_int_equal(m.n_closer, 0);
    assert_in_range(m.n_providers, 1, 5);
    dbr_arena_finish(&arena);
    /* The record alone is beyond what rust reads: nothing would be gained. */
    encode_much(&m, &arena, &out, 1, DBR_DHT_VALUE_MAX);
    assert_int_equal(m.n_closer, 20);
    dbr_arena_finish(&arena);
    encode_much(&m, &arena, &out, 8, DBR_DHT_VALUE_MAX);
    assert_true(out.len <= DBR_DHT_MESSAGE_MAX);
    assert_int_equal(m.record.value.len, DBR_DHT_VALUE_MAX);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&out);
}

static void times_are_what_strict_readers_demand(void **state)
{
    (void)state;
    char text[DBR_DHT_TIME_SIZE];
    static const struct {
        uint64_t ms;
        const char *text;
    } known[] = {
        {0, "1970-01-01T00:00:00.000000000Z"},
        {951782399999, "2000-02-28T23:59:59.999000000Z"},
        {951782400000, "2000-02-29T00:00:00.000000000Z"},
        {951868800000, "2000-03-01T00:00:00.000000000Z"},
        {1795356000123, "2026-11-22T14:00:00.123000000Z"},
        {4107542400000, "2100-03-01T00:00:00.000000000Z"},
        {253402300799999, "9999-12-31T23:59:59.999000000Z"},
        {UINT64_MAX, "9999-12-31T23:59:59.999000000Z"},
    };
    for (size_t i = 0; i < DBR_COUNT(known); i++) {
        assert_string_equal(dbr_dht_time_text(text, known[i].ms), known[i].text);
    }
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-kad.json");
    struct test_bytes bytes = vectors_hex(root, "get_providers_answer");
    for (size_t n = 0;; n++) {
        struct dbr_dht_message m;
        struct dbr_arena arena;
        fault_after(n);
        int err = decode(&m, &arena, test_view(bytes));
        dbr_arena_finish(&arena);
        if (!fault_off()) {
            assert_int_equal(err, 0);
            break;
        }
        assert_true(err == DEBROS_ENOMEM || err == DEBROS_EPROTO);
    }
    struct dbr_dht_message m = {.type = DBR_DHT_FIND_NODE, .key = dbr_bytes_str("k")};
    struct dbr_buf out = {0};
    fault_after(0);
    int err = dbr_dht_message_encode(&out, &m);
    assert_true(fault_off());
    assert_int_equal(err, DEBROS_ENOMEM);
    dbr_buf_finish(&out);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(js_is_understood),
        cmocka_unit_test(no_type_is_put_value_and_unknown_fields_are_skipped),
        cmocka_unit_test(what_cannot_be_read_is_skipped_and_the_rest_kept),
        cmocka_unit_test(peers_and_addresses_have_limits),
        cmocka_unit_test(a_message_that_is_dear_to_unpack_is_refused),
        cmocka_unit_test(keys_and_values_have_limits),
        cmocka_unit_test(an_answer_drops_addresses_then_peers),
        cmocka_unit_test(times_are_what_strict_readers_demand),
        cmocka_unit_test(short_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
