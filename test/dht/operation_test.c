#include "fault.h"
#include "rig.h"

static void the_closest_twenty_are_told_in_order(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_key target;
    rig_begin(&rig);
    rig_join(&rig, 1, 30);
    dbr_dht_key_of(&target, dbr_bytes_str("key"));
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("key"), rig.now), 0);
    rig_settle(&rig);
    rig.read = 0;
    const struct dbr_dht_event *event = rig_next(&rig, DBR_DHT_EVENT_DONE);
    assert_int_equal(event->status, 0);
    assert_int_equal(event->n_peers, 20);
    assert_int_equal(event->stats.asked, 20);
    assert_int_equal(event->stats.hops, 1);
    for (size_t i = 1; i < 20; i++) {
        struct dbr_dht_key a;
        struct dbr_dht_key b;
        dbr_dht_key_of_peer(&a, &event->peers[i - 1]);
        dbr_dht_key_of_peer(&b, &event->peers[i]);
        assert_true(dbr_dht_key_compare(&target, &a, &b) < 0);
    }
    rig_end(&rig);
}

static void nobody_answers(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig, 1, 5);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("key"), rig.now), 0);
    rig_wait(&rig, 30000);
    const struct dbr_dht_event *event = rig_next(&rig, DBR_DHT_EVENT_DONE);
    assert_non_null(event);
    assert_int_equal(event->status, DEBROS_ENOTFOUND);
    rig_end(&rig);
}

/* The token is told exactly once, even where memory was short at the end. */
static void an_end_that_cannot_be_told_is_told_later(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig, 1, 1);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("key"), rig.now), 0);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    assert_non_null(send);
    dbr_dht_failed(rig.dht, send->request, rig.now);
    send = rig_next(&rig, DBR_DHT_EVENT_SEND); /* once more */
    assert_non_null(send);
    uint8_t answer[] = {0x08, 0x04};
    for (size_t n = 0; n < 12; n++) { /* somewhere on the way */
        fault_after(n);
        dbr_dht_answered(rig.dht, send->request, dbr_bytes(answer, 2), rig.now);
        (void)fault_off();
    }
    rig_wait(&rig, 40000);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_DONE), 1);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closest_twenty_are_told_in_order),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(an_end_that_cannot_be_told_is_told_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
