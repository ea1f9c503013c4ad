#include "consensus/configuration.h"

#include "test.h"

static void fill(struct raft_configuration *c, unsigned n)
{
    static const char *const names[] = {"a", "bb", "ccc", "dddd"};
    raft_configuration_init(c);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(raft_configuration_add(c, i + 1, names[i],
                                                i == 0 ? RAFT_VOTER : RAFT_STANDBY),
                         0);
    }
}

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        struct raft_configuration c, copy;
        struct dbr_buf out = {0};
        fill(&c, n);
        assert_int_equal(dbr_configuration_encode(&c, &out), 0);
        assert_int_equal(out.len % 8, 0);
        assert_int_equal(dbr_configuration_decode(&copy, test_view(out)), 0);
        assert_int_equal(copy.n, n);
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(copy.servers[i].id, c.servers[i].id);
            assert_string_equal(copy.servers[i].address, c.servers[i].address);
            assert_int_equal(copy.servers[i].role, c.servers[i].role);
        }
        raft_configuration_close(&copy);
        raft_configuration_close(&c);
        dbr_buf_finish(&out);
    }
}

static void every_cut_and_many_changes_are_refused(void **state)
{
    (void)state;
    struct raft_configuration c, out;
    struct dbr_buf bytes = {0};
    fill(&c, 3);
    assert_int_equal(dbr_configuration_encode(&c, &bytes), 0);
    raft_configuration_close(&c);
    size_t content = 1 + 8 + 3 * 10 + 1 + 2 + 3;
    for (size_t len = 0; len < content; len++) {
        assert_int_equal(dbr_configuration_decode(&out, dbr_bytes(bytes.data, len)),
                         DEBROS_EPROTO);
    }
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {
        {0, 2},    /* the format */
        {1, 0},    /* no servers */
        {1, 65},   /* too many */
        {8, 1},    /* far too many */
        {9, 0},    /* id 0 */
        {17, ' '}, /* an address that is none */
        {17, 0},   /* an empty one */
        {19, 3},   /* no such role */
        {19, 0},   /* no voter */
        {20, 1},   /* an id twice */
    };
    for (size_t i = 0; i < DBR_COUNT(changes); i++) {
        uint8_t old = bytes.data[changes[i].at];
        bytes.data[changes[i].at] = changes[i].value;
        assert_int_equal(dbr_configuration_decode(&out, test_view(bytes)), DEBROS_EPROTO);
        bytes.data[changes[i].at] = old;
    }
    dbr_buf_finish(&bytes);
}

static void addresses_are_short_printable_words(void **state)
{
    (void)state;
    char longest[DBR_SERVER_ADDRESS_MAX];
    memset(longest, 'x', sizeof(longest));
    assert_true(dbr_configuration_address_ok(dbr_bytes(longest, sizeof(longest) - 1)));
    assert_false(dbr_configuration_address_ok(dbr_bytes(longest, sizeof(longest))));
    assert_false(dbr_configuration_address_ok(dbr_bytes_str("")));
    assert_false(dbr_configuration_address_ok(dbr_bytes_str("a b")));
    assert_false(dbr_configuration_address_ok(dbr_bytes("a\0b", 3)));
    assert_false(dbr_configuration_address_ok(dbr_bytes_str("\xc3\xa4")));
}

static void a_sole_voter_is_known(void **state)
{
    (void)state;
    struct raft_configuration c;
    fill(&c, 3);
    assert_true(dbr_configuration_is_sole_voter(&c, 1));
    assert_false(dbr_configuration_is_sole_voter(&c, 2));
    assert_false(dbr_configuration_is_sole_voter(&c, 9));
    c.servers[1].role = RAFT_VOTER;
    assert_false(dbr_configuration_is_sole_voter(&c, 1));
    assert_int_equal(dbr_configuration_voters(&c), 2);
    raft_configuration_close(&c);
}

static void history_answers_for_every_index(void **state)
{
    (void)state;
    struct dbr_history h = {0};
    struct raft_configuration c;
    assert_null(dbr_history_at(&h, 5));
    assert_null(dbr_history_newest(&h));
    for (unsigned n = 1; n <= 4; n++) {
        fill(&c, n);
        assert_int_equal(dbr_history_add(&h, n * 10, &c), 0);
        raft_configuration_close(&c);
    }
    assert_null(dbr_history_at(&h, 9));
    assert_int_equal(dbr_history_at(&h, 10)->configuration.n, 1);
    assert_int_equal(dbr_history_at(&h, 39)->configuration.n, 3);
    assert_int_equal(dbr_history_at(&h, 1000)->index, 40);
    dbr_history_prune(&h, 29); /* 20 is in force at 29 */
    assert_null(dbr_history_at(&h, 19));
    assert_int_equal(dbr_history_at(&h, 29)->index, 20);
    dbr_history_prune(&h, 1000);
    assert_int_equal(h.n, 1);
    assert_int_equal(dbr_history_newest(&h)->index, 40);
    dbr_history_finish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(every_cut_and_many_changes_are_refused),
        cmocka_unit_test(addresses_are_short_printable_words),
        cmocka_unit_test(a_sole_voter_is_known),
        cmocka_unit_test(history_answers_for_every_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
