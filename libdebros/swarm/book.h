/* The peer book: where peers can be found, from whom we know that, and how it went. A
 * pure table that outlives connections and, through book_codec.h, the process.
 *
 * Who is known by hints alone makes room for others and moves nobody else. Who is
 * protected, connected or given never goes; of the others those that were never connected
 * go first, then whoever failed most, then whoever was seen longest ago. */
#ifndef DBR_SWARM_BOOK_H
#define DBR_SWARM_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "book_addrs.h"
#include "fit.h"
#include "peer_record.h"

struct dbr_book_limits {
    uint32_t peers;         /* default 8,192 */
    uint32_t hinted;        /* of them, known by hints alone; default 2,048 */
    uint32_t addrs;         /* of a peer; default 8, at most DBR_BOOK_ADDRS_MAX */
    uint32_t addrs_read;    /* that are looked at when one names many; default 64 */
    uint32_t hint_ms;       /* how long a hint is kept; default 10 minutes */
    uint32_t identified_ms; /* after the peer was last connected; default 24 h */
    uint32_t signed_ms;     /* the same; default 48 h */
    uint32_t sweep_ms;      /* between two looks for what is over; default 60,000 */
};
void dbr_book_limits_default(struct dbr_book_limits *limits);

struct dbr_book_config {
    struct dbr_book_limits limits;
    struct dbr_peer_id self;
    bool loopback;  /* the cluster is on one machine */
    bool is_public; /* private addresses are not for us unless they are given */
};

struct dbr_book_peer {
    struct dbr_peer_id id;
    struct dbr_book_addrs addrs;
    uint64_t seq;     /* of its signed record; 0: none */
    uint64_t seen_ms; /* unix, when it was last connected; 0: never */
    uint32_t rtt_us;
    uint32_t successes; /* of connections */
    uint32_t failures;  /* of dials, since it was last connected */
    bool is_protected;
    bool is_connected;
    struct dbr_list in_order; /* of book.hinted or book.known, or of neither */
    bool is_hinted;
    UT_hash_handle hh;
};

struct dbr_book_stats {
    uint64_t self;          /* addresses that came with our own id */
    uint64_t fit[DBR_FITS]; /* addresses, by what was found */
    uint64_t excess;        /* addresses beyond limits.addrs_read and limits.addrs */
    uint64_t old_records;   /* signed records older than the one we have */
    uint64_t evicted;       /* peers, to make room */
    uint64_t full;          /* peers for which there was none */
};

struct dbr_book {
    struct dbr_book_config config;
    struct dbr_book_peer *table;
    size_t n;
    size_t n_hinted;
    uint64_t changes; /* so far: what has been saved is old */
    struct dbr_list hinted; /* the oldest first */
    struct dbr_list known;
    dbr_time swept;
    struct dbr_book_stats stats;
};

void dbr_book_init(struct dbr_book *book, const struct dbr_book_config *config);
void dbr_book_finish(struct dbr_book *book);
/* Which addresses of others are for us, from now on: see dbr_book_config. */
void dbr_book_set_reach(struct dbr_book *book, bool loopback, bool is_public);
/* NULL: unknown. Valid until the book changes. */
const struct dbr_book_peer *dbr_book_find(const struct dbr_book *book,
                                          const struct dbr_peer_id *id);

/* Addresses of a peer, with or without its /p2p. HINT and GIVEN are added to what is
 * there, IDENTIFIED takes the place of what was; names are taken of GIVEN only. `local`:
 * it told us over loopback, and so may tell of loopback. Addresses that are not fit are
 * counted and skipped. 0; EINVAL our own id; ELIMIT no room for a peer; ENOMEM. */
int dbr_book_add(struct dbr_book *book, const struct dbr_peer_id *id,
                 enum dbr_book_source source, const struct dbr_multiaddr *addrs, size_t n,
                 bool local, dbr_time now);
/* Addresses of a record that has been opened: they replace what was signed, identified or
 * hinted before. As above; ECONFLICT older than the one we have. */
int dbr_book_add_record(struct dbr_book *book, const struct dbr_peer_record *record,
                        bool local, dbr_time now);
/* These addresses, and no others, are given. None: then nothing is. As dbr_book_add(). */
int dbr_book_give(struct dbr_book *book, const struct dbr_peer_id *id,
                  const struct dbr_multiaddr *addrs, size_t n, dbr_time now);

/* It is connected, and has proven who it is; `at`: where it was dialed, or NULL. */
int dbr_book_connected(struct dbr_book *book, const struct dbr_peer_id *id,
                       const struct dbr_multiaddr *at, dbr_time now, uint64_t wall_ms);
/* Its last connection is gone. */
void dbr_book_disconnected(struct dbr_book *book, const struct dbr_peer_id *id,
                           dbr_time now, uint64_t wall_ms);
/* It was dialed at an address in vain. */
void dbr_book_failed(struct dbr_book *book, const struct dbr_peer_id *id,
                     const struct dbr_multiaddr *at);
void dbr_book_rtt(struct dbr_book *book, const struct dbr_peer_id *id, uint32_t rtt_us);
/* It stays whatever happens, or no longer. 0, EINVAL, ELIMIT, ENOMEM. */
int dbr_book_protect(struct dbr_book *book, const struct dbr_peer_id *id,
                     bool is_protected);

/* Where to dial it, the best first. At most `n`; how many. */
size_t dbr_book_dial_addrs(const struct dbr_book *book, const struct dbr_peer_id *id,
                           struct dbr_multiaddr *out, size_t n, dbr_time now);
/* What others may be told: no hints, and nothing that only we can reach. */
size_t dbr_book_known_addrs(const struct dbr_book *book, const struct dbr_peer_id *id,
                            struct dbr_multiaddr *out, size_t n, dbr_time now);

dbr_time dbr_book_deadline(const struct dbr_book *book);
void dbr_book_expire(struct dbr_book *book, dbr_time now);

/* For book_codec.c: finds or makes, with the best source that it is going to have. 0,
 * EINVAL our own id, ELIMIT, ENOMEM. */
int dbr_book_get(struct dbr_book *book, const struct dbr_peer_id *id,
                 enum dbr_book_source source, struct dbr_book_peer **out);
/* Counts and returns whether an address of this source may come in. */
bool dbr_book_is_fit(struct dbr_book *book, const struct dbr_peer_id *id,
                     struct dbr_multiaddr *addr, enum dbr_book_source source, bool local);
/* After a peer's addresses or flags have changed: in its order, or gone. */
void dbr_book_settle(struct dbr_book *book, struct dbr_book_peer *peer);
uint32_t dbr_book_ttl(const struct dbr_book *book, enum dbr_book_source source);

#endif
