/* The signed things of js-libp2p, checked with our primitives: an envelope with a peer
 * record, and a pubsub message. */
#include "vectors.h"

#include "base/buf.h"
#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/system.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

static struct dbr_keypair keypair_of(const json_t *vector)
{
    struct test_bytes seed = vectors_hex(vector, "seed");
    struct dbr_keypair pair;
    dbr_keypair_from_seed(&pair, seed.data);
    return pair;
}

/* The bytes field `tag` that comes next, or none when another one does. */
static debros_bytes field(struct dbr_reader *r, uint8_t tag)
{
    if (dbr_reader_left(r) == 0 || *r->pos != tag) {
        return dbr_bytes(NULL, 0);
    }
    dbr_reader_u8(r);
    return dbr_reader_bytes(r, (size_t)dbr_reader_uvarint(r));
}

static void add_prefixed(struct dbr_buf *buf, debros_bytes bytes)
{
    dbr_buf_uvarint(buf, bytes.len);
    dbr_buf_add(buf, bytes.data, bytes.len);
}

/* libp2p-wire 5.3: domain, type and payload, each behind its length. */
static void the_envelopes_signature_is_right(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *vector = vectors_get(root, "envelope");
    struct dbr_keypair pair = keypair_of(vector);
    struct test_bytes envelope = vectors_hex(vector, "envelope");
    struct dbr_reader r;
    dbr_reader_init(&r, test_view(envelope));
    debros_bytes key_message = field(&r, 0x0a);
    debros_bytes type = field(&r, 0x12);
    debros_bytes payload = field(&r, 0x1a);
    debros_bytes signature = field(&r, 0x2a);
    assert_false(r.bad);
    assert_int_equal(dbr_reader_left(&r), 0);
    assert_bytes_hex(type, "0301");
    assert_bytes_hex(payload, vectors_text(vector, "payload"));

    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    assert_int_equal(dbr_public_key_decode(key, key_message), 0);
    assert_memory_equal(key, pair.public_key, sizeof(key));

    struct dbr_buf signed_bytes = {0};
    uint8_t own_signature[DBR_SIGNATURE_SIZE];
    add_prefixed(&signed_bytes, dbr_bytes_str("libp2p-peer-record"));
    add_prefixed(&signed_bytes, type);
    add_prefixed(&signed_bytes, payload);
    debros_bytes view = dbr_bytes(signed_bytes.data, signed_bytes.len);
    assert_true(dbr_verify(signature.data, signature.len, view, key));
    dbr_sign(own_signature, view, &pair);
    assert_memory_equal(own_signature, signature.data, sizeof(own_signature));
    dbr_buf_finish(&signed_bytes);
    json_decref(root);
}

static void the_peer_record_holds_its_peer_and_address(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *vector = vectors_get(root, "envelope");
    struct dbr_keypair pair = keypair_of(vector);
    struct test_bytes payload = vectors_hex(vector, "payload");
    struct dbr_peer_id id;
    struct dbr_multiaddr addr;
    char text[DBR_MULTIADDR_TEXT_SIZE];
    struct dbr_reader r;
    dbr_reader_init(&r, test_view(payload));
    dbr_peer_id_from_key(&id, pair.public_key);
    debros_bytes peer = field(&r, 0x0a);
    assert_true(dbr_bytes_equal(peer, dbr_bytes(id.bytes, id.len)));
    assert_int_equal(dbr_reader_u8(&r), 0x10);
    assert_int_equal(dbr_reader_uvarint(&r), 7);
    assert_string_equal(vectors_text(vector, "seq"), "7");
    debros_bytes info = field(&r, 0x1a);
    struct dbr_reader inner;
    dbr_reader_init(&inner, info);
    assert_int_equal(dbr_multiaddr_from_bytes(&addr, field(&inner, 0x0a)), 0);
    assert_string_equal(dbr_multiaddr_text(&addr, text), vectors_text(vector, "addr"));
    json_decref(root);
}

/* libp2p-wire 7.3: fields 1 to 4 behind a prefix; signature and key are not covered. */
static void the_pubsub_signature_is_right(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *vector = vectors_get(root, "pubsub");
    struct dbr_keypair pair = keypair_of(vector);
    struct test_bytes message = vectors_hex(vector, "unsigned");
    struct test_bytes signature = vectors_hex(vector, "signature");
    struct dbr_buf signed_bytes = {0};
    uint8_t own_signature[DBR_SIGNATURE_SIZE];
    dbr_buf_str(&signed_bytes, "libp2p-pubsub:");
    dbr_buf_add(&signed_bytes, message.data, message.len);
    debros_bytes view = dbr_bytes(signed_bytes.data, signed_bytes.len);
    assert_true(dbr_verify(signature.data, signature.len, view, pair.public_key));
    dbr_sign(own_signature, view, &pair);
    assert_hex(own_signature, sizeof(own_signature), vectors_text(vector, "signature"));

    dbr_buf_clear(&signed_bytes);
    dbr_buf_add(&signed_bytes, message.data, message.len);
    dbr_buf_u8(&signed_bytes, 0x2a);
    add_prefixed(&signed_bytes, test_view(signature));
    assert_bytes_hex(signed_bytes, vectors_text(vector, "signed"));
    dbr_buf_finish(&signed_bytes);
    json_decref(root);
}

static void the_pubsub_rpc_publishes_the_message(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *vector = vectors_get(root, "pubsub");
    struct test_bytes rpc = vectors_hex(vector, "rpc");
    struct dbr_reader r;
    dbr_reader_init(&r, test_view(rpc));
    debros_bytes publish = field(&r, 0x12);
    assert_bytes_hex(publish, vectors_text(vector, "signed"));
    assert_int_equal(dbr_reader_left(&r), 0);
    json_decref(root);
}

/* libp2p-wire 7.4: from || seqno, where js takes the key's message for the id. */
static void the_message_ids_are_from_and_seqno(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *vector = vectors_get(root, "pubsub");
    struct dbr_keypair pair = keypair_of(vector);
    struct test_bytes message = vectors_hex(vector, "unsigned");
    struct dbr_peer_id id;
    struct dbr_reader r;
    dbr_reader_init(&r, test_view(message));
    dbr_peer_id_from_key(&id, pair.public_key);
    debros_bytes from = field(&r, 0x0a);
    debros_bytes data = field(&r, 0x12);
    debros_bytes seqno = field(&r, 0x1a);
    debros_bytes topic = field(&r, 0x22);
    assert_true(dbr_bytes_equal(from, dbr_bytes(id.bytes, id.len)));
    assert_true(dbr_bytes_equal(data, dbr_bytes_str("hello")));
    assert_true(dbr_bytes_equal(topic, dbr_bytes_str("t1")));

    struct dbr_buf msg_id = {0};
    dbr_buf_add(&msg_id, from.data, from.len);
    dbr_buf_add(&msg_id, seqno.data, seqno.len);
    assert_bytes_hex(msg_id, vectors_text(vector, "goMsgId"));
    dbr_buf_consume(&msg_id, 2);
    assert_bytes_hex(msg_id, vectors_text(vector, "jsStockMsgId"));
    dbr_buf_finish(&msg_id);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_envelopes_signature_is_right),
        cmocka_unit_test(the_peer_record_holds_its_peer_and_address),
        cmocka_unit_test(the_pubsub_signature_is_right),
        cmocka_unit_test(the_pubsub_rpc_publishes_the_message),
        cmocka_unit_test(the_message_ids_are_from_and_seqno),
    };
    return dbr_crypto_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
