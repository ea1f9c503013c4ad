#include "peer_id.h"

#include "base/check.h"
#include "base/reader.h"
#include "base58.h"
#include "crypto/hash.h"
#include "multibase.h"

/* Multihash codes and CID fields. */
#define CODE_IDENTITY  0x00
#define CODE_SHA2_256  0x12
#define CID_VERSION    0x01
#define CID_LIBP2P_KEY 0x72

/* Key types and tags of crypto.proto. */
#define KEY_ED25519 1
#define TAG_TYPE    0x08
#define TAG_DATA    0x12

static const uint8_t public_key_head[] = {TAG_TYPE, KEY_ED25519, TAG_DATA,
                                          DBR_PUBLIC_KEY_SIZE};
static const uint8_t private_key_head[] = {TAG_TYPE, KEY_ED25519, TAG_DATA,
                                           DBR_SECRET_KEY_SIZE};

void dbr_peer_id_from_key(struct dbr_peer_id *out,
                          const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    *out = (struct dbr_peer_id){.len = 2 + DBR_PUBLIC_KEY_MESSAGE_SIZE};
    out->bytes[0] = CODE_IDENTITY;
    out->bytes[1] = DBR_PUBLIC_KEY_MESSAGE_SIZE;
    dbr_public_key_encode(out->bytes + 2, public_key);
}

int dbr_peer_id_from_bytes(struct dbr_peer_id *out, debros_bytes bytes)
{
    *out = (struct dbr_peer_id){0};
    if (bytes.len < 3 || bytes.len > DBR_PEER_ID_MAX || bytes.data[1] != bytes.len - 2) {
        return DEBROS_EINVAL;
    }
    bool is_sha256 = bytes.data[0] == CODE_SHA2_256 && bytes.data[1] == DBR_SHA256_SIZE;
    if (bytes.data[0] != CODE_IDENTITY && !is_sha256) {
        return DEBROS_EINVAL;
    }
    out->len = (uint8_t)bytes.len;
    memcpy(out->bytes, bytes.data, bytes.len);
    return 0;
}

bool dbr_peer_id_key(const struct dbr_peer_id *id,
                     uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    return id->len > 2 && id->bytes[0] == CODE_IDENTITY &&
           dbr_public_key_decode(public_key,
                                 dbr_bytes(id->bytes + 2, (size_t)id->len - 2)) == 0;
}

const char *dbr_peer_id_text(const struct dbr_peer_id *id,
                             char out[DBR_PEER_ID_TEXT_SIZE])
{
    int len =
        dbr_base58_encode(out, DBR_PEER_ID_TEXT_SIZE, dbr_bytes(id->bytes, id->len));
    dbr_assert(len >= 0);
    return out;
}

int dbr_peer_id_parse(struct dbr_peer_id *out, const char *text, size_t len)
{
    uint8_t bytes[2 + DBR_PEER_ID_MAX];
    int n = DEBROS_EINVAL;
    *out = (struct dbr_peer_id){0};
    if (len > 1 && (text[0] == '1' || (text[0] == 'Q' && text[1] == 'm'))) {
        n = dbr_base58_decode(bytes, sizeof(bytes), text, len);
        return n < 0 ? DEBROS_EINVAL
                     : dbr_peer_id_from_bytes(out, dbr_bytes(bytes, (size_t)n));
    }
    if (len > 1 && text[0] == 'b') {
        n = dbr_base32_decode(bytes, sizeof(bytes), text + 1, len - 1);
    }
    if (n < 2 || bytes[0] != CID_VERSION || bytes[1] != CID_LIBP2P_KEY) {
        return DEBROS_EINVAL;
    }
    return dbr_peer_id_from_bytes(out, dbr_bytes(bytes + 2, (size_t)n - 2));
}

void dbr_public_key_encode(uint8_t out[DBR_PUBLIC_KEY_MESSAGE_SIZE],
                           const uint8_t public_key[DBR_PUBLIC_KEY_SIZE])
{
    memcpy(out, public_key_head, sizeof(public_key_head));
    memcpy(out + sizeof(public_key_head), public_key, DBR_PUBLIC_KEY_SIZE);
}

/* Type and Data of a PublicKey or PrivateKey message. The peer-id spec demands exactly
 * this order and both fields, so that a key has one encoding and one id. */
static bool key_message(debros_bytes message, uint64_t *type, debros_bytes *data)
{
    struct dbr_reader r;
    dbr_reader_init(&r, message);
    bool has_type = dbr_reader_u8(&r) == TAG_TYPE;
    *type = dbr_reader_uvarint(&r);
    bool has_data = dbr_reader_u8(&r) == TAG_DATA;
    uint64_t len = dbr_reader_uvarint(&r);
    bool is_whole = !r.bad && len == dbr_reader_left(&r);
    *data = is_whole ? dbr_reader_bytes(&r, (size_t)len) : dbr_bytes(NULL, 0);
    return is_whole && has_type && has_data;
}

int dbr_public_key_decode(uint8_t public_key[DBR_PUBLIC_KEY_SIZE], debros_bytes message)
{
    uint64_t type;
    debros_bytes data;
    if (!key_message(message, &type, &data)) {
        return DEBROS_EPROTO;
    }
    if (type != KEY_ED25519) {
        return DEBROS_EAUTH;
    }
    if (data.len != DBR_PUBLIC_KEY_SIZE) {
        return DEBROS_EPROTO;
    }
    memcpy(public_key, data.data, DBR_PUBLIC_KEY_SIZE);
    return 0;
}

void dbr_private_key_encode(uint8_t out[DBR_PRIVATE_KEY_MESSAGE_SIZE],
                            const struct dbr_keypair *keypair)
{
    memcpy(out, private_key_head, sizeof(private_key_head));
    memcpy(out + sizeof(private_key_head), keypair->secret_key, DBR_SECRET_KEY_SIZE);
}

/* Data is seed || public key, in the old form with the public key once more. */
int dbr_private_key_decode(struct dbr_keypair *out, debros_bytes message)
{
    uint64_t type;
    debros_bytes data;
    memset(out, 0, sizeof(*out));
    if (!key_message(message, &type, &data) || type != KEY_ED25519) {
        return DEBROS_EINVAL;
    }
    bool is_old = data.len == DBR_SECRET_KEY_SIZE + DBR_PUBLIC_KEY_SIZE;
    if (data.len != DBR_SECRET_KEY_SIZE && !is_old) {
        return DEBROS_EINVAL;
    }
    /* Signing with a public key that is not the seed's would give the secret away. */
    struct dbr_keypair pair;
    dbr_keypair_from_seed(&pair, data.data);
    bool agrees = memcmp(pair.secret_key, data.data, DBR_SECRET_KEY_SIZE) == 0;
    if (is_old) {
        agrees = agrees && memcmp(pair.public_key, data.data + DBR_SECRET_KEY_SIZE,
                                  DBR_PUBLIC_KEY_SIZE) == 0;
    }
    if (agrees) {
        *out = pair;
    }
    dbr_keypair_wipe(&pair);
    return agrees ? 0 : DEBROS_EINVAL;
}
