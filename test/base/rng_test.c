#include "test.h"

#include "base/rng.h"

/* The first outputs of the authors' code: splitmix64 seeds, xoshiro256** runs. A seed in
 * a bug report must mean the same for ever. */
static void a_seed_means_the_same_for_ever(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 1);
    assert_int_equal(rng.state[0], 0x910a2dec89025cc1);
    rng.state[0] = 1;
    rng.state[1] = 2;
    rng.state[2] = 3;
    rng.state[3] = 4;
    assert_int_equal(dbr_rng_u64(&rng), 11520);
    assert_int_equal(dbr_rng_u64(&rng), 0);
    assert_int_equal(dbr_rng_u64(&rng), 1509978240);
    assert_int_equal(dbr_rng_u64(&rng), 1215971899390074240);
}

static void bytes_are_words_in_little_endian(void **state)
{
    (void)state;
    struct dbr_rng a;
    struct dbr_rng b;
    uint8_t bytes[11];
    dbr_rng_seed(&a, 5);
    dbr_rng_seed(&b, 5);
    dbr_rng_fill(&a, bytes, sizeof(bytes));
    uint64_t first = dbr_rng_u64(&b);
    uint64_t second = dbr_rng_u64(&b);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        uint64_t word = i < 8 ? first : second;
        assert_int_equal(bytes[i], word >> (i % 8 * 8) & 0xff);
    }
    assert_int_equal(dbr_rng_u64(&a), dbr_rng_u64(&b));
}

static void other_seeds_give_other_numbers(void **state)
{
    (void)state;
    struct dbr_rng a;
    struct dbr_rng b;
    dbr_rng_seed(&a, 0);
    dbr_rng_seed(&b, 1);
    assert_int_not_equal(dbr_rng_u64(&a), dbr_rng_u64(&b));
}

static void below_stays_below_and_is_uniform(void **state)
{
    (void)state;
    struct dbr_rng rng;
    size_t counts[10] = {0};
    dbr_rng_seed(&rng, 6);
    for (size_t i = 0; i < 100000; i++) {
        uint64_t value = dbr_rng_below(&rng, 10);
        assert_true(value < 10);
        counts[value]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(counts[i], 9500, 10500);
    }
    assert_int_equal(dbr_rng_below(&rng, 0), 0);
    assert_int_equal(dbr_rng_below(&rng, 1), 0);
    for (size_t i = 0; i < 100; i++) {
        assert_true(dbr_rng_below(&rng, (UINT64_MAX >> 1) + 2) <= (UINT64_MAX >> 1) + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_means_the_same_for_ever),
        cmocka_unit_test(bytes_are_words_in_little_endian),
        cmocka_unit_test(other_seeds_give_other_numbers),
        cmocka_unit_test(below_stays_below_and_is_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
