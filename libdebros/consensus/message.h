/* libraft's messages on the wire, as raft_message.proto describes them. A decoded
 * message holds nothing that libraft would trip over: what decode lets through is within
 * its ranges, ordered, and owned as raft_io's recv wants it. */
#ifndef DBR_CONSENSUS_MESSAGE_H
#define DBR_CONSENSUS_MESSAGE_H

#include <raft.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "consensus/consensus.h"

#define DBR_MESSAGE_ENTRIES_MAX 4096                /* entries of one message */
#define DBR_MESSAGE_HEADER_MAX  (256 * 1024)        /* bytes of one header */
#define DBR_MESSAGE_NUMBER_MAX  ((uint64_t)1 << 62) /* of a term or an index */
#define DBR_ENTRY_SIZE_MAX      (4 * 1024 * 1024)   /* bytes of one entry */

/* Our own types beside libraft's, see reads.h. They use the fields of its TimeoutNow:
 * term, and the round as last_log_index. */
enum { DBR_MESSAGE_READ_PROBE = 64, DBR_MESSAGE_READ_ACK = 65 };

struct dbr_message_limits {
    size_t max_entries; /* bytes of all entries of one message */
    size_t max_descriptor; /* bytes that describe a snapshot */
};

/* Appends `message` to `out`; an install carries `descriptor` in place of its data.
 * Returns 0 or ENOMEM. */
int dbr_message_encode(struct dbr_buf *out, const struct raft_message *message,
                       const char *own_address, debros_bytes descriptor);

/* Returns 0, EPROTO or ENOMEM. On 0, server_id is `from`, server_address points to
 * `address` ("" when the message names none), and the memory inside passes to
 * raft_io's recv, or to dbr_message_finish(). */
int dbr_message_decode(struct raft_message *message, char address[DBR_SERVER_ADDRESS_MAX],
                       uint64_t from, debros_bytes bytes,
                       const struct dbr_message_limits *limits);
void dbr_message_finish(struct raft_message *message);

#endif
