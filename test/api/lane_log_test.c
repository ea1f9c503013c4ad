/* dbr_store_write_log() is wrapped at link time: the disk fails as the test says. */
#include "api/lanes.h"

#include <stdatomic.h>
#include <sys/prctl.h>

#include "api/node.h"
#include "harness.h"
#include "store/store.h"

static char writer[16]; /* the thread that wrote last, under the node's own order */
static atomic_int disk; /* what a write of the log returns; 0: ask the real one */

int __real_dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops,
                               bool ahead, debros_detail *detail);
int __wrap_dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops,
                               bool ahead, debros_detail *detail);

int __wrap_dbr_store_write_log(struct dbr_store *store, struct dbr_log_op *ops,
                               bool ahead, debros_detail *detail)
{
    int err = atomic_load(&disk);
    prctl(PR_GET_NAME, writer);
    if (err == 0) {
        return __real_dbr_store_write_log(store, ops, ahead, detail);
    }
    if (detail != NULL) {
        strcpy(detail->text, "the disk is broken");
    }
    return err;
}

static struct harness_folder folder;
static debros_node *node;

static int set_up(void **state)
{
    (void)state;
    atomic_store(&disk, 0);
    harness_folder_make(&folder);
    node = harness_lead(&folder);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER)"), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    debros_node_destroy(node);
    harness_folder_remove(&folder);
    return 0;
}

static const debros_statement insert = {.sql = "INSERT INTO t VALUES (1)"};

static void a_full_disk_delays_and_loses_nothing(void **state)
{
    (void)state;
    debros_sql held = {.statements = &insert, .n_statements = 1};
    debros_sql refused = {.statements = &insert, .n_statements = 1};
    atomic_store(&disk, DEBROS_ENOSPC);
    assert_int_equal(debros_sql_exec(node, &held, NULL), 0);
    /* Once the log waits for room, other writes are refused at once; reads go on. */
    int status;
    do {
        refused.base.timeout = 200;
        assert_int_equal(debros_sql_exec(node, &refused, NULL), 0);
        status = debros_wait(node, &refused.base);
        assert_true(status == DEBROS_ENOSPC || status == DEBROS_ETIMEDOUT);
    } while (status != DEBROS_ENOSPC);
    assert_non_null(strstr(refused.base.detail, " is full: make room"));
    debros_release(node, &refused.base);
    atomic_store(&disk, 0);
    /* Refused only when a write of the cluster's own met the full disk before it. */
    status = debros_wait(node, &held.base);
    assert_true(status == 0 || status == DEBROS_ENOSPC);
    debros_release(node, &held.base);
    assert_int_equal(debros_node_check(node, NULL), 0);
    assert_true(harness_count(node, "SELECT count(*) FROM t") >= (status == 0));
    /* The node sees the room at its next try, which may come after the refusal above. */
    do {
        status = harness_exec(node, insert.sql);
    } while (status == DEBROS_ENOSPC);
    assert_int_equal(status, 0);
}

static void a_broken_disk_stops_the_node_with_its_reason(void **state)
{
    (void)state;
    debros_detail detail;
    debros_sql req = {.statements = &insert, .n_statements = 1};
    atomic_store(&disk, DEBROS_EIO);
    assert_int_equal(debros_sql_exec(node, &req, NULL), 0);
    assert_int_equal(debros_wait(node, &req.base), DEBROS_EIO);
    assert_non_null(req.base.detail);
    debros_release(node, &req.base);
    assert_int_equal(debros_sql_exec(node, &req, NULL), DEBROS_ESTATE);
    assert_int_equal(debros_node_check(node, &detail), DEBROS_EIO);
    assert_string_equal(detail.text, "the disk is broken");
}

static void a_node_with_a_full_disk_can_go(void **state)
{
    (void)state;
    static debros_sql req = {.statements = &insert, .n_statements = 1};
    atomic_store(&disk, DEBROS_ENOSPC);
    assert_int_equal(debros_sql_exec(node, &req, NULL), 0);
    /* tear_down destroys the node with it. */
}

/* `flush_us`: how long the disk took so far. */
static const char *who_writes(uint32_t flush_us, const char *sql)
{
    for (unsigned i = 0; i < 2 * DBR_LANES_CALM; i++) {
        assert_int_equal(harness_exec(node, insert.sql), 0);
    }
    atomic_store(&node->lanes.flush_us, flush_us);
    assert_int_equal(harness_exec(node, sql), 0);
    return writer;
}

static void a_small_batch_is_flushed_in_line(void **state)
{
    (void)state;
    assert_string_equal(who_writes(0, insert.sql), "debros-node");
}

static void a_slow_disk_has_its_own_thread(void **state)
{
    (void)state;
    assert_string_equal(who_writes(1000000, insert.sql), "debros-log");
}

static void a_large_batch_has_it_too(void **state)
{
    (void)state;
    char sql[2 * DBR_LANES_INLINE_BYTES];
    memset(sql, ' ', sizeof(sql));
    memcpy(sql, insert.sql, strlen(insert.sql));
    sql[sizeof(sql) - 1] = '\0';
    assert_string_equal(who_writes(0, sql), "debros-log");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_delays_and_loses_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_broken_disk_stops_the_node_with_its_reason,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_with_a_full_disk_can_go, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_small_batch_is_flushed_in_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_slow_disk_has_its_own_thread, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_large_batch_has_it_too, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
