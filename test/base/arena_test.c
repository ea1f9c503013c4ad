#include "test.h"

#include "base/arena.h"
#include "base/rng.h"
#include "fault.h"

static void what_it_hands_out_is_aligned_and_apart(void **state)
{
    (void)state;
    struct dbr_arena arena;
    struct dbr_rng rng;
    uint8_t *taken[500];
    size_t sizes[500];
    dbr_rng_seed(&rng, 1);
    dbr_arena_init(&arena, 0);
    for (size_t i = 0; i < 500; i++) {
        sizes[i] = (size_t)dbr_rng_below(&rng, i % 50 == 0 ? 100000 : 200);
        taken[i] = dbr_arena_alloc(&arena, sizes[i]);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % 16, 0);
        memset(taken[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(taken[i][j], i & 0xff);
        }
    }
    dbr_arena_finish(&arena);
    assert_int_equal(arena.used, 0);
}

static void the_cap_is_the_end(void **state)
{
    (void)state;
    struct dbr_arena arena;
    dbr_arena_init(&arena, 1024);
    assert_null(dbr_arena_alloc(&arena, 1025));
    assert_non_null(dbr_arena_alloc(&arena, 1024));
    assert_int_equal(arena.used, 1024);
    assert_null(dbr_arena_alloc(&arena, 1));
    assert_null(dbr_arena_alloc(&arena, 0));
    dbr_arena_finish(&arena);
    assert_non_null(dbr_arena_alloc(&arena, 1024));
    dbr_arena_finish(&arena);
}

/* Else a message of many empty fields would cost nothing. */
static void empty_allocations_count(void **state)
{
    (void)state;
    struct dbr_arena arena;
    dbr_arena_init(&arena, 160);
    for (size_t i = 0; i < 10; i++) {
        assert_non_null(dbr_arena_alloc(&arena, 0));
    }
    assert_null(dbr_arena_alloc(&arena, 0));
    dbr_arena_finish(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    assert_null(dbr_arena_alloc(&arena, SIZE_MAX));
    assert_null(dbr_arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_null(dbr_arena_strndup(&arena, "", SIZE_MAX));
    assert_int_equal(arena.used, 0);
    dbr_arena_finish(&arena);
}

static void copies_are_equal(void **state)
{
    (void)state;
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    assert_string_equal(dbr_arena_strdup(&arena, "text"), "text");
    assert_string_equal(dbr_arena_strndup(&arena, "text", 2), "te");
    assert_string_equal(dbr_arena_strndup(&arena, NULL, 0), "");
    assert_hex(dbr_arena_memdup(&arena, "\x01\x02", 2), 2, "0102");
    assert_non_null(dbr_arena_memdup(&arena, NULL, 0));
    memset(dbr_arena_alloc(&arena, 64), 0xff, 64);
    assert_hex(dbr_arena_calloc(&arena, 4, 2), 8, "0000000000000000");
    dbr_arena_finish(&arena);
}

static void a_zeroed_arena_is_finished(void **state)
{
    (void)state;
    struct dbr_arena arena = {0};
    dbr_arena_finish(&arena);
    dbr_arena_finish(&arena);
    assert_non_null(dbr_arena_alloc(&arena, 1));
    dbr_arena_finish(&arena);
}

static void short_memory_keeps_what_there_is(void **state)
{
    (void)state;
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    char *kept = dbr_arena_strdup(&arena, "kept");
    size_t used = arena.used;
    fault_after(0);
    assert_null(dbr_arena_alloc(&arena, 1 << 20));
    assert_null(dbr_arena_calloc(&arena, 1, 1 << 20));
    assert_true(fault_off());
    assert_int_equal(arena.used, used);
    assert_string_equal(kept, "kept");
    assert_non_null(dbr_arena_alloc(&arena, 1 << 20));
    dbr_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_hands_out_is_aligned_and_apart),
        cmocka_unit_test(the_cap_is_the_end),
        cmocka_unit_test(empty_allocations_count),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(copies_are_equal),
        cmocka_unit_test(a_zeroed_arena_is_finished),
        cmocka_unit_test(short_memory_keeps_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
