/* Term and vote beside the log, in two slots of the file log/vote that are written in
 * turns, each in a block of its own:
 *
 *   "DBVOTE01" | le64 seq | le64 term | le64 vote | le64 segment | le64 offset |
 *   le32 CRC-32C of everything before
 *
 * A term and a vote are records of the log, so that they share its sync with the appends
 * around them. The log's end is the one place where a lost write looks like one that a
 * crash cut short; a vote that vanishes there is a second vote in one term. So each batch
 * that changes term or vote is followed by a slot that says what they are and how far the
 * log was durable then (one more sync, at elections only), and so is a clean end. A log
 * that is shorter than its newest slot says has lost something: an error, whatever it
 * was. One damaged slot does no harm, the other one and the log still know; both damaged
 * are an error. */
#ifndef DBR_STORE_VOTE_H
#define DBR_STORE_VOTE_H

#include "base/bytes.h"

#define DBR_VOTE_BLOCK 4096u /* more than a disk writes at once */
#define DBR_VOTE_SLOT  52u   /* bytes in use */
#define DBR_VOTE_FILE  (2 * DBR_VOTE_BLOCK)

struct dbr_vote {
    uint64_t seq; /* 1, 2, 3, ...: slot seq % 2 */
    uint64_t term;
    uint64_t vote;
    uint64_t
        segment; /* everything before `offset` in this segment was durable; 0: none */
    uint64_t offset;
};

void dbr_vote_encode(uint8_t out[DBR_VOTE_SLOT], const struct dbr_vote *vote);

/* The newer valid slot of the file's bytes. EIO: none is valid; *empty: because nothing
 * was ever written. *damaged: slots that are neither valid nor empty. */
int dbr_vote_choose(struct dbr_vote *out, debros_bytes file, size_t *damaged,
                    bool *empty);

#endif
