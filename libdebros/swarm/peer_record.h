/* Signed peer records: addresses that a peer vouches for with its identity key, so that
 * others may pass them on.
 *
 * Spec: github.com/libp2p/specs/blob/master/RFC/0002-signed-envelopes.md and 0003. */
#ifndef DBR_SWARM_PEER_RECORD_H
#define DBR_SWARM_PEER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/keypair.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_PEER_RECORD_MAX       8192 /* bytes of an envelope that is read */
#define DBR_PEER_RECORD_ADDRS_MAX 64   /* more are skipped */

struct dbr_peer_record {
    struct dbr_peer_id peer;
    uint64_t seq;
    struct dbr_multiaddr *addrs; /* in the arena */
    size_t n_addrs;
};

/* Appends the envelope of a record of `identity`'s addresses. 0 or ENOMEM. */
int dbr_peer_record_seal(struct dbr_buf *out, const struct dbr_keypair *identity,
                         uint64_t seq, const struct dbr_multiaddr *addrs, size_t n_addrs);
/* Nothing of the record counts unless its key has signed it and is the record's peer; the
 * caller compares `peer` with the one that it heard it of or about. 0, EPROTO malformed
 * or no peer record, EAUTH a key of another kind, a wrong signature, or another peer than
 * the key's, ELIMIT too large, ENOMEM. */
int dbr_peer_record_open(struct dbr_peer_record *out, struct dbr_arena *arena,
                         debros_bytes envelope);

#endif
