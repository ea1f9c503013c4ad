/* libp2p peer ids: the multihash of a PublicKey message.
 *
 * Spec: github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md */
#ifndef DBR_MULTI_PEER_ID_H
#define DBR_MULTI_PEER_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/keypair.h"

#define DBR_PEER_ID_MAX             42 /* bytes */
#define DBR_PEER_ID_TEXT_SIZE       64 /* with NUL */
#define DBR_PUBLIC_KEY_MESSAGE_SIZE 36 /* Ed25519: 08 01 12 20 || key */

/* By value everywhere. Unused bytes are zero, so that memcmp of the struct compares. */
struct dbr_peer_id {
    uint8_t len; /* 0: none */
    uint8_t bytes[DBR_PEER_ID_MAX];
};

static inline bool dbr_peer_id_equal(const struct dbr_peer_id *a,
                                     const struct dbr_peer_id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool dbr_peer_id_is_none(const struct dbr_peer_id *id)
{
    return id->len == 0;
}

void dbr_peer_id_from_key(struct dbr_peer_id *out,
                          const uint8_t public_key[DBR_PUBLIC_KEY_SIZE]);
/* From the bytes of a multihash: identity (at most 42 bytes in all) or sha2-256.
 * 0 or DEBROS_EINVAL. */
int dbr_peer_id_from_bytes(struct dbr_peer_id *out, debros_bytes bytes);
/* The Ed25519 key inside an identity multihash. False for other ids. */
bool dbr_peer_id_key(const struct dbr_peer_id *id,
                     uint8_t public_key[DBR_PUBLIC_KEY_SIZE]);

/* "12D3Koo..."; returns `out`. */
const char *dbr_peer_id_text(const struct dbr_peer_id *id,
                             char out[DBR_PEER_ID_TEXT_SIZE]);
/* base58 ("1...", "Qm...") or CIDv1 base32 ("b..."). 0 or DEBROS_EINVAL. */
int dbr_peer_id_parse(struct dbr_peer_id *out, const char *text, size_t len);

/* PublicKey message of an Ed25519 key, and back. decode: 0, DEBROS_EPROTO malformed,
 * DEBROS_EAUTH a key type that we do not take (RSA, secp256k1, ECDSA). */
void dbr_public_key_encode(uint8_t out[DBR_PUBLIC_KEY_MESSAGE_SIZE],
                           const uint8_t public_key[DBR_PUBLIC_KEY_SIZE]);
int dbr_public_key_decode(uint8_t public_key[DBR_PUBLIC_KEY_SIZE], debros_bytes message);

/* PrivateKey message (68 bytes) of the key file, and back: 64-byte form, and the old
 * 96-byte form when both public keys agree. 0 or DEBROS_EINVAL. */
#define DBR_PRIVATE_KEY_MESSAGE_SIZE 68
void dbr_private_key_encode(uint8_t out[DBR_PRIVATE_KEY_MESSAGE_SIZE],
                            const struct dbr_keypair *keypair);
int dbr_private_key_decode(struct dbr_keypair *out, debros_bytes message);

#endif
