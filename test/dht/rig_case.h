/* For tests that each have the rig anew: TEST(name) in their list. */
#ifndef DBR_TEST_DHT_RIG_CASE_H
#define DBR_TEST_DHT_RIG_CASE_H

#include "rig.h"

static struct rig rig;

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
