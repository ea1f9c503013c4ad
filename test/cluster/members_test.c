#include "fixture.h"

static debros_value text(const char *value)
{
    return (debros_value){.type = DEBROS_TEXT, .as.bytes = dbr_bytes_str(value)};
}

static debros_value integer(int64_t value)
{
    return (debros_value){.type = DEBROS_INTEGER, .as.integer = value};
}

static void rows_become_members_and_clients(void **state)
{
    struct dbr_members members = {0};
    struct dbr_peer_id one = fixture_peer(1);
    struct dbr_peer_id two = fixture_peer(2);
    struct dbr_peer_id three = fixture_peer(3);
    char id1[DBR_PEER_ID_TEXT_SIZE];
    char id2[DBR_PEER_ID_TEXT_SIZE];
    debros_value cells[] = {integer(0),
                            text(dbr_peer_id_text(&one, id1)),
                            text("/ip4/10.0.0.1/tcp/1\nnonsense\n/ip6/::1/tcp/2\n"),
                            integer(1),
                            text(dbr_peer_id_text(&two, id2)),
                            text("")};
    debros_result rows = {.cells = cells, .n_columns = 3, .n_rows = 2};
    (void)state;
    assert_int_equal(dbr_members_take(&members, &rows), 0);
    assert_int_equal(members.n, 2);
    const struct dbr_member *member = dbr_members_find(&members, &one);
    assert_non_null(member);
    assert_false(member->is_client);
    assert_int_equal(member->n_addrs, 2); /* the line that is none is left out */
    assert_true(dbr_members_find(&members, &two)->is_client);
    assert_null(dbr_members_find(&members, &three));
    dbr_members_finish(&members);
}

static void a_wrong_row_leaves_the_old_view(void **state)
{
    struct dbr_members members = {0};
    struct dbr_peer_id one = fixture_peer(1);
    char id[DBR_PEER_ID_TEXT_SIZE];
    debros_value good[] = {integer(0), text(dbr_peer_id_text(&one, id)), text("")};
    debros_value bad[] = {integer(0), text("not an id"), text("")};
    debros_value null[] = {integer(0), {.type = DEBROS_NULL}, text("")};
    debros_result rows = {.cells = good, .n_columns = 3, .n_rows = 1};
    (void)state;
    assert_int_equal(dbr_members_take(&members, &rows), 0);
    rows.cells = bad;
    assert_int_equal(dbr_members_take(&members, &rows), DEBROS_EPROTO);
    rows.cells = null;
    assert_int_equal(dbr_members_take(&members, &rows), DEBROS_EPROTO);
    rows.n_columns = 2;
    assert_int_equal(dbr_members_take(&members, &rows), DEBROS_EPROTO);
    assert_non_null(dbr_members_find(&members, &one));
    dbr_members_finish(&members);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_members_and_clients),
        cmocka_unit_test(a_wrong_row_leaves_the_old_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
