#include "rig.h"

static bool is_about(const struct dbr_dht_event *send, uint64_t number)
{
    struct dbr_arena arena;
    struct dbr_peer_id peer = peer_of(number);
    struct dbr_dht_message message = rig_decode(send->data, &arena);
    bool is = dbr_bytes_equal(message.key, dbr_bytes(peer.bytes, peer.len));
    dbr_arena_finish(&arena);
    return is;
}

/* Milliseconds from the first to each following lookup of the own id. */
static void a_young_node_looks_for_itself_often(void **state)
{
    (void)state;
    struct rig rig;
    dbr_time at[12];
    size_t n = 0;
    rig_begin(&rig);
    rig_connect(&rig, 1, true);
    rig_settle(&rig);
    rig_forget(&rig);
    for (int i = 0; i < 100 && n < 12; i++) {
        const struct dbr_dht_event *send;
        rig.now = dbr_dht_deadline(rig.dht);
        dbr_dht_expire(rig.dht, rig.now);
        while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
            if (is_about(send, RIG_SELF)) {
                at[n++] = rig.now;
            }
            rig_answer(&rig, send, 0, 0);
        }
        if (rig_next(&rig, DBR_DHT_EVENT_PING) != NULL) {
            rig_forget(&rig);
        }
    }
    assert_int_equal(n, 12);
    for (size_t i = 1; i < 12; i++) {
        uint64_t wait = i < 11 ? 1000u << (i - 1) : 600000;
        assert_int_equal(at[i] - at[i - 1], wait);
    }
    rig_end(&rig);
}

/* Lookups of keys that fall into the buckets which are not full. */
static void buckets_with_room_are_looked_into(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_key own = key_of(RIG_SELF);
    struct dbr_dht_key key;
    uint64_t number = 0;
    bool seen[8] = {false};
    rig_begin(&rig);
    for (size_t i = 0; i < 46; i++) { /* 20 in bucket 0, 5 in 1, 21 in 2 */
        (void)peer_near(&number, &own, i < 20 ? 0 : i < 25 ? 1 : 2);
        rig_connect(&rig, number, true);
        rig_settle(&rig);
        number = i == 19 || i == 24 ? 0 : number;
    }
    rig_forget(&rig);
    rig_wait(&rig, 1100);
    const struct dbr_dht_event *send;
    while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
        struct dbr_arena arena;
        struct dbr_dht_message message = rig_decode(send->data, &arena);
        dbr_dht_key_of(&key, message.key);
        unsigned bucket = dbr_dht_key_prefix(&key, &own);
        seen[bucket < 8 ? bucket : 7] = true;
        dbr_arena_finish(&arena);
        rig_answer(&rig, send, 0, 0);
    }
    assert_false(seen[0]); /* full, and all have spoken just now */
    assert_true(seen[1]);
    rig_end(&rig);
}

static void who_is_silent_for_ten_minutes_is_asked(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id peer = peer_of(1);
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    rig_live(&rig, 300000);
    struct dbr_dht_table *table =
        (struct dbr_dht_table *)(uintptr_t)dbr_dht_table(rig.dht);
    dbr_dht_table_seen(table, &peer, 0); /* a long time ago */
    rig_forget(&rig);
    rig_wait(&rig, 900000);
    const struct dbr_dht_event *ping = rig_next(&rig, DBR_DHT_EVENT_PING);
    while (ping != NULL && !dbr_peer_id_equal(&ping->peer, &peer)) {
        ping = rig_next(&rig, DBR_DHT_EVENT_PING);
    }
    assert_non_null(ping);
    rig_end(&rig);
}

/* The only one that is known did not answer the probe, though it is connected. */
static void who_is_alone_asks_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_connect(&rig, 1, true);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    dbr_dht_failed(rig.dht, send->request, rig.now);
    assert_int_equal(dbr_dht_deadline(rig.dht), 2000);
    rig_wait(&rig, 1000);
    send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    assert_non_null(send);
    rig_answer(&rig, send, 0, 0);
    assert_int_equal(dbr_dht_table(rig.dht)->n, 1);
    rig_end(&rig);
}

static void probes_have_a_limit(void **state)
{
    (void)state;
    struct rig rig;
    rig_prepare(&rig);
    rig.config.limits.probes = 2;
    rig_open(&rig);
    for (uint64_t i = 1; i < 10; i++) {
        rig_connect(&rig, i, true);
    }
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_SEND), 2);
    rig_end(&rig);
}

/* A newcomer to a full bucket has the least recently seen entry asked. */
static void a_place_is_checked_with_a_ping(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_key own = key_of(RIG_SELF);
    uint64_t number = 0;
    struct dbr_peer_id last = {0};
    rig_prepare(&rig);
    rig.config.limits.table.bucket = 2;
    rig_open(&rig);
    for (size_t i = 0; i < 3; i++) {
        last = peer_near(&number, &own, i < 2 ? 0 : 1);
        rig_connect(&rig, number, true);
        rig_settle(&rig);
    }
    number = rig_number(&last);
    rig.now += 70000;
    rig_forget(&rig);
    (void)peer_near(&number, &own, 0);
    struct dbr_peer_id newcomer = peer_of(number);
    rig_connect(&rig, number, true);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    assert_non_null(send);
    rig_answer(&rig, send, 0, 0);
    const struct dbr_dht_event *ping = rig_next(&rig, DBR_DHT_EVENT_PING);
    assert_non_null(ping);
    assert_null(dbr_dht_table_find(dbr_dht_table(rig.dht), &newcomer));
    dbr_dht_failed(rig.dht, ping->request, rig.now);
    assert_non_null(dbr_dht_table_find(dbr_dht_table(rig.dht), &newcomer));
    assert_null(dbr_dht_table_find(dbr_dht_table(rig.dht), &ping->peer));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_young_node_looks_for_itself_often),
        cmocka_unit_test(buckets_with_room_are_looked_into),
        cmocka_unit_test(who_is_silent_for_ten_minutes_is_asked),
        cmocka_unit_test(who_is_alone_asks_again),
        cmocka_unit_test(probes_have_a_limit),
        cmocka_unit_test(a_place_is_checked_with_a_ping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
