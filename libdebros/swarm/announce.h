/* What we say of ourselves: addresses, protocols and the signed record, as the answer to
 * identify, and as a push when it has changed. */
#ifndef DBR_SWARM_ANNOUNCE_H
#define DBR_SWARM_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "multi/multiaddr.h"

struct dbr_conn;
struct dbr_stream;
struct dbr_swarm;

/* Changes of so long a time share one push; js: the same. */
#define DBR_ANNOUNCE_DELAY_MS 1000

struct dbr_announcement {
    uint64_t version;      /* counts changes, from 1 */
    struct dbr_buf record; /* signed; of `signed_version` */
    uint64_t signed_version;
    uint64_t seq;
    int64_t wall_ms; /* unix time, 0: unknown */
    dbr_time push_at;
};

void dbr_announce_init(struct dbr_announcement *announcement);
void dbr_announce_finish(struct dbr_announcement *announcement);
/* Something that identify tells is different now. */
void dbr_announce_changed(struct dbr_swarm *swarm);
/* Our addresses are. */
void dbr_announce_moved(struct dbr_swarm *swarm);
/* Answers on an accepted identify stream. */
void dbr_announce_answer(struct dbr_swarm *swarm, struct dbr_stream *stream);
/* The peer has told what it speaks: a change since our answer may be due. */
void dbr_announce_identified(struct dbr_swarm *swarm, struct dbr_conn *conn);
/* The stream of a push is gone. */
void dbr_announce_pushed(struct dbr_swarm *swarm, struct dbr_stream *stream);
dbr_time dbr_announce_deadline(const struct dbr_swarm *swarm);
void dbr_announce_expire(struct dbr_swarm *swarm);

#endif
