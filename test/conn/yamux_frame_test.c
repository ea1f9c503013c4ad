#include "frames.h"

#include "debros.h"

static void header_has_the_layout_of_the_spec(void **state)
{
    (void)state;
    struct dbr_yamux_header h = {WINDOW, SYN | FIN, 0x01020304, 0xa0b0c0d0};
    static const uint8_t bytes[12] = {0, 1, 0, 5, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0};
    uint8_t out[12];
    dbr_yamux_header_encode(out, &h);
    assert_memory_equal(out, bytes, 12);

    struct dbr_yamux_header back;
    assert_int_equal(dbr_yamux_header_decode(&back, bytes), 0);
    assert_int_equal(back.type, h.type);
    assert_int_equal(back.flags, h.flags);
    assert_int_equal(back.stream, h.stream);
    assert_int_equal(back.length, h.length);
}

static int decode(uint8_t version, uint8_t type, uint8_t flags, uint8_t stream)
{
    uint8_t bytes[12] = {version, type, 0, flags, 0, 0, 0, stream, 0, 0, 0, 0};
    struct dbr_yamux_header h;
    return dbr_yamux_header_decode(&h, bytes);
}

static void versions_and_types_that_do_not_exist_are_eproto(void **state)
{
    (void)state;
    assert_int_equal(decode(1, DATA, 0, 1), DEBROS_EPROTO);
    assert_int_equal(decode(0, 4, 0, 1), DEBROS_EPROTO);
    assert_int_equal(decode(0, 255, 0, 0), DEBROS_EPROTO);
}

static void streams_have_an_id_and_the_session_has_none(void **state)
{
    (void)state;
    assert_int_equal(decode(0, DATA, 0, 0), DEBROS_EPROTO);
    assert_int_equal(decode(0, WINDOW, 0, 0), DEBROS_EPROTO);
    assert_int_equal(decode(0, PING, SYN, 1), DEBROS_EPROTO);
    assert_int_equal(decode(0, GOAWAY, 0, 1), DEBROS_EPROTO);
    assert_int_equal(decode(0, DATA, 0, 1), 0);
    assert_int_equal(decode(0, GOAWAY, 0, 0), 0);
}

static void ping_is_exactly_question_or_answer(void **state)
{
    (void)state;
    assert_int_equal(decode(0, PING, SYN, 0), 0);
    assert_int_equal(decode(0, PING, ACK, 0), 0);
    assert_int_equal(decode(0, PING, 0, 0), DEBROS_EPROTO);
    assert_int_equal(decode(0, PING, SYN | ACK, 0), DEBROS_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_has_the_layout_of_the_spec),
        cmocka_unit_test(versions_and_types_that_do_not_exist_are_eproto),
        cmocka_unit_test(streams_have_an_id_and_the_session_has_none),
        cmocka_unit_test(ping_is_exactly_question_or_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
