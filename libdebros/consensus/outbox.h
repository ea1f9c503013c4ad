/* Encoded messages on their way out. Each waits until the last term or vote that was
 * queued before it is durable: a term or a vote on the wire is never taken back by a
 * crash. They leave in the order in which they came. */
#ifndef DBR_CONSENSUS_OUTBOX_H
#define DBR_CONSENSUS_OUTBOX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/list.h"
#include "consensus/consensus.h"

#define DBR_OUTBOX_MESSAGES_MAX 8192

struct dbr_outbox {
    struct dbr_list messages;
    size_t n;
    size_t bytes;
    size_t max_bytes;
    struct dbr_outbox_message *shown; /* the one that the caller looks at */
};

struct dbr_outbox_message {
    struct dbr_list link;
    uint64_t to;
    char address[DBR_SERVER_ADDRESS_MAX];
    uint64_t after_seq; /* of the op that must be durable */
    struct dbr_buf data;
};

void dbr_outbox_init(struct dbr_outbox *outbox, size_t max_bytes);
void dbr_outbox_finish(struct dbr_outbox *outbox);
/* Takes `data`. When the outbox is full, or memory is short, the message is lost: that
 * does no harm. */
void dbr_outbox_add(struct dbr_outbox *outbox, uint64_t to, const char *address,
                    uint64_t after_seq, struct dbr_buf *data);
/* The next message that may go, valid until the next call; or NULL. */
const struct dbr_outbox_message *dbr_outbox_next(struct dbr_outbox *outbox,
                                                 uint64_t durable_seq);

#endif
