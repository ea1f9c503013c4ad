/* What a peer can do to a node over its own connection: node 1 has the table, 2 and 3 are
 * bare swarms that send whatever they like. */
#include "test.h"

#include <stdio.h>

#include "kad_ask.h"
#include "swarm/state.h"

#define BURST 20u /* puts of a peer in a second */

static struct pipe_node *at(size_t number)
{
    return pipe_node(kad_world, number);
}

static void up(void)
{
    kad_up(3, 0, true);
}

/* With what the test has changed in kad_dht_limits. */
static void meet(void)
{
    struct dbr_kad_limits limits = defaults();
    kad_join(1, true, &limits);
    kad_connect(2, 1);
    kad_connect(3, 1);
    pipe_forget(kad_world);
}

/* Sends `message` to node 1 on a stream of its own, and runs. */
static void attack(size_t from, debros_bytes message)
{
    uint64_t stream;
    assert_int_equal(
        dbr_swarm_open(at(from)->swarm, &stream, &at(1)->id, 0, kad_world->now), 0);
    assert_int_equal(dbr_swarm_send(at(from)->swarm, stream, message, kad_world->now), 0);
    dbr_swarm_finish(at(from)->swarm, stream, kad_world->now);
    pipe_run(kad_world);
}

static void attack_message(size_t from, const struct dbr_dht_message *message)
{
    struct dbr_buf data = {0};
    assert_int_equal(dbr_dht_message_encode(&data, message), 0);
    attack(from, dbr_bytes(data.data, data.len));
    dbr_buf_finish(&data);
}

/* A value of the peer's own, under a name that nobody else may write. */
static void put(size_t from, unsigned name)
{
    char key[200];
    char id[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_dht_signer signer;
    struct dbr_buf envelope = {0};
    snprintf(key, sizeof(key), "/debros/app/%s/%u", dbr_peer_id_text(&at(from)->id, id),
             name);
    dbr_dht_signer_init(&signer, &at(from)->key);
    assert_int_equal(dbr_dht_envelope_seal(&envelope, &signer, dbr_bytes_str(key), 1,
                                           KAD_WALL_MS + 3600000, dbr_bytes_str("x")),
                     0);
    struct dbr_dht_message message = {.type = DBR_DHT_PUT_VALUE,
                                      .key = dbr_bytes_str(key),
                                      .has_record = true};
    message.record.key = message.key;
    message.record.value = dbr_bytes(envelope.data, envelope.len);
    attack_message(from, &message);
    dbr_buf_finish(&envelope);
}

static void provide(size_t from, const char *key, size_t whom)
{
    struct dbr_multiaddr addr;
    struct dbr_dht_peer peer = {.id = at(whom)->id, .addrs = &addr, .n_addrs = 1};
    assert_int_equal(dbr_multiaddr_parse(&addr, "/ip4/20.0.0.1/tcp/1", NULL), 0);
    struct dbr_dht_message message = {.type = DBR_DHT_ADD_PROVIDER,
                                      .key = dbr_bytes_str(key),
                                      .providers = &peer,
                                      .n_providers = 1};
    attack_message(from, &message);
}

/* What the book of node 1 has of it. */
static size_t n_addrs(size_t number)
{
    const struct dbr_book_peer *peer =
        dbr_book_find(&at(1)->swarm->book, &at(number)->id);
    return peer != NULL ? peer->addrs.n : 0;
}

static const struct dbr_dht_records *records(void)
{
    return dbr_dht_records(kad_dht(1));
}

/* It still answers. */
static void assert_alive(size_t from)
{
    static const uint8_t find[] = {0x08, 4, 0x12, 1, 'x'};
    assert_true(connected(1, from));
    pipe_forget(kad_world);
    attack(from, dbr_bytes(find, sizeof(find)));
    assert_int_equal(pipe_count(at(from), DBR_SWARM_STREAM_MESSAGE), 1);
}

static void floods_of_values_are_bounded(void **state)
{
    (void)state;
    up();
    kad_dht_limits.records.values.per_writer = 30;
    kad_dht_limits.records.values.values = 50;
    meet();
    for (unsigned i = 0; i < 100; i++) {
        put(2, i);
    }
    const uint64_t *verdicts = records()->stats.values;
    assert_int_equal(records()->values.n, BURST);
    assert_int_equal(verdicts[DBR_DHT_VALUE_TOO_OFTEN], 100 - BURST);
    assert_int_equal(dbr_dht_counts(kad_dht(1))->refused, 100 - BURST);
    for (unsigned i = 0; i < 40; i++) { /* slower, up to its share */
        pipe_sleep(kad_world, 100);
        put(2, 100 + i);
        put(3, i);
    }
    assert_int_equal(dbr_dht_shares_of(&records()->values.writers, &at(2)->id) +
                         dbr_dht_shares_of(&records()->values.writers, &at(3)->id),
                     50);
    assert_int_equal(records()->values.n, 50);
    assert_in_range(dbr_dht_shares_of(&records()->values.writers, &at(2)->id), 20, 30);
    assert_true(verdicts[DBR_DHT_VALUE_NO_ROOM] > 0);
    assert_alive(2);
    kad_down();
}

static void floods_of_providers_are_bounded(void **state)
{
    (void)state;
    char key[16];
    up();
    kad_dht_limits.records.providers.per_peer = 5;
    kad_dht_limits.records.providers.per_key = 1;
    meet();
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        provide(2, key, 2);
    }
    const uint64_t *verdicts = records()->stats.providers;
    assert_int_equal(records()->providers.n, 5);
    assert_int_equal(verdicts[DBR_DHT_VALUE_NO_ROOM], BURST - 5);
    assert_int_equal(verdicts[DBR_DHT_VALUE_TOO_OFTEN], 100 - BURST);
    for (int i = 0; i < 5; i++) { /* more of one key than there is room for */
        snprintf(key, sizeof(key), "key %d", i);
        provide(3, key, 3);
    }
    assert_int_equal(records()->providers.n_in, 5);
    assert_int_equal(verdicts[DBR_DHT_VALUE_NO_ROOM] + records()->providers.evicted,
                     BURST - 5 + 5);
    assert_alive(2);
    kad_down();
}

static void nobody_provides_for_another(void **state)
{
    (void)state;
    up();
    meet();
    uint64_t refused = dbr_dht_counts(kad_dht(1))->refused;
    size_t before = n_addrs(3);
    provide(2, "thing", 3);
    provide(2, "thing", 1);
    assert_int_equal(records()->providers.n, 0);
    assert_int_equal(dbr_dht_counts(kad_dht(1))->refused, refused + 2);
    assert_int_equal(n_addrs(3), before);
    assert_alive(2);
    kad_down();
}

/* ---- By hand, for no encoder would ------------------------------------------------ */

static void add_field(struct dbr_buf *out, uint8_t tag, debros_bytes bytes)
{
    dbr_buf_u8(out, tag);
    dbr_buf_uvarint(out, bytes.len);
    dbr_buf_add(out, bytes.data, bytes.len);
}

/* Of a message: `n_addrs` addresses of a peer, or `n_peers` peers, behind `type`. */
static struct dbr_buf make(uint8_t type, uint8_t list, size_t n_peers, size_t n_addrs)
{
    struct dbr_buf out = {0};
    dbr_buf_u8(&out, 0x08);
    dbr_buf_u8(&out, type);
    if (type == DBR_DHT_ADD_PROVIDER) {
        add_field(&out, 0x12, dbr_bytes_str("thing"));
    }
    for (size_t i = 0; i < n_peers; i++) {
        struct dbr_buf peer = {0};
        struct dbr_peer_id id = at(2)->id;
        memcpy(id.bytes + 10, &i, i == 0 ? 0 : 4);
        add_field(&peer, 0x0a, dbr_bytes(id.bytes, id.len));
        for (size_t k = 0; k < n_addrs; k++) {
            uint8_t addr[] = {4, 20, 0, (uint8_t)(k >> 8), (uint8_t)k, 6, 15, 161};
            add_field(&peer, 0x12, dbr_bytes(addr, sizeof(addr)));
        }
        add_field(&out, list, dbr_bytes(peer.data, peer.len));
        dbr_buf_finish(&peer);
    }
    assert_false(out.failed);
    return out;
}

#define PROVIDERS 0x4a /* fields 9 and 8 of the message */
#define CLOSER    0x42

static void ten_thousand_addresses_are_few(void **state)
{
    (void)state;
    up();
    meet();
    struct dbr_buf message = make(DBR_DHT_ADD_PROVIDER, PROVIDERS, 1, 10000);
    attack(2, dbr_bytes(message.data, message.len));
    assert_int_equal(records()->providers.n_in, 1); /* the claim itself is good */
    assert_in_range(n_addrs(2), 1, DBR_DHT_PEER_ADDRS_MAX);
    assert_alive(2);
    dbr_buf_finish(&message);
    kad_down();
}

/* Node 1 asks 2 for itself, as it does with each newcomer, and gets `data`. */
static void answer_with(debros_bytes data)
{
    struct dbr_kad_limits limits = defaults();
    kad_join(1, true, &limits);
    pipe_connect(kad_world, 2, 1);
    const struct pipe_event *opened = pipe_event(at(2), DBR_SWARM_STREAM_OPENED, 0);
    assert_non_null(opened);
    assert_int_equal(dbr_dht_counts(kad_dht(1))->sent, 1);
    assert_int_equal(
        dbr_swarm_send(at(2)->swarm, opened->event.stream, data, kad_world->now), 0);
    pipe_run(kad_world);
}

/* The lookup for its own id takes no more than a lookup of an answer, either. */
static void an_answer_names_twenty_however_many_it_has(void **state)
{
    (void)state;
    const size_t n = DBR_DHT_MESSAGE_MAX / 60;
    up();
    struct dbr_buf message = make(DBR_DHT_FIND_NODE, CLOSER, n, 1);
    answer_with(dbr_bytes(message.data, message.len));
    assert_int_equal(dbr_dht_table(kad_dht(1))->n, 1); /* it answered; they did not */
    pipe_sleep(kad_world, 1);
    const struct pipe_event *opened = pipe_event(at(2), DBR_SWARM_STREAM_OPENED, 1);
    assert_non_null(opened); /* the lookup for its own id */
    assert_int_equal(dbr_swarm_send(at(2)->swarm, opened->event.stream,
                                    dbr_bytes(message.data, message.len), kad_world->now),
                     0);
    pipe_run(kad_world);
    assert_in_range(dbr_dht_counts(kad_dht(1))->sent, 2, 2 + DBR_DHT_MESSAGE_PEERS_MAX);
    assert_true(at(1)->swarm->book.n <= 1 + DBR_DHT_MESSAGE_PEERS_MAX);
    assert_true(HASH_COUNT(link_of(1)->peers) <= 1 + DBR_DHT_MESSAGE_PEERS_MAX);
    assert_in_range(kad_world->n_dials, 2, 1 + DBR_DHT_MESSAGE_PEERS_MAX);
    dbr_buf_finish(&message);
    kad_down();
}

/* 10,000 peers are longer than any message: the stream ends, and the request failed. */
static void an_answer_of_ten_thousand_is_refused(void **state)
{
    (void)state;
    up();
    at(2)->swarm->protocols[0].max_message = at(2)->swarm->protocols[0].send_queue =
        1u << 20; /* beyond its own limits */
    struct dbr_buf message = make(DBR_DHT_FIND_NODE, CLOSER, 10000, 0);
    assert_true(message.len > DBR_DHT_MESSAGE_MAX);
    answer_with(dbr_bytes(message.data, message.len));
    assert_int_equal(dbr_dht_table(kad_dht(1))->n, 0);
    assert_int_equal(dbr_dht_counts(kad_dht(1))->failed, 1);
    assert_int_equal(n_calls(), 0);
    dbr_buf_finish(&message);
    kad_down();
}

static void giant_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        size_t len;
        bool refused;
    } cases[] = {
        {DBR_DHT_GET_PROVIDERS, DBR_DHT_PROVIDER_KEY_MAX, false},
        {DBR_DHT_GET_PROVIDERS, DBR_DHT_PROVIDER_KEY_MAX + 1, true},
        {DBR_DHT_GET_VALUE, DBR_DHT_RECORD_KEY_MAX, false},
        {DBR_DHT_GET_VALUE, DBR_DHT_RECORD_KEY_MAX + 1, true},
        {DBR_DHT_FIND_NODE, 100000, true},
    };
    static const uint8_t key[100000] = {'x'};
    up();
    meet();
    uint64_t refused = dbr_dht_counts(kad_dht(1))->refused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dbr_buf message = {0};
        dbr_buf_u8(&message, 0x08);
        dbr_buf_u8(&message, cases[i].type);
        add_field(&message, 0x12, dbr_bytes(key, cases[i].len));
        attack(2, dbr_bytes(message.data, message.len));
        refused += cases[i].refused;
        assert_int_equal(dbr_dht_counts(kad_dht(1))->refused, refused);
        dbr_buf_finish(&message);
    }
    assert_alive(2);
    kad_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floods_of_values_are_bounded),
        cmocka_unit_test(floods_of_providers_are_bounded),
        cmocka_unit_test(nobody_provides_for_another),
        cmocka_unit_test(ten_thousand_addresses_are_few),
        cmocka_unit_test(an_answer_names_twenty_however_many_it_has),
        cmocka_unit_test(an_answer_of_ten_thousand_is_refused),
        cmocka_unit_test(giant_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
