/* Between sql.proto's generated structs and ours; used by the codecs of this folder.
 * Builders return NULL, readers ENOMEM, when the arena has no memory. */
#ifndef DBR_SQL_CODEC_PB_H
#define DBR_SQL_CODEC_PB_H

#include "base/arena.h"
#include "base/bytes.h"
#include "sql/types.h"
#include "sql.pb-c.h"

DbrPb__Statement *dbr_sql_pb_statement(struct dbr_arena *arena,
                                       const debros_statement *statement);
DbrPb__Transaction *dbr_sql_pb_transaction(struct dbr_arena *arena,
                                           const struct dbr_sql_transaction *transaction);
DbrPb__Reply *dbr_sql_pb_reply(struct dbr_arena *arena,
                               const struct dbr_sql_reply *reply);

/* Unpacks; unlike dbr_proto_unpack() it tells ENOMEM from EPROTO: an entry that one
 * replica calls malformed must be malformed for all. */
int dbr_sql_pb_unpack(void **out, const ProtobufCMessageDescriptor *type,
                      struct dbr_arena *arena, debros_bytes bytes);
/* 0, EPROTO, ENOMEM. Values borrow from the message; texts are copied for their NUL. */
int dbr_sql_pb_read_statement(debros_statement *out, struct dbr_arena *arena,
                              const DbrPb__Statement *message);
int dbr_sql_pb_read_transaction(struct dbr_sql_transaction *out, struct dbr_arena *arena,
                                const DbrPb__Transaction *message);
/* Everything is copied into the reply's arena. */
int dbr_sql_pb_read_reply(struct dbr_sql_reply *out, const DbrPb__Reply *message);
/* A text without NUL, at most `max` bytes. */
int dbr_sql_pb_read_text(const char **out, struct dbr_arena *arena,
                         ProtobufCBinaryData bytes, size_t max);

#endif
