/* Identify on connections: what a peer says of itself, asked for and pushed. */
#ifndef DBR_SWARM_INTRODUCE_H
#define DBR_SWARM_INTRODUCE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "bucket.h"
#include "identify.h"

#define DBR_IDENTIFY_MS 10000 /* to wait for all messages of a stream */

struct dbr_conn;
struct dbr_stream;
struct dbr_swarm;

/* One stream on which the peer tells of itself. */
struct dbr_introduction {
    struct dbr_stream *stream; /* NULL: none */
    struct dbr_identify_info info;
    dbr_time at; /* patience ends */
};

/* Asks the peer of a new connection. */
void dbr_introduce_ask(struct dbr_swarm *swarm, struct dbr_conn *conn);
/* The peer begins a push. False: it pushes too much, refuse. */
bool dbr_introduce_may_push(struct dbr_swarm *swarm, struct dbr_conn *conn);
void dbr_introduce_pushed(struct dbr_swarm *swarm, struct dbr_stream *stream);
void dbr_introduce_data(struct dbr_swarm *swarm, struct dbr_stream *stream,
                        debros_bytes data);
/* The peer has sent all of it. */
void dbr_introduce_end(struct dbr_swarm *swarm, struct dbr_stream *stream);
/* The stream went away before the end. */
void dbr_introduce_lost(struct dbr_swarm *swarm, struct dbr_stream *stream,
                        const char *why);
dbr_time dbr_introduce_deadline(const struct dbr_conn *conn);
void dbr_introduce_expire(struct dbr_swarm *swarm, struct dbr_conn *conn);

#endif
