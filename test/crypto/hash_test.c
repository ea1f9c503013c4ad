#include "test.h"

#include "crypto/hash.h"
#include "crypto/system.h"

/* FIPS 180-4's examples (csrc.nist.gov, "SHA256.pdf" and "SHA2_Additional.pdf"). */
static void sha256_gives_the_standards_digests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *digest;
    } examples[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
         "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    for (size_t i = 0; i < DBR_COUNT(examples); i++) {
        uint8_t digest[DBR_SHA256_SIZE];
        debros_bytes text = dbr_bytes_str(examples[i].text);
        dbr_sha256(digest, text);
        assert_hex(digest, sizeof(digest), examples[i].digest);
        for (size_t cut = 0; cut <= text.len; cut++) {
            dbr_sha256_two(digest, dbr_bytes(text.data, cut),
                           dbr_bytes(text.data + cut, text.len - cut));
            assert_hex(digest, sizeof(digest), examples[i].digest);
        }
    }
}

static void sha256_of_a_million_letters(void **state)
{
    (void)state;
    static uint8_t text[1000000];
    uint8_t digest[DBR_SHA256_SIZE];
    memset(text, 'a', sizeof(text));
    dbr_sha256(digest, dbr_bytes(text, sizeof(text)));
    assert_hex(digest, sizeof(digest),
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void sha256_of_nothing_at_all(void **state)
{
    (void)state;
    uint8_t digest[DBR_SHA256_SIZE];
    dbr_sha256_two(digest, dbr_bytes(NULL, 0), dbr_bytes(NULL, 0));
    assert_hex(digest, sizeof(digest),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 2104: a short key is filled with zeroes, a key above the block of 64 is hashed. So
 * any key has an equal of 32 bytes, unless it has 33 to 64. */
static void key_of_32(uint8_t key[DBR_SHA256_SIZE], debros_bytes any)
{
    assert_true(any.len <= DBR_SHA256_SIZE || any.len > 64);
    memset(key, 0, DBR_SHA256_SIZE);
    if (any.len > 64) {
        dbr_sha256(key, any);
    } else {
        memcpy(key, any.data, any.len);
    }
}

static void assert_hmac(debros_bytes any_key, debros_bytes data, const char *want)
{
    uint8_t key[DBR_SHA256_SIZE];
    uint8_t tag[DBR_SHA256_SIZE];
    key_of_32(key, any_key);
    dbr_hmac_sha256(tag, data, key);
    assert_hex(tag, strlen(want) / 2, want);
}

static struct test_bytes repeat(uint8_t byte, size_t len)
{
    struct test_bytes bytes = {.len = len};
    memset(bytes.data, byte, len);
    return bytes;
}

/* RFC 4231 section 4, all seven cases. */
static void hmac_gives_the_rfcs_tags(void **state)
{
    (void)state;
    struct test_bytes key = repeat(0x0b, 20);
    assert_hmac(test_view(key), dbr_bytes_str("Hi There"),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hmac(dbr_bytes_str("Jefe"), dbr_bytes_str("what do ya want for nothing?"),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    key = repeat(0xaa, 20);
    struct test_bytes data = repeat(0xdd, 50);
    assert_hmac(test_view(key), test_view(data),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    key = test_hex("0102030405060708090a0b0c0d0e0f10111213141516171819");
    data = repeat(0xcd, 50);
    assert_hmac(test_view(key), test_view(data),
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    key = repeat(0x0c, 20);
    assert_hmac(test_view(key), dbr_bytes_str("Test With Truncation"),
                "a3b6167473100ee06e0c796c2955552b");
    key = repeat(0xaa, 131);
    assert_hmac(test_view(key),
                dbr_bytes_str("Test Using Larger Than Block-Size Key - Hash Key First"),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_hmac(
        test_view(key),
        dbr_bytes_str("This is a test using a larger than block-size key and a larger "
                      "than block-size data. The key needs to be hashed before being "
                      "used by the HMAC algorithm."),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* RFC 5869 A.3: no salt and no info, as Noise has it. Its OKM is cut at 42 bytes. */
static void hkdf_gives_the_rfcs_keys(void **state)
{
    (void)state;
    struct test_bytes ikm = repeat(0x0b, 22);
    uint8_t salt[DBR_SHA256_SIZE] = {0};
    uint8_t okm[2 * DBR_SHA256_SIZE];
    dbr_hmac_sha256(okm, test_view(ikm), salt);
    assert_hex(okm, 32,
               "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    dbr_hkdf2(okm, okm + 32, salt, test_view(ikm));
    assert_hex(okm, 42,
               "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
               "9d201395faa4b61a96c8");
}

/* RFC 5869 A.1 has an info, so only its first step and, by hand, its first block. */
static void hkdf_extracts_with_a_salt(void **state)
{
    (void)state;
    struct test_bytes ikm = repeat(0x0b, 22);
    struct test_bytes salt = test_hex("000102030405060708090a0b0c");
    struct test_bytes info = test_hex("f0f1f2f3f4f5f6f7f8f9 01");
    struct test_bytes prk =
        test_hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert_hmac(test_view(salt), test_view(ikm),
                "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert_hmac(test_view(prk), test_view(info),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

static void hkdf_may_overwrite_its_key(void **state)
{
    (void)state;
    uint8_t ck[DBR_SHA256_SIZE] = {1, 2, 3};
    uint8_t want1[DBR_SHA256_SIZE];
    uint8_t want2[DBR_SHA256_SIZE];
    uint8_t other[DBR_SHA256_SIZE];
    dbr_hkdf2(want1, want2, ck, dbr_bytes_str("input"));
    uint8_t again[DBR_SHA256_SIZE];
    memcpy(again, ck, sizeof(ck));
    dbr_hkdf2(ck, other, ck, dbr_bytes_str("input"));
    assert_memory_equal(ck, want1, sizeof(ck));
    assert_memory_equal(other, want2, sizeof(other));
    dbr_hkdf2(other, again, again, dbr_bytes_str("input"));
    assert_memory_equal(other, want1, sizeof(other));
    assert_memory_equal(again, want2, sizeof(again));
}

/* RFC 7693 appendix A has 64 bytes of digest; this one is b2sum -l 256's of "abc". */
static void blake2b_gives_the_known_digest(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= 3; cut++) {
        for (size_t shift = 0; shift < 64; shift += 7) {
            uint8_t memory[sizeof(struct dbr_blake2b) + 64];
            struct dbr_blake2b *b = (struct dbr_blake2b *)(void *)(memory + shift);
            uint8_t digest[DBR_BLAKE2B_SIZE];
            dbr_blake2b_begin(b);
            dbr_blake2b_add(b, dbr_bytes("abc", cut));
            dbr_blake2b_add(b, dbr_bytes((const char *)"abc" + cut, 3 - cut));
            dbr_blake2b_end(b, digest);
            assert_hex(
                digest, sizeof(digest),
                "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
        }
    }
}

static void wiping_zeroes(void **state)
{
    (void)state;
    uint8_t secret[5] = "abcd";
    dbr_wipe(secret, 4);
    assert_hex(secret, 5, "0000000000");
    dbr_wipe(secret, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_standards_digests),
        cmocka_unit_test(sha256_of_a_million_letters),
        cmocka_unit_test(sha256_of_nothing_at_all),
        cmocka_unit_test(hmac_gives_the_rfcs_tags),
        cmocka_unit_test(hkdf_gives_the_rfcs_keys),
        cmocka_unit_test(hkdf_extracts_with_a_salt),
        cmocka_unit_test(hkdf_may_overwrite_its_key),
        cmocka_unit_test(blake2b_gives_the_known_digest),
        cmocka_unit_test(wiping_zeroes),
    };
    return dbr_crypto_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
