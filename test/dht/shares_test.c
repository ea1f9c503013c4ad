#include "test.h"

#include "dht/shares.h"
#include "fault.h"
#include "peers.h"

static void what_is_added_is_counted_until_it_is_taken(void **state)
{
    (void)state;
    struct dbr_dht_shares shares = {0};
    struct dbr_peer_id a = peer_of(1);
    struct dbr_peer_id b = peer_of(2);
    assert_true(dbr_dht_shares_add(&shares, &a));
    assert_true(dbr_dht_shares_add(&shares, &a));
    assert_true(dbr_dht_shares_add(&shares, &b));
    assert_int_equal(dbr_dht_shares_of(&shares, &a), 2);
    dbr_dht_shares_take(&shares, &a);
    dbr_dht_shares_take(&shares, &b);
    assert_int_equal(dbr_dht_shares_of(&shares, &a), 1);
    assert_int_equal(dbr_dht_shares_of(&shares, &b), 0);
    for (size_t n = 0;; n++) {
        fault_after(n);
        bool added = dbr_dht_shares_add(&shares, &b);
        if (!fault_off()) {
            assert_true(added);
            break;
        }
        assert_false(added);
        assert_int_equal(dbr_dht_shares_of(&shares, &b), 0);
    }
    dbr_dht_shares_finish(&shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_counted_until_it_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
