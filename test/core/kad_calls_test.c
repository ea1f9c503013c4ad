#include "test.h"

#include "kad_ask.h"

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
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(a_cancelled_request_leaves_no_stream),
        cmocka_unit_test(one_way_ends_when_the_other_side_has_closed),
        cmocka_unit_test(a_stream_does_not_linger_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
