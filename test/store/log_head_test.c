#include "store/log_head.h"

#include "lib/test.h"

static void a_segment_head_comes_back(void **state)
{
    (void)state;
    struct dbr_segment_head head = {.number = 9,
                                    .previous_end = 512,
                                    .log = {.term = 1,
                                            .vote = 2,
                                            .keep_from = 3,
                                            .next = 4,
                                            .snapshot_index = 5,
                                            .snapshot_term = 6,
                                            .configuration_index = 7,
                                            .configuration = dbr_bytes("conf", 4)}};
    struct dbr_segment_head found;
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    dbr_segment_head_encode(&buf, &head);
    assert_int_equal(dbr_segment_head_decode(&found, dbr_bytes(buf.data, buf.len)), 0);
    assert_int_equal(found.number, 9);
    assert_int_equal(found.previous_end, 512);
    assert_int_equal(found.log.next, 4);
    assert_int_equal(found.log.configuration_index, 7);
    assert_true(dbr_bytes_equal(found.log.configuration, head.log.configuration));
    for (size_t i = 0; i < buf.len; i++) { /* any cut, any longer one */
        assert_int_equal(dbr_segment_head_decode(&found, dbr_bytes(buf.data, i)),
                         DEBROS_EIO);
    }
    dbr_buf_u8(&buf, 0);
    assert_int_equal(dbr_segment_head_decode(&found, dbr_bytes(buf.data, buf.len)),
                     DEBROS_EIO);
    dbr_buf_finish(&buf);
}

static void an_entry_comes_back(void **state)
{
    (void)state;
    struct dbr_log_entry entry = {.term = 5, .type = DBR_ENTRY_BARRIER};
    struct dbr_log_entry found;
    struct dbr_buf buf;
    uint64_t index = 0;
    dbr_buf_init(&buf);
    dbr_entry_head_encode(&buf, 17, &entry);
    assert_int_equal(buf.len, DBR_ENTRY_HEAD);
    dbr_buf_str(&buf, "data");
    assert_int_equal(dbr_entry_decode(&index, &found, dbr_bytes(buf.data, buf.len)), 0);
    assert_int_equal(index, 17);
    assert_int_equal(found.term, 5);
    assert_int_equal(found.type, DBR_ENTRY_BARRIER);
    assert_int_equal(found.data.len, 4);
    buf.data[16] = 9; /* no such type */
    assert_int_equal(dbr_entry_decode(&index, &found, dbr_bytes(buf.data, buf.len)),
                     DEBROS_EIO);
    assert_int_equal(dbr_entry_decode(&index, &found, dbr_bytes(buf.data, 20)),
                     DEBROS_EIO);
    dbr_buf_finish(&buf);
}

static void operations_change_the_head(void **state)
{
    (void)state;
    struct dbr_log_head head = {.keep_from = 1, .next = 1};
    struct dbr_log_op term = {.type = DBR_LOG_TERM, .value = 4};
    struct dbr_log_op vote = {.type = DBR_LOG_VOTE, .value = 8};
    struct dbr_log_op append = {.type = DBR_LOG_APPEND, .index = 1, .n_entries = 10};
    struct dbr_log_op truncate = {.type = DBR_LOG_TRUNCATE, .index = 8};
    struct dbr_log_op snapshot = {.type = DBR_LOG_SNAPSHOT, .index = 5, .keep_from = 3};
    struct dbr_log_op install = {.type = DBR_LOG_INSTALL, .index = 50, .term = 4};
    dbr_log_head_apply(&head, &vote);
    dbr_log_head_apply(&head, &term);
    assert_int_equal(head.vote, 0); /* a new term, no vote */
    dbr_log_head_apply(&head, &append);
    dbr_log_head_apply(&head, &truncate);
    assert_int_equal(head.next, 8);
    dbr_log_head_apply(&head, &snapshot);
    assert_int_equal(head.snapshot_index, 5);
    assert_int_equal(head.keep_from, 3);
    assert_int_equal(head.next, 8);
    dbr_log_head_apply(&head, &install);
    assert_int_equal(head.next, 51);
    assert_int_equal(head.keep_from, 51);
    assert_int_equal(head.snapshot_term, 4);
}

static void a_snapshot_comes_back(void **state)
{
    (void)state;
    struct dbr_log_op op = {.index = 1,
                            .term = 2,
                            .keep_from = 3,
                            .configuration_index = 4,
                            .configuration = dbr_bytes("c", 1)};
    struct dbr_log_op found = {0};
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    dbr_snapshot_encode(&buf, &op);
    assert_int_equal(dbr_snapshot_decode(&found, dbr_bytes(buf.data, buf.len)), 0);
    assert_int_equal(found.keep_from, 3);
    assert_int_equal(found.configuration_index, 4);
    assert_true(dbr_bytes_equal(found.configuration, op.configuration));
    assert_int_equal(dbr_snapshot_decode(&found, dbr_bytes(buf.data, buf.len - 1)),
                     DEBROS_EIO);
    dbr_buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_head_comes_back),
        cmocka_unit_test(an_entry_comes_back),
        cmocka_unit_test(operations_change_the_head),
        cmocka_unit_test(a_snapshot_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
