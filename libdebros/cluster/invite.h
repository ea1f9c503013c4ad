/* Invites: a one-time key that lets one node into the cluster, as text to hand over.
 *
 * The cluster stores the key's public half. The joiner signs, with the key,
 *     "debros-join:" || cluster id (16) || joiner's peer id || operator key (32, or none)
 * so that an invite that leaks on the way in cannot be turned to another node. */
#ifndef DBR_CLUSTER_INVITE_H
#define DBR_CLUSTER_INVITE_H

#include "base/buf.h"
#include "crypto/keypair.h"
#include "multi/multiaddr.h"

#define DBR_INVITE_PREFIX      "debros-invite-"
#define DBR_INVITE_MAX_MEMBERS 8
#define DBR_INVITE_MAX_TEXT    8192

struct dbr_invite {
    uint8_t cluster_id[16];
    uint8_t seed[32];
    uint64_t expires; /* unix seconds */
    struct dbr_multiaddr members[DBR_INVITE_MAX_MEMBERS];
    size_t n_members;
};

/* Appends text and NUL. 0 or ENOMEM. */
int dbr_invite_encode(struct dbr_buf *out, const struct dbr_invite *invite);
/* 0, EINVAL (detail), ENOMEM. */
int dbr_invite_decode(struct dbr_invite *out, const char *text, debros_detail *detail);

void dbr_invite_sign(uint8_t signature[DBR_SIGNATURE_SIZE], const struct dbr_keypair *key,
                     const uint8_t cluster_id[16], const struct dbr_peer_id *joiner,
                     debros_bytes operator_key);
bool dbr_invite_verify(debros_bytes signature, const uint8_t key[DBR_PUBLIC_KEY_SIZE],
                       const uint8_t cluster_id[16], const struct dbr_peer_id *joiner,
                       debros_bytes operator_key);

#endif
