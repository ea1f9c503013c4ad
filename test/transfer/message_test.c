#include "transfer/message.h"

#include "test.h"

static const struct dbr_transfer_message all[] = {
    {.type = DBR_TRANSFER_FETCH, .id = {1}, .offset = 1ull << 40, .length = 4096},
    {.type = DBR_TRANSFER_CHUNK_OF, .id = {2}, .offset = 5, .data = {(void *)"xyz", 3}},
    {.type = DBR_TRANSFER_GONE, .id = {3}},
    {.type = DBR_TRANSFER_DAMAGED, .id = {4}},
};

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < DBR_COUNT(all); i++) {
        struct dbr_transfer_message m;
        struct dbr_buf out = {0};
        assert_int_equal(dbr_transfer_encode(&out, &all[i]), 0);
        assert_true(out.len <= DBR_TRANSFER_MESSAGE);
        assert_int_equal(dbr_transfer_decode(&m, test_view(out)), 0);
        assert_int_equal(m.type, all[i].type);
        assert_memory_equal(m.id, all[i].id, sizeof(m.id));
        assert_int_equal(m.offset, all[i].offset);
        assert_int_equal(m.length, all[i].length);
        assert_true(dbr_bytes_equal(m.data, all[i].data));
        dbr_buf_finish(&out);
    }
}

static void a_part_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DBR_COUNT(all); i++) {
        struct dbr_transfer_message m;
        struct dbr_buf out = {0};
        assert_int_equal(dbr_transfer_encode(&out, &all[i]), 0);
        for (size_t len = 0; len + all[i].data.len < out.len; len++) {
            assert_int_equal(dbr_transfer_decode(&m, dbr_bytes(out.data, len)),
                             DEBROS_EPROTO);
        }
        if (all[i].data.len == 0) {
            dbr_buf_u8(&out, 0); /* a payload where there is none */
            assert_int_equal(dbr_transfer_decode(&m, test_view(out)), DEBROS_EPROTO);
        }
        dbr_buf_finish(&out);
    }
}

static void refuse(struct dbr_transfer_message message)
{
    struct dbr_transfer_message m;
    struct dbr_buf out = {0};
    assert_int_equal(dbr_transfer_encode(&out, &message), 0);
    assert_int_equal(dbr_transfer_decode(&m, test_view(out)), DEBROS_EPROTO);
    dbr_buf_finish(&out);
}

static void sizes_have_limits(void **state)
{
    (void)state;
    static uint8_t large[DBR_TRANSFER_CHUNK + 1];
    struct dbr_transfer_message fetch = all[0];
    struct dbr_transfer_message chunk = all[1];
    fetch.length = 0;
    refuse(fetch);
    fetch.length = DBR_TRANSFER_CHUNK + 1;
    refuse(fetch);
    chunk.data = dbr_bytes(large, sizeof(large));
    refuse(chunk);
    chunk.data = dbr_bytes(NULL, 0);
    refuse(chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_part_is_refused),
        cmocka_unit_test(sizes_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
