#include <stdio.h>

#include "rig.h"

/* An answer with one peer at these addresses. */
static void tell(struct rig *rig, const struct dbr_dht_event *send, uint64_t number,
                 const struct dbr_multiaddr *addrs, size_t n)
{
    struct dbr_dht_peer peer = {.id = peer_of(number), .addrs = addrs, .n_addrs = n};
    struct dbr_dht_message message = {
        .type = DBR_DHT_FIND_NODE, .closer = &peer, .n_closer = 1};
    rig_reply(rig, send->request, &message);
}

static struct dbr_multiaddr addr_of(const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    return addr;
}

static void look(struct rig *rig)
{
    rig_begin(rig);
    rig_join(rig, 1, 5);
    assert_int_equal(dbr_dht_find_closest(rig->dht, 1, dbr_bytes_str("key"), rig->now),
                     0);
}

static const struct dbr_dht_event *send_to(struct rig *rig, uint64_t number)
{
    const struct dbr_dht_event *send;
    while ((send = rig_next(rig, DBR_DHT_EVENT_SEND)) != NULL) {
        if (rig_number(&send->peer) == number) {
            return send;
        }
    }
    return NULL;
}

static void a_new_peer_is_asked_where_it_was_said_to_be(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_multiaddr addrs[2] = {addr_of("/ip4/20.9.0.1/tcp/1"),
                                     addr_of("/dns4/example.org/tcp/2")};
    look(&rig);
    tell(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 40, addrs, 2);
    const struct dbr_dht_event *send = send_to(&rig, 40);
    assert_non_null(send);
    assert_int_equal(send->n_addrs, 2);
    assert_true(dbr_multiaddr_equal(&send->addrs[0], &addrs[0]));
    assert_true(dbr_multiaddr_equal(&send->addrs[1], &addrs[1]));
    rig_end(&rig);
}

static void useless_addresses_are_left_out(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_multiaddr addrs[5] = {
        addr_of("/ip4/127.0.0.1/tcp/1"), /* nobody on this machine says so */
        addr_of("/ip4/0.0.0.0/tcp/1"), rig_addr(RIG_SELF),
        addr_of("/ip4/1.2.3.4/udp/1/quic-v1"), addr_of("/ip4/20.9.0.1/tcp/1")};
    look(&rig);
    tell(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 41, addrs, 4); /* nowhere, then */
    tell(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 40, addrs, 5);
    const struct dbr_dht_event *send = send_to(&rig, 40);
    assert_non_null(send);
    assert_int_equal(send->n_addrs, 1);
    assert_true(dbr_multiaddr_equal(&send->addrs[0], &addrs[4]));
    rig.read = 0;
    assert_null(send_to(&rig, 41));
    assert_int_equal(dbr_dht_counts(rig.dht)->junk, 1);
    rig_end(&rig);
}

static void on_one_machine_loopback_is_an_address(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id peer = peer_of(1);
    struct dbr_multiaddr here = addr_of("/ip4/127.0.0.1/tcp/1");
    rig_begin(&rig);
    rig.known[1] = true;
    dbr_dht_identified(rig.dht, &peer, &here, true, true, rig.now);
    rig_settle(&rig);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("key"), rig.now), 0);
    tell(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 40, &here, 1);
    assert_non_null(send_to(&rig, 40));
    rig_end(&rig);
}

/* The first who told of it lied: the truth, from another one, is another try. */
static void a_lie_about_an_address_is_undone(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_multiaddr lie = addr_of("/ip4/20.9.0.1/tcp/1");
    struct dbr_multiaddr truth = rig_addr(40);
    look(&rig);
    tell(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 40, &lie, 1);
    const struct dbr_dht_event *second = rig_next(&rig, DBR_DHT_EVENT_SEND);
    const struct dbr_dht_event *third = rig_next(&rig, DBR_DHT_EVENT_SEND);
    const struct dbr_dht_event *send = send_to(&rig, 40);
    dbr_dht_failed(rig.dht, send->request, rig.now);
    tell(&rig, second, 40, &lie, 1); /* the same again is no news */
    assert_null(send_to(&rig, 40));
    tell(&rig, third, 40, &truth, 1);
    send = send_to(&rig, 40);
    assert_non_null(send);
    assert_int_equal(send->n_addrs, 2);
    assert_true(dbr_multiaddr_equal(&send->addrs[0], &truth)); /* the latest first */
    assert_true(dbr_multiaddr_equal(&send->addrs[1], &lie));
    rig_end(&rig);
}

/* Nobody fills the list of a peer's addresses alone. */
static void addresses_are_shared_among_those_who_told(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_multiaddr lies[8];
    struct dbr_multiaddr truth = rig_addr(40);
    look(&rig);
    for (size_t i = 0; i < 8; i++) {
        char text[64];
        snprintf(text, sizeof(text), "/ip4/20.9.0.1/tcp/%zu", 10 + i);
        lies[i] = addr_of(text);
    }
    tell(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 40, &truth, 1);
    const struct dbr_dht_event *second = rig_next(&rig, DBR_DHT_EVENT_SEND);
    const struct dbr_dht_event *send = send_to(&rig, 40);
    dbr_dht_failed(rig.dht, send->request, rig.now);
    tell(&rig, second, 40, lies, 8);
    send = send_to(&rig, 40);
    assert_non_null(send);
    assert_int_equal(send->n_addrs, 5); /* four of the liar's, and the other's one */
    assert_true(dbr_multiaddr_equal(&send->addrs[4], &truth));
    rig_end(&rig);
}

static void hints_of_a_lookup_have_a_limit(void **state)
{
    (void)state;
    struct rig rig;
    rig_prepare(&rig);
    rig.config.limits.hint_bytes = 1 + 6 + 2 + rig_addr(40).len; /* of one peer */
    rig_open(&rig);
    rig_join(&rig, 1, 5);
    assert_int_equal(dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("key"), rig.now), 0);
    rig_answer(&rig, rig_next(&rig, DBR_DHT_EVENT_SEND), 40, 2);
    assert_non_null(send_to(&rig, 40));
    rig.read = 0;
    assert_null(send_to(&rig, 41));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_peer_is_asked_where_it_was_said_to_be),
        cmocka_unit_test(useless_addresses_are_left_out),
        cmocka_unit_test(on_one_machine_loopback_is_an_address),
        cmocka_unit_test(a_lie_about_an_address_is_undone),
        cmocka_unit_test(addresses_are_shared_among_those_who_told),
        cmocka_unit_test(hints_of_a_lookup_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
