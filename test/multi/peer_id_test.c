#include "vectors.h"

#include "base/rng.h"
#include "crypto/hash.h"
#include "crypto/system.h"
#include "multi/multibase.h"
#include "multi/peer_id.h"

/* ---- What js-libp2p makes of the same seeds --------------------------------- */

static void assert_key_vector(const json_t *vector)
{
    struct test_bytes seed = vectors_hex(vector, "seed");
    struct test_bytes private_message = vectors_hex(vector, "privateKeyProto");
    struct test_bytes public_message = vectors_hex(vector, "publicKeyProto");
    struct dbr_keypair pair;
    struct dbr_keypair decoded;
    struct dbr_peer_id id;
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    uint8_t message[DBR_PRIVATE_KEY_MESSAGE_SIZE];
    char text[DBR_PEER_ID_TEXT_SIZE];

    dbr_keypair_from_seed(&pair, seed.data);
    dbr_private_key_encode(message, &pair);
    assert_hex(message, sizeof(message), vectors_text(vector, "privateKeyProto"));
    assert_int_equal(dbr_private_key_decode(&decoded, test_view(private_message)), 0);
    assert_memory_equal(&decoded, &pair, sizeof(pair));

    dbr_public_key_encode(message, pair.public_key);
    assert_hex(message, DBR_PUBLIC_KEY_MESSAGE_SIZE,
               vectors_text(vector, "publicKeyProto"));
    assert_int_equal(dbr_public_key_decode(key, test_view(public_message)), 0);
    assert_memory_equal(key, pair.public_key, sizeof(key));

    dbr_peer_id_from_key(&id, pair.public_key);
    assert_hex(id.bytes, id.len, vectors_text(vector, "peerIdBytes"));
    assert_string_equal(dbr_peer_id_text(&id, text), vectors_text(vector, "peerId"));
}

static void assert_id_vector(const json_t *vector)
{
    struct test_bytes bytes = vectors_hex(vector, "peerIdBytes");
    struct test_bytes seed = vectors_hex(vector, "seed");
    const char *base58 = vectors_text(vector, "peerId");
    const char *cid = vectors_text(vector, "cid");
    struct dbr_keypair pair;
    struct dbr_peer_id id;
    struct dbr_peer_id parsed;
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    uint8_t kad_id[DBR_SHA256_SIZE];

    assert_int_equal(dbr_peer_id_from_bytes(&id, test_view(bytes)), 0);
    assert_int_equal(dbr_peer_id_parse(&parsed, base58, strlen(base58)), 0);
    assert_true(dbr_peer_id_equal(&id, &parsed));
    assert_int_equal(dbr_peer_id_parse(&parsed, cid, strlen(cid)), 0);
    assert_true(dbr_peer_id_equal(&id, &parsed));

    dbr_keypair_from_seed(&pair, seed.data);
    assert_true(dbr_peer_id_key(&id, key));
    assert_memory_equal(key, pair.public_key, sizeof(key));
    dbr_sha256(kad_id, dbr_bytes(id.bytes, id.len));
    assert_hex(kad_id, sizeof(kad_id), vectors_text(vector, "kadId"));
}

static void keys_and_ids_are_those_of_js(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *keys = vectors_get(root, "keys");
    assert_true(json_array_size(keys) >= 3);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        assert_key_vector(json_array_get(keys, i));
        assert_id_vector(json_array_get(keys, i));
    }
    json_decref(root);
}

/* Every key of the vectors as a CID again: version 1, libp2p-key, the id's bytes. */
static void cids_are_those_of_js(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *keys = vectors_get(root, "keys");
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *vector = json_array_get(keys, i);
        struct test_bytes id = vectors_hex(vector, "peerIdBytes");
        struct test_bytes cid = {.len = 2, .data = {0x01, 0x72}};
        char text[128] = "b";
        memcpy(cid.data + 2, id.data, id.len);
        cid.len += id.len;
        assert_true(dbr_base32_encode(text + 1, sizeof(text) - 1, test_view(cid)) > 0);
        assert_string_equal(text, vectors_text(vector, "cid"));
    }
    json_decref(root);
}

/* ---- The peer-id spec's examples --------------------------------------------- */

static void the_specs_ed25519_key_is_read(void **state)
{
    (void)state;
    struct test_bytes private_message = test_hex(
        "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
        "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");
    struct dbr_keypair pair;
    uint8_t message[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    assert_int_equal(dbr_private_key_decode(&pair, test_view(private_message)), 0);
    dbr_public_key_encode(message, pair.public_key);
    assert_hex(
        message, sizeof(message),
        "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");
}

static void the_specs_ids_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
        "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
    };
    static const char cid[] =
        "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe";
    struct dbr_peer_id id;
    struct dbr_peer_id same;
    char text[DBR_PEER_ID_TEXT_SIZE];
    for (size_t i = 0; i < DBR_COUNT(texts); i++) {
        assert_int_equal(dbr_peer_id_parse(&id, texts[i], strlen(texts[i])), 0);
        assert_string_equal(dbr_peer_id_text(&id, text), texts[i]);
    }
    assert_int_equal(dbr_peer_id_parse(&id, texts[0], strlen(texts[0])), 0);
    assert_int_equal(dbr_peer_id_parse(&same, cid, strlen(cid)), 0);
    assert_true(dbr_peer_id_equal(&id, &same));
}

/* A message in the key's place of a secp256k1 id: an id, but without a key for us. */
static void the_specs_secp256k1_key_is_refused(void **state)
{
    (void)state;
    struct test_bytes message = test_hex(
        "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99");
    struct dbr_peer_id id;
    struct test_bytes multihash = {.len = 2, .data = {0x00, 0x25}};
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    char text[DBR_PEER_ID_TEXT_SIZE];
    assert_int_equal(dbr_public_key_decode(key, test_view(message)), DEBROS_EAUTH);
    memcpy(multihash.data + 2, message.data, message.len);
    multihash.len += message.len;
    assert_int_equal(dbr_peer_id_from_bytes(&id, test_view(multihash)), 0);
    assert_memory_equal(dbr_peer_id_text(&id, text), "16Uiu2HA", 8);
    assert_false(dbr_peer_id_key(&id, key));
}

/* ---- Limits and lies ----------------------------------------------------------- */

static void malformed_public_keys_are_refused(void **state)
{
    (void)state;
    static const char key[] =
        "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
    static const struct {
        const char *head;
        const char *tail;
        int err;
    } cases[] = {
        {"08011220", "", 0},
        {"08001220", "", DEBROS_EAUTH},    /* RSA */
        {"08031220", "", DEBROS_EAUTH},    /* ECDSA */
        {"08041220", "", DEBROS_EAUTH},    /* a type nobody knows */
        {"0881011220", "", DEBROS_EAUTH},  /* type 129 is not type 1 */
        {"08011221", "", DEBROS_EPROTO},   /* longer than the message */
        {"0801121f", "", DEBROS_EPROTO},   /* something behind the key */
        {"08011220", "00", DEBROS_EPROTO}, /* the same */
        {"08011221", "00", DEBROS_EPROTO}, /* a key of 33 bytes */
        {"1220", "0801", DEBROS_EPROTO},   /* in another order */
        {"088180001220", "", DEBROS_EPROTO},
    };
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        char text[128];
        uint8_t out[DBR_PUBLIC_KEY_SIZE];
        strcpy(text, cases[i].head);
        strcat(text, key);
        strcat(text, cases[i].tail);
        struct test_bytes message = test_hex(text);
        assert_int_equal(dbr_public_key_decode(out, test_view(message)), cases[i].err);
    }
    assert_int_equal(dbr_public_key_decode((uint8_t[32]){0}, dbr_bytes(NULL, 0)),
                     DEBROS_EPROTO);
}

static void every_prefix_of_a_key_is_refused(void **state)
{
    (void)state;
    struct dbr_keypair pair;
    struct dbr_keypair out;
    uint8_t seed[32] = {7};
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    uint8_t public_message[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    uint8_t private_message[DBR_PRIVATE_KEY_MESSAGE_SIZE];
    dbr_keypair_from_seed(&pair, seed);
    dbr_public_key_encode(public_message, pair.public_key);
    dbr_private_key_encode(private_message, &pair);
    for (size_t len = 0; len < sizeof(public_message); len++) {
        assert_int_equal(dbr_public_key_decode(key, dbr_bytes(public_message, len)),
                         DEBROS_EPROTO);
    }
    for (size_t len = 0; len < sizeof(private_message); len++) {
        assert_int_equal(dbr_private_key_decode(&out, dbr_bytes(private_message, len)),
                         DEBROS_EINVAL);
    }
}

static void private_keys_must_agree_with_themselves(void **state)
{
    (void)state;
    static const struct dbr_keypair zero;
    struct dbr_keypair pair;
    struct dbr_keypair out;
    uint8_t seed[32] = {8};
    uint8_t message[5 + 96] = {0x08, 0x01, 0x12, 96};
    dbr_keypair_from_seed(&pair, seed);
    memcpy(message + 4, pair.secret_key, 64);
    memcpy(message + 68, pair.public_key, 32);
    assert_int_equal(dbr_private_key_decode(&out, dbr_bytes(message, 100)), 0);
    assert_memory_equal(&out, &pair, sizeof(out));
    for (size_t i = 4; i < 100; i++) {
        message[i] ^= 1;
        assert_int_equal(dbr_private_key_decode(&out, dbr_bytes(message, 100)),
                         DEBROS_EINVAL);
        assert_memory_equal(&out, &zero, sizeof(out));
        message[i] ^= 1;
    }
    message[3] = 97;
    assert_int_equal(dbr_private_key_decode(&out, dbr_bytes(message, 101)),
                     DEBROS_EINVAL);
    message[3] = 96;
    message[1] = 0;
    assert_int_equal(dbr_private_key_decode(&out, dbr_bytes(message, 100)),
                     DEBROS_EINVAL);
}

static void other_multihashes_are_no_ids(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         /* nothing */
        "00",       /* no length */
        "0000",     /* nothing hashed */
        "000201",   /* shorter than it says */
        "00010102", /* longer than it says */
        "110101",   /* SHA-1 */
        "120101",   /* SHA-256 cut short */
        ("0029 0102030405060708090a0b0c0d0e0f10 1112131415161718191a1b1c1d1e1f20"
         "212223242526272829"), /* 43 bytes */
    };
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        struct test_bytes bytes = test_hex(bad[i]);
        struct dbr_peer_id id;
        assert_int_equal(dbr_peer_id_from_bytes(&id, test_view(bytes)), DEBROS_EINVAL);
        assert_true(dbr_peer_id_is_none(&id));
    }
}

static void other_texts_are_no_ids(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1",
        "Q",
        "Qm",
        "b",
        "baf",
        "12D3KooW",
        "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5S",   /* one less */
        "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SAA", /* one more */
        "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5S0",  /* no digit */
        "2D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
        "bafybeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", /* dag-pb */
        "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8",
    };
    struct dbr_peer_id id;
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        assert_int_equal(dbr_peer_id_parse(&id, bad[i], strlen(bad[i])), DEBROS_EINVAL);
        assert_true(dbr_peer_id_is_none(&id));
    }
    char ones[1000];
    memset(ones, '1', sizeof(ones));
    assert_int_equal(dbr_peer_id_parse(&id, ones, sizeof(ones)), DEBROS_EINVAL);
    memset(ones, 'b', sizeof(ones));
    assert_int_equal(dbr_peer_id_parse(&id, ones, sizeof(ones)), DEBROS_EINVAL);
}

static void texts_of_random_ids_come_back(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 13);
    for (size_t i = 0; i < 5000; i++) {
        struct test_bytes bytes = {0};
        struct dbr_peer_id id;
        struct dbr_peer_id parsed;
        char text[DBR_PEER_ID_TEXT_SIZE];
        bool is_sha256 = dbr_rng_below(&rng, 2) == 0;
        size_t len = is_sha256 ? 32 : 1 + (size_t)dbr_rng_below(&rng, 40);
        bytes.data[0] = is_sha256 ? 0x12 : 0x00;
        bytes.data[1] = (uint8_t)len;
        bytes.len = 2 + len;
        dbr_rng_fill(&rng, bytes.data + 2, len);
        assert_int_equal(dbr_peer_id_from_bytes(&id, test_view(bytes)), 0);
        dbr_peer_id_text(&id, text);
        assert_int_equal(dbr_peer_id_parse(&parsed, text, strlen(text)), 0);
        assert_true(dbr_peer_id_equal(&id, &parsed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_ids_are_those_of_js),
        cmocka_unit_test(cids_are_those_of_js),
        cmocka_unit_test(the_specs_ed25519_key_is_read),
        cmocka_unit_test(the_specs_ids_are_read),
        cmocka_unit_test(the_specs_secp256k1_key_is_refused),
        cmocka_unit_test(malformed_public_keys_are_refused),
        cmocka_unit_test(every_prefix_of_a_key_is_refused),
        cmocka_unit_test(private_keys_must_agree_with_themselves),
        cmocka_unit_test(other_multihashes_are_no_ids),
        cmocka_unit_test(other_texts_are_no_ids),
        cmocka_unit_test(texts_of_random_ids_come_back),
    };
    return dbr_crypto_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
