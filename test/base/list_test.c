#include "test.h"

#include "base/clock.h"
#include "base/list.h"

struct item {
    int number;
    struct dbr_list link;
};

static void items_leave_in_their_order(void **state)
{
    (void)state;
    struct dbr_list list;
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    dbr_list_init(&list);
    assert_true(dbr_list_is_empty(&list));
    assert_null(dbr_list_pop_front(&list));
    for (int i = 0; i < 3; i++) {
        dbr_list_push_back(&list, &items[i].link);
    }
    for (int i = 0; i < 3; i++) {
        struct dbr_list *link = dbr_list_pop_front(&list);
        assert_int_equal(DBR_LIST_ENTRY(link, struct item, link)->number, i);
    }
    assert_true(dbr_list_is_empty(&list));
}

static void removing_twice_is_harmless(void **state)
{
    (void)state;
    struct dbr_list list;
    struct item items[2] = {{.number = 0}, {.number = 1}};
    dbr_list_init(&list);
    dbr_list_push_back(&list, &items[0].link);
    dbr_list_push_back(&list, &items[1].link);
    dbr_list_remove(&items[0].link);
    dbr_list_remove(&items[0].link);
    assert_ptr_equal(dbr_list_pop_front(&list), &items[1].link);
    assert_true(dbr_list_is_empty(&list));
}

static void items_may_be_removed_on_the_way(void **state)
{
    (void)state;
    struct dbr_list list;
    struct dbr_list *link;
    struct dbr_list *tmp;
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    int sum = 0;
    dbr_list_init(&list);
    for (int i = 0; i < 4; i++) {
        dbr_list_push_back(&list, &items[i].link);
    }
    DBR_LIST_FOREACH(link, tmp, &list)
    {
        sum += DBR_LIST_ENTRY(link, struct item, link)->number;
        dbr_list_remove(link);
    }
    assert_int_equal(sum, 6);
    assert_true(dbr_list_is_empty(&list));
}

static void time_never_wraps_around(void **state)
{
    (void)state;
    assert_int_equal(dbr_time_add(5, 7), 12);
    assert_int_equal(dbr_time_add(DBR_TIME_NEVER, 1), DBR_TIME_NEVER);
    assert_int_equal(dbr_time_add(DBR_TIME_NEVER - 1, 2), DBR_TIME_NEVER);
    assert_int_equal(dbr_time_add(1, DBR_TIME_NEVER), DBR_TIME_NEVER);
    assert_int_equal(dbr_time_min(3, DBR_TIME_NEVER), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_leave_in_their_order),
        cmocka_unit_test(removing_twice_is_harmless),
        cmocka_unit_test(items_may_be_removed_on_the_way),
        cmocka_unit_test(time_never_wraps_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
