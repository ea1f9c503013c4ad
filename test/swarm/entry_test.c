#include "pipe.h"

#include "base/alloc.h"
#include "swarm/state.h"

static struct pipe_world *closed_world(size_t n)
{
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    pipe_start(world, n);
    return world;
}

/* In a closed swarm: until it is known, a stranger leaves no trace. */
static void strangers_have_no_entry(void **state)
{
    (void)state;
    struct pipe_world *world = closed_world(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_STRANGER, world->now);
    pipe_connect(world, 1, 2);
    assert_null(dbr_book_find(&b->swarm->book, &a->id));
    dbr_swarm_hint(b->swarm, &a->id, &a->addr, 1, world->now);
    assert_null(dbr_book_find(&b->swarm->book, &a->id));
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_MEMBER, world->now);
    const struct dbr_book_peer *entry = dbr_book_find(&b->swarm->book, &a->id);
    assert_non_null(entry); /* with all that was told before */
    assert_true(entry->is_connected);
    assert_string_equal(pipe_addrs(b, &a->id), "/ip4/10.0.0.1/tcp/4001");
    pipe_destroy(world);
}

static void it_is_noted_how_it_went(void **state)
{
    (void)state;
    struct pipe_world *world = closed_world(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_wall(a->swarm, 1700000000000);
    b->down = true;
    dbr_swarm_set_class(a->swarm, &b->id, DBR_PEER_MEMBER, world->now);
    dbr_swarm_give_addrs(a->swarm, &b->id, &b->addr, 1, world->now);
    for (uint64_t token = 1; token <= 2; token++) {
        dbr_swarm_connect(a->swarm, &b->full_addr, token, world->now);
        pipe_run(world);
    }
    const struct dbr_book_peer *entry = dbr_book_find(&a->swarm->book, &b->id);
    assert_int_equal(entry->failures, 2);
    assert_int_equal(entry->seen_ms, 0);
    b->down = false;
    dbr_swarm_set_class(b->swarm, &a->id, DBR_PEER_MEMBER, world->now);
    pipe_forget(world);
    pipe_connect(world, 1, 2);
    dbr_swarm_ping(a->swarm, &b->id, 9, world->now);
    pipe_run(world);
    assert_int_equal(entry->failures, 0);
    assert_int_equal(entry->successes, 1);
    assert_int_equal(entry->seen_ms, 1700000000000);
    assert_int_equal(entry->rtt_us, 1000);
    /* A dial that we gave up ourselves is no failure of theirs. */
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    pipe_run(world);
    b->silent = true;
    dbr_swarm_connect(a->swarm, &b->full_addr, 3, world->now);
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    pipe_run(world);
    assert_int_equal(entry->failures, 0);
    assert_false(entry->is_connected);
    pipe_destroy(world);
}

static void the_book_outlives_the_swarm(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(3);
    struct pipe_node *a = pipe_node(world, 1);
    struct dbr_buf bytes = {0};
    dbr_swarm_wall(a->swarm, 1700000000000);
    pipe_connect(world, 1, 2);
    pipe_connect(world, 1, 3);
    uint64_t changes = dbr_swarm_book_changes(a->swarm);
    assert_int_equal(dbr_swarm_save_book(a->swarm, &bytes, world->now), 0);
    assert_int_equal(dbr_swarm_book_changes(a->swarm), changes);
    pipe_destroy(world);
    world = pipe_create(1);
    a = pipe_node(world, 1);
    dbr_swarm_wall(a->swarm, 1700000000000 + 3600000);
    bytes.data[20] ^= 1;
    assert_int_equal(
        dbr_swarm_load_book(a->swarm, dbr_bytes(bytes.data, bytes.len), world->now),
        DEBROS_EPROTO);
    assert_int_equal(dbr_swarm_known_count(a->swarm), 0);
    bytes.data[20] ^= 1;
    assert_int_equal(
        dbr_swarm_load_book(a->swarm, dbr_bytes(bytes.data, bytes.len), world->now), 0);
    assert_int_equal(dbr_swarm_known_count(a->swarm), 2);
    dbr_buf_finish(&bytes);
    pipe_destroy(world);
}

/* Somebody who names others' addresses by the thousand fills no more than the hints'. */
static void hints_are_bounded(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    struct dbr_multiaddr addr;
    pipe_init(world);
    world->config.open = true;
    pipe_start(world, 1);
    struct dbr_swarm *swarm = pipe_node(world, 1)->swarm;
    assert_int_equal(dbr_multiaddr_parse(&addr, "/ip4/10.4.4.4/tcp/4", NULL), 0);
    for (uint32_t i = 1; i <= 10000; i++) {
        uint8_t key[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
        struct dbr_peer_id id;
        dbr_peer_id_from_key(&id, key);
        dbr_swarm_hint(swarm, &id, &addr, 1, world->now);
    }
    assert_int_equal(dbr_swarm_known_count(swarm), 2048);
    assert_int_equal(swarm->book.stats.evicted, 10000 - 2048);
    pipe_sleep(world, 11u * 60000);
    assert_int_equal(dbr_swarm_known_count(swarm), 0);
    pipe_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_have_no_entry),
        cmocka_unit_test(it_is_noted_how_it_went),
        cmocka_unit_test(the_book_outlives_the_swarm),
        cmocka_unit_test(hints_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
