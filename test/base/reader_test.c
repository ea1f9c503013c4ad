#include "test.h"

#include "base/buf.h"
#include "base/reader.h"
#include "base/rng.h"

static void values_are_read_in_their_order(void **state)
{
    (void)state;
    struct test_bytes in = test_hex("01 0203 04050607 08090a0b 0c0d0e0f10111213 8001 ff");
    struct dbr_reader r;
    dbr_reader_init(&r, test_view(in));
    assert_int_equal(dbr_reader_u8(&r), 0x01);
    assert_int_equal(dbr_reader_be16(&r), 0x0203);
    assert_int_equal(dbr_reader_be32(&r), 0x04050607);
    assert_int_equal(dbr_reader_le32(&r), 0x0b0a0908);
    assert_int_equal(dbr_reader_le64(&r), 0x131211100f0e0d0c);
    assert_int_equal(dbr_reader_uvarint(&r), 128);
    assert_int_equal(dbr_reader_left(&r), 1);
    debros_bytes last = dbr_reader_bytes(&r, 1);
    assert_bytes_hex(last, "ff");
    assert_int_equal(dbr_reader_bytes(&r, 0).len, 0);
    assert_false(r.bad);
}

static void the_end_is_never_passed(void **state)
{
    (void)state;
    struct test_bytes in = test_hex("010203");
    struct dbr_reader r;
    dbr_reader_init(&r, test_view(in));
    assert_int_equal(dbr_reader_be32(&r), 0);
    assert_true(r.bad);
    assert_int_equal(dbr_reader_left(&r), 0);
    assert_int_equal(dbr_reader_u8(&r), 0);
    assert_int_equal(dbr_reader_uvarint(&r), 0);
    assert_null(dbr_reader_bytes(&r, SIZE_MAX).data);
    dbr_reader_init(&r, dbr_bytes(NULL, 0));
    assert_int_equal(dbr_reader_left(&r), 0);
    assert_false(r.bad);
    assert_int_equal(dbr_reader_uvarint(&r), 0);
    assert_true(r.bad);
}

static void uvarints_decode_what_buffers_encode(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 3);
    for (size_t i = 0; i < 10000; i++) {
        uint64_t value = dbr_rng_u64(&rng) >> (1 + dbr_rng_below(&rng, 63));
        uint64_t decoded;
        struct dbr_buf buf = {0};
        dbr_buf_uvarint(&buf, value);
        assert_int_equal(buf.len, dbr_uvarint_size(value));
        assert_int_equal(dbr_uvarint_decode(buf.data, buf.len, &decoded), buf.len);
        assert_int_equal(decoded, value);
        for (size_t len = 0; len < buf.len; len++) {
            assert_int_equal(dbr_uvarint_decode(buf.data, len, &decoded), DEBROS_EAGAIN);
        }
        dbr_buf_finish(&buf);
    }
    assert_int_equal(dbr_uvarint_size(0), 1);
    assert_int_equal(dbr_uvarint_size(UINT64_MAX), 10);
}

static int decode(const char *digits)
{
    struct test_bytes in = test_hex(digits);
    uint64_t value;
    return dbr_uvarint_decode(in.data, in.len, &value);
}

static void uvarints_are_minimal_and_of_63_bits(void **state)
{
    (void)state;
    assert_int_equal(decode("00"), 1);
    assert_int_equal(decode("8000"), DEBROS_EPROTO);
    assert_int_equal(decode("ffff00"), DEBROS_EPROTO);
    assert_int_equal(decode("ffffffffffffffff7f"), 9);
    assert_int_equal(decode("ffffffffffffffffff"), DEBROS_EPROTO);
    assert_int_equal(decode("ffffffffffffffffff01"), DEBROS_EPROTO);
    assert_int_equal(decode(""), DEBROS_EAGAIN);
}

static void frames_come_whole_or_not_yet(void **state)
{
    (void)state;
    struct test_bytes in = test_hex("03 616263 00");
    debros_bytes body;
    size_t used;
    for (size_t len = 0; len < 4; len++) {
        assert_int_equal(dbr_frame_decode(dbr_bytes(in.data, len), 3, &body, &used), 0);
        assert_int_equal(used, 0);
    }
    assert_int_equal(dbr_frame_decode(test_view(in), 3, &body, &used), 1);
    assert_bytes_hex(body, "616263");
    assert_int_equal(used, 4);
    assert_int_equal(dbr_frame_decode(dbr_bytes(in.data + 4, 1), 3, &body, &used), 1);
    assert_int_equal(body.len, 0);
    assert_int_equal(used, 1);
}

/* Before the body has arrived: a peer cannot make us wait for what we refuse. */
static void frames_above_the_limit_are_refused_at_once(void **state)
{
    (void)state;
    struct test_bytes in = test_hex("04");
    struct test_bytes huge = test_hex("ffffffffffffffff7f");
    struct test_bytes bad = test_hex("8000");
    debros_bytes body;
    size_t used;
    assert_int_equal(dbr_frame_decode(test_view(in), 3, &body, &used), DEBROS_ELIMIT);
    assert_int_equal(dbr_frame_decode(test_view(in), 4, &body, &used), 0);
    assert_int_equal(dbr_frame_decode(test_view(huge), 4, &body, &used), DEBROS_ELIMIT);
    assert_int_equal(dbr_frame_decode(test_view(huge), SIZE_MAX, &body, &used), 0);
    assert_int_equal(dbr_frame_decode(test_view(bad), 4, &body, &used), DEBROS_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_in_their_order),
        cmocka_unit_test(the_end_is_never_passed),
        cmocka_unit_test(uvarints_decode_what_buffers_encode),
        cmocka_unit_test(uvarints_are_minimal_and_of_63_bits),
        cmocka_unit_test(frames_come_whole_or_not_yet),
        cmocka_unit_test(frames_above_the_limit_are_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
