#include "pipe.h"

#include "base/alloc.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_leave_in_time),
        cmocka_unit_test(an_open_swarm_keeps_strangers),
        cmocka_unit_test(times_hold_at_their_smallest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
