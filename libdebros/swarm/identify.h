/* Identify: who the peer says it is, what it speaks and where it listens.
 *
 * Spec: github.com/libp2p/specs/blob/master/identify/README.md
 * The first half is the codec; the second half runs it on a connection. */
#ifndef DBR_SWARM_IDENTIFY_H
#define DBR_SWARM_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_IDENTIFY_ID "/ipfs/id/1.0.0"
/* Bytes of one message read, and messages merged until the end; go and js: the same. */
#define DBR_IDENTIFY_MESSAGE_MAX   8192
#define DBR_IDENTIFY_MESSAGES_MAX  10
#define DBR_IDENTIFY_ANSWER_MAX    4095 /* rust reads at most 4,096 bytes */
#define DBR_IDENTIFY_TEXT_MAX      256  /* bytes of an agent or a protocol id */
#define DBR_IDENTIFY_PROTOCOLS_MAX 256
#define DBR_IDENTIFY_ADDRS_MAX     64
#define DBR_IDENTIFY_MS            10000 /* to wait for an answer */

struct dbr_conn;
struct dbr_stream;
struct dbr_swarm;

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
    unsigned n_messages;
};

void dbr_identify_info_init(struct dbr_identify_info *info);
void dbr_identify_info_finish(struct dbr_identify_info *info);
/* Merges one message: scalars, the last non-empty one wins; lists append. What is
 * unknown or beyond the limits above is skipped. 0, EPROTO malformed, EAUTH a key of a
 * type that we do not take, ELIMIT too many messages, ENOMEM. */
int dbr_identify_merge(struct dbr_identify_info *info, debros_bytes message);

struct dbr_identify_answer {
    const struct dbr_keypair *identity;
    const char *agent;
    const char *const *protocols;
    size_t n_protocols;
    const struct dbr_multiaddr *addrs;
    size_t n_addrs;
    struct dbr_multiaddr observed;
};
/* Appends the framed message, at most DBR_IDENTIFY_ANSWER_MAX bytes with its length:
 * addresses that do not fit are left out. 0 or ENOMEM. */
int dbr_identify_encode(struct dbr_buf *out, const struct dbr_identify_answer *answer);

/* ---- On a connection ------------------------------------------------------- */

/* Asks the peer of a new connection. */
void dbr_identify_ask(struct dbr_swarm *swarm, struct dbr_conn *conn);
/* Answers on an accepted stream. */
void dbr_identify_serve(struct dbr_swarm *swarm, struct dbr_stream *stream);
void dbr_identify_data(struct dbr_swarm *swarm, struct dbr_stream *stream,
                       debros_bytes data);
/* The peer has sent all of its answer. */
void dbr_identify_end(struct dbr_swarm *swarm, struct dbr_stream *stream);
/* The stream went away before the end. */
void dbr_identify_lost(struct dbr_swarm *swarm, struct dbr_stream *stream,
                       const char *why);
void dbr_identify_expire(struct dbr_swarm *swarm, struct dbr_conn *conn);

#endif
