#include "book_fixture.h"

#include "fault.h"

static enum dbr_book_added add(struct dbr_book_addrs *addrs, unsigned port, size_t max,
                               enum dbr_book_source source, dbr_time until)
{
    struct dbr_endpoint endpoint = {.ip = {1, 2, 3, 4}, .port = (uint16_t)port};
    struct dbr_multiaddr addr;
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return dbr_book_addrs_add(addrs, max, &addr, source, until);
}

static struct dbr_book_addr *get(struct dbr_book_addrs *addrs, unsigned port)
{
    struct dbr_endpoint endpoint = {.ip = {1, 2, 3, 4}, .port = (uint16_t)port};
    struct dbr_multiaddr addr;
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    return dbr_book_addrs_find(addrs, &addr);
}

/* The ports of the best, in their order. */
static void assert_best(const struct dbr_book_addrs *addrs, enum dbr_book_source least,
                        dbr_time now, size_t n, const unsigned *ports)
{
    struct dbr_multiaddr out[DBR_BOOK_ADDRS_MAX];
    assert_int_equal(dbr_book_addrs_best(addrs, out, DBR_BOOK_ADDRS_MAX, least, now), n);
    for (size_t i = 0; i < n; i++) {
        struct dbr_endpoint endpoint;
        assert_true(dbr_multiaddr_endpoint(&out[i], &endpoint));
        assert_int_equal(endpoint.port, ports[i]);
    }
}

static void what_is_worth_least_and_oldest_gives_way(void **state)
{
    (void)state;
    struct dbr_book_addrs addrs = {0};
    assert_int_equal(add(&addrs, 1, 3, DBR_BOOK_HINT, 10), DBR_BOOK_ADDED);
    assert_int_equal(add(&addrs, 2, 3, DBR_BOOK_SIGNED, 10), DBR_BOOK_ADDED);
    assert_int_equal(add(&addrs, 3, 3, DBR_BOOK_HINT, 10), DBR_BOOK_ADDED);
    assert_int_equal(add(&addrs, 4, 3, DBR_BOOK_HINT, 10), DBR_BOOK_ADDED); /* for 1 */
    assert_null(get(&addrs, 1));
    assert_int_equal(add(&addrs, 5, 3, DBR_BOOK_IDENTIFIED, 10), DBR_BOOK_ADDED);
    assert_int_equal(add(&addrs, 6, 3, DBR_BOOK_GIVEN, 10), DBR_BOOK_ADDED);
    assert_null(get(&addrs, 3));
    assert_null(get(&addrs, 4));
    assert_int_equal(add(&addrs, 7, 3, DBR_BOOK_HINT, 10), DBR_BOOK_FULL);
    assert_int_equal(dbr_book_addrs_source(&addrs), DBR_BOOK_GIVEN);
    assert_best(&addrs, DBR_BOOK_HINT, 0, 3, (unsigned[]){6, 2, 5});
    /* A lesser source takes nothing away, a better one raises it. */
    assert_int_equal(add(&addrs, 2, 3, DBR_BOOK_HINT, 99), DBR_BOOK_ADDED);
    assert_int_equal(get(&addrs, 2)->source, DBR_BOOK_SIGNED);
    assert_int_equal(get(&addrs, 2)->until, 10);
    assert_int_equal(add(&addrs, 5, 3, DBR_BOOK_SIGNED, 99), DBR_BOOK_ADDED);
    assert_int_equal(get(&addrs, 5)->source, DBR_BOOK_SIGNED);
    assert_int_equal(get(&addrs, 5)->until, 99);
    dbr_book_addrs_finish(&addrs);
    assert_int_equal(addrs.n, 0);
}

static void where_it_works_is_dialed_first(void **state)
{
    (void)state;
    struct dbr_book_addrs addrs = {0};
    add(&addrs, 1, 8, DBR_BOOK_GIVEN, DBR_TIME_NEVER);
    add(&addrs, 2, 8, DBR_BOOK_SIGNED, 10);
    add(&addrs, 3, 8, DBR_BOOK_HINT, 20);
    add(&addrs, 4, 8, DBR_BOOK_HINT, 20);
    assert_best(&addrs, DBR_BOOK_HINT, 0, 4, (unsigned[]){1, 2, 4, 3});
    get(&addrs, 3)->worked = true;
    get(&addrs, 1)->fails = 1;
    assert_best(&addrs, DBR_BOOK_HINT, 0, 4, (unsigned[]){3, 2, 4, 1});
    assert_best(&addrs, DBR_BOOK_SIGNED, 0, 2, (unsigned[]){2, 1});
    assert_best(&addrs, DBR_BOOK_HINT, 10, 3, (unsigned[]){3, 4, 1});
    struct dbr_multiaddr one;
    assert_int_equal(dbr_book_addrs_best(&addrs, &one, 1, DBR_BOOK_HINT, 0), 1);
    dbr_book_addrs_expire(&addrs, 20);
    assert_int_equal(addrs.n, 1);
    dbr_book_addrs_finish(&addrs);
}

static void a_new_list_replaces_the_old_but_for_where_it_was_found(void **state)
{
    (void)state;
    struct dbr_book_addrs addrs = {0};
    struct dbr_multiaddr kept = addr_of("/ip4/1.2.3.4/tcp/2");
    for (unsigned port = 1; port < 5; port++) {
        add(&addrs, port, 8, port == 4 ? DBR_BOOK_GIVEN : DBR_BOOK_SIGNED, 10);
    }
    get(&addrs, 3)->worked = true;
    dbr_book_addrs_replace(&addrs, DBR_BOOK_SIGNED, &kept, 1);
    assert_null(get(&addrs, 1));
    assert_int_equal(get(&addrs, 2)->source, DBR_BOOK_SIGNED);
    assert_int_equal(get(&addrs, 3)->source, DBR_BOOK_IDENTIFIED);
    assert_int_equal(get(&addrs, 4)->source, DBR_BOOK_GIVEN);
    dbr_book_addrs_remove(&addrs, get(&addrs, 2));
    assert_int_equal(addrs.n, 2);
    fault_after(0);
    enum dbr_book_added added = add(&addrs, 9, 2, DBR_BOOK_GIVEN, 10);
    assert_true(fault_off());
    assert_int_equal(added, DBR_BOOK_NO_MEMORY);
    assert_int_equal(addrs.n, 2);
    dbr_book_addrs_finish(&addrs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_worth_least_and_oldest_gives_way),
        cmocka_unit_test(where_it_works_is_dialed_first),
        cmocka_unit_test(a_new_list_replaces_the_old_but_for_where_it_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
