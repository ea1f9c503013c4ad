#include "test.h"

#include "core/core.h"
#include "crypto/system.h"
#include "sql/codec.h"

static void a_cluster_begins_with_a_term_and_two_entries(void **state)
{
    struct dbr_arena arena;
    struct dbr_rng rng;
    struct dbr_keypair node;
    struct dbr_keypair operator_key;
    struct dbr_log_op *ops;
    struct dbr_sql_entry entry;
    uint8_t cluster[DBR_CLUSTER_ID_SIZE] = {1};
    (void)state;
    dbr_arena_init(&arena, 0);
    dbr_rng_seed(&rng, 1);
    dbr_keypair_generate(&node, &rng);
    dbr_keypair_generate(&operator_key, &rng);
    assert_int_equal(dbr_core_bootstrap(&ops, &arena, cluster, node.public_key,
                                        operator_key.public_key, &rng, 1000),
                     0);
    assert_int_equal(ops->type, DBR_LOG_TERM);
    assert_true(ops->value == 1);
    struct dbr_log_op *append = ops->next;
    assert_null(append->next);
    assert_true(append->index == 1);
    assert_int_equal(append->n_entries, 2);
    assert_int_equal(append->entries[0].type, DBR_ENTRY_CHANGE);
    assert_int_equal(append->entries[1].type, DBR_ENTRY_COMMAND);
    assert_int_equal(dbr_sql_entry_decode(&entry, &arena, append->entries[1].data), 0);
    assert_int_equal(entry.n_transactions, 1);
    assert_string_equal(entry.transactions[0].ns, "_system");
    assert_true(entry.time_ms == 1000);
    dbr_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_begins_with_a_term_and_two_entries),
    };
    dbr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
