#include "kad_ops.h"

static struct fixture f;

static void the_table_is_told_bucket_by_bucket(void **state)
{
    (void)state;
    kad_ops_up(&f, 5);
    assert_int_equal(kad_status(&f, kad_op(&f, 1, DBR_REQUEST_DHT_PROVIDE, "x")), 0);
    for (int i = 0; i <= f.client; i += f.client) {
        struct sim_op *op = kad_ask(&f, kad_op(&f, i, DBR_REQUEST_DHT_TABLE, ""));
        const debros_table *table = op->request.table;
        size_t n = 0;
        assert_int_equal(op->request.status, 0);
        for (size_t b = 0; b < table->n_buckets; b++) {
            assert_int_equal(table->buckets[b].prefix, b);
            for (size_t p = 0; p < table->buckets[b].n_peers; p++, n++) {
                const debros_table_peer *peer = &table->buckets[b].peers[p];
                assert_int_equal(strncmp(peer->id, "12D3KooW", 8), 0);
                assert_true(peer->connected);
                assert_int_equal(peer->failures, 0);
                assert_true(peer->idle_ms <= 10000);
            }
        }
        assert_int_equal(n, 4);
        assert_true(table->keys >= 1 && table->providers >= table->keys);
        sim_op_free(op);
    }
    fixture_down(&f);
}

/* Every entry stands in the bucket of its own distance, whoever stands where. */
static void buckets_are_those_of_the_table(void **state)
{
    struct dbr_request request = {.type = DBR_REQUEST_DHT_TABLE};
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    struct dbr_dht_table *table =
        (struct dbr_dht_table *)(uintptr_t)dbr_dht_table(core->kad->dht);
    for (uint8_t i = 1; i <= 100; i++) {
        uint8_t seed[32] = {i};
        struct dbr_keypair key;
        struct dbr_peer_id id;
        struct dbr_peer_id check;
        dbr_keypair_from_seed(&key, seed);
        dbr_peer_id_from_key(&id, key.public_key);
        dbr_dht_table_add(table, &id, 0, i % 2 == 0, f.world.now, &check);
    }
    assert_true(table->n > 50);
    assert_int_equal(dbr_view_table(core, &request, f.world.now + 7), 0);
    size_t n = 0;
    for (size_t b = 0; b < request.table->n_buckets; b++) {
        const debros_bucket *bucket = &request.table->buckets[b];
        assert_int_equal(bucket->n_peers, dbr_dht_table_bucket_len(table, (unsigned)b));
        for (size_t i = 0; i < bucket->n_peers; i++, n++) {
            struct dbr_dht_key key;
            struct dbr_peer_id id;
            const char *text = bucket->peers[i].id;
            assert_int_equal(dbr_peer_id_parse(&id, text, strlen(text)), 0);
            dbr_dht_key_of_peer(&key, &id);
            assert_int_equal(dbr_dht_table_bucket(table, &key), b);
            assert_int_equal(bucket->peers[i].idle_ms, 7);
        }
    }
    assert_int_equal(n, table->n);
    dbr_arena_finish(&request.arena);
    fixture_down(&f);
}

static void the_status_counts_what_is_held(void **state)
{
    (void)state;
    kad_ops_up(&f, 3);
    sim_op_free(kad_put(&f, 0, "x", "y"));
    for (int i = 0; i <= f.client; i += f.client) {
        struct sim_op *op = fixture_ask(&f, i, DBR_REQUEST_STATUS, "", 5000);
        const debros_status *status = op->request.node_status;
        uint32_t n = 0;
        for (size_t b = 0; b < status->n_buckets; b++) {
            n += status->buckets[b];
        }
        assert_int_equal(n, 2);
        assert_int_equal(status->values, 1);
        assert_true(status->providers >= 2); /* services */
        assert_true(status->known_peers >= status->peer_count);
        sim_op_free(op);
    }
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_told_bucket_by_bucket),
        cmocka_unit_test(buckets_are_those_of_the_table),
        cmocka_unit_test(the_status_counts_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
