#include "test.h"

#include "crypto/dh.h"
#include "crypto/system.h"

static void assert_dh(const char *secret, const char *public, const char *want)
{
    struct test_bytes s = test_hex(secret);
    struct test_bytes p = test_hex(public);
    uint8_t shared[DBR_DH_SIZE];
    assert_true(dbr_dh(shared, s.data, p.data));
    assert_hex(shared, sizeof(shared), want);
}

/* RFC 7748 section 5.2. */
static void it_gives_the_rfcs_products(void **state)
{
    (void)state;
    assert_dh("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
              "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
              "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    assert_dh("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
              "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
              "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

/* RFC 7748 section 5.2: the product of each round is the scalar of the next. */
static void a_thousand_rounds_agree(void **state)
{
    (void)state;
    uint8_t k[DBR_DH_SIZE] = {9};
    uint8_t u[DBR_DH_SIZE] = {9};
    for (size_t i = 1; i <= 1000; i++) {
        uint8_t product[DBR_DH_SIZE];
        assert_true(dbr_dh(product, k, u));
        memcpy(u, k, sizeof(u));
        memcpy(k, product, sizeof(k));
        if (i == 1) {
            assert_hex(
                k, sizeof(k),
                "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
        }
    }
    assert_hex(k, sizeof(k),
               "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

/* RFC 7748 section 6.1. */
static void the_rfcs_alice_and_bob_agree(void **state)
{
    (void)state;
    struct test_bytes a =
        test_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    struct test_bytes b =
        test_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    uint8_t a_public[DBR_DH_SIZE];
    uint8_t b_public[DBR_DH_SIZE];
    uint8_t shared[DBR_DH_SIZE];
    dbr_dh_public(a_public, a.data);
    assert_hex(a_public, sizeof(a_public),
               "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    dbr_dh_public(b_public, b.data);
    assert_hex(b_public, sizeof(b_public),
               "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert_true(dbr_dh(shared, a.data, b_public));
    assert_hex(shared, sizeof(shared),
               "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_true(dbr_dh(shared, b.data, a_public));
    assert_hex(shared, sizeof(shared),
               "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* A peer that sends one of these would know the shared secret of anybody: 0, 1, the two
 * points of order 8, p - 1, p and p + 1. */
static void points_of_small_order_are_refused(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t secret[DBR_DH_SIZE] = {1, 2, 3};
    for (size_t i = 0; i < DBR_COUNT(points); i++) {
        struct test_bytes point = test_hex(points[i]);
        uint8_t shared[DBR_DH_SIZE];
        memset(shared, 0xff, sizeof(shared));
        assert_false(dbr_dh(shared, secret, point.data));
        assert_hex(shared, sizeof(shared), points[0]);
    }
}

static void generated_pairs_agree(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 9);
    for (size_t i = 0; i < 100; i++) {
        uint8_t a[DBR_DH_SIZE];
        uint8_t b[DBR_DH_SIZE];
        uint8_t a_public[DBR_DH_SIZE];
        uint8_t b_public[DBR_DH_SIZE];
        uint8_t ab[DBR_DH_SIZE];
        uint8_t ba[DBR_DH_SIZE];
        dbr_dh_generate(a_public, a, &rng);
        dbr_dh_generate(b_public, b, &rng);
        assert_memory_not_equal(a, b, sizeof(a));
        assert_true(dbr_dh(ab, a, b_public));
        assert_true(dbr_dh(ba, b, a_public));
        assert_memory_equal(ab, ba, sizeof(ab));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_rfcs_products),
        cmocka_unit_test(a_thousand_rounds_agree),
        cmocka_unit_test(the_rfcs_alice_and_bob_agree),
        cmocka_unit_test(points_of_small_order_are_refused),
        cmocka_unit_test(generated_pairs_agree),
    };
    return dbr_crypto_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
