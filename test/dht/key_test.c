#include "dht/key.h"

#include "vectors.h"

static struct dbr_dht_key key_hex(const char *digits)
{
    struct dbr_dht_key key = {{0}};
    struct test_bytes bytes = test_hex(digits);
    assert_true(bytes.len <= sizeof(key));
    memcpy(key.bytes, bytes.data, bytes.len);
    return key;
}

/* js-libp2p's kad ids of its own peer ids. */
static void a_peers_key_is_the_hash_of_its_id(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *keys = vectors_get(root, "keys");
    size_t i;
    json_t *vector;
    assert_true(json_array_size(keys) > 0);
    json_array_foreach(keys, i, vector)
    {
        struct test_bytes bytes = vectors_hex(vector, "peerIdBytes");
        struct dbr_peer_id peer;
        struct dbr_dht_key key;
        assert_int_equal(dbr_peer_id_from_bytes(&peer, test_view(bytes)), 0);
        dbr_dht_key_of_peer(&key, &peer);
        assert_hex(key.bytes, sizeof(key), vectors_text(vector, "kadId"));
        dbr_dht_key_of(&key, test_view(bytes)); /* a record of such a key is as far */
        assert_hex(key.bytes, sizeof(key), vectors_text(vector, "kadId"));
    }
    json_decref(root);
}

static void the_prefix_is_counted_in_bits(void **state)
{
    (void)state;
    struct dbr_dht_key zero = {{0}};
    struct dbr_dht_key one = zero;
    assert_int_equal(dbr_dht_key_prefix(&zero, &zero), 256);
    for (unsigned bit = 0; bit < 256; bit++) {
        one = zero;
        one.bytes[bit / 8] = (uint8_t)(0x80 >> bit % 8);
        assert_int_equal(dbr_dht_key_prefix(&zero, &one), bit);
        one.bytes[31] |= 1; /* what follows does not count */
        assert_int_equal(dbr_dht_key_prefix(&one, &zero), bit);
        assert_true(dbr_dht_key_bit(&one, bit));
    }
}

static void closer_is_the_smaller_xor(void **state)
{
    (void)state;
    struct dbr_dht_key target = key_hex("80");
    struct dbr_dht_key near = key_hex("81");
    struct dbr_dht_key half = key_hex("c0");
    struct dbr_dht_key far = key_hex("7f");
    assert_true(dbr_dht_key_compare(&target, &near, &half) < 0);
    assert_true(dbr_dht_key_compare(&target, &half, &near) > 0);
    assert_true(dbr_dht_key_compare(&target, &half, &far) < 0);
    assert_true(dbr_dht_key_compare(&target, &target, &near) < 0);
    assert_int_equal(dbr_dht_key_compare(&target, &far, &far), 0);
    near = target;
    near.bytes[31] = 1; /* the last byte counts too */
    assert_true(dbr_dht_key_compare(&target, &near, &target) > 0);
    assert_false(dbr_dht_key_equal(&near, &target));
}

static void a_drawn_peer_falls_into_its_bucket(void **state)
{
    (void)state;
    struct dbr_dht_key own = key_hex("0123456789abcdef");
    struct dbr_dht_key key;
    struct dbr_peer_id peer;
    struct dbr_peer_id same;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 1);
    for (unsigned prefix = 0; prefix < 10; prefix++) {
        assert_true(dbr_dht_key_draw(&peer, &own, prefix, 64u << prefix, &rng));
        dbr_dht_key_of_peer(&key, &peer);
        assert_int_equal(dbr_dht_key_prefix(&key, &own), prefix);
        /* Well formed: some who are asked look at it. */
        assert_int_equal(
            dbr_peer_id_from_bytes(&same, dbr_bytes(peer.bytes, peer.len)), 0);
        assert_true(dbr_peer_id_equal(&peer, &same));
    }
    assert_false(dbr_dht_key_draw(&peer, &own, 60, 100, &rng));
    assert_false(dbr_dht_key_draw(&peer, &own, 0, 0, &rng));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peers_key_is_the_hash_of_its_id),
        cmocka_unit_test(the_prefix_is_counted_in_bits),
        cmocka_unit_test(closer_is_the_smaller_xor),
        cmocka_unit_test(a_drawn_peer_falls_into_its_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
