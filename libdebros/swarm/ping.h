/* Ping: 32 bytes there and back on a stream that stays open.
 *
 * Spec: github.com/libp2p/specs/blob/master/ping/ping.md */
#ifndef DBR_SWARM_PING_H
#define DBR_SWARM_PING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/list.h"

#define DBR_PING_ID       "/ipfs/ping/1.0.0"
#define DBR_PING_SIZE     32
#define DBR_PING_FIRST_MS 1000 /* a new member's round trip is measured */
/* So many times limits.ping_timeout_ms may pass while the peer sends other things. */
#define DBR_PING_PATIENCE 6

struct dbr_conn;
struct dbr_stream;
struct dbr_swarm;
struct dbr_waiter;

/* Our side of one connection. js-libp2p answers two ping streams at most, so one
 * stream serves all our pings, one after the other. */
struct dbr_pinger {
    struct dbr_stream *stream; /* NULL: to be opened */
    bool waiting;              /* a ping is under way */
    bool retried; /* on a fresh stream, after the peer had closed the old one */
    bool refused; /* the peer does not speak ping */
    uint8_t sent[DBR_PING_SIZE];
    size_t got; /* echoed bytes so far */
    dbr_time sent_at;
    dbr_time tried_at;      /* last start, successful or not */
    struct dbr_list queued; /* waiters for the next ping */
    struct dbr_list flying; /* waiters for this one */
};

void dbr_pinger_init(struct dbr_pinger *pinger);
/* Takes the waiter: its PING_DONE follows. */
void dbr_ping_request(struct dbr_swarm *swarm, struct dbr_conn *conn,
                      struct dbr_waiter *waiter);
/* Completes every waiter of a connection that ends. */
void dbr_ping_abort(struct dbr_swarm *swarm, struct dbr_conn *conn, int status,
                    const char *detail);
dbr_time dbr_ping_deadline(const struct dbr_swarm *swarm, const struct dbr_conn *conn);
/* False: the peer has not answered in time and the connection is to be closed. */
bool dbr_ping_expire(struct dbr_swarm *swarm, struct dbr_conn *conn);

void dbr_ping_answered(struct dbr_swarm *swarm, struct dbr_stream *stream,
                       debros_bytes data);
/* Our ping stream is gone; `refused`: the peer does not speak ping. */
void dbr_ping_lost(struct dbr_swarm *swarm, struct dbr_stream *stream, bool refused);
/* Bytes on a stream that the peer opened: every 32 are sent back. */
void dbr_ping_echo(struct dbr_swarm *swarm, struct dbr_stream *stream, debros_bytes data);

#endif
