#include "store/segment.h"

#include "lib/test.h"

#define SIZE 4096

struct seen {
    size_t count;
    size_t fail_at; /* 0: never */
};

static int visit(void *data, const struct dbr_record *record)
{
    struct seen *seen = data;
    (void)record;
    seen->count++;
    return seen->count == seen->fail_at ? DEBROS_ENOMEM : 0;
}

/* Two batches of two records, and zeroes. */
static void fill(uint8_t out[SIZE], size_t ends[4])
{
    struct dbr_buf buf;
    size_t batch = 0;
    dbr_buf_init(&buf);
    for (size_t i = 0; i < 4; i++) {
        batch = i % 2 == 0 ? buf.len : batch;
        struct dbr_record_place place = {.segment = 3, .offset = buf.len, .batch = batch};
        uint8_t data[700];
        memset(data, 'a' + (int)i, sizeof(data));
        dbr_record_add(&buf, &place, DBR_RECORD_ENTRY, dbr_bytes("x", 1),
                       dbr_bytes(data, sizeof(data)));
        ends[i] = buf.len;
    }
    memset(out, 0, SIZE);
    dbr_record_mask(buf.data, buf.len, 0);
    memcpy(out, buf.data, buf.len);
    dbr_buf_finish(&buf);
}

/* Of the bytes as they are on disk. */
static int scan(const uint8_t *data, bool last, struct dbr_segment_end *end,
                struct seen *seen)
{
    uint8_t copy[SIZE];
    memcpy(copy, data, SIZE);
    *seen = (struct seen){.fail_at = seen->fail_at};
    return dbr_segment_scan(end, dbr_segment_unmask(copy, SIZE), 3, last, visit, seen);
}

static void records_end_at_zeroes(void **state)
{
    (void)state;
    uint8_t data[SIZE];
    size_t ends[4];
    struct dbr_segment_end end;
    struct seen seen = {0};
    fill(data, ends);
    for (int last = 0; last < 2; last++) {
        assert_int_equal(scan(data, last, &end, &seen), 0);
        assert_int_equal(seen.count, 4);
        assert_int_equal(end.offset, ends[3]);
        assert_int_equal(end.dirty, 0);
    }
}

static void a_torn_last_batch_is_cut_in_the_last_segment_only(void **state)
{
    (void)state;
    uint8_t data[SIZE];
    size_t ends[4];
    struct dbr_segment_end end;
    struct seen seen = {0};
    fill(data, ends);
    memset(data + 1536, 0, 512); /* of the third record; the fourth is whole */
    assert_int_equal(scan(data, true, &end, &seen), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(end.offset, ends[1]);
    assert_int_equal(end.dirty, ends[3]);
    assert_int_equal(scan(data, false, &end, &seen), DEBROS_EIO);
    assert_int_equal(end.offset, ends[1]);
}

static void a_lost_sector_before_a_later_batch_is_damage(void **state)
{
    (void)state;
    uint8_t data[SIZE];
    size_t ends[4];
    struct dbr_segment_end end;
    struct seen seen = {0};
    fill(data, ends);
    memset(data + 512, 0, 512);
    assert_int_equal(scan(data, true, &end, &seen), DEBROS_EIO);
    assert_int_equal(end.offset, 0);
}

static void what_the_visitor_says_ends_it(void **state)
{
    (void)state;
    uint8_t data[SIZE];
    size_t ends[4];
    struct dbr_segment_end end;
    struct seen seen = {.fail_at = 3};
    fill(data, ends);
    assert_int_equal(scan(data, true, &end, &seen), DEBROS_ENOMEM);
    assert_int_equal(end.offset, ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_end_at_zeroes),
        cmocka_unit_test(a_torn_last_batch_is_cut_in_the_last_segment_only),
        cmocka_unit_test(a_lost_sector_before_a_later_batch_is_damage),
        cmocka_unit_test(what_the_visitor_says_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
