/* Snapshots on their way between two members, in chunks that the receiver asks for: the
 * machine behind /debros/snapshot/1.0.0. Both halves are in every node.
 *
 *   sender    freezes the databases when the log asks for a snapshot, has them copied and
 *             hashed, answers fetches at a limited rate, keeps the copy while it is asked
 *             for and a minute longer
 *   receiver  fetches with a small window, has every chunk written at once, begins again
 *             where it was after a lost connection or a restart, has everything hashed
 *
 * Memory: a window of chunks on either side, never a file. */
#ifndef DBR_TRANSFER_TRANSFER_H
#define DBR_TRANSFER_TRANSFER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/logger.h"
#include "multi/peer_id.h"
#include "transfer/descriptor.h"
#include "transfer/job.h"
#include "transfer/message.h"

struct dbr_transfer;

struct dbr_transfer_limits {
    uint64_t rate;       /* bytes sent in a second, to all; default 64 MiB: half of a
                            gigabit, the rest is for the log and SQL */
    uint32_t chunk;      /* bytes that a receiver asks for at once; default and most
                            DBR_TRANSFER_CHUNK */
    uint32_t window;     /* chunks that a receiver has asked for; default 4 */
    uint32_t reads;      /* of the sender at the disk; default 4 */
    uint32_t fetches;    /* of one stream that wait; default 16 */
    uint32_t streams;    /* receivers at a time; default 16 */
    uint32_t keep_ms;    /* a copy that nobody fetches from; default 60,000 */
    uint32_t retry_ms;   /* before a stream is opened again; default 500 */
    uint32_t stall_ms;   /* without a chunk: the stream is opened anew; default 10,000 */
    uint32_t give_up_ms; /* without a chunk: FETCHED with ETIMEDOUT; default 60,000 */
};
void dbr_transfer_limits_default(struct dbr_transfer_limits *limits);

struct dbr_transfer_config {
    struct dbr_transfer_limits limits;
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};

int dbr_transfer_create(struct dbr_transfer **out,
                        const struct dbr_transfer_config *config, dbr_time now);
/* Jobs that are out belong to the executor. */
void dbr_transfer_destroy(struct dbr_transfer *t);

/* ---- In: the sender's half ---------------------------------------------------- */

/* A snapshot of entry `index` or later is wanted: OFFER follows. */
void dbr_transfer_ask(struct dbr_transfer *t, uint64_t index, dbr_time now);
/* The applier has frozen the databases as FREEZE asked, or could not. */
void dbr_transfer_frozen(struct dbr_transfer *t, uint64_t freeze, int status,
                         dbr_time now);

/* ---- In: the receiver's half -------------------------------------------------- */

/* Fetch the snapshot that `descriptor` describes from `peer`: FETCHED follows, unless
 * another fetch or dbr_transfer_abandon() comes first. The same one again goes on.
 * EPROTO, also when it is older than entry `index`; ENOMEM. */
int dbr_transfer_fetch(struct dbr_transfer *t, const struct dbr_peer_id *peer,
                       uint64_t index, debros_bytes descriptor, dbr_time now);
/* It is not needed any more; what was received goes. */
void dbr_transfer_abandon(struct dbr_transfer *t, dbr_time now);
/* What became of OPEN: a stream, or an error. */
void dbr_transfer_opened(struct dbr_transfer *t, uint64_t stream, int status,
                         dbr_time now);

/* ---- In: both ------------------------------------------------------------------ */

/* 0, or EPROTO: the stream is to be reset. */
int dbr_transfer_recv(struct dbr_transfer *t, uint64_t stream,
                      const struct dbr_peer_id *peer, debros_bytes message, dbr_time now);
void dbr_transfer_stream_closed(struct dbr_transfer *t, uint64_t stream, dbr_time now);
/* Takes the job. */
void dbr_transfer_job_done(struct dbr_transfer *t, struct dbr_bulk_job *job,
                           dbr_time now);

/* ---- Out ------------------------------------------------------------------------ */

enum dbr_transfer_event_type {
    DBR_TRANSFER_FREEZE,  /* let the applier freeze the databases as `freeze` */
    DBR_TRANSFER_JOB,     /* give `job` to the bulk worker */
    DBR_TRANSFER_OFFER,   /* `status`, `index`, `data`: the descriptor */
    DBR_TRANSFER_OPEN,    /* open a stream to `peer` */
    DBR_TRANSFER_SEND,    /* `data` on `stream` */
    DBR_TRANSFER_RESET,   /* `stream` */
    DBR_TRANSFER_FINISH,  /* `stream`: nothing more is said on it */
    DBR_TRANSFER_SERVED,  /* `peer` has been sent a chunk: its transfer goes on */
    DBR_TRANSFER_LOST,    /* `peer` wants a snapshot that is not here any more */
    DBR_TRANSFER_FETCHED, /* `status`; `data`: the descriptor. 0: it is on the disk */
    DBR_TRANSFER_BROKEN   /* the disk fails: `data` is a text for people */
};

struct dbr_transfer_event {
    enum dbr_transfer_event_type type;
    struct dbr_bulk_job *job;
    uint64_t freeze;
    uint64_t stream;
    uint64_t index;
    int status;
    struct dbr_peer_id peer;
    debros_bytes data; /* valid until the next call */
};

bool dbr_transfer_poll(struct dbr_transfer *t, struct dbr_transfer_event *event);

/* Progress; all zero: nothing is under way. */
struct dbr_transfer_progress {
    uint64_t in_done, in_total;   /* bytes */
    uint64_t out_done, out_total; /* of the receiver that is furthest behind */
};
void dbr_transfer_progress(const struct dbr_transfer *t,
                           struct dbr_transfer_progress *out);

dbr_time dbr_transfer_deadline(const struct dbr_transfer *t);
void dbr_transfer_expire(struct dbr_transfer *t, dbr_time now);

#endif
