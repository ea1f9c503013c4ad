#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static struct harness_folder folder;

static int set_up(void **state)
{
    (void)state;
    harness_folder_make(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_folder_remove(&folder);
    return 0;
}

static void init_makes_a_cluster_once(void **state)
{
    (void)state;
    static const char *const keys[] = {"identity.key", "operator.key"};
    debros_config config = harness_config(&folder);
    debros_detail detail = {.text = ""};
    char ids[2][64];
    char again[64];
    assert_int_equal(debros_init(&config, &detail), 0);
    for (int i = 0; i < 2; i++) {
        struct stat st;
        assert_int_equal(stat(harness_path(&folder, keys[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(
            debros_identity_read(harness_path(&folder, keys[i]), ids[i], NULL), 0);
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_int_equal(debros_init(&config, &detail), DEBROS_EEXISTS);
    assert_non_null(strstr(detail.text, "holds a cluster already"));
    assert_int_equal(
        debros_identity_read(harness_path(&folder, "identity.key"), again, NULL), 0);
    assert_string_equal(again, ids[0]);
}

static void init_makes_the_folder(void **state)
{
    (void)state;
    struct harness_folder deep;
    debros_detail detail = {.text = ""};
    snprintf(deep.path, sizeof(deep.path), "%s", harness_path(&folder, "a/b"));
    debros_config config = harness_config(&deep);
    assert_int_equal(debros_init(&config, &detail), 0);
    assert_int_equal(access(harness_path(&deep, "cluster.json"), F_OK), 0);
}

static void init_needs_a_folder_and_no_client(void **state)
{
    (void)state;
    const char *addr = "/ip4/127.0.0.1/tcp/1/p2p/"
                       "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    debros_detail detail;
    debros_config config = harness_config(&folder);
    config.data_dir = NULL;
    assert_int_equal(debros_init(&config, &detail), DEBROS_EINVAL);
    config = harness_config(&folder);
    config.client = true;
    config.bootstrap = &addr;
    config.n_bootstrap = 1;
    config.n_listen = 0;
    assert_int_equal(debros_init(&config, &detail), DEBROS_EINVAL);
    assert_string_equal(detail.text, "a client makes no cluster");
    assert_int_equal(access(harness_path(&folder, "identity.key"), F_OK), -1);
}

/* No code forgets a log: not even one whose cluster.json is gone. */
static void a_log_without_its_file_is_left_alone(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    debros_detail detail = {.text = ""};
    assert_int_equal(debros_init(&config, NULL), 0);
    assert_int_equal(unlink(harness_path(&folder, "cluster.json")), 0);
    assert_int_equal(debros_init(&config, &detail), DEBROS_EEXISTS);
    assert_non_null(strstr(detail.text, "holds a log but no cluster.json"));
}

static void a_damaged_key_is_not_replaced(void **state)
{
    (void)state;
    debros_config config = harness_config(&folder);
    debros_detail detail = {.text = ""};
    FILE *file = fopen(harness_path(&folder, "identity.key"), "wb");
    assert_non_null(file);
    fputs("damaged", file);
    fclose(file);
    assert_int_equal(debros_init(&config, &detail), DEBROS_EINVAL);
    assert_int_equal(access(harness_path(&folder, "cluster.json"), F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(init_makes_a_cluster_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(init_makes_the_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(init_needs_a_folder_and_no_client, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_log_without_its_file_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_key_is_not_replaced, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
