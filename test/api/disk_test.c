/* Nodes whose disk is full or broken: real files, faults at chosen operations. */
#define _GNU_SOURCE /* unshare */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib/fault_fs.h"

static struct harness_folder folder;
static debros_node *node;

static uint8_t blob[50000];
static debros_value params[] = {{.type = DEBROS_BLOB, .as.bytes = {blob, sizeof(blob)}}};
static const debros_statement insert = {"INSERT INTO t VALUES (1, ?)", params, 1};

static int put(void)
{
    debros_sql req = {.statements = &insert, .n_statements = 1};
    assert_int_equal(debros_sql_exec(node, &req, NULL), 0);
    int status = debros_wait(node, &req.base);
    debros_release(node, &req.base);
    return status;
}

static int set_up(void **state)
{
    (void)state;
    fault_fs_reset();
    harness_folder_make(&folder);
    node = harness_lead(&folder);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER, b)"), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fault_fs_reset();
    debros_node_destroy(node);
    harness_folder_remove(&folder);
    return 0;
}

static int64_t rows(void)
{
    return harness_count(node, "SELECT count(*) FROM t");
}

static void start_again(void)
{
    debros_node_destroy(node);
    debros_config config = harness_config(&folder);
    node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
}

/* Writes until one is refused for want of room; what was acknowledged, and one that
 * waits. */
static int64_t fill(debros_sql *waiting)
{
    int64_t done = 0;
    int status = 0;
    *waiting = (debros_sql){.statements = &insert, .n_statements = 1};
    for (;; done++) {
        waiting->base.timeout = 120000;
        assert_int_equal(debros_sql_exec(node, waiting, NULL), 0);
        debros_sql other = {.statements = &insert, .n_statements = 1};
        other.base.timeout = 1000;
        assert_int_equal(debros_sql_exec(node, &other, NULL), 0);
        status = debros_wait(node, &other.base);
        if (status == DEBROS_ENOSPC) {
            /* "of this node" or "of the leader": whoever sees it first. */
            assert_non_null(strstr(other.base.detail, " is full: make room"));
        }
        debros_release(node, &other.base);
        if (status == DEBROS_ENOSPC || status == DEBROS_ETIMEDOUT) {
            return done;
        }
        assert_int_equal(status, 0);
        assert_int_equal(debros_wait(node, &waiting->base), 0);
        debros_release(node, &waiting->base);
        done++;
        assert_true(done < 20000);
    }
}

/* The node sees the room at its next try, and refuses until then. */
static void put_once_there_is_room(void)
{
    int status;
    do {
        status = put();
    } while (status == DEBROS_ENOSPC);
    assert_int_equal(status, 0);
}

/* `done` rows and those of a request that waited are there; reads and writes go on. */
static void go_on(debros_sql *waiting, int64_t done)
{
    int status = debros_wait(node, &waiting->base);
    assert_true(status == 0 || status == DEBROS_ENOSPC);
    debros_release(node, &waiting->base);
    assert_int_equal(debros_node_check(node, NULL), 0);
    put_once_there_is_room();
    int64_t least = done + (status == 0) + 1;
    assert_true(rows() >= least);
    int64_t before = rows();
    start_again();
    assert_int_equal(rows(), before);
}

static void the_databases_wait_for_room(void **state)
{
    (void)state;
    debros_sql waiting;
    fault_fs_fail_growth("db/", DEBROS_ENOSPC);
    int64_t done = fill(&waiting);
    assert_int_equal(debros_node_check(node, NULL), 0);
    fault_fs_fail_growth(NULL, 0);
    go_on(&waiting, done);
}

static void the_log_waits_for_room(void **state)
{
    (void)state;
    debros_sql waiting;
    fault_fs_fail_growth("log/", DEBROS_ENOSPC); /* the next segment */
    int64_t done = fill(&waiting);
    fault_fs_fail_growth(NULL, 0);
    go_on(&waiting, done);
}

/* The node ends, and says which file it was; what it acknowledged is there later. */
static void assert_ends_at(const char *path, int64_t least)
{
    debros_detail detail = {.text = ""};
    debros_sql req = {.statements = &insert, .n_statements = 1};
    for (int i = 0; i < 1000 && debros_sql_exec(node, &req, NULL) == 0; i++) {
        int status = debros_wait(node, &req.base);
        debros_release(node, &req.base);
        least += status == 0;
    }
    assert_int_equal(debros_sql_exec(node, &req, NULL), DEBROS_ESTATE);
    assert_int_equal(debros_node_check(node, &detail), DEBROS_EIO);
    if (strstr(detail.text, path) == NULL) {
        fail_msg("%s does not name %s", detail.text, path);
    }
    fault_fs_reset();
    start_again();
    assert_true(rows() >= least);
}

static void a_failed_sync_of_the_log_ends_the_node(void **state)
{
    (void)state;
    assert_int_equal(put(), 0);
    fault_fs_fail_syncs("log/", DEBROS_EIO);
    assert_ends_at("/log/0000000000000001.seg", 1);
}

static void a_failed_write_of_a_database_ends_the_node(void **state)
{
    (void)state;
    assert_int_equal(put(), 0);
    fault_fs_fail_growth("db/default.db", DEBROS_EIO);
    assert_ends_at("/db/default.db", 1);
}

static void a_failed_sync_of_a_database_ends_the_node(void **state)
{
    (void)state;
    /* The WAL is moved when it has grown to some MiB. */
    fault_fs_fail_syncs("db/default.db", DEBROS_EIO);
    assert_ends_at("/db/default.db", 0);
}

/* ---- A real disk that is full
 * ------------------------------------------------------------- */

#define SKIPPED 77

static void ballast(bool add)
{
    const char *path = harness_path(&folder, "ballast");
    static const char block[65536];
    if (!add) {
        assert_int_equal(unlink(path), 0);
        return;
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    while (fwrite(block, sizeof(block), 1, file) == 1) {
    }
    (void)fclose(file);
}

/* This user is root in a namespace of its own. */
static bool become_root(void)
{
    unsigned uid = (unsigned)geteuid();
    if (uid == 0) {
        return unshare(CLONE_NEWNS) == 0;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    FILE *map = fopen("/proc/self/uid_map", "w");
    return map != NULL && fprintf(map, "0 %u 1", uid) > 0 && fclose(map) == 0;
}

/* In a mount namespace of its own. */
static int on_tmpfs(void)
{
    if (!become_root() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        return SKIPPED;
    }
    harness_folder_make(&folder);
    if (mount("tmpfs", folder.path, "tmpfs", 0, "size=80m") != 0) {
        return SKIPPED;
    }
    debros_sql waiting;
    node = harness_lead(&folder);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a INTEGER, b)"), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(), 0);
    }
    ballast(true);
    int64_t done = 20 + fill(&waiting);
    /* Reads go on, those that need not wait for what waits itself. */
    debros_statement select = {.sql = "SELECT count(*) FROM t"};
    debros_sql read = {.statements = &select, .n_statements = 1, .level = DEBROS_NONE};
    assert_int_equal(debros_sql_query(node, &read, NULL), 0);
    assert_int_equal(debros_wait(node, &read.base), 0);
    assert_true(read.results[0].cells[0].as.integer >= 20);
    debros_release(node, &read.base);
    ballast(false);
    go_on(&waiting, done);
    assert_int_equal(harness_stop(node), 0);
    debros_node_destroy(node);
    if (umount(folder.path) != 0 || rmdir(folder.path) != 0) {
        perror(folder.path);
        return 1;
    }
    return 0;
}

static void a_full_tmpfs_delays_and_loses_nothing(void **state)
{
    (void)state;
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(on_tmpfs());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        print_message("no mount namespace can be made here: it takes root or "
                      "unprivileged user namespaces\n");
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_tmpfs_delays_and_loses_nothing),
        cmocka_unit_test_setup_teardown(the_databases_wait_for_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_waits_for_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_of_the_log_ends_the_node, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_write_of_a_database_ends_the_node,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_of_a_database_ends_the_node, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
