#include "fields.h"

#include "base/reader.h"
#include "fault.h"
#include "swarm/identify.h"

static void messages_are_merged(void **state)
{
    (void)state;
    struct dbr_identify_info info;
    struct dbr_buf first = {0};
    struct dbr_buf second = {0};
    uint8_t seed[32] = {1};
    struct dbr_keypair key;
    struct dbr_peer_id id;
    dbr_keypair_from_seed(&key, seed);
    dbr_peer_id_from_key(&id, key.public_key);
    key_field(&first, &key);
    text_field(&first, 3, "/a");
    text_field(&first, 3, "/b");
    text_field(&first, 6, "old/1");
    addr_field(&first, 2, "/ip4/10.0.0.1/tcp/1");
    field(&first, 8, "record", 6); /* a signed peer record is skipped */
    text_field(&second, 3, "/c");
    text_field(&second, 6, "new/2");
    addr_field(&second, 2, "/ip6/::1/tcp/2");
    addr_field(
        &second, 4, /* js appends our id */
        "/ip4/1.2.3.4/tcp/5/p2p/12D3KooWKurLtuVphUMuRVSJ35FCTuRMyNSx1CeUYf1nuU9dqeTb");
    text_field(&second, 1, ""); /* empty: does not replace the key */
    dbr_identify_info_init(&info);
    assert_string_equal(info.agent, "");
    assert_int_equal(dbr_identify_merge(&info, view(&first)), 0);
    assert_int_equal(dbr_identify_merge(&info, view(&second)), 0);
    assert_int_equal(info.n_messages, 2);
    assert_int_equal(info.n_protocols, 3);
    assert_string_equal(info.protocols[0], "/a");
    assert_string_equal(info.protocols[2], "/c");
    assert_string_equal(info.agent, "new/2");
    assert_int_equal(info.n_addrs, 2);
    assert_text(&info.addrs[1], "/ip6/::1/tcp/2");
    assert_text(&info.observed, "/ip4/1.2.3.4/tcp/5");
    assert_true(dbr_peer_id_equal(&info.key_peer, &id));
    dbr_identify_info_finish(&info);
    dbr_buf_finish(&first);
    dbr_buf_finish(&second);
}

static void strange_contents_are_skipped_or_made_printable(void **state)
{
    (void)state;
    struct dbr_identify_info info;
    struct dbr_buf buf = {0};
    char long_text[300];
    memset(long_text, 'x', sizeof(long_text));
    field(&buf, 6, "a\0b\x1b[31m\xff", 9);
    field(&buf, 3, long_text, sizeof(long_text)); /* too long to be one of ours */
    field(&buf, 3, "/ok\n", 4);
    field(&buf, 2, "\xff\xff\xff\x7f", 4); /* an address of the future */
    field(&buf, 4, "\x04\x01", 2);
    dbr_identify_info_init(&info);
    assert_int_equal(dbr_identify_merge(&info, view(&buf)), 0);
    assert_string_equal(info.agent, "a?b?[31m?");
    assert_int_equal(info.n_protocols, 1);
    assert_string_equal(info.protocols[0], "/ok?");
    assert_int_equal(info.n_addrs, 0);
    assert_int_equal(info.observed.len, 0);
    dbr_identify_info_finish(&info);
    dbr_buf_finish(&buf);
}

static void too_much_is_refused_or_cut(void **state)
{
    (void)state;
    struct dbr_identify_info info;
    struct dbr_buf buf = {0};
    static const uint8_t large[DBR_IDENTIFY_MESSAGE_MAX + 1];
    dbr_identify_info_init(&info);
    assert_int_equal(dbr_identify_merge(&info, dbr_bytes(large, sizeof(large))),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_identify_merge(&info, dbr_bytes_str("\x0a")), DEBROS_EPROTO);
    for (int i = 0; i < 1000; i++) {
        text_field(&buf, 3, "/p");
    }
    for (int i = 0; i < 200; i++) {
        addr_field(&buf, 2, "/ip4/10.0.0.1/tcp/1");
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(dbr_identify_merge(&info, view(&buf)), 0);
    }
    assert_int_equal(info.n_protocols, DBR_IDENTIFY_PROTOCOLS_MAX);
    assert_int_equal(info.n_addrs, DBR_IDENTIFY_ADDRS_MAX);
    assert_int_equal(dbr_identify_merge(&info, view(&buf)), DEBROS_ELIMIT);
    dbr_identify_info_finish(&info);
    dbr_buf_finish(&buf);
}

static void keys_of_other_kinds_are_refused(void **state)
{
    (void)state;
    struct dbr_identify_info info;
    struct dbr_buf buf = {0};
    dbr_identify_info_init(&info);
    field(&buf, 1, "\x08\x02\x12\x01x", 5); /* secp256k1 */
    assert_int_equal(dbr_identify_merge(&info, view(&buf)), DEBROS_EAUTH);
    dbr_buf_clear(&buf);
    field(&buf, 1, "junk", 4);
    assert_int_equal(dbr_identify_merge(&info, view(&buf)), DEBROS_EPROTO);
    dbr_identify_info_finish(&info);
    dbr_buf_finish(&buf);
}

static void short_memory_is_told(void **state)
{
    (void)state;
    struct dbr_buf buf = {0};
    text_field(&buf, 3, "/a");
    text_field(&buf, 6, "agent");
    addr_field(&buf, 2, "/ip4/10.0.0.1/tcp/1");
    for (size_t n = 0;; n++) {
        struct dbr_identify_info info;
        dbr_identify_info_init(&info);
        fault_after(n);
        int err = dbr_identify_merge(&info, view(&buf));
        bool failed = fault_off();
        dbr_identify_info_finish(&info);
        if (!failed) {
            assert_int_equal(err, 0);
            break;
        }
        assert_true(err == DEBROS_ENOMEM || err == DEBROS_EPROTO || err == 0);
    }
    dbr_buf_finish(&buf);
}

static void our_answer_is_small_and_whole(void **state)
{
    (void)state;
    const char *protocols[35];
    struct dbr_multiaddr addrs[20];
    struct dbr_identify_info info;
    struct dbr_buf out = {0};
    debros_bytes body;
    size_t used;
    uint8_t seed[32] = {1};
    struct dbr_keypair key;
    static char id[81];
    memset(id, 'p', 80);
    id[0] = '/';
    dbr_keypair_from_seed(&key, seed);
    for (size_t i = 0; i < 35; i++) {
        protocols[i] = id;
    }
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(
            dbr_multiaddr_parse(&addrs[i],
                                "/dns4/a-rather-long-name.example.org/tcp/4001", NULL),
            0);
    }
    struct dbr_identify_answer answer = {.identity = &key,
                                         .agent = "debros/0.1.0",
                                         .protocols = protocols,
                                         .n_protocols = 35,
                                         .addrs = addrs,
                                         .n_addrs = 20,
                                         .observed = addrs[0]};
    assert_int_equal(dbr_identify_encode(&out, &answer), 0);
    assert_true(out.len <= DBR_IDENTIFY_ANSWER_MAX);
    assert_int_equal(dbr_frame_decode(view(&out), 4096, &body, &used), 1);
    assert_int_equal(used, out.len);
    dbr_identify_info_init(&info);
    assert_int_equal(dbr_identify_merge(&info, body), 0);
    assert_int_equal(info.n_protocols, 35);
    assert_in_range(info.n_addrs, 14, 20);
    dbr_identify_info_finish(&info);
    dbr_buf_finish(&out);
}

/* Also when it cannot all be kept. */
static void a_push_leaves_out_what_has_not_changed(void **state)
{
    (void)state;
    struct dbr_identify_info older;
    struct dbr_identify_info push;
    struct dbr_buf buf = {0};
    dbr_identify_info_init(&older);
    text_field(&buf, 3, "/a");
    text_field(&buf, 3, "/b");
    text_field(&buf, 6, "agent/1");
    text_field(&buf, 8, "record");
    addr_field(&buf, 2, "/ip4/10.0.0.1/tcp/1");
    addr_field(&buf, 4, "/ip4/10.0.0.2/tcp/2");
    assert_int_equal(dbr_identify_merge(&older, view(&buf)), 0);
    older.record_seq = 7;
    for (size_t n = 0;; n++) {
        dbr_identify_info_init(&push);
        fault_after(n);
        int err = dbr_identify_inherit(&push, &older);
        bool failed = fault_off();
        assert_int_equal(err, failed ? DEBROS_ENOMEM : 0);
        if (!failed) {
            break;
        }
        dbr_identify_info_finish(&push);
    }
    assert_string_equal(push.agent, "agent/1");
    assert_int_equal(push.n_protocols, 2);
    assert_string_equal(push.protocols[1], "/b");
    assert_int_equal(push.n_addrs, 1);
    assert_text(&push.addrs[0], "/ip4/10.0.0.1/tcp/1");
    assert_text(&push.observed, "/ip4/10.0.0.2/tcp/2");
    assert_true(dbr_bytes_equal(push.record, dbr_bytes_str("record")));
    assert_int_equal(push.record_seq, 7);
    dbr_identify_info_finish(&push);
    dbr_identify_info_init(&push);
    dbr_buf_clear(&buf);
    text_field(&buf, 3, "/c");
    assert_int_equal(dbr_identify_merge(&push, view(&buf)), 0);
    assert_int_equal(dbr_identify_inherit(&push, &older), 0);
    assert_int_equal(push.n_protocols, 1);
    assert_string_equal(push.protocols[0], "/c");
    assert_int_equal(push.n_addrs, 1);
    dbr_identify_info_finish(&push);
    dbr_identify_info_finish(&older);
    dbr_buf_finish(&buf);
}

static void what_is_kept_is_small(void **state)
{
    (void)state;
    struct dbr_identify_info info;
    struct dbr_buf message = {0};
    uint8_t record[100] = {7};
    dbr_identify_info_init(&info);
    text_field(&message, 6, "agent/1");
    text_field(&message, 3, "/x/1");
    text_field(&message, 3, "/x/2");
    addr_field(&message, 2, "/ip4/10.2.2.2/tcp/2");
    addr_field(&message, 4, "/ip4/10.2.2.3/tcp/3");
    field(&message, 8, record, sizeof(record));
    assert_int_equal(dbr_identify_merge(&info, dbr_bytes(message.data, message.len)), 0);
    assert_true(info.arena.used > 16000);
    info.record_seq = 5;
    dbr_identify_shrink(&info);
    assert_true(info.arena.used < 600);
    assert_string_equal(info.agent, "agent/1");
    assert_int_equal(info.n_protocols, 2);
    assert_string_equal(info.protocols[1], "/x/2");
    assert_int_equal(info.n_addrs, 1);
    assert_text(&info.addrs[0], "/ip4/10.2.2.2/tcp/2");
    assert_text(&info.observed, "/ip4/10.2.2.3/tcp/3");
    assert_int_equal(info.record.len, sizeof(record));
    assert_int_equal(info.record_seq, 5);
    assert_int_equal(info.n_messages, 1);
    dbr_identify_info_finish(&info);
    dbr_buf_finish(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_merged),
        cmocka_unit_test(strange_contents_are_skipped_or_made_printable),
        cmocka_unit_test(too_much_is_refused_or_cut),
        cmocka_unit_test(keys_of_other_kinds_are_refused),
        cmocka_unit_test(short_memory_is_told),
        cmocka_unit_test(our_answer_is_small_and_whole),
        cmocka_unit_test(a_push_leaves_out_what_has_not_changed),
        cmocka_unit_test(what_is_kept_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
