#include "consensus/message.h"

#include "base/proto.h"
#include "rig.h"

static const struct dbr_message_limits limits = {.max_entries = 64, .max_descriptor = 64};

static int decode(struct raft_message *m, debros_bytes bytes)
{
    static char address[DBR_SERVER_ADDRESS_MAX];
    return dbr_message_decode(m, address, 9, bytes, &limits);
}

/* Decodes what was encoded, and refuses every part of it. */
static struct raft_message there_and_back(const struct raft_message *m)
{
    struct dbr_buf out = {0};
    struct raft_message back;
    assert_int_equal(dbr_message_encode(&out, m, "n9", dbr_bytes("image", 5)), 0);
    for (size_t len = 0; len < out.len; len++) {
        struct raft_message part;
        int rv = decode(&part, dbr_bytes(out.data, len));
        if (m->type != RAFT_IO_INSTALL_SNAPSHOT || len + 5 < out.len) {
            assert_int_equal(rv, DEBROS_EPROTO);
        } else {
            dbr_message_finish(&part); /* a shorter image is an image */
        }
    }
    assert_int_equal(decode(&back, test_view(out)), 0);
    assert_int_equal(back.type, m->type);
    assert_int_equal(back.server_id, 9);
    dbr_buf_finish(&out);
    return back;
}

static void votes_come_back_as_they_were(void **state)
{
    (void)state;
    struct raft_message m = {.type = RAFT_IO_REQUEST_VOTE};
    m.request_vote = (struct raft_request_vote){7, 9, 5, 6, true, true};
    struct raft_message b = there_and_back(&m);
    assert_string_equal(b.server_address, "n9");
    assert_int_equal(b.request_vote.term, 7);
    assert_int_equal(b.request_vote.candidate_id, 9);
    assert_int_equal(b.request_vote.last_log_index, 5);
    assert_int_equal(b.request_vote.last_log_term, 6);
    assert_true(b.request_vote.disrupt_leader && b.request_vote.pre_vote);
    m = (struct raft_message){.type = RAFT_IO_REQUEST_VOTE_RESULT};
    m.request_vote_result =
        (struct raft_request_vote_result){8, true, raft_tribool_false};
    b = there_and_back(&m);
    assert_int_equal(b.request_vote_result.term, 8);
    assert_true(b.request_vote_result.vote_granted);
    assert_int_equal(b.request_vote_result.pre_vote, raft_tribool_false);
    assert_string_equal(b.server_address, "");
}

static void results_and_timeouts_come_back_as_they_were(void **state)
{
    (void)state;
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES_RESULT};
    m.append_entries_result = (struct raft_append_entries_result){3, 12, 11};
    struct raft_message b = there_and_back(&m);
    assert_int_equal(b.append_entries_result.term, 3);
    assert_int_equal(b.append_entries_result.rejected, 12);
    assert_int_equal(b.append_entries_result.last_log_index, 11);
    m = (struct raft_message){.type = RAFT_IO_TIMEOUT_NOW};
    m.timeout_now = (struct raft_timeout_now){4, 2, 1};
    b = there_and_back(&m);
    assert_int_equal(b.timeout_now.term, 4);
    assert_int_equal(b.timeout_now.last_log_index, 2);
    assert_int_equal(b.timeout_now.last_log_term, 1);
}

/* A round of probes uses the term and the index of a TimeoutNow; it names no address. */
static void probes_and_acks_come_back_as_they_were(void **state)
{
    (void)state;
    static const int types[] = {DBR_MESSAGE_READ_PROBE, DBR_MESSAGE_READ_ACK};
    static const uint64_t numbers[] = {1, 300, DBR_MESSAGE_NUMBER_MAX - 1};
    for (size_t i = 0; i < DBR_COUNT(types); i++) {
        for (size_t k = 0; k < DBR_COUNT(numbers); k++) {
            struct raft_message m = {.type = types[i]};
            m.timeout_now.term = numbers[k];
            m.timeout_now.last_log_index = numbers[DBR_COUNT(numbers) - 1 - k];
            struct raft_message b = there_and_back(&m);
            assert_int_equal(b.timeout_now.term, m.timeout_now.term);
            assert_int_equal(b.timeout_now.last_log_index, m.timeout_now.last_log_index);
            assert_int_equal(b.timeout_now.last_log_term, 0);
            assert_string_equal(b.server_address, "");
        }
    }
}

/* The bytes of a peer that runs another version: field 9 asks, field 10 answers. */
static void a_probe_is_not_an_ack(void **state)
{
    (void)state;
    static const char probe[] = "\x07\x08\x05\x4a\x03\x08\xac\x02";
    static const char ack[] = "\x07\x08\x05\x52\x03\x08\xac\x02";
    struct raft_message m;
    assert_int_equal(decode(&m, dbr_bytes(probe, sizeof(probe) - 1)), 0);
    assert_int_equal(m.type, DBR_MESSAGE_READ_PROBE);
    assert_int_equal(m.timeout_now.term, 5);
    assert_int_equal(m.timeout_now.last_log_index, 300);
    struct dbr_buf out = {0};
    assert_int_equal(dbr_message_encode(&out, &m, "n9", dbr_bytes(NULL, 0)), 0);
    assert_int_equal(out.len, sizeof(probe) - 1);
    assert_memory_equal(out.data, probe, out.len);
    dbr_buf_finish(&out);
    assert_int_equal(decode(&m, dbr_bytes(ack, sizeof(ack) - 1)), 0);
    assert_int_equal(m.type, DBR_MESSAGE_READ_ACK);
    assert_int_equal(m.timeout_now.last_log_index, 300);
}

static void entries_come_back_in_one_batch(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2, 1);
    struct raft_entry entries[3] = {
        {.term = 2, .type = RAFT_COMMAND, .buf = {(void *)"abc", 3}},
        {.term = 2, .type = RAFT_BARRIER, .buf = {NULL, 8}}, /* goes as nothing */
        {.term = 3,
         .type = RAFT_CHANGE,
         .buf = {rig.configuration.data, rig.configuration.len}},
    };
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES};
    m.append_entries = (struct raft_append_entries){.term = 5,
                                                    .prev_log_index = 4,
                                                    .prev_log_term = 2,
                                                    .leader_commit = 3,
                                                    .entries = entries,
                                                    .n_entries = 3};
    struct raft_message b = there_and_back(&m);
    struct raft_append_entries *a = &b.append_entries;
    assert_int_equal(a->term, 5);
    assert_int_equal(a->prev_log_index, 4);
    assert_int_equal(a->prev_log_term, 2);
    assert_int_equal(a->leader_commit, 3);
    assert_int_equal(a->n_entries, 3);
    assert_int_equal(a->entries[1].buf.len, 0);
    assert_int_equal(a->entries[2].term, 3);
    assert_memory_equal(a->entries[0].buf.base, "abc", 3);
    assert_memory_equal(a->entries[2].buf.base, rig.configuration.data,
                        rig.configuration.len);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(a->entries[i].batch, a->entries[0].batch);
        assert_int_equal((uintptr_t)a->entries[i].buf.base % 8, 0);
    }
    dbr_message_finish(&b);
    m.append_entries.n_entries = 0;
    b = there_and_back(&m);
    assert_null(b.append_entries.entries);
    rig_finish(&rig);
}

static void an_install_carries_the_image(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    struct raft_message m = {.type = RAFT_IO_INSTALL_SNAPSHOT};
    m.install_snapshot = (struct raft_install_snapshot){
        .term = 6, .last_index = 20, .last_term = 5, .conf_index = 10};
    assert_int_equal(
        dbr_configuration_decode(&m.install_snapshot.conf, test_view(rig.configuration)),
        0);
    struct raft_message b = there_and_back(&m);
    assert_int_equal(b.install_snapshot.term, 6);
    assert_int_equal(b.install_snapshot.last_index, 20);
    assert_int_equal(b.install_snapshot.last_term, 5);
    assert_int_equal(b.install_snapshot.conf_index, 10);
    assert_int_equal(b.install_snapshot.conf.n, 3);
    assert_int_equal(b.install_snapshot.data.len, 5);
    assert_memory_equal(b.install_snapshot.data.base, "image", 5);
    dbr_message_finish(&b);
    raft_configuration_close(&m.install_snapshot.conf);
    rig_finish(&rig);
}

static void refuse(struct raft_message *m, const char *address, debros_bytes image)
{
    struct dbr_buf out = {0};
    struct raft_message back;
    assert_int_equal(dbr_message_encode(&out, m, address, image), 0);
    assert_int_equal(decode(&back, test_view(out)), DEBROS_EPROTO);
    dbr_buf_finish(&out);
}

static void terms_and_indexes_out_of_range_are_refused(void **state)
{
    (void)state;
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES_RESULT};
    m.append_entries_result.term = 0;
    refuse(&m, "n", dbr_bytes(NULL, 0));
    m.append_entries_result.term = DBR_MESSAGE_NUMBER_MAX;
    refuse(&m, "n", dbr_bytes(NULL, 0));
    m.append_entries_result = (struct raft_append_entries_result){1, 0, UINT64_MAX};
    refuse(&m, "n", dbr_bytes(NULL, 0));
    m.append_entries_result = (struct raft_append_entries_result){1, UINT64_MAX, 0};
    refuse(&m, "n", dbr_bytes(NULL, 0));
    m = (struct raft_message){.type = RAFT_IO_REQUEST_VOTE};
    m.request_vote = (struct raft_request_vote){.term = 2, .last_log_index = 1};
    refuse(&m, "n", dbr_bytes(NULL, 0)); /* an index without a term */
    m.request_vote = (struct raft_request_vote){2, 1, 1, 3, false, false};
    refuse(&m, "n", dbr_bytes(NULL, 0)); /* a log that is younger than its candidate */
    m.request_vote = (struct raft_request_vote){2, 1, 1, 1, false, false};
    refuse(&m, "a b", dbr_bytes(NULL, 0));
    m = (struct raft_message){.type = RAFT_IO_APPEND_ENTRIES};
    m.append_entries.term = 1;
    m.append_entries.leader_commit = UINT64_MAX;
    refuse(&m, "n", dbr_bytes(NULL, 0));
}

static void wrong_probes_and_acks_are_refused(void **state)
{
    (void)state;
    static const int types[] = {DBR_MESSAGE_READ_PROBE, DBR_MESSAGE_READ_ACK};
    for (size_t i = 0; i < DBR_COUNT(types); i++) {
        struct raft_message m = {.type = types[i]};
        m.timeout_now = (struct raft_timeout_now){.term = 0, .last_log_index = 1};
        refuse(&m, "n", dbr_bytes(NULL, 0));
        m.timeout_now.term = DBR_MESSAGE_NUMBER_MAX;
        refuse(&m, "n", dbr_bytes(NULL, 0));
        m.timeout_now.term = 1;
        m.timeout_now.last_log_index = DBR_MESSAGE_NUMBER_MAX;
        refuse(&m, "n", dbr_bytes(NULL, 0));
        m.timeout_now.last_log_index = UINT64_MAX;
        refuse(&m, "n", dbr_bytes(NULL, 0));
    }
    static const char *const garbage[] = {
        "044a020801",       /* a probe of no term */
        "0452020801",       /* an ack of no term */
        "0608014a02080100", /* bytes after a probe */
        "0608015202080100", /* bytes after an ack */
        "0608014a030801",   /* a body that is longer than its message */
        "0508014a0108",     /* a round that is cut off */
        "060801520208ff",   /* an ack's */
        "05080148ac02",     /* a number where the body should be */
        "0708014a030a0101", /* a round that is bytes */
    };
    for (size_t i = 0; i < DBR_COUNT(garbage); i++) {
        struct raft_message m;
        struct test_bytes bytes = test_hex(garbage[i]);
        assert_int_equal(decode(&m, test_view(bytes)), DEBROS_EPROTO);
    }
}

static void wrong_entries_are_refused(void **state)
{
    (void)state;
    struct raft_entry e[2] = {{.term = 2, .type = RAFT_COMMAND},
                              {.term = 2, .type = RAFT_COMMAND}};
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES};
    m.append_entries = (struct raft_append_entries){
        .term = 3, .prev_log_index = 1, .prev_log_term = 1, .entries = e, .n_entries = 2};
    e[1].term = 1; /* falls */
    refuse(&m, "n", dbr_bytes(NULL, 0));
    e[1].term = 4; /* of the future */
    refuse(&m, "n", dbr_bytes(NULL, 0));
    e[1].term = 3;
    e[1].type = 4;
    refuse(&m, "n", dbr_bytes(NULL, 0));
    e[1].type = RAFT_CHANGE; /* an empty configuration */
    refuse(&m, "n", dbr_bytes(NULL, 0));
    char large[65] = {0};
    e[1].type = RAFT_COMMAND;
    e[1].buf = (struct raft_buffer){large, sizeof(large)};
    refuse(&m, "n", dbr_bytes(NULL, 0));
}

static void wrong_installs_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 3, 0);
    char large[65] = {0};
    struct raft_message m = {.type = RAFT_IO_INSTALL_SNAPSHOT};
    struct raft_install_snapshot *a = &m.install_snapshot;
    *a = (struct raft_install_snapshot){
        .term = 6, .last_index = 20, .last_term = 5, .conf_index = 10};
    assert_int_equal(dbr_configuration_decode(&a->conf, test_view(rig.configuration)), 0);
    refuse(&m, "n", dbr_bytes(large, sizeof(large)));
    a->conf_index = 21;
    refuse(&m, "n", dbr_bytes(NULL, 0));
    a->conf_index = 0;
    refuse(&m, "n", dbr_bytes(NULL, 0));
    a->conf_index = 1;
    a->last_index = 0;
    refuse(&m, "n", dbr_bytes(NULL, 0));
    a->last_index = 20;
    a->last_term = 7;
    refuse(&m, "n", dbr_bytes(NULL, 0));
    raft_configuration_close(&a->conf);
    rig_finish(&rig);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    static const char *const garbage[] = {"",
                                          "00",
                                          "0102",
                                          "ff",
                                          "8080808080808080808001",
                                          "020801",       /* a term and no body */
                                          "0408012a0000", /* bytes after a vote */
                                          "0408013200ff"};
    for (size_t i = 0; i < DBR_COUNT(garbage); i++) {
        struct raft_message m;
        struct test_bytes bytes = test_hex(garbage[i]);
        assert_int_equal(decode(&m, test_view(bytes)), DEBROS_EPROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(votes_come_back_as_they_were),
        cmocka_unit_test(results_and_timeouts_come_back_as_they_were),
        cmocka_unit_test(probes_and_acks_come_back_as_they_were),
        cmocka_unit_test(a_probe_is_not_an_ack),
        cmocka_unit_test(entries_come_back_in_one_batch),
        cmocka_unit_test(an_install_carries_the_image),
        cmocka_unit_test(terms_and_indexes_out_of_range_are_refused),
        cmocka_unit_test(wrong_probes_and_acks_are_refused),
        cmocka_unit_test(wrong_entries_are_refused),
        cmocka_unit_test(wrong_installs_are_refused),
        cmocka_unit_test(garbage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
