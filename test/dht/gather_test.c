#include "rig.h"

/* What a peer answers to GET_VALUE; an empty value: it has none. */
static void tell_value(struct rig *rig, const struct dbr_dht_event *send,
                       debros_bytes key, debros_bytes value)
{
    struct dbr_dht_message message = {.type = DBR_DHT_GET_VALUE,
                                      .key = key,
                                      .has_record = value.len > 0,
                                      .record = {.key = key, .value = value}};
    rig_reply(rig, send->request, &message);
}

static const struct dbr_dht_event *done(struct rig *rig)
{
    rig->read = 0;
    return rig_next(rig, DBR_DHT_EVENT_DONE);
}

static bool is_value(const struct dbr_dht_event *event, const struct dbr_buf *envelope)
{
    return dbr_bytes_equal(event->data, dbr_bytes(envelope->data, envelope->len));
}

static void the_newest_value_wins(void **state)
{
    (void)state;
    struct rig rig;
    char key[128];
    rig_begin(&rig);
    rig_join(&rig, 1, 5);
    struct dbr_buf values[3] = {rig_envelope(&rig, key, 1), rig_envelope(&rig, key, 3),
                                rig_envelope(&rig, key, 2)};
    assert_int_equal(dbr_dht_get(rig.dht, 1, dbr_bytes_str(key), 0, rig.now), 0);
    for (size_t i = 0; i < 5; i++) {
        const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
        assert_int_equal(rig_type(send), DBR_DHT_GET_VALUE);
        tell_value(&rig, send, dbr_bytes_str(key),
                   i < 3 ? dbr_bytes(values[i].data, values[i].len) : dbr_bytes(NULL, 0));
    }
    const struct dbr_dht_event *event = done(&rig);
    assert_int_equal(event->status, 0);
    assert_true(is_value(event, &values[1]));
    for (size_t i = 0; i < 3; i++) {
        dbr_buf_finish(&values[i]);
    }
    rig_end(&rig);
}

static void forged_values_are_no_values(void **state)
{
    (void)state;
    struct rig rig;
    char key[128];
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    struct dbr_buf forged = rig_envelope(&rig, key, 9);
    struct dbr_buf other = rig_envelope(&rig, key, 9);
    forged.data[forged.len - 1] ^= 1;
    assert_int_equal(dbr_dht_get(rig.dht, 1, dbr_bytes_str(key), 0, rig.now), 0);
    tell_value(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), dbr_bytes_str(key),
               dbr_bytes(forged.data, forged.len));
    tell_value(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND),
               dbr_bytes_str("/debros/app/other"), /* nobody asked for that */
               dbr_bytes(other.data, other.len));
    tell_value(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), dbr_bytes_str(key),
               dbr_bytes_str("x"));
    assert_int_equal(done(&rig)->status, DEBROS_ENOTFOUND);
    assert_int_equal(dbr_dht_counts(rig.dht)->bad, 3);
    dbr_buf_finish(&forged);
    dbr_buf_finish(&other);
    rig_end(&rig);
}

static void a_quorum_ends_the_lookup(void **state)
{
    (void)state;
    struct rig rig;
    char key[128];
    rig_begin(&rig);
    rig_join(&rig, 1, 5);
    struct dbr_buf old = rig_envelope(&rig, key, 1);
    struct dbr_buf new = rig_envelope(&rig, key, 2);
    assert_int_equal(dbr_dht_get(rig.dht, 1, dbr_bytes_str(key), 2, rig.now), 0);
    const struct dbr_buf *told[3] = {&old, &new, &new}; /* two of the same, not of any */
    for (size_t i = 0; i < 3; i++) {
        assert_null(done(&rig));
        rig.read = i; /* after the SENDs that are answered */
        tell_value(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), dbr_bytes_str(key),
                   dbr_bytes(told[i]->data, told[i]->len));
    }
    assert_true(is_value(done(&rig), &new));
    dbr_buf_finish(&old);
    dbr_buf_finish(&new);
    rig_end(&rig);
}

static void our_own_store_counts(void **state)
{
    (void)state;
    struct rig rig;
    char key[128];
    rig_begin(&rig);
    struct dbr_buf value = rig_envelope(&rig, key, 1);
    assert_int_equal(dbr_dht_put(rig.dht, 1, dbr_bytes_str(key),
                                 dbr_bytes(value.data, value.len), rig.now),
                     0);
    assert_int_equal(done(&rig)->status, DEBROS_EUNREACHABLE); /* but it is held here */
    rig_forget(&rig);
    assert_int_equal(dbr_dht_get(rig.dht, 2, dbr_bytes_str(key), 0, rig.now), 0);
    assert_true(is_value(done(&rig), &value));
    rig_forget(&rig);
    assert_int_equal(dbr_dht_provide(rig.dht, 3, dbr_bytes_str("thing"), rig.now), 0);
    rig_poll(&rig);
    rig_forget(&rig);
    assert_int_equal(
        dbr_dht_find_providers(rig.dht, 4, dbr_bytes_str("thing"), 1, rig.now), 0);
    const struct dbr_dht_event *event = done(&rig);
    struct dbr_peer_id self = peer_of(RIG_SELF);
    assert_int_equal(event->n_peers, 1);
    assert_memory_equal(&event->peers[0], &self, sizeof(self));
    dbr_buf_finish(&value);
    rig_end(&rig);
}

/* Each once, with a hint of where it is. */
static void providers_are_collected(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    assert_int_equal(
        dbr_dht_find_providers(rig.dht, 1, dbr_bytes_str("thing"), 0, rig.now), 0);
    for (uint64_t i = 0; i < 3; i++) {
        struct rig_list list = {.n = 0};
        const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
        rig_list_add(&list, 50);
        rig_list_add(&list, 51 + i);
        struct dbr_dht_message message = {.type = DBR_DHT_GET_PROVIDERS,
                                          .providers = list.peers,
                                          .n_providers = list.n};
        rig_reply(&rig, send->request, &message);
    }
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_HINT), 4);
    const struct dbr_dht_event *event = done(&rig);
    assert_int_equal(event->status, 0);
    assert_int_equal(event->n_peers, 4);
    rig.read = 0;
    const struct dbr_dht_event *hint = rig_next(&rig, DBR_DHT_EVENT_HINT);
    struct dbr_multiaddr addr = rig_addr(50);
    assert_int_equal(rig_number(&hint->peer), 50);
    assert_true(dbr_multiaddr_equal(&hint->addrs[0], &addr));
    rig_end(&rig);
}

static void enough_providers_are_enough(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_list list = {.n = 0};
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    assert_int_equal(
        dbr_dht_find_providers(rig.dht, 1, dbr_bytes_str("thing"), 2, rig.now), 0);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    rig_list_add(&list, 50);
    rig_list_add(&list, 51);
    struct dbr_dht_message message = {
        .type = DBR_DHT_GET_PROVIDERS, .providers = list.peers, .n_providers = 2};
    rig_reply(&rig, send->request, &message);
    assert_int_equal(done(&rig)->n_peers, 2);
    rig_end(&rig);
}

/* An answer with `n` providers, and others who can be asked as well. */
static void tell_providers(struct rig *rig, const struct dbr_dht_event *send,
                           uint64_t first, size_t n)
{
    struct rig_list list = {.n = 0};
    struct rig_list closer = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        rig_list_add(&list, first + i);
    }
    for (uint64_t i = 0; i < DBR_DHT_MESSAGE_PEERS_MAX; i++) {
        rig_list_add(&closer, 1 + (first / 2 + i) % 240);
    }
    struct dbr_dht_message message = {.type = DBR_DHT_GET_PROVIDERS,
                                      .closer = closer.peers,
                                      .n_closer = closer.n,
                                      .providers = list.peers,
                                      .n_providers = list.n};
    rig_reply(rig, send->request, &message);
}

/* However many answers invent twenty each, whom two have told comes first, and not more
 * than the limit are told. */
static void whom_many_tell_comes_first(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id true_one = peer_of(50);
    const struct dbr_dht_event *send;
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    assert_int_equal(
        dbr_dht_find_providers(rig.dht, 1, dbr_bytes_str("thing"), 0, rig.now), 0);
    size_t answers = 0;
    while ((send = rig_next(&rig, DBR_DHT_EVENT_SEND)) != NULL) {
        bool honest = ++answers == 9 || answers == 19;
        tell_providers(&rig, send, honest ? 50 : 100 + 20 * answers, honest ? 1 : 20);
    }
    assert_in_range(answers, 28, 99); /* more than are remembered */
    const struct dbr_dht_event *event = done(&rig);
    assert_int_equal(event->n_peers, DBR_DHT_FOUND_MAX);
    assert_memory_equal(&event->peers[0], &true_one, sizeof(true_one));
    /* Of those whom one alone has told only the first are worth a hint. */
    assert_in_range(rig_count(&rig, DBR_DHT_EVENT_HINT), 2, DBR_DHT_FOUND_MAX + 1);
    rig_end(&rig);
}

/* A peer that names one provider twenty times counts once. */
static void nobody_votes_twice(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_list twice = {.n = 0};
    struct dbr_peer_id true_one = peer_of(50);
    rig_begin(&rig);
    rig_join(&rig, 1, 3);
    assert_int_equal(
        dbr_dht_find_providers(rig.dht, 1, dbr_bytes_str("thing"), 0, rig.now), 0);
    for (size_t i = 0; i < DBR_DHT_MESSAGE_PEERS_MAX; i++) {
        rig_list_add(&twice, 90);
    }
    struct dbr_dht_message message = {.type = DBR_DHT_GET_PROVIDERS,
                                      .providers = twice.peers,
                                      .n_providers = twice.n};
    rig_reply(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND)->request, &message);
    for (int i = 0; i < 2; i++) {
        tell_providers(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 50, 1);
    }
    rig_settle(&rig);
    const struct dbr_dht_event *event = done(&rig);
    assert_int_equal(event->n_peers, 2);
    assert_memory_equal(&event->peers[0], &true_one, sizeof(true_one));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_value_wins),
        cmocka_unit_test(forged_values_are_no_values),
        cmocka_unit_test(a_quorum_ends_the_lookup),
        cmocka_unit_test(our_own_store_counts),
        cmocka_unit_test(providers_are_collected),
        cmocka_unit_test(enough_providers_are_enough),
        cmocka_unit_test(whom_many_tell_comes_first),
        cmocka_unit_test(nobody_votes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
