#include "pipe.h"
#include "raw.h"

static void output_is_bounded_until_written(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_swarm_event event;
    static const uint8_t body[200000];
    uint64_t stream;
    size_t taken = 0;
    size_t last = 0;
    pipe_connect(world, 1, 2);
    /* Nothing is reported as written: output stops at one megabyte. */
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(
            dbr_swarm_open(a->swarm, &stream, &b->id, PIPE_CLIENT, world->now), 0);
        assert_int_equal(
            dbr_swarm_send(a->swarm, stream, dbr_bytes(body, sizeof(body)), world->now),
            0);
        while (dbr_swarm_poll(a->swarm, &event)) {
            assert_int_equal(event.type, DBR_SWARM_WRITE);
            struct dbr_buf out = dbr_swarm_take_output(a->swarm, event.conn);
            last = out.len;
            taken += out.len;
            assert_true(last > 0);
            dbr_buf_finish(&out);
        }
    }
    assert_int_equal(taken, 1u << 20);
    dbr_swarm_written(a->swarm, 2, 1000, world->now);
    assert_true(dbr_swarm_poll(a->swarm, &event));
    assert_int_equal(event.type, DBR_SWARM_WRITE);
    struct dbr_buf out = dbr_swarm_take_output(a->swarm, event.conn);
    assert_int_equal(out.len, 1000);
    dbr_buf_finish(&out);
    assert_false(dbr_swarm_poll(a->swarm, &event));
    pipe_destroy(world);
}

static void a_close_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    pipe_connect(world, 1, 2);
    a->stalled = true; /* its GoAway never leaves */
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    pipe_sleep(world, 1999);
    assert_true(world->links[0].open[0]);
    pipe_sleep(world, 1);
    assert_false(world->links[0].open[0]);
    pipe_destroy(world);
}

static void goaway_ends_new_streams_only(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct dbr_swarm *swarm = raw->node->swarm;
    uint64_t stream;
    uint64_t other;
    assert_int_equal(
        dbr_swarm_open(swarm, &stream, &raw->id, PIPE_MEMBER, raw->world->now), 0);
    raw_run(raw);
    dbr_stack_goaway(raw->stack);
    raw_run(raw);
    assert_int_equal(
        dbr_swarm_open(swarm, &other, &raw->id, PIPE_MEMBER, raw->world->now),
        DEBROS_EUNREACHABLE);
    assert_int_equal(
        dbr_swarm_send(swarm, stream, dbr_bytes_str("last"), raw->world->now), 0);
    raw_run(raw);
    assert_int_equal(raw_find(raw, "/test/member", 0)->data.len, 5);
    assert_false(raw->world->raw_closed);
    dbr_swarm_finish(swarm, stream, raw->world->now);
    raw_run(raw);
    dbr_stack_finish(raw->stack, raw_find(raw, "/test/member", 0)->id);
    raw_run(raw);
    assert_true(raw->world->raw_closed);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_DISCONNECTED), 1);
    raw_destroy(raw);
}

static void garbage_ends_one_connection_with_one_line(void **state)
{
    (void)state;
    struct raw *raw = raw_create(true);
    struct pipe_world *world = raw->world;
    char id[DBR_PEER_ID_TEXT_SIZE];
    size_t before = world->n_log;
    dbr_swarm_recv(raw->node->swarm, raw->conn, dbr_bytes_str("\0\5hello"), world->now);
    dbr_swarm_recv(raw->node->swarm, raw->conn, dbr_bytes("\0\1xxxxxxxxxxxxxxxxxxxx", 22),
                   world->now);
    raw->err = DEBROS_EPROTO; /* hang up */
    raw_run(raw);
    assert_true(world->raw_closed);
    assert_int_equal(pipe_count(raw->node, DBR_SWARM_DISCONNECTED), 1);
    assert_int_equal(world->n_log, before + 1);
    assert_true(pipe_logged(world, "connection from /ip4/10.0.0.99/tcp/999/p2p/"));
    assert_true(pipe_logged(world, dbr_peer_id_text(&raw->id, id)));
    raw_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_bounded_until_written),
        cmocka_unit_test(a_close_does_not_wait_for_ever),
        cmocka_unit_test(goaway_ends_new_streams_only),
        cmocka_unit_test(garbage_ends_one_connection_with_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
