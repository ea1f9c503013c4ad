#include "dht/dht.h"

#include "fault.h"
#include "rig.h"

static void a_new_machine_is_silent(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_poll(&rig);
    assert_int_equal(rig.n_events, 0);
    assert_int_equal(dbr_dht_deadline(rig.dht), DBR_TIME_NEVER);
    rig_end(&rig);
}

/* go-libp2p does the same: what identify lists is not enough. */
static void a_newcomer_is_probed_before_it_comes_in(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_arena arena;
    struct dbr_peer_id peer = peer_of(1);
    rig_begin(&rig);
    rig_connect(&rig, 1, true);
    const struct dbr_dht_event *send = rig_next(&rig, DBR_DHT_EVENT_SEND);
    assert_non_null(send);
    assert_memory_equal(&send->peer, &peer, sizeof(peer));
    struct dbr_dht_message message = rig_decode(send->data, &arena);
    assert_int_equal(message.type, DBR_DHT_FIND_NODE);
    assert_true(dbr_bytes_equal(message.key, dbr_bytes(peer.bytes, peer.len)));
    dbr_arena_finish(&arena);
    assert_int_equal(dbr_dht_table(rig.dht)->n, 0);
    rig_connect(&rig, 1, true); /* identify again: it is being asked */
    assert_null(rig_next(&rig, DBR_DHT_EVENT_SEND));
    rig_answer(&rig, send, 0, 0);
    assert_int_equal(dbr_dht_table(rig.dht)->n, 1);
    assert_true(dbr_dht_table_find(dbr_dht_table(rig.dht), &peer)->outbound);
    rig_end(&rig);
}

static void a_client_does_not_come_in(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig);
    rig_connect(&rig, 1, false);
    assert_int_equal(rig.n_events, 0);
    rig_join(&rig, 2, 1);
    rig_connect(&rig, 2, false); /* a server that becomes a client goes */
    assert_int_equal(dbr_dht_table(rig.dht)->n, 0);
    rig_end(&rig);
}

static void a_lost_connection_costs_no_place(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id peer = peer_of(1);
    rig_begin(&rig);
    rig_join(&rig, 1, 1);
    assert_true(dbr_dht_table_find(dbr_dht_table(rig.dht), &peer)->connected);
    dbr_dht_disconnected(rig.dht, &peer, rig.now);
    assert_int_equal(dbr_dht_table(rig.dht)->n, 1);
    assert_false(dbr_dht_table_find(dbr_dht_table(rig.dht), &peer)->connected);
    rig_end(&rig);
}

static void connections_that_are_remembered_are_few(void **state)
{
    (void)state;
    struct rig rig;
    rig_prepare(&rig);
    rig.config.limits.contacts = 1;
    rig_open(&rig);
    rig_connect(&rig, 1, true);
    rig_connect(&rig, 2, true);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_SEND), 1);
    struct dbr_peer_id peer = peer_of(1);
    dbr_dht_disconnected(rig.dht, &peer, rig.now);
    rig_connect(&rig, 3, true);
    assert_int_equal(rig_count(&rig, DBR_DHT_EVENT_SEND), 2);
    rig_end(&rig);
}

/* What is on disk is told, and taken back at the next start. */
static void rows_are_told_and_loaded(void **state)
{
    (void)state;
    struct rig rig;
    struct rig next;
    char key[128];
    rig_begin(&rig);
    struct dbr_buf envelope = rig_envelope(&rig, key, 1);
    assert_int_equal(dbr_dht_put(rig.dht, 1, dbr_bytes_str(key),
                                 dbr_bytes(envelope.data, envelope.len), rig.now),
                     0);
    assert_int_equal(dbr_dht_provide(rig.dht, 2, dbr_bytes_str("thing"), rig.now), 0);
    struct dbr_dht_event event;
    size_t rows = 0;
    rig_begin(&next);
    assert_true(dbr_dht_has_rows(rig.dht));
    while (dbr_dht_poll_row(rig.dht, &event)) {
        if (event.type == DBR_DHT_EVENT_VALUE_ROW) {
            assert_int_equal(event.row.type, DBR_DHT_ROW_PUT);
            assert_int_equal(dbr_dht_load_value(next.dht, &event.row, next.now),
                             DBR_DHT_VALUE_NEWER);
            rows++;
        } else if (event.type == DBR_DHT_EVENT_PROVIDER_ROW) {
            assert_int_equal(dbr_dht_load_provider(next.dht, &event.row, next.now),
                             DBR_DHT_VALUE_NEWER);
            rows++;
        }
    }
    assert_int_equal(rows, 2);
    assert_false(dbr_dht_has_rows(rig.dht));
    assert_false(dbr_dht_has_rows(next.dht)); /* what was loaded is there already */
    assert_non_null(dbr_dht_values_get(&dbr_dht_records(next.dht)->values,
                                       dbr_bytes_str(key), next.now));
    assert_int_equal(dbr_dht_records(next.dht)->providers.n, 1);
    assert_true(dbr_dht_remove(next.dht, dbr_bytes_str(key)));
    assert_false(dbr_dht_remove(next.dht, dbr_bytes_str(key)));
    assert_true(dbr_dht_unprovide(next.dht, dbr_bytes_str("thing")));
    rig_end(&next);
    dbr_buf_finish(&envelope);
    rig_end(&rig);
}

/* The wall clock is set by an hour: what has ended meanwhile is not taken. */
static void the_wall_clock_can_be_set(void **state)
{
    (void)state;
    struct rig rig;
    char key[128];
    rig_begin(&rig);
    struct dbr_buf envelope = rig_envelope(&rig, key, 1);
    debros_bytes view = dbr_bytes(envelope.data, envelope.len);
    dbr_dht_set_wall(rig.dht, RIG_WALL + 864000000 + 3600000, rig.now);
    assert_int_equal(dbr_dht_put(rig.dht, 1, dbr_bytes_str(key), view, rig.now),
                     DEBROS_ETIMEDOUT);
    dbr_dht_set_wall(rig.dht, RIG_WALL, rig.now);
    assert_int_equal(dbr_dht_put(rig.dht, 1, dbr_bytes_str(key), view, rig.now), 0);
    dbr_buf_finish(&envelope);
    rig_end(&rig);
}

static void wrong_memory_is_survived(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        struct rig rig;
        struct dbr_multiaddr addr = rig_addr(1);
        struct dbr_peer_id peer = peer_of(1);
        rig_prepare(&rig);
        rig.known[1] = true;
        fault_after(n);
        int err = dbr_dht_create(&rig.dht, &rig.config, &rig.rng, rig.now);
        if (err == 0) {
            struct dbr_dht_event event;
            dbr_dht_identified(rig.dht, &peer, &addr, true, true, rig.now);
            while (dbr_dht_poll(rig.dht, &event)) {
                if (event.type == DBR_DHT_EVENT_SEND) {
                    uint8_t answer[] = {0x08, 0x04}; /* FIND_NODE */
                    dbr_dht_answered(rig.dht, event.request, dbr_bytes(answer, 2), 1000);
                }
            }
            (void)dbr_dht_find_closest(rig.dht, 1, dbr_bytes_str("x"), rig.now);
            dbr_dht_expire(rig.dht, rig.now + 10);
        }
        bool failed = fault_off();
        assert_true(err == 0 || err == DEBROS_ENOMEM);
        dbr_dht_destroy(rig.dht);
        if (!failed) {
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_machine_is_silent),
        cmocka_unit_test(a_newcomer_is_probed_before_it_comes_in),
        cmocka_unit_test(a_client_does_not_come_in),
        cmocka_unit_test(a_lost_connection_costs_no_place),
        cmocka_unit_test(connections_that_are_remembered_are_few),
        cmocka_unit_test(rows_are_told_and_loaded),
        cmocka_unit_test(the_wall_clock_can_be_set),
        cmocka_unit_test(wrong_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
