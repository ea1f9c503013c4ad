#include "pipe.h"

#include "fault.h"

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
        cmocka_unit_test(what_came_before_the_end_is_still_told),
        cmocka_unit_test(short_memory_loses_no_completion),
        cmocka_unit_test(a_handshake_survives_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
