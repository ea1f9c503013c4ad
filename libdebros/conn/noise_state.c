#include "noise_state.h"

#include <string.h>

#include "base/check.h"

/* Section 7.5, XX: -> e / <- e, ee, s, es / -> s, se. */
enum token { END, E, S, EE, ES, SE };
static const uint8_t pattern[3][5] = {{E}, {E, EE, S, ES}, {S, SE}};

static const char protocol_name[] = "Noise_XX_25519_ChaChaPoly_SHA256";

/* ---- CipherState, section 5.1 -------------------------------------------------- */

int dbr_noise_encrypt(struct dbr_noise_cipher *cipher, uint8_t *out, debros_bytes text,
                      debros_bytes ad)
{
    if (!cipher->has_key) {
        if (text.len > 0) {
            memmove(out, text.data, text.len);
        }
        return 0;
    }
    if (cipher->nonce == UINT64_MAX) {
        return DEBROS_ELIMIT;
    }
    dbr_aead_encrypt(out, text, ad, cipher->nonce, cipher->key);
    cipher->nonce++;
    return 0;
}

int dbr_noise_decrypt(struct dbr_noise_cipher *cipher, uint8_t *out, debros_bytes sealed,
                      debros_bytes ad)
{
    if (!cipher->has_key) {
        if (sealed.len > 0) {
            memmove(out, sealed.data, sealed.len);
        }
        return 0;
    }
    if (cipher->nonce == UINT64_MAX) {
        return DEBROS_ELIMIT;
    }
    if (sealed.len < DBR_AEAD_TAG_SIZE ||
        !dbr_aead_decrypt(out, sealed, ad, cipher->nonce, cipher->key)) {
        return DEBROS_EPROTO;
    }
    cipher->nonce++;
    return 0;
}

/* ---- SymmetricState, section 5.2 ----------------------------------------------- */

static void mix_hash(struct dbr_noise_symmetric *ss, debros_bytes data)
{
    dbr_sha256_two(ss->h, dbr_bytes(ss->h, sizeof(ss->h)), data);
}

static void mix_key(struct dbr_noise_symmetric *ss, const uint8_t shared[DBR_DH_SIZE])
{
    dbr_hkdf2(ss->ck, ss->cipher.key, ss->ck, dbr_bytes(shared, DBR_DH_SIZE));
    ss->cipher.has_key = true;
    ss->cipher.nonce = 0;
}

static size_t tag_size(const struct dbr_noise_symmetric *ss)
{
    return ss->cipher.has_key ? DBR_AEAD_TAG_SIZE : 0;
}

static int encrypt_and_hash(struct dbr_noise_symmetric *ss, struct dbr_buf *out,
                            debros_bytes text)
{
    size_t len = text.len + tag_size(ss);
    uint8_t *to = dbr_buf_extend(out, len);
    if (to == NULL) {
        return DEBROS_ENOMEM;
    }
    int err = dbr_noise_encrypt(&ss->cipher, to, text, dbr_bytes(ss->h, sizeof(ss->h)));
    if (err == 0) {
        mix_hash(ss, dbr_bytes(to, len));
    }
    return err;
}

/* In place: the ciphertext is hashed before it is gone, the old h authenticates it. */
static int decrypt_and_hash(struct dbr_noise_symmetric *ss, uint8_t *sealed, size_t len)
{
    uint8_t h[DBR_SHA256_SIZE];
    memcpy(h, ss->h, sizeof(h));
    mix_hash(ss, dbr_bytes(sealed, len));
    return dbr_noise_decrypt(&ss->cipher, sealed, dbr_bytes(sealed, len),
                             dbr_bytes(h, sizeof(h)));
}

/* ---- HandshakeState, section 5.3 ----------------------------------------------- */

static int mix_dh(struct dbr_noise_handshake *hs, enum token token)
{
    bool ours_static = token == (hs->initiator ? SE : ES);
    bool theirs_static = token == (hs->initiator ? ES : SE);
    uint8_t shared[DBR_DH_SIZE];

    if (!dbr_dh(shared, ours_static ? hs->s.secret_key : hs->e.secret_key,
                theirs_static ? hs->rs : hs->re)) {
        return DEBROS_EPROTO;
    }
    mix_key(&hs->symmetric, shared);
    dbr_wipe(shared, sizeof(shared));
    return 0;
}

static int write_token(struct dbr_noise_handshake *hs, struct dbr_buf *out,
                       enum token token)
{
    debros_bytes e = dbr_bytes(hs->e.public_key, DBR_DH_SIZE);
    switch (token) {
    case E:
        dbr_buf_add(out, e.data, e.len);
        mix_hash(&hs->symmetric, e);
        return 0;
    case S:
        return encrypt_and_hash(&hs->symmetric, out,
                                dbr_bytes(hs->s.public_key, DBR_DH_SIZE));
    default:
        return mix_dh(hs, token);
    }
}

/* Reads a token from the front of `message` and moves *message behind it. */
static int read_token(struct dbr_noise_handshake *hs, uint8_t **message, size_t *len,
                      enum token token)
{
    if (token != E && token != S) {
        return mix_dh(hs, token);
    }
    size_t size = DBR_DH_SIZE + (token == S ? tag_size(&hs->symmetric) : 0);
    if (*len < size) {
        return DEBROS_EPROTO;
    }
    if (token == E) {
        memcpy(hs->re, *message, DBR_DH_SIZE);
        mix_hash(&hs->symmetric, dbr_bytes(hs->re, DBR_DH_SIZE));
    } else {
        int err = decrypt_and_hash(&hs->symmetric, *message, size);
        if (err != 0) {
            return err;
        }
        memcpy(hs->rs, *message, DBR_DH_SIZE);
    }
    *message += size;
    *len -= size;
    return 0;
}

void dbr_noise_handshake_init(struct dbr_noise_handshake *hs, bool initiator,
                              debros_bytes prologue, const struct dbr_noise_keys *s,
                              const struct dbr_noise_keys *e)
{
    memset(hs, 0, sizeof(*hs));
    /* A name of exactly 32 bytes is h itself, not its hash. */
    _Static_assert(sizeof(protocol_name) - 1 == DBR_SHA256_SIZE, "section 5.2");
    memcpy(hs->symmetric.h, protocol_name, DBR_SHA256_SIZE);
    memcpy(hs->symmetric.ck, protocol_name, DBR_SHA256_SIZE);
    mix_hash(&hs->symmetric, prologue); /* even when it is empty */
    hs->s = *s;
    hs->e = *e;
    hs->initiator = initiator;
}

bool dbr_noise_handshake_is_done(const struct dbr_noise_handshake *hs)
{
    return hs->step == DBR_COUNT(pattern);
}

int dbr_noise_handshake_write(struct dbr_noise_handshake *hs, struct dbr_buf *out,
                              debros_bytes payload)
{
    /* Two keys and two tags are more than any message of XX has beside its payload. */
    const size_t overhead = 2 * (DBR_DH_SIZE + DBR_AEAD_TAG_SIZE);

    dbr_assert(!dbr_noise_handshake_is_done(hs));
    dbr_assert(hs->initiator == (hs->step % 2 == 0));
    if (payload.len > DBR_NOISE_MESSAGE_MAX - overhead) {
        return DEBROS_ELIMIT;
    }
    for (const uint8_t *token = pattern[hs->step]; *token != END; token++) {
        int err = write_token(hs, out, (enum token)(*token));
        if (err != 0) {
            return err;
        }
    }
    int err = encrypt_and_hash(&hs->symmetric, out, payload);
    if (err != 0) {
        return err;
    }
    hs->step++;
    return out->failed ? DEBROS_ENOMEM : 0;
}

int dbr_noise_handshake_read(struct dbr_noise_handshake *hs, uint8_t *message, size_t len,
                             debros_bytes *payload)
{
    dbr_assert(!dbr_noise_handshake_is_done(hs));
    dbr_assert(hs->initiator == (hs->step % 2 == 1));
    for (const uint8_t *token = pattern[hs->step]; *token != END; token++) {
        int err = read_token(hs, &message, &len, (enum token)(*token));
        if (err != 0) {
            return err;
        }
    }
    size_t tag = tag_size(&hs->symmetric);
    int err = decrypt_and_hash(&hs->symmetric, message, len);
    if (err != 0) {
        return err;
    }
    *payload = dbr_bytes(message, len - tag);
    hs->step++;
    return 0;
}

void dbr_noise_handshake_split(struct dbr_noise_handshake *hs,
                               struct dbr_noise_cipher *send,
                               struct dbr_noise_cipher *recv)
{
    struct dbr_noise_cipher *first = hs->initiator ? send : recv;
    struct dbr_noise_cipher *second = hs->initiator ? recv : send;

    dbr_assert(dbr_noise_handshake_is_done(hs));
    memset(first, 0, sizeof(*first));
    memset(second, 0, sizeof(*second));
    dbr_hkdf2(first->key, second->key, hs->symmetric.ck, dbr_bytes(NULL, 0));
    first->has_key = true;
    second->has_key = true;
}
