#include "rig.h"

static const struct dbr_dht_event *done(struct rig *rig, uint64_t token)
{
    const struct dbr_dht_event *event = rig_next(rig, DBR_DHT_EVENT_DONE);
    assert_non_null(event);
    assert_int_equal(event->token, token);
    return event;
}

static void arguments_are_checked(void **state)
{
    (void)state;
    struct rig rig;
    static const uint8_t bytes[2000];
    struct dbr_peer_id none = {0};
    debros_bytes key = dbr_bytes_str("key");
    debros_bytes empty = dbr_bytes(NULL, 0);
    rig_begin(&rig);
    assert_int_equal(dbr_dht_find_peer(rig.dht, 1, &none, false, 1000), DEBROS_EINVAL);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 0, key, 1000), DEBROS_EINVAL);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, empty, 1000), DEBROS_EINVAL);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes(bytes, 1025), 1000),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_dht_provide(rig.dht, 1, dbr_bytes(bytes, 81), 1000),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_dht_find_providers(rig.dht, 1, dbr_bytes(bytes, 81), 0, 1000),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_dht_put(rig.dht, 1, key, dbr_bytes_str("no envelope"), 1000),
                     DEBROS_EPROTO);
    rig_poll(&rig);
    assert_int_equal(rig.n_events, 0);
    rig_end(&rig);
}

static void lookups_have_a_limit(void **state)
{
    (void)state;
    struct rig rig;
    rig_prepare(&rig);
    rig.config.limits.lookups = 1;
    rig_open(&rig);
    rig_join(&rig, 1, 3);
    debros_bytes key = dbr_bytes_str("key");
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, key, rig.now), 0);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 2, key, rig.now), DEBROS_EBUSY);
    rig_settle(&rig);
    rig.read = 0;
    (void)done(&rig, 1);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 3, key, rig.now), 0);
    rig_end(&rig);
}

static void a_known_peer_is_told_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id peer = peer_of(5);
    struct dbr_multiaddr addr = rig_addr(5);
    rig_begin(&rig);
    rig.known[5] = true;
    assert_int_equal(dbr_dht_find_peer(rig.dht, 8, &peer, false, rig.now), 0);
    const struct dbr_dht_event *event = done(&rig, 8);
    assert_int_equal(event->status, 0);
    assert_memory_equal(&event->peer, &peer, sizeof(peer));
    assert_int_equal(event->n_addrs, 1);
    assert_true(dbr_multiaddr_equal(&event->addrs[0], &addr));
    rig_end(&rig);
}

static void a_peer_is_found_at_another(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id peer = peer_of(5);
    struct dbr_multiaddr addr = rig_addr(5);
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    assert_int_equal(dbr_dht_find_peer(rig.dht, 8, &peer, false, rig.now), 0);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    rig_answer(&rig, send, 5, 1);
    const struct dbr_dht_event *event = done(&rig, 8);
    assert_int_equal(event->status, 0);
    assert_int_equal(event->n_addrs, 1);
    assert_true(dbr_multiaddr_equal(&event->addrs[0], &addr));
    rig_end(&rig);
}

/* Whoever is not where it was known to be: neither this node nor the first that answers
 * has the last word. */
static void a_peer_is_found_anew(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id peer = peer_of(5);
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    rig.known[5] = true;
    assert_int_equal(dbr_dht_find_peer(rig.dht, 8, &peer, true, rig.now), 0);
    const struct dbr_dht_event *send;
    size_t asked = 0;
    while (asked < 3 && (send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
        rig_answer(&rig, send, 5, 1);
        asked++;
    }
    assert_int_equal(asked, 3);
    rig_settle(&rig);
    rig.read = 0;
    const struct dbr_dht_event *event = done(&rig, 8);
    assert_int_equal(event->status, 0);
    assert_int_equal(event->n_addrs, 1); /* by others: ours is not told */
    rig_end(&rig);
}

static void who_is_nowhere_is_not_found(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id peer = peer_of(5);
    rig_begin(&rig);
    assert_int_equal(dbr_dht_find_peer(rig.dht, 7, &peer, false, rig.now), 0);
    assert_int_equal(done(&rig, 7)->status, DEBROS_ENOTFOUND); /* nobody to ask */
    rig_join(&rig, 1, 3);
    assert_int_equal(dbr_dht_find_peer(rig.dht, 8, &peer, false, rig.now), 0);
    rig_settle(&rig);
    rig.read = 0;
    assert_int_equal(done(&rig, 8)->status, DEBROS_ENOTFOUND);
    rig_end(&rig);
}

static void a_cancelled_lookup_tells_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 4, dbr_bytes_str("key"), rig.now), 0);
    dbr_dht_cancel(rig.dht, 4);
    rig_settle(&rig); /* late answers do no harm */
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_DONE), 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(lookups_have_a_limit),
        cmocka_unit_test(a_known_peer_is_told_at_once),
        cmocka_unit_test(a_peer_is_found_at_another),
        cmocka_unit_test(a_peer_is_found_anew),
        cmocka_unit_test(who_is_nowhere_is_not_found),
        cmocka_unit_test(a_cancelled_lookup_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
