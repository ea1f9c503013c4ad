/* The frames of /debros/snapshot/1.0.0, as transfer.proto describes them. */
#ifndef DBR_TRANSFER_MESSAGE_H
#define DBR_TRANSFER_MESSAGE_H

#include "base/buf.h"
#include "base/bytes.h"
#include "transfer/descriptor.h"

#define DBR_TRANSFER_CHUNK   (256u << 10)                 /* bytes of one, at most */
#define DBR_TRANSFER_MESSAGE (DBR_TRANSFER_CHUNK + 1024u) /* of one message */

enum dbr_transfer_type {
    DBR_TRANSFER_FETCH,
    DBR_TRANSFER_CHUNK_OF,
    DBR_TRANSFER_GONE,
    DBR_TRANSFER_DAMAGED
};

struct dbr_transfer_message {
    enum dbr_transfer_type type;
    uint8_t id[DBR_SNAPSHOT_ID_SIZE];
    uint64_t offset;   /* FETCH, CHUNK_OF */
    uint32_t length;   /* FETCH: 1 to DBR_TRANSFER_CHUNK */
    debros_bytes data; /* CHUNK_OF; borrowed */
};

/* Appends the message. 0 or ENOMEM. */
int dbr_transfer_encode(struct dbr_buf *out, const struct dbr_transfer_message *message);
/* 0 or EPROTO; `data` points into `bytes`. */
int dbr_transfer_decode(struct dbr_transfer_message *out, debros_bytes bytes);

#endif
