#include "identify.h"

#include <string.h>

#include "base/logger.h"
#include "base/proto.h"
#include "base/reader.h"
#include "identify.pb-c.h"
#include "state.h"

/* Messages, texts and addresses of one peer: 10 messages of 8 KiB, unpacked. */
#define KEPT_MAX     (128u * 1024)
#define UNPACKED_MAX (512u * 1024)

void dbr_identify_info_init(struct dbr_identify_info *info)
{
    *info = (struct dbr_identify_info){.agent = ""};
    dbr_arena_init(&info->arena, KEPT_MAX);
}

void dbr_identify_info_finish(struct dbr_identify_info *info)
{
    dbr_arena_finish(&info->arena);
    dbr_identify_info_init(info);
}

/* ---- Decoding -------------------------------------------------------------- */

/* A text for people and logs: bytes outside printable ASCII become '?'. */
static const char *keep_text(struct dbr_identify_info *info, ProtobufCBinaryData bytes)
{
    size_t len = bytes.len > DBR_IDENTIFY_TEXT_MAX ? DBR_IDENTIFY_TEXT_MAX : bytes.len;
    char *text = dbr_arena_alloc(&info->arena, len + 1);
    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        text[i] =
            bytes.data[i] >= 0x20 && bytes.data[i] < 0x7f ? (char)bytes.data[i] : '?';
    }
    text[len] = '\0';
    return text;
}

static int merge_protocols(struct dbr_identify_info *info, const DbrPb__Identify *message)
{
    if (info->protocols == NULL && message->n_protocols > 0) {
        info->protocols = dbr_arena_calloc(&info->arena, DBR_IDENTIFY_PROTOCOLS_MAX,
                                           sizeof(info->protocols[0]));
        if (info->protocols == NULL) {
            return DEBROS_ENOMEM;
        }
    }
    for (size_t i = 0; i < message->n_protocols; i++) {
        ProtobufCBinaryData id = message->protocols[i];
        if (id.len == 0 || id.len > DBR_IDENTIFY_TEXT_MAX ||
            info->n_protocols == DBR_IDENTIFY_PROTOCOLS_MAX) {
            continue;
        }
        const char *text = keep_text(info, id);
        if (text == NULL) {
            return DEBROS_ENOMEM;
        }
        info->protocols[info->n_protocols++] = text;
    }
    return 0;
}

static int merge_addrs(struct dbr_identify_info *info, const DbrPb__Identify *message)
{
    if (info->addrs == NULL && message->n_listen_addrs > 0) {
        info->addrs = dbr_arena_calloc(&info->arena, DBR_IDENTIFY_ADDRS_MAX,
                                       sizeof(info->addrs[0]));
        if (info->addrs == NULL) {
            return DEBROS_ENOMEM;
        }
    }
    for (size_t i = 0; i < message->n_listen_addrs; i++) {
        struct dbr_multiaddr addr;
        /* Kinds of address that we do not know are none of our business. */
        if (info->n_addrs < DBR_IDENTIFY_ADDRS_MAX &&
            dbr_multiaddr_from_bytes(&addr, dbr_proto_view(message->listen_addrs[i])) ==
                0) {
            info->addrs[info->n_addrs++] = addr;
        }
    }
    return 0;
}

static int merge_key(struct dbr_identify_info *info, const DbrPb__Identify *message)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    if (!message->has_public_key || message->public_key.len == 0) {
        return 0;
    }
    int err = dbr_public_key_decode(key, dbr_proto_view(message->public_key));
    if (err == 0) {
        dbr_peer_id_from_key(&info->key_peer, key);
    }
    return err;
}

/* A record is checked when all messages are here. */
static int merge_record(struct dbr_identify_info *info, const DbrPb__Identify *message)
{
    debros_bytes record = dbr_proto_view(message->signed_peer_record);
    if (!message->has_signed_peer_record || record.len == 0) {
        return 0;
    }
    const uint8_t *copy = dbr_arena_memdup(&info->arena, record.data, record.len);
    if (copy == NULL) {
        return DEBROS_ENOMEM;
    }
    info->record = dbr_bytes(copy, record.len);
    return 0;
}

static int merge(struct dbr_identify_info *info, const DbrPb__Identify *message)
{
    struct dbr_multiaddr observed;
    int err = merge_key(info, message);
    if (err == 0) {
        err = merge_protocols(info, message);
    }
    if (err == 0) {
        err = merge_addrs(info, message);
    }
    if (err == 0) {
        err = merge_record(info, message);
    }
    if (err == 0 && message->has_agent_version && message->agent_version.len > 0) {
        const char *agent = keep_text(info, message->agent_version);
        info->agent = agent != NULL ? agent : info->agent;
    }
    if (message->has_observed_addr && message->observed_addr.len > 0 &&
        dbr_multiaddr_from_bytes(&observed, dbr_proto_view(message->observed_addr)) ==
            0) {
        dbr_multiaddr_cut_peer(&observed);
        info->observed = observed;
    }
    return err;
}

int dbr_identify_merge(struct dbr_identify_info *info, debros_bytes message)
{
    if (message.len > DBR_IDENTIFY_MESSAGE_MAX ||
        info->n_messages == DBR_IDENTIFY_MESSAGES_MAX) {
        return DEBROS_ELIMIT;
    }
    struct dbr_arena arena;
    dbr_arena_init(&arena, UNPACKED_MAX);
    const DbrPb__Identify *unpacked =
        dbr_proto_unpack(&dbr_pb__identify__descriptor, &arena, message);
    int err = unpacked == NULL ? DEBROS_EPROTO : merge(info, unpacked);
    dbr_arena_finish(&arena);
    info->n_messages += err == 0 ? 1 : 0;
    return err;
}

/* ---- What a push leaves out ------------------------------------------------ */

static int inherit_protocols(struct dbr_identify_info *info,
                             const struct dbr_identify_info *older)
{
    info->protocols =
        dbr_arena_calloc(&info->arena, older->n_protocols, sizeof(info->protocols[0]));
    for (size_t i = 0; info->protocols != NULL && i < older->n_protocols; i++) {
        info->protocols[i] = dbr_arena_strdup(&info->arena, older->protocols[i]);
        if (info->protocols[i] == NULL) {
            return DEBROS_ENOMEM;
        }
        info->n_protocols = i + 1;
    }
    return info->protocols != NULL ? 0 : DEBROS_ENOMEM;
}

static int inherit_addrs(struct dbr_identify_info *info,
                         const struct dbr_identify_info *older)
{
    info->addrs = dbr_arena_memdup(&info->arena, older->addrs,
                                   older->n_addrs * sizeof(older->addrs[0]));
    info->n_addrs = info->addrs != NULL ? older->n_addrs : 0;
    return info->addrs != NULL ? 0 : DEBROS_ENOMEM;
}

int dbr_identify_inherit_record(struct dbr_identify_info *info,
                                const struct dbr_identify_info *older)
{
    const uint8_t *copy =
        dbr_arena_memdup(&info->arena, older->record.data, older->record.len);
    info->record = dbr_bytes(copy, copy != NULL ? older->record.len : 0);
    info->record_seq = copy != NULL ? older->record_seq : 0;
    return copy != NULL ? 0 : DEBROS_ENOMEM;
}

int dbr_identify_inherit(struct dbr_identify_info *info,
                         const struct dbr_identify_info *older)
{
    int err = 0;
    if (info->agent[0] == '\0' && older->agent[0] != '\0') {
        const char *agent = dbr_arena_strdup(&info->arena, older->agent);
        err = agent != NULL ? 0 : DEBROS_ENOMEM;
        info->agent = agent != NULL ? agent : info->agent;
    }
    if (err == 0 && info->n_protocols == 0 && older->n_protocols > 0) {
        err = inherit_protocols(info, older);
    }
    if (err == 0 && info->n_addrs == 0 && older->n_addrs > 0) {
        err = inherit_addrs(info, older);
    }
    if (err == 0 && info->record.len == 0 && older->record.len > 0) {
        err = dbr_identify_inherit_record(info, older);
    }
    if (info->observed.len == 0) {
        info->observed = older->observed;
    }
    return err;
}

void dbr_identify_shrink(struct dbr_identify_info *info)
{
    struct dbr_identify_info small;
    dbr_identify_info_init(&small);
    if (dbr_identify_inherit(&small, info) != 0) {
        dbr_identify_info_finish(&small);
        return;
    }
    small.key_peer = info->key_peer;
    small.n_messages = info->n_messages;
    dbr_identify_info_finish(info);
    *info = small;
}

/* ---- Encoding -------------------------------------------------------------- */

static bool fits(const DbrPb__Identify *message)
{
    size_t size = protobuf_c_message_get_packed_size(&message->base);
    return size + dbr_uvarint_size(size) <= DBR_IDENTIFY_ANSWER_MAX;
}

static ProtobufCBinaryData binary(const void *data, size_t len)
{
    return dbr_proto_bytes(dbr_bytes(data, len));
}

int dbr_identify_encode(struct dbr_buf *out, const struct dbr_identify_answer *answer)
{
    uint8_t key[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    ProtobufCBinaryData protocols[DBR_SWARM_PROTOCOLS_MAX + DBR_IDENTIFY_STOCK];
    ProtobufCBinaryData addrs[DBR_SWARM_LISTEN_MAX];
    DbrPb__Identify message = DBR_PB__IDENTIFY__INIT;
    dbr_assert(answer->n_protocols <= DBR_COUNT(protocols));

    dbr_public_key_encode(key, answer->identity->public_key);
    message.has_public_key = true;
    message.public_key = binary(key, sizeof(key));
    message.has_protocol_version = true;
    message.protocol_version = dbr_proto_text("ipfs/0.1.0");
    message.has_agent_version = true;
    message.agent_version = dbr_proto_text(answer->agent);
    message.has_observed_addr = answer->observed.len > 0;
    message.observed_addr = binary(answer->observed.bytes, answer->observed.len);
    for (size_t i = 0; i < answer->n_protocols; i++) {
        protocols[i] = dbr_proto_text(answer->protocols[i]);
    }
    message.n_protocols = answer->n_protocols;
    message.protocols = protocols;
    message.signed_peer_record = dbr_proto_bytes(answer->record);
    message.has_signed_peer_record = answer->record.len > 0;
    message.has_signed_peer_record = message.has_signed_peer_record && fits(&message);
    message.listen_addrs = addrs;
    for (size_t i = 0; i < answer->n_addrs && i < DBR_COUNT(addrs); i++) {
        addrs[i] = binary(answer->addrs[i].bytes, answer->addrs[i].len);
        message.n_listen_addrs = i + 1;
        if (!fits(&message)) {
            message.n_listen_addrs = i;
            break;
        }
    }
    dbr_proto_pack_frame(&message.base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}
