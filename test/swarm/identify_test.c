#include "pipe.h"
#include "raw.h"

#include <stdio.h>

#include "base/alloc.h"
#include "fault.h"
#include "base/reader.h"
#include "swarm/identify.h"

static void assert_text(const struct dbr_multiaddr *addr, const char *expected)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    assert_string_equal(dbr_multiaddr_text(addr, text), expected);
}

/* Appends one protobuf field of bytes. */
static void field(struct dbr_buf *buf, unsigned number, const void *data, size_t len)
{
    dbr_buf_uvarint(buf, number << 3 | 2);
    dbr_buf_uvarint(buf, len);
    dbr_buf_add(buf, data, len);
}

static void text_field(struct dbr_buf *buf, unsigned number, const char *text)
{
    field(buf, number, text, strlen(text));
}

static void addr_field(struct dbr_buf *buf, unsigned number, const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    field(buf, number, addr.bytes, addr.len);
}

static void key_field(struct dbr_buf *buf, const struct dbr_keypair *key)
{
    uint8_t message[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    dbr_public_key_encode(message, key->public_key);
    field(buf, 1, message, sizeof(message));
}

static debros_bytes view(const struct dbr_buf *buf)
{
    return dbr_bytes(buf->data, buf->len);
}

/* ---- The codec --------------------------------------------------------------- */

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
    const char *protocols[34];
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
    for (size_t i = 0; i < 34; i++) {
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
                                         .n_protocols = 34,
                                         .addrs = addrs,
                                         .n_addrs = 20,
                                         .observed = addrs[0]};
    assert_int_equal(dbr_identify_encode(&out, &answer), 0);
    assert_true(out.len <= DBR_IDENTIFY_ANSWER_MAX);
    assert_int_equal(dbr_frame_decode(view(&out), 4096, &body, &used), 1);
    assert_int_equal(used, out.len);
    dbr_identify_info_init(&info);
    assert_int_equal(dbr_identify_merge(&info, body), 0);
    assert_int_equal(info.n_protocols, 34);
    assert_in_range(info.n_addrs, 15, 20);
    dbr_identify_info_finish(&info);
    dbr_buf_finish(&out);
}

/* ---- On a connection ---------------------------------------------------------- */

static bool has_protocol(const struct dbr_peer_info *info, const char *id)
{
    for (size_t i = 0; i < info->n_protocols; i++) {
        if (strcmp(info->protocols[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static void both_ends_learn_of_each_other(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct dbr_peer_info info;
    struct dbr_multiaddr wildcard;
    assert_int_equal(dbr_multiaddr_parse(&wildcard, "/ip4/0.0.0.0/tcp/4001", NULL), 0);
    dbr_swarm_listening(pipe_node(world, 2)->swarm, &wildcard);
    pipe_connect(world, 1, 2);
    assert_true(
        dbr_swarm_peer_info(pipe_node(world, 1)->swarm, &pipe_node(world, 2)->id, &info));
    assert_string_equal(info.agent, "test/1.2.3");
    assert_true(has_protocol(&info, "/ipfs/id/1.0.0"));
    assert_true(has_protocol(&info, "/ipfs/ping/1.0.0"));
    assert_true(has_protocol(&info, "/test/member"));
    assert_int_equal(info.n_protocols, 5);
    assert_int_equal(info.n_addrs, 1); /* no /p2p, no wildcard */
    assert_text(&info.addrs[0], "/ip4/10.0.0.2/tcp/4001");
    assert_true(info.connected);
    assert_false(info.inbound);
    assert_int_equal(info.cls, DBR_PEER_MEMBER);
    assert_true(info.observed.len > 0); /* some port at 10.0.0.1 */
    assert_true(dbr_swarm_peer_at(pipe_node(world, 2)->swarm, 0, &info));
    assert_true(info.inbound);
    assert_text(&info.addrs[0], "/ip4/10.0.0.1/tcp/4001");
    assert_text(&info.observed, "/ip4/10.0.0.2/tcp/4001");
    pipe_destroy(world);
}

/* What a bare peer answers on the swarm's identify stream. */
static void answer(struct raw *raw, const struct dbr_buf *message, bool end)
{
    struct raw_stream *stream = raw_find(raw, DBR_IDENTIFY_ID, 0);
    struct dbr_buf frame = {0};
    assert_non_null(stream);
    dbr_buf_uvarint(&frame, message->len);
    dbr_buf_add(&frame, message->data, message->len);
    for (size_t i = 0; i < frame.len; i++) {
        raw_send(raw, stream, dbr_bytes(frame.data + i, 1));
        raw_run(raw);
    }
    if (end) {
        dbr_stack_finish(raw->stack, stream->id);
    }
    raw_run(raw);
    dbr_buf_finish(&frame);
}

static void two_messages_and_an_end_identify(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_buf first = {0};
    struct dbr_buf second = {0};
    struct dbr_peer_info info;
    key_field(&first, &raw->key);
    text_field(&first, 6, "bare/1");
    text_field(&second, 3, "/x/1");
    answer(raw, &first, false);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_IDENTIFIED), 0);
    answer(raw, &second, true);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_IDENTIFIED), 1);
    assert_true(dbr_swarm_peer_info(raw->node->swarm, &raw->id, &info));
    assert_string_equal(info.agent, "bare/1");
    assert_int_equal(info.n_protocols, 1);
    assert_true(raw_find(raw, DBR_IDENTIFY_ID, 0)->closed);
    dbr_buf_finish(&first);
    dbr_buf_finish(&second);
    raw_destroy(raw);
}

static void an_answer_without_an_end_counts_in_time(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_buf message = {0};
    key_field(&message, &raw->key);
    answer(raw, &message, false);
    raw_sleep(raw, 9999);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_IDENTIFIED), 0);
    raw_sleep(raw, 1);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_IDENTIFIED), 1);
    dbr_buf_finish(&message);
    raw_destroy(raw);
}

static void another_key_closes_the_connection(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_buf message = {0};
    key_field(&message, &raw->node->key);
    answer(raw, &message, false);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_IDENTIFIED), 0);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_DISCONNECTED), 1);
    assert_true(raw->world->raw_closed);
    assert_true(pipe_logged(raw->world, "identify names another key"));
    dbr_buf_finish(&message);
    raw_destroy(raw);
}

static void bad_answers_leave_the_connection(void **state)
{
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        struct raw *raw = raw_create(true);
        struct raw_stream *stream = raw_find(raw, DBR_IDENTIFY_ID, 0);
        if (kind == 0) {
            raw_send(raw, stream, dbr_bytes_str("\xff\xff\x7f")); /* above 8 KiB */
        } else if (kind == 1) {
            raw_send(raw, stream, dbr_bytes_str("\2\x0a\x55")); /* malformed */
        } else if (kind == 2) {
            dbr_stack_finish(raw->stack, stream->id); /* empty */
        } else if (kind == 3) {
            raw_send(raw, stream, dbr_bytes_str("\7cut"));
            dbr_stack_finish(raw->stack, stream->id);
        } else {
            dbr_stack_reset(raw->stack, stream->id);
        }
        raw_sleep(raw, 10500); /* it answers no ping, either */
        assert_int_equal(pipe_count(raw->node, DBR_SWARM_IDENTIFIED), 0);
        assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
        assert_true(pipe_logged(raw->world, "identify of 12D3"));
        raw_destroy(raw);
    }
}

static void the_answer_to_a_peer_ends_the_stream(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct raw_stream *stream = raw_open(raw, DBR_IDENTIFY_ID);
    struct dbr_identify_info info;
    debros_bytes body;
    size_t used;
    raw_run(raw);
    assert_true(stream->opened);
    assert_true(stream->finished);
    assert_int_equal(dbr_frame_decode(view(&stream->data), 4096, &body, &used), 1);
    assert_int_equal(used, stream->data.len);
    dbr_identify_info_init(&info);
    assert_int_equal(dbr_identify_merge(&info, body), 0);
    assert_text(&info.observed, "/ip4/10.0.0.99/tcp/999");
    assert_true(dbr_peer_id_equal(&info.key_peer, &raw->node->id));
    dbr_identify_info_finish(&info);
    dbr_stack_finish(raw->stack, stream->id);
    raw_run(raw);
    assert_true(stream->closed);
    /* Push is not offered. */
    stream = raw_open(raw, "/ipfs/id/push/1.0.0");
    raw_run(raw);
    assert_true(stream->refused);
    raw_destroy(raw);
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
        cmocka_unit_test(both_ends_learn_of_each_other),
        cmocka_unit_test(two_messages_and_an_end_identify),
        cmocka_unit_test(an_answer_without_an_end_counts_in_time),
        cmocka_unit_test(another_key_closes_the_connection),
        cmocka_unit_test(bad_answers_leave_the_connection),
        cmocka_unit_test(the_answer_to_a_peer_ends_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
