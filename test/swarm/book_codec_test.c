#include "book_fixture.h"

#include "crypto/hash.h"
#include "fault.h"
#include "swarm/book_codec.h"

#define A "/ip4/1.2.3.4/tcp/1"
#define B "/ip4/1.2.3.4/tcp/2"
#define C "/ip4/1.2.3.4/tcp/3"

static struct dbr_book_config config;
static struct dbr_book book; /* of each test anew */
static struct dbr_buf out;   /* and a book as bytes */

static int begin(void **state)
{
    (void)state;
    config = book_config();
    out = (struct dbr_buf){0};
    dbr_book_init(&book, &config);
    return 0;
}

static int end(void **state)
{
    (void)state;
    dbr_book_finish(&book);
    dbr_buf_finish(&out);
    return 0;
}

static void encode(dbr_time now)
{
    assert_int_equal(dbr_book_encode(&out, &book, now, WALL + now), 0);
}

/* Another start, by a clock that begins anew: the book is what was encoded. */
static void restart(dbr_time now, uint64_t wall_ms)
{
    dbr_book_finish(&book);
    dbr_book_init(&book, &config);
    assert_int_equal(dbr_book_decode(&book, view(&out), now, wall_ms), 0);
}

static int decode(debros_bytes bytes)
{
    return dbr_book_decode(&book, bytes, 0, WALL);
}

/* Peer 1 connected, 2 signed, 3 hinted, 4 given, 5 given and found. */
static void fill(void)
{
    struct dbr_peer_id id = id_of(1);
    book_connected(&book, 1, A, 0);
    dbr_book_rtt(&book, &id, 1234);
    book_sign(&book, 2, 77, B, 0);
    book_failed(&book, 2, B);
    book_add(&book, 2, DBR_BOOK_HINT, C, 0);
    book_add(&book, 3, DBR_BOOK_HINT, C, 0);
    book_add(&book, 4, DBR_BOOK_GIVEN, C, 0);
    book_add(&book, 5, DBR_BOOK_GIVEN, C, 0);
    book_connected(&book, 5, C, 0);
    book_disconnected(&book, 5, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void what_we_know_ourselves_survives(void **state)
{
    (void)state;
    fill();
    encode(HOUR);
    restart(5, WALL + 3 * HOUR);
    assert_int_equal(book.n, 3);
    const struct dbr_book_peer *peer = book_find(&book, 1);
    assert_false(peer->is_connected);
    assert_int_equal(peer->seen_ms, WALL);
    assert_int_equal(peer->rtt_us, 1234);
    assert_int_equal(peer->successes, 1);
    assert_string_equal(book_dial(&book, 1, 5 + 22 * HOUR - 1), A);
    assert_string_equal(book_dial(&book, 1, 5 + 22 * HOUR), "");
    peer = book_find(&book, 2);
    assert_int_equal(peer->seq, 77);
    assert_int_equal(peer->failures, 1);
    assert_string_equal(book_dial(&book, 2, 5 + 45 * HOUR - 1), B);
    assert_string_equal(book_dial(&book, 2, 5 + 45 * HOUR), "");
    assert_int_equal(book_sign(&book, 2, 76, A, 5), DEBROS_ECONFLICT);
    assert_string_equal(book_dial(&book, 5, 5), C);
    assert_true(book_find(&book, 5)->addrs.items[0]->worked);
    assert_int_equal(book_find(&book, 5)->addrs.items[0]->source, DBR_BOOK_IDENTIFIED);
}

static void what_is_over_or_unfit_by_now_is_skipped(void **state)
{
    (void)state;
    dbr_book_finish(&book);
    config.loopback = true;
    dbr_book_init(&book, &config);
    book_add(&book, 1, DBR_BOOK_IDENTIFIED, A, 0);
    book_add(&book, 2, DBR_BOOK_IDENTIFIED, "/ip4/127.0.0.1/tcp/1", 0);
    book_sign(&book, 3, 1, A, 0);
    encode(0);
    config.loopback = false;
    config.self = id_of(1);
    restart(0, WALL);
    assert_null(book_find(&book, 1));
    assert_null(book_find(&book, 2));
    assert_non_null(book_find(&book, 3));
    config.self = id_of(SELF);
    restart(0, WALL + 24 * HOUR);
    assert_int_equal(book.n, 1);
    /* A clock that went back lets nothing live longer than it may. */
    restart(0, WALL - 1000 * HOUR);
    assert_string_equal(book_dial(&book, 1, 24 * HOUR), "");
}

static void damage_is_seen_and_nothing_taken(void **state)
{
    (void)state;
    fill();
    encode(0);
    dbr_book_finish(&book);
    dbr_book_init(&book, &config);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(decode(view(&out)), DEBROS_EPROTO);
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(decode(dbr_bytes(out.data, len)), DEBROS_EPROTO);
    }
    /* A frame that cannot be read, behind one that can, under a good checksum. */
    out.len -= 4;
    dbr_buf_add(&out, "\x02\x0a\x7f", 3);
    dbr_buf_le32(&out, dbr_crc32c(0, out.data, out.len));
    assert_int_equal(decode(view(&out)), DEBROS_EPROTO);
    assert_int_equal(book.n, 0);
    assert_int_equal(decode(dbr_bytes(out.data, DBR_BOOK_BYTES_MAX + 1)), DEBROS_ELIMIT);
}

static void an_empty_book_is_a_book(void **state)
{
    (void)state;
    encode(0);
    restart(0, WALL);
    assert_int_equal(book.n, 0);
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    fill();
    encode(0);
    for (size_t n = 0;; n++) {
        struct dbr_book read;
        struct dbr_buf again = {0};
        dbr_book_init(&read, &config);
        fault_after(n);
        int err = dbr_book_decode(&read, view(&out), 0, WALL);
        int other = dbr_book_encode(&again, &book, 0, WALL);
        bool failed = fault_off();
        dbr_book_finish(&read);
        dbr_buf_finish(&again);
        if (!failed) {
            assert_int_equal(err, 0);
            assert_int_equal(other, 0);
            break;
        }
        assert_true(err != 0 || other == DEBROS_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_we_know_ourselves_survives),
        TEST(what_is_over_or_unfit_by_now_is_skipped),
        TEST(damage_is_seen_and_nothing_taken),
        TEST(an_empty_book_is_a_book),
        TEST(short_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
