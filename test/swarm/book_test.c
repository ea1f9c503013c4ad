#include "book_fixture.h"

#include "fault.h"

#define A "/ip4/1.2.3.4/tcp/1"
#define B "/ip4/1.2.3.4/tcp/2"
#define C "/ip4/1.2.3.4/tcp/3"

static void sources_have_their_times(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    dbr_book_init(&book, &config);
    assert_int_equal(dbr_book_deadline(&book), DBR_TIME_NEVER);
    assert_int_equal(book_add(&book, 1, DBR_BOOK_HINT, A, 0), 0);
    assert_int_equal(book_add(&book, 2, DBR_BOOK_IDENTIFIED, A, 0), 0);
    assert_int_equal(book_sign(&book, 3, 1, A, 0), 0);
    assert_int_equal(book_add(&book, 4, DBR_BOOK_GIVEN, A, 0), 0);
    static const dbr_time ends[] = {10 * MINUTE, 24 * HOUR, 48 * HOUR};
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(book_dial(&book, i + 1, ends[i] - 1), A);
        assert_string_equal(book_dial(&book, i + 1, ends[i]), "");
        dbr_book_expire(&book, ends[i] - 1);
        assert_non_null(book_find(&book, i + 1));
        dbr_book_expire(&book, ends[i] + MINUTE);
        assert_null(book_find(&book, i + 1));
    }
    dbr_book_expire(&book, 10000 * (dbr_time)HOUR);
    assert_string_equal(book_dial(&book, 4, 10000 * (dbr_time)HOUR), A);
    dbr_book_finish(&book);
}

static void a_sweep_comes_now_and_then_only(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    dbr_book_init(&book, &config);
    book_add(&book, 1, DBR_BOOK_HINT, A, 0);
    dbr_book_expire(&book, 10 * MINUTE - 1);
    assert_int_equal(dbr_book_deadline(&book), 11 * MINUTE - 1);
    dbr_book_expire(&book, 10 * MINUTE);
    assert_non_null(book_find(&book, 1));
    dbr_book_expire(&book, 11 * MINUTE - 1);
    assert_null(book_find(&book, 1));
    dbr_book_finish(&book);
}

static size_t known(const struct dbr_book *book, uint32_t peer, dbr_time now)
{
    struct dbr_multiaddr out[DBR_BOOK_ADDRS_MAX];
    struct dbr_peer_id id = id_of(peer);
    return dbr_book_known_addrs(book, &id, out, DBR_BOOK_ADDRS_MAX, now);
}

static void hints_are_for_dialing_and_never_passed_on(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    dbr_book_init(&book, &config);
    book_add(&book, 1, DBR_BOOK_HINT, A, 0);
    book_add(&book, 1, DBR_BOOK_HINT, B, 0);
    assert_string_equal(book_dial(&book, 1, 0), B " " A);
    assert_int_equal(known(&book, 1, 0), 0);
    book_failed(&book, 1, B); /* it has had its one dial */
    assert_string_equal(book_dial(&book, 1, 0), A);
    assert_int_equal(book_connected(&book, 1, A, 0), 0); /* now we know ourselves */
    assert_int_equal(known(&book, 1, 0), 1);
    book_failed(&book, 2, A); /* nobody */
    /* What only we can reach is not passed on either. */
    book_add(&book, 3, DBR_BOOK_GIVEN, "/ip4/127.0.0.1/tcp/1", 0);
    book_add(&book, 3, DBR_BOOK_GIVEN, "/dns4/a.example/tcp/1", 0);
    assert_string_equal(book_dial(&book, 3, 0),
                        "/dns4/a.example/tcp/1 /ip4/127.0.0.1/tcp/1");
    assert_int_equal(known(&book, 3, 0), 1);
    book.config.loopback = true;
    assert_int_equal(known(&book, 3, 0), 2);
    assert_int_equal(known(&book, 4, 0), 0);
    dbr_book_finish(&book);
}

static void a_record_replaces_what_is_less_and_never_goes_back(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    dbr_book_init(&book, &config);
    book_add(&book, 1, DBR_BOOK_HINT, A, 0);
    book_add(&book, 1, DBR_BOOK_IDENTIFIED, B, 0);
    assert_string_equal(book_dial(&book, 1, 0), B " " A);
    assert_int_equal(book_sign(&book, 1, 7, C, 0), 0);
    assert_string_equal(book_dial(&book, 1, 0), C);
    assert_int_equal(book_sign(&book, 1, 6, A, 0), DEBROS_ECONFLICT);
    assert_int_equal(book.stats.old_records, 1);
    assert_string_equal(book_dial(&book, 1, 0), C);
    assert_int_equal(book_sign(&book, 1, 7, C, 0), 0);
    assert_int_equal(book_sign(&book, 1, 8, A, 0), 0);
    assert_string_equal(book_dial(&book, 1, 0), A);
    assert_int_equal(book_add(&book, 1, DBR_BOOK_IDENTIFIED, B, 0), 0);
    assert_string_equal(book_dial(&book, 1, 0), A " " B);
    assert_int_equal(book_add(&book, 1, DBR_BOOK_IDENTIFIED, C, 0), 0);
    assert_string_equal(book_dial(&book, 1, 0), A " " C);
    dbr_book_finish(&book);
}

static void an_order_that_a_peer_names_is_kept(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    struct dbr_multiaddr addrs[] = {addr_of(A), addr_of(B), addr_of(A), addr_of(C)};
    struct dbr_peer_id id = id_of(1);
    dbr_book_init(&book, &config);
    assert_int_equal(dbr_book_add(&book, &id, DBR_BOOK_IDENTIFIED, addrs, 4, false, 0),
                     0);
    assert_string_equal(book_dial(&book, 1, 0), A " " B " " C);
    dbr_book_finish(&book);
}

static void ten_thousand_addresses_are_eight(void **state)
{
    (void)state;
    enum { N = 10000 };
    static struct dbr_multiaddr addrs[N];
    static const enum dbr_book_source sources[] = {DBR_BOOK_HINT, DBR_BOOK_IDENTIFIED};
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    dbr_book_init(&book, &config);
    for (unsigned i = 0; i < N; i++) {
        struct dbr_endpoint endpoint = {.ip = {1, 2, 3, 4}, .port = (uint16_t)(i + 1)};
        dbr_multiaddr_from_endpoint(&addrs[i], &endpoint);
    }
    for (uint32_t i = 0; i < 3; i++) {
        struct dbr_peer_id id = id_of(i);
        struct dbr_peer_record record = {
            .peer = id, .seq = 1, .addrs = addrs, .n_addrs = N};
        book.stats = (struct dbr_book_stats){0};
        int err = i < 2 ? dbr_book_add(&book, &id, sources[i], addrs, N, false, 0)
                        : dbr_book_add_record(&book, &record, false, 0);
        assert_int_equal(err, 0);
        assert_int_equal(book_find(&book, i)->addrs.n, DBR_BOOK_ADDRS_MAX);
        assert_int_equal(book.stats.excess, N - DBR_BOOK_ADDRS_MAX);
        assert_int_equal(book.stats.fit[DBR_FIT], config.limits.addrs_read);
        assert_memory_equal(book_dial(&book, i, 0), A " " B " " C, 3 * sizeof(A) - 1);
    }
    dbr_book_finish(&book);
}

static void what_is_not_fit_is_refused_and_counted(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    struct dbr_peer_id other = id_of(2);
    struct dbr_multiaddr foreign = addr_of(A);
    struct dbr_peer_id id = id_of(1);
    dbr_book_init(&book, &config);
    assert_int_equal(book_add(&book, SELF, DBR_BOOK_HINT, A, 0), DEBROS_EINVAL);
    assert_int_equal(book_add(&book, SELF, DBR_BOOK_GIVEN, A, 0), DEBROS_EINVAL);
    assert_int_equal(book_sign(&book, SELF, 1, A, 0), DEBROS_EINVAL);
    assert_int_equal(book_connected(&book, SELF, A, 0), DEBROS_EINVAL);
    assert_int_equal(book.stats.self, 4);
    assert_int_equal(dbr_multiaddr_set_peer(&foreign, &other), 0);
    assert_int_equal(dbr_book_add(&book, &id, DBR_BOOK_GIVEN, &foreign, 1, false, 0), 0);
    assert_int_equal(book.stats.fit[DBR_FIT_FOREIGN], 1);
    book_add(&book, 1, DBR_BOOK_HINT, "/ip4/0.0.0.0/tcp/1", 0);
    assert_int_equal(book.stats.fit[DBR_FIT_NOWHERE], 1);
    book_add(&book, 1, DBR_BOOK_IDENTIFIED, "/dns4/a.example/tcp/1", 0);
    assert_int_equal(book.stats.fit[DBR_FIT_STRANGE], 1);
    book_sign(&book, 1, 9, "/ip4/127.0.0.1/tcp/1", 0);
    assert_int_equal(book.stats.fit[DBR_FIT_LOOPBACK], 1);
    assert_null(book_find(&book, 1)); /* nor is the peer worth a place */
    /* Loopback counts if it was heard over loopback, or the cluster is there. */
    struct dbr_multiaddr loopback = addr_of("/ip4/127.0.0.1/tcp/1");
    dbr_book_add(&book, &id, DBR_BOOK_IDENTIFIED, &loopback, 1, true, 0);
    assert_string_equal(book_dial(&book, 1, 0), "/ip4/127.0.0.1/tcp/1");
    book.config.loopback = true;
    book_add(&book, 2, DBR_BOOK_HINT, "/ip4/127.0.0.1/tcp/1", 0);
    assert_string_equal(book_dial(&book, 2, 0), "/ip4/127.0.0.1/tcp/1");
    book.config.is_public = true;
    book_add(&book, 3, DBR_BOOK_HINT, "/ip4/10.0.0.1/tcp/1", 0);
    assert_int_equal(book.stats.fit[DBR_FIT_PRIVATE], 1);
    book_add(&book, 3, DBR_BOOK_GIVEN, "/ip4/10.0.0.1/tcp/1", 0);
    assert_string_equal(book_dial(&book, 3, 0), "/ip4/10.0.0.1/tcp/1");
    dbr_book_finish(&book);
}

static void what_happened_is_remembered(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    struct dbr_peer_id id = id_of(1);
    dbr_book_init(&book, &config);
    book_add(&book, 1, DBR_BOOK_IDENTIFIED, A, 0);
    book_add(&book, 1, DBR_BOOK_HINT, B, 0);
    book_failed(&book, 1, A);
    assert_int_equal(book_find(&book, 1)->failures, 1);
    assert_string_equal(book_dial(&book, 1, 0), B " " A);
    assert_int_equal(book_connected(&book, 1, A, HOUR), 0);
    dbr_book_rtt(&book, &id, 1234);
    const struct dbr_book_peer *peer = book_find(&book, 1);
    assert_int_equal(peer->failures, 0);
    assert_int_equal(peer->successes, 1);
    assert_int_equal(peer->seen_ms, WALL + HOUR);
    assert_int_equal(peer->rtt_us, 1234);
    /* Nothing of a connected peer ends; its times begin when it leaves. */
    assert_string_equal(book_dial(&book, 1, 100 * HOUR), A " " B);
    dbr_book_expire(&book, 100 * HOUR);
    assert_int_equal(book_find(&book, 1)->addrs.n, 2);
    book_disconnected(&book, 1, 100 * HOUR);
    book_disconnected(&book, 1, 101 * HOUR); /* once is enough */
    assert_int_equal(book_find(&book, 1)->seen_ms, WALL + 100 * HOUR);
    assert_string_equal(book_dial(&book, 1, 124 * HOUR - 1), A);
    assert_string_equal(book_dial(&book, 1, 124 * HOUR), "");
    dbr_book_finish(&book);
}

static void a_given_address_can_be_taken_back(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    struct dbr_peer_id id = id_of(1);
    struct dbr_multiaddr ab[] = {addr_of(A), addr_of(B)};
    struct dbr_multiaddr c = addr_of(C);
    dbr_book_init(&book, &config);
    assert_int_equal(dbr_book_give(&book, &id, ab, 2, 0), 0);
    assert_string_equal(book_dial(&book, 1, 0), A " " B);
    book_connected(&book, 1, A, 0);
    book_disconnected(&book, 1, 0);
    assert_int_equal(dbr_book_give(&book, &id, &c, 1, 0), 0);
    assert_string_equal(book_dial(&book, 1, 0), A " " C); /* it was found there */
    assert_int_equal(dbr_book_give(&book, &id, NULL, 0, 0), 0);
    assert_string_equal(book_dial(&book, 1, 0), A);
    assert_string_equal(book_dial(&book, 1, 24 * HOUR), "");
    dbr_book_finish(&book);
}

static void hinted_peers_move_nobody_but_each_other(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    config.limits.peers = 8;
    config.limits.hinted = 3;
    dbr_book_init(&book, &config);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(book_add(&book, i, DBR_BOOK_HINT, A, 0), 0);
        assert_true(book.n <= 3);
    }
    assert_non_null(book_find(&book, 97));
    assert_null(book_find(&book, 96));
    assert_int_equal(book.stats.evicted, 97);
    for (uint32_t i = 100; i < 108; i++) { /* others move them */
        assert_int_equal(book_add(&book, i, DBR_BOOK_IDENTIFIED, A, 0), 0);
        assert_true(book.n <= 8);
    }
    assert_int_equal(book.n_hinted, 0);
    assert_int_equal(book_add(&book, 1, DBR_BOOK_HINT, A, 0), DEBROS_ELIMIT);
    assert_int_equal(book.stats.full, 1);
    assert_int_equal(book.n, 8);
    dbr_book_finish(&book);
}

static void the_worst_makes_room_and_pinned_ones_never_do(void **state)
{
    (void)state;
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    struct dbr_peer_id protected_one = id_of(1);
    config.limits.peers = 6;
    dbr_book_init(&book, &config);
    assert_int_equal(dbr_book_protect(&book, &protected_one, true), 0);
    book_connected(&book, 2, A, 0);
    book_add(&book, 3, DBR_BOOK_GIVEN, A, 0);
    for (uint32_t i = 4; i < 7; i++) { /* 4 was seen first, 5 fails, 6 last */
        book_connected(&book, i, A, i * HOUR);
        book_disconnected(&book, i, i * HOUR);
    }
    book_failed(&book, 5, A);
    /* A stranger's record moves the one that fails, but nobody who is sound. */
    assert_int_equal(book_sign(&book, 10, 1, A, 0), 0);
    assert_null(book_find(&book, 5));
    assert_int_equal(book_sign(&book, 11, 1, A, 0), 0);
    assert_null(book_find(&book, 10)); /* never connected: cheap */
    assert_int_equal(book_connected(&book, 12, A, 9 * HOUR), 0);
    assert_null(book_find(&book, 11));
    assert_int_equal(book_sign(&book, 13, 1, A, 0), DEBROS_ELIMIT);
    assert_int_equal(book_connected(&book, 14, A, 9 * HOUR), 0);
    assert_null(book_find(&book, 4));
    assert_int_equal(book_connected(&book, 15, A, 9 * HOUR), 0);
    assert_null(book_find(&book, 6));
    assert_int_equal(book_connected(&book, 16, A, 9 * HOUR), DEBROS_ELIMIT);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_non_null(book_find(&book, i));
    }
    assert_int_equal(dbr_book_protect(&book, &protected_one, false), 0);
    assert_null(book_find(&book, 1)); /* nothing is known of it */
    book_disconnected(&book, 2, 9 * HOUR);
    assert_int_equal(book_connected(&book, 17, A, 9 * HOUR), 0);
    assert_non_null(book_find(&book, 2)); /* in the place of 1 */
    assert_int_equal(book_connected(&book, 18, A, 9 * HOUR), 0);
    assert_null(book_find(&book, 2));
    dbr_book_finish(&book);
}

static size_t length(const struct dbr_list *list)
{
    size_t n = 0;
    for (const struct dbr_list *item = list->next; item != list; item = item->next) {
        n++;
    }
    return n;
}

static void assert_balanced(const struct dbr_book *book)
{
    const struct dbr_book_peer *peer;
    const struct dbr_book_peer *tmp;
    size_t n = 0;
    size_t hinted = 0;
    size_t pinned = 0;
    HASH_ITER(hh, book->table, peer, tmp)
    {
        enum dbr_book_source source = dbr_book_addrs_source(&peer->addrs);
        bool is_pinned =
            peer->is_protected || peer->is_connected || source == DBR_BOOK_GIVEN;
        n++;
        pinned += is_pinned ? 1 : 0;
        hinted += !is_pinned && source == DBR_BOOK_HINT ? 1 : 0;
        assert_true(is_pinned || peer->addrs.n > 0);
        assert_true(peer->addrs.n <= book->config.limits.addrs);
        assert_int_equal(is_pinned, dbr_list_is_empty(&peer->in_order));
    }
    assert_int_equal(n, book->n);
    assert_int_equal(hinted, book->n_hinted);
    assert_int_equal(length(&book->hinted), hinted);
    assert_int_equal(length(&book->known), n - hinted - pinned);
    assert_true(n <= book->config.limits.peers);
}

static void everything_adds_up(void **state)
{
    (void)state;
    static const char *const addrs[] = {A, B, C, "/ip4/10.0.0.1/tcp/1",
                                        "/ip4/127.0.0.1/tcp/1"};
    struct dbr_book_config config = book_config();
    struct dbr_book book;
    struct dbr_rng rng;
    dbr_time now = 0;
    dbr_rng_seed(&rng, 7);
    config.limits.peers = 12;
    config.limits.hinted = 4;
    config.limits.addrs = 3;
    dbr_book_init(&book, &config);
    for (int i = 0; i < 20000; i++) {
        uint32_t peer = (uint32_t)dbr_rng_below(&rng, 40);
        const char *addr = addrs[dbr_rng_below(&rng, DBR_COUNT(addrs))];
        struct dbr_peer_id id = id_of(peer);
        struct dbr_multiaddr given = addr_of(addr);
        switch (dbr_rng_below(&rng, 10)) {
        case 0:
        case 1:
            book_add(&book, peer, DBR_BOOK_HINT, addr, now);
            break;
        case 2:
            book_add(&book, peer, DBR_BOOK_IDENTIFIED, addr, now);
            break;
        case 3:
            book_sign(&book, peer, dbr_rng_below(&rng, 100), addr, now);
            break;
        case 4:
            book_connected(&book, peer, peer % 2 == 0 ? addr : NULL, now);
            break;
        case 5:
            book_disconnected(&book, peer, now);
            break;
        case 6:
            book_failed(&book, peer, addr);
            break;
        case 7:
            dbr_book_protect(&book, &id, dbr_rng_below(&rng, 10) == 0);
            break;
        case 8:
            if (peer < 3) {
                book_add(&book, peer, DBR_BOOK_GIVEN, addr, now);
            }
            dbr_book_give(&book, &id, &given, peer == 0, now);
            break;
        default:
            now += dbr_rng_below(&rng, HOUR);
            dbr_book_expire(&book, now);
        }
        assert_balanced(&book);
    }
    assert_true(book.stats.evicted > 900);
    dbr_book_finish(&book);
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        struct dbr_book_config config = book_config();
        struct dbr_book book;
        dbr_book_init(&book, &config);
        fault_after(n);
        int err = book_add(&book, 1, DBR_BOOK_HINT, A, 0);
        int other = book_connected(&book, 2, A, 0);
        bool failed = fault_off();
        assert_int_equal(book_find(&book, 1) != NULL, err == 0);
        dbr_book_finish(&book);
        if (!failed) {
            assert_int_equal(err, 0);
            assert_int_equal(other, 0);
            break;
        }
        assert_true(err == DEBROS_ENOMEM || other == DEBROS_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_have_their_times),
        cmocka_unit_test(a_sweep_comes_now_and_then_only),
        cmocka_unit_test(hints_are_for_dialing_and_never_passed_on),
        cmocka_unit_test(a_record_replaces_what_is_less_and_never_goes_back),
        cmocka_unit_test(an_order_that_a_peer_names_is_kept),
        cmocka_unit_test(ten_thousand_addresses_are_eight),
        cmocka_unit_test(what_is_not_fit_is_refused_and_counted),
        cmocka_unit_test(what_happened_is_remembered),
        cmocka_unit_test(a_given_address_can_be_taken_back),
        cmocka_unit_test(hinted_peers_move_nobody_but_each_other),
        cmocka_unit_test(the_worst_makes_room_and_pinned_ones_never_do),
        cmocka_unit_test(everything_adds_up),
        cmocka_unit_test(short_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
