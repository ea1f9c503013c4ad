#include "rig.h"

static void an_answer_of_another_kind_is_a_failure(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_connect(&rig, 1, true);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    struct dbr_dht_message wrong = {.type = DBR_DHT_GET_VALUE};
    rig_reply(&rig, send->request, &wrong);
    assert_int_equal(dbr_dht_table(rig.dht)->n, 0);
    assert_int_equal(dbr_dht_counts(rig.dht)->bad, 1);
    assert_int_equal(dbr_dht_counts(rig.dht)->failed, 1);
    rig_end(&rig);
}

static void garbage_is_a_failure(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_connect(&rig, 1, true);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    dbr_dht_answered(rig.dht, send->request, dbr_bytes_str("\xff\xff\xff"), rig.now);
    assert_int_equal(dbr_dht_table(rig.dht)->n, 0);
    assert_int_equal(dbr_dht_counts(rig.dht)->bad, 1);
    rig_end(&rig);
}

static void nobody_waits_for_longer_than_ten_seconds(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_connect(&rig, 1, true);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    rig_wait(&rig, 9999);
    assert_null(rig_next(&rig, DBR_DHT_EVENT_CANCEL));
    rig_wait(&rig, 1);
    const struct dbr_dht_event *cancel = rig_next(&rig, DBR_DHT_EVENT_CANCEL);
    assert_non_null(cancel);
    assert_int_equal(cancel->request, send->request);
    rig_answer(&rig, send, 0, 0); /* too late */
    assert_int_equal(dbr_dht_counts(rig.dht)->answered, 0);
    rig_end(&rig);
}

static void what_is_asked_at_a_time_has_a_limit(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig, 1, 20);
    rig_end(&rig);
    rig_prepare(&rig);
    rig.config.limits.requests = 4;
    rig.config.limits.probes = 1;
    rig_open(&rig);
    rig_join(&rig, 1, 20);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("a"), rig.now), 0);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 2, dbr_bytes_str("b"), rig.now), 0);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_SEND), 4);
    rig_settle(&rig); /* those who had to wait go on by themselves */
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_DONE), 2);
    rig_end(&rig);
}

/* Our own network is away: nobody is thrown out for that. */
static void who_hears_nobody_blames_nobody(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig, 1, 10);
    rig_wait(&rig, 6000);
    rig_forget(&rig);
    for (uint64_t token = 1; token < 6; token++) {
        const struct dbr_dht_event *send;
        (void)dbr_dht_find_closest(rig.dht, token, dbr_bytes_str("a"), rig.now);
        while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
            dbr_dht_failed(rig.dht, send->request, rig.now);
        }
    }
    assert_int_equal(dbr_dht_table(rig.dht)->n, 10);
    /* Somebody speaks: now the others count. */
    for (uint64_t token = 10; token < 12; token++) {
        const struct dbr_dht_event *send;
        bool spoken = false;
        (void)dbr_dht_find_closest(rig.dht, token, dbr_bytes_str("a"), rig.now);
        while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
            if (!spoken) {
                rig_answer(&rig, send, 0, 0);
            } else {
                dbr_dht_failed(rig.dht, send->request, rig.now);
            }
            spoken = true;
        }
    }
    assert_int_equal(dbr_dht_table(rig.dht)->n, 1);
    rig_end(&rig);
}

/* One request was lost, but a later one was answered. */
static void who_has_spoken_since_is_not_to_blame(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig, 1, 1);
    struct dbr_peer_id peer = peer_of(1);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("a"), rig.now), 0);
    const struct dbr_dht_event *lost = rig_next(&rig, DBR_DHT_EVENT_SEND);
    rig.now += 500;
    assert_int_equal(dbr_dht_find_closest(rig.dht, 2, dbr_bytes_str("b"), rig.now), 0);
    rig_answer(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 0, 0);
    dbr_dht_failed(rig.dht, lost->request, rig.now);
    assert_int_equal(dbr_dht_table_find(dbr_dht_table(rig.dht), &peer)->failures, 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_of_another_kind_is_a_failure),
        cmocka_unit_test(garbage_is_a_failure),
        cmocka_unit_test(nobody_waits_for_longer_than_ten_seconds),
        cmocka_unit_test(what_is_asked_at_a_time_has_a_limit),
        cmocka_unit_test(who_hears_nobody_blames_nobody),
        cmocka_unit_test(who_has_spoken_since_is_not_to_blame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
