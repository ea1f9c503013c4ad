#include "test.h"

#include "base/ring.h"
#include "base/rng.h"
#include "fault.h"

struct item {
    uint64_t number;
    char padding[5];
};

/* Against a model: numbers that count up, at random fill levels. */
static void it_is_first_in_first_out(void **state)
{
    (void)state;
    struct dbr_ring ring;
    struct dbr_rng rng;
    uint64_t next_in = 0;
    uint64_t next_out = 0;
    dbr_ring_init(&ring, sizeof(struct item), 100);
    dbr_rng_seed(&rng, 4);
    for (size_t i = 0; i < 20000; i++) {
        struct item item = {.number = next_in};
        size_t len = (size_t)(next_in - next_out);
        if (dbr_rng_below(&rng, 100) < 40 + (i / 1000 % 2) * 20) {
            assert_int_equal(dbr_ring_is_full(&ring), len == 100);
            bool pushed = dbr_ring_push(&ring, &item);
            assert_int_equal(pushed, len < 100);
            next_in += pushed;
        } else if (len > 0) {
            const struct item *oldest = dbr_ring_peek(&ring);
            assert_int_equal(oldest->number, next_out);
            assert_true(dbr_ring_pop(&ring, &item));
            assert_int_equal(item.number, next_out++);
        } else {
            assert_null(dbr_ring_peek(&ring));
            assert_false(dbr_ring_pop(&ring, &item));
        }
        assert_int_equal(ring.len, next_in - next_out);
    }
    dbr_ring_finish(&ring);
}

static void the_limit_holds(void **state)
{
    (void)state;
    struct dbr_ring ring;
    int item = 1;
    dbr_ring_init(&ring, sizeof(item), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(dbr_ring_push(&ring, &item));
    }
    assert_false(dbr_ring_push(&ring, &item));
    assert_true(dbr_ring_pop(&ring, &item));
    assert_true(dbr_ring_push(&ring, &item));
    dbr_ring_finish(&ring);
    dbr_ring_init(&ring, sizeof(item), 0);
    assert_true(dbr_ring_is_full(&ring));
    assert_false(dbr_ring_push(&ring, &item));
    dbr_ring_finish(&ring);
}

static void it_grows_while_wrapped_around(void **state)
{
    (void)state;
    for (int shift = 0; shift < 8; shift++) {
        struct dbr_ring ring;
        int item;
        dbr_ring_init(&ring, sizeof(item), 1000);
        for (item = 0; item < shift; item++) {
            int out;
            assert_true(dbr_ring_push(&ring, &item));
            assert_true(dbr_ring_pop(&ring, &out));
        }
        for (item = 0; item < 20; item++) {
            assert_true(dbr_ring_push(&ring, &item));
        }
        for (int want = 0; want < 20; want++) {
            assert_true(dbr_ring_pop(&ring, &item));
            assert_int_equal(item, want);
        }
        dbr_ring_finish(&ring);
    }
}

static void short_memory_loses_nothing(void **state)
{
    (void)state;
    struct dbr_ring ring;
    int item = 0;
    dbr_ring_init(&ring, sizeof(item), 1000);
    fault_after(0);
    assert_false(dbr_ring_push(&ring, &item));
    assert_true(fault_off());
    fault_after(1);
    while (dbr_ring_push(&ring, &item)) {
        item++;
    }
    assert_true(fault_off());
    assert_int_equal(ring.len, item);
    assert_true(dbr_ring_push(&ring, &item));
    for (int want = 0; want < (int)ring.len; want++) {
        assert_true(dbr_ring_pop(&ring, &item));
        assert_int_equal(item, want);
    }
    dbr_ring_finish(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_first_in_first_out),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(it_grows_while_wrapped_around),
        cmocka_unit_test(short_memory_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
