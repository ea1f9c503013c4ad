#include "api/cluster_file.h"

#include "harness.h"
#include "store/store.h"

#define PEER "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

static struct harness_folder folder;
static struct dbr_fs *fs;

static int set_up(void **state)
{
    (void)state;
    harness_folder_make(&folder);
    return dbr_fs_posix_create(&fs, folder.path, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    dbr_fs_posix_destroy(fs);
    harness_folder_remove(&folder);
    return 0;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct dbr_cluster_file in = {.cluster_id = {1, 2, 0xff}, .n_members = 1};
    struct dbr_cluster_file out;
    assert_int_equal(
        dbr_multiaddr_parse(&in.members[0], "/ip4/10.0.0.1/tcp/4001/p2p/" PEER, NULL), 0);
    assert_int_equal(dbr_cluster_file_write(&in, fs, NULL), 0);
    assert_int_equal(dbr_cluster_file_read(&out, fs, NULL), 0);
    assert_memory_equal(out.cluster_id, in.cluster_id, sizeof(in.cluster_id));
    assert_int_equal(out.n_members, 1);
    assert_true(dbr_multiaddr_equal(&out.members[0], &in.members[0]));
}

static void assert_damaged(const char *content, const char *why)
{
    struct dbr_cluster_file out;
    debros_detail detail;
    assert_int_equal(dbr_fs_write_file(fs, DBR_CLUSTER_FILE, dbr_bytes_str(content)), 0);
    assert_int_equal(dbr_cluster_file_read(&out, fs, &detail), DEBROS_EINVAL);
    if (strstr(detail.text, why) == NULL) {
        fail_msg("%s", detail.text);
    }
}

static void damage_is_named(void **state)
{
    (void)state;
    assert_damaged("", "cluster.json' is damaged");
    assert_damaged("[1, 2]", "cluster_id is not 32 hex digits");
    assert_damaged("{\"cluster_id\": \"00\"}", "cluster_id is not 32 hex digits");
    assert_damaged("{\"cluster_id\": \"zz0000000000000000000000000000zz\"}",
                   "cluster_id is not 32 hex digits");
    assert_damaged("{\"cluster_id\": \"00000000000000000000000000000000\"}",
                   "members is not a list of addresses");
    assert_damaged("{\"cluster_id\": \"00000000000000000000000000000000\","
                   " \"members\": [\"/ip4/10.0.0.1/tcp/1\"]}",
                   "an address of members is none");
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    struct dbr_cluster_file out;
    debros_detail detail;
    (void)fs->ops->remove(fs, DBR_CLUSTER_FILE);
    assert_int_equal(dbr_cluster_file_read(&out, fs, &detail), DEBROS_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
