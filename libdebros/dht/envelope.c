#include "dht/envelope.h"

#include "base/check.h"
#include "base/reader.h"

#define DOMAIN "debros-dht-value"
#define FORM   1u
/* What stands in front of the signature. */
#define FRONT (DBR_DHT_ENVELOPE_HEAD - DBR_SIGNATURE_SIZE)

static void add_part(struct dbr_buf *out, debros_bytes part)
{
    dbr_buf_uvarint(out, part.len);
    dbr_buf_add(out, part.data, part.len);
}

static void add_front(struct dbr_buf *out, const uint8_t writer[DBR_PUBLIC_KEY_SIZE],
                      uint64_t version, uint64_t expires_ms)
{
    dbr_buf_u8(out, FORM);
    dbr_buf_add(out, writer, DBR_PUBLIC_KEY_SIZE);
    dbr_buf_le64(out, version);
    dbr_buf_le64(out, expires_ms);
}

/* What the signature covers. */
static void add_text(struct dbr_buf *out, debros_bytes key, debros_bytes front,
                     debros_bytes value)
{
    add_part(out, dbr_bytes_str(DOMAIN));
    add_part(out, key);
    add_part(out, front);
    add_part(out, value);
}

int dbr_dht_envelope_seal(struct dbr_buf *out, const struct dbr_dht_signer *signer,
                          debros_bytes key, uint64_t version, uint64_t expires_ms,
                          debros_bytes value)
{
    uint8_t signature[DBR_SIGNATURE_SIZE];
    struct dbr_buf front = {0};
    struct dbr_buf text = {0};
    debros_bytes kind;
    debros_bytes name;
    if (!dbr_dht_key_split(key, &kind, &name)) {
        return DEBROS_EINVAL;
    }
    if (value.len > DBR_DHT_CONTENT_MAX) {
        return DEBROS_ELIMIT;
    }
    add_front(&front, signer->identity->public_key, version, expires_ms);
    add_text(&text, key, dbr_bytes(front.data, front.len), value);
    bool failed = front.failed || text.failed ||
                  dbr_buf_reserve(out, DBR_DHT_ENVELOPE_HEAD + value.len) == NULL;
    if (!failed) {
        signer->sign(signer, signature, dbr_bytes(text.data, text.len));
        dbr_buf_add(out, front.data, front.len);
        dbr_buf_add(out, signature, sizeof(signature));
        dbr_buf_add(out, value.data, value.len);
    }
    dbr_buf_finish(&front);
    dbr_buf_finish(&text);
    return failed ? DEBROS_ENOMEM : 0;
}

int dbr_dht_envelope_decode(struct dbr_dht_envelope *out, debros_bytes bytes)
{
    struct dbr_reader r;
    if (bytes.len > DBR_DHT_VALUE_MAX) {
        return DEBROS_ELIMIT;
    }
    if (bytes.len < DBR_DHT_ENVELOPE_HEAD || bytes.data[0] != FORM) {
        return DEBROS_EPROTO;
    }
    dbr_reader_init(&r, dbr_bytes(bytes.data + 1, bytes.len - 1));
    memcpy(out->writer, dbr_reader_bytes(&r, DBR_PUBLIC_KEY_SIZE).data,
           DBR_PUBLIC_KEY_SIZE);
    out->version = dbr_reader_le64(&r);
    out->expires_ms = dbr_reader_le64(&r);
    memcpy(out->signature, dbr_reader_bytes(&r, DBR_SIGNATURE_SIZE).data,
           DBR_SIGNATURE_SIZE);
    out->value = dbr_reader_bytes(&r, dbr_reader_left(&r));
    return 0;
}

void dbr_dht_envelope_writer(struct dbr_peer_id *out,
                             const struct dbr_dht_envelope *envelope)
{
    dbr_peer_id_from_key(out, envelope->writer);
}

/* ---- Judging --------------------------------------------------------------- */

static enum dbr_dht_verdict check_writer(const struct dbr_dht_envelope *envelope,
                                         const struct dbr_dht_rules *rules,
                                         debros_bytes key)
{
    debros_bytes kind_name;
    debros_bytes name;
    struct dbr_peer_id writer;
    if (!dbr_dht_key_split(key, &kind_name, &name)) {
        return DBR_DHT_VALUE_BAD_KEY;
    }
    const struct dbr_dht_kind *kind =
        dbr_dht_kind_find(rules->kinds, rules->n_kinds, kind_name);
    if (kind == NULL) {
        return DBR_DHT_VALUE_UNKNOWN_KIND;
    }
    dbr_dht_envelope_writer(&writer, envelope);
    return kind->may_write(name, &writer) ? DBR_DHT_VALUE_NEWER
                                          : DBR_DHT_VALUE_NOT_ALLOWED;
}

static enum dbr_dht_verdict check_signature(const struct dbr_dht_envelope *envelope,
                                            const struct dbr_dht_signer *signer,
                                            debros_bytes key, debros_bytes bytes)
{
    struct dbr_buf text = {0};
    enum dbr_dht_verdict verdict = DBR_DHT_VALUE_NO_MEMORY;
    add_text(&text, key, dbr_bytes(bytes.data, FRONT), envelope->value);
    if (!text.failed) {
        bool is_good = signer->verify(signer, envelope->signature,
                                      dbr_bytes(text.data, text.len), envelope->writer);
        verdict = is_good ? DBR_DHT_VALUE_NEWER : DBR_DHT_VALUE_FORGED;
    }
    dbr_buf_finish(&text);
    return verdict;
}

enum dbr_dht_verdict dbr_dht_envelope_judge(struct dbr_dht_envelope *out,
                                            const struct dbr_dht_rules *rules,
                                            debros_bytes key, debros_bytes bytes,
                                            debros_bytes held, uint64_t wall_ms)
{
    struct dbr_dht_envelope before;
    int err = dbr_dht_envelope_decode(out, bytes);
    if (err != 0) {
        return err == DEBROS_ELIMIT ? DBR_DHT_VALUE_TOO_LARGE : DBR_DHT_VALUE_UNSIGNED;
    }
    if (dbr_dht_envelope_is_expired(out, wall_ms)) {
        return DBR_DHT_VALUE_EXPIRED;
    }
    enum dbr_dht_verdict verdict = check_writer(out, rules, key);
    if (verdict != DBR_DHT_VALUE_NEWER) {
        return verdict;
    }
    if (dbr_dht_envelope_decode(&before, held) == 0) {
        if (dbr_bytes_equal(bytes, held)) {
            return DBR_DHT_VALUE_SAME;
        }
        if (dbr_dht_envelope_compare(out, &before) <= 0) {
            return DBR_DHT_VALUE_OLDER;
        }
    }
    return check_signature(out, rules->signer, key, bytes);
}

struct meaning {
    int error;
    const char *words;
};

static const struct meaning meanings[DBR_DHT_VERDICTS] = {
    [DBR_DHT_VALUE_NEWER] = {0, "new"},
    [DBR_DHT_VALUE_SAME] = {0, "held already"},
    [DBR_DHT_VALUE_OLDER] = {DEBROS_ECONFLICT, "older than the one that is held"},
    [DBR_DHT_VALUE_EXPIRED] = {DEBROS_ETIMEDOUT, "expired"},
    [DBR_DHT_VALUE_TOO_LARGE] = {DEBROS_ELIMIT, "longer than 64 KiB"},
    [DBR_DHT_VALUE_BAD_KEY] = {DEBROS_EINVAL, "its key is not /debros/KIND/NAME"},
    [DBR_DHT_VALUE_UNKNOWN_KIND] = {DEBROS_ENOTFOUND, "of a kind that is not known"},
    [DBR_DHT_VALUE_UNSIGNED] = {DEBROS_EPROTO, "not signed"},
    [DBR_DHT_VALUE_NOT_ALLOWED] = {DEBROS_EACCES, "its writer may not write this key"},
    [DBR_DHT_VALUE_FORGED] = {DEBROS_EAUTH, "not signed by its writer for this key"},
    [DBR_DHT_VALUE_NO_MEMORY] = {DEBROS_ENOMEM, "out of memory"},
    [DBR_DHT_VALUE_NO_ROOM] = {DEBROS_ENOSPC, "there is no room for it"},
    [DBR_DHT_VALUE_TOO_OFTEN] = {DEBROS_EBUSY, "its sender puts too often"},
};

int dbr_dht_verdict_error(enum dbr_dht_verdict verdict)
{
    dbr_assert((size_t)verdict < DBR_DHT_VERDICTS);
    return meanings[verdict].error;
}

const char *dbr_dht_verdict_words(enum dbr_dht_verdict verdict)
{
    dbr_assert((size_t)verdict < DBR_DHT_VERDICTS);
    return meanings[verdict].words;
}

int dbr_dht_envelope_compare(const struct dbr_dht_envelope *a,
                             const struct dbr_dht_envelope *b)
{
    if (a->version != b->version) {
        return a->version > b->version ? 1 : -1;
    }
    return memcmp(a->signature, b->signature, sizeof(a->signature));
}

bool dbr_dht_envelope_is_expired(const struct dbr_dht_envelope *envelope,
                                 uint64_t wall_ms)
{
    return envelope->expires_ms < wall_ms &&
           wall_ms - envelope->expires_ms > DBR_DHT_CLOCK_SKEW_MS;
}
