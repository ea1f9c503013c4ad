#include <stdio.h>

#include "fixture.h"

#include "core/inner.h"

#define LINES 512

static struct fixture f;
static char story[LINES][256];
static int n_lines;

static void keep(void *data, const debros_log_record *record, const char *site)
{
    (void)data;
    (void)site;
    if (record->level <= DEBROS_LOG_INFO && n_lines < LINES) {
        snprintf(story[n_lines++], sizeof(story[0]), "%s %s %s", record->module,
                 record->peer, record->message);
    }
}

/* The logger is each core's own pointer to the world's. */
static void listen_from_now(void)
{
    f.world.logger = (struct dbr_logger){DEBROS_LOG_INFO, keep, NULL};
    n_lines = 0;
}

static int count(const char *words)
{
    int n = 0;
    for (int i = 0; i < n_lines; i++) {
        n += strstr(story[i], words) != NULL;
    }
    return n;
}

static void a_new_leader_is_told_once_by_each(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    int leader = fixture_leader(&f);
    listen_from_now();
    sim_crash_node(&f.world, leader, false);
    sim_step_until(&f.world, f.world.now + 8000);
    assert_int_equal(count("leads the cluster in term"), 1);
    assert_int_equal(count("the leader of term"), 1);
    assert_true(count("no leader is known") >= 1);
    assert_int_equal(count("is lost: it is dialed"), 2);
    sim_step_until(&f.world, f.world.now + 20000);
    assert_int_equal(count("leads the cluster in term"), 1);
    assert_int_equal(count("is lost: it is dialed"), 2); /* however often it is dialed */
    sim_start_node(&f.world, leader);
    sim_step_until(&f.world, f.world.now + 8000);
    assert_true(count("is connected") >= 2);
    fixture_down(&f);
}

static void requests_leave_no_line(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    listen_from_now();
    for (int i = 0; i < 20; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "INSERT INTO t(id) VALUES(%d)", i);
        assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_EXEC, sql), 0);
        assert_int_equal(fixture_number(&f, f.client, "SELECT count(*) FROM t"), i + 1);
    }
    assert_int_equal(n_lines, 0);
    fixture_down(&f);
}

static void who_joins_and_leaves_is_told(void **state)
{
    struct dbr_members old = {0};
    (void)state;
    fixture_up(&f, 2);
    listen_from_now();
    struct dbr_core *core = f.world.nodes[0].core;
    dbr_story_members(core, &core->members); /* the same */
    assert_int_equal(n_lines, 0);
    dbr_story_members(core, &old);
    assert_int_equal(count("belongs to the cluster now"), (int)core->members.n);
    assert_int_equal(count("client "), (int)core->members.n - 2);
    struct dbr_members now = core->members;
    core->members = old;
    dbr_story_members(core, &now);
    assert_int_equal(count("belongs to the cluster no more"), (int)now.n);
    core->members = now;
    fixture_down(&f);
}

static void snapshots_are_told(void **state)
{
    struct dbr_apply_job job = {.type = DBR_APPLY_CHECKPOINT, .index = 77};
    (void)state;
    fixture_up(&f, 1);
    listen_from_now();
    struct dbr_core *core = f.world.nodes[0].core;
    dbr_story_applied(core, &job);
    assert_int_equal(count("durable up to entry 77"), 1);
    job.status = DEBROS_EIO;
    dbr_story_applied(core, &job);
    job = (struct dbr_apply_job){.type = DBR_APPLY_RESTORE, .applied = 99};
    dbr_story_applied(core, &job);
    assert_int_equal(count("up to entry 99"), 1);
    job.type = DBR_APPLY_ENTRIES;
    dbr_story_applied(core, &job);
    assert_int_equal(n_lines, 2);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_leader_is_told_once_by_each),
        cmocka_unit_test(requests_leave_no_line),
        cmocka_unit_test(who_joins_and_leaves_is_told),
        cmocka_unit_test(snapshots_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
