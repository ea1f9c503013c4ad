#include "pipe.h"

static void the_driver_may_name_what_is_gone(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(1);
    struct dbr_swarm *swarm = pipe_node(world, 1)->swarm;
    pipe_run(world);
    pipe_forget(world);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_driver_may_name_what_is_gone),
        cmocka_unit_test(byte_by_byte_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
