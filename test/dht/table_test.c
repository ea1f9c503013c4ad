#include "table.h"

#include "fault.h"

static void assert_in_order(const struct dbr_dht_table *table)
{
    size_t sum = 0;
    for (size_t i = 1; i < table->n; i++) {
        assert_true(memcmp(&table->entries[i - 1].key, &table->entries[i].key, 32) < 0);
    }
    for (unsigned bucket = 0; bucket <= table->last; bucket++) {
        size_t len = dbr_dht_table_bucket_len(table, bucket);
        assert_true(len <= table->limits.bucket);
        sum += len;
    }
    assert_int_equal(sum, table->n);
    assert_true(table->n <= table->limits.peers);
}

/* ---- Buckets -------------------------------------------------------------------------
 */

static void the_last_bucket_is_unfolded_when_it_is_full(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    for (uint64_t i = 1; i <= 20; i++) {
        struct dbr_peer_id id = peer_of(i);
        assert_int_equal(add(&f, &id, 0), DBR_DHT_ADDED);
    }
    assert_int_equal(f.table.last, 0);
    assert_int_equal(dbr_dht_table_bucket_len(&f.table, 0), 20);
    size_t there[DBR_DHT_KEY_BITS + 1] = {0};
    for (uint64_t i = 1; i <= 2000; i++) {
        struct dbr_peer_id id = peer_of(i);
        struct dbr_dht_key key = key_of(i);
        there[dbr_dht_key_prefix(&key, &f.own)]++;
        (void)add(&f, &id, 0);
    }
    assert_in_order(&f.table);
    assert_true(f.table.last >= 5 && f.table.last <= 10); /* log2(2000 / 20) is 6.6 */
    for (unsigned bucket = 0; bucket < f.table.last; bucket++) {
        size_t room = there[bucket] < 20 ? there[bucket] : 20;
        assert_int_equal(dbr_dht_table_bucket_len(&f.table, bucket), room);
    }
    dbr_dht_table_finish(&f.table);
}

static void an_entry_is_the_size_that_is_stated(void **state)
{
    (void)state;
    assert_true(sizeof(struct dbr_dht_entry) <= 96);
}

static void the_own_id_never_comes_in(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id own = peer_of(0);
    begin(&f);
    assert_int_equal(add(&f, &own, 0), DBR_DHT_FULL);
    assert_false(dbr_dht_table_is_useful(&f.table, &own, 0, f.now));
    assert_int_equal(f.table.n, 0);
    dbr_dht_table_finish(&f.table);
}

static void a_known_peer_is_seen_again(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id id = peer_of(1);
    begin(&f);
    assert_int_equal(dbr_dht_table_add(&f.table, &id, 0, false, f.now, &f.check),
                     DBR_DHT_ADDED);
    assert_false(dbr_dht_table_find(&f.table, &id)->outbound);
    f.now += 5;
    assert_int_equal(add(&f, &id, 0), DBR_DHT_KNOWN);
    assert_int_equal(f.table.n, 1);
    assert_int_equal(dbr_dht_table_find(&f.table, &id)->seen, 1005);
    assert_true(dbr_dht_table_find(&f.table, &id)->outbound);
    dbr_dht_table_remove(&f.table, &id);
    assert_null(dbr_dht_table_find(&f.table, &id));
    dbr_dht_table_finish(&f.table);
}

/* ---- Who makes room ------------------------------------------------------------------
 */

static void a_newcomer_moves_nobody_who_answers(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id old[21];
    begin(&f);
    fill(&f, 0, 20, old);
    fill(&f, 1, 1, old + 20); /* so that bucket 0 is not the last any more */
    struct dbr_peer_id newcomer = peer_near(&f.number, &f.own, 0);
    struct dbr_peer_id later = peer_near(&f.number, &f.own, 0);
    assert_false(dbr_dht_table_is_useful(&f.table, &newcomer, 0, f.now));
    assert_int_equal(add(&f, &newcomer, 0), DBR_DHT_FULL); /* all were seen just now */

    f.now += 60000;
    dbr_dht_table_remove(&f.table, &newcomer); /* no more a spare */
    assert_true(dbr_dht_table_is_useful(&f.table, &newcomer, 0, f.now));
    assert_int_equal(add(&f, &newcomer, 0), DBR_DHT_CHECK);
    assert_memory_equal(&f.check, &old[0], sizeof(f.check)); /* the least recently seen */
    assert_int_equal(add(&f, &later, 0), DBR_DHT_FULL);      /* it is asked already */
    dbr_dht_table_seen(&f.table, &old[0], f.now);
    assert_null(dbr_dht_table_find(&f.table, &newcomer));
    assert_non_null(dbr_dht_table_find(&f.table, &old[0]));

    /* The next one is the second oldest, and does not answer. */
    assert_int_equal(add(&f, &later, 0), DBR_DHT_CHECK);
    assert_memory_equal(&f.check, &old[1], sizeof(f.check));
    dbr_dht_table_failed(&f.table, &old[1], false);
    assert_null(dbr_dht_table_find(&f.table, &old[1]));
    assert_non_null(dbr_dht_table_find(&f.table, &later));
    assert_in_order(&f.table);
    dbr_dht_table_finish(&f.table);
}

static void who_has_failed_makes_room_at_once(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id old[21];
    begin(&f);
    fill(&f, 0, 20, old);
    fill(&f, 1, 1, old + 20);
    dbr_dht_table_failed(&f.table, &old[7], false);
    assert_non_null(dbr_dht_table_find(&f.table, &old[7])); /* once is not enough to go */
    struct dbr_peer_id newcomer = peer_near(&f.number, &f.own, 0);
    assert_true(dbr_dht_table_is_useful(&f.table, &newcomer, 0, f.now));
    assert_int_equal(add(&f, &newcomer, 0), DBR_DHT_ADDED);
    assert_null(dbr_dht_table_find(&f.table, &old[7]));
    dbr_dht_table_finish(&f.table);
}

static void two_failures_in_a_row_are_too_many(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id id = peer_of(1);
    begin(&f);
    assert_int_equal(add(&f, &id, 0), DBR_DHT_ADDED);
    dbr_dht_table_failed(&f.table, &id, false);
    dbr_dht_table_seen(&f.table, &id, f.now);
    dbr_dht_table_failed(&f.table, &id, false);
    assert_int_equal(f.table.n, 1);
    for (int i = 0; i < 1000; i++) { /* our own network is away */
        dbr_dht_table_failed(&f.table, &id, true);
    }
    assert_int_equal(f.table.n, 1);
    dbr_dht_table_failed(&f.table, &id, false);
    assert_int_equal(f.table.n, 0);
    dbr_dht_table_finish(&f.table);
}

/* ---- Diversity -----------------------------------------------------------------------
 */

static uint64_t group_of(const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    return dbr_dht_group(&addr);
}

static void a_group_is_a_16_of_ip4_and_a_32_of_ip6(void **state)
{
    (void)state;
    assert_int_equal(group_of("/ip4/10.1.2.3/tcp/1"), group_of("/ip4/10.1.9.9/tcp/2"));
    assert_true(group_of("/ip4/10.1.2.3/tcp/1") != group_of("/ip4/10.2.2.3/tcp/1"));
    assert_int_equal(group_of("/ip6/::ffff:10.1.7.7/tcp/1"),
                     group_of("/ip4/10.1.2.3/tcp/1"));
    assert_int_equal(group_of("/ip6/2001:db8:1::1/tcp/1"),
                     group_of("/ip6/2001:db8:ffff::2/tcp/1"));
    assert_true(group_of("/ip6/2001:db8::1/tcp/1") !=
                group_of("/ip6/2001:db9::1/tcp/1"));
    assert_int_equal(group_of("/ip4/127.0.0.1/tcp/1"), 0);
    assert_int_equal(group_of("/ip6/::1/tcp/1"), 0);
    assert_int_equal(group_of("/dns4/example.org/tcp/1"), 0);
}

static void few_of_an_ip_group_come_in(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id others[40];
    struct dbr_peer_id id;
    begin(&f);
    fill(&f, 0, 15, others);
    fill(&f, 1, 15, others + 15); /* bucket 0 is bucket 0 now */
    for (int i = 0; i < 4; i++) {
        id = peer_near(&f.number, &f.own, 0);
        assert_int_equal(dbr_dht_table_is_useful(&f.table, &id, 77, f.now), i < 2);
        assert_int_equal(add(&f, &id, 77), i < 2 ? DBR_DHT_ADDED : DBR_DHT_CROWDED);
    }
    for (int i = 0; i < 3; i++) {
        id = peer_near(&f.number, &f.own, 1);
        assert_int_equal(add(&f, &id, 77), i < 1 ? DBR_DHT_ADDED : DBR_DHT_CROWDED);
    }
    assert_int_equal(add(&f, &id, 78), DBR_DHT_ADDED);
    dbr_dht_table_finish(&f.table);
}

/* One for one of its own group is no more crowded than before. */
static void a_group_may_follow_itself(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id others[40];
    struct dbr_peer_id id;
    begin(&f);
    fill(&f, 0, 18, others);
    fill(&f, 1, 3, others + 18);
    struct dbr_peer_id first = peer_near(&f.number, &f.own, 0);
    assert_int_equal(add(&f, &first, 77), DBR_DHT_ADDED);
    id = peer_near(&f.number, &f.own, 0);
    assert_int_equal(add(&f, &id, 77), DBR_DHT_ADDED);
    id = peer_near(&f.number, &f.own, 0);
    assert_int_equal(add(&f, &id, 77), DBR_DHT_CROWDED);
    dbr_dht_table_failed(&f.table, &first, false);
    assert_int_equal(add(&f, &id, 77), DBR_DHT_ADDED);
    assert_null(dbr_dht_table_find(&f.table, &first));
    dbr_dht_table_finish(&f.table);
}

static void diversity_can_be_off(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.table.limits.per_group = f.table.limits.per_group_bucket = 0;
    for (uint64_t i = 1; i <= 20; i++) {
        struct dbr_peer_id id = peer_of(i);
        assert_int_equal(add(&f, &id, 77), DBR_DHT_ADDED);
    }
    dbr_dht_table_finish(&f.table);
}

/* ---- Refresh, memory -----------------------------------------------------------------
 */

static void buckets_are_refreshed_each_ten_minutes(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id others[40];
    begin(&f);
    fill(&f, 0, 20, others);
    fill(&f, 1, 1, others + 20);
    assert_int_equal(f.table.last, 1); /* which is not due: bucket 0 is */
    fill(&f, 1, 19, others + 21);
    struct dbr_peer_id deeper = peer_near(&f.number, &f.own, 2);
    assert_int_equal(add(&f, &deeper, 0), DBR_DHT_ADDED);
    assert_int_equal(f.table.last, 2);
    assert_int_equal(dbr_dht_table_deadline(&f.table), 601000);
    assert_int_equal(dbr_dht_table_due(&f.table, 600999), -1);
    assert_int_equal(dbr_dht_table_due(&f.table, 601000), 0);
    dbr_dht_table_refreshed(&f.table, 0, 601000);
    assert_int_equal(dbr_dht_table_due(&f.table, 601000), 1);
    dbr_dht_table_refreshed(&f.table, 1, 601000);
    assert_int_equal(dbr_dht_table_due(&f.table, 601000), -1);
    assert_int_equal(dbr_dht_table_deadline(&f.table), 1201000);
    dbr_dht_table_refresh_all(&f.table, 700000);
    assert_int_equal(dbr_dht_table_due(&f.table, 700000), 0);
    dbr_dht_table_finish(&f.table);
}

/* Random facts in any order: the table stays in order and within its limits. */
static void whatever_happens_the_limits_hold(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_rng rng;
    struct dbr_peer_id check;
    begin(&f);
    f.table.limits.bucket = 4;
    f.table.limits.peers = 30;
    dbr_rng_seed(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        struct dbr_peer_id id = peer_of(dbr_rng_below(&rng, 300));
        uint64_t what = dbr_rng_below(&rng, 10);
        f.now += dbr_rng_below(&rng, 5000);
        if (what < 6) {
            (void)dbr_dht_table_add(&f.table, &id, dbr_rng_below(&rng, 40), false, f.now,
                                    &check);
        } else if (what < 7) {
            dbr_dht_table_seen(&f.table, &id, f.now);
        } else if (what < 9) {
            dbr_dht_table_failed(&f.table, &id, what == 7);
        } else {
            dbr_dht_table_remove(&f.table, &id);
        }
        if (i % 100 == 0) {
            assert_in_order(&f.table);
        }
    }
    assert_true(f.table.n > 15);
    dbr_dht_table_finish(&f.table);
}

static void short_memory_adds_nobody(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id id = peer_of(1);
    begin(&f);
    fault_after(0);
    enum dbr_dht_added added = add(&f, &id, 0);
    assert_true(fault_off());
    assert_int_equal(added, DBR_DHT_NO_MEMORY);
    assert_int_equal(f.table.n, 0);
    assert_int_equal(add(&f, &id, 0), DBR_DHT_ADDED);
    dbr_dht_table_finish(&f.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_bucket_is_unfolded_when_it_is_full),
        cmocka_unit_test(an_entry_is_the_size_that_is_stated),
        cmocka_unit_test(the_own_id_never_comes_in),
        cmocka_unit_test(a_known_peer_is_seen_again),
        cmocka_unit_test(a_newcomer_moves_nobody_who_answers),
        cmocka_unit_test(who_has_failed_makes_room_at_once),
        cmocka_unit_test(two_failures_in_a_row_are_too_many),
        cmocka_unit_test(a_group_is_a_16_of_ip4_and_a_32_of_ip6),
        cmocka_unit_test(few_of_an_ip_group_come_in),
        cmocka_unit_test(a_group_may_follow_itself),
        cmocka_unit_test(diversity_can_be_off),
        cmocka_unit_test(buckets_are_refreshed_each_ten_minutes),
        cmocka_unit_test(whatever_happens_the_limits_hold),
        cmocka_unit_test(short_memory_adds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
