#include "store/record.h"

#include "lib/test.h"

static struct dbr_buf record_at(uint64_t segment, size_t offset, size_t batch, size_t len)
{
    static uint8_t data[4096];
    struct dbr_buf buf;
    struct dbr_record_place place = {
        .segment = segment, .offset = offset, .batch = batch};
    dbr_buf_init(&buf);
    (void)dbr_buf_extend(&buf, offset);
    memset(buf.data, 0, offset);
    dbr_record_mask(buf.data, offset, 0); /* never written */
    memset(data, 'd', sizeof(data));
    dbr_record_add(&buf, &place, DBR_RECORD_VOTE, dbr_bytes("head", 4),
                   dbr_bytes(data, len));
    return buf;
}

static enum dbr_record_state read_at(const struct dbr_buf *buf, uint64_t number,
                                     size_t offset, struct dbr_record *record)
{
    return dbr_record_read(record, dbr_bytes(buf->data, buf->len), number, offset);
}

static void a_record_comes_back(void **state)
{
    (void)state;
    struct dbr_record record;
    for (size_t len = 0; len < 40; len++) {
        struct dbr_buf buf = record_at(7, 64, 32, len);
        assert_int_equal(buf.len % 8, 0);
        assert_int_equal(read_at(&buf, 7, 64, &record), DBR_RECORD_VALID);
        assert_int_equal(record.type, DBR_RECORD_VOTE);
        assert_int_equal(record.batch, 32);
        assert_int_equal(record.payload.len, len + 4);
        assert_int_equal(record.size, dbr_record_size(len + 4));
        assert_memory_equal(record.payload.data, "head", 4);
        dbr_buf_finish(&buf);
    }
}

static void bytes_of_another_place_never_pass(void **state)
{
    (void)state;
    struct dbr_record record;
    struct dbr_buf buf = record_at(7, 64, 64, 10);
    assert_int_equal(read_at(&buf, 8, 64, &record), DBR_RECORD_DAMAGED);
    assert_int_equal(
        dbr_record_read(&record, dbr_bytes(buf.data + 8, buf.len - 8), 7, 56),
        DBR_RECORD_DAMAGED);
    dbr_buf_finish(&buf);
}

static void zeroes_are_the_end(void **state)
{
    (void)state;
    struct dbr_record record;
    struct dbr_buf buf = record_at(7, 64, 64, 10);
    assert_int_equal(read_at(&buf, 7, 0, &record), DBR_RECORD_END);
    assert_int_equal(read_at(&buf, 7, buf.len, &record), DBR_RECORD_END);
    assert_int_equal(read_at(&buf, 7, buf.len + 100, &record), DBR_RECORD_END);
    dbr_buf_finish(&buf);
}

static void a_missing_sector_is_torn_and_a_flip_is_damage(void **state)
{
    (void)state;
    struct dbr_record record;
    struct dbr_buf buf = record_at(7, 504, 504, 2000); /* the head lies in two sectors */
    for (size_t i = 504; i < buf.len; i += 3) {
        buf.data[i] ^= 16;
        assert_int_equal(read_at(&buf, 7, 504, &record), DBR_RECORD_DAMAGED);
        buf.data[i] ^= 16;
    }
    for (size_t sector = 0; sector * 512 < buf.len; sector++) {
        uint8_t saved[512];
        size_t end = (sector + 1) * 512 < buf.len ? 512 : buf.len - sector * 512;
        memcpy(saved, buf.data + sector * 512, end);
        memset(buf.data + sector * 512, 0, end);
        dbr_record_mask(buf.data + sector * 512, end, sector * 512);
        assert_int_equal(read_at(&buf, 7, 504, &record), DBR_RECORD_TORN);
        memcpy(buf.data + sector * 512, saved, end);
    }
    assert_int_equal(read_at(&buf, 7, 504, &record), DBR_RECORD_VALID);
    dbr_buf_finish(&buf);
}

static void a_record_without_its_end_is_torn(void **state)
{
    (void)state;
    struct dbr_record record;
    struct dbr_buf buf = record_at(7, 0, 0, 100);
    for (size_t len = DBR_RECORD_HEAD; len < buf.len; len += 8) {
        assert_int_equal(dbr_record_read(&record, dbr_bytes(buf.data, len), 7, 0),
                         DBR_RECORD_TORN);
    }
    dbr_buf_finish(&buf);
}

/* A flipped byte next to sectors that hold zeroes only is no torn write, on disk or in
 * the padding: what is zero there was never written. */
static void zeroes_in_a_record_are_not_a_missing_sector(void **state)
{
    (void)state;
    static const uint8_t zeroes[3001];
    struct dbr_record record;
    struct dbr_buf buf;
    struct dbr_record_place place = {.segment = 1};
    dbr_buf_init(&buf);
    dbr_record_add(&buf, &place, DBR_RECORD_ENTRY, dbr_bytes(zeroes, 24),
                   dbr_bytes(zeroes, sizeof(zeroes)));
    dbr_record_mask(buf.data, buf.len, 0);
    for (size_t i = 0; i < buf.len; i++) {
        assert_int_not_equal(buf.data[i], 0);
    }
    dbr_record_mask(buf.data, buf.len, 0);
    for (size_t i = 0; i < buf.len * 8; i++) {
        buf.data[i / 8] ^= (uint8_t)(1 << (i % 8));
        assert_int_equal(read_at(&buf, 1, 0, &record), DBR_RECORD_DAMAGED);
        buf.data[i / 8] ^= (uint8_t)(1 << (i % 8));
    }
    assert_int_equal(read_at(&buf, 1, 0, &record), DBR_RECORD_VALID);
    dbr_buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(bytes_of_another_place_never_pass),
        cmocka_unit_test(zeroes_are_the_end),
        cmocka_unit_test(a_missing_sector_is_torn_and_a_flip_is_damage),
        cmocka_unit_test(a_record_without_its_end_is_torn),
        cmocka_unit_test(zeroes_in_a_record_are_not_a_missing_sector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
