/* Peers and addresses for the tests of the book. */
#ifndef DBR_TEST_SWARM_BOOK_FIXTURE_H
#define DBR_TEST_SWARM_BOOK_FIXTURE_H

#include "fields.h"

#include "swarm/book.h"
#include "texts.h"

#define SELF   9999u
#define MINUTE 60000u
#define HOUR   3600000u
#define WALL   1700000000000u

static inline struct dbr_peer_id id_of(uint32_t number)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE] = {(uint8_t)number, (uint8_t)(number >> 8),
                                        (uint8_t)(number >> 16)};
    struct dbr_peer_id id;
    dbr_peer_id_from_key(&id, key);
    return id;
}

static inline struct dbr_multiaddr addr_of(const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    return addr;
}

static inline struct dbr_book_config book_config(void)
{
    struct dbr_book_config config = {.self = id_of(SELF)};
    dbr_book_limits_default(&config.limits);
    return config;
}

static inline int book_add(struct dbr_book *book, uint32_t peer,
                           enum dbr_book_source source, const char *text, dbr_time now)
{
    struct dbr_peer_id id = id_of(peer);
    struct dbr_multiaddr addr = addr_of(text);
    return dbr_book_add(book, &id, source, &addr, 1, false, now);
}

static inline int book_sign(struct dbr_book *book, uint32_t peer, uint64_t seq,
                            const char *text, dbr_time now)
{
    struct dbr_multiaddr addr = addr_of(text);
    struct dbr_peer_record record = {
        .peer = id_of(peer), .seq = seq, .addrs = &addr, .n_addrs = 1};
    return dbr_book_add_record(book, &record, false, now);
}

static inline int book_connected(struct dbr_book *book, uint32_t peer, const char *at,
                                 dbr_time now)
{
    struct dbr_peer_id id = id_of(peer);
    struct dbr_multiaddr addr = {0};
    if (at != NULL) {
        addr = addr_of(at);
    }
    return dbr_book_connected(book, &id, at == NULL ? NULL : &addr, now, WALL + now);
}

static inline void book_disconnected(struct dbr_book *book, uint32_t peer, dbr_time now)
{
    struct dbr_peer_id id = id_of(peer);
    dbr_book_disconnected(book, &id, now, WALL + now);
}

static inline void book_failed(struct dbr_book *book, uint32_t peer, const char *at)
{
    struct dbr_peer_id id = id_of(peer);
    struct dbr_multiaddr addr = addr_of(at);
    dbr_book_failed(book, &id, &addr);
}

static inline const struct dbr_book_peer *book_find(const struct dbr_book *book,
                                                    uint32_t peer)
{
    struct dbr_peer_id id = id_of(peer);
    return dbr_book_find(book, &id);
}

/* The addresses to dial, with spaces between them. */
static inline const char *book_dial(const struct dbr_book *book, uint32_t peer,
                                    dbr_time now)
{
    struct dbr_multiaddr addrs[DBR_BOOK_ADDRS_MAX];
    struct dbr_peer_id id = id_of(peer);
    return texts_of(addrs,
                    dbr_book_dial_addrs(book, &id, addrs, DBR_BOOK_ADDRS_MAX, now));
}

#endif
