#include "test.h"

#include "kad_ask.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_of_a_lookup_ends),
        cmocka_unit_test(what_others_use_stays),
        cmocka_unit_test(connections_of_others_are_only_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
