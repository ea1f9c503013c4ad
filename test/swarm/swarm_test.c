#include "pipe.h"

#include <stdio.h>

#include "base/alloc.h"
#include "fault.h"

static void a_connection_is_told_at_both_ends(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    pipe_connect(world, 1, 2);
    const struct pipe_event *out = pipe_event(a, DBR_SWARM_CONNECTED, 0);
    const struct pipe_event *in = pipe_event(b, DBR_SWARM_CONNECTED, 0);
    assert_non_null(out);
    assert_non_null(in);
    assert_false(out->event.inbound);
    assert_true(in->event.inbound);
    assert_true(dbr_peer_id_equal(&out->event.peer, &b->id));
    assert_true(dbr_peer_id_equal(&in->event.peer, &a->id));
    assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 1);
    assert_true(
        dbr_peer_id_equal(&pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.peer, &b->id));
    assert_int_equal(pipe_count(a, DBR_SWARM_IDENTIFIED), 1);
    assert_int_equal(pipe_count(b, DBR_SWARM_IDENTIFIED), 1);
    pipe_destroy(world);
}

static void byte_by_byte_is_the_same(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    uint64_t stream;
    world->chunk = 1;
    pipe_connect(world, 1, 2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now),
                     0);
    assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes_str("hello"), world->now),
                     0);
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_IDENTIFIED), 1);
    const struct pipe_event *message = pipe_event(b, DBR_SWARM_STREAM_MESSAGE, 0);
    assert_non_null(message);
    assert_true(dbr_bytes_equal(message->event.message, dbr_bytes_str("hello")));
    pipe_destroy(world);
}

static void disconnect_is_polite_and_told(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    pipe_connect(world, 1, 2);
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    assert_false(dbr_swarm_is_connected(a->swarm, &b->id));
    pipe_run(world);
    assert_int_equal(pipe_count(a, DBR_SWARM_DISCONNECTED), 1);
    assert_int_equal(pipe_count(b, DBR_SWARM_DISCONNECTED), 1);
    assert_int_equal(pipe_open_links(world), 0);
    assert_int_equal(dbr_swarm_connected_count(a->swarm), 0);
    assert_true(pipe_logged(world, "closed by this node"));
    pipe_destroy(world);
}

static void what_came_before_the_end_is_still_told(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    uint64_t stream;
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now),
                     0);
    assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes_str("one"), world->now),
                     0);
    assert_int_equal(dbr_swarm_send(a->swarm, stream, dbr_bytes_str("two"), world->now),
                     0);
    dbr_swarm_finish(a->swarm, stream, world->now);
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    b->not_polled = true;
    pipe_run(world); /* bytes and the end of the socket arrive before a poll */
    b->not_polled = false;
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_MESSAGE), 2);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_CLOSED), 1);
    assert_int_equal(pipe_count(b, DBR_SWARM_DISCONNECTED), 1);
    assert_ptr_equal(pipe_event(b, DBR_SWARM_DISCONNECTED, 0),
                     &b->events[b->n_events - 1]);
    pipe_destroy(world);
}

static void strangers_leave_in_time(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_STRANGER, world->now);
    pipe_connect(world, 1, 2);
    pipe_sleep(world, 9999);
    assert_true(dbr_swarm_is_connected(b->swarm, &a->id));
    pipe_sleep(world, 1);
    assert_false(dbr_swarm_is_connected(b->swarm, &a->id));
    assert_false(dbr_swarm_is_connected(a->swarm, &b->id));
    assert_int_equal(dbr_swarm_peer_count(b->swarm), 0); /* and is forgotten */
    assert_int_equal(dbr_swarm_peer_count(a->swarm), 1);
    pipe_destroy(world);
}

static void a_raised_class_keeps_a_stranger(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_STRANGER, world->now);
    pipe_connect(world, 1, 2);
    pipe_sleep(world, 5000);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_CLIENT, world->now);
    pipe_sleep(world, 50000);
    assert_true(dbr_swarm_is_connected(b->swarm, &a->id));
    pipe_destroy(world);
}

static void an_open_swarm_keeps_strangers(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.open = true;
    pipe_start(world, 2);
    pipe_connect(world, 1, 2);
    pipe_sleep(world, 60000);
    assert_true(
        dbr_swarm_is_connected(pipe_node(world, 2)->swarm, &pipe_node(world, 1)->id));
    pipe_destroy(world);
}

static void a_lowered_class_closes(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    pipe_connect(world, 1, 2);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_CLIENT, world->now);
    pipe_run(world);
    assert_int_equal(pipe_count(a, DBR_SWARM_DISCONNECTED), 1);
    assert_int_equal(pipe_count(b, DBR_SWARM_DISCONNECTED), 1);
    pipe_destroy(world);
}

static void a_lowered_class_ends_streams_in_an_open_swarm(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    uint64_t member;
    uint64_t anybody;
    pipe_init(world);
    world->config.open = true;
    pipe_start(world, 2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_MEMBER, world->now);
    pipe_connect(world, 1, 2);
    assert_int_equal(dbr_swarm_open(a->swarm, &member, &b->id, PIPE_MEMBER, world->now),
                     0);
    assert_int_equal(dbr_swarm_open(a->swarm, &anybody, &b->id, PIPE_ANYBODY, world->now),
                     0);
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_OPENED), 2);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_STRANGER, world->now);
    pipe_run(world);
    assert_true(dbr_swarm_is_connected(b->swarm, &a->id));
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_CLOSED), 1);
    assert_int_equal(pipe_event(a, DBR_SWARM_STREAM_CLOSED, 0)->event.stream, member);
    pipe_destroy(world);
}

static void protocols_ask_for_their_class(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    uint64_t streams[3];
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_CLIENT, world->now);
    pipe_connect(world, 1, 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(dbr_swarm_open(a->swarm, &streams[i], &b->id, i, world->now), 0);
        assert_int_equal(
            dbr_swarm_send(a->swarm, streams[i], dbr_bytes_str("x"), world->now), 0);
    }
    pipe_run(world);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_OPENED), 2);
    assert_int_equal(pipe_count(b, DBR_SWARM_STREAM_MESSAGE), 2);
    assert_int_equal(pipe_count(a, DBR_SWARM_STREAM_CLOSED), 1);
    const struct pipe_event *refused = pipe_event(a, DBR_SWARM_STREAM_CLOSED, 0);
    assert_int_equal(refused->event.stream, streams[PIPE_MEMBER]);
    assert_int_equal(refused->event.status, DEBROS_EPROTO);
    assert_int_equal(
        dbr_swarm_send(a->swarm, streams[PIPE_MEMBER], dbr_bytes_str("x"), world->now),
        DEBROS_ENOTFOUND);
    pipe_destroy(world);
}

static void streams_need_a_connection(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    uint64_t stream;
    assert_int_equal(
        dbr_swarm_open(a->swarm, &stream, &pipe_node(world, 2)->id, 0, world->now),
        DEBROS_EUNREACHABLE);
    assert_int_equal(dbr_swarm_send(a->swarm, 99, dbr_bytes_str("x"), world->now),
                     DEBROS_ENOTFOUND);
    dbr_swarm_finish(a->swarm, 99, world->now);
    dbr_swarm_reset(a->swarm, 99, world->now);
    pipe_destroy(world);
}

static void the_driver_may_name_what_is_gone(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(1);
    struct dbr_swarm *swarm = pipe_node(world, 1)->swarm;
    dbr_swarm_recv(swarm, 42, dbr_bytes_str("x"), world->now);
    dbr_swarm_written(swarm, 42, 10, world->now);
    dbr_swarm_closed(swarm, 42, world->now);
    dbr_swarm_dialed(swarm, 42, world->now);
    dbr_swarm_dial_failed(swarm, 42, "x", world->now);
    struct dbr_buf out = dbr_swarm_take_output(swarm, 42);
    assert_int_equal(out.len, 0);
    pipe_run(world);
    assert_int_equal(pipe_node(world, 1)->n_events, 0);
    pipe_destroy(world);
}

static void limits_hold_at_their_smallest(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_limits *limits;
    pipe_init(world);
    limits = &world->config.limits;
    limits->connections = 1;
    limits->half_open = 1;
    limits->addrs_per_peer = 1;
    limits->stranger_ms = 1;
    limits->redial_min_ms = 1;
    limits->redial_max_ms = 1;
    pipe_start(world, 3);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct pipe_node *c = pipe_node(world, 3);
    pipe_connect(world, 1, 2);
    /* One connection is all that b and a may have: a stranger does not get in. */
    dbr_swarm_connect(c->swarm, &b->full_addr, 1, world->now);
    dbr_swarm_connect(a->swarm, &c->full_addr, 2, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status,
                     DEBROS_ELIMIT);
    assert_true(strstr(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->detail, "10.0.0.3") !=
                NULL);
    assert_true(pipe_logged(world, "the limit of 1 connections is reached"));
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 1);
    pipe_sleep(world, 1);
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 0);
    /* Two handshakes at once are one too many. */
    dbr_swarm_accepted(b->swarm, 1001, &a->addr, world->now);
    dbr_swarm_accepted(b->swarm, 1003, &a->addr, world->now);
    struct dbr_swarm_event event;
    assert_true(dbr_swarm_poll(b->swarm, &event));
    assert_int_equal(event.type, DBR_SWARM_CLOSE);
    assert_int_equal(event.conn, 1003);
    pipe_destroy(world);
}

static void strangers_make_room_for_members(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.limits.connections = 1;
    pipe_start(world, 3);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(b->swarm, &pipe_node(world, 3)->id, DBR_PEER_MEMBER, world->now);
    pipe_connect(world, 1, 2);
    pipe_connect(world, 3, 2);
    assert_true(dbr_swarm_is_connected(b->swarm, &pipe_node(world, 3)->id));
    assert_false(dbr_swarm_is_connected(b->swarm, &pipe_node(world, 1)->id));
    assert_int_equal(pipe_count(pipe_node(world, 1), DBR_SWARM_DISCONNECTED), 1);
    pipe_destroy(world);
}

static void strangers_make_room_for_dials_to_members(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.limits.connections = 1;
    pipe_start(world, 3);
    struct pipe_node *b = pipe_node(world, 2);
    struct pipe_node *c = pipe_node(world, 3);
    pipe_connect(world, 1, 2);
    dbr_swarm_connect(b->swarm, &c->full_addr, 1, world->now); /* a stranger, too */
    pipe_run(world);
    assert_int_equal(pipe_event(b, DBR_SWARM_CONNECT_DONE, 0)->event.status,
                     DEBROS_ELIMIT);
    dbr_swarm_set_class(b->swarm, &c->id, DBR_PEER_MEMBER, world->now);
    dbr_swarm_connect(b->swarm, &c->full_addr, 2, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(b, DBR_SWARM_CONNECT_DONE, 1)->event.status, 0);
    assert_int_equal(dbr_swarm_connected_count(b->swarm), 1);
    pipe_destroy(world);
}

static void times_hold_at_their_smallest(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.open = true;
    world->config.limits.dial_ms = 1;
    world->config.limits.idle_ping_ms = 1;
    world->config.limits.ping_timeout_ms = 1;
    pipe_start(world, 3);
    struct pipe_node *a = pipe_node(world, 1);
    pipe_node(world, 3)->silent = true;
    pipe_connect(world, 1, 2);
    dbr_swarm_connect(a->swarm, &pipe_node(world, 3)->full_addr, 1, world->now);
    pipe_sleep(world, 100);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status,
                     DEBROS_ETIMEDOUT);
    assert_true(dbr_swarm_is_connected(a->swarm, &pipe_node(world, 2)->id));
    world->links[0].cut = true;
    pipe_sleep(world, 2);
    assert_false(dbr_swarm_is_connected(a->swarm, &pipe_node(world, 2)->id));
    pipe_destroy(world);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_swarm_protocol protocol = {"no-slash", DBR_PEER_CLIENT, 10, 10};
    struct dbr_swarm *swarm;
    struct dbr_keypair key = {0};
    pipe_init(world);
    struct dbr_swarm_config good = world->config;
    good.identity = &key;
    struct dbr_swarm_config bad = good;
    bad.limits.connections = 0;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    bad = good;
    bad.limits.redial_max_ms = 1;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    bad = good;
    bad.n_protocols = 33;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    bad = good;
    bad.protocols = &protocol;
    bad.n_protocols = 1;
    assert_int_equal(dbr_swarm_create(&swarm, &bad, NULL, 0), DEBROS_EINVAL);
    for (size_t n = 0;; n++) {
        fault_after(n);
        int err = dbr_swarm_create(&swarm, &good, NULL, 0);
        if (!fault_off()) {
            assert_int_equal(err, 0);
            break;
        }
        assert_int_equal(err, DEBROS_ENOMEM);
    }
    dbr_swarm_destroy(swarm);
    pipe_destroy(world);
}

/* A connect, a stream with messages and a ping with every allocation failing once:
 * every request completes, nothing leaks, the sanitizer watches. */
static void short_memory_loses_no_completion(void **state)
{
    (void)state;
    for (size_t n = 0; n < 400; n++) {
        struct pipe_world *world = pipe_create(2);
        struct pipe_node *a = pipe_node(world, 1);
        struct pipe_node *b = pipe_node(world, 2);
        struct dbr_swarm_event event;
        uint64_t stream;
        fault_after(n);
        dbr_swarm_connect(a->swarm, &b->full_addr, 1, world->now);
        dbr_swarm_ping(a->swarm, &b->id, 2, world->now);
        bool told = dbr_swarm_poll(a->swarm, &event);
        if (told && event.type == DBR_SWARM_DIAL) {
            dbr_swarm_dialed(a->swarm, event.conn, world->now);
        }
        bool failed = fault_off();
        if (!failed && n > 8) {
            pipe_destroy(world);
            break;
        }
        bool dialed = told && event.type == DBR_SWARM_DIAL;
        bool pinged = told && event.type == DBR_SWARM_PING_DONE;
        bool done = told && event.type == DBR_SWARM_CONNECT_DONE;
        if (dialed) {
            dbr_swarm_closed(a->swarm, event.conn, world->now);
        }
        while (dbr_swarm_poll(a->swarm, &event)) {
            pinged = pinged || event.type == DBR_SWARM_PING_DONE;
            done = done || event.type == DBR_SWARM_CONNECT_DONE;
            if (event.type == DBR_SWARM_DIAL) {
                dbr_swarm_dial_failed(a->swarm, event.conn, "x", world->now);
            }
        }
        assert_true(pinged);
        assert_true(done);
        assert_int_equal(dbr_swarm_open(a->swarm, &stream, &b->id, 0, world->now),
                         DEBROS_EUNREACHABLE);
        pipe_destroy(world);
    }
}

static void a_handshake_survives_short_memory(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n += 3) {
        struct pipe_world *world = pipe_create(2);
        struct pipe_node *a = pipe_node(world, 1);
        struct pipe_node *b = pipe_node(world, 2);
        struct dbr_swarm_event event;
        dbr_swarm_connect(a->swarm, &b->full_addr, 1, world->now);
        pipe_run(world);
        pipe_forget(world);
        uint64_t stream = 0;
        fault_after(n);
        if (dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_MEMBER, world->now) == 0) {
            (void)dbr_swarm_send(a->swarm, stream, dbr_bytes_str("x"), world->now);
        }
        dbr_swarm_ping(a->swarm, &b->id, 2, world->now);
        bool more = dbr_swarm_poll(a->swarm, &event);
        (void)fault_off();
        bool pinged = more && event.type == DBR_SWARM_PING_DONE;
        if (more && event.type == DBR_SWARM_WRITE) {
            struct dbr_buf out = dbr_swarm_take_output(a->swarm, event.conn);
            dbr_swarm_recv(b->swarm, 1, dbr_bytes(out.data, out.len), world->now);
            dbr_swarm_written(a->swarm, event.conn, out.len, world->now);
            dbr_buf_finish(&out);
        }
        pipe_sleep(world, 30000);
        assert_true(pinged || pipe_count(a, DBR_SWARM_PING_DONE) == 1);
        pipe_destroy(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_told_at_both_ends),
        cmocka_unit_test(byte_by_byte_is_the_same),
        cmocka_unit_test(disconnect_is_polite_and_told),
        cmocka_unit_test(what_came_before_the_end_is_still_told),
        cmocka_unit_test(strangers_leave_in_time),
        cmocka_unit_test(a_raised_class_keeps_a_stranger),
        cmocka_unit_test(an_open_swarm_keeps_strangers),
        cmocka_unit_test(a_lowered_class_closes),
        cmocka_unit_test(a_lowered_class_ends_streams_in_an_open_swarm),
        cmocka_unit_test(protocols_ask_for_their_class),
        cmocka_unit_test(streams_need_a_connection),
        cmocka_unit_test(the_driver_may_name_what_is_gone),
        cmocka_unit_test(limits_hold_at_their_smallest),
        cmocka_unit_test(strangers_make_room_for_members),
        cmocka_unit_test(strangers_make_room_for_dials_to_members),
        cmocka_unit_test(times_hold_at_their_smallest),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(short_memory_loses_no_completion),
        cmocka_unit_test(a_handshake_survives_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
