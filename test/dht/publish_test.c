#include "rig_case.h"

static const struct dbr_dht_event *done(void)
{
    rig.read = 0;
    return rig_next(&rig, DBR_DHT_EVENT_DONE);
}

static size_t count_type(enum dbr_dht_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < rig.n_events; i++) {
        const struct dbr_dht_event *event = &rig.events[i]->event;
        n += event->type == DBR_DHT_EVENT_SEND && rig_type(event) == type;
    }
    return n;
}

static void put(char key[128])
{
    struct dbr_buf envelope = rig_envelope(&rig, key, 1);
    assert_int_equal(dbr_dht_put(rig.dht, 1, dbr_bytes_str(key),
                                 dbr_bytes(envelope.data, envelope.len), rig.now),
                     0);
    dbr_buf_finish(&envelope);
}

static void a_value_goes_to_the_closest_twenty(void **state)
{
    (void)state;
    char key[128];
    rig_join(&rig, 1, 30);
    put(key);
    rig_settle(&rig);
    const struct dbr_dht_event *event = done();
    assert_int_equal(event->status, 0);
    assert_int_equal(event->stored, 20);
    assert_int_equal(count_type(DBR_DHT_FIND_NODE), 20);
    assert_int_equal(count_type(DBR_DHT_PUT_VALUE), 20);
}

/* An answer with another value is no answer (go-libp2p checks the same). */
static void only_an_echo_counts(void **state)
{
    (void)state;
    char key[128];
    rig_join(&rig, 1, 3);
    put(key);
    const struct dbr_dht_event *send;
    size_t puts = 0;
    while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
        struct dbr_dht_message wrong = {
            .type = DBR_DHT_PUT_VALUE,
            .key = dbr_bytes_str(key),
            .has_record = true,
            .record = {.key = dbr_bytes_str(key), .value = dbr_bytes_str("x")}};
        if (rig_type(send) == DBR_DHT_FIND_NODE) {
            rig_answer(&rig, send, 0, 0);
        } else if (puts++ == 0) {
            rig_reply(&rig, send->request, &wrong);
        } else if (puts == 2) {
            dbr_dht_failed(rig.dht, send->request, rig.now);
        } else {
            dbr_dht_answered(rig.dht, send->request, send->data, rig.now);
        }
    }
    assert_int_equal(puts, 3);
    assert_int_equal(done()->stored, 1);
}

static void a_provider_is_announced_without_an_answer(void **state)
{
    (void)state;
    struct dbr_arena arena;
    struct dbr_peer_id self = peer_of(RIG_SELF);
    struct dbr_multiaddr addr = rig_addr(RIG_SELF);
    rig_join(&rig, 1, 3);
    assert_int_equal(dbr_dht_provide(rig.dht, 1, dbr_bytes_str("thing"), rig.now), 0);
    rig_settle(&rig);
    assert_int_equal(done()->stored, 3);
    assert_int_equal(count_type(DBR_DHT_ADD_PROVIDER), 3);
    rig.read = 0;
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    while (!send->one_way) {
        send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    }
    struct dbr_dht_message message = rig_decode(send->data, &arena);
    assert_int_equal(message.type, DBR_DHT_ADD_PROVIDER);
    assert_int_equal(message.n_providers, 1);
    assert_memory_equal(&message.providers[0].id, &self, sizeof(self));
    assert_true(dbr_multiaddr_equal(&message.providers[0].addrs[0], &addr));
    dbr_arena_finish(&arena);
}

/* Of those who answered, two had nothing and one an older value. */
static void whoever_has_less_is_sent_the_best(void **state)
{
    (void)state;
    char key[128];
    uint64_t asked[4];
    rig_join(&rig, 1, 4);
    struct dbr_buf old = rig_envelope(&rig, key, 1);
    struct dbr_buf new = rig_envelope(&rig, key, 2);
    const struct dbr_buf *has[4] = {&old, &new, NULL, NULL};
    assert_int_equal(dbr_dht_get(rig.dht, 1, dbr_bytes_str(key), 0, rig.now), 0);
    for (size_t i = 0; i < 4; i++) {
        const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
        struct dbr_dht_message message = {.type = DBR_DHT_GET_VALUE,
                                          .key = dbr_bytes_str(key)};
        asked[i] = rig_number(&send->peer);
        if (has[i] != NULL) {
            message.has_record = true;
            message.record.key = message.key;
            message.record.value = dbr_bytes(has[i]->data, has[i]->len);
        }
        rig_reply(&rig, send->request, &message);
    }
    size_t corrections = 0;
    const struct dbr_dht_event *send;
    while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
        struct dbr_arena arena;
        struct dbr_dht_message message = rig_decode(send->data, &arena);
        assert_int_equal(message.type, DBR_DHT_PUT_VALUE);
        assert_true(dbr_bytes_equal(message.record.value, dbr_bytes(new.data, new.len)));
        assert_true(rig_number(&send->peer) != asked[1]); /* it has it */
        dbr_arena_finish(&arena);
        dbr_dht_answered(rig.dht, send->request, send->data, rig.now);
        corrections++;
    }
    assert_int_equal(corrections, 3);
    dbr_buf_finish(&old);
    dbr_buf_finish(&new);
}

static void own_records_go_out_again_after_22_hours(void **state)
{
    (void)state;
    char key[128];
    rig_join(&rig, 1, 3);
    put(key);
    rig_settle(&rig);
    assert_int_equal(dbr_dht_provide(rig.dht, 2, dbr_bytes_str("thing"), rig.now), 0);
    rig_settle(&rig);
    rig_forget(&rig);
    rig.now += 22u * 3600 * 1000 - 1;
    dbr_dht_expire(rig.dht, rig.now);
    rig_settle(&rig);
    assert_int_equal(count_type(DBR_DHT_PUT_VALUE), 0);
    rig_forget(&rig);
    rig.now += 1;
    dbr_dht_expire(rig.dht, rig.now);
    rig_settle(&rig);
    assert_int_equal(count_type(DBR_DHT_PUT_VALUE), 3);
    assert_int_equal(count_type(DBR_DHT_ADD_PROVIDER), 3);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_DONE), 0); /* nobody asked for it */
}

/* Everybody finds, and nobody stores. */
static void refuse_all(void)
{
    const struct dbr_dht_event *send;
    while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
        if (rig_type(send) == DBR_DHT_FIND_NODE) {
            rig_answer(&rig, send, 0, 0);
        } else {
            dbr_dht_failed(rig.dht, send->request, rig.now);
        }
    }
}

static void what_nobody_has_taken_goes_out_again_soon(void **state)
{
    (void)state;
    char key[128];
    rig_join(&rig, 1, 3);
    put(key);
    refuse_all();
    assert_int_equal(done()->status, DEBROS_EUNREACHABLE);
    rig_forget(&rig);
    assert_int_equal(dbr_dht_provide(rig.dht, 2, dbr_bytes_str("thing"), rig.now), 0);
    refuse_all();
    assert_int_equal(done()->status, DEBROS_EUNREACHABLE);
    rig_forget(&rig);
    rig_join(&rig, 4, 3);
    rig_live(&rig, 599000);
    assert_int_equal(count_type(DBR_DHT_PUT_VALUE), 0);
    rig_live(&rig, 11000); /* ten minutes, and what it rests between two looks */
    assert_true(count_type(DBR_DHT_PUT_VALUE) > 0);
    assert_true(count_type(DBR_DHT_ADD_PROVIDER) > 0);
    rig_forget(&rig);
    rig_live(&rig, 1200000); /* and now it is well */
    assert_int_equal(count_type(DBR_DHT_PUT_VALUE), 0);
}

/* With nobody to send it to, it stays due, and the machine does not spin. */
static void what_is_due_waits_for_somebody(void **state)
{
    (void)state;
    char key[128];
    put(key);
    rig_poll(&rig);
    rig_forget(&rig);
    rig.now += 22u * 3600 * 1000;
    dbr_dht_expire(rig.dht, rig.now);
    assert_true(dbr_dht_deadline(rig.dht) >= rig.now + 1000);
    rig_connect(&rig, 1, true);
    rig_settle(&rig);
    rig_wait(&rig, 10000);
    rig_settle(&rig);
    assert_int_equal(count_type(DBR_DHT_PUT_VALUE), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_goes_to_the_closest_twenty),
        TEST(only_an_echo_counts),
        TEST(a_provider_is_announced_without_an_answer),
        TEST(whoever_has_less_is_sent_the_best),
        TEST(own_records_go_out_again_after_22_hours),
        TEST(what_nobody_has_taken_goes_out_again_soon),
        TEST(what_is_due_waits_for_somebody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
