#include "test.h"

#include "crypto/system.h"

static void starting_again_is_harmless(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dbr_crypto_init(), 0);
    }
}

static void the_systems_bytes_never_repeat(void **state)
{
    (void)state;
    struct dbr_rng rng;
    uint64_t seen[1000];
    dbr_rng_system(&rng);
    for (size_t i = 0; i < DBR_COUNT(seen); i++) {
        seen[i] = dbr_rng_u64(&rng);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(seen[i], seen[j]);
        }
    }
    dbr_rng_fill(&rng, seen, 0);
    assert_true(dbr_rng_below(&rng, 3) < 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starting_again_is_harmless),
        cmocka_unit_test(the_systems_bytes_never_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
