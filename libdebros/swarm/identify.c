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

/* ---- Encoding -------------------------------------------------------------- */

static ProtobufCBinaryData binary(const void *data, size_t len)
{
    return dbr_proto_bytes(dbr_bytes(data, len));
}

int dbr_identify_encode(struct dbr_buf *out, const struct dbr_identify_answer *answer)
{
    uint8_t key[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    ProtobufCBinaryData protocols[DBR_SWARM_PROTOCOLS_MAX + 2];
    ProtobufCBinaryData addrs[DBR_SWARM_LISTEN_MAX];
    DbrPb__Identify message = DBR_PB__IDENTIFY__INIT;
    dbr_assert(answer->n_protocols <= DBR_COUNT(protocols));

    dbr_public_key_encode(key, answer->identity->public_key);
    message.has_public_key = true;
    message.public_key = binary(key, sizeof(key));
    message.has_protocol_version = true;
    message.protocol_version = dbr_proto_bytes(dbr_bytes_str("ipfs/0.1.0"));
    message.has_agent_version = true;
    message.agent_version = dbr_proto_bytes(dbr_bytes_str(answer->agent));
    message.has_observed_addr = answer->observed.len > 0;
    message.observed_addr = binary(answer->observed.bytes, answer->observed.len);
    for (size_t i = 0; i < answer->n_protocols; i++) {
        protocols[i] = dbr_proto_bytes(dbr_bytes_str(answer->protocols[i]));
    }
    message.n_protocols = answer->n_protocols;
    message.protocols = protocols;
    message.listen_addrs = addrs;
    for (size_t i = 0; i < answer->n_addrs && i < DBR_COUNT(addrs); i++) {
        addrs[i] = binary(answer->addrs[i].bytes, answer->addrs[i].len);
        message.n_listen_addrs = i + 1;
        size_t size = protobuf_c_message_get_packed_size(&message.base);
        if (size + dbr_uvarint_size(size) > DBR_IDENTIFY_ANSWER_MAX) {
            message.n_listen_addrs = i;
            break;
        }
    }
    dbr_proto_pack_frame(&message.base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}

/* ---- On a connection ------------------------------------------------------- */

void dbr_identify_ask(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    uint32_t raw;
    int err =
        dbr_stack_open(conn->stack, &raw, dbr_bytes_str(DBR_IDENTIFY_ID), swarm->now);
    if (err != 0) {
        return;
    }
    conn->identify = dbr_stream_create(swarm, conn, raw, DBR_STREAM_IDENTIFY_ASK, 0);
    if (conn->identify == NULL) {
        dbr_stack_reset(conn->stack, raw);
    }
    conn->identify_at = dbr_time_add(swarm->now, DBR_IDENTIFY_MS);
    dbr_conn_touch(swarm, conn);
}

void dbr_identify_serve(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    const char *protocols[DBR_SWARM_PROTOCOLS_MAX + 2] = {DBR_IDENTIFY_ID, DBR_PING_ID};
    struct dbr_identify_answer answer = {
        .identity = swarm->identity,
        .agent = swarm->agent,
        .protocols = protocols,
        .n_protocols = 2 + swarm->n_protocols,
        .addrs = swarm->listen,
        .n_addrs = swarm->n_listen,
        .observed = stream->conn->remote,
    };
    struct dbr_buf out;
    for (size_t i = 0; i < swarm->n_protocols; i++) {
        protocols[2 + i] = swarm->protocols[i].id;
    }
    dbr_buf_init(&out);
    int err = dbr_identify_encode(&out, &answer);
    if (err == 0) {
        err = dbr_stack_send(stream->conn->stack, stream->raw,
                             dbr_bytes(out.data, out.len));
    }
    dbr_buf_finish(&out);
    if (err != 0) {
        dbr_stream_abort(swarm, stream, err);
        return;
    }
    dbr_stream_finish(swarm, stream);
}

/* No more of this answer: what was merged so far is dropped. */
static void give_up(struct dbr_swarm *swarm, struct dbr_conn *conn, const char *why)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    dbr_log(swarm->logger, DEBROS_LOG_INFO, DBR_SWARM_MODULE, "identify of %s failed: %s",
            dbr_peer_id_text(&conn->peer->id, text), why);
    conn->identify = NULL;
    dbr_identify_info_finish(&conn->info);
}

static void complete(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_endpoint endpoint;
    bool local = dbr_multiaddr_endpoint(&conn->remote, &endpoint) &&
                 dbr_endpoint_is_loopback(&endpoint);
    conn->identify = NULL;
    dbr_peer_set_info(&swarm->peers, conn->peer, &conn->info, local);
    dbr_note_push(&swarm->notes, &conn->peer->identified);
}

/* False: the key is not the one that Noise has proven, and the connection ends. */
static bool check_key(struct dbr_swarm *swarm, struct dbr_conn *conn, int err)
{
    bool other = err == 0 && !dbr_peer_id_is_none(&conn->info.key_peer) &&
                 !dbr_peer_id_equal(&conn->info.key_peer, &conn->peer->id);
    if (err != DEBROS_EAUTH && !other) {
        return true;
    }
    conn->identify = NULL;
    dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, DEBROS_EAUTH,
                 "identify names another key than the connection's");
    return false;
}

void dbr_identify_data(struct dbr_swarm *swarm, struct dbr_stream *stream,
                       debros_bytes data)
{
    struct dbr_conn *conn = stream->conn;
    debros_bytes message;
    size_t used;
    int err = 1;
    if (conn->identify != stream) {
        return;
    }
    dbr_buf_add(&stream->in, data.data, data.len);
    while (err > 0) {
        err = stream->in.failed
                  ? DEBROS_ENOMEM
                  : dbr_frame_decode(dbr_bytes(stream->in.data, stream->in.len),
                                     DBR_IDENTIFY_MESSAGE_MAX, &message, &used);
        if (err > 0) {
            err = dbr_identify_merge(&conn->info, message);
            if (!check_key(swarm, conn, err)) {
                return;
            }
            err = err == 0 ? 1 : err;
        }
        if (err > 0) {
            dbr_buf_consume(&stream->in, used);
        }
    }
    if (err < 0) {
        give_up(swarm, conn, debros_strerror(err));
        dbr_stream_abort(swarm, stream, err);
    }
}

void dbr_identify_end(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    struct dbr_conn *conn = stream->conn;
    if (conn->identify != stream) {
        return;
    }
    if (stream->in.len > 0 || conn->info.n_messages == 0) {
        give_up(swarm, conn, "the answer ends early");
    } else {
        complete(swarm, conn);
    }
    dbr_stream_finish(swarm, stream);
}

void dbr_identify_lost(struct dbr_swarm *swarm, struct dbr_stream *stream,
                       const char *why)
{
    if (stream->conn->identify == stream) {
        give_up(swarm, stream->conn, why);
    }
}

void dbr_identify_expire(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    struct dbr_stream *stream = conn->identify;
    if (stream == NULL || swarm->now < conn->identify_at) {
        return;
    }
    /* Some never end the stream: what they said in whole messages counts. */
    if (conn->info.n_messages > 0 && stream->in.len == 0) {
        complete(swarm, conn);
    } else {
        give_up(swarm, conn, "no answer in time");
    }
    dbr_stream_abort(swarm, stream, DEBROS_ETIMEDOUT);
}
