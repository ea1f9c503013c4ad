#include "test.h"

#include "kad.h"

#define REQUEST 1000000 /* numbers that the machine does not know: it ignores their end */

static struct dbr_kad_link *link_of(size_t number)
{
    return kad_node(number)->link;
}

/* Node 1 asks `to` at its address, or at none. */
static void ask(uint64_t n, size_t to, bool with_addr, bool one_way)
{
    static const uint8_t find[] = {0x08, 4, 0x12, 1, 'x'}; /* FIND_NODE "x" */
    struct dbr_dht_event event = {.type = DBR_DHT_EVENT_SEND,
                                  .request = REQUEST + n,
                                  .one_way = one_way,
                                  .peer = pipe_node(kad_world, to)->id,
                                  .data = dbr_bytes(find, sizeof(find)),
                                  .addrs = &pipe_node(kad_world, to)->addr,
                                  .n_addrs = with_addr};
    dbr_kad_call_begin(link_of(1), &event, kad_world->now);
}

static void lone_link(size_t n, const struct dbr_kad_limits *limits)
{
    kad_up(n, 0, true);
    kad_join(1, true, limits);
}

static struct dbr_kad_limits defaults(void)
{
    struct dbr_kad_limits limits;
    dbr_kad_limits_default(&limits);
    return limits;
}

/* A bare swarm that does not speak the protocol is not probed. */
static void hide(size_t number)
{
    dbr_swarm_offer(pipe_node(kad_world, number)->swarm, 0, false);
}

static size_t n_calls(void)
{
    return HASH_COUNT(link_of(1)->calls);
}

static bool connected(size_t a, size_t b)
{
    return dbr_swarm_is_connected(pipe_node(kad_world, a)->swarm,
                                  &pipe_node(kad_world, b)->id);
}

static void dials_wait_for_each_other(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    limits.dials = 1;
    lone_link(4, &limits);
    pipe_node(kad_world, 2)->silent = true;
    for (size_t to = 2; to <= 4; to++) {
        ask(to, to, true, false);
    }
    ask(5, 2, true, false);
    pipe_run(kad_world);
    assert_int_equal(link_of(1)->n_dials, 1);
    assert_int_equal(n_calls(), 4);
    assert_false(connected(1, 3));
    pipe_sleep(kad_world, 10000); /* dial_ms of the swarm */
    assert_int_equal(link_of(1)->n_dials, 0);
    assert_true(connected(1, 3));
    assert_true(connected(1, 4));
    assert_int_equal(link_of(1)->waiting, 0);
    kad_down();
}

static void nobody_is_dialed_without_need(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    lone_link(3, &limits);
    ask(1, 2, false, false); /* nowhere to dial */
    dbr_swarm_set_class(pipe_node(kad_world, 1)->swarm, &pipe_node(kad_world, 3)->id,
                        DBR_PEER_MEMBER, kad_world->now);
    dbr_swarm_keep(pipe_node(kad_world, 1)->swarm, &pipe_node(kad_world, 3)->id, true,
                   kad_world->now);
    ask(2, 3, true, false); /* the swarm dials those by itself */
    pipe_run(kad_world);
    assert_int_equal(kad_world->n_dials, 0);
    assert_int_equal(n_calls(), 0);
    assert_null(link_of(1)->peers);
    link_of(1)->config.open = false;
    ask(3, 2, true, false);
    pipe_run(kad_world);
    assert_int_equal(kad_world->n_dials, 0);
    kad_down();
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    limits.waiting = 10; /* two of these requests */
    lone_link(2, &limits);
    pipe_node(kad_world, 2)->silent = true;
    for (uint64_t n = 1; n <= 3; n++) {
        ask(n, 2, true, false);
    }
    assert_int_equal(n_calls(), 2);
    assert_int_equal(link_of(1)->waiting, 10);
    kad_down();
}

static void the_next_address_is_tried(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    struct dbr_multiaddr addrs[2];
    lone_link(2, &limits);
    hide(2);
    assert_int_equal(dbr_multiaddr_parse(&addrs[0], "/ip4/10.0.0.77/tcp/1", NULL), 0);
    addrs[1] = pipe_node(kad_world, 2)->addr;
    struct dbr_dht_event event = {.type = DBR_DHT_EVENT_PING,
                                  .request = REQUEST,
                                  .peer = pipe_node(kad_world, 2)->id,
                                  .addrs = addrs,
                                  .n_addrs = 2};
    dbr_kad_call_begin(link_of(1), &event, kad_world->now);
    pipe_run(kad_world);
    assert_int_equal(kad_world->n_dials, 2);
    assert_true(connected(1, 2));
    assert_int_equal(n_calls(), 0); /* it was pinged, too */
    pipe_node(kad_world, 2)->down = true;
    dbr_swarm_disconnect(pipe_node(kad_world, 1)->swarm, &pipe_node(kad_world, 2)->id,
                         kad_world->now);
    pipe_run(kad_world);
    assert_null(link_of(1)->peers);
    dbr_kad_call_begin(link_of(1), &event, kad_world->now);
    pipe_run(kad_world);
    assert_int_equal(kad_world->n_dials, 4);
    assert_int_equal(n_calls(), 0);
    assert_null(link_of(1)->peers);
    kad_down();
}

static void an_idle_connection_of_a_lookup_ends(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    kad_up(2, 0, true);
    kad_join(1, true, &limits);
    kad_join(2, true, &limits);
    ask(1, 2, true, false);
    pipe_sleep(kad_world, 29000);
    assert_true(connected(1, 2));
    pipe_sleep(kad_world, 33000); /* its own lookups and what they leave behind */
    assert_false(connected(1, 2));
    assert_null(link_of(1)->peers);
    assert_null(link_of(1)->streams);
    kad_down();
}

static void what_others_use_stays(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    uint64_t stream;
    lone_link(3, &limits);
    hide(2);
    hide(3);
    ask(1, 2, true, false);
    ask(2, 3, true, false);
    pipe_run(kad_world);
    dbr_kad_call_cancel(link_of(1), REQUEST + 1, kad_world->now);
    dbr_kad_call_cancel(link_of(1), REQUEST + 2, kad_world->now);
    assert_int_equal(n_calls(), 0);
    dbr_kad_link_claim(link_of(1), &pipe_node(kad_world, 2)->id);
    assert_int_equal(dbr_swarm_open(pipe_node(kad_world, 3)->swarm, &stream,
                                    &pipe_node(kad_world, 1)->id, 0, kad_world->now),
                     0);
    pipe_sleep(kad_world, 120000);
    assert_true(connected(1, 2));
    assert_true(connected(1, 3));
    dbr_swarm_reset(pipe_node(kad_world, 3)->swarm, stream, kad_world->now);
    pipe_sleep(kad_world, 31000);
    assert_true(connected(1, 2));
    assert_false(connected(1, 3));
    kad_down();
}

/* A connection that was there before is none of ours. */
static void connections_of_others_are_only_used(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    lone_link(2, &limits);
    kad_connect(1, 2);
    size_t before = n_calls(); /* it is probed */
    ask(1, 2, true, false);
    assert_int_equal(n_calls(), before + 1);
    dbr_kad_call_cancel(link_of(1), REQUEST + 1, kad_world->now);
    pipe_sleep(kad_world, 120000);
    assert_true(connected(1, 2));
    kad_down();
}

/* Node 2 is a bare swarm: streams stay open and are never answered. */
static void a_cancelled_request_leaves_no_stream(void **state)
{
    (void)state;
    struct dbr_kad_limits limits = defaults();
    struct dbr_peer_info info;
    lone_link(2, &limits);
    ask(1, 2, true, false);
    pipe_run(kad_world);
    struct dbr_swarm *swarm = pipe_node(kad_world, 2)->swarm;
    const struct dbr_peer_id *one = &pipe_node(kad_world, 1)->id;
    size_t probes = n_calls() - 1;
    assert_true(dbr_swarm_peer_info(swarm, one, &info));
    assert_int_equal(info.n_streams, 1 + probes);
    dbr_kad_call_cancel(link_of(1), REQUEST + 1, kad_world->now);
    pipe_run(kad_world);
    assert_true(dbr_swarm_peer_info(swarm, one, &info));
    assert_int_equal(info.n_streams, probes);
    kad_down();
}

/* Node 2 accepts one stream and says of itself that it does not: so it is not probed. */
static const struct pipe_event *ask_bare(bool one_way)
{
    struct dbr_kad_limits limits = defaults();
    struct pipe_node *two;
    lone_link(2, &limits);
    two = pipe_node(kad_world, 2);
    hide(2);
    kad_connect(1, 2);
    dbr_swarm_offer(two->swarm, 0, true);
    ask(1, 2, true, one_way);
    pipe_run(kad_world);
    hide(2);
    assert_int_equal(n_calls(), 1);
    assert_int_equal(pipe_count(two, DBR_SWARM_STREAM_OPENED), 1);
    return pipe_event(two, DBR_SWARM_STREAM_OPENED, 0);
}

static void one_way_ends_when_the_other_side_has_closed(void **state)
{
    (void)state;
    const struct pipe_event *opened = ask_bare(true);
    dbr_swarm_finish(pipe_node(kad_world, 2)->swarm, opened->event.stream,
                     kad_world->now);
    pipe_run(kad_world);
    assert_int_equal(n_calls(), 0);
    assert_null(link_of(1)->streams);
    kad_down();
}

/* An answer, and then the other side does not close its end. */
static void a_stream_does_not_linger_for_ever(void **state)
{
    (void)state;
    const struct pipe_event *opened = ask_bare(false);
    struct pipe_node *two = pipe_node(kad_world, 2);
    assert_int_equal(dbr_swarm_send(two->swarm, opened->event.stream, dbr_bytes("x", 1),
                                    kad_world->now),
                     0);
    pipe_run(kad_world);
    assert_int_equal(n_calls(), 0);
    assert_int_equal(HASH_COUNT(link_of(1)->streams), 1);
    pipe_sleep(kad_world, 10000);
    assert_null(link_of(1)->streams);
    assert_int_equal(pipe_count(two, DBR_SWARM_STREAM_CLOSED), 1);
    kad_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dials_wait_for_each_other),
        cmocka_unit_test(nobody_is_dialed_without_need),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(the_next_address_is_tried),
        cmocka_unit_test(an_idle_connection_of_a_lookup_ends),
        cmocka_unit_test(what_others_use_stays),
        cmocka_unit_test(connections_of_others_are_only_used),
        cmocka_unit_test(a_cancelled_request_leaves_no_stream),
        cmocka_unit_test(one_way_ends_when_the_other_side_has_closed),
        cmocka_unit_test(a_stream_does_not_linger_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
