#include "pipe.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocols_ask_for_their_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
