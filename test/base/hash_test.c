#include "test.h"

#include "base/hash.h"
#include "fault.h"

struct item {
    int key;
    UT_hash_handle hh;
};

#define N_ITEMS 1000

static void items_are_found(void **state)
{
    (void)state;
    static struct item items[N_ITEMS];
    struct item *table = NULL;
    struct item *found;
    for (int i = 0; i < N_ITEMS; i++) {
        items[i].key = i;
        HASH_ADD_INT(table, key, &items[i]);
        assert_true(dbr_hash_added(&items[i]));
    }
    for (int i = 0; i < N_ITEMS; i++) {
        HASH_FIND_INT(table, &i, found);
        assert_ptr_equal(found, &items[i]);
    }
    HASH_CLEAR(hh, table);
}

/* Every allocation of the table fails once: the item is out, all others are in. */
static void short_memory_leaves_the_table_whole(void **state)
{
    (void)state;
    static struct item items[N_ITEMS];
    for (size_t n = 0;; n++) {
        struct item *table = NULL;
        struct item *found;
        int added = 0;
        fault_after(n);
        while (added < N_ITEMS) {
            items[added] = (struct item){.key = added};
            HASH_ADD_INT(table, key, &items[added]);
            if (!dbr_hash_added(&items[added])) {
                break;
            }
            added++;
        }
        bool failed = fault_off();
        assert_int_equal(failed, added < N_ITEMS);
        assert_int_equal(HASH_COUNT(table), added);
        for (int i = 0; i < added; i++) {
            HASH_FIND_INT(table, &i, found);
            assert_ptr_equal(found, &items[i]);
        }
        HASH_CLEAR(hh, table);
        if (!failed) {
            assert_true(n > 2);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_found),
        cmocka_unit_test(short_memory_leaves_the_table_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
