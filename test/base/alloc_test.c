#include "test.h"

#include "base/alloc.h"
#include "fault.h"

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    assert_null(dbr_calloc(SIZE_MAX / 2, 3));
    assert_null(dbr_realloc_array(NULL, SIZE_MAX / 2, 3));
    void *kept = dbr_malloc(8);
    assert_null(dbr_realloc_array(kept, SIZE_MAX, 2));
    dbr_free(kept);
}

static void nothing_is_a_valid_size(void **state)
{
    (void)state;
    void *empty[] = {dbr_malloc(0), dbr_calloc(0, 8), dbr_realloc(NULL, 0),
                     dbr_realloc_array(NULL, 0, 8), dbr_memdup(NULL, 0)};
    for (size_t i = 0; i < DBR_COUNT(empty); i++) {
        assert_non_null(empty[i]);
        dbr_free(empty[i]);
    }
    dbr_free(NULL);
}

static void calloc_zeroes(void **state)
{
    (void)state;
    uint8_t *bytes = dbr_calloc(100, 3);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(bytes[i], 0);
    }
    dbr_free(bytes);
}

static void copies_are_equal_and_separate(void **state)
{
    (void)state;
    char text[] = "text";
    char *copy = dbr_strdup(text);
    text[0] = 'n';
    assert_string_equal(copy, "text");
    uint8_t *bytes = dbr_memdup("\x00\x01\x02", 3);
    assert_hex(bytes, 3, "000102");
    uint8_t *grown = dbr_realloc_array(bytes, 1000, 2);
    assert_hex(grown, 3, "000102");
    dbr_free(grown);
    dbr_free(copy);
}

static void short_memory_is_null(void **state)
{
    (void)state;
    void *kept = dbr_malloc(8);
    fault_after(0);
    assert_null(dbr_malloc(1));
    assert_null(dbr_calloc(1, 1));
    assert_null(dbr_realloc(kept, 100));
    assert_null(dbr_realloc_array(kept, 100, 2));
    assert_null(dbr_strdup("text"));
    assert_null(dbr_memdup("text", 4));
    assert_true(fault_off());
    dbr_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(nothing_is_a_valid_size),
        cmocka_unit_test(calloc_zeroes),
        cmocka_unit_test(copies_are_equal_and_separate),
        cmocka_unit_test(short_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
