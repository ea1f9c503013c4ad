#include "fixture.h"

#include "cluster/commands.h"

static void names_of_namespaces(void **state)
{
    char long_name[65];
    (void)state;
    memset(long_name, 'a', sizeof(long_name));
    long_name[64] = '\0';
    assert_true(dbr_namespace_is_valid("default"));
    assert_true(dbr_namespace_is_valid("0_a-b"));
    assert_true(dbr_namespace_is_valid(long_name + 1));
    assert_false(dbr_namespace_is_valid(long_name));
    assert_false(dbr_namespace_is_valid(""));
    assert_false(dbr_namespace_is_valid("_system"));
    assert_false(dbr_namespace_is_valid("-a"));
    assert_false(dbr_namespace_is_valid("a.b"));
    assert_false(dbr_namespace_is_valid("A"));
    assert_false(dbr_namespace_is_valid("../x"));
}

static void join_consumes_the_invite_first(void **state)
{
    struct dbr_arena arena;
    struct dbr_commands commands;
    struct dbr_peer_id node = fixture_peer(1);
    struct dbr_peer_id nobody = {0};
    uint8_t key[32] = {5};
    (void)state;
    dbr_arena_init(&arena, 0);
    dbr_commands_init(&commands, &arena);
    dbr_commands_join(&commands, key, &node, &nobody);
    assert_false(commands.failed);
    assert_int_equal(commands.n, 2); /* no operator: no client */
    assert_int_equal(commands.expect[0], 1);
    assert_non_null(strstr(commands.statements[0].sql, "UPDATE invites"));
    assert_int_equal(commands.statements[0].n_params, 2);
    assert_int_equal(commands.statements[0].params[1].as.bytes.len, 32);
    dbr_arena_finish(&arena);
}

static void announce_writes_one_address_a_line(void **state)
{
    struct dbr_arena arena;
    struct dbr_commands commands;
    struct dbr_peer_id node = fixture_peer(1);
    struct dbr_multiaddr addrs[2] = {fixture_addr(1), fixture_addr(2)};
    struct dbr_members members = {0};
    char id[DBR_PEER_ID_TEXT_SIZE];
    (void)state;
    dbr_arena_init(&arena, 0);
    dbr_commands_init(&commands, &arena);
    dbr_commands_announce(&commands, &node, addrs, 2);
    debros_value cells[] = {
        {.type = DEBROS_INTEGER},
        {.type = DEBROS_TEXT, .as.bytes = dbr_bytes_str(dbr_peer_id_text(&node, id))},
        commands.statements[0].params[0]};
    debros_result rows = {.cells = cells, .n_columns = 3, .n_rows = 1};
    assert_int_equal(dbr_members_take(&members, &rows),
                     0); /* the reader understands it */
    assert_int_equal(members.items[0].n_addrs, 2);
    assert_true(dbr_multiaddr_equal(&members.items[0].addrs[1], &addrs[1]));
    dbr_members_finish(&members);
    dbr_arena_finish(&arena);
}

static void a_full_arena_is_a_failure(void **state)
{
    struct dbr_arena arena;
    struct dbr_commands commands;
    struct dbr_peer_id node = fixture_peer(1);
    uint8_t cluster[16] = {0};
    (void)state;
    dbr_arena_init(&arena, 100);
    dbr_commands_init(&commands, &arena);
    dbr_commands_bootstrap(&commands, cluster, &node, &node);
    assert_true(commands.failed);
    dbr_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_namespaces),
        cmocka_unit_test(join_consumes_the_invite_first),
        cmocka_unit_test(announce_writes_one_address_a_line),
        cmocka_unit_test(a_full_arena_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
