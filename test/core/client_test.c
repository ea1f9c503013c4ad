/* How a client finds members, stays with them, and leaves them. */
#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

/* The client begins anew and is given the addresses of these members. */
static struct dbr_core *restart_client(const int *given, size_t n)
{
    struct sim_node *node = &f.world.nodes[f.client];
    sim_crash_node(&f.world, f.client, false);
    node->n_members = n;
    for (size_t i = 0; i < n; i++) {
        node->members[i] = f.world.nodes[given[i]].addr;
    }
    sim_start_node(&f.world, f.client);
    return node->core;
}

static bool is_route(const struct dbr_core *client, int node)
{
    return dbr_peer_id_equal(&client->route, &f.world.nodes[node].id);
}

static void a_refused_first_dial_is_tried_again(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    sim_crash_node(&f.world, 0, false);
    struct dbr_core *client = restart_client((int[]){0}, 1);
    sim_step_until(&f.world, f.world.now + 9000);
    assert_false(client->is_fatal || client->is_ready);
    sim_start_node(&f.world, 0);
    sim_step_until(&f.world, f.world.now + 8000);
    assert_true(client->is_ready);
    assert_int_equal(fixture_status(&f, f.client, DBR_REQUEST_QUERY, "SELECT 1"), 0);
    fixture_down(&f);
}

static void the_connect_timeout_ends_it_and_says_what_was_tried(void **state)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    (void)state;
    fixture_up(&f, 2);
    sim_crash_node(&f.world, 0, false);
    sim_crash_node(&f.world, 1, false);
    struct dbr_core *client = restart_client((int[]){0, 1}, 2);
    sim_step_until(&f.world, f.world.now + 29000);
    assert_false(client->is_fatal);
    sim_step_until(&f.world, f.world.now + 1100);
    assert_true(client->is_fatal);
    for (int i = 0; i < 2; i++) {
        struct dbr_multiaddr addr = f.world.nodes[i].addr;
        dbr_multiaddr_cut_peer(&addr);
        dbr_multiaddr_text(&addr, text);
        assert_non_null(strstr(client->detail.text, text));
    }
    assert_non_null(strstr(client->detail.text, "connection refused"));
    fixture_down(&f);
}

static void the_members_are_learned_and_the_pool_is_small(void **state)
{
    (void)state;
    fixture_up(&f, 5);
    int leader = fixture_leader(&f);
    struct dbr_core *client = restart_client((int[]){(leader + 1) % 3}, 1);
    sim_step_until(&f.world, f.world.now + 5000);
    assert_int_equal(client->contacts.n, 5);
    assert_int_equal(dbr_swarm_connected_count(client->swarm), 3);
    assert_true(is_route(client, leader));
    fixture_down(&f);
}

/* Its only given member is gone for good: those that it learned serve on. */
static void a_client_goes_to_those_that_it_learned(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    struct dbr_core *client = restart_client((int[]){leader}, 1);
    sim_step_until(&f.world, f.world.now + 1000);
    assert_true(is_route(client, leader));
    sim_crash_node(&f.world, leader, false);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            fixture_status(&f, f.client, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"),
            0);
    }
    assert_false(is_route(client, leader));
    assert_int_equal(fixture_number(&f, f.client, "SELECT count(*) FROM t"), 5);
    fixture_down(&f);
}

/* The member's machine is there, its process is not: no byte comes, none is refused. */
static void a_member_that_hangs_is_left(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    struct dbr_core *client = restart_client((int[]){leader}, 1);
    sim_step_until(&f.world, f.world.now + 4000);
    assert_true(is_route(client, leader));
    f.world.group[leader] = 1;
    struct sim_op *op = sim_test_op(&f.world, f.client, DBR_REQUEST_EXEC);
    op->statements[0].sql = "INSERT INTO t(id) VALUES(1)";
    dbr_time began = f.world.now;
    assert_int_equal(sim_test_run(&f.world, op, 20000), 0);
    assert_true(f.world.now - began < 10000);
    sim_op_free(op);
    f.world.group[leader] = 0;
    sim_step_until(&f.world, f.world.now + 5000);
    assert_int_equal(fixture_number(&f, f.client, "SELECT count(*) FROM t"), 1);
    fixture_down(&f);
}

/* It answers pings, and no request: it is on the wrong side. */
static void a_member_that_only_lives_is_left(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    int other = (leader + 1) % 3;
    struct dbr_core *client = restart_client((int[]){other}, 1);
    sim_step_until(&f.world, f.world.now + 4000);
    client->leader = (struct dbr_peer_id){0};
    client->leader_term = UINT64_MAX; /* and nobody tells who leads */
    client->route = f.world.nodes[other].id;
    f.world.nodes[other].core->config.bare = false;
    for (struct sim_link *link = f.world.links; link != NULL; link = link->next) {
        if (link->node[0] < 3 && link->node[1] < 3 &&
            (link->node[0] == other || link->node[1] == other)) {
            link->delay_ms = 1000000; /* the members do not hear each other any more */
        }
    }
    assert_int_equal(
        fixture_status(&f, f.client, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    assert_false(is_route(client, other));
    fixture_down(&f);
}

static void a_member_without_a_vote_redirects(void **state)
{
    (void)state;
    fixture_up(&f, 4);
    int leader = fixture_leader(&f);
    struct dbr_core *client = restart_client((int[]){3}, 1);
    sim_step_until(&f.world, f.world.now + 500);
    assert_true(is_route(client, 3)); /* it does not look around yet */
    assert_int_equal(
        fixture_status(&f, f.client, DBR_REQUEST_EXEC, "INSERT INTO t(id) VALUES(1)"), 0);
    assert_true(is_route(client, leader));
    assert_int_equal(fixture_number(&f, 3, "SELECT count(*) FROM t"), 1);
    fixture_down(&f);
}

/* The members tell by themselves who leads now. */
static void a_client_follows_the_leader(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    struct dbr_core *client = restart_client((int[]){0}, 1);
    sim_step_until(&f.world, f.world.now + 4000);
    int leader = fixture_leader(&f);
    assert_true(is_route(client, leader));
    int next = (leader + 1) % 3;
    assert_int_equal(dbr_consensus_transfer(f.world.nodes[leader].core->consensus,
                                            dbr_server_id(&f.world.nodes[next].id),
                                            f.world.now),
                     0);
    sim_drain(&f.world, leader);
    sim_step_until(&f.world, f.world.now + 2000);
    assert_int_equal(fixture_leader(&f), next);
    assert_true(is_route(client, next));
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_first_dial_is_tried_again),
        cmocka_unit_test(the_connect_timeout_ends_it_and_says_what_was_tried),
        cmocka_unit_test(the_members_are_learned_and_the_pool_is_small),
        cmocka_unit_test(a_client_goes_to_those_that_it_learned),
        cmocka_unit_test(a_member_that_hangs_is_left),
        cmocka_unit_test(a_member_that_only_lives_is_left),
        cmocka_unit_test(a_member_without_a_vote_redirects),
        cmocka_unit_test(a_client_follows_the_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
