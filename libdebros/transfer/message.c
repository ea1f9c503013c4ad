#include "transfer/message.h"

#include "base/proto.h"
#include "base/reader.h"
#include "transfer.pb-c.h"

#define HEAD_MAX  128u
#define ARENA_CAP 4096u

int dbr_transfer_encode(struct dbr_buf *out, const struct dbr_transfer_message *message)
{
    DbrPb__TransferFrame frame = DBR_PB__TRANSFER_FRAME__INIT;
    DbrPb__TransferFetch fetch = DBR_PB__TRANSFER_FETCH__INIT;
    DbrPb__TransferChunk chunk = DBR_PB__TRANSFER_CHUNK__INIT;
    DbrPb__TransferEnd end = DBR_PB__TRANSFER_END__INIT;
    fetch.id = chunk.id = end.id =
        dbr_proto_bytes(dbr_bytes(message->id, sizeof(message->id)));
    switch (message->type) {
    case DBR_TRANSFER_FETCH:
        fetch.offset = message->offset;
        fetch.length = message->length;
        frame.body_case = DBR_PB__TRANSFER_FRAME__BODY_FETCH;
        frame.fetch = &fetch;
        break;
    case DBR_TRANSFER_CHUNK_OF:
        chunk.offset = message->offset;
        frame.body_case = DBR_PB__TRANSFER_FRAME__BODY_CHUNK;
        frame.chunk = &chunk;
        break;
    case DBR_TRANSFER_GONE:
        frame.body_case = DBR_PB__TRANSFER_FRAME__BODY_GONE;
        frame.gone = &end;
        break;
    case DBR_TRANSFER_DAMAGED:
        frame.body_case = DBR_PB__TRANSFER_FRAME__BODY_DAMAGED;
        frame.damaged = &end;
        break;
    }
    dbr_proto_pack_frame(&frame.base, out);
    if (message->type == DBR_TRANSFER_CHUNK_OF) {
        dbr_buf_add(out, message->data.data, message->data.len);
    }
    return out->failed ? DEBROS_ENOMEM : 0;
}

static int take(struct dbr_transfer_message *out, const DbrPb__TransferFrame *frame,
                debros_bytes payload)
{
    ProtobufCBinaryData id = {0};
    bool ok = payload.len == 0;
    switch (frame->body_case) {
    case DBR_PB__TRANSFER_FRAME__BODY_FETCH:
        out->type = DBR_TRANSFER_FETCH;
        id = frame->fetch->id;
        out->offset = frame->fetch->offset;
        out->length = frame->fetch->length;
        ok = ok && out->length > 0 && out->length <= DBR_TRANSFER_CHUNK;
        break;
    case DBR_PB__TRANSFER_FRAME__BODY_CHUNK:
        out->type = DBR_TRANSFER_CHUNK_OF;
        id = frame->chunk->id;
        out->offset = frame->chunk->offset;
        out->data = payload;
        ok = payload.len > 0 && payload.len <= DBR_TRANSFER_CHUNK;
        break;
    case DBR_PB__TRANSFER_FRAME__BODY_GONE:
        out->type = DBR_TRANSFER_GONE;
        id = frame->gone->id;
        break;
    case DBR_PB__TRANSFER_FRAME__BODY_DAMAGED:
        out->type = DBR_TRANSFER_DAMAGED;
        id = frame->damaged->id;
        break;
    default:
        return DEBROS_EPROTO;
    }
    if (!ok || id.len != DBR_SNAPSHOT_ID_SIZE) {
        return DEBROS_EPROTO;
    }
    memcpy(out->id, id.data, id.len);
    return 0;
}

int dbr_transfer_decode(struct dbr_transfer_message *out, debros_bytes bytes)
{
    debros_bytes head;
    size_t used;
    struct dbr_arena arena;
    *out = (struct dbr_transfer_message){.type = DBR_TRANSFER_FETCH};
    if (dbr_frame_decode(bytes, HEAD_MAX, &head, &used) != 1) {
        return DEBROS_EPROTO;
    }
    dbr_arena_init(&arena, ARENA_CAP);
    DbrPb__TransferFrame *frame =
        dbr_proto_unpack(&dbr_pb__transfer_frame__descriptor, &arena, head);
    int rv = frame == NULL
                 ? DEBROS_EPROTO
                 : take(out, frame, dbr_bytes(bytes.data + used, bytes.len - used));
    dbr_arena_finish(&arena);
    return rv;
}
