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

static void a_whole_database_is_sealed(void **state)
{
    (void)state;
    static uint8_t database[3 * DBR_PAGE_SIZE + 100];
    memset(database, 'x', sizeof(database));
    dbr_page_seal_all(database, sizeof(database));
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(dbr_page_ok(database + i * DBR_PAGE_SIZE, i + 1));
    }
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(database[3 * DBR_PAGE_SIZE + i], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flipped_bit_is_seen),
        cmocka_unit_test(a_page_of_another_place_does_not_pass),
        cmocka_unit_test(a_whole_database_is_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
