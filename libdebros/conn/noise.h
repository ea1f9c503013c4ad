/* The libp2p Noise channel: XX with proof of the identity key, the early choice of the
 * muxer, and the framing.
 *
 * Spec: github.com/libp2p/specs/tree/master/noise; libp2p-wire section 3.
 *
 * Every message is a 2-byte big-endian length and that many bytes. Feed what arrived to
 * dbr_noise_next() until it returns 0; after `done` it yields decrypted text. Send with
 * dbr_noise_text() and dbr_noise_seal(). After an error only finish is allowed. */
#ifndef DBR_CONN_NOISE_H
#define DBR_CONN_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "crypto/keypair.h"
#include "multi/peer_id.h"
#include "noise_state.h"

#define DBR_NOISE_FRAME_MAX (2 + DBR_NOISE_MESSAGE_MAX)

struct dbr_noise_config {
    bool initiator;
    bool offer_muxer;                   /* list /yamux/1.0.0 in our payload */
    const struct dbr_keypair *identity; /* borrowed until done */
    struct dbr_peer_id expected;        /* none: anybody */
};

struct dbr_noise {
    struct dbr_noise_config config;
    struct dbr_noise_handshake handshake; /* wiped when done */
    struct dbr_noise_cipher send;
    struct dbr_noise_cipher recv;
    struct dbr_peer_id peer; /* proven when done */
    bool done;
    bool muxer_agreed;  /* both sides listed yamux: no multistream for it */
    const char *reason; /* of the last error, for people */
};

/* Makes fresh static and ephemeral keys. The initiator's message 1 goes to `out`. */
int dbr_noise_init(struct dbr_noise *noise, const struct dbr_noise_config *config,
                   struct dbr_rng *rng, struct dbr_buf *out);
void dbr_noise_finish(struct dbr_noise *noise); /* wipes; a zeroed one is valid */

/* Takes one message from the front of `in`, decrypting in place; handshake answers go to
 * `out`. Returns 1 with *used and `text` (empty in the handshake), 0 when `in` holds no
 * whole message, DEBROS_EPROTO, DEBROS_EAUTH, DEBROS_ENOMEM. */
int dbr_noise_next(struct dbr_noise *noise, uint8_t *in, size_t len, size_t *used,
                   debros_bytes *text, struct dbr_buf *out);

/* Where to write up to `room` bytes of text, NULL when memory is short; and what makes
 * the first `len` of them a message at the end of `out`. 0 or DEBROS_ELIMIT. */
uint8_t *dbr_noise_text(struct dbr_buf *out, size_t room);
int dbr_noise_seal(struct dbr_noise *noise, struct dbr_buf *out, size_t len);

#endif
