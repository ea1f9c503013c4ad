#include <stdio.h>

#include "fixture.h"

#include "core/inner.h"
#include "kad.h"
#include "swarm/state.h"

/* ---- Whole nodes ------------------------------------------------------------------- */

static struct fixture f;

static void members_are_in_each_others_tables(void **state)
{
    (void)state;
    fixture_up(&f, 5); /* more than a table of strangers takes of one network */
    sim_step_until(&f.world, f.world.now + 5000);
    for (int i = 0; i < 5; i++) {
        struct dbr_core *core = f.world.nodes[i].core;
        assert_int_equal(dbr_dht_table(core->kad->dht)->n, 4);
        assert_true(dbr_dht_counts(core->kad->dht)->served > 0);
        assert_int_equal(dbr_dht_counts(core->kad->dht)->bad, 0);
    }
    assert_null(f.world.nodes[f.client].core->kad);
    fixture_down(&f);
}

static void only_members_offer_the_protocol(void **state)
{
    (void)state;
    fixture_up(&f, 2);
    struct dbr_core *core = f.world.nodes[0].core;
    for (int i = 1; i <= f.client; i++) {
        struct dbr_peer_info info;
        bool listed = false;
        assert_true(dbr_swarm_peer_info(core->swarm, &f.world.nodes[i].id, &info));
        for (size_t p = 0; p < info.n_protocols; p++) {
            listed = listed || strcmp(info.protocols[p], DBR_DHT_PROTOCOL) == 0;
        }
        assert_true(listed == (i != f.client));
    }
    fixture_down(&f);
}

/* A network of its own may have its own table, whoever may use it. */
static void the_protocol_is_the_configs(void **state)
{
    (void)state;
    struct dbr_log_state log = {.first_index = 1};
    struct dbr_rng rng;
    struct dbr_keypair key;
    dbr_rng_seed(&rng, 1);
    dbr_keypair_generate(&key, &rng);
    for (int open = 0; open <= 1; open++) {
        struct dbr_core_config config = {.mode = DBR_CORE_MEMBER,
                                         .identity = &key,
                                         .open = open,
                                         .kad_protocol = "/ipfs/kad/1.0.0",
                                         .log_state = &log};
        struct dbr_core *core;
        debros_detail detail = {{0}};
        int err = dbr_core_create(&core, &config, &rng, 1, KAD_WALL_MS, &detail);
        assert_int_equal(err, 0);
        const struct dbr_swarm_protocol *kad = &core->swarm->protocols[DBR_PROTOCOL_KAD];
        assert_string_equal(kad->id, "/ipfs/kad/1.0.0");
        assert_int_equal(kad->min_class, open ? DBR_PEER_STRANGER : DBR_PEER_CLIENT);
        assert_false(core->swarm->hidden[DBR_PROTOCOL_KAD]);
        dbr_core_destroy(core);
    }
}

/* ---- Links over bare swarms -------------------------------------------------------- */

/* 1 knows 2, 2 knows 3. */
static void three_in_a_row(void)
{
    kad_up(3, 3, true);
    kad_connect(1, 2);
    kad_connect(2, 3);
    pipe_sleep(kad_world, 5000);
}

static void a_peer_is_found_through_another(void **state)
{
    (void)state;
    three_in_a_row();
    const struct dbr_peer_id *three = &pipe_node(kad_world, 3)->id;
    const struct kad_done *done =
        kad_wait(1, dbr_dht_find_peer(kad_dht(1), 9, three, false, kad_world->now));
    assert_int_equal(done->token, 9);
    assert_int_equal(done->status, 0);
    assert_int_equal(done->n_addrs, 1);
    kad_down();
}

static void self_lookups_make_the_tables_full(void **state)
{
    (void)state;
    three_in_a_row();
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(dbr_dht_table(kad_dht(i))->n, 2);
    }
    kad_down();
}

static void key_of(size_t number, char out[200])
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    snprintf(out, 200, "/debros/peer/%s",
             dbr_peer_id_text(&pipe_node(kad_world, number)->id, id));
}

static void values_travel_and_forged_ones_do_not(void **state)
{
    (void)state;
    char key[200];
    struct dbr_buf envelope = {0};
    three_in_a_row();
    key_of(1, key);
    assert_int_equal(dbr_dht_envelope_seal(&envelope, &kad_node(1)->link->signer,
                                           dbr_bytes_str(key), 1, KAD_WALL_MS + 3600000,
                                           dbr_bytes_str("hello")),
                     0);
    debros_bytes bytes = dbr_bytes(envelope.data, envelope.len);
    const struct kad_done *done = kad_wait(
        1, dbr_dht_put(kad_dht(1), 1, dbr_bytes_str(key), bytes, kad_world->now));
    assert_int_equal(done->status, 0);
    assert_int_equal(done->stored, 2);
    done = kad_wait(3, dbr_dht_get(kad_dht(3), 2, dbr_bytes_str(key), 1, kad_world->now));
    assert_int_equal(done->status, 0);
    assert_memory_equal(done->data, bytes.data, bytes.len);

    /* 3 sends it on with a byte changed: 2 resets the stream. */
    struct dbr_dht_message put = {.type = DBR_DHT_PUT_VALUE, .has_record = true};
    struct dbr_buf message = {0};
    uint64_t stream;
    envelope.data[envelope.len - 1] ^= 1;
    put.key = put.record.key = dbr_bytes_str(key);
    put.record.value = bytes;
    assert_int_equal(dbr_dht_message_encode(&message, &put), 0);
    uint64_t refused = dbr_dht_counts(kad_dht(2))->refused;
    struct dbr_swarm *swarm = pipe_node(kad_world, 3)->swarm;
    const struct dbr_peer_id *two = &pipe_node(kad_world, 2)->id;
    pipe_forget(kad_world);
    assert_int_equal(dbr_swarm_open(swarm, &stream, two, 0, kad_world->now), 0);
    assert_int_equal(dbr_swarm_send(swarm, stream, dbr_bytes(message.data, message.len),
                                    kad_world->now),
                     0);
    pipe_run(kad_world);
    assert_int_equal(dbr_dht_counts(kad_dht(2))->refused, refused + 1);
    const struct pipe_event *closed =
        pipe_event(pipe_node(kad_world, 3), DBR_SWARM_STREAM_CLOSED, 0);
    assert_true(closed->event.status < 0);
    dbr_buf_finish(&message);
    dbr_buf_finish(&envelope);
    kad_down();
}

static void providers_are_found(void **state)
{
    (void)state;
    debros_bytes key = dbr_bytes_str("a multihash");
    three_in_a_row();
    const struct kad_done *done =
        kad_wait(1, dbr_dht_provide(kad_dht(1), 1, key, kad_world->now));
    assert_int_equal(done->status, 0);
    assert_int_equal(done->stored, 2);
    done = kad_wait(3, dbr_dht_find_providers(kad_dht(3), 2, key, 1, kad_world->now));
    assert_int_equal(done->status, 0);
    assert_int_equal(done->n_peers, 1);
    kad_down();
}

/* go-libp2p asks several times on one stream; a half-closed one is answered all the same,
 * and then closed. */
static void one_stream_serves_many_requests(void **state)
{
    (void)state;
    static const uint8_t request[] = {0x08, 4, 0x12, 1, 'x'}; /* FIND_NODE "x" */
    uint64_t stream;
    kad_up(2, 1, true);
    kad_connect(2, 1);
    struct pipe_node *asker = pipe_node(kad_world, 2);
    assert_int_equal(dbr_swarm_open(asker->swarm, &stream,
                                    &pipe_node(kad_world, 1)->id, 0, kad_world->now),
                     0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dbr_swarm_send(asker->swarm, stream,
                                        dbr_bytes(request, sizeof(request)),
                                        kad_world->now),
                         0);
        pipe_sleep(kad_world, i == 0 ? 1000 : 0);
    }
    dbr_swarm_finish(asker->swarm, stream, kad_world->now);
    pipe_run(kad_world);
    assert_int_equal(pipe_count(asker, DBR_SWARM_STREAM_MESSAGE), 3);
    const struct pipe_event *closed = pipe_event(asker, DBR_SWARM_STREAM_CLOSED, 0);
    assert_non_null(closed);
    assert_int_equal(closed->event.status, 0);
    kad_down();
}

static void a_closed_cluster_hears_no_strangers(void **state)
{
    (void)state;
    uint64_t stream;
    kad_up(2, 2, false);
    kad_connect(1, 2);
    pipe_sleep(kad_world, 100);
    assert_int_equal(dbr_dht_table(kad_dht(1))->n, 0);
    assert_int_equal(dbr_swarm_open(pipe_node(kad_world, 1)->swarm, &stream,
                                    &pipe_node(kad_world, 2)->id, 0, kad_world->now),
                     0);
    pipe_run(kad_world);
    const struct pipe_event *closed =
        pipe_event(pipe_node(kad_world, 1), DBR_SWARM_STREAM_CLOSED, 0);
    assert_int_equal(closed->event.status, DEBROS_EPROTO);
    /* Once both are members the table takes them, on the same connection. */
    for (size_t i = 1; i <= 2; i++) {
        const struct dbr_peer_id *other = &pipe_node(kad_world, 3 - i)->id;
        dbr_swarm_set_class(pipe_node(kad_world, i)->swarm, other, DBR_PEER_MEMBER,
                            kad_world->now);
    }
    for (size_t i = 1; i <= 2; i++) {
        dbr_kad_link_identified(kad_node(i)->link, &pipe_node(kad_world, 3 - i)->id,
                                kad_world->now);
        kad_drain(i);
    }
    pipe_sleep(kad_world, 100);
    assert_int_equal(dbr_dht_table(kad_dht(1))->n, 1);
    assert_int_equal(dbr_dht_table(kad_dht(2))->n, 1);
    kad_down();
}

static size_t addrs_at(size_t at, size_t of)
{
    struct dbr_multiaddr addrs[8];
    return dbr_swarm_known_addrs(pipe_node(kad_world, at)->swarm,
                                 &pipe_node(kad_world, of)->id, addrs, 8);
}

/* `b` goes, and comes no more. */
static void part(size_t a, size_t b)
{
    dbr_kad_link_destroy(kad_node(b)->link);
    kad_node(b)->link = NULL;
    pipe_node(kad_world, b)->down = true;
    dbr_swarm_disconnect(pipe_node(kad_world, a)->swarm, &pipe_node(kad_world, b)->id,
                         kad_world->now);
    pipe_run(kad_world);
}

/* It stays in the table when its connection goes, and so do its addresses. */
static void whoever_left_is_told_of_for_a_day(void **state)
{
    (void)state;
    struct dbr_kad_limits limits;
    dbr_kad_limits_default(&limits);
    kad_up(2, 0, true);
    kad_join(1, true, &limits);
    kad_join(2, true, &limits);
    kad_connect(1, 2);
    part(1, 2);
    assert_int_equal(addrs_at(1, 2), 1);
    pipe_sleep(kad_world, 23u * 3600 * 1000);
    assert_int_equal(addrs_at(1, 2), 1);
    pipe_sleep(kad_world, 26u * 3600 * 1000); /* 48 h, for its record is signed */
    assert_int_equal(addrs_at(1, 2), 0);
    kad_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_in_each_others_tables),
        cmocka_unit_test(only_members_offer_the_protocol),
        cmocka_unit_test(the_protocol_is_the_configs),
        cmocka_unit_test(a_peer_is_found_through_another),
        cmocka_unit_test(self_lookups_make_the_tables_full),
        cmocka_unit_test(values_travel_and_forged_ones_do_not),
        cmocka_unit_test(providers_are_found),
        cmocka_unit_test(one_stream_serves_many_requests),
        cmocka_unit_test(a_closed_cluster_hears_no_strangers),
        cmocka_unit_test(whoever_left_is_told_of_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
