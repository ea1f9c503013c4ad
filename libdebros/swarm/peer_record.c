#include "peer_record.h"

#include <string.h>

#include "base/check.h"
#include "base/proto.h"
#include "peer_record.pb-c.h"

/* Not the RFC's: what go, rust and js sign. */
#define DOMAIN "libp2p-peer-record"
static const uint8_t payload_type[] = {0x03, 0x01};

#define UNPACKED_MAX (64u * 1024)

static void add_part(struct dbr_buf *out, debros_bytes part)
{
    dbr_buf_uvarint(out, part.len);
    dbr_buf_add(out, part.data, part.len);
}

/* What the signature covers. */
static void signed_text(struct dbr_buf *out, debros_bytes payload)
{
    add_part(out, dbr_bytes_str(DOMAIN));
    add_part(out, dbr_bytes(payload_type, sizeof(payload_type)));
    add_part(out, payload);
}

static void pack_record(struct dbr_buf *out, const struct dbr_peer_id *id, uint64_t seq,
                        const struct dbr_multiaddr *addrs, size_t n_addrs)
{
    DbrPb__PeerRecord record = DBR_PB__PEER_RECORD__INIT;
    DbrPb__PeerRecord__Address items[DBR_PEER_RECORD_ADDRS_MAX];
    DbrPb__PeerRecord__Address *list[DBR_PEER_RECORD_ADDRS_MAX];
    dbr_assert(n_addrs <= DBR_PEER_RECORD_ADDRS_MAX);
    record.has_peer_id = true;
    record.peer_id = dbr_proto_bytes(dbr_bytes(id->bytes, id->len));
    record.has_seq = true;
    record.seq = seq;
    for (size_t i = 0; i < n_addrs; i++) {
        dbr_pb__peer_record__address__init(&items[i]);
        items[i].has_multiaddr = true;
        items[i].multiaddr = dbr_proto_bytes(dbr_bytes(addrs[i].bytes, addrs[i].len));
        list[i] = &items[i];
    }
    record.n_addresses = n_addrs;
    record.addresses = list;
    dbr_proto_pack(&record.base, out);
}

int dbr_peer_record_seal(struct dbr_buf *out, const struct dbr_keypair *identity,
                         uint64_t seq, const struct dbr_multiaddr *addrs, size_t n_addrs)
{
    uint8_t key[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    uint8_t signature[DBR_SIGNATURE_SIZE];
    struct dbr_peer_id id;
    struct dbr_buf payload = {0};
    struct dbr_buf text = {0};
    DbrPb__Envelope envelope = DBR_PB__ENVELOPE__INIT;

    dbr_peer_id_from_key(&id, identity->public_key);
    dbr_public_key_encode(key, identity->public_key);
    pack_record(&payload, &id, seq, addrs, n_addrs);
    signed_text(&text, dbr_bytes(payload.data, payload.len));
    bool failed = payload.failed || text.failed;
    if (!failed) {
        dbr_sign(signature, dbr_bytes(text.data, text.len), identity);
        envelope.has_public_key = true;
        envelope.public_key = dbr_proto_bytes(dbr_bytes(key, sizeof(key)));
        envelope.has_payload_type = true;
        envelope.payload_type =
            dbr_proto_bytes(dbr_bytes(payload_type, sizeof(payload_type)));
        envelope.has_payload = true;
        envelope.payload = dbr_proto_bytes(dbr_bytes(payload.data, payload.len));
        envelope.has_signature = true;
        envelope.signature = dbr_proto_bytes(dbr_bytes(signature, sizeof(signature)));
        dbr_proto_pack(&envelope.base, out);
    }
    dbr_buf_finish(&payload);
    dbr_buf_finish(&text);
    return failed || out->failed ? DEBROS_ENOMEM : 0;
}

/* ---- Opening --------------------------------------------------------------- */

static int verify(const DbrPb__Envelope *envelope, struct dbr_peer_id *signer)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    struct dbr_buf text = {0};
    if (!dbr_bytes_equal(dbr_proto_view(envelope->payload_type),
                         dbr_bytes(payload_type, sizeof(payload_type)))) {
        return DEBROS_EPROTO;
    }
    int err = dbr_public_key_decode(key, dbr_proto_view(envelope->public_key));
    if (err != 0) {
        return err;
    }
    signed_text(&text, dbr_proto_view(envelope->payload));
    if (text.failed) {
        err = DEBROS_ENOMEM;
    } else if (!dbr_verify(envelope->signature.data, envelope->signature.len,
                           dbr_bytes(text.data, text.len), key)) {
        err = DEBROS_EAUTH;
    }
    dbr_buf_finish(&text);
    dbr_peer_id_from_key(signer, key);
    return err;
}

static int take_addrs(struct dbr_peer_record *out, struct dbr_arena *arena,
                      const DbrPb__PeerRecord *record)
{
    size_t n = record->n_addresses < DBR_PEER_RECORD_ADDRS_MAX
                   ? record->n_addresses
                   : DBR_PEER_RECORD_ADDRS_MAX;
    out->addrs = dbr_arena_calloc(arena, n + 1, sizeof(out->addrs[0]));
    if (out->addrs == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        /* Kinds of address that we do not know are none of our business. */
        out->n_addrs += dbr_multiaddr_from_bytes(
                            &out->addrs[out->n_addrs],
                            dbr_proto_view(record->addresses[i]->multiaddr)) == 0;
    }
    return 0;
}

static int take_payload(struct dbr_peer_record *out, struct dbr_arena *arena,
                        struct dbr_arena *scratch, debros_bytes payload,
                        const struct dbr_peer_id *signer)
{
    const DbrPb__PeerRecord *record =
        dbr_proto_unpack(&dbr_pb__peer_record__descriptor, scratch, payload);
    if (record == NULL ||
        dbr_peer_id_from_bytes(&out->peer, dbr_proto_view(record->peer_id)) != 0) {
        return DEBROS_EPROTO;
    }
    if (!dbr_peer_id_equal(&out->peer, signer)) {
        return DEBROS_EAUTH;
    }
    out->seq = record->seq;
    return take_addrs(out, arena, record);
}

int dbr_peer_record_open(struct dbr_peer_record *out, struct dbr_arena *arena,
                         debros_bytes bytes)
{
    struct dbr_arena scratch;
    struct dbr_peer_id signer;
    *out = (struct dbr_peer_record){0};
    if (bytes.len > DBR_PEER_RECORD_MAX) {
        return DEBROS_ELIMIT;
    }
    dbr_arena_init(&scratch, UNPACKED_MAX);
    const DbrPb__Envelope *envelope =
        dbr_proto_unpack(&dbr_pb__envelope__descriptor, &scratch, bytes);
    int err = envelope == NULL ? DEBROS_EPROTO : verify(envelope, &signer);
    if (err == 0) {
        err = take_payload(out, arena, &scratch, dbr_proto_view(envelope->payload),
                           &signer);
    }
    dbr_arena_finish(&scratch);
    return err;
}
