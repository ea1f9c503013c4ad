#include "test.h"

#include "base/rng.h"
#include "crypto/aead.h"
#include "crypto/system.h"

/* RFC 8439 A.5. Its nonce begins with four zero bytes, as those of Noise do. */
static const char key_hex[] =
    "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0";
static const char ad_hex[] = "f33388860000000000004e91";
static const char cipher_hex[] =
    "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
    "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
    "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
    "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
    "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
    "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
    "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
    "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
    "a6ad5cb4022b02709b"
    "eead9d67890cbb22392336fea1851f38";
static const char text[] =
    "Internet-Drafts are draft documents valid for a maximum of six months and may be "
    "updated, replaced, or obsoleted by other documents at any time. It is inappropriate "
    "to use Internet-Drafts as reference material or to cite them other than as /\xe2\x80"
    "\x9cwork in progress./\xe2\x80\x9d";
static const uint64_t nonce = 0x0807060504030201;

static void it_gives_the_rfcs_cipher(void **state)
{
    (void)state;
    struct test_bytes key = test_hex(key_hex);
    struct test_bytes ad = test_hex(ad_hex);
    uint8_t out[512];
    dbr_aead_encrypt(out, dbr_bytes_str(text), test_view(ad), nonce, key.data);
    assert_hex(out, strlen(text) + DBR_AEAD_TAG_SIZE, cipher_hex);
}

static void it_opens_the_rfcs_cipher(void **state)
{
    (void)state;
    struct test_bytes key = test_hex(key_hex);
    struct test_bytes ad = test_hex(ad_hex);
    struct test_bytes cipher = test_hex(cipher_hex);
    uint8_t out[512];
    assert_true(dbr_aead_decrypt(out, test_view(cipher), test_view(ad), nonce, key.data));
    assert_memory_equal(out, text, strlen(text));
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    struct test_bytes key = test_hex(key_hex);
    struct test_bytes ad = test_hex(ad_hex);
    struct test_bytes cipher = test_hex(cipher_hex);
    uint8_t out[512];
    for (size_t bit = 0; bit < 8 * cipher.len; bit++) {
        cipher.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(
            dbr_aead_decrypt(out, test_view(cipher), test_view(ad), nonce, key.data));
        cipher.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_false(
        dbr_aead_decrypt(out, test_view(cipher), test_view(ad), nonce + 1, key.data));
    ad.data[0] ^= 1;
    assert_false(
        dbr_aead_decrypt(out, test_view(cipher), test_view(ad), nonce, key.data));
}

static void every_shortened_cipher_is_refused(void **state)
{
    (void)state;
    struct test_bytes key = test_hex(key_hex);
    struct test_bytes ad = test_hex(ad_hex);
    struct test_bytes cipher = test_hex(cipher_hex);
    uint8_t out[512];
    for (size_t len = 0; len < cipher.len; len++) {
        assert_false(dbr_aead_decrypt(out, dbr_bytes(cipher.data, len), test_view(ad),
                                      nonce, key.data));
    }
}

static void it_works_in_place_at_every_length(void **state)
{
    (void)state;
    uint8_t key[DBR_AEAD_KEY_SIZE];
    uint8_t plain[300];
    uint8_t data[sizeof(plain) + DBR_AEAD_TAG_SIZE];
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 8);
    dbr_rng_fill(&rng, key, sizeof(key));
    dbr_rng_fill(&rng, plain, sizeof(plain));
    for (size_t len = 0; len <= sizeof(plain); len++) {
        debros_bytes none = dbr_bytes(NULL, 0);
        uint64_t n = dbr_rng_u64(&rng);
        memcpy(data, plain, len);
        dbr_aead_encrypt(data, dbr_bytes(data, len), none, n, key);
        assert_true(len < 8 || memcmp(data, plain, len) != 0);
        assert_true(dbr_aead_decrypt(data, dbr_bytes(data, len + DBR_AEAD_TAG_SIZE), none,
                                     n, key));
        assert_memory_equal(data, plain, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_rfcs_cipher),
        cmocka_unit_test(it_opens_the_rfcs_cipher),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(every_shortened_cipher_is_refused),
        cmocka_unit_test(it_works_in_place_at_every_length),
    };
    return dbr_crypto_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
