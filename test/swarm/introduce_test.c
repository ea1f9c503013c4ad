#include "fields.h"
#include "pipe.h"
#include "raw.h"

#include "base/alloc.h"
#include "base/reader.h"
#include "swarm/introduce.h"
#include "swarm/peer_record.h"

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
    assert_int_equal(info.n_protocols, 6);
    assert_string_equal(pipe_addrs(pipe_node(world, 1), &pipe_node(world, 2)->id),
                        "/ip4/10.0.0.2/tcp/4001"); /* no /p2p, no wildcard */
    assert_true(info.connected);
    assert_false(info.inbound);
    assert_int_equal(info.cls, DBR_PEER_MEMBER);
    assert_true(info.observed.len > 0); /* some port at 10.0.0.1 */
    assert_true(dbr_swarm_peer_at(pipe_node(world, 2)->swarm, 0, &info));
    assert_true(info.inbound);
    assert_string_equal(pipe_addrs(pipe_node(world, 2), &pipe_node(world, 1)->id),
                        "/ip4/10.0.0.1/tcp/4001");
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
    raw_destroy(raw);
}

static struct dbr_swarm_stats stats_of(const struct pipe_node *node)
{
    struct dbr_swarm_stats stats;
    dbr_swarm_get_stats(node->swarm, &stats);
    return stats;
}

/* An answer with a record signed by `key`, for /ip4/10.1.1.1/tcp/`port`. */
static void record_field(struct dbr_buf *message, const struct dbr_keypair *key,
                         uint64_t seq, const char *addr)
{
    struct dbr_buf record = {0};
    struct dbr_multiaddr parsed;
    assert_int_equal(dbr_multiaddr_parse(&parsed, addr, NULL), 0);
    assert_int_equal(dbr_peer_record_seal(&record, key, seq, &parsed, 1), 0);
    field(message, 8, record.data, record.len);
    dbr_buf_finish(&record);
}

static void certified_addresses_replace_the_others(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_buf message = {0};
    struct dbr_peer_info info;
    addr_field(&message, 2, "/ip4/10.2.2.2/tcp/2");
    record_field(&message, &raw->key, 5, "/ip4/10.1.1.1/tcp/1");
    answer(raw, &message, true);
    assert_true(dbr_swarm_peer_info(raw->node->swarm, &raw->id, &info));
    assert_string_equal(pipe_addrs(raw->node, &raw->id), "/ip4/10.1.1.1/tcp/1");
    assert_int_equal(info.record_seq, 5);
    assert_true(info.record.len > 100);
    assert_int_equal(stats_of(raw->node).records_refused, 0);
    dbr_buf_finish(&message);
    raw_destroy(raw);
}

/* CVE-2023-40583's class: a record of somebody else, in whichever way. */
static void a_record_that_does_not_hold_is_ignored(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct raw *raw = raw_create(true);
        struct dbr_buf message = {0};
        struct dbr_peer_info info;
        uint8_t seed[32] = {42};
        struct dbr_keypair other;
        dbr_keypair_from_seed(&other, seed);
        addr_field(&message, 2, "/ip4/10.2.2.2/tcp/2");
        if (kind == 0) { /* good, but another peer's */
            record_field(&message, &other, 5, "/ip4/10.1.1.1/tcp/1");
        } else if (kind == 1) {
            record_field(&message, &raw->key, 5, "/ip4/10.1.1.1/tcp/1");
            message.data[message.len - 1] ^= 1; /* of the signature */
        } else if (kind == 2) {
            text_field(&message, 8, "\x0a\x7fgarbage");
        } else { /* the peer's secret key and another public one */
            struct dbr_keypair mixed = raw->key;
            memcpy(mixed.public_key, other.public_key, sizeof(mixed.public_key));
            record_field(&message, &mixed, 5, "/ip4/10.1.1.1/tcp/1");
        }
        answer(raw, &message, true);
        assert_true(dbr_swarm_peer_info(raw->node->swarm, &raw->id, &info));
        assert_string_equal(pipe_addrs(raw->node, &raw->id), "/ip4/10.2.2.2/tcp/2");
        assert_int_equal(info.record.len, 0);
        assert_int_equal(stats_of(raw->node).records_refused, 1);
        assert_true(pipe_logged(raw->world, "signed peer record"));
        assert_true(dbr_swarm_is_connected(raw->node->swarm, &raw->id));
        dbr_buf_finish(&message);
        raw_destroy(raw);
    }
}

/* ---- Pushes to us ------------------------------------------------------------- */

static struct raw_stream *push_to(struct raw *raw, const struct dbr_buf *message)
{
    struct raw_stream *stream = raw_open(raw, DBR_IDENTIFY_PUSH_ID);
    struct dbr_buf frame = {0};
    dbr_buf_uvarint(&frame, message->len);
    dbr_buf_add(&frame, message->data, message->len);
    raw_send(raw, stream, view(&frame));
    dbr_stack_finish(raw->stack, stream->id);
    raw_run(raw);
    dbr_buf_finish(&frame);
    return stream;
}

static void a_push_changes_what_it_says_and_no_more(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_buf message = {0};
    struct dbr_peer_info info;
    text_field(&message, 6, "bare/1");
    text_field(&message, 3, "/x/1");
    record_field(&message, &raw->key, 5, "/ip4/10.1.1.1/tcp/1");
    answer(raw, &message, true);
    dbr_buf_clear(&message);
    text_field(&message, 3, "/x/2");
    text_field(&message, 3, "/x/3");
    assert_true(push_to(raw, &message)->closed);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_IDENTIFIED), 2);
    dbr_swarm_peer_info(raw->node->swarm, &raw->id, &info);
    assert_string_equal(info.agent, "bare/1");
    assert_int_equal(info.n_protocols, 2);
    assert_string_equal(info.protocols[0], "/x/2");
    assert_string_equal(pipe_addrs(raw->node, &raw->id), "/ip4/10.1.1.1/tcp/1");
    assert_int_equal(info.record_seq, 5);
    /* A newer record counts, an older one does not. */
    dbr_buf_clear(&message);
    record_field(&message, &raw->key, 6, "/ip4/10.1.1.6/tcp/1");
    push_to(raw, &message);
    dbr_swarm_peer_info(raw->node->swarm, &raw->id, &info);
    assert_int_equal(info.record_seq, 6);
    assert_string_equal(pipe_addrs(raw->node, &raw->id), "/ip4/10.1.1.6/tcp/1");
    assert_int_equal(info.n_protocols, 2);
    dbr_buf_clear(&message);
    record_field(&message, &raw->key, 4, "/ip4/10.1.1.4/tcp/1");
    push_to(raw, &message);
    dbr_swarm_peer_info(raw->node->swarm, &raw->id, &info);
    assert_int_equal(info.record_seq, 6);
    assert_string_equal(pipe_addrs(raw->node, &raw->id), "/ip4/10.1.1.6/tcp/1");
    assert_int_equal(stats_of(raw->node).pushes, 3);
    dbr_buf_finish(&message);
    raw_destroy(raw);
}

static void pushes_are_bounded_and_checked(void **state)
{
    (void)state;
    for (uint32_t burst = 1; burst <= 8; burst += 7) {
        struct pipe_world *world = dbr_malloc(sizeof(*world));
        struct dbr_buf message = {0};
        pipe_init(world);
        world->config.limits.push_burst = burst;
        pipe_start(world, 1);
        struct raw *raw = raw_attach(world, true);
        text_field(&message, 6, "bare/1");
        for (uint32_t i = 0; i < burst; i++) {
            assert_false(push_to(raw, &message)->reset);
        }
        assert_true(push_to(raw, &message)->reset);
        assert_int_equal(stats_of(raw->node).pushes_refused, 1);
        raw_sleep(raw, 5000);
        assert_false(push_to(raw, &message)->reset);
        /* One at a time; and one without an end is given up. */
        raw_sleep(raw, 5000);
        struct raw_stream *first = raw_open(raw, DBR_IDENTIFY_PUSH_ID);
        struct raw_stream *second = raw_open(raw, DBR_IDENTIFY_PUSH_ID);
        raw_run(raw);
        assert_true(second->reset);
        assert_false(first->reset);
        /* Another key than the connection's ends it. */
        dbr_buf_clear(&message);
        key_field(&message, &raw->node->key);
        dbr_buf_u8(&message, 0);
        raw_send(raw, first, dbr_bytes_str("\x26"));
        raw_send(raw, first, dbr_bytes(message.data, 38));
        raw_run(raw);
        assert_true(raw->world->raw_closed);
        dbr_buf_finish(&message);
        raw_destroy(raw);
    }
}

static void a_push_without_an_end_is_given_up(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct raw_stream *stream = raw_open(raw, DBR_IDENTIFY_PUSH_ID);
    struct dbr_buf message = {0};
    answer(raw, &message, true);
    raw_send(raw, stream, dbr_bytes_str("\x7fpart"));
    raw_sleep(raw, 9999);
    assert_false(stream->reset);
    raw_sleep(raw, 1);
    assert_true(stream->reset);
    assert_true(pipe_logged(raw->world, "identify push of 12D3"));
    raw_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_learn_of_each_other),
        cmocka_unit_test(two_messages_and_an_end_identify),
        cmocka_unit_test(an_answer_without_an_end_counts_in_time),
        cmocka_unit_test(another_key_closes_the_connection),
        cmocka_unit_test(bad_answers_leave_the_connection),
        cmocka_unit_test(the_answer_to_a_peer_ends_the_stream),
        cmocka_unit_test(certified_addresses_replace_the_others),
        cmocka_unit_test(a_record_that_does_not_hold_is_ignored),
        cmocka_unit_test(a_push_changes_what_it_says_and_no_more),
        cmocka_unit_test(pushes_are_bounded_and_checked),
        cmocka_unit_test(a_push_without_an_end_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
