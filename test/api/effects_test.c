#include "api/effects.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

#define N    64
#define BLOB (256u << 10)

static const debros_statement create = {.sql = "CREATE TABLE t (a INTEGER, b BLOB)"};

/* More bytes than one turn answers, through a client's socket and back. */
static void much_data_goes_through_a_member(void **state)
{
    (void)state;
    struct harness_folder folder;
    const char *addr;
    char key[2 * HARNESS_PATH];
    harness_folder_make(&folder);
    debros_node *node = harness_lead(&folder);
    debros_config config = harness_client(node, &addr);
    snprintf(key, sizeof(key), "%s", harness_path(&folder, "operator.key"));
    config.identity_path = key;
    debros_node *client = harness_create(&config);
    assert_int_equal(harness_start(client), 0);
    assert_int_equal(harness_exec(client, create.sql), 0);

    uint8_t *blob = malloc(BLOB);
    memset(blob, 0xab, BLOB);
    static debros_sql reqs[N];
    debros_value params[2] = {{.type = DEBROS_INTEGER, .as.integer = 1},
                              {.type = DEBROS_BLOB, .as.bytes = {blob, BLOB}}};
    debros_statement insert = {
        .sql = "INSERT INTO t VALUES (?, ?)", .params = params, .n_params = 2};
    assert_true(N * BLOB > 4 * DBR_EFFECTS_MAX_RECEIVED);
    for (int i = 0; i < N; i++) {
        reqs[i] = (debros_sql){.statements = &insert, .n_statements = 1};
        assert_int_equal(debros_sql_exec(client, &reqs[i], NULL), 0);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(debros_wait(client, &reqs[i].base), 0);
        debros_release(client, &reqs[i].base);
    }
    assert_int_equal(harness_count(client, "SELECT sum(length(b)) FROM t"),
                     (int64_t)N * BLOB);
    free(blob);
    debros_node_destroy(client);
    debros_node_destroy(node);
    harness_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(much_data_goes_through_a_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
