/* Outbound attempts: who waits for which, and when a kept peer is dialed again. */
#ifndef DBR_SWARM_DIALER_H
#define DBR_SWARM_DIALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/rng.h"
#include "note.h"

struct dbr_conn;
struct dbr_peer;
struct dbr_swarm;

/* The addresses of one peer, tried one after the other; a kept one's with back-off. */
struct dbr_redial {
    dbr_time at;       /* kept: next round or address; NEVER: no address is known */
    uint32_t delay_ms; /* the last wait before jitter; 0: none yet */
    struct dbr_multiaddr *round; /* what the book said when it began; NULL: none runs */
    size_t n;
    size_t next; /* index of the next address in this round */
};

/* After a whole round failed: waits twice as long as last time, from `min_ms` to
 * `max_ms`, less a random part of up to a half. */
void dbr_redial_back_off(struct dbr_redial *redial, uint32_t min_ms, uint32_t max_ms,
                         struct dbr_rng *rng, dbr_time now);

/* One connect or ping that waits for its outcome. */
struct dbr_waiter {
    struct dbr_note note; /* its node is in a list of waiters until it is done */
    uint64_t token;
    int status;
    uint32_t rtt_ms;
    struct dbr_peer_id peer;
    struct dbr_multiaddr addr; /* connect: where to, without /p2p; none: wherever the book
                                  says */
    debros_detail detail;
};

struct dbr_waiter *dbr_waiter_create(enum dbr_swarm_event_type type, uint64_t token);
#ifdef __GNUC__
__attribute__((format(printf, 4, 5)))
#endif
void dbr_waiter_done(struct dbr_swarm *swarm, struct dbr_waiter *waiter, int status,
                     const char *format, ...);
/* Completes all of a list. `peer` may be NULL. */
void dbr_waiters_done(struct dbr_swarm *swarm, struct dbr_list *waiters, int status,
                      const struct dbr_peer_id *peer, const char *detail);

void dbr_dialer_connect(struct dbr_swarm *swarm, const struct dbr_multiaddr *addr,
                        struct dbr_waiter *waiter);
/* `conn`, whoever dialed it, is secured and belongs to `peer`: who waits for it is done.
 */
void dbr_dialer_succeeded(struct dbr_swarm *swarm, struct dbr_conn *conn,
                          struct dbr_peer *peer);
void dbr_dialer_failed(struct dbr_swarm *swarm, struct dbr_conn *conn, int status,
                       const char *words);
void dbr_dialer_keep(struct dbr_swarm *swarm, struct dbr_peer *peer, bool keep);
/* An address of a peer has come into the book. */
void dbr_dialer_found(struct dbr_swarm *swarm, const struct dbr_peer_id *peer);
/* The last connection of `peer`, which lived for `lived_ms`, is gone. */
void dbr_dialer_disconnected(struct dbr_swarm *swarm, struct dbr_peer *peer,
                             uint64_t lived_ms);
dbr_time dbr_dialer_deadline(const struct dbr_swarm *swarm);
void dbr_dialer_expire(struct dbr_swarm *swarm);

#endif
