#include "test.h"

#include "base/proto.h"
#include "base/reader.h"
#include "fault.h"
#include "proto_message.pb-c.h"

static TestMessage sample(void)
{
    TestMessage message = TEST_MESSAGE__INIT;
    message.number = 300;
    message.has_data = true;
    message.data = dbr_proto_bytes(dbr_bytes("\x00\xff", 2));
    message.text = (char *)"text";
    return message;
}

static void messages_come_back(void **state)
{
    (void)state;
    TestMessage message = sample();
    struct dbr_buf buf = {0};
    struct dbr_arena arena = {0};
    dbr_proto_pack(&message.base, &buf);
    assert_bytes_hex(buf, "08ac02 1202 00ff 1a04 74657874");
    TestMessage *got =
        dbr_proto_unpack(&test_message__descriptor, &arena, dbr_bytes(buf.data, buf.len));
    assert_non_null(got);
    assert_int_equal(got->number, 300);
    assert_string_equal(got->text, "text");
    assert_bytes_hex(got->data, "00ff");
    assert_ptr_equal(dbr_proto_view(got->data).data, got->data.data);
    assert_int_equal(got->n_many, 0);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&buf);
}

static void frames_have_their_length_in_front(void **state)
{
    (void)state;
    TestMessage message = sample();
    struct dbr_buf buf = {0};
    dbr_buf_str(&buf, "x");
    dbr_proto_pack_frame(&message.base, &buf);
    assert_bytes_hex(buf, "78 0d 08ac02 1202 00ff 1a04 74657874");
    debros_bytes body;
    size_t used;
    assert_int_equal(
        dbr_frame_decode(dbr_bytes(buf.data + 1, buf.len - 1), 100, &body, &used), 1);
    assert_int_equal(used, 14);
    dbr_buf_finish(&buf);
}

static void texts_are_views(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", NULL, "bc"};
    struct dbr_arena arena = {0};
    assert_int_equal(dbr_proto_text(NULL).len, 0);
    assert_non_null(dbr_proto_texts(&arena, NULL, 0));
    ProtobufCBinaryData *got = dbr_proto_texts(&arena, texts, 3);
    assert_ptr_equal(got[0].data, texts[0]);
    assert_int_equal(got[0].len, 1);
    assert_int_equal(got[1].len, 0);
    assert_bytes_hex(got[2], "6263");
    dbr_arena_finish(&arena);
    arena.cap = 16;
    assert_null(dbr_proto_texts(&arena, texts, 3));
    dbr_arena_finish(&arena);
}

static void malformed_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           /* a required field is missing */
        "08",         /* ends in a tag */
        "0801 12ff",  /* ends in a length */
        "0801 120561" /* ends in a value */
    };
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        struct test_bytes in = test_hex(bad[i]);
        struct dbr_arena arena = {0};
        assert_null(dbr_proto_unpack(&test_message__descriptor, &arena, test_view(in)));
        dbr_arena_finish(&arena);
    }
}

static void unknown_fields_are_skipped(void **state)
{
    (void)state;
    struct test_bytes in = test_hex("d0290b 0801 e12a0102030405060708 ea2a0161");
    struct dbr_arena arena = {0};
    TestMessage *got = dbr_proto_unpack(&test_message__descriptor, &arena, test_view(in));
    assert_non_null(got);
    assert_int_equal(got->number, 1);
    dbr_arena_finish(&arena);
}

/* Two bytes on the wire make a struct of some dozens in memory: the cap counts memory. */
static void the_cap_bounds_what_a_message_costs(void **state)
{
    (void)state;
    struct test_bytes in = test_hex("0801");
    while (in.len < 4000) {
        in.data[in.len++] = 0x2a; /* an empty TestInner */
        in.data[in.len++] = 0x00;
    }
    struct dbr_arena arena;
    dbr_arena_init(&arena, 16384);
    assert_null(dbr_proto_unpack(&test_message__descriptor, &arena, test_view(in)));
    assert_true(arena.used <= 16384);
    dbr_arena_finish(&arena);
    dbr_arena_init(&arena, 1 << 20);
    TestMessage *got = dbr_proto_unpack(&test_message__descriptor, &arena, test_view(in));
    assert_non_null(got);
    assert_int_equal(got->n_inner, 1999);
    dbr_arena_finish(&arena);
}

static void short_memory_is_no_message(void **state)
{
    (void)state;
    struct test_bytes in = test_hex("08ac02 1202 00ff 1a04 74657874 2a020801 2201ff");
    for (size_t n = 0;; n++) {
        struct dbr_arena arena = {0};
        fault_after(n);
        TestMessage *got =
            dbr_proto_unpack(&test_message__descriptor, &arena, test_view(in));
        bool failed = fault_off();
        assert_int_equal(got == NULL, failed);
        dbr_arena_finish(&arena);
        if (!failed) {
            assert_true(n > 0);
            break;
        }
    }
    TestMessage message = sample();
    struct dbr_buf buf = {0};
    fault_after(0);
    dbr_proto_pack_frame(&message.base, &buf);
    assert_true(fault_off());
    assert_true(buf.failed);
    assert_int_equal(buf.len, 0);
    dbr_buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_back),
        cmocka_unit_test(frames_have_their_length_in_front),
        cmocka_unit_test(texts_are_views),
        cmocka_unit_test(malformed_bytes_are_refused),
        cmocka_unit_test(unknown_fields_are_skipped),
        cmocka_unit_test(the_cap_bounds_what_a_message_costs),
        cmocka_unit_test(short_memory_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
