#include "store/path.h"

#include "lib/test.h"

static char long_text[DBR_PATH_MAX + 1];

static void format_too_long(void)
{
    char path[DBR_PATH_MAX];
    dbr_path_format(path, "%s", long_text);
}

static void parents(void **state)
{
    (void)state;
    char path[DBR_PATH_MAX];
    dbr_path_parent(path, "log/1.seg");
    assert_string_equal(path, "log");
    dbr_path_parent(path, "a/b/c");
    assert_string_equal(path, "a/b");
    dbr_path_parent(path, "file");
    assert_string_equal(path, ".");
}

static void a_path_fits_or_is_a_mistake(void **state)
{
    (void)state;
    char path[DBR_PATH_MAX];
    dbr_path_format(path, "db/%s.db", "x");
    assert_string_equal(path, "db/x.db");
    memset(long_text, 'x', DBR_PATH_MAX);
    assert_true(test_aborts(format_too_long));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parents),
                                       cmocka_unit_test(a_path_fits_or_is_a_mistake)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
