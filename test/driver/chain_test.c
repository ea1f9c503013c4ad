#include "driver/chain.h"

#include "test.h"

struct item {
    int number;
    struct item *next;
};

static void chains_keep_order_when_joined(void **state)
{
    (void)state;
    struct item items[5];
    struct dbr_chain a, b;
    dbr_chain_init(&a, offsetof(struct item, next));
    dbr_chain_init(&b, offsetof(struct item, next));
    dbr_chain_append(&a, &b); /* nothing to nothing */
    assert_null(dbr_chain_pop(&a));
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        dbr_chain_push(i < 2 ? &a : &b, &items[i]);
    }
    dbr_chain_append(&a, &b);
    assert_null(b.head);
    for (int i = 0; i < 5; i++) {
        struct item *item = dbr_chain_pop(&a);
        assert_int_equal(item->number, i);
        assert_null(item->next);
    }
    assert_null(dbr_chain_pop(&a));
    dbr_chain_push(&b, &items[0]);
    dbr_chain_append(&a, &b);
    assert_ptr_equal(dbr_chain_pop(&a), &items[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_keep_order_when_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
