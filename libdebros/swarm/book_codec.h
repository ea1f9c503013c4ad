/* The peer book as bytes:
 *
 *   "DBBOOK01" | for each peer: uvarint length, BookPeer of book.proto |
 *   le32 CRC-32C of everything before */
#ifndef DBR_SWARM_BOOK_CODEC_H
#define DBR_SWARM_BOOK_CODEC_H

#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "book.h"

#define DBR_BOOK_BYTES_MAX                                                               \
    (32u << 20)                 /* 8,192 peers with the longest addresses: 18 MiB */
#define DBR_BOOK_PEER_MAX 4096u /* bytes of one */

/* Appends it. Ends are told by the clock on the wall, which goes on while we do not. 0 or
 * ENOMEM. */
int dbr_book_encode(struct dbr_buf *out, const struct dbr_book *book, dbr_time now,
                    uint64_t wall_ms);
/* Adds to the book what is not over, as far as it is fit and there is room. 0; EPROTO it
 * is damaged: nothing of it was taken; ELIMIT too large; ENOMEM. */
int dbr_book_decode(struct dbr_book *book, debros_bytes bytes, dbr_time now,
                    uint64_t wall_ms);

#endif
