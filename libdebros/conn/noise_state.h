/* Noise_XX_25519_ChaChaPoly_SHA256: the three state objects of the Noise framework.
 *
 * Spec: noiseprotocol.org/noise.html (revision 34), sections 5 and 7.5. Knows nothing of
 * libp2p, so that the vectors of other implementations drive it as it is. */
#ifndef DBR_CONN_NOISE_STATE_H
#define DBR_CONN_NOISE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/hash.h"

#define DBR_NOISE_MESSAGE_MAX 65535 /* Noise section 3 */
#define DBR_NOISE_TEXT_MAX (DBR_NOISE_MESSAGE_MAX - DBR_AEAD_TAG_SIZE)

/* Section 5.1. The nonce 2^64-1 is reserved: encrypting with it is DEBROS_ELIMIT. */
struct dbr_noise_cipher {
    uint8_t key[DBR_AEAD_KEY_SIZE];
    uint64_t nonce;
    bool has_key;
};

/* Both may work in place. Without a key they copy. 0, DEBROS_ELIMIT; decrypt also
 * DEBROS_EPROTO: forged or short. */
int dbr_noise_encrypt(struct dbr_noise_cipher *cipher, uint8_t *out, debros_bytes text,
                      debros_bytes ad);
int dbr_noise_decrypt(struct dbr_noise_cipher *cipher, uint8_t *out, debros_bytes sealed,
                      debros_bytes ad);

/* Section 5.2. */
struct dbr_noise_symmetric {
    struct dbr_noise_cipher cipher;
    uint8_t ck[DBR_SHA256_SIZE];
    uint8_t h[DBR_SHA256_SIZE];
};

struct dbr_noise_keys {
    uint8_t public_key[DBR_DH_SIZE];
    uint8_t secret_key[DBR_DH_SIZE];
};

/* Section 5.3 for the pattern XX. */
struct dbr_noise_handshake {
    struct dbr_noise_symmetric symmetric;
    struct dbr_noise_keys s; /* our static key */
    struct dbr_noise_keys e; /* our ephemeral key */
    uint8_t rs[DBR_DH_SIZE]; /* the peer's; known after message 2 or 3 */
    uint8_t re[DBR_DH_SIZE];
    bool initiator;
    uint8_t step; /* messages done, 0 to 3 */
};

/* Copies the keys. */
void dbr_noise_handshake_init(struct dbr_noise_handshake *hs, bool initiator,
                              debros_bytes prologue, const struct dbr_noise_keys *s,
                              const struct dbr_noise_keys *e);
bool dbr_noise_handshake_is_done(const struct dbr_noise_handshake *hs);
/* Appends the next message. 0, DEBROS_EPROTO (a key of small order), DEBROS_ELIMIT: the
 * payload is too large, DEBROS_ENOMEM. */
int dbr_noise_handshake_write(struct dbr_noise_handshake *hs, struct dbr_buf *out,
                              debros_bytes payload);
/* Reads the next message, decrypting in place; `payload` points into it. 0 or
 * DEBROS_EPROTO. */
int dbr_noise_handshake_read(struct dbr_noise_handshake *hs, uint8_t *message, size_t len,
                             debros_bytes *payload);
/* Split(), after message 3. Afterwards hs->symmetric.h is the channel binding. */
void dbr_noise_handshake_split(struct dbr_noise_handshake *hs,
                               struct dbr_noise_cipher *send,
                               struct dbr_noise_cipher *recv);

#endif
