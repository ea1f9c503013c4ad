#include "pipe.h"

#include "base/alloc.h"
#include "swarm/dialer.h"

static void back_off_doubles_within_its_bounds(void **state)
{
    (void)state;
    static const uint32_t expected[] = {250, 500, 1000, 2000, 4000, 8000, 10000, 10000};
    struct dbr_rng rng;
    bool varies = false;
    dbr_rng_seed(&rng, 1);
    for (int round = 0; round < 100; round++) {
        struct dbr_redial redial = {.at = DBR_TIME_NEVER};
        for (size_t i = 0; i < DBR_COUNT(expected); i++) {
            dbr_redial_back_off(&redial, 250, 10000, &rng, 5000);
            assert_true(redial.at >= 5000 + expected[i] / 2);
            assert_true(redial.at <= 5000 + expected[i]);
            varies = varies || redial.at != 5000 + expected[i];
        }
    }
    assert_true(varies);
}

static const struct pipe_event *connect_to(struct pipe_world *world, const char *text)
{
    struct pipe_node *a = pipe_node(world, 1);
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    dbr_swarm_connect(a->swarm, &addr, 5, world->now);
    pipe_run(world);
    return pipe_event(a, DBR_SWARM_CONNECT_DONE, 0);
}

static void a_refused_dial_says_where_and_why(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(1);
    const struct pipe_event *done = connect_to(world, "/ip4/10.0.0.9/tcp/4001");
    assert_non_null(done);
    assert_int_equal(done->event.status, DEBROS_EUNREACHABLE);
    assert_int_equal(done->event.token, 5);
    assert_string_equal(done->detail, "/ip4/10.0.0.9/tcp/4001: connection refused");
    pipe_destroy(world);
}

static void a_silent_address_times_out(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    pipe_node(world, 2)->silent = true;
    assert_null(connect_to(world, "/ip4/10.0.0.2/tcp/4001"));
    pipe_sleep(world, 9999);
    assert_null(pipe_event(pipe_node(world, 1), DBR_SWARM_CONNECT_DONE, 0));
    pipe_sleep(world, 1);
    const struct pipe_event *done =
        pipe_event(pipe_node(world, 1), DBR_SWARM_CONNECT_DONE, 0);
    assert_non_null(done);
    assert_int_equal(done->event.status, DEBROS_ETIMEDOUT);
    assert_string_equal(done->detail,
                        "/ip4/10.0.0.2/tcp/4001: no TCP connection in 10000 ms");
    pipe_destroy(world);
}

static void a_silent_handshake_times_out(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    world->hold = true;
    dbr_swarm_connect(pipe_node(world, 1)->swarm, &pipe_node(world, 2)->full_addr, 5,
                      world->now);
    pipe_sleep(world, 10001);
    const struct pipe_event *done =
        pipe_event(pipe_node(world, 1), DBR_SWARM_CONNECT_DONE, 0);
    assert_non_null(done);
    assert_int_equal(done->event.status, DEBROS_ETIMEDOUT);
    world->hold = false;
    pipe_sleep(world, 5000);
    assert_int_equal(pipe_open_links(world), 0);
    pipe_destroy(world);
}

static void another_peer_than_the_expected_one_is_refused(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(3);
    struct pipe_node *a = pipe_node(world, 1);
    struct dbr_multiaddr addr = pipe_node(world, 2)->addr;
    char expected[DBR_PEER_ID_TEXT_SIZE];
    char found[DBR_PEER_ID_TEXT_SIZE];
    dbr_multiaddr_set_peer(&addr, &pipe_node(world, 3)->id);
    dbr_swarm_connect(a->swarm, &addr, 5, world->now);
    pipe_run(world);
    const struct pipe_event *done = pipe_event(a, DBR_SWARM_CONNECT_DONE, 0);
    assert_int_equal(done->event.status, DEBROS_EAUTH);
    dbr_peer_id_text(&pipe_node(world, 3)->id, expected);
    dbr_peer_id_text(&pipe_node(world, 2)->id, found);
    assert_non_null(strstr(done->detail, expected));
    assert_non_null(strstr(done->detail, found));
    assert_non_null(strstr(done->detail, "/ip4/10.0.0.2/tcp/4001"));
    assert_int_equal(pipe_count(a, DBR_SWARM_CONNECTED), 0);
    assert_int_equal(pipe_open_links(world), 0);
    pipe_destroy(world);
}

static void one_does_not_dial_oneself(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(1);
    struct pipe_node *a = pipe_node(world, 1);
    dbr_swarm_connect(a->swarm, &a->full_addr, 5, world->now);
    dbr_swarm_connect(a->swarm, &a->addr, 6, world->now); /* found out by the handshake */
    pipe_run(world);
    const struct pipe_event *by_id = pipe_event(a, DBR_SWARM_CONNECT_DONE, 0);
    const struct pipe_event *by_key = pipe_event(a, DBR_SWARM_CONNECT_DONE, 1);
    assert_int_equal(by_id->event.status, DEBROS_EINVAL);
    assert_non_null(strstr(by_id->detail, "this node itself"));
    assert_int_equal(by_key->event.status, DEBROS_EINVAL);
    assert_string_equal(by_key->detail,
                        "/ip4/10.0.0.1/tcp/4001: this node itself answers there");
    assert_int_equal(pipe_count(a, DBR_SWARM_CONNECTED), 0);
    pipe_destroy(world);
}

static void connects_join_an_attempt_and_a_connection(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_multiaddr wrong = b->full_addr;
    wrong.bytes[4] ^= 0x40; /* another address, the same peer */
    for (uint64_t token = 1; token <= 3; token++) {
        dbr_swarm_connect(a->swarm, &b->full_addr, token, world->now);
    }
    dbr_swarm_connect(a->swarm, &wrong, 4, world->now);
    pipe_run(world);
    dbr_swarm_connect(a->swarm, &b->full_addr, 5, world->now);
    dbr_swarm_connect(a->swarm, &b->addr, 6, world->now);
    pipe_run(world);
    assert_int_equal(world->n_dials, 1);
    assert_int_equal(pipe_count(a, DBR_SWARM_CONNECT_DONE), 6);
    for (size_t i = 0; i < 6; i++) {
        const struct pipe_event *done = pipe_event(a, DBR_SWARM_CONNECT_DONE, i);
        assert_int_equal(done->event.token, i + 1);
        assert_int_equal(done->event.status, 0);
        assert_true(dbr_peer_id_equal(&done->event.peer, &b->id));
    }
    assert_int_equal(pipe_count(a, DBR_SWARM_CONNECTED), 1);
    pipe_destroy(world);
}

static void who_joined_gets_its_own_address_tried(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_multiaddr wrong;
    assert_int_equal(dbr_multiaddr_parse(&wrong, "/ip4/10.0.0.77/tcp/4001", NULL), 0);
    assert_int_equal(dbr_multiaddr_set_peer(&wrong, &b->id), 0);
    dbr_swarm_connect(a->swarm, &wrong, 1, world->now);
    dbr_swarm_connect(a->swarm, &b->full_addr, 2, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.token, 1);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.status,
                     DEBROS_EUNREACHABLE);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.token, 2);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status, 0);
    pipe_destroy(world);
}

static void a_bare_id_uses_known_addresses(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_multiaddr bare = {0};
    assert_int_equal(dbr_multiaddr_set_peer(&bare, &b->id), 0);
    dbr_swarm_connect(a->swarm, &bare, 1, world->now);
    dbr_swarm_give_addrs(a->swarm, &b->id, &b->addr, 1, world->now);
    dbr_swarm_connect(a->swarm, &bare, 2, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.status,
                     DEBROS_EUNREACHABLE);
    assert_non_null(
        strstr(pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->detail, "no address"));
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status, 0);
    pipe_destroy(world);
}

/* One after the other, until one answers, or the last has failed. */
static void a_bare_id_tries_all_addresses(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_multiaddr bare = {0};
    struct dbr_multiaddr both[2] = {{0}, b->addr};
    assert_int_equal(dbr_multiaddr_parse(&both[0], "/ip4/10.0.0.77/tcp/4001", NULL), 0);
    assert_int_equal(dbr_multiaddr_set_peer(&bare, &b->id), 0);
    dbr_swarm_give_addrs(a->swarm, &b->id, both, 2, world->now);
    b->down = true;
    dbr_swarm_connect(a->swarm, &bare, 1, world->now);
    dbr_swarm_connect(a->swarm, &bare, 2, world->now);
    pipe_run(world);
    assert_int_equal(world->n_dials, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct pipe_event *done = pipe_event(a, DBR_SWARM_CONNECT_DONE, i);
        assert_int_equal(done->event.status, DEBROS_EUNREACHABLE);
        assert_string_equal(done->detail, "/ip4/10.0.0.2/tcp/4001: connection refused");
    }
    b->down = false;
    dbr_swarm_connect(a->swarm, &bare, 3, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 2)->event.status, 0);
    pipe_destroy(world);
}

/* What somebody said is tried once; what the peer itself said is kept for later. */
static void a_hint_is_good_for_one_dial(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_multiaddr known[8];
    struct dbr_multiaddr bare = {0};
    assert_int_equal(dbr_multiaddr_set_peer(&bare, &b->id), 0);
    dbr_swarm_hint(a->swarm, &b->id, &b->addr, 1, world->now);
    b->down = true;
    dbr_swarm_connect(a->swarm, &bare, 1, world->now);
    pipe_run(world);
    assert_int_equal(dbr_swarm_dial_addrs(a->swarm, &b->id, known, 8), 0);
    b->down = false;
    dbr_swarm_hint(a->swarm, &b->id, &b->addr, 1, world->now);
    assert_int_equal(dbr_swarm_known_addrs(a->swarm, &b->id, known, 8), 0);
    dbr_swarm_connect(a->swarm, &bare, 2, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status, 0);
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    pipe_run(world);
    assert_int_equal(dbr_swarm_known_addrs(a->swarm, &b->id, known, 8), 1);
    pipe_destroy(world);
}

static void disconnect_cancels_an_attempt(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    b->silent = true;
    dbr_swarm_connect(a->swarm, &b->full_addr, 1, world->now);
    pipe_run(world);
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 0)->event.status,
                     DEBROS_ECANCELED);
    dbr_swarm_connect(a->swarm, &b->full_addr, 2, world->now);
    dbr_swarm_disconnect(a->swarm, &b->id, world->now); /* before the driver knew */
    pipe_run(world);
    assert_int_equal(pipe_event(a, DBR_SWARM_CONNECT_DONE, 1)->event.status,
                     DEBROS_ECANCELED);
    assert_int_equal(world->n_dials, 1);
    pipe_destroy(world);
}

static void a_kept_peer_is_dialed_until_it_answers(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    b->down = true;
    dbr_swarm_keep(a->swarm, &b->id, true, world->now);
    pipe_sleep(world, 60000);
    assert_int_equal(world->n_dials, 0); /* no address */
    dbr_swarm_give_addrs(a->swarm, &b->id, &b->addr, 1, world->now);
    pipe_sleep(world, 0);
    assert_int_equal(world->n_dials, 1);
    pipe_sleep(world, 15750); /* 250 to 8,000, less up to a half of each */
    assert_in_range(world->n_dials, 7, 9);
    size_t before = world->n_dials;
    pipe_sleep(world, 100000); /* 10,000, less up to a half */
    assert_in_range(world->n_dials - before, 10, 21);
    b->down = false;
    pipe_sleep(world, 10000);
    assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
    before = world->n_dials;
    pipe_sleep(world, 20000);
    assert_int_equal(world->n_dials, before);
    pipe_break(world, world->n_links - 1);
    assert_false(dbr_swarm_is_connected(a->swarm, &b->id));
    pipe_sleep(world, 250); /* it had lived long: the back-off begins anew */
    assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
    dbr_swarm_keep(a->swarm, &b->id, false, world->now);
    dbr_swarm_disconnect(a->swarm, &b->id, world->now);
    before = world->n_dials;
    pipe_sleep(world, 60000);
    assert_int_equal(world->n_dials, before);
    pipe_destroy(world);
}

static void all_addresses_are_tried_before_a_pause(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    struct dbr_multiaddr wrong;
    assert_int_equal(dbr_multiaddr_parse(&wrong, "/ip4/10.0.0.77/tcp/4001", NULL), 0);
    struct dbr_multiaddr both[] = {wrong, b->addr};
    dbr_swarm_give_addrs(a->swarm, &b->id, both, 2, world->now);
    dbr_swarm_keep(a->swarm, &b->id, true, world->now);
    pipe_sleep(world, 0);
    assert_int_equal(world->n_dials, 2);
    assert_true(dbr_swarm_is_connected(a->swarm, &b->id));
    pipe_destroy(world);
}

static void a_peer_that_drops_us_at_once_is_not_hammered(void **state)
{
    (void)state;
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    pipe_init(world);
    world->config.limits.stranger_ms = 10;
    pipe_start(world, 2);
    struct pipe_node *a = pipe_node(world, 1);
    struct pipe_node *b = pipe_node(world, 2);
    dbr_swarm_give_addrs(a->swarm, &b->id, &b->addr, 1, world->now);
    dbr_swarm_set_class(a->swarm, &b->id, DBR_PEER_MEMBER, world->now);
    dbr_swarm_keep(a->swarm, &b->id, true, world->now);
    pipe_sleep(world, 60000);
    assert_in_range(world->n_dials, 8, 20);
    pipe_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_off_doubles_within_its_bounds),
        cmocka_unit_test(a_refused_dial_says_where_and_why),
        cmocka_unit_test(a_silent_address_times_out),
        cmocka_unit_test(a_silent_handshake_times_out),
        cmocka_unit_test(another_peer_than_the_expected_one_is_refused),
        cmocka_unit_test(one_does_not_dial_oneself),
        cmocka_unit_test(connects_join_an_attempt_and_a_connection),
        cmocka_unit_test(who_joined_gets_its_own_address_tried),
        cmocka_unit_test(a_bare_id_uses_known_addresses),
        cmocka_unit_test(a_bare_id_tries_all_addresses),
        cmocka_unit_test(a_hint_is_good_for_one_dial),
        cmocka_unit_test(disconnect_cancels_an_attempt),
        cmocka_unit_test(a_kept_peer_is_dialed_until_it_answers),
        cmocka_unit_test(all_addresses_are_tried_before_a_pause),
        cmocka_unit_test(a_peer_that_drops_us_at_once_is_not_hammered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
