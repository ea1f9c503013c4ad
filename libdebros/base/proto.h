/* protobuf-c over our arenas and buffers. Wire formats are the .proto files. */
#ifndef DBR_BASE_PROTO_H
#define DBR_BASE_PROTO_H

#include <protobuf-c/protobuf-c.h>

#include "arena.h"
#include "buf.h"
#include "bytes.h"

/* Unpacks into `arena` (nothing to free but the arena). NULL: malformed, or the arena's
 * cap is reached. */
void *dbr_proto_unpack(const ProtobufCMessageDescriptor *type, struct dbr_arena *arena,
                       debros_bytes bytes);
/* Appends the message. */
void dbr_proto_pack(const ProtobufCMessage *message, struct dbr_buf *out);
/* Appends uvarint length and message: the frame of all our protocols. */
void dbr_proto_pack_frame(const ProtobufCMessage *message, struct dbr_buf *out);

static inline ProtobufCBinaryData dbr_proto_bytes(debros_bytes b)
{
    return (ProtobufCBinaryData){.len = b.len, .data = (uint8_t *)(uintptr_t)b.data};
}

/* NULL: "". */
static inline ProtobufCBinaryData dbr_proto_text(const char *text)
{
    return dbr_proto_bytes(dbr_bytes_str(text != NULL ? text : ""));
}

/* Views of the texts, in `arena`; NULL: out of memory. */
ProtobufCBinaryData *dbr_proto_texts(struct dbr_arena *arena, const char *const *texts,
                                     size_t n);

static inline debros_bytes dbr_proto_view(ProtobufCBinaryData b)
{
    return dbr_bytes(b.data, b.len);
}

#endif
