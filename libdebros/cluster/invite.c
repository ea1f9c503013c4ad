#include "invite.h"

#include "base/alloc.h"
#include "base/detail.h"
#include "base/proto.h"
#include "cluster.pb-c.h"
#include "multi/multibase.h"

#define JOIN_DOMAIN "debros-join:"
#define JOIN_MESSAGE_MAX                                                                 \
    (sizeof(JOIN_DOMAIN) + 16 + DBR_PEER_ID_MAX + DBR_PUBLIC_KEY_SIZE)
#define INVITE_ARENA_MAX 65536

int dbr_invite_encode(struct dbr_buf *out, const struct dbr_invite *invite)
{
    DbrPb__Invite pb = DBR_PB__INVITE__INIT;
    ProtobufCBinaryData members[DBR_INVITE_MAX_MEMBERS];
    struct dbr_buf packed = {0};
    for (size_t i = 0; i < invite->n_members; i++) {
        members[i] =
            dbr_proto_bytes(dbr_bytes(invite->members[i].bytes, invite->members[i].len));
    }
    pb.cluster_id = dbr_proto_bytes(dbr_bytes(invite->cluster_id, 16));
    pb.seed = dbr_proto_bytes(dbr_bytes(invite->seed, 32));
    pb.expires = invite->expires;
    pb.n_members = invite->n_members;
    pb.members = members;
    dbr_proto_pack(&pb.base, &packed);
    dbr_buf_str(out, DBR_INVITE_PREFIX);
    size_t size = (packed.len * 4 + 2) / 3 + 1; /* base64 and NUL */
    uint8_t *text = dbr_buf_extend(out, size);
    if (text != NULL && !packed.failed) {
        dbr_base64url_encode((char *)text, size, dbr_bytes(packed.data, packed.len));
    }
    bool failed = out->failed || packed.failed;
    dbr_buf_finish_secret(&packed);
    return failed ? DEBROS_ENOMEM : 0;
}

static int take_members(struct dbr_invite *out, const DbrPb__Invite *pb)
{
    if (pb->n_members == 0 || pb->n_members > DBR_INVITE_MAX_MEMBERS) {
        return DEBROS_EINVAL;
    }
    for (size_t i = 0; i < pb->n_members; i++) {
        struct dbr_peer_id peer;
        struct dbr_multiaddr *addr = &out->members[i];
        if (dbr_multiaddr_from_bytes(addr, dbr_proto_view(pb->members[i])) != 0 ||
            !dbr_multiaddr_peer(addr, &peer)) {
            return DEBROS_EINVAL;
        }
    }
    out->n_members = pb->n_members;
    return 0;
}

static int from_bytes(struct dbr_invite *out, debros_bytes bytes)
{
    struct dbr_arena arena;
    dbr_arena_init(&arena, INVITE_ARENA_MAX);
    DbrPb__Invite *pb = dbr_proto_unpack(&dbr_pb__invite__descriptor, &arena, bytes);
    int err = DEBROS_EINVAL;
    if (pb != NULL && pb->cluster_id.len == 16 && pb->seed.len == 32) {
        memcpy(out->cluster_id, pb->cluster_id.data, 16);
        memcpy(out->seed, pb->seed.data, 32);
        out->expires = pb->expires;
        err = take_members(out, pb);
    }
    dbr_arena_finish(&arena);
    return err;
}

int dbr_invite_decode(struct dbr_invite *out, const char *text, debros_detail *detail)
{
    size_t prefix = strlen(DBR_INVITE_PREFIX);
    *out = (struct dbr_invite){0};
    if (strncmp(text, DBR_INVITE_PREFIX, prefix) != 0) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "an invite begins with \"" DBR_INVITE_PREFIX
                              "\": copy all that `debros invite` printed");
    }
    size_t len = strlen(text);
    uint8_t *bytes = len <= DBR_INVITE_MAX_TEXT ? dbr_malloc(len) : NULL;
    int n = bytes == NULL ? DEBROS_EINVAL
                          : dbr_base64url_decode(bytes, len, text + prefix, len - prefix);
    int err = n < 0 ? n : from_bytes(out, dbr_bytes(bytes, (size_t)n));
    dbr_free(bytes);
    if (err != 0) {
        return dbr_detail_set(
            detail, DEBROS_EINVAL,
            "the invite is damaged: copy all that `debros invite` printed");
    }
    return 0;
}

static debros_bytes join_message(uint8_t out[JOIN_MESSAGE_MAX],
                                 const uint8_t cluster_id[16],
                                 const struct dbr_peer_id *joiner,
                                 debros_bytes operator_key)
{
    size_t n = strlen(JOIN_DOMAIN);
    memcpy(out, JOIN_DOMAIN, n);
    memcpy(out + n, cluster_id, 16);
    n += 16;
    memcpy(out + n, joiner->bytes, joiner->len);
    n += joiner->len;
    if (operator_key.len == DBR_PUBLIC_KEY_SIZE) {
        memcpy(out + n, operator_key.data, operator_key.len);
        n += operator_key.len;
    }
    return dbr_bytes(out, n);
}

void dbr_invite_sign(uint8_t signature[DBR_SIGNATURE_SIZE], const struct dbr_keypair *key,
                     const uint8_t cluster_id[16], const struct dbr_peer_id *joiner,
                     debros_bytes operator_key)
{
    uint8_t message[JOIN_MESSAGE_MAX];
    dbr_sign(signature, join_message(message, cluster_id, joiner, operator_key), key);
}

bool dbr_invite_verify(debros_bytes signature, const uint8_t key[DBR_PUBLIC_KEY_SIZE],
                       const uint8_t cluster_id[16], const struct dbr_peer_id *joiner,
                       debros_bytes operator_key)
{
    uint8_t message[JOIN_MESSAGE_MAX];
    return (operator_key.len == 0 || operator_key.len == DBR_PUBLIC_KEY_SIZE) &&
           dbr_verify(signature.data, signature.len,
                      join_message(message, cluster_id, joiner, operator_key), key);
}
