#include "conn/multistream.h"
#include "test.h"

#define HEADER "\x13/multistream/1.0.0\n"

struct fixture {
    struct dbr_multistream ms;
    struct dbr_buf out;
    debros_bytes protocol;
    size_t used;
};

static int feed(struct fixture *f, debros_bytes in)
{
    return dbr_multistream_recv(&f->ms, in, &f->used, &f->protocol, &f->out);
}

static void expect_out(struct fixture *f, const char *text)
{
    assert_int_equal(f->out.len, strlen(text));
    assert_memory_equal(f->out.data, text, f->out.len);
    dbr_buf_clear(&f->out);
}

static void expect_protocol(const struct fixture *f, const char *text)
{
    assert_int_equal(f->protocol.len, strlen(text));
    assert_memory_equal(f->protocol.data, text, f->protocol.len);
}

static void dialer_sends_header_and_proposal_in_one_write(void **state)
{
    (void)state;
    struct fixture f = {0};
    dbr_multistream_dial(&f.ms, dbr_bytes_str("/noise"), &f.out);
    expect_out(&f, HEADER "\x07/noise\n");
    dbr_buf_finish(&f.out);
}

static void listener_answers_header_and_echo(void **state)
{
    (void)state;
    struct fixture f = {0};
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER "\x07/noise\n")),
                     DBR_MULTISTREAM_PROPOSED);
    expect_protocol(&f, "/noise");
    dbr_multistream_accept(&f.ms, &f.out);
    expect_out(&f, HEADER "\x07/noise\n");
    dbr_buf_finish(&f.out);
}

static void listener_sends_its_header_before_it_sees_a_proposal(void **state)
{
    (void)state;
    struct fixture f = {0};
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER)), DBR_MULTISTREAM_MORE);
    expect_out(&f, HEADER);
    dbr_buf_finish(&f.out);
}

static void bytes_behind_the_proposal_are_not_taken(void **state)
{
    (void)state;
    const char *text = HEADER "\x07/noise\n";
    struct fixture f = {0};
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER "\x07/noise\nlazy")),
                     DBR_MULTISTREAM_PROPOSED);
    assert_int_equal(f.used, strlen(text));
    dbr_multistream_dial(&f.ms, dbr_bytes_str("/noise"), &f.out);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER "\x07/noise\nlazy")),
                     DBR_MULTISTREAM_AGREED);
    assert_int_equal(f.used, strlen(text));
    dbr_buf_finish(&f.out);
}

static void input_may_come_byte_by_byte(void **state)
{
    (void)state;
    const char *text = HEADER "\x0b/tls/1.0.0\n\x07/noise\n";
    struct fixture f = {0};
    int proposals = 0;
    dbr_multistream_listen(&f.ms);
    for (size_t i = 0; i < strlen(text); i++) {
        int step = feed(&f, dbr_bytes(text + i, 1));
        assert_int_equal(f.used, 1);
        if (step == DBR_MULTISTREAM_PROPOSED) {
            expect_protocol(&f, proposals++ == 0 ? "/tls/1.0.0" : "/noise");
        } else {
            assert_int_equal(step, DBR_MULTISTREAM_MORE);
        }
    }
    assert_int_equal(proposals, 2);
    dbr_buf_finish(&f.out);
}

static void another_proposal_may_follow_na(void **state)
{
    (void)state;
    struct fixture f = {0};
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER "\x0b/tls/1.0.0\n")),
                     DBR_MULTISTREAM_PROPOSED);
    dbr_multistream_refuse(&f.ms, &f.out);
    assert_int_equal(feed(&f, dbr_bytes_str("\x07/noise\n")), DBR_MULTISTREAM_PROPOSED);
    dbr_multistream_accept(&f.ms, &f.out);
    expect_out(&f, HEADER "\x03na\n\x07/noise\n");
    dbr_buf_finish(&f.out);
}

static void ls_is_a_proposal_that_can_be_refused(void **state)
{
    (void)state;
    struct fixture f = {0};
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER "\x03ls\n")),
                     DBR_MULTISTREAM_PROPOSED);
    expect_protocol(&f, "ls");
    dbr_buf_finish(&f.out);
}

static void dialer_hears_na(void **state)
{
    (void)state;
    struct fixture f = {0};
    dbr_multistream_dial(&f.ms, dbr_bytes_str("/noise"), &f.out);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER "\x03na\n")), DBR_MULTISTREAM_REFUSED);
    dbr_buf_finish(&f.out);
}

static int dialer_gets(debros_bytes in)
{
    struct fixture f = {0};
    dbr_multistream_dial(&f.ms, dbr_bytes_str("/noise"), &f.out);
    int step = feed(&f, in);
    dbr_buf_finish(&f.out);
    return step;
}

static void anything_else_is_eproto(void **state)
{
    (void)state;
    assert_int_equal(dialer_gets(dbr_bytes_str("\x13/multistream/2.0.0\n")),
                     DEBROS_EPROTO);
    assert_int_equal(dialer_gets(dbr_bytes_str(HEADER "\x07/Noise\n")), DEBROS_EPROTO);
    assert_int_equal(dialer_gets(dbr_bytes_str(HEADER "\x07/noiseX")), DEBROS_EPROTO);
    assert_int_equal(dialer_gets(dbr_bytes("\0", 1)), DEBROS_EPROTO);
    assert_int_equal(dialer_gets(dbr_bytes("\x93\x00", 2)),
                     DEBROS_EPROTO); /* not minimal */
}

static void messages_above_1024_bytes_are_elimit(void **state)
{
    (void)state;
    uint8_t message[1026] = {0x80, 0x08}; /* 1,024 */
    memset(message + 2, 'x', 1023);
    message[1025] = '\n';
    struct fixture f = {0};
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER)), DBR_MULTISTREAM_MORE);
    assert_int_equal(feed(&f, dbr_bytes(message, 1026)), DBR_MULTISTREAM_PROPOSED);
    assert_int_equal(f.protocol.len, 1023);
    assert_int_equal(feed(&f, dbr_bytes("\x81\x08", 2)), DEBROS_ELIMIT);
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes("\xff\xff\xff\xff", 4)), DEBROS_ELIMIT);
    assert_int_equal(f.used, 2);
    dbr_buf_finish(&f.out);
}

static void endless_proposals_are_elimit(void **state)
{
    (void)state;
    struct fixture f = {0};
    dbr_multistream_listen(&f.ms);
    assert_int_equal(feed(&f, dbr_bytes_str(HEADER)), DBR_MULTISTREAM_MORE);
    for (int i = 0; i < DBR_MULTISTREAM_PROPOSALS; i++) {
        assert_int_equal(feed(&f, dbr_bytes_str("\x03/x\n")), DBR_MULTISTREAM_PROPOSED);
    }
    assert_int_equal(feed(&f, dbr_bytes_str("\x03/x\n")), DEBROS_ELIMIT);
    dbr_buf_finish(&f.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialer_sends_header_and_proposal_in_one_write),
        cmocka_unit_test(listener_answers_header_and_echo),
        cmocka_unit_test(listener_sends_its_header_before_it_sees_a_proposal),
        cmocka_unit_test(bytes_behind_the_proposal_are_not_taken),
        cmocka_unit_test(input_may_come_byte_by_byte),
        cmocka_unit_test(another_proposal_may_follow_na),
        cmocka_unit_test(ls_is_a_proposal_that_can_be_refused),
        cmocka_unit_test(dialer_hears_na),
        cmocka_unit_test(anything_else_is_eproto),
        cmocka_unit_test(messages_above_1024_bytes_are_elimit),
        cmocka_unit_test(endless_proposals_are_elimit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
