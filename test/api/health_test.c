/* dbr_store_write_log() is wrapped at link time: the disk is full or slow as the test
 * says. What the machine decides by itself (lag, free bytes) is measured, not judged. */
#include "api/health.h"

#include <stdatomic.h>
#include <time.h>

#include "api/node.h"
#include "harness.h"
#include "store/store.h"

static atomic_int disk;    /* what a write of the log returns; 0: ask the real one */
static atomic_int slow_ms; /* how long it takes before */

int __real_dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops,
                               bool ahead, debros_detail *detail);
int __wrap_dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops,
                               bool ahead, debros_detail *detail);

static void pause_ms(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

int __wrap_dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops,
                               bool ahead, debros_detail *detail)
{
    int err = atomic_load(&disk);
    pause_ms(atomic_load(&slow_ms));
    return err != 0 ? err : __real_dbr_store_write_log(store, ops, ahead, detail);
}

static struct harness_folder folder;
static debros_node *node;

static int set_up(void **state)
{
    debros_config config;
    (void)state;
    atomic_store(&disk, 0);
    atomic_store(&slow_ms, 0);
    harness_folder_make(&folder);
    config = harness_config(&folder);
    config.election_timeout = 2000;
    config.max_pending = 10;
    assert_int_equal(debros_init(&config, NULL), 0);
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a)"), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    atomic_store(&disk, 0);
    debros_node_destroy(node);
    harness_folder_remove(&folder);
    return 0;
}

/* Kept in `req` until its release. */
static const debros_health *ask(debros_node *whom, debros_net *req)
{
    assert_int_equal(debros_health_get(whom, req, NULL), 0);
    assert_int_equal(debros_wait(whom, &req->base), 0);
    assert_non_null(req->health);
    return req->health;
}

static const debros_check *find(const debros_health *health, const char *name)
{
    for (size_t i = 0; i < health->n_checks; i++) {
        if (strcmp(health->checks[i].name, name) == 0) {
            return &health->checks[i];
        }
    }
    fail_msg("no check %s", name);
    return NULL;
}

static void every_check_is_measured(void **state)
{
    static const char *const names[] = {"loop_lag",    "disk_flush", "disk_free",
                                        "disk_writes", "quorum",     "leader_contact",
                                        "peers",       "apply_lag",  "queue"};
    debros_net req = {0};
    (void)state;
    const debros_health *health = ask(node, &req);
    assert_int_equal(health->n_checks, DBR_COUNT(names));
    assert_string_equal(health->node_id, debros_node_peer_id(node));
    for (size_t i = 0; i < DBR_COUNT(names); i++) {
        const debros_check *check = find(health, names[i]);
        assert_true((check->state == DEBROS_HEALTHY) == (check->reason[0] == '\0'));
    }
    assert_true(find(health, "loop_lag")->value > 0);
    assert_int_equal(find(health, "loop_lag")->limit, 1000000);
    assert_true(find(health, "disk_flush")->value > 0);
    assert_true(find(health, "disk_free")->value > 0);
    assert_true(find(health, "disk_free")->value != UINT64_MAX);
    assert_int_equal(find(health, "disk_writes")->state, DEBROS_HEALTHY);
    assert_int_equal(find(health, "quorum")->value, 1);
    assert_int_equal(find(health, "leader_contact")->value, 0);
    assert_int_equal(find(health, "queue")->value, 1); /* the question itself */
    debros_release(node, &req.base);
}

static void a_full_disk_is_unhealthy_until_there_is_room(void **state)
{
    static const debros_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    debros_sql held = {.statements = &insert, .n_statements = 1};
    debros_net req = {0};
    (void)state;
    atomic_store(&disk, DEBROS_ENOSPC);
    assert_int_equal(debros_sql_exec(node, &held, NULL), 0);
    const debros_check *writes;
    do { /* the write is on its way to the log */
        writes = find(ask(node, &req), "disk_writes");
    } while (writes->state == DEBROS_HEALTHY);
    assert_int_equal(req.health->state, DEBROS_UNHEALTHY);
    assert_true(writes->value > 0);
    assert_non_null(strstr(writes->reason, folder.path));
    assert_non_null(strstr(writes->reason, "no space left"));
    atomic_store(&disk, 0);
    (void)debros_wait(node, &held.base);
    debros_release(node, &held.base);
    int status;
    do { /* refused until the node's next try has seen the room */
        status = harness_exec(node, insert.sql);
    } while (status == DEBROS_ENOSPC);
    assert_int_equal(status, 0);
    assert_int_equal(find(ask(node, &req), "disk_writes")->state, DEBROS_HEALTHY);
    debros_release(node, &req.base);
}

/* Many bytes: the log's thread writes them, and the node answers meanwhile. */
static void a_slow_disk_shows_while_it_is_slow(void **state)
{
    static const debros_statement insert = {.sql = "INSERT INTO t VALUES (zeroblob(1))"};
    static char text[4096];
    debros_value param = {.type = DEBROS_TEXT,
                          .as.bytes = {(const uint8_t *)text, sizeof(text)}};
    debros_statement large = {
        .sql = "INSERT INTO t VALUES (?)", .params = &param, .n_params = 1};
    debros_sql write = {.statements = &large, .n_statements = 1};
    debros_net req = {0};
    (void)state;
    memset(text, 'x', sizeof(text));
    atomic_store(&slow_ms, 1500);
    assert_int_equal(debros_sql_exec(node, &write, NULL), 0);
    pause_ms(1000);
    const debros_check *flush = find(ask(node, &req), "disk_flush");
    assert_int_equal(flush->state, DEBROS_DEGRADED);
    assert_true(flush->value > 500000);
    assert_int_equal(debros_wait(node, &write.base), 0);
    atomic_store(&slow_ms, 0);
    debros_release(node, &write.base);
    /* And afterwards: one of a few flushes of the last minute took so long. */
    assert_int_equal(harness_exec(node, insert.sql), 0);
    flush = find(ask(node, &req), "disk_flush");
    assert_int_equal(flush->state, DEBROS_DEGRADED);
    assert_true(flush->value >= 1500000);
    debros_release(node, &req.base);
}

static void requests_that_pile_up_show(void **state)
{
    static const debros_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    debros_sql writes[8];
    debros_net req = {0};
    (void)state;
    atomic_store(&slow_ms, 1000);
    for (size_t i = 0; i < DBR_COUNT(writes); i++) {
        writes[i] = (debros_sql){.statements = &insert, .n_statements = 1};
        assert_int_equal(debros_sql_exec(node, &writes[i], NULL), 0);
    }
    const debros_check *queue = find(ask(node, &req), "queue");
    assert_int_equal(queue->limit, 8);
    assert_int_equal(queue->value, 9);
    assert_int_equal(queue->state, DEBROS_DEGRADED);
    assert_non_null(strstr(queue->reason, "9 of 10 requests are pending"));
    for (size_t i = 0; i < DBR_COUNT(writes); i++) {
        assert_int_equal(debros_wait(node, &writes[i].base), 0);
        debros_release(node, &writes[i].base);
    }
    debros_release(node, &req.base);
}

static void a_client_hears_its_member_and_its_status(void **state)
{
    const char *addr;
    char key[2 * HARNESS_PATH];
    debros_net req = {0};
    (void)state;
    debros_config config = harness_client(node, &addr);
    strcpy(key, harness_path(&folder, "operator.key"));
    config.identity_path = key;
    debros_node *client = harness_create(&config);
    assert_int_equal(harness_start(client), 0);
    assert_string_equal(ask(client, &req)->node_id, debros_node_peer_id(node));
    assert_int_equal(req.health->n_checks, 9);
    assert_null(req.status);
    assert_int_equal(debros_status_get(client, &req, NULL), 0);
    assert_int_equal(debros_wait(client, &req.base), 0);
    assert_int_equal(req.status->members, 1);
    assert_int_equal(req.status->voters, 1);
    assert_int_equal(req.status->standbys, 0);
    assert_null(req.health);
    debros_release(client, &req.base);
    debros_node_destroy(client);
}

static void gauges_remember_what_waits(void **state)
{
    struct dbr_gauges gauges = {0};
    (void)state;
    dbr_gauges_init(&gauges);
    dbr_gauges_applied(&gauges, 0, "");
    assert_int_equal(gauges.apply_since, 0);
    dbr_gauges_applied(&gauges, DEBROS_EIO, "why");
    dbr_gauges_applied(&gauges, DEBROS_EIO, "again");
    assert_true(gauges.apply_since > 0);
    assert_string_equal(gauges.apply_detail.text, "why");
    dbr_gauges_applied(&gauges, 0, "");
    assert_int_equal(gauges.apply_since, 0);
    dbr_gauges_flush_begins(&gauges);
    assert_true(gauges.flush_since_us > 0);
    dbr_gauges_flush_ended(&gauges, DEBROS_EIO);
    assert_int_equal(dbr_window_count(&gauges.flush, dbr_loop_now()), 0);
    assert_int_equal(gauges.full_since, 0);
    dbr_gauges_finish(&gauges);
}

static void every_state_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(debros_health_name(DEBROS_HEALTHY), "healthy");
    assert_string_equal(debros_health_name(DEBROS_DEGRADED), "degraded");
    assert_string_equal(debros_health_name(DEBROS_UNHEALTHY), "unhealthy");
    assert_string_equal(debros_health_name((enum debros_health_state)9), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_check_is_measured),
        TEST(a_full_disk_is_unhealthy_until_there_is_room),
        TEST(a_slow_disk_shows_while_it_is_slow),
        TEST(requests_that_pile_up_show),
        TEST(a_client_hears_its_member_and_its_status),
        cmocka_unit_test(gauges_remember_what_waits),
        cmocka_unit_test(every_state_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
