#include "test.h"

#include "base/detail.h"

static void it_fills_the_text_and_returns_the_code(void **state)
{
    (void)state;
    debros_detail detail;
    assert_int_equal(
        dbr_detail_set(&detail, DEBROS_EINVAL, "port %d is above %s", 70000, "65535"),
        DEBROS_EINVAL);
    assert_string_equal(detail.text, "port 70000 is above 65535");
}

static void nobody_may_listen(void **state)
{
    (void)state;
    assert_int_equal(dbr_detail_set(NULL, DEBROS_EIO, "%s", "text"), DEBROS_EIO);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    debros_detail detail;
    dbr_detail_set(&detail, DEBROS_EINVAL, "%600d", 1);
    assert_int_equal(strlen(detail.text), sizeof(detail.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fills_the_text_and_returns_the_code),
        cmocka_unit_test(nobody_may_listen),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
