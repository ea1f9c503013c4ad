#include "test.h"

#include "kad_ask.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dials_wait_for_each_other),
        cmocka_unit_test(nobody_is_dialed_without_need),
        cmocka_unit_test(the_next_address_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
