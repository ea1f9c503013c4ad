#include "test.h"

#include "dht/rates.h"
#include "fault.h"
#include "peers.h"

static size_t takes(struct dbr_dht_rates *rates, uint64_t peer, size_t tries,
                    dbr_time now)
{
    struct dbr_peer_id id = peer_of(peer);
    size_t n = 0;
    for (size_t i = 0; i < tries; i++) {
        n += dbr_dht_rates_take(rates, &id, now);
    }
    return n;
}

static void each_peer_has_an_allowance_of_its_own(void **state)
{
    (void)state;
    struct dbr_dht_rates rates;
    dbr_dht_rates_init(&rates, 20, 100);
    assert_int_equal(takes(&rates, 1, 50, 1000), 20);
    assert_int_equal(takes(&rates, 2, 50, 1000), 20);
    assert_int_equal(takes(&rates, 1, 50, 1500), 10);
    assert_int_equal(takes(&rates, 1, 50, 60000), 20);
    dbr_dht_rates_finish(&rates);
    dbr_dht_rates_init(&rates, 0, 100); /* as often as it likes */
    assert_int_equal(takes(&rates, 1, 5000, 1000), 5000);
    dbr_dht_rates_finish(&rates);
}

static void who_was_quiet_for_longest_is_forgotten(void **state)
{
    (void)state;
    struct dbr_dht_rates rates;
    dbr_dht_rates_init(&rates, 1, 2);
    assert_int_equal(takes(&rates, 1, 2, 1000), 1);
    assert_int_equal(takes(&rates, 2, 2, 1000), 1);
    assert_int_equal(takes(&rates, 1, 2, 1000), 0);
    assert_int_equal(takes(&rates, 3, 2, 1000), 1); /* in the place of 2 */
    assert_int_equal(rates.n, 2);
    assert_int_equal(takes(&rates, 1, 2, 1000), 0);
    assert_int_equal(takes(&rates, 2, 2, 1000), 1);
    struct dbr_peer_id id = peer_of(4);
    fault_after(0);
    bool may = dbr_dht_rates_take(&rates, &id, 1000);
    assert_true(fault_off());
    assert_false(may);
    dbr_dht_rates_finish(&rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_peer_has_an_allowance_of_its_own),
        cmocka_unit_test(who_was_quiet_for_longest_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
