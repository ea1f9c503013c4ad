#include "test.h"

#include "base/rng.h"
#include "crypto/hash.h"

static void assert_crc(debros_bytes data, uint32_t want)
{
    assert_int_equal(dbr_crc32c(0, data.data, data.len), want);
    assert_int_equal(dbr_crc32c_portable(0, data.data, data.len), want);
}

/* RFC 3720 B.4, and the check value of the catalogues. */
static void it_gives_the_rfcs_sums(void **state)
{
    (void)state;
    uint8_t zeroes[32] = {0};
    uint8_t ones[32];
    uint8_t rising[32];
    uint8_t falling[32];
    for (uint8_t i = 0; i < 32; i++) {
        ones[i] = 0xff;
        rising[i] = i;
        falling[i] = (uint8_t)(31 - i);
    }
    assert_crc(dbr_bytes(zeroes, 32), 0x8a9136aa);
    assert_crc(dbr_bytes(ones, 32), 0x62a8ab43);
    assert_crc(dbr_bytes(rising, 32), 0x46dd794e);
    assert_crc(dbr_bytes(falling, 32), 0x113fdb5c);
    struct test_bytes read = test_hex("01c00000 00000000 00000000 00000000"
                                      "14000000 00000400 00000014 00000018"
                                      "28000000 00000000 02000000 00000000");
    assert_crc(test_view(read), 0xd9963a56);
    assert_crc(dbr_bytes_str("123456789"), 0xe3069283);
    assert_crc(dbr_bytes(NULL, 0), 0);
}

/* The definition, one bit at a time. */
static uint32_t by_bits(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

static void every_length_and_alignment_agrees(void **state)
{
    (void)state;
    uint8_t data[300];
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 7);
    dbr_rng_fill(&rng, data, sizeof(data));
    for (size_t start = 0; start < 9; start++) {
        for (size_t len = 0; start + len <= sizeof(data); len++) {
            assert_crc(dbr_bytes(data + start, len), by_bits(data + start, len));
        }
    }
}

static void it_continues_where_it_stopped(void **state)
{
    (void)state;
    static const char text[] = "123456789123456789";
    uint32_t whole = dbr_crc32c(0, text, 18);
    for (size_t cut = 0; cut <= 18; cut++) {
        uint32_t crc = dbr_crc32c(0, text, cut);
        assert_int_equal(dbr_crc32c(crc, text + cut, 18 - cut), whole);
        assert_int_equal(dbr_crc32c_portable(crc, text + cut, 18 - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_rfcs_sums),
        cmocka_unit_test(every_length_and_alignment_agrees),
        cmocka_unit_test(it_continues_where_it_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
