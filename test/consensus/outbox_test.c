#include "consensus/outbox.h"

#include "test.h"

static void add(struct dbr_outbox *box, uint64_t to, uint64_t after, const char *text)
{
    struct dbr_buf data = {0};
    dbr_buf_str(&data, text);
    dbr_outbox_add(box, to, "n", after, &data);
    assert_null(data.data);
}

static void a_message_waits_for_its_op(void **state)
{
    (void)state;
    struct dbr_outbox box;
    dbr_outbox_init(&box, 1000);
    add(&box, 1, 0, "free");
    add(&box, 2, 5, "held");
    add(&box, 3, 0, "behind");
    assert_int_equal(dbr_outbox_next(&box, 4)->to, 1);
    assert_null(dbr_outbox_next(&box, 4)); /* nobody overtakes */
    const struct dbr_outbox_message *m = dbr_outbox_next(&box, 5);
    assert_int_equal(m->to, 2);
    assert_true(dbr_bytes_equal(test_view(m->data), dbr_bytes_str("held")));
    assert_string_equal(m->address, "n");
    assert_int_equal(dbr_outbox_next(&box, 5)->to, 3);
    assert_null(dbr_outbox_next(&box, 5));
    dbr_outbox_finish(&box);
}

static void a_full_outbox_loses_the_newest(void **state)
{
    (void)state;
    struct dbr_outbox box;
    dbr_outbox_init(&box, 8);
    add(&box, 1, 1, "twelve bytes"); /* alone it may be larger */
    add(&box, 2, 1, "x");
    assert_int_equal(box.n, 1);
    assert_int_equal(dbr_outbox_next(&box, 1)->to, 1);
    for (int i = 0; i < DBR_OUTBOX_MESSAGES_MAX + 5; i++) {
        add(&box, 3, 9, "");
    }
    assert_int_equal(box.n, DBR_OUTBOX_MESSAGES_MAX);
    dbr_outbox_finish(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_waits_for_its_op),
        cmocka_unit_test(a_full_outbox_loses_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
