#include "fields.h"
#include "vectors.h"

#include "base/alloc.h"
#include "base/reader.h"
#include "fault.h"
#include "swarm/peer_record.h"

static struct dbr_keypair key_of(uint8_t first, uint8_t last)
{
    uint8_t seed[32] = {0};
    struct dbr_keypair key;
    seed[0] = first;
    seed[31] = last;
    dbr_keypair_from_seed(&key, seed);
    return key;
}

/* The RFC names another domain and type than everybody signs (pitfall 21). */
static void the_vector_of_js_is_met(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *vector = vectors_get(root, "envelope");
    struct test_bytes envelope = vectors_hex(vector, "envelope");
    struct dbr_keypair key = key_of(0, 1);
    struct dbr_arena arena;
    struct dbr_peer_record record;
    struct dbr_peer_id id;
    struct dbr_buf out = {0};
    dbr_arena_init(&arena, 100000);
    assert_int_equal(dbr_peer_record_open(&record, &arena, test_view(envelope)), 0);
    dbr_peer_id_from_key(&id, key.public_key);
    assert_true(dbr_peer_id_equal(&record.peer, &id));
    assert_int_equal(record.seq, 7);
    assert_int_equal(record.n_addrs, 1);
    assert_text(&record.addrs[0], vectors_text(vector, "addr"));
    /* Ours is the same, byte by byte. */
    assert_int_equal(dbr_peer_record_seal(&out, &key, 7, record.addrs, 1), 0);
    assert_bytes_hex(view(&out), vectors_text(vector, "envelope"));
    dbr_buf_finish(&out);
    dbr_arena_finish(&arena);
    json_decref(root);
}

static void no_bit_of_a_record_may_change(void **state)
{
    (void)state;
    struct dbr_keypair key = key_of(3, 0);
    struct dbr_multiaddr addr;
    struct dbr_buf out = {0};
    struct dbr_peer_id id;
    assert_int_equal(dbr_multiaddr_parse(&addr, "/ip4/10.0.0.1/tcp/1", NULL), 0);
    assert_int_equal(dbr_peer_record_seal(&out, &key, 1000000007, &addr, 1), 0);
    dbr_peer_id_from_key(&id, key.public_key);
    for (size_t bit = 0; bit <= out.len * 8; bit++) {
        struct dbr_arena arena;
        struct dbr_peer_record record;
        dbr_arena_init(&arena, 100000);
        out.data[bit / 8 % out.len] ^= (uint8_t)(bit < out.len * 8 ? 1u << bit % 8 : 0);
        int err = dbr_peer_record_open(&record, &arena, view(&out));
        if (bit == out.len * 8) {
            assert_int_equal(err, 0);
        } else {
            assert_true(err == DEBROS_EPROTO || err == DEBROS_EAUTH);
            out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        dbr_arena_finish(&arena);
    }
    for (size_t len = 0; len < out.len; len++) {
        struct dbr_arena arena;
        struct dbr_peer_record record;
        dbr_arena_init(&arena, 100000);
        assert_true(dbr_peer_record_open(&record, &arena, dbr_bytes(out.data, len)) < 0);
        dbr_arena_finish(&arena);
    }
    dbr_buf_finish(&out);
}

/* An envelope with this key, type and payload, signed by `key` over those. */
static void seal(struct dbr_buf *out, const struct dbr_keypair *key, debros_bytes type,
                 const char *domain, debros_bytes payload)
{
    uint8_t signature[DBR_SIGNATURE_SIZE];
    struct dbr_buf text = {0};
    dbr_buf_uvarint(&text, strlen(domain));
    dbr_buf_str(&text, domain);
    dbr_buf_uvarint(&text, type.len);
    dbr_buf_add(&text, type.data, type.len);
    dbr_buf_uvarint(&text, payload.len);
    dbr_buf_add(&text, payload.data, payload.len);
    dbr_sign(signature, view(&text), key);
    dbr_buf_clear(out);
    key_field(out, key);
    field(out, 2, type.data, type.len);
    field(out, 3, payload.data, payload.len);
    field(out, 5, signature, sizeof(signature));
    dbr_buf_finish(&text);
}

static int open_record(const struct dbr_buf *envelope, struct dbr_peer_record *record)
{
    struct dbr_arena arena;
    dbr_arena_init(&arena, 100000);
    int err = dbr_peer_record_open(record, &arena, view(envelope));
    dbr_arena_finish(&arena);
    return err;
}

static void well_signed_nonsense_is_refused(void **state)
{
    (void)state;
    static const debros_bytes type = {(const uint8_t *)"\3\1", 2};
    struct dbr_keypair key = key_of(3, 0);
    struct dbr_keypair other = key_of(4, 0);
    struct dbr_peer_record record;
    struct dbr_peer_id id;
    struct dbr_buf out = {0};
    struct dbr_buf payload = {0};
    dbr_peer_id_from_key(&id, key.public_key);
    field(&payload, 1, id.bytes, id.len);
    seal(&out, &key, type, "libp2p-peer-record", view(&payload));
    assert_int_equal(open_record(&out, &record), 0); /* no number, no address: allowed */
    assert_int_equal(record.seq, 0);
    assert_int_equal(record.n_addrs, 0);
    seal(&out, &key, type, "libp2p-routing-state", view(&payload));
    assert_int_equal(open_record(&out, &record), DEBROS_EAUTH);
    seal(&out, &key, dbr_bytes_str("\3\2"), "libp2p-peer-record", view(&payload));
    assert_int_equal(open_record(&out, &record), DEBROS_EPROTO);
    seal(&out, &other, type, "libp2p-peer-record", view(&payload));
    assert_int_equal(open_record(&out, &record), DEBROS_EAUTH); /* signs for another */
    seal(&out, &key, type, "libp2p-peer-record", dbr_bytes_str("\x0a\x7f"));
    assert_int_equal(open_record(&out, &record), DEBROS_EPROTO);
    seal(&out, &key, type, "libp2p-peer-record", dbr_bytes_str(""));
    assert_int_equal(open_record(&out, &record), DEBROS_EPROTO);
    dbr_buf_clear(&out);
    field(&out, 1, "\x08\x00\x12\x01x", 5); /* RSA */
    field(&out, 2, "\3\1", 2);
    assert_int_equal(open_record(&out, &record), DEBROS_EAUTH);
    dbr_buf_clear(&out);
    while (out.len <= DBR_PEER_RECORD_MAX) {
        text_field(&out, 9, "padding");
    }
    assert_int_equal(open_record(&out, &record), DEBROS_ELIMIT);
    dbr_buf_finish(&payload);
    dbr_buf_finish(&out);
}

static void strange_and_many_addresses_are_skipped(void **state)
{
    (void)state;
    static const debros_bytes type = {(const uint8_t *)"\3\1", 2};
    struct dbr_keypair key = key_of(3, 0);
    struct dbr_peer_record record;
    struct dbr_peer_id id;
    struct dbr_buf out = {0};
    struct dbr_buf payload = {0};
    dbr_peer_id_from_key(&id, key.public_key);
    field(&payload, 1, id.bytes, id.len);
    field(&payload, 3, "\x0a\x02\xff\x7f", 4); /* a kind that nobody knows */
    for (int i = 0; i < DBR_PEER_RECORD_ADDRS_MAX + 10; i++) {
        field(&payload, 3, "\x0a\x08\x04\x0a\x00\x00\x01\x06\x00\x01", 10);
    }
    seal(&out, &key, type, "libp2p-peer-record", view(&payload));
    assert_int_equal(open_record(&out, &record), 0);
    assert_int_equal(record.n_addrs, DBR_PEER_RECORD_ADDRS_MAX - 1);
    dbr_buf_finish(&payload);
    dbr_buf_finish(&out);
}

static void short_memory_is_told(void **state)
{
    (void)state;
    struct dbr_keypair key = key_of(3, 0);
    struct dbr_multiaddr addr;
    struct dbr_buf out = {0};
    assert_int_equal(dbr_multiaddr_parse(&addr, "/ip4/10.0.0.1/tcp/1", NULL), 0);
    for (size_t n = 0;; n++) {
        dbr_buf_finish(&out);
        dbr_buf_init(&out);
        fault_after(n);
        int err = dbr_peer_record_seal(&out, &key, 1, &addr, 1);
        if (!fault_off()) {
            assert_int_equal(err, 0);
            break;
        }
        assert_int_equal(err, DEBROS_ENOMEM);
    }
    for (size_t n = 0;; n++) {
        struct dbr_peer_record record;
        fault_after(n);
        int err = open_record(&out, &record);
        if (!fault_off()) {
            assert_int_equal(err, 0);
            break;
        }
        /* A message that cannot be unpacked may be malformed. */
        assert_true(err == DEBROS_ENOMEM || err == DEBROS_EPROTO);
    }
    dbr_buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_js_is_met),
        cmocka_unit_test(no_bit_of_a_record_may_change),
        cmocka_unit_test(well_signed_nonsense_is_refused),
        cmocka_unit_test(strange_and_many_addresses_are_skipped),
        cmocka_unit_test(short_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
