/* The addresses of one peer in the book: few, each with where we have it from. */
#ifndef DBR_SWARM_BOOK_ADDRS_H
#define DBR_SWARM_BOOK_ADDRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "multi/multiaddr.h"

#define DBR_BOOK_ADDRS_MAX 8u

/* The later, the more it is worth. */
enum dbr_book_source {
    DBR_BOOK_HINT,       /* somebody else said so: for one dial, and never passed on */
    DBR_BOOK_IDENTIFIED, /* the peer itself said so, or it was found there */
    DBR_BOOK_SIGNED,     /* its signed record says so */
    DBR_BOOK_GIVEN       /* by the configuration or the cluster: it does not end */
};
#define DBR_BOOK_SOURCES 4u

/* In one piece of memory: most addresses are short. */
struct dbr_book_addr {
    dbr_time until;
    uint8_t source;
    bool worked;    /* it was found there, and not missed since */
    uint16_t fails; /* in a row */
    uint16_t len;
    uint8_t bytes[];
};

/* Zeroed: empty. The oldest first. */
struct dbr_book_addrs {
    struct dbr_book_addr *items[DBR_BOOK_ADDRS_MAX];
    size_t n;
};

enum dbr_book_added {
    DBR_BOOK_ADDED, /* or known, and at least as much worth as before */
    DBR_BOOK_FULL,  /* of addresses that are worth more */
    DBR_BOOK_NO_MEMORY
};

void dbr_book_addrs_finish(struct dbr_book_addrs *addrs);
/* At most `max` are kept: the oldest of those that are worth least gives way. */
enum dbr_book_added dbr_book_addrs_add(struct dbr_book_addrs *addrs, size_t max,
                                       const struct dbr_multiaddr *addr,
                                       enum dbr_book_source source, dbr_time until);
/* NULL: none such. */
struct dbr_book_addr *dbr_book_addrs_find(const struct dbr_book_addrs *addrs,
                                          const struct dbr_multiaddr *addr);
void dbr_book_addrs_remove(struct dbr_book_addrs *addrs, struct dbr_book_addr *addr);
/* Those of `source` that are not in `kept` go; where the peer was found stays, but only
 * as IDENTIFIED. */
void dbr_book_addrs_replace(struct dbr_book_addrs *addrs, enum dbr_book_source source,
                            const struct dbr_multiaddr *kept, size_t n);
/* All that are over by `now`. */
void dbr_book_addrs_expire(struct dbr_book_addrs *addrs, dbr_time now);
/* Those from `least` on that are not over, the best to dial first: those with the fewest
 * failures, where it was found, of the best source, the newest. At most `n`; how many. */
size_t dbr_book_addrs_best(const struct dbr_book_addrs *addrs, struct dbr_multiaddr *out,
                           size_t n, enum dbr_book_source least, dbr_time now);
/* The best source there is; HINT when there is none. */
enum dbr_book_source dbr_book_addrs_source(const struct dbr_book_addrs *addrs);

#endif
