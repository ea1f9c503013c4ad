#include "rig_case.h"

static debros_bytes key_bytes(const struct dbr_peer_id *peer)
{
    return dbr_bytes(peer->bytes, peer->len);
}

static void ask(uint64_t from, enum dbr_dht_type type, debros_bytes key)
{
    struct dbr_dht_message message = {.type = type, .key = key};
    rig_request(&rig, from, &message);
}

/* The next answer. Free with dbr_arena_finish(). */
static struct dbr_dht_message told(struct dbr_arena *arena)
{
    const struct dbr_dht_event *answer = rig_next(&rig, DBR_DHT_EVENT_ANSWER);
    assert_non_null(answer);
    assert_int_equal(answer->stream, 77);
    return rig_decode(answer->data, arena);
}

static void assert_reset(void)
{
    assert_non_null(rig_next(&rig, DBR_DHT_EVENT_RESET));
}

static void the_closest_are_told_without_the_asker(void **state)
{
    (void)state;
    struct dbr_arena arena;
    struct dbr_peer_id asker = peer_of(3);
    struct dbr_peer_id self = peer_of(RIG_SELF);
    struct dbr_dht_key target;
    struct dbr_dht_key before = {{0}};
    rig_join(&rig, 1, 19);
    dbr_dht_key_of(&target, dbr_bytes_str("anything"));
    ask(3, DBR_DHT_FIND_NODE, dbr_bytes_str("anything"));
    struct dbr_dht_message message = told(&arena);
    assert_int_equal(message.type, DBR_DHT_FIND_NODE);
    assert_int_equal(message.n_closer, 18);
    for (size_t i = 0; i < message.n_closer; i++) {
        struct dbr_dht_key key;
        struct dbr_multiaddr addr = rig_addr(rig_number(&message.closer[i].id));
        assert_false(dbr_peer_id_equal(&message.closer[i].id, &asker));
        assert_false(dbr_peer_id_equal(&message.closer[i].id, &self));
        assert_int_equal(message.closer[i].n_addrs, 1);
        assert_true(dbr_multiaddr_equal(&message.closer[i].addrs[0], &addr));
        assert_int_equal(message.closer[i].connection, DBR_DHT_CONNECTED);
        dbr_dht_key_of_peer(&key, &message.closer[i].id);
        assert_true(i == 0 || dbr_dht_key_compare(&target, &before, &key) < 0);
        before = key;
    }
    dbr_arena_finish(&arena);
}

/* Even if it is a client, and even if it is we. */
static void the_target_itself_is_told(void **state)
{
    (void)state;
    rig_join(&rig, 1, 19);
    rig_connect(&rig, 50, false);
    uint64_t targets[] = {50, RIG_SELF, 60};
    for (size_t i = 0; i < 3; i++) {
        struct dbr_arena arena;
        struct dbr_peer_id target = peer_of(targets[i]);
        ask(3, DBR_DHT_FIND_NODE, key_bytes(&target));
        struct dbr_dht_message message = told(&arena);
        assert_int_equal(dbr_peer_id_equal(&message.closer[0].id, &target), i < 2);
        assert_int_equal(message.n_closer, i < 2 ? 19 : 18); /* nobody knows 60 */
        dbr_arena_finish(&arena);
    }
}

static void who_has_no_address_is_not_told(void **state)
{
    (void)state;
    struct dbr_arena arena;
    rig_join(&rig, 1, 10);
    rig.known[4] = false;
    ask(3, DBR_DHT_FIND_NODE, dbr_bytes_str("x"));
    struct dbr_dht_message message = told(&arena);
    assert_int_equal(message.n_closer, 8);
    dbr_arena_finish(&arena);
}

static void a_client_answers_nobody(void **state)
{
    (void)state;
    dbr_dht_set_server(rig.dht, false, rig.now);
    ask(3, DBR_DHT_FIND_NODE, dbr_bytes_str("x"));
    assert_reset();
    dbr_dht_set_server(rig.dht, true, rig.now);
    ask(3, DBR_DHT_FIND_NODE, dbr_bytes_str("x"));
    assert_non_null(rig_next(&rig, DBR_DHT_EVENT_ANSWER));
}

static void bad_requests_reset_the_stream(void **state)
{
    (void)state;
    static const uint8_t garbage[] = {0xff, 0xff};
    static const uint8_t no_key[] = {0x08, 4};  /* FIND_NODE */
    static const uint8_t no_record[] = {0x08, 0, 0x12, 1, 'x'};  /* PUT_VALUE */
    static const uint8_t long_key[85] = {0x08, 3, 0x12, 81};  /* GET_PROVIDERS */
    static const uint8_t unknown[] = {0x08, 6, 0x12, 1, 'x'};
    const debros_bytes requests[] = {
        dbr_bytes(garbage, sizeof(garbage)), dbr_bytes(no_key, sizeof(no_key)),
        dbr_bytes(no_record, sizeof(no_record)), dbr_bytes(long_key, sizeof(long_key)),
        dbr_bytes(unknown, sizeof(unknown))};
    struct dbr_peer_id peer = peer_of(3);
    for (size_t i = 0; i < DBR_COUNT(requests); i++) {
        assert_int_equal(dbr_dht_request(rig.dht, i, &peer, requests[i], rig.now), 0);
        assert_int_equal(rig_next(&rig, DBR_DHT_EVENT_RESET)->stream, i);
        assert_int_equal(dbr_dht_counts(rig.dht)->refused, i + 1);
    }
}

static void a_ping_comes_back(void **state)
{
    (void)state;
    ask(3, DBR_DHT_PING, dbr_bytes(NULL, 0));
    assert_int_equal(rig_type(rig_next(&rig, DBR_DHT_EVENT_ANSWER)), DBR_DHT_PING);
}

static void put(uint64_t from, debros_bytes key, debros_bytes value)
{
    struct dbr_dht_message message = {.type = DBR_DHT_PUT_VALUE,
                                      .key = key,
                                      .has_record = true,
                                      .record = {.key = key, .value = value}};
    rig_request(&rig, from, &message);
}

static void a_value_is_taken_echoed_and_given(void **state)
{
    (void)state;
    struct dbr_arena arena;
    char text[128];
    rig_join(&rig, 1, 3);
    struct dbr_buf envelope = rig_envelope(&rig, text, 1);
    debros_bytes value = dbr_bytes(envelope.data, envelope.len);
    put(3, dbr_bytes_str(text), value);
    struct dbr_dht_message message = told(&arena);
    assert_int_equal(message.type, DBR_DHT_PUT_VALUE);
    assert_true(dbr_bytes_equal(message.record.value, value));
    dbr_arena_finish(&arena);

    ask(2, DBR_DHT_GET_VALUE, dbr_bytes_str(text));
    message = told(&arena);
    assert_true(message.has_record);
    assert_true(dbr_bytes_equal(message.record.value, value));
    assert_true(dbr_bytes_equal(message.record.key, dbr_bytes_str(text)));
    assert_int_equal(message.record.received.len, 30);
    assert_int_equal(message.n_closer, 2);
    dbr_arena_finish(&arena);

    ask(2, DBR_DHT_GET_VALUE, dbr_bytes_str("/debros/app/none"));
    message = told(&arena);
    assert_false(message.has_record);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&envelope);
}

static void what_is_forged_or_under_another_key_is_refused(void **state)
{
    (void)state;
    char text[128];
    struct dbr_buf envelope = rig_envelope(&rig, text, 1);
    debros_bytes value = dbr_bytes(envelope.data, envelope.len);
    struct dbr_dht_message message = {
        .type = DBR_DHT_PUT_VALUE,
        .key = dbr_bytes_str(text),
        .has_record = true,
        .record = {.key = dbr_bytes_str("/debros/app/y"), .value = value}};
    rig_request(&rig, 3, &message);
    assert_reset();
    envelope.data[envelope.len - 1] ^= 1;
    put(3, dbr_bytes_str(text), value);
    assert_reset();
    put(3, dbr_bytes_str(text), dbr_bytes_str("unsigned"));
    assert_reset();
    assert_int_equal(dbr_dht_records(rig.dht)->values.n, 0);
    dbr_buf_finish(&envelope);
}

static void one_peer_puts_twenty_times_a_second(void **state)
{
    (void)state;
    char text[128];
    struct dbr_buf envelope = rig_envelope(&rig, text, 1);
    debros_bytes value = dbr_bytes(envelope.data, envelope.len);
    for (int i = 0; i < 21; i++) {
        put(3, dbr_bytes_str(text), value);
    }
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_ANSWER), 20);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_RESET), 1);
    put(4, dbr_bytes_str(text), value); /* another one may */
    rig.now += 1000;
    put(3, dbr_bytes_str(text), value);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_ANSWER), 22);
    dbr_buf_finish(&envelope);
}

/* A provider speaks for itself only, and gets no answer. */
static void only_the_asker_itself_becomes_a_provider(void **state)
{
    (void)state;
    struct dbr_arena arena;
    struct rig_list list = {.n = 0};
    struct dbr_peer_id three = peer_of(3);
    rig_join(&rig, 1, 5);
    rig_list_add(&list, 4);
    struct dbr_dht_message message = {.type = DBR_DHT_ADD_PROVIDER,
                                      .key = dbr_bytes_str("thing"),
                                      .providers = list.peers,
                                      .n_providers = 1};
    rig_request(&rig, 3, &message);
    assert_reset();
    assert_int_equal(dbr_dht_records(rig.dht)->providers.n, 0);

    rig_list_add(&list, 3);
    message.n_providers = 2;
    rig_request(&rig, 3, &message);
    const struct dbr_dht_event *hint = rig_next(&rig, DBR_DHT_EVENT_HINT);
    assert_non_null(hint);
    assert_memory_equal(&hint->peer, &three, sizeof(three));
    assert_int_equal(hint->n_addrs, 1);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_ANSWER), 0);

    ask(2, DBR_DHT_GET_PROVIDERS, dbr_bytes_str("thing"));
    struct dbr_dht_message answer = told(&arena);
    assert_int_equal(answer.n_providers, 1);
    assert_memory_equal(&answer.providers[0].id, &three, sizeof(three));
    assert_int_equal(answer.n_closer, 4);
    dbr_arena_finish(&arena);
}

static void full_events_make_requests_wait(void **state)
{
    (void)state;
    struct dbr_peer_id peer = peer_of(3);
    uint8_t find[] = {0x08, 0x04, 0x12, 0x01, 'x'};
    rig_prepare(&rig);
    rig.config.limits.events = 2;
    rig_open(&rig);
    for (int i = 0; i < 3; i++) {
        int err = dbr_dht_request(rig.dht, 1, &peer, dbr_bytes(find, 5), rig.now);
        assert_int_equal(err, i < 2 ? 0 : DEBROS_EBUSY);
    }
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_ANSWER), 2);
    assert_int_equal(dbr_dht_request(rig.dht, 1, &peer, dbr_bytes(find, 5), rig.now), 0);
}

/* Its probe was lost, but it speaks to us: that is worth another. */
static void who_asks_may_be_probed(void **state)
{
    (void)state;
    rig_join(&rig, 1, 3);
    rig_connect(&rig, 9, true);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    dbr_dht_failed(rig.dht, send->request, rig.now);
    ask(9, DBR_DHT_FIND_NODE, dbr_bytes_str("x"));
    send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    assert_non_null(send);
    assert_int_equal(rig_number(&send->peer), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_closest_are_told_without_the_asker),
        TEST(the_target_itself_is_told),
        TEST(who_has_no_address_is_not_told),
        TEST(a_client_answers_nobody),
        TEST(bad_requests_reset_the_stream),
        TEST(a_ping_comes_back),
        TEST(a_value_is_taken_echoed_and_given),
        TEST(what_is_forged_or_under_another_key_is_refused),
        TEST(one_peer_puts_twenty_times_a_second),
        TEST(only_the_asker_itself_becomes_a_provider),
        cmocka_unit_test_teardown(full_events_make_requests_wait, end),
        TEST(who_asks_may_be_probed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
