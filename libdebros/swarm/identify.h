/* Identify: who the peer says it is, what it speaks and where it listens.
 *
 * Spec: github.com/libp2p/specs/blob/master/identify/README.md
 * This is the codec; introduce.h runs it on connections. */
#ifndef DBR_SWARM_IDENTIFY_H
#define DBR_SWARM_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_IDENTIFY_ID      "/ipfs/id/1.0.0"
#define DBR_IDENTIFY_PUSH_ID "/ipfs/id/push/1.0.0"
#define DBR_IDENTIFY_STOCK   3 /* protocols that every node of ours speaks */
/* Bytes of one message read, and messages merged until the end; go and js: the same. */
#define DBR_IDENTIFY_MESSAGE_MAX   8192
#define DBR_IDENTIFY_MESSAGES_MAX  10
#define DBR_IDENTIFY_ANSWER_MAX    4095 /* rust reads at most 4,096 bytes */
#define DBR_IDENTIFY_TEXT_MAX      256  /* bytes of an agent or a protocol id */
#define DBR_IDENTIFY_PROTOCOLS_MAX 256
#define DBR_IDENTIFY_ADDRS_MAX     64

/* What the peer's messages said, merged. Texts are printable and end at NUL. */
struct dbr_identify_info {
    struct dbr_arena arena;
    const char *agent; /* never NULL after init */
    const char **protocols;
    size_t n_protocols;
    struct dbr_multiaddr *addrs;
    size_t n_addrs;
    struct dbr_multiaddr observed;
    struct dbr_peer_id key_peer; /* of publicKey; none: it was absent */
    debros_bytes record;         /* signedPeerRecord, as it came */
    uint64_t record_seq;         /* once it is checked */
    unsigned n_messages;
};

void dbr_identify_info_init(struct dbr_identify_info *info);
void dbr_identify_info_finish(struct dbr_identify_info *info);
/* Merges one message: scalars, the last non-empty one wins; lists append. What is
 * unknown or beyond the limits above is skipped. 0, EPROTO malformed, EAUTH a key of a
 * type that we do not take, ELIMIT too many messages, ENOMEM. */
int dbr_identify_merge(struct dbr_identify_info *info, debros_bytes message);

/* Fills what `info`, a push, left out from what was known before. 0 or ENOMEM. */
int dbr_identify_inherit(struct dbr_identify_info *info,
                         const struct dbr_identify_info *older);
int dbr_identify_inherit_record(struct dbr_identify_info *info,
                                const struct dbr_identify_info *older);

/* Once all messages are merged: what they said, in little memory. */
void dbr_identify_shrink(struct dbr_identify_info *info);

struct dbr_identify_answer {
    const struct dbr_keypair *identity;
    const char *agent;
    const char *const *protocols;
    size_t n_protocols;
    const struct dbr_multiaddr *addrs;
    size_t n_addrs;
    struct dbr_multiaddr observed;
    debros_bytes record; /* signed, or none */
};
/* Appends the framed message, at most DBR_IDENTIFY_ANSWER_MAX bytes with its length: a
 * record or addresses that do not fit are left out. 0 or ENOMEM. */
int dbr_identify_encode(struct dbr_buf *out, const struct dbr_identify_answer *answer);

#endif
