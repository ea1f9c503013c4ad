#include "base/failpoint.h"

#include <string.h>

#include "test.h"

#ifdef DBR_FAILPOINTS
static int passed;

static void hook(const char *name)
{
    assert_string_equal(name, "here");
    passed++;
}
#endif

static void a_failpoint_tells_its_hook(void **state)
{
    (void)state;
#ifdef DBR_FAILPOINTS
    DBR_FAILPOINT("here"); /* nobody looks */
    dbr_failpoint_hook = hook;
    DBR_FAILPOINT("here");
    dbr_failpoint_hook = NULL;
    DBR_FAILPOINT("here");
    assert_int_equal(passed, 1);
#else
    skip(); /* it is nothing in this build */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_failpoint_tells_its_hook)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
