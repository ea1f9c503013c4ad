#include "test.h"

#include "base/buf.h"
#include "base/rng.h"
#include "fault.h"

static void values_are_written_in_their_order(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    dbr_buf_u8(&buf, 0x01);
    dbr_buf_be16(&buf, 0x0203);
    dbr_buf_be32(&buf, 0x04050607);
    dbr_buf_le32(&buf, 0x0b0a0908);
    dbr_buf_le64(&buf, 0x131211100f0e0d0c);
    dbr_buf_add(&buf, "\x14\x15", 2);
    dbr_buf_add(&buf, NULL, 0);
    assert_bytes_hex(buf, "0102030405060708090a0b0c0d0e0f101112131415");
    dbr_buf_clear(&buf);
    dbr_buf_str(&buf, "a=");
    dbr_buf_printf(&buf, "%d, b=%s", 7, "text");
    assert_bytes_hex(buf, "613d37 2c20 623d 74657874");
    dbr_buf_finish(&buf);
}

static void uvarints_are_minimal(void **state)
{
    (void)state;
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    dbr_buf_uvarint(&buf, 0);
    dbr_buf_uvarint(&buf, 127);
    dbr_buf_uvarint(&buf, 128);
    dbr_buf_uvarint(&buf, 16384);
    dbr_buf_uvarint(&buf, UINT64_MAX >> 1);
    assert_bytes_hex(buf, "00 7f 8001 808001 ffffffffffffffff7f");
    dbr_buf_clear(&buf);
    dbr_buf_uvarint(&buf, UINT64_MAX);
    assert_bytes_hex(buf, "ffffffffffffffffff01");
    dbr_buf_finish(&buf);
}

static void reserved_room_is_not_content(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    assert_non_null(dbr_buf_reserve(&buf, 0));
    uint8_t *place = dbr_buf_reserve(&buf, 1000);
    assert_int_equal(buf.len, 0);
    memset(place, 1, 1000);
    assert_ptr_equal(dbr_buf_extend(&buf, 1000), place);
    assert_int_equal(buf.len, 1000);
    dbr_buf_finish(&buf);
}

/* Against a model: a queue of bytes that count up. */
static void it_is_a_queue_of_bytes(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    struct dbr_rng rng;
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    size_t len = 0;
    dbr_rng_seed(&rng, 2);
    for (size_t round = 0; round < 5000; round++) {
        size_t n = (size_t)dbr_rng_below(&rng, 300);
        if (dbr_rng_below(&rng, 2) == 0) {
            uint8_t *place = dbr_buf_extend(&buf, n);
            for (size_t i = 0; i < n; i++) {
                place[i] = next_in++;
            }
            len += n;
        } else {
            n = n > len ? len : n;
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(buf.data[i], next_out++);
            }
            dbr_buf_consume(&buf, n);
            len -= n;
        }
        assert_int_equal(buf.len, len);
    }
    assert_true(buf.cap < 1 << 20);
    dbr_buf_finish(&buf);
}

/* One byte in, one byte out, for ever: the memory stays, nothing is moved each time. */
static void consuming_neither_grows_nor_moves_much(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    assert_non_null(dbr_buf_extend(&buf, 60000));
    memset(buf.data, 0, 60000);
    size_t moves = 0;
    for (size_t i = 0; i < 1000000; i++) {
        dbr_buf_consume(&buf, 1);
        const uint8_t *before = buf.data;
        dbr_buf_u8(&buf, 0);
        moves += buf.data != before;
    }
    assert_true(buf.cap <= 4 * 65536);
    assert_true(moves < 40);
    dbr_buf_finish(&buf);
}

static void taking_leaves_it_empty(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    dbr_buf_str(&buf, "abc");
    dbr_buf_consume(&buf, 1);
    struct dbr_buf taken = dbr_buf_take(&buf);
    assert_bytes_hex(taken, "6263");
    assert_int_equal(buf.len, 0);
    assert_null(buf.data);
    dbr_buf_str(&buf, "d");
    assert_bytes_hex(buf, "64");
    dbr_buf_finish(&buf);
    dbr_buf_finish(&taken);
}

static void secrets_are_finished_in_any_state(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    dbr_buf_finish_secret(&buf);
    dbr_buf_str(&buf, "secret");
    dbr_buf_consume(&buf, 3);
    dbr_buf_finish_secret(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.cap, 0);
}

static void short_memory_drops_all_that_follows(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    dbr_buf_str(&buf, "kept");
    fault_after(0);
    assert_null(dbr_buf_extend(&buf, 1000));
    assert_true(fault_off());
    assert_true(buf.failed);
    dbr_buf_str(&buf, "dropped");
    dbr_buf_printf(&buf, "%d", 1);
    dbr_buf_uvarint(&buf, 1);
    dbr_buf_be32(&buf, 1);
    dbr_buf_le32(&buf, 1);
    assert_null(dbr_buf_reserve(&buf, 0));
    assert_bytes_hex(buf, "6b657074");
    dbr_buf_finish(&buf);
    assert_false(buf.failed);
}

static void sizes_that_overflow_fail(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    dbr_buf_str(&buf, "kept");
    assert_null(dbr_buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    assert_bytes_hex(buf, "6b657074");
    dbr_buf_finish(&buf);
}

static void consume_too_much(void)
{
    struct dbr_buf buf = {0};
    dbr_buf_consume(&buf, 1);
}

static void consuming_too_much_is_caught(void **state)
{
    (void)state;
    assert_true(test_aborts(consume_too_much));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_in_their_order),
        cmocka_unit_test(uvarints_are_minimal),
        cmocka_unit_test(reserved_room_is_not_content),
        cmocka_unit_test(it_is_a_queue_of_bytes),
        cmocka_unit_test(consuming_neither_grows_nor_moves_much),
        cmocka_unit_test(taking_leaves_it_empty),
        cmocka_unit_test(secrets_are_finished_in_any_state),
        cmocka_unit_test(short_memory_drops_all_that_follows),
        cmocka_unit_test(sizes_that_overflow_fail),
        cmocka_unit_test(consuming_too_much_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
