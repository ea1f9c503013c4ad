#include "test.h"

#include "dht/providers.h"
#include "fault.h"
#include "peers.h"
#include "values.h"

#define SELF 500

struct rig {
    struct dbr_dht_providers_limits limits;
    struct dbr_dht_providers providers;
};

static void rig_init(struct rig *rig)
{
    struct dbr_peer_id self = peer_of(SELF);
    dbr_dht_providers_init(&rig->providers, &rig->limits, &self);
}

static enum dbr_dht_verdict add(struct rig *rig, const char *key, uint64_t peer,
                                dbr_time now)
{
    struct dbr_peer_id id = peer_of(peer);
    return dbr_dht_providers_add(&rig->providers, dbr_bytes_str(key), &id, now,
                                 WALL + now);
}

static size_t count(struct rig *rig, const char *key, dbr_time now)
{
    struct dbr_peer_id out[64];
    return dbr_dht_providers_get(&rig->providers, dbr_bytes_str(key), out, DBR_COUNT(out),
                                 now);
}

static bool has(struct rig *rig, const char *key, uint64_t peer, dbr_time now)
{
    struct dbr_peer_id out[64];
    struct dbr_peer_id id = peer_of(peer);
    size_t n = dbr_dht_providers_get(&rig->providers, dbr_bytes_str(key), out,
                                     DBR_COUNT(out), now);
    for (size_t i = 0; i < n; i++) {
        if (dbr_peer_id_equal(&out[i], &id)) {
            return true;
        }
    }
    return false;
}

static void who_provides_is_told_until_it_is_silent(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id one;
    dbr_dht_providers_limits_default(&rig.limits);
    rig_init(&rig);
    assert_int_equal(add(&rig, "a", 1, 1000), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "a", 2, 1000), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "b", 1, 1000), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "a", 1, 2000), DBR_DHT_VALUE_SAME);
    assert_int_equal(count(&rig, "a", 2000), 2);
    assert_int_equal(
        dbr_dht_providers_get(&rig.providers, dbr_bytes_str("a"), &one, 1, 0), 1);
    assert_int_equal(count(&rig, "c", 2000), 0);
    assert_false(has(&rig, "a", 2, 1000 + 48 * HOUR));
    assert_true(has(&rig, "a", 1, 1000 + 48 * HOUR));
    dbr_dht_providers_expire(&rig.providers, 1000 + 48 * HOUR);
    assert_int_equal(rig.providers.n, 1);
    assert_int_equal(rig.providers.n_in, 1);
    assert_int_equal(dbr_dht_providers_deadline(&rig.providers), 2000 + 48 * HOUR);
    dbr_dht_providers_expire(&rig.providers, 2000 + 48 * HOUR);
    assert_int_equal(rig.providers.n, 0);
    assert_int_equal(dbr_dht_providers_deadline(&rig.providers), DBR_TIME_NEVER);
    dbr_dht_providers_finish(&rig.providers);
}

static void keys_have_a_length(void **state)
{
    (void)state;
    struct rig rig;
    char key[DBR_DHT_PROVIDER_KEY_MAX + 2] = {0};
    dbr_dht_providers_limits_default(&rig.limits);
    rig_init(&rig);
    assert_int_equal(add(&rig, "", 1, 0), DBR_DHT_VALUE_BAD_KEY);
    memset(key, 'k', DBR_DHT_PROVIDER_KEY_MAX);
    assert_int_equal(add(&rig, key, 1, 0), DBR_DHT_VALUE_NEWER);
    key[DBR_DHT_PROVIDER_KEY_MAX] = 'k';
    assert_int_equal(add(&rig, key, 1, 0), DBR_DHT_VALUE_BAD_KEY);
    dbr_dht_providers_finish(&rig.providers);
}

static void what_we_provide_is_announced_again(void **state)
{
    (void)state;
    struct rig rig;
    debros_bytes key;
    dbr_dht_providers_limits_default(&rig.limits);
    rig_init(&rig);
    assert_int_equal(add(&rig, "a", SELF, 1000), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "b", SELF, 1000), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "b", 1, 1000), DBR_DHT_VALUE_NEWER);
    dbr_time due = 1000 + 22 * HOUR;
    assert_int_equal(dbr_dht_providers_deadline(&rig.providers), due);
    assert_false(dbr_dht_providers_due(&rig.providers, &key, due - 1, WALL + due));
    assert_true(dbr_dht_providers_due(&rig.providers, &key, due, WALL + due));
    assert_true(dbr_dht_providers_due(&rig.providers, &key, due, WALL + due));
    assert_false(dbr_dht_providers_due(&rig.providers, &key, due, WALL + due));
    assert_int_equal(dbr_dht_providers_deadline(&rig.providers), due + 22 * HOUR);
    dbr_dht_providers_again(&rig.providers, dbr_bytes_str("b"), due + HOUR);
    dbr_dht_providers_again(&rig.providers, dbr_bytes_str("c"), due); /* nobody's */
    assert_int_equal(dbr_dht_providers_deadline(&rig.providers), due + HOUR);
    assert_true(dbr_dht_providers_due(&rig.providers, &key, due + HOUR, WALL + due));
    assert_true(dbr_bytes_equal(key, dbr_bytes_str("b")));
    assert_false(dbr_dht_providers_due(&rig.providers, &key, due + HOUR, WALL + due));
    dbr_dht_providers_expire(&rig.providers, due + 500 * HOUR);
    assert_int_equal(rig.providers.n, 2);
    assert_int_equal(count(&rig, "b", due + 500 * HOUR), 1);
    assert_true(dbr_dht_providers_remove(&rig.providers, dbr_bytes_str("b")));
    assert_false(dbr_dht_providers_remove(&rig.providers, dbr_bytes_str("b")));
    assert_false(dbr_dht_providers_remove(&rig.providers, dbr_bytes_str("c")));
    assert_int_equal(rig.providers.n, 1);
    dbr_dht_providers_finish(&rig.providers);
}

/* The same set whoever comes first. */
static void the_closest_to_a_key_stay(void **state)
{
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        struct rig rig;
        struct dbr_dht_key key;
        dbr_dht_providers_limits_default(&rig.limits);
        rig.limits.per_key = 4;
        rig_init(&rig);
        dbr_dht_key_of(&key, dbr_bytes_str("a"));
        for (uint64_t i = 0; i < 40; i++) {
            add(&rig, "a", backwards ? 39 - i : i, 0);
            assert_true(count(&rig, "a", 0) <= 4);
        }
        for (uint64_t i = 0; i < 40; i++) {
            size_t closer = 0;
            struct dbr_dht_key place = key_of(i);
            for (uint64_t k = 0; k < 40; k++) {
                struct dbr_dht_key other = key_of(k);
                closer += dbr_dht_key_compare(&key, &other, &place) < 0;
            }
            assert_int_equal(has(&rig, "a", i, 0), closer < 4);
        }
        assert_int_equal(add(&rig, "a", SELF, 0), DBR_DHT_VALUE_NEWER);
        for (uint64_t i = 0; i < 100; i++) {
            add(&rig, "a", i, 0);
        }
        assert_true(has(&rig, "a", SELF, 0));
        assert_int_equal(count(&rig, "a", 0), 4);
        dbr_dht_providers_finish(&rig.providers);
    }
}

static void the_closest_keys_stay_and_our_own(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_key self = key_of(SELF);
    char name[8];
    dbr_dht_providers_limits_default(&rig.limits);
    rig.limits.keys = 5;
    rig_init(&rig);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%u", i);
        enum dbr_dht_verdict verdict = add(&rig, name, 1, 0);
        assert_true(verdict == DBR_DHT_VALUE_NEWER || verdict == DBR_DHT_VALUE_NO_ROOM);
        assert_true(rig.providers.n <= 5);
    }
    for (unsigned i = 0; i < 40; i++) {
        size_t closer = 0;
        struct dbr_dht_key place;
        snprintf(name, sizeof(name), "%u", i);
        dbr_dht_key_of(&place, dbr_bytes_str(name));
        for (unsigned k = 0; k < 40; k++) {
            char other_name[8];
            struct dbr_dht_key other;
            snprintf(other_name, sizeof(other_name), "%u", k);
            dbr_dht_key_of(&other, dbr_bytes_str(other_name));
            closer += dbr_dht_key_compare(&self, &other, &place) < 0;
        }
        assert_int_equal(count(&rig, name, 0), closer < 5);
    }
    for (unsigned i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "o%u", i);
        assert_int_equal(add(&rig, name, SELF, 0), DBR_DHT_VALUE_NEWER);
    }
    assert_int_equal(add(&rig, "o6", SELF, 0), DBR_DHT_VALUE_NO_ROOM);
    assert_int_equal(add(&rig, "x", 1, 0), DBR_DHT_VALUE_NO_ROOM);
    assert_int_equal(rig.providers.n, 5);
    dbr_dht_providers_finish(&rig.providers);
}

static void a_peer_has_a_share(void **state)
{
    (void)state;
    struct rig rig;
    dbr_dht_providers_limits_default(&rig.limits);
    rig.limits.per_peer = 2;
    rig_init(&rig);
    assert_int_equal(add(&rig, "a", 1, 0), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "b", 1, 0), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "c", 1, 0), DBR_DHT_VALUE_NO_ROOM);
    assert_int_equal(add(&rig, "b", 1, 0), DBR_DHT_VALUE_SAME);
    assert_int_equal(add(&rig, "c", 2, 0), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "a", SELF, 0), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "b", SELF, 0), DBR_DHT_VALUE_NEWER);
    assert_int_equal(add(&rig, "c", SELF, 0), DBR_DHT_VALUE_NEWER);
    dbr_dht_providers_finish(&rig.providers);
}

static void a_restart_loses_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_row rows[16];
    struct dbr_dht_row row;
    size_t n = 0;
    dbr_dht_providers_limits_default(&rig.limits);
    rig_init(&rig);
    add(&rig, "a", 1, 0);
    add(&rig, "a", SELF, 0);
    add(&rig, "b", SELF, 0);
    add(&rig, "c", 1, 0);
    assert_true(dbr_dht_providers_remove(&rig.providers, dbr_bytes_str("b")));
    while (dbr_dht_providers_poll(&rig.providers, &row)) {
        if (row.type == DBR_DHT_ROW_DELETE) {
            struct dbr_peer_id self = peer_of(SELF);
            assert_true(dbr_bytes_equal(row.key, dbr_bytes_str("b")));
            assert_true(dbr_peer_id_equal(&row.peer, &self));
        } else {
            rows[n] = row;
            rows[n].key = dbr_bytes_str(row.key.data[0] == 'a' ? "a" : "c");
            n++;
        }
    }
    assert_int_equal(n, 3);
    dbr_dht_providers_finish(&rig.providers);
    rig_init(&rig);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(dbr_dht_providers_load(&rig.providers, &rows[i], 5, WALL + HOUR),
                         DBR_DHT_VALUE_NEWER);
    }
    assert_false(dbr_dht_providers_poll(&rig.providers, &row));
    assert_int_equal(dbr_dht_providers_deadline(&rig.providers), 5 + 21 * HOUR);
    assert_true(has(&rig, "a", SELF, 5));
    assert_true(has(&rig, "c", 1, 5));
    dbr_dht_providers_finish(&rig.providers);
    rig_init(&rig); /* two days later */
    for (size_t i = 0; i < n; i++) {
        enum dbr_dht_verdict verdict =
            dbr_dht_providers_load(&rig.providers, &rows[i], 5, WALL + 48 * HOUR);
        assert_int_equal(verdict,
                         rows[i].own ? DBR_DHT_VALUE_NEWER : DBR_DHT_VALUE_EXPIRED);
    }
    assert_true(dbr_dht_providers_poll(&rig.providers, &row));
    assert_int_equal(row.type, DBR_DHT_ROW_DELETE);
    dbr_dht_providers_finish(&rig.providers);
}

static void a_table_that_was_cleared_is_told_everything(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_row row;
    size_t puts = 0;
    dbr_dht_providers_limits_default(&rig.limits);
    rig.limits.gone = 0;
    rig_init(&rig);
    add(&rig, "a", 1, 0);
    add(&rig, "b", 2, 0);
    while (dbr_dht_providers_poll(&rig.providers, &row)) {
        puts++;
    }
    assert_int_equal(puts, 2);
    add(&rig, "c", SELF, 0);
    assert_true(dbr_dht_providers_remove(&rig.providers, dbr_bytes_str("c")));
    assert_true(dbr_dht_providers_poll(&rig.providers, &row));
    assert_int_equal(row.type, DBR_DHT_ROW_CLEAR);
    while (dbr_dht_providers_poll(&rig.providers, &row)) {
        assert_int_equal(row.type, DBR_DHT_ROW_PUT);
        puts++;
    }
    assert_int_equal(puts, 4);
    dbr_dht_providers_finish(&rig.providers);
}

static void assert_balanced(const struct rig *rig)
{
    const struct dbr_dht_provided *key;
    const struct dbr_dht_provided *tmp;
    size_t n = 0;
    size_t n_in = 0;
    size_t others = 0;
    HASH_ITER(hh, rig->providers.table, key, tmp)
    {
        size_t here = 0;
        size_t own = 0;
        for (const struct dbr_list *item = key->peers.next; item != &key->peers;
             item = item->next) {
            const struct dbr_dht_provider *entry =
                DBR_LIST_ENTRY(item, const struct dbr_dht_provider, in_key);
            here++;
            own += entry->own ? 1 : 0;
            assert_ptr_equal(entry->key, key);
            assert_true(rig->providers.next <= entry->until);
            assert_true(rig->providers.next <= entry->republish);
        }
        assert_in_range(here, 1, rig->limits.per_key);
        assert_int_equal(here, key->n);
        assert_int_equal(own, key->own ? 1 : 0);
        n++;
        n_in += here;
        others += here - own;
    }
    assert_int_equal(n, rig->providers.n);
    assert_int_equal(n_in, rig->providers.n_in);
    assert_true(n <= rig->limits.keys);
    for (uint64_t peer = 0; peer < 12; peer++) {
        struct dbr_peer_id id = peer_of(peer);
        uint32_t share = dbr_dht_shares_of(&rig->providers.peers, &id);
        assert_true(share <= rig->limits.per_peer);
        others -= share;
    }
    assert_int_equal(others, 0);
}

static void everything_adds_up(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_rng rng;
    debros_bytes due;
    dbr_time now = 1000;
    dbr_rng_seed(&rng, 7);
    dbr_dht_providers_limits_default(&rig.limits);
    rig.limits.keys = 6;
    rig.limits.per_key = 3;
    rig.limits.per_peer = 4;
    rig.limits.gone = 3;
    rig_init(&rig);
    for (int i = 0; i < 5000; i++) {
        uint64_t dice = dbr_rng_below(&rng, 100);
        char name[2] = {(char)('a' + dbr_rng_below(&rng, 12)), '\0'};
        if (dice < 80) {
            add(&rig, name, dice < 10 ? SELF : dbr_rng_below(&rng, 12), now);
        } else if (dice < 90) {
            dbr_dht_providers_remove(&rig.providers, dbr_bytes_str(name));
        } else if (dice < 95) {
            now += dbr_rng_below(&rng, 30 * HOUR);
            dbr_dht_providers_expire(&rig.providers, now);
        } else {
            while (dbr_dht_providers_due(&rig.providers, &due, now, WALL + now)) {
            }
        }
        assert_balanced(&rig);
    }
    assert_true(rig.providers.evicted > 100);
    dbr_dht_providers_finish(&rig.providers);
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        struct rig rig;
        dbr_dht_providers_limits_default(&rig.limits);
        rig_init(&rig);
        fault_after(n);
        enum dbr_dht_verdict verdict = add(&rig, "a", 1, 0);
        bool failed = fault_off();
        assert_int_equal(verdict, failed ? DBR_DHT_VALUE_NO_MEMORY : DBR_DHT_VALUE_NEWER);
        assert_int_equal(rig.providers.n, failed ? 0 : 1);
        dbr_dht_providers_finish(&rig.providers);
        if (!failed) {
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_provides_is_told_until_it_is_silent),
        cmocka_unit_test(keys_have_a_length),
        cmocka_unit_test(what_we_provide_is_announced_again),
        cmocka_unit_test(the_closest_to_a_key_stay),
        cmocka_unit_test(the_closest_keys_stay_and_our_own),
        cmocka_unit_test(a_peer_has_a_share),
        cmocka_unit_test(a_restart_loses_nothing),
        cmocka_unit_test(a_table_that_was_cleared_is_told_everything),
        cmocka_unit_test(everything_adds_up),
        cmocka_unit_test(short_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
