#include "pipe.h"

#include "base/alloc.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disconnect_is_polite_and_told),
        cmocka_unit_test(a_raised_class_keeps_a_stranger),
        cmocka_unit_test(a_lowered_class_closes),
        cmocka_unit_test(a_lowered_class_ends_streams_in_an_open_swarm),
        cmocka_unit_test(streams_need_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
