#include "table.h"

static const struct dbr_dht_key *sort_target;

static int by_distance(const void *a, const void *b)
{
    return dbr_dht_key_compare(sort_target, a, b);
}

/* Beside a sort of all, for targets everywhere and near the own key. */
static void the_closest_are_those_of_a_full_sort(void **state)
{
    (void)state;
    enum { PEERS = 3000 };
    struct fixture f;
    struct dbr_dht_key keys[PEERS];
    const struct dbr_dht_entry *got[64];
    begin(&f);
    f.table.limits.bucket = f.table.limits.peers = PEERS;
    for (uint64_t i = 1; i <= PEERS; i++) {
        struct dbr_peer_id id = peer_of(i);
        assert_int_equal(add(&f, &id, 0), DBR_DHT_ADDED);
        keys[i - 1] = key_of(i);
    }
    for (uint64_t i = 0; i < 60; i++) {
        struct dbr_dht_key target = key_of(i % 3 == 1 ? i : 5000 + i);
        target = i % 3 == 0 ? f.own : target;
        size_t n = i % 2 == 0 ? 20 : 1 + i % 64;
        target.bytes[31] ^= (uint8_t)i;
        sort_target = &target;
        qsort(keys, PEERS, sizeof(keys[0]), by_distance);
        assert_int_equal(dbr_dht_table_closest(&f.table, got, n, &target, false), n);
        for (size_t k = 0; k < n; k++) {
            assert_memory_equal(&got[k]->key, &keys[k], sizeof(keys[k]));
        }
    }
    dbr_dht_table_finish(&f.table);
}

static void who_has_failed_is_not_told_to_others(void **state)
{
    (void)state;
    struct fixture f;
    const struct dbr_dht_entry *got[100];
    begin(&f);
    f.table.limits.bucket = 100;
    for (uint64_t i = 1; i <= 100; i++) {
        struct dbr_peer_id id = peer_of(i);
        assert_int_equal(add(&f, &id, 0), DBR_DHT_ADDED);
        if (i % 2 == 0) {
            dbr_dht_table_failed(&f.table, &id, false);
        }
    }
    assert_int_equal(dbr_dht_table_closest(&f.table, got, 100, &f.own, false), 100);
    assert_int_equal(dbr_dht_table_closest(&f.table, got, 20, &f.own, true), 20);
    assert_int_equal(dbr_dht_table_closest(&f.table, got, 100, &f.own, true), 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(got[i]->failures, 0);
    }
    dbr_dht_table_finish(&f.table);
}

static void an_empty_table_has_nobody(void **state)
{
    (void)state;
    struct fixture f;
    const struct dbr_dht_entry *got[1];
    begin(&f);
    assert_int_equal(dbr_dht_table_closest(&f.table, got, 1, &f.own, false), 0);
    assert_int_equal(dbr_dht_table_due(&f.table, f.now + 1000000), -1);
    assert_int_equal(dbr_dht_table_deadline(&f.table), DBR_TIME_NEVER);
    dbr_dht_table_finish(&f.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closest_are_those_of_a_full_sort),
        cmocka_unit_test(who_has_failed_is_not_told_to_others),
        cmocka_unit_test(an_empty_table_has_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
