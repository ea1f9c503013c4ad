#include "proto.h"

#include "reader.h"

static void *arena_alloc(void *arena, size_t size)
{
    return dbr_arena_alloc(arena, size);
}

static void arena_free(void *arena, void *ptr)
{
    (void)arena;
    (void)ptr;
}

void *dbr_proto_unpack(const ProtobufCMessageDescriptor *type, struct dbr_arena *arena,
                       debros_bytes bytes)
{
    ProtobufCAllocator allocator = {
        .alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    return protobuf_c_message_unpack(type, &allocator, bytes.len, bytes.data);
}

static void pack_sized(const ProtobufCMessage *message, size_t size, struct dbr_buf *out)
{
    uint8_t *place = dbr_buf_extend(out, size);
    if (place != NULL) {
        protobuf_c_message_pack(message, place);
    }
}

void dbr_proto_pack(const ProtobufCMessage *message, struct dbr_buf *out)
{
    pack_sized(message, protobuf_c_message_get_packed_size(message), out);
}

void dbr_proto_pack_frame(const ProtobufCMessage *message, struct dbr_buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    /* All or nothing: a length without its message would garble the stream. */
    if (dbr_buf_reserve(out, dbr_uvarint_size(size) + size) != NULL) {
        dbr_buf_uvarint(out, size);
        pack_sized(message, size, out);
    }
}

ProtobufCBinaryData *dbr_proto_texts(struct dbr_arena *arena, const char *const *texts,
                                     size_t n)
{
    ProtobufCBinaryData *out = dbr_arena_calloc(arena, n, sizeof(*out));
    for (size_t i = 0; out != NULL && i < n; i++) {
        out[i] = dbr_proto_text(texts[i]);
    }
    return out;
}
