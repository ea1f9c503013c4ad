#include "fields.h"
#include "pipe.h"
#include "raw.h"
#include "texts.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/reader.h"
#include "swarm/announce.h"
#include "swarm/identify.h"
#include "swarm/peer_record.h"

#define OWN "/ip4/10.0.0.1/tcp/4001" /* of node 1 */

static struct dbr_multiaddr addr_of(const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    return addr;
}

static struct dbr_peer_info view_of(const struct pipe_node *node,
                                    const struct pipe_node *peer)
{
    struct dbr_peer_info info;
    assert_true(dbr_swarm_peer_info(node->swarm, &peer->id, &info));
    return info;
}

static bool speaks(const struct dbr_peer_info *info, const char *id)
{
    for (size_t i = 0; i < info->n_protocols; i++) {
        if (strcmp(info->protocols[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static void a_new_address_is_pushed_to_all(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(3);
    struct pipe_node *a = pipe_node(world, 1);
    struct dbr_multiaddr more = addr_of("/ip4/10.9.9.9/tcp/9");
    struct dbr_multiaddr other = addr_of("/ip4/10.9.9.8/tcp/9");
    pipe_connect(world, 1, 2);
    pipe_forget(world);
    pipe_connect(world, 1, 3);
    dbr_swarm_listening(a->swarm, &more);
    pipe_sleep(world, 500);
    dbr_swarm_listening(a->swarm, &other); /* they share one push */
    pipe_sleep(world, 499);
    assert_string_equal(pipe_addrs(pipe_node(world, 2), &a->id), OWN);
    pipe_sleep(world, 1);
    for (size_t i = 2; i <= 3; i++) {
        struct dbr_swarm_stats stats;
        assert_string_equal(pipe_addrs(pipe_node(world, i), &a->id),
                            OWN " /ip4/10.9.9.9/tcp/9 /ip4/10.9.9.8/tcp/9");
        dbr_swarm_get_stats(pipe_node(world, i)->swarm, &stats);
        assert_int_equal(stats.pushes, 1);
    }
    dbr_swarm_not_listening(a->swarm, &more);
    dbr_swarm_not_listening(a->swarm, &more);
    pipe_sleep(world, 1000);
    assert_string_equal(pipe_addrs(pipe_node(world, 2), &a->id),
                        OWN " /ip4/10.9.9.8/tcp/9");
    pipe_sleep(world, 60000); /* and no more of it */
    struct dbr_swarm_stats stats;
    dbr_swarm_get_stats(pipe_node(world, 2)->swarm, &stats);
    assert_int_equal(stats.pushes, 2);
    pipe_destroy(world);
}

static void a_protocol_comes_and_goes(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_peer_info info;
    uint64_t stream;
    dbr_swarm_offer(b->swarm, PIPE_CLIENT, false);
    dbr_swarm_offer(b->swarm, PIPE_CLIENT, false);
    pipe_connect(world, 1, 2);
    info = view_of(a, b);
    assert_false(speaks(&info, "/test/client"));
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_CLIENT, world->now),
                     0);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_STREAM_CLOSED, 0)->event.status,
                     DEBROS_EPROTO);
    dbr_swarm_offer(b->swarm, PIPE_CLIENT, true);
    pipe_sleep(world, 1000);
    info = view_of(a, b);
    assert_true(speaks(&info, "/test/client"));
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_CLIENT, world->now),
                     0);
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_OPENED), 1);
    pipe_destroy(world);
}

/* js takes one push at a time: the next one waits until it has ended. */
static void a_push_waits_for_the_one_before(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_swarm *swarm = raw->node->swarm;
    struct raw_stream *asked = raw_open(raw, DBR_IDENTIFY_ID);
    struct raw_stream *theirs = raw_find(raw, DBR_IDENTIFY_ID, 0);
    struct dbr_buf message = {0};
    struct dbr_buf frame = {0};
    struct dbr_multiaddr more[3] = {addr_of("/ip4/10.9.9.1/tcp/9"),
                                    addr_of("/ip4/10.9.9.2/tcp/9"),
                                    addr_of("/ip4/10.9.9.3/tcp/9")};
    text_field(&message, 3, DBR_IDENTIFY_PUSH_ID);
    dbr_buf_uvarint(&frame, message.len);
    dbr_buf_add(&frame, message.data, message.len);
    raw_send(raw, theirs, view(&frame));
    dbr_stack_finish(raw->stack, theirs->id);
    raw_run(raw);
    assert_true(asked->finished);
    for (size_t i = 0; i < 3; i++) {
        dbr_swarm_listening(swarm, &more[i]);
        raw_sleep(raw, 1000);
        assert_null(raw_find(raw, DBR_IDENTIFY_PUSH_ID, 1)); /* the first is not ended */
    }
    struct raw_stream *push = raw_find(raw, DBR_IDENTIFY_PUSH_ID, 0);
    assert_true(push->finished);
    dbr_stack_finish(raw->stack, push->id);
    raw_run(raw);
    assert_non_null(raw_find(raw, DBR_IDENTIFY_PUSH_ID, 1)); /* with all since then */
    raw_sleep(raw, 5000);
    assert_null(raw_find(raw, DBR_IDENTIFY_PUSH_ID, 2));
    dbr_buf_finish(&message);
    dbr_buf_finish(&frame);
    raw_destroy(raw);
}

static void who_does_not_speak_push_gets_none(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_multiaddr more = addr_of("/ip4/10.9.9.1/tcp/9");
    raw_open(raw, DBR_IDENTIFY_ID);
    raw_run(raw);
    dbr_swarm_listening(raw->node->swarm, &more);
    raw_sleep(raw, 5000);
    assert_null(raw_find(raw, DBR_IDENTIFY_PUSH_ID, 0));
    raw_destroy(raw);
}

/* ---- Which addresses ------------------------------------------------------- */

static const char *own_addrs(const struct dbr_swarm *swarm)
{
    struct dbr_multiaddr addrs[TEXTS_MAX];
    return texts_of(addrs, dbr_swarm_own_addrs(swarm, addrs, TEXTS_MAX));
}

static void listen_at(struct pipe_node *node, const char *text)
{
    struct dbr_multiaddr addr = addr_of(text);
    dbr_swarm_listening(node->swarm, &addr);
}

/* Loopback is told while there is nothing else, wildcards never; what is advertised takes
 * the place of all. */
static void others_are_told_what_they_can_dial(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->loopback = true;
    pipe_start(world, 1);
    struct pipe_node *a = pipe_node(world, 1);
    struct dbr_multiaddr name = addr_of("/dns4/db.example.org/tcp/7");
    assert_string_equal(own_addrs(a->swarm), "/ip4/127.0.0.1/tcp/4001");
    listen_at(a, "/ip4/0.0.0.0/tcp/4001");
    assert_string_equal(own_addrs(a->swarm), "/ip4/127.0.0.1/tcp/4001");
    listen_at(a, "/ip4/10.1.2.3/tcp/4001");
    listen_at(a, "/ip4/10.1.2.3/tcp/4001");
    assert_string_equal(own_addrs(a->swarm), "/ip4/10.1.2.3/tcp/4001");
    dbr_swarm_advertise(a->swarm, &name);
    listen_at(a, "/ip4/10.1.2.4/tcp/4001");
    assert_string_equal(own_addrs(a->swarm), "/dns4/db.example.org/tcp/7");
    pipe_run(world);
    assert_int_equal(pipe_count(a, DBR_SWARM_MOVED), 1); /* told once for all */
    pipe_destroy(world);
}

/* Whoever is reachable by the world, in an open network, dials no private addresses that
 * somebody names; a loopback address nobody but a cluster on one machine. */
static void our_reach_decides_what_we_dial(void **state)
{
    (void)state;
    static const struct {
        const char *own;
        const char *dials;
    } cases[] = {
        {"/ip4/127.0.0.1/tcp/1",
         "/ip4/127.0.0.1/tcp/9 /ip4/10.2.2.2/tcp/9 /ip4/3.3.3.3/tcp/9"},
        {"/ip4/10.1.1.1/tcp/1", "/ip4/10.2.2.2/tcp/9 /ip4/3.3.3.3/tcp/9"},
        {"/ip4/1.1.1.1/tcp/1", "/ip4/3.3.3.3/tcp/9"}};
    struct dbr_multiaddr said[] = {addr_of("/ip4/127.0.0.1/tcp/9"),
                                   addr_of("/ip4/10.2.2.2/tcp/9"),
                                   addr_of("/ip4/3.3.3.3/tcp/9")};
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        struct pipe_world *world = dbr_malloc(sizeof(*world));
        struct dbr_multiaddr own = addr_of(cases[i].own);
        pipe_init(world);
        world->config.open = true;
        pipe_start(world, 2);
        struct pipe_node *a = pipe_node(world, 1);
        dbr_swarm_advertise(a->swarm, &own);
        dbr_swarm_hint(a->swarm, &pipe_node(world, 2)->id, said, 3, world->now);
        assert_string_equal(pipe_addrs(a, &pipe_node(world, 2)->id), cases[i].dials);
        pipe_destroy(world);
    }
}

/* ---- The record -------------------------------------------------------------- */

static void our_record_is_signed_and_numbered(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_arena arena;
    struct dbr_peer_record record;
    struct dbr_multiaddr more = addr_of("/ip4/10.9.9.9/tcp/9");
    dbr_swarm_wall(a->swarm, 1700000000000);
    pipe_connect(world, 1, 2);
    struct dbr_peer_info info = view_of(b, a);
    dbr_arena_init(&arena, 100000);
    assert_int_equal(dbr_peer_record_open(&record, &arena, info.record), 0);
    assert_true(dbr_peer_id_equal(&record.peer, &a->id));
    assert_int_equal(record.seq, info.record_seq);
    assert_int_equal(record.seq, 1700000000000000000);
    assert_int_equal(record.n_addrs, 1);
    assert_true(dbr_multiaddr_equal(&record.addrs[0], &a->addr));
    /* A clock that goes back: the numbers go on. */
    dbr_swarm_wall(a->swarm, 1600000000000);
    dbr_swarm_listening(a->swarm, &more);
    pipe_sleep(world, 1000);
    info = view_of(b, a);
    assert_int_equal(info.record_seq, 1700000000000000001);
    assert_string_equal(pipe_addrs(b, &a->id), OWN " /ip4/10.9.9.9/tcp/9");
    /* b's, which knows no time. */
    info = view_of(a, b);
    assert_int_equal(info.record_seq, 1);
    dbr_arena_finish(&arena);
    pipe_destroy(world);
}

/* With as many protocols as there may be: the record goes, the answer stays whole. */
static void a_record_without_room_is_left_out(void **state)
{
    (void)state;
    static char ids[DBR_SWARM_PROTOCOLS_MAX][81];
    struct dbr_swarm_protocol protocols[DBR_SWARM_PROTOCOLS_MAX];
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    for (int i = 0; i < DBR_SWARM_PROTOCOLS_MAX; i++) {
        snprintf(ids[i], sizeof(ids[i]), "/%02u%077d", (unsigned)i % 100, 0);
        protocols[i] = (struct dbr_swarm_protocol){ids[i], DBR_PEER_MEMBER, 10, 10};
    }
    world->config.protocols = protocols;
    world->config.n_protocols = DBR_SWARM_PROTOCOLS_MAX;
    pipe_start(world, 2);
    for (int i = 0; i < 19; i++) {
        char text[200];
        struct dbr_multiaddr addr;
        snprintf(text, sizeof(text), "/dns4/%0100d.example.org/tcp/4001", i);
        assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
        dbr_swarm_listening(pipe_node(world, 1)->swarm, &addr);
    }
    pipe_connect(world, 2, 1);
    struct dbr_peer_info info = view_of(pipe_node(world, 2), pipe_node(world, 1));
    assert_int_equal(info.n_protocols, DBR_SWARM_PROTOCOLS_MAX + 3);
    assert_int_equal(info.record.len, 0);
    pipe_destroy(world);
}

/* Four members that dialed a forwarded port have seen it: everybody hears of it. */
static void an_address_that_others_dialed_is_announced(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(1);
    struct dbr_swarm *swarm = pipe_node(world, 1)->swarm;
    struct dbr_buf message = {0};
    addr_field(&message, 4, "/ip4/192.0.2.77/tcp/4001");
    struct raw *raw = raw_attach(world, true);
    for (int i = 0; i < 4; i++) {
        struct dbr_stack *stack;
        struct dbr_stack_config config = {.dialer = true};
        struct dbr_keypair key;
        struct dbr_multiaddr remote;
        struct dbr_peer_id id;
        struct raw member = {.world = world, .node = raw->node, .dialer = true};
        uint8_t seed[32] = {50, (uint8_t)i};
        char text[64];
        snprintf(text, sizeof(text), "/ip4/198.51.100.%d/tcp/9", i);
        remote = addr_of(text);
        dbr_keypair_from_seed(&key, seed);
        dbr_peer_id_from_key(&id, key.public_key);
        dbr_swarm_set_class(swarm, &id, DBR_PEER_MEMBER, world->now);
        config.identity = &key;
        dbr_stack_limits_default(&config.limits);
        assert_int_equal(dbr_stack_create(&stack, &config, &raw->rng, world->now), 0);
        member.stack = stack;
        member.conn = world->raw_conn = 10001 + 2 * (uint64_t)i;
        dbr_swarm_accepted(swarm, member.conn, &remote, world->now);
        raw_run(&member);
        struct raw_stream *asked = raw_find(&member, DBR_IDENTIFY_ID, 0);
        struct dbr_buf frame = {0};
        dbr_buf_uvarint(&frame, message.len);
        dbr_buf_add(&frame, message.data, message.len);
        raw_send(&member, asked, view(&frame));
        dbr_stack_finish(stack, asked->id);
        raw_run(&member);
        dbr_buf_finish(&frame);
        for (size_t k = 0; k < member.n_streams; k++) {
            dbr_buf_finish(&member.streams[k].data);
        }
        dbr_stack_destroy(stack);
        /* What the raw peer is told when it asks now. */
        struct dbr_identify_info info;
        debros_bytes body;
        size_t used;
        world->raw_conn = raw->conn;
        struct raw_stream *stream = raw_open(raw, DBR_IDENTIFY_ID);
        raw_run(raw);
        assert_int_equal(dbr_frame_decode(view(&stream->data), 4096, &body, &used), 1);
        dbr_identify_info_init(&info);
        assert_int_equal(dbr_identify_merge(&info, body), 0);
        assert_int_equal(info.n_addrs, i < 3 ? 1 : 2);
        dbr_identify_info_finish(&info);
    }
    dbr_buf_finish(&message);
    raw_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_address_is_pushed_to_all),
        cmocka_unit_test(a_protocol_comes_and_goes),
        cmocka_unit_test(a_push_waits_for_the_one_before),
        cmocka_unit_test(who_does_not_speak_push_gets_none),
        cmocka_unit_test(others_are_told_what_they_can_dial),
        cmocka_unit_test(our_reach_decides_what_we_dial),
        cmocka_unit_test(our_record_is_signed_and_numbered),
        cmocka_unit_test(a_record_without_room_is_left_out),
        cmocka_unit_test(an_address_that_others_dialed_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
