#include "noise.h"

#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/proto.h"
#include "noise_payload.pb-c.h"

#define SIGNATURE_PREFIX "noise-libp2p-static-key:"
#define PREFIX_SIZE      (sizeof(SIGNATURE_PREFIX) - 1)
#define MUXER            "/yamux/1.0.0"
#define PAYLOAD_ARENA    16384 /* what one payload may cost us; ours takes 300 bytes */

static int fail(struct dbr_noise *noise, int err, const char *reason)
{
    noise->reason = reason;
    return err;
}

/* ---- The identity payload ------------------------------------------------------ */

static void signed_text(uint8_t out[PREFIX_SIZE + DBR_DH_SIZE],
                        const uint8_t static_key[DBR_DH_SIZE])
{
    memcpy(out, SIGNATURE_PREFIX, PREFIX_SIZE);
    memcpy(out + PREFIX_SIZE, static_key, DBR_DH_SIZE);
}

static void make_payload(const struct dbr_noise *noise, struct dbr_buf *out)
{
    const struct dbr_keypair *identity = noise->config.identity;
    uint8_t text[PREFIX_SIZE + DBR_DH_SIZE];
    uint8_t signature[DBR_SIGNATURE_SIZE];
    uint8_t key[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    char muxer[] = MUXER;
    char *muxers[] = {muxer};
    Dbr__NoiseExtensions extensions = DBR__NOISE_EXTENSIONS__INIT;
    Dbr__NoisePayload payload = DBR__NOISE_PAYLOAD__INIT;

    signed_text(text, noise->handshake.s.public_key);
    dbr_sign(signature, dbr_bytes(text, sizeof(text)), identity);
    dbr_public_key_encode(key, identity->public_key);
    payload.has_identity_key = true;
    payload.identity_key = dbr_proto_bytes(dbr_bytes(key, sizeof(key)));
    payload.has_identity_sig = true;
    payload.identity_sig = dbr_proto_bytes(dbr_bytes(signature, sizeof(signature)));
    if (noise->config.offer_muxer) {
        extensions.n_stream_muxers = 1;
        extensions.stream_muxers = muxers;
        payload.extensions = &extensions;
    }
    dbr_proto_pack(&payload.base, out);
}

static bool lists_our_muxer(const Dbr__NoiseExtensions *extensions)
{
    for (size_t i = 0; extensions != NULL && i < extensions->n_stream_muxers; i++) {
        if (strcmp(extensions->stream_muxers[i], MUXER) == 0) {
            return true;
        }
    }
    return false;
}

/* Nothing of the payload counts before the signature over the peer's static key of this
 * very handshake is good. */
static int verify_payload(struct dbr_noise *noise, const Dbr__NoisePayload *payload)
{
    uint8_t text[PREFIX_SIZE + DBR_DH_SIZE];
    uint8_t key[DBR_PUBLIC_KEY_SIZE];

    if (!payload->has_identity_key || !payload->has_identity_sig) {
        return fail(noise, DEBROS_EAUTH, "the peer sent no identity key or no signature");
    }
    int err = dbr_public_key_decode(key, dbr_proto_view(payload->identity_key));
    if (err != 0) {
        return fail(noise, err,
                    err == DEBROS_EAUTH ? "the peer's identity is not an Ed25519 key"
                                        : "the peer's identity key is malformed");
    }
    signed_text(text, noise->handshake.rs);
    if (!dbr_verify(payload->identity_sig.data, payload->identity_sig.len,
                    dbr_bytes(text, sizeof(text)), key)) {
        return fail(noise, DEBROS_EAUTH, "the signature of the peer's identity is wrong");
    }
    dbr_peer_id_from_key(&noise->peer, key);
    if (!dbr_peer_id_is_none(&noise->config.expected) &&
        !dbr_peer_id_equal(&noise->peer, &noise->config.expected)) {
        return fail(noise, DEBROS_EAUTH, "another peer answered than the expected one");
    }
    noise->muxer_agreed =
        noise->config.offer_muxer && lists_our_muxer(payload->extensions);
    return 0;
}

static int take_payload(struct dbr_noise *noise, debros_bytes bytes)
{
    struct dbr_arena arena;
    dbr_arena_init(&arena, PAYLOAD_ARENA);
    Dbr__NoisePayload *payload =
        dbr_proto_unpack(&dbr__noise_payload__descriptor, &arena, bytes);
    int err = payload == NULL
                  ? fail(noise, DEBROS_EPROTO, "the Noise payload is malformed")
                  : verify_payload(noise, payload);
    dbr_arena_finish(&arena);
    return err;
}

/* ---- The handshake ------------------------------------------------------------- */

static void become_done(struct dbr_noise *noise)
{
    dbr_noise_handshake_split(&noise->handshake, &noise->send, &noise->recv);
    dbr_wipe(&noise->handshake, sizeof(noise->handshake));
    noise->done = true;
}

/* Message 1 carries no payload: it would be clear text. */
static int write_handshake(struct dbr_noise *noise, struct dbr_buf *out)
{
    struct dbr_buf payload = {0};
    struct dbr_buf message = {0};

    if (noise->handshake.step > 0) {
        make_payload(noise, &payload);
    }
    int err = payload.failed
                  ? DEBROS_ENOMEM
                  : dbr_noise_handshake_write(&noise->handshake, &message,
                                              dbr_bytes(payload.data, payload.len));
    if (err == 0) {
        dbr_buf_be16(out, (uint16_t)message.len);
        dbr_buf_add(out, message.data, message.len);
        err = out->failed ? DEBROS_ENOMEM : 0;
    }
    dbr_buf_finish(&message);
    dbr_buf_finish(&payload);
    return err == 0 ? 0 : fail(noise, err, "a Noise handshake message could not be made");
}

static int read_handshake(struct dbr_noise *noise, uint8_t *message, size_t len,
                          struct dbr_buf *out)
{
    struct dbr_noise_handshake *hs = &noise->handshake;
    debros_bytes payload;

    int err = dbr_noise_handshake_read(hs, message, len, &payload);
    if (err != 0) {
        return fail(noise, err, "a Noise handshake message is malformed or forged");
    }
    /* Message 1 may carry clear text: it is hashed and otherwise ignored. */
    if (hs->step > 1) {
        err = take_payload(noise, payload);
    }
    if (err == 0 && !dbr_noise_handshake_is_done(hs)) {
        err = write_handshake(noise, out);
    }
    if (err == 0 && dbr_noise_handshake_is_done(hs)) {
        become_done(noise);
    }
    return err;
}

int dbr_noise_init(struct dbr_noise *noise, const struct dbr_noise_config *config,
                   struct dbr_rng *rng, struct dbr_buf *out)
{
    struct dbr_noise_keys s;
    struct dbr_noise_keys e;

    memset(noise, 0, sizeof(*noise));
    noise->config = *config;
    noise->reason = "";
    dbr_dh_generate(s.public_key, s.secret_key, rng);
    dbr_dh_generate(e.public_key, e.secret_key, rng);
    dbr_noise_handshake_init(&noise->handshake, config->initiator, dbr_bytes(NULL, 0), &s,
                             &e);
    dbr_wipe(&s, sizeof(s));
    dbr_wipe(&e, sizeof(e));
    return config->initiator ? write_handshake(noise, out) : 0;
}

void dbr_noise_finish(struct dbr_noise *noise)
{
    dbr_wipe(noise, sizeof(*noise));
}

/* ---- Messages ------------------------------------------------------------------ */

int dbr_noise_next(struct dbr_noise *noise, uint8_t *in, size_t len, size_t *used,
                   debros_bytes *text, struct dbr_buf *out)
{
    if (len < 2) {
        return 0;
    }
    size_t size = (size_t)in[0] << 8 | in[1];
    if (len - 2 < size) {
        return 0;
    }
    *used = 2 + size;
    *text = dbr_bytes(in + 2, 0);
    if (!noise->done) {
        int err = read_handshake(noise, in + 2, size, out);
        return err == 0 ? 1 : err;
    }
    int err = dbr_noise_decrypt(&noise->recv, in + 2, dbr_bytes(in + 2, size),
                                dbr_bytes(NULL, 0));
    if (err != 0) {
        return fail(noise, err, "a Noise message is forged, or bytes were lost");
    }
    text->len = size - DBR_AEAD_TAG_SIZE;
    return 1;
}

uint8_t *dbr_noise_text(struct dbr_buf *out, size_t room)
{
    dbr_assert(room <= DBR_NOISE_TEXT_MAX);
    uint8_t *frame = dbr_buf_reserve(out, 2 + room + DBR_AEAD_TAG_SIZE);
    return frame == NULL ? NULL : frame + 2;
}

int dbr_noise_seal(struct dbr_noise *noise, struct dbr_buf *out, size_t len)
{
    size_t size = len + DBR_AEAD_TAG_SIZE;

    dbr_assert(noise->done && size <= DBR_NOISE_MESSAGE_MAX);
    uint8_t *frame = dbr_buf_reserve(out, 2 + size);
    if (frame == NULL) {
        return DEBROS_ENOMEM;
    }
    frame[0] = (uint8_t)(size >> 8);
    frame[1] = (uint8_t)size;
    int err = dbr_noise_encrypt(&noise->send, frame + 2, dbr_bytes(frame + 2, len),
                                dbr_bytes(NULL, 0));
    if (err != 0) {
        return fail(noise, err, "the Noise channel has sent its last message");
    }
    (void)dbr_buf_extend(out, 2 + size);
    return 0;
}
