#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static int leader;

/* A member is down while `n` rows of some kilobytes are written. */
static int write_behind_the_back(int n)
{
    leader = fixture_leader(&f);
    int away = (leader + 1) % 3;
    assert_int_equal(fixture_status(&f, leader, DBR_REQUEST_EXEC, "CREATE TABLE big(a)"),
                     0);
    sim_crash_node(&f.world, away, false);
    for (int i = 0; i < n; i++) {
        assert_int_equal(fixture_status(&f, leader, DBR_REQUEST_EXEC,
                                        "INSERT INTO big VALUES(randomblob(4000))"),
                         0);
    }
    return away;
}

static void wait_for_rows(int node, int64_t rows)
{
    for (int i = 0; i < 300 && f.world.nodes[node].core->applied <
                                   f.world.nodes[leader].core->applied;
         i++) {
        sim_step_until(&f.world, f.world.now + 100);
    }
    assert_int_equal(fixture_number(&f, node, "SELECT count(*) FROM big"), rows);
}

static void a_member_that_was_away_fetches_a_snapshot(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int away = write_behind_the_back(100);
    uint64_t chunks = f.result.seen[SIM_SEEN_CHUNK];
    sim_start_node(&f.world, away);
    wait_for_rows(away, 100);
    assert_true(f.result.seen[SIM_SEEN_RESTORE] > 0);
    assert_true(f.result.seen[SIM_SEEN_CHUNK] - chunks > 400); /* of a kilobyte */
    fixture_down(&f);
}

static struct dbr_transfer_progress progress(int node)
{
    struct dbr_transfer_progress out;
    dbr_transfer_progress(f.world.nodes[node].core->transfer, &out);
    return out;
}

static void both_sides_know_how_far_it_is(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int away = write_behind_the_back(100);
    struct dbr_transfer_progress in = {0};
    sim_start_node(&f.world, away);
    for (int i = 0; i < 2000 && in.in_done < 100000; i++) {
        sim_step_until(&f.world, f.world.now + 10);
        in = progress(away);
    }
    assert_true(in.in_total > 400000 && in.in_done < in.in_total);
    struct dbr_transfer_progress out = progress(leader);
    assert_int_equal(out.out_total, in.in_total);
    assert_true(out.out_done >= in.in_done);
    fixture_down(&f);
}

/* Writes go on meanwhile, more than the log keeps otherwise: what the follower needs next
 * is still there when it has the snapshot, and one snapshot is enough. */
static void the_log_waits_for_the_follower(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int away = write_behind_the_back(60);
    uint64_t restores = f.result.seen[SIM_SEEN_RESTORE];
    sim_start_node(&f.world, away);
    for (int i = 0; i < 100; i++) { /* a snapshot of the log's each 40 entries */
        assert_int_equal(
            fixture_status(&f, leader, DBR_REQUEST_EXEC, "INSERT INTO big VALUES(1)"), 0);
    }
    wait_for_rows(away, 160);
    assert_int_equal(f.result.seen[SIM_SEEN_RESTORE] - restores, 1);
    fixture_down(&f);
}

static void a_snapshot_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    struct dbr_consensus_event event = {.type = DBR_CONSENSUS_FETCH,
                                        .to = 5,
                                        .address = "no peer id",
                                        .index = 9,
                                        .data = dbr_bytes("x", 1)};
    dbr_snapshots_fetch(core, &event, f.world.now);
    assert_int_equal(progress(0).in_total, 0);
    event.index = 0;
    dbr_snapshots_fetch(core, &event, f.world.now);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_that_was_away_fetches_a_snapshot),
        cmocka_unit_test(both_sides_know_how_far_it_is),
        cmocka_unit_test(the_log_waits_for_the_follower),
        cmocka_unit_test(a_snapshot_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
