/* The kept peer book: whatever is in the file, the book keeps to its limits, and written
 * and read again it is the same. Runs with the input as it is, and as frames under a
 * right checksum. */
#include "crypto/hash.h"
#include "fuzz.h"
#include "swarm/book_codec.h"

#define NOW  1000u
#define WALL 5000u

static void check(const struct dbr_book *book)
{
    const struct dbr_book_peer *peer;
    const struct dbr_book_peer *tmp;
    dbr_assert(book->n <= book->config.limits.peers);
    HASH_ITER(hh, book->table, peer, tmp)
    {
        dbr_assert(!dbr_peer_id_equal(&peer->id, &book->config.self));
        dbr_assert(peer->addrs.n > 0 && peer->addrs.n <= book->config.limits.addrs);
        for (size_t i = 0; i < peer->addrs.n; i++) {
            const struct dbr_book_addr *addr = peer->addrs.items[i];
            struct dbr_multiaddr whole;
            dbr_assert(addr->source == DBR_BOOK_IDENTIFIED ||
                       addr->source == DBR_BOOK_SIGNED);
            dbr_assert(addr->until > NOW && addr->until <= NOW + 48ull * 3600 * 1000);
            dbr_assert(
                dbr_multiaddr_from_bytes(&whole, dbr_bytes(addr->bytes, addr->len)) == 0);
            dbr_assert(dbr_multiaddr_is_dialable(&whole));
        }
    }
}

static void read_it(debros_bytes bytes)
{
    struct dbr_book_config config = {.self = {.len = 3, .bytes = {0, 1, 7}}};
    struct dbr_book book;
    struct dbr_book again;
    struct dbr_buf out = {0};
    struct dbr_buf out_again = {0};
    dbr_book_limits_default(&config.limits);
    config.limits.peers = 4;
    dbr_book_init(&book, &config);
    if (dbr_book_decode(&book, bytes, NOW, WALL) == 0) {
        check(&book);
        dbr_book_init(&again, &config);
        dbr_assert(dbr_book_encode(&out, &book, NOW, WALL) == 0);
        dbr_assert(dbr_book_decode(&again, dbr_bytes(out.data, out.len), NOW, WALL) == 0);
        dbr_assert(dbr_book_encode(&out_again, &again, NOW, WALL) == 0);
        dbr_assert(dbr_bytes_equal(dbr_bytes(out.data, out.len),
                                   dbr_bytes(out_again.data, out_again.len)));
        dbr_book_finish(&again);
        dbr_buf_finish(&out);
        dbr_buf_finish(&out_again);
    }
    dbr_book_finish(&book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_buf whole = {0};
    read_it(dbr_bytes(data, size));
    dbr_buf_str(&whole, "DBBOOK01");
    dbr_buf_add(&whole, data, size);
    dbr_buf_le32(&whole, dbr_crc32c(0, whole.data, whole.len));
    read_it(dbr_bytes(whole.data, whole.len));
    dbr_buf_finish(&whole);
    return 0;
}
