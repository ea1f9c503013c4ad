#include "store/page.h"

#include "lib/test.h"

static uint8_t page[DBR_PAGE_SIZE];

static void fill(void)
{
    for (size_t i = 0; i < sizeof(page); i++) {
        page[i] = (uint8_t)(i * 7);
    }
}

static void each_flipped_bit_is_seen(void **state)
{
    (void)state;
    fill();
    dbr_page_seal(page, 3);
    assert_true(dbr_page_ok(page, 3));
    for (size_t i = 0; i < sizeof(page) * 8; i++) {
        page[i / 8] ^= (uint8_t)(1 << (i % 8));
        assert_false(dbr_page_ok(page, 3));
        page[i / 8] ^= (uint8_t)(1 << (i % 8));
    }
    assert_true(dbr_page_ok(page, 3));
}

static void a_page_of_another_place_does_not_pass(void **state)
{
    (void)state;
    fill();
    dbr_page_seal(page, 3);
    assert_false(dbr_page_ok(page, 2));
    memset(page, 0, sizeof(page));
    assert_false(dbr_page_ok(page, 1));
    dbr_page_seal(page, 1);
    assert_true(dbr_page_ok(page, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flipped_bit_is_seen),
        cmocka_unit_test(a_page_of_another_place_does_not_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
