#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static void each_follower_has_one_stream_of_ours(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    struct dbr_raft_link *link;
    struct dbr_raft_link *tmp;
    int n = 0;
    HASH_ITER(hh, f.world.nodes[leader].core->links, link, tmp)
    {
        n += link->stream != 0;
    }
    assert_int_equal(n, 2);
    fixture_down(&f);
}

/* A node that speaks for another cluster is heard by nobody, although it is a member. */
static void another_clusters_messages_are_refused(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    struct dbr_core *core = f.world.nodes[2].core;
    struct dbr_raft_link *link;
    struct dbr_raft_link *tmp;
    core->config.cluster_id[0] ^= 1;
    HASH_ITER(hh, core->links, link, tmp)
    {
        if (link->stream != 0) {
            dbr_swarm_reset(core->swarm, link->stream, f.world.now);
        }
    }
    sim_drain(&f.world, 2);
    sim_step_until(&f.world, f.world.now + 1000);
    int leader = fixture_leader(&f);
    unsigned inbound = HASH_COUNT(f.world.nodes[leader].core->inbound);
    assert_true(leader == 2 || inbound == 1);
    fixture_down(&f);
}

static void a_message_for_an_unknown_address_is_dropped(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    dbr_raft_send(core, 7, "no peer id", dbr_bytes("x", 1), f.world.now);
    assert_int_equal(HASH_COUNT(core->links), 0);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_follower_has_one_stream_of_ours),
        cmocka_unit_test(another_clusters_messages_are_refused),
        cmocka_unit_test(a_message_for_an_unknown_address_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
